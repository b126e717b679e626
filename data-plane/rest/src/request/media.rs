//! Which representations the client accepts, and which of them it likes best.
//!
//! Names and parameters only: what there is of a resource, [`crate::representation`] knows.

use std::borrow::Cow;

use http::HeaderMap;

/// What `Accept` writes for "whatever there is", and a domain's name for "whatever is asked for".
pub(crate) const ANYTHING: &str = "*/*";

/// The type of an answer.
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
    GeoJson,
    OpenApi,
    /// One that only a handler in the database can produce, by its name in lower case.
    Custom(String),
}

impl MediaType {
    fn named(name: &str, parameters: &[(String, String)]) -> Self {
        let nulls_stripped = parameters.iter().any(|(key, value)| key == "nulls" && value == "stripped");
        match name {
            "application/json" => Self::Json,
            "application/vnd.pgrst.array" | "application/vnd.pgrst.array+json" if nulls_stripped => Self::JsonNullsStripped,
            "application/vnd.pgrst.array" | "application/vnd.pgrst.array+json" => Self::Json,
            "application/vnd.pgrst.object" | "application/vnd.pgrst.object+json" => Self::Object { nulls_stripped },
            "text/csv" => Self::Csv,
            "application/geo+json" => Self::GeoJson,
            "application/openapi+json" => Self::OpenApi,
            other => Self::Custom(other.to_owned()),
        }
    }

    /// The name a domain has to have to stand for it. The vendor's own types have none: nobody else produces them.
    pub(crate) fn domain(&self) -> Option<&str> {
        match self {
            Self::Json => Some("application/json"),
            Self::Csv => Some("text/csv"),
            Self::GeoJson => Some("application/geo+json"),
            Self::OpenApi => Some("application/openapi+json"),
            Self::Custom(name) => Some(name),
            Self::JsonNullsStripped | Self::Object { .. } => None,
        }
    }

    /// The `Content-Type` of a response. Only the types this service knows to be text have a charset.
    pub(crate) fn content_type(&self) -> Cow<'static, str> {
        Cow::Borrowed(match self {
            Self::Json => "application/json; charset=utf-8",
            Self::JsonNullsStripped => "application/vnd.pgrst.array+json;nulls=stripped; charset=utf-8",
            Self::Object { nulls_stripped: false } => "application/vnd.pgrst.object+json; charset=utf-8",
            Self::Object { nulls_stripped: true } => "application/vnd.pgrst.object+json;nulls=stripped; charset=utf-8",
            Self::Csv => "text/csv; charset=utf-8",
            Self::GeoJson => "application/geo+json; charset=utf-8",
            Self::OpenApi => "application/openapi+json; charset=utf-8",
            Self::Custom(name) if matches!(name.as_str(), "text/plain" | "text/xml") => {
                return Cow::Owned(format!("{name}; charset=utf-8"));
            }
            Self::Custom(name) => return Cow::Owned(name.clone()),
        })
    }
}

/// One element of `Accept`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Accepted {
    Type(MediaType),
    /// `*/*`. Of the other wildcards (`text/*`) nothing is ever available.
    Anything,
}

/// The media types in order of preference, and their names for the error message.
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
        let mut elements: Vec<Element> =
            values.iter().flat_map(|value| split(value, ',')).filter(|text| !text.is_empty()).map(Element::parse).collect();
        if elements.is_empty() {
            return Self { types: vec![Accepted::Anything], shown: String::new() };
        }
        // Stable: what is liked equally well and as specific keeps the client's order.
        elements.sort_by(|a, b| b.weight.total_cmp(&a.weight).then(b.specificity().cmp(&a.specificity())));
        let shown = elements.iter().map(|element| element.name.as_str()).collect::<Vec<_>>().join(", ");
        let types = elements.iter().filter(|element| element.weight > 0.0).map(Element::accepted).collect();
        Self { types, shown }
    }

    /// What comes first in the client's order among what `available` has.
    pub(crate) fn choose<T>(&self, available: impl Fn(&Accepted) -> Option<T>) -> Option<T> {
        self.types.iter().find_map(available)
    }

    /// For the message of PGRST107.
    pub(crate) fn shown(&self) -> String {
        self.shown.clone()
    }
}

/// `name;key=value;q=0.5`
#[derive(Debug)]
struct Element {
    name: String,
    /// All but the weight. Keys are in lower case, values without their quotes.
    parameters: Vec<(String, String)>,
    /// 0 refuses the type (RFC 9110, 12.4.2); what is no weight is as good as none.
    weight: f32,
}

