//! The body of a write or a call, brought into one form: JSON text, and the keys of its objects.
//!
//! The JSON is scanned, never built: PostgreSQL parses it anyway.

use std::{collections::BTreeSet, fmt, fmt::Write as _, sync::Arc};

use serde::{
    Deserialize, Deserializer,
    de::{IgnoredAny, MapAccess, SeqAccess, Visitor},
};
use serde_json::{Map, Value};

use super::{body::Content, query_string};
use crate::error::RestError;

/// Levels of arrays and objects at most, so that PostgreSQL's parser never runs out of stack.
pub(crate) const MAX_DEPTH: usize = 500;
/// Bytes at most of what lines become, which have no names of their own.
const MAX_ROWS: usize = 200 * 1024 * 1024;

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Payload {
    pub(crate) json: Arc<String>,
    /// Keys of the first object.
    pub(crate) keys: Vec<String>,
    /// Whether every object has the same keys.
    pub(crate) uniform: bool,
    /// An array without members, or an object without keys: nothing to write.
    pub(crate) empty: bool,
    /// Members of an array; 1 for anything else.
    pub(crate) length: usize,
    /// Whether the body is an array.
    pub(crate) is_array: bool,
}

impl Payload {
    /// The rows to write: PostgREST takes a body that is neither object nor array for no rows.
    pub(crate) fn into_rows(self) -> Self {
        let is_scalar = !self.is_array && !self.empty && self.keys.is_empty();
        if is_scalar {
            Self { json: Arc::new("[]".to_owned()), uniform: true, empty: true, length: 0, is_array: true, keys: Vec::new() }
        } else {
            self
        }
    }
}

/// How the body is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ContentType {
    Json,
    Form,
    Csv,
    Text,
    Bytes,
    Xml,
    Other(String),
}

