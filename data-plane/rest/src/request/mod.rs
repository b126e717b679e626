//! The request stage: HTTP in, [`ApiRequest`] out. Pure; knows neither the schema nor the database.

mod body;
mod cursor;
mod explain;
mod field;
mod filter;
mod media;
#[cfg(test)]
mod messages;
mod names;
mod order;
mod parse_error;
mod payload;
mod prefer;
mod query_string;
mod range;
mod select;

use bytes::Bytes;
use http::{HeaderMap, Method, request::Parts};
use percent_encoding::percent_decode_str;

pub(crate) use body::Content;
pub(crate) use explain::{Explain, ExplainFormat};
pub(crate) use field::{Field, JsonKey, JsonStep};
pub(crate) use filter::{Condition, IsValue, Operation, Operator, Quantifier};
pub(crate) use media::{ANYTHING, Accept, Accepted, MediaType};
pub(crate) use order::OrderTerm;
pub(crate) use parse_error::ParseError;
pub(crate) use payload::{ContentType, Payload, form_pairs, unacceptable, uneven_keys};
pub(crate) use prefer::{Applicable, Count, End, Preferences, Resolution, Return, applied};
pub(crate) use query_string::{ALL_BUT_UNRESERVED, QueryString};
pub(crate) use range::RowRange;
pub(crate) use select::{Aggregate, SelectAggregate, SelectColumn, SelectEmbed, SelectItem};

use crate::error::RestError;

/// What the path names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Target {
    Root,
    Relation(String),
    Function(String),
}

/// What is to be done with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Action {
    Describe,
    Read,
    Insert,
    Upsert,
    Update,
    Delete,
    CallByGet,
    CallByPost,
    Options,
}

/// A request as the later stages see it.
#[derive(Debug)]
pub(crate) struct ApiRequest {
    pub(crate) method: Method,
    /// The path as it came, without the query.
    pub(crate) path: String,
    pub(crate) target: Target,
    pub(crate) action: Action,
    /// `Accept-Profile` or `Content-Profile`, whichever the method reads.
    pub(crate) profile: Option<String>,
    pub(crate) query: QueryString,
    /// The root's window: parameters and the `Range` header together.
    pub(crate) range: RowRange,
    pub(crate) preferences: Preferences,
    pub(crate) accept: Accept,
    /// The plan is wanted, where plans are shown.
    pub(crate) explain: Option<Explain>,
    pub(crate) content_type: ContentType,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Content,
}

impl ApiRequest {
    pub(crate) fn parse(parts: &Parts, body: Bytes) -> Result<Self, RestError> {
        let target = target(parts.uri.path())?;
        let action = action(&parts.method, &target)?;
        let calls_by_get = action == Action::CallByGet;
        let query = QueryString::parse(parts.uri.query().unwrap_or_default(), calls_by_get)?;
        let preferences = Preferences::parse(&parts.headers);
        if preferences.strict == Some(true) && !preferences.unknown.is_empty() {
            return Err(RestError::Preferences { invalid: preferences.unknown });
        }
        let reads = matches!(parts.method, Method::GET | Method::HEAD);
        let writes = matches!(parts.method, Method::POST | Method::PATCH | Method::PUT | Method::DELETE);
        let window = if reads { range::header(&parts.headers)? } else { RowRange::default() };
        let range = query.root_range().within(window)?;
        Ok(Self {
            method: parts.method.clone(),
            path: parts.uri.path().to_owned(),
            target,
            action,
            profile: profile(&parts.headers, if writes { "content-profile" } else { "accept-profile" })?,
            range,
            query,
            preferences,
            accept: Accept::parse(&parts.headers),
            explain: Explain::parse(&parts.headers),
            content_type: ContentType::parse(&parts.headers),
            headers: parts.headers.clone(),
            body: body.into(),
        })
    }

    /// HEAD is answered like GET, without the body.
    pub(crate) fn is_head(&self) -> bool {
        self.method == Method::HEAD
    }

    /// The body as JSON.
    pub(crate) fn payload(&self) -> Result<Payload, RestError> {
        payload::parse(&self.body, &self.content_type)
    }

    /// The rows that the body has to write. With `columns`, JSON is left to PostgreSQL, which says what is wrong with it.
    pub(crate) fn rows(&self) -> Result<Payload, RestError> {
        if self.query.columns.is_some() && self.content_type == ContentType::Json {
            payload::unread(&self.body)
        } else {
            Ok(self.payload()?.into_rows())
        }
    }
}

fn target(path: &str) -> Result<Target, RestError> {
    let decode = |segment: &str| match percent_decode_str(segment).decode_utf8() {
        Ok(name) if name.contains('\0') => Err(RestError::Path),
        Ok(name) => Ok(name.into_owned()),
        Err(_) => Err(RestError::Path),
    };
    let trimmed = path.strip_prefix('/').unwrap_or(path);
    // A slash at the end begins a segment, which has no name.
    let segments: Vec<&str> = trimmed.split('/').collect();
    match segments.as_slice() {
        [""] => Ok(Target::Root),
        ["rpc", name] => Ok(Target::Function(decode(name)?)),
        [name] => Ok(Target::Relation(decode(name)?)),
        _ => Err(RestError::Path),
    }
}

fn action(method: &Method, target: &Target) -> Result<Action, RestError> {
    let unsupported = || RestError::Method { method: method.to_string() };
    match (target, method.as_str()) {
        (_, "OPTIONS") => Ok(Action::Options),
        (Target::Root, "GET" | "HEAD") => Ok(Action::Describe),
        (Target::Relation(_), "GET" | "HEAD") => Ok(Action::Read),
        (Target::Relation(_), "POST") => Ok(Action::Insert),
        (Target::Relation(_), "PUT") => Ok(Action::Upsert),
        (Target::Relation(_), "PATCH") => Ok(Action::Update),
        (Target::Relation(_), "DELETE") => Ok(Action::Delete),
        (Target::Function(_), "GET" | "HEAD") => Ok(Action::CallByGet),
        (Target::Function(_), "POST") => Ok(Action::CallByPost),
        (Target::Function(_), _) => Err(RestError::RpcMethod { method: method.to_string() }),
        (Target::Root | Target::Relation(_), _) => Err(unsupported()),
    }
}

fn profile(headers: &HeaderMap, name: &str) -> Result<Option<String>, RestError> {
    let Some(value) = headers.get(name) else { return Ok(None) };
    let value = value
        .to_str()
        .map_err(|_| RestError::InvalidInput { message: format!("the {name} header is not ASCII text"), details: None })?;
    Ok(Some(value.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_name_their_target() {
        let shown = |path: &str| target(path).ok();
        assert_eq!(shown("/"), Some(Target::Root));
        assert_eq!(shown("/a%20b"), Some(Target::Relation("a b".to_owned())));
        assert_eq!(shown("/rpc/f"), Some(Target::Function("f".to_owned())));
        assert_eq!(shown("/rpc"), Some(Target::Relation("rpc".to_owned())));
        for bad in ["/a/b", "/rpc/a/b", "//", "/a%00", "/%ff", "/a/", "/a//", "/rpc/f/"] {
            assert_eq!(shown(bad), None, "{bad}");
        }
    }
}
