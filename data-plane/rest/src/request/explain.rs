//! A request for the plan of a statement in the place of its result: `application/vnd.pgrst.plan`.
//!
//! Source: PostgREST's documentation, "Execution plan". Whether plans are shown at all is not known here.

use http::{HeaderMap, header::ACCEPT};

use super::media::{Accept, split};

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Explain {
    /// The representation whose statement is planned: the parameter `for`.
    pub(crate) accept: Accept,
    pub(crate) format: ExplainFormat,
    /// Each once, in a fixed order.
    pub(crate) options: Vec<ExplainOption>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ExplainFormat {
    Text,
    Json,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ExplainOption {
    Analyze,
    Verbose,
    Settings,
    Buffers,
    Wal,
}

impl ExplainFormat {
    /// As a suffix of the media type.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Json => "json",
        }
    }
}

impl ExplainOption {
    const ALL: [Self; 5] = [Self::Analyze, Self::Verbose, Self::Settings, Self::Buffers, Self::Wal];

    /// As the media type writes it, and SQL.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Analyze => "analyze",
            Self::Verbose => "verbose",
            Self::Settings => "settings",
            Self::Buffers => "buffers",
            Self::Wal => "wal",
        }
    }
}

impl Explain {
    /// `None` unless a plan is what the client names first.
    pub(crate) fn parse(headers: &HeaderMap) -> Option<Self> {
        let value = headers.get(ACCEPT)?.to_str().ok()?;
        let element = split(value, ',').into_iter().next()?;
        let mut parts = split(element, ';').into_iter();
        let format = match parts.next()?.to_ascii_lowercase().as_str() {
            "application/vnd.pgrst.plan" | "application/vnd.pgrst.plan+text" => ExplainFormat::Text,
            "application/vnd.pgrst.plan+json" => ExplainFormat::Json,
            _ => return None,
        };
        let (mut of, mut wanted) = ("application/json", "");
        for parameter in parts {
            match parameter.split_once('=') {
                Some(("for", media)) => of = media.trim_matches('"'),
                Some(("options", names)) => wanted = names.trim_matches('"'),
                Some(_) | None => {}
            }
        }
        let is_wanted = |option: &ExplainOption| wanted.split('|').any(|name| name.trim() == option.name());
        Some(Self { accept: Accept::of(&[of]), format, options: ExplainOption::ALL.into_iter().filter(is_wanted).collect() })
    }

    /// The `Content-Type` of a plan, by that of what is planned.
    pub(crate) fn content_type(&self, planned: &str) -> String {
        let media = planned.strip_suffix("; charset=utf-8").unwrap_or(planned);
        let names: Vec<&str> = self.options.iter().map(|option| option.name()).collect();
        let options = if names.is_empty() { String::new() } else { format!("; options={}", names.join("|")) };
        format!("application/vnd.pgrst.plan+{}; for=\"{media}\"{options}; charset=utf-8", self.format.name())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::request::{Accepted, MediaType};

    fn parse(value: &str) -> Option<Explain> {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, value.parse().unwrap());
        Explain::parse(&headers)
    }

    fn known(accepted: &Accepted) -> Option<MediaType> {
        match accepted {
            Accepted::Type(MediaType::Custom(_)) | Accepted::Anything => None,
            Accepted::Type(media) => Some(media.clone()),
        }
    }

    #[test]
    fn a_plan_is_of_rows_in_text_unless_it_is_said() {
        for (value, expected) in [
            ("application/vnd.pgrst.plan", r#"application/vnd.pgrst.plan+text; for="application/json"; charset=utf-8"#),
            (
                r#"application/vnd.pgrst.plan+json; for="application/vnd.pgrst.object+json;nulls=stripped"; options=wal|analyze|wal|x;"#,
                r#"application/vnd.pgrst.plan+json; for="application/vnd.pgrst.object+json;nulls=stripped"; options=analyze|wal; charset=utf-8"#,
            ),
            (
                "application/vnd.pgrst.plan+text;for=text/csv;options=, text/csv",
                r#"application/vnd.pgrst.plan+text; for="text/csv"; charset=utf-8"#,
            ),
        ] {
            let explain = parse(value).unwrap();
            let media = explain.accept.choose(known).unwrap();
            assert_eq!(explain.content_type(&media.content_type()), expected);
        }
        for value in ["application/json", "text/csv, application/vnd.pgrst.plan", "application/vnd.pgrst.plan+xml", ""] {
            assert_eq!(parse(value), None, "{value}");
        }
        for of in ["image/png", "undefined", "application/vnd.pgrst.plan"] {
            let explain = parse(&format!("application/vnd.pgrst.plan; for=\"{of}\"")).unwrap();
            assert_eq!(explain.accept.choose(known), None, "{of}");
        }
    }

    proptest! {
        #[test]
        fn never_panics(parameters in "[ -~]*") {
            drop(parse(&format!("application/vnd.pgrst.plan;{parameters}")));
        }
    }
}