impl ContentType {
    pub(crate) fn parse(headers: &http::HeaderMap) -> Self {
        let value = headers.get(http::header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let Some(value) = value else { return Self::Json };
        match value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase().as_str() {
            "application/json" | "" | "application/vnd.pgrst.object+json" | "application/vnd.pgrst.array+json" => Self::Json,
            "application/x-www-form-urlencoded" => Self::Form,
            "text/csv" => Self::Csv,
            "text/plain" => Self::Text,
            "application/octet-stream" => Self::Bytes,
            "text/xml" => Self::Xml,
            other => Self::Other(other.to_owned()),
        }
    }

    fn name(&self) -> &str {
        match self {
            Self::Json => "application/json",
            Self::Form => "application/x-www-form-urlencoded",
            Self::Csv => "text/csv",
            Self::Text => "text/plain",
            Self::Bytes => "application/octet-stream",
            Self::Xml => "text/xml",
            Self::Other(name) => name,
        }
    }
}

/// The error for a body that nothing here reads.
pub(crate) fn unacceptable(content_type: &ContentType) -> RestError {
    RestError::InvalidBody { message: format!("Content-Type not acceptable: {}", content_type.name()) }
}

pub(crate) fn parse(body: &Content, content_type: &ContentType) -> Result<Payload, RestError> {
    match content_type {
        // What is not even text is no JSON either.
        ContentType::Json => json(Arc::clone(body.text().map_err(|_| invalid_json())?)),
        ContentType::Form => form(body.text()?),
        ContentType::Csv => csv(body.text()?),
        ContentType::Text | ContentType::Bytes | ContentType::Xml | ContentType::Other(_) => Err(unacceptable(content_type)),
    }
}

/// The error for an array whose members are no objects of the same keys.
pub(crate) fn uneven_keys() -> RestError {
    RestError::InvalidBody { message: "All object keys must match".to_owned() }
}

fn invalid_json() -> RestError {
    RestError::InvalidBody { message: "Empty or invalid json".to_owned() }
}

fn json(text: Arc<String>) -> Result<Payload, RestError> {
    if nesting(&text) > MAX_DEPTH {
        return Err(RestError::InvalidBody { message: format!("The json is nested deeper than {MAX_DEPTH} levels") });
    }
    let shape: Shape = serde_json::from_str(&text).map_err(|_| invalid_json())?;
    Ok(match shape {
        Shape::Object(keys) => Payload {
            empty: keys.is_empty(),
            length: 1,
            keys: keys.into_iter().collect(),
            uniform: true,
            is_array: false,
            json: text,
        },
        Shape::Array { first, uniform, length } => Payload {
            empty: length == 0,
            length,
            keys: first.map(|keys| keys.into_iter().collect()).unwrap_or_default(),
            uniform,
            is_array: true,
            json: text,
        },
        Shape::Scalar => Payload { json: text, keys: Vec::new(), uniform: true, empty: false, length: 1, is_array: false },
    })
}

/// JSON as it came, for rows of named columns. What begins like no object goes for an array.
pub(crate) fn unread(body: &Content) -> Result<Payload, RestError> {
    let text = body.text()?;
    let is_array = !text.trim_start().starts_with('{');
    match json(Arc::clone(text)) {
        Ok(payload) if payload.is_array == is_array => Ok(payload),
        Err(error) if nesting(text) > MAX_DEPTH => Err(error),
        Ok(_) | Err(_) => {
            Ok(Payload { json: Arc::clone(text), keys: Vec::new(), uniform: true, empty: false, length: 1, is_array })
        }
    }
}

/// The names and values of a form, in order; a name may come several times.
pub(crate) fn form_pairs(body: &Content) -> Result<Vec<(String, String)>, RestError> {
    query_string::decode(body.text()?)
}

fn form(text: &str) -> Result<Payload, RestError> {
    let object: Map<String, Value> =
        query_string::decode(text)?.into_iter().map(|(key, value)| (key, Value::String(value))).collect();
    json(Arc::new(Value::Object(object).to_string()))
}

fn csv(text: &str) -> Result<Payload, RestError> {
    let invalid = |error: &csv::Error| RestError::InvalidBody { message: format!("Invalid CSV: {error}") };
    if !text.contains(['\r', '\n']) {
        // The line of the names has to end.
        return Err(RestError::InvalidBody { message: "parse error (not enough input) at \"\"".to_owned() });
    }
    let uneven = || RestError::InvalidBody { message: "All lines must have same number of fields".to_owned() };
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(text.as_bytes());
    let names: Vec<String> =
        reader.headers().map_err(|error| invalid(&error))?.iter().map(|name| Value::from(name).to_string()).collect();
    let mut rows = "[".to_owned();
    for record in reader.records() {
        let record = record.map_err(|error| invalid(&error))?;
        if record.len() > names.len() {
            return Err(uneven());
        }
        rows.push_str(if rows.len() == 1 { "{" } else { ",{" });
        for (index, (name, value)) in names.iter().zip(&record).enumerate() {
            let value = if value == "NULL" { Value::Null } else { Value::from(value) };
            // Writing to a String can't fail.
            let _ = write!(rows, "{}{name}:{value}", if index == 0 { "" } else { "," });
        }
        rows.push('}');
        // Names are repeated in every row.
        if rows.len() > MAX_ROWS {
            return Err(RestError::BodyTooLarge { limit: MAX_ROWS });
        }
    }
    rows.push(']');
    // Lines may leave the last names out, if all do.
    let payload = json(Arc::new(rows))?;
    if payload.uniform { Ok(payload) } else { Err(uneven()) }
}

/// How deep arrays and objects are nested, strings left aside. Good enough for text that is no JSON, too.
pub(crate) fn nesting(text: &str) -> usize {
    let (mut depth, mut deepest, mut in_string, mut escaped) = (0_usize, 0, false, false);
    for byte in text.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            b'[' | b'{' if !in_string => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b']' | b'}' if !in_string => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

/// What is needed to know of a JSON value.
enum Shape {
    Object(BTreeSet<String>),
    Array { first: Option<BTreeSet<String>>, uniform: bool, length: usize },
    Scalar,
}

impl<'de> Deserialize<'de> for Shape {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ShapeVisitor)
    }
}

struct ShapeVisitor;