impl Element {
    fn parse(text: &str) -> Self {
        let mut parts = split(text, ';').into_iter();
        let mut element =
            Self { name: parts.next().unwrap_or_default().to_ascii_lowercase(), parameters: Vec::new(), weight: 1.0 };
        for part in parts {
            let (key, value) = part.split_once('=').unwrap_or((part, ""));
            let (key, value) = (key.trim().to_ascii_lowercase(), value.trim().trim_matches('"'));
            if key == "q" {
                element.weight = value.parse().ok().filter(|weight: &f32| (0.0..=1.0).contains(weight)).unwrap_or(1.0);
            } else {
                element.parameters.push((key, value.to_owned()));
            }
        }
        element
    }

    /// More parameters and fewer wildcards say more exactly what is wanted.
    fn specificity(&self) -> (std::cmp::Reverse<usize>, usize) {
        (std::cmp::Reverse(self.name.matches('*').count()), self.parameters.len())
    }

    fn accepted(&self) -> Accepted {
        if self.name == ANYTHING { Accepted::Anything } else { Accepted::Type(MediaType::named(&self.name, &self.parameters)) }
    }
}

/// The trimmed parts between separators that are not in quotes.
pub(super) fn split(text: &str, separator: char) -> Vec<&str> {
    let mut quoted = false;
    text.split(|c: char| {
        quoted ^= c == '"';
        c == separator && !quoted
    })
    .map(str::trim)
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn parse(value: &str) -> Accept {
        let mut headers = HeaderMap::new();
        headers.insert("accept", value.parse().unwrap());
        Accept::parse(&headers)
    }

    /// The names in order of preference, `*/*` for anything.
    fn order(value: &str) -> String {
        let name = |accepted: &Accepted| match accepted {
            Accepted::Type(media) => media.domain().map_or_else(|| media.content_type().into_owned(), ToOwned::to_owned),
            Accepted::Anything => ANYTHING.to_owned(),
        };
        parse(value).types.iter().map(name).collect::<Vec<_>>().join(", ")
    }

    #[test]
    fn orders_by_weight_then_specificity_then_as_given() {
        for (header, expected) in [
            ("text/html,application/xhtml+xml,*/*;q=0.8", "text/html, application/xhtml+xml, */*"),
            ("application/json;q=0.5, text/csv", "text/csv, application/json"),
            ("*/*, image/*, text/csv", "text/csv, image/*, */*"),
            ("application/json, text/plain;format=flowed", "text/plain, application/json"),
            ("application/json;q=zzz, text/csv;q=0.9", "application/json, text/csv"),
            ("application/json;q=7, text/csv", "application/json, text/csv"),
            ("text/csv;q=0, */*;q=0.1", "*/*"),
            ("text/csv;q=0", ""),
            (" , ", "*/*"),
            ("Text/CSV ; Q=0.3 , Application/JSON", "application/json, text/csv"),
            ("a/b;for=\"c/d,e/f;q=0\", g/h;q=0.5", "a/b, g/h"),
            ("application/json; charset=utf-8", "application/json"),
        ] {
            assert_eq!(order(header), expected, "{header}");
        }
    }

    #[test]
    fn knows_the_vendor_types_by_their_parameters() {
        let first = |value: &str| parse(value).types[0].clone();
        for (header, expected) in [
            ("application/vnd.pgrst.object+json; nulls=stripped", MediaType::Object { nulls_stripped: true }),
            ("application/vnd.pgrst.object", MediaType::Object { nulls_stripped: false }),
            ("application/vnd.pgrst.array+json;nulls=stripped", MediaType::JsonNullsStripped),
            ("application/vnd.pgrst.array", MediaType::Json),
            ("application/geo+json", MediaType::GeoJson),
            ("Image/PNG", MediaType::Custom("image/png".to_owned())),
        ] {
            assert_eq!(first(header), Accepted::Type(expected), "{header}");
        }
    }

    #[test]
    fn shows_all_names_in_order_of_preference() {
        assert_eq!(parse("image/png;q=0.1, a/b;c=d, text/x;q=0").shown(), "a/b, image/png, text/x");
    }

    #[test]
    fn only_known_texts_have_a_charset() {
        let content_type = |name: &str| MediaType::named(name, &[]).content_type().into_owned();
        assert_eq!(content_type("text/xml"), "text/xml; charset=utf-8");
        assert_eq!(content_type("text/csv"), "text/csv; charset=utf-8");
        assert_eq!(content_type("application/octet-stream"), "application/octet-stream");
        assert_eq!(content_type("text/html"), "text/html");
    }

    proptest! {
        #[test]
        fn never_panics(value in "[ -~]*") {
            parse(&value);
        }
    }
}
