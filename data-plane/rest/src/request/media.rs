//! Which representation the client accepts.

use std::borrow::Cow;

use http::HeaderMap;

/// A media type this service can produce.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum MediaType {
    Json,
    /// `application/vnd.pgrst.array+json;nulls=stripped`
    JsonNullsStripped,
    /// `application/vnd.pgrst.object+json`
    Object {
        nulls_stripped: bool,
    },
    Csv,
    OpenApi,
}

impl MediaType {
    /// The `Content-Type` of a response.
    pub(crate) fn content_type(&self) -> Cow<'static, str> {
        Cow::Borrowed(match self {
            Self::Json => "application/json; charset=utf-8",
            Self::JsonNullsStripped => "application/vnd.pgrst.array+json;nulls=stripped; charset=utf-8",
            Self::Object { nulls_stripped: false } => "application/vnd.pgrst.object+json; charset=utf-8",
            Self::Object { nulls_stripped: true } => "application/vnd.pgrst.object+json;nulls=stripped; charset=utf-8",
            Self::Csv => "text/csv; charset=utf-8",
            Self::OpenApi => "application/openapi+json; charset=utf-8",
        })
    }
}

/// One element of `Accept`.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Accepted {
    Known(MediaType),
    Anything,
    Unknown,
}

/// The media types in order of preference, and the header as it came, for the error message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Accept {
    types: Vec<Accepted>,
    shown: String,
}

impl Accept {
    pub(crate) fn parse(headers: &HeaderMap) -> Self {
        let values: Vec<&str> = headers.get_all(http::header::ACCEPT).iter().filter_map(|value| value.to_str().ok()).collect();
        Self::of(&values)
    }

    /// By the header's values.
    pub(super) fn of(values: &[&str]) -> Self {
        let mut weighted: Vec<(f32, Accepted)> = Vec::new();
        let mut shown = Vec::new();
        for element in values.iter().flat_map(|value| value.split(',')).map(str::trim).filter(|e| !e.is_empty()) {
            let (accepted, weight, name) = element_of(element);
            weighted.push((weight, accepted));
            shown.push(name);
        }
        // Stable: equal weights keep the client's order.
        weighted.sort_by(|a, b| b.0.total_cmp(&a.0));
        let mut types: Vec<Accepted> = weighted.into_iter().map(|(_, accepted)| accepted).collect();
        if types.is_empty() {
            types.push(Accepted::Anything);
        }
        Self { types, shown: shown.join(", ") }
    }

    /// The first accepted type that is available; `default` is what "anything" means.
    pub(crate) fn choose(&self, available: fn(&MediaType) -> bool, default: &MediaType) -> Option<MediaType> {
        self.types.iter().find_map(|accepted| match accepted {
            Accepted::Known(media) => available(media).then(|| media.clone()),
            Accepted::Anything => Some(default.clone()),
            Accepted::Unknown => None,
        })
    }

    /// For the message of PGRST107.
    pub(crate) fn shown(&self) -> String {
        self.shown.clone()
    }
}

fn element_of(element: &str) -> (Accepted, f32, String) {
    let mut parts = element.split(';').map(str::trim);
    let name = parts.next().unwrap_or_default().to_ascii_lowercase();
    let mut weight = 1.0;
    let mut stripped = false;
    for parameter in parts {
        match parameter.split_once('=') {
            Some(("q", value)) => weight = value.parse().ok().filter(|q: &f32| (0.0..=1.0).contains(q)).unwrap_or(0.0),
            Some(("nulls", "stripped")) => stripped = true,
            Some(_) | None => {}
        }
    }
    let accepted = match name.as_str() {
        "*/*" => Accepted::Anything,
        "application/json" => Accepted::Known(MediaType::Json),
        "application/vnd.pgrst.array" | "application/vnd.pgrst.array+json" if stripped => {
            Accepted::Known(MediaType::JsonNullsStripped)
        }
        "application/vnd.pgrst.array" | "application/vnd.pgrst.array+json" => Accepted::Known(MediaType::Json),
        "application/vnd.pgrst.object" | "application/vnd.pgrst.object+json" => {
            Accepted::Known(MediaType::Object { nulls_stripped: stripped })
        }
        "text/csv" => Accepted::Known(MediaType::Csv),
        "application/openapi+json" => Accepted::Known(MediaType::OpenApi),
        _ => Accepted::Unknown,
    };
    (accepted, weight, name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn choose(value: &str) -> Option<MediaType> {
        let mut headers = HeaderMap::new();
        headers.insert("accept", value.parse().unwrap());
        Accept::parse(&headers).choose(|media| *media != MediaType::OpenApi, &MediaType::Json)
    }

    #[test]
    fn chooses_by_weight_and_then_by_order() {
        assert_eq!(choose("text/html,application/xhtml+xml,*/*;q=0.8"), Some(MediaType::Json));
        assert_eq!(choose("application/json;q=0.5, text/csv"), Some(MediaType::Csv));
        assert_eq!(choose("application/vnd.pgrst.object+json; nulls=stripped"), Some(MediaType::Object { nulls_stripped: true }));
        assert_eq!(choose("image/png"), None);
        assert_eq!(choose("application/json;q=zzz"), Some(MediaType::Json));
    }
}