impl<'de> Visitor<'de> for ShapeVisitor {
    type Value = Shape;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("json")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Shape, A::Error> {
        let mut keys = BTreeSet::new();
        while let Some((key, IgnoredAny)) = map.next_entry::<String, IgnoredAny>()? {
            keys.insert(key);
        }
        Ok(Shape::Object(keys))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut members: A) -> Result<Shape, A::Error> {
        let (mut first, mut uniform, mut length) = (None, true, 0);
        while let Some(member) = members.next_element::<Member>()? {
            match (&first, member.0) {
                (None, Some(keys)) if length == 0 => first = Some(keys),
                (Some(known), Some(keys)) => uniform &= *known == keys,
                // Members that are no objects have no keys in common with anything.
                (None | Some(_), None) | (None, Some(_)) => uniform = false,
            }
            length += 1;
        }
        Ok(Shape::Array { first, uniform, length })
    }

    fn visit_bool<E>(self, _: bool) -> Result<Shape, E> {
        Ok(Shape::Scalar)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Shape, E> {
        Ok(Shape::Scalar)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Shape, E> {
        Ok(Shape::Scalar)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Shape, E> {
        Ok(Shape::Scalar)
    }

    fn visit_str<E>(self, _: &str) -> Result<Shape, E> {
        Ok(Shape::Scalar)
    }

    fn visit_unit<E>(self) -> Result<Shape, E> {
        Ok(Shape::Scalar)
    }
}

/// The keys of an array's member, if it is an object.
struct Member(Option<BTreeSet<String>>);

impl<'de> Deserialize<'de> for Member {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(match deserializer.deserialize_any(ShapeVisitor)? {
            Shape::Object(keys) => Self(Some(keys)),
            Shape::Array { .. } | Shape::Scalar => Self(None),
        })
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn knows_the_keys_and_whether_they_match() {
        let shape = |text: &str| json(Arc::new(text.to_owned())).map(|p| (p.keys.join(","), p.uniform, p.empty));
        assert_eq!(shape(r#"{"b":1,"a":[{"x":1}]}"#).unwrap(), ("a,b".to_owned(), true, false));
        assert_eq!(shape(r#"[{"a":1},{"a":2}]"#).unwrap(), ("a".to_owned(), true, false));
        assert_eq!(shape(r#"[{"a":1},{"b":2}]"#).unwrap(), ("a".to_owned(), false, false));
        assert_eq!(shape("[]").unwrap(), (String::new(), true, true));
        assert!(shape("").is_err() && shape("{").is_err() && shape(&"[".repeat(600)).is_err());
    }

    #[test]
    fn forms_and_csv_become_json() {
        assert_eq!(*form("a=1&b=x+y").unwrap().json, r#"{"a":"1","b":"x y"}"#);
        assert_eq!(*csv("a,b\n1,NULL\n2,\"x,y\"\n").unwrap().json, r#"[{"a":"1","b":null},{"a":"2","b":"x,y"}]"#);
        assert_eq!(*csv("a,b\n1\n2\n").unwrap().json, r#"[{"a":"1"},{"a":"2"}]"#);
        let wide = format!("{}\n{}", "a".repeat(1024 * 1024), "1\n".repeat(1000));
        assert!(matches!(csv(&wide), Err(RestError::BodyTooLarge { .. })));
        assert!(csv("a\n1,2\n").is_err() && csv("a,b\n1\n2,3\n").is_err() && csv("a,b\n1,2\n3\n").is_err());
        assert!(csv("").is_err() && csv("a,b").is_err());
        assert!(csv("a,b\n").unwrap().empty);
    }

    #[test]
    fn what_is_not_read_is_told_apart_by_its_first_character() {
        let unread = |text: &'static str| unread(&Bytes::from_static(text.as_bytes()).into()).map(|p| (p.is_array, p.empty)).ok();
        for (text, expected) in [
            (" {\"a\":", Some((false, false))),
            ("{}", Some((false, true))),
            ("[]", Some((true, true))),
            ("5", Some((true, false))),
            ("", Some((true, false))),
            ("\0", None),
        ] {
            assert_eq!(unread(text), expected, "{text}");
        }
        assert!(super::unread(&Bytes::from("[".repeat(600)).into()).is_err());
    }

    proptest! {
        #[test]
        fn never_panics(input in "\\PC*") {
            drop(json(Arc::new(input.clone())));
            drop(form(&input));
            drop(csv(&input));
        }
    }
}
