//! The response stage: an outcome in, HTTP out. Pure.

use axum::body::Body;
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, header};
use percent_encoding::utf8_percent_encode;
use serde_json::Value;

use crate::{
    error::RestError,
    plan::{WriteKind, WritePlan},
    request::{ALL_BUT_UNRESERVED, Action, ApiRequest, Applicable, MediaType, Resolution, Return, RowRange, applied},
    spool::Payload,
    transaction::Outcome,
};

/// What the answer depends on besides the outcome.
#[derive(Debug)]
pub(crate) struct Shown<'a> {
    pub(crate) request: &'a ApiRequest,
    pub(crate) media: &'a MediaType,
    pub(crate) schema: &'a str,
    /// Whether several schemas are exposed, so that it is worth saying which one this is.
    pub(crate) several_schemas: bool,
    /// Whether the transaction's end is the request's to choose.
    pub(crate) end_may_be_chosen: bool,
}

/// Whether the outcome is one the request allows; asked before a write is committed. `is_rows`: a single object can be asked
/// for, whether it is shown or not. `affected`: rows that `max-affected` is about.
pub(crate) fn approve(shown: &Shown<'_>, outcome: &Outcome, is_rows: bool, affected: Option<i64>) -> Result<(), RestError> {
    if is_rows && matches!(shown.media, MediaType::Object { .. }) && outcome.rows != 1 {
        return Err(RestError::NotSingular { rows: outcome.rows });
    }
    if let (Some(rows), Some(most)) = (affected, shown.request.preferences.max_affected())
        && rows > most
    {
        return Err(RestError::MaxAffected { rows });
    }
    guc_headers(outcome)?;
    guc_status(outcome)?;
    Ok(())
}

/// The answer to a read of a relation, or to a call that returns rows.
pub(crate) fn rows(shown: &Shown<'_>, outcome: Outcome, range: RowRange, is_set: bool) -> Result<Response<Body>, RestError> {
    let offset = if is_set { i64::try_from(range.offset).unwrap_or(i64::MAX) } else { 0 };
    if let Some(total) = outcome.total
        && offset > total
    {
        return Err(RestError::Range {
            details: format!("An offset of {offset} was requested, but there are only {total} rows."),
            total: Some(total),
        });
    }
    let partial = outcome.total.is_some_and(|total| outcome.rows < total);
    let status = if partial { StatusCode::PARTIAL_CONTENT } else { StatusCode::OK };
    let mut headers = HeaderMap::new();
    insert(&mut headers, header::CONTENT_RANGE, &content_range(offset, outcome.rows, outcome.total));
    insert(&mut headers, header::CONTENT_LOCATION, &content_location(shown.request));
    let applicable = Applicable { max_affected: shown.request.action == Action::CallByPost, ..Applicable::default() };
    answer(shown, outcome, status, headers, applicable, true)
}

/// The answer to the root: the body as it is.
pub(crate) fn document(shown: &Shown<'_>, outcome: Outcome) -> Result<Response<Body>, RestError> {
    answer(shown, outcome, StatusCode::OK, HeaderMap::new(), Applicable::default(), true)
}

/// The answer to a call that returns nothing.
pub(crate) fn nothing(shown: &Shown<'_>, outcome: Outcome) -> Result<Response<Body>, RestError> {
    let mut headers = HeaderMap::new();
    insert(&mut headers, header::CONTENT_RANGE, &content_range(0, outcome.rows, None));
    answer(shown, outcome, StatusCode::NO_CONTENT, headers, Applicable::default(), false)
}

/// The answer to a write.
pub(crate) fn written(shown: &Shown<'_>, plan: &WritePlan, outcome: Outcome) -> Result<Response<Body>, RestError> {
    let request = shown.request;
    let shows = plan.read.is_some();
    let total = request.preferences.count.map(|_| outcome.rows);
    let mut headers = HeaderMap::new();
    let mut applicable = Applicable { returning: true, ..Applicable::default() };
    let updated_only = outcome.inserted.unwrap_or(1) <= 0 && !plan.payload.empty;
    let status = match &plan.kind {
        // The row is where the request says: neither its place nor a range is told.
        WriteKind::Insert { .. } if request.action == Action::Upsert => match (shows, updated_only) {
            (false, _) => StatusCode::NO_CONTENT,
            (true, true) => StatusCode::OK,
            (true, false) => StatusCode::CREATED,
        },
        WriteKind::Insert { conflict } => {
            applicable.resolution = conflict.is_some();
            applicable.missing = true;
            if let Some(location) = location(request, plan, &outcome) {
                insert(&mut headers, header::LOCATION, &location);
            }
            insert(&mut headers, header::CONTENT_RANGE, &content_range(0, 0, total));
            let merges = request.preferences.resolution == Some(Resolution::MergeDuplicates);
            if conflict.is_some() && merges && updated_only { StatusCode::OK } else { StatusCode::CREATED }
        }
        WriteKind::Update => {
            applicable.missing = true;
            applicable.max_affected = true;
            insert(&mut headers, header::CONTENT_RANGE, &content_range(0, outcome.rows, total));
            if shows { StatusCode::OK } else { StatusCode::NO_CONTENT }
        }
        WriteKind::Delete => {
            applicable.max_affected = true;
            insert(&mut headers, header::CONTENT_RANGE, &content_range(0, 0, total));
            if shows { StatusCode::OK } else { StatusCode::NO_CONTENT }
        }
    };
    answer(shown, outcome, status, headers, applicable, shows)
}

/// The answer that only tells the methods.
pub(crate) fn allow(methods: &str) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    insert(response.headers_mut(), header::ALLOW, methods);
    response
}

/// Says which names a later version will not take for what is embedded under an alias.
pub(crate) fn warn(response: &mut Response<Body>, renamed: &[(String, String)]) {
    for (target, alias) in renamed {
        let warning = format!(
            "299 PostgRESTv16 \"Embedded resource was referenced by relation name even though it has an alias. This is deprecated \
             and will stop working in a future release. Update `{target}` to `{alias}` in query string filters, orders or limits.\""
        );
        if let Ok(value) = HeaderValue::from_bytes(warning.as_bytes()) {
            response.headers_mut().append(header::WARNING, value);
        }
    }
}

/// The answer to a request for the plan.
pub(crate) fn plan(shown: &Shown<'_>, outcome: Outcome, content_type: &str) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    let headers = response.headers_mut();
    insert(headers, header::CONTENT_TYPE, content_type);
    if shown.several_schemas {
        insert(headers, HeaderName::from_static("content-profile"), shown.schema);
    }
    if !shown.request.is_head() {
        headers.insert(header::CONTENT_LENGTH, HeaderValue::from(outcome.body.len()));
        *response.body_mut() = outcome.body.into_body();
    }
    response
}

fn answer(
    shown: &Shown<'_>,
    outcome: Outcome,
    status: StatusCode,
    mut headers: HeaderMap,
    applicable: Applicable,
    has_body: bool,
) -> Result<Response<Body>, RestError> {
    let request = shown.request;
    let applicable = Applicable { end: shown.end_may_be_chosen, ..applicable };
    if let Some(value) = applied(&request.preferences, applicable) {
        insert(&mut headers, HeaderName::from_static("preference-applied"), &value);
    }
    if shown.several_schemas {
        insert(&mut headers, HeaderName::from_static("content-profile"), shown.schema);
    }
    if has_body {
        insert(&mut headers, header::CONTENT_TYPE, &shown.media.content_type());
    }
    // A function's word replaces ours; all that it says under one name stays.
    let said = guc_headers(&outcome)?;
    for (name, _) in &said {
        headers.remove(name);
    }
    for (name, value) in said {
        headers.append(name, value);
    }
    let status = guc_status(&outcome)?.unwrap_or(status);
    let body = if has_body { outcome.body } else { Payload::default() };
    if status != StatusCode::NO_CONTENT {
        headers.insert(header::CONTENT_LENGTH, HeaderValue::from(body.len()));
    }
    let mut response = Response::new(body.into_body());
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    Ok(response)
}

/// `first-last/total`, with `*` for what is not there or not known.
fn content_range(offset: i64, rows: i64, total: Option<i64>) -> String {
    let total = total.map_or_else(|| "*".to_owned(), |total| total.to_string());
    if rows > 0 { format!("{offset}-{}/{total}", offset.saturating_add(rows) - 1) } else { format!("*/{total}") }
}

fn content_location(request: &ApiRequest) -> String {
    if request.query.canonical.is_empty() {
        request.path.clone()
    } else {
        format!("{}?{}", request.path, request.query.canonical)
    }
}

/// `/table?id=eq.1` for a single inserted row.
fn location(request: &ApiRequest, plan: &WritePlan, outcome: &Outcome) -> Option<String> {
    if request.preferences.returning != Some(Return::HeadersOnly) || outcome.rows != 1 {
        return None;
    }
    let key: Value = serde_json::from_str(outcome.location.as_deref()?).ok()?;
    let encode = |text: &str| utf8_percent_encode(text, ALL_BUT_UNRESERVED).to_string();
    let filters: Option<Vec<String>> = plan
        .location
        .iter()
        .map(|name| {
            let value = match key.get(name)? {
                Value::String(text) => format!("eq.{}", encode(text)),
                Value::Null => "is.null".to_owned(),
                other => format!("eq.{}", encode(&other.to_string())),
            };
            Some(format!("{}={value}", encode(name)))
        })
        .collect();
    Some(format!("{}?{}", request.path, filters?.join("&")))
}

/// `response.headers`: a JSON array of objects with one text each.
fn guc_headers(outcome: &Outcome) -> Result<Vec<(HeaderName, HeaderValue)>, RestError> {
    let Some(text) = &outcome.response_headers else { return Ok(Vec::new()) };
    let Ok(Value::Array(items)) = serde_json::from_str::<Value>(text) else { return Err(RestError::HeadersGuc) };
    items
        .iter()
        .map(|item| {
            let object = item.as_object().filter(|object| object.len() == 1).ok_or(RestError::HeadersGuc)?;
            let (name, value) = object.iter().next().ok_or(RestError::HeadersGuc)?;
            let value = value.as_str().ok_or(RestError::HeadersGuc)?;
            let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| RestError::HeadersGuc)?;
            Ok((name, HeaderValue::from_str(value).map_err(|_| RestError::HeadersGuc)?))
        })
        .collect()
}

fn guc_status(outcome: &Outcome) -> Result<Option<StatusCode>, RestError> {
    match &outcome.response_status {
        None => Ok(None),
        Some(text) => {
            text.parse().ok().and_then(|number: u16| StatusCode::from_u16(number).ok()).map(Some).ok_or(RestError::StatusGuc)
        }
    }
}

/// Header values made of parts the client sent are encoded already; what is no header value all the same is left out.
fn insert(headers: &mut HeaderMap, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(name, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_shown() {
        assert_eq!(content_range(0, 3, None), "0-2/*");
        assert_eq!(content_range(5, 3, Some(10)), "5-7/10");
        assert_eq!(content_range(0, 0, Some(0)), "*/0");
    }
}
