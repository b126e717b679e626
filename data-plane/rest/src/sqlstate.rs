//! From PostgreSQL's error to HTTP: the status by SQLSTATE, and errors that SQL code raised on purpose.
//!
//! Source: PostgREST's documentation, "Errors", "HTTP Status Codes" and "RAISE errors with HTTP Status Codes".

use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use hyper::ext::ReasonPhrase;
use project_context::ServerError;
use serde::Deserialize;
use std::collections::BTreeMap;
use tokio_postgres::error::SqlState;

use crate::error::{DatabaseError, Raised, RestError};

/// Turns a driver error into ours. `authenticated` says whether the role is not the anonymous one.
pub(crate) fn classify(error: tokio_postgres::Error, authenticated: bool) -> RestError {
    let Some(db) = error.as_db_error() else {
        return RestError::Connection(error);
    };
    let error = ServerError {
        code: db.code().code().to_owned(),
        message: db.message().to_owned(),
        detail: db.detail().map(str::to_owned),
        hint: db.hint().map(str::to_owned),
    };
    reported(error, authenticated)
}

/// Turns what PostgreSQL reported into ours.
pub(crate) fn reported(error: ServerError, authenticated: bool) -> RestError {
    let ServerError { code, message, detail, hint } = error;
    if code == "PGRST" {
        return raised(&message, detail.as_deref());
    }
    RestError::Database(DatabaseError { sqlstate: code, message, detail, hint, authenticated })
}

/// Whether nothing was done because the server ends the session, or because a cached plan no longer fits or is gone.
pub(crate) fn may_be_run_again(code: &str, message: &str) -> bool {
    matches!(code, "57P01" | "57P02" | "57P03" | "57P05")
        || (code == "0A000" && message.starts_with("cached plan"))
        || is_gone(code, message)
}

/// Whether what was prepared is not there any more: `DEALLOCATE` and `DISCARD` may be run by functions.
pub(crate) fn is_gone(code: &str, message: &str) -> bool {
    code == "26000" && message.starts_with("prepared statement \"")
}

/// Whether the error says that the transaction had already failed, so that an earlier one is the cause.
pub(crate) fn is_consequence(error: &tokio_postgres::Error) -> bool {
    error.code() == Some(&SqlState::IN_FAILED_SQL_TRANSACTION)
}

/// The status for an SQLSTATE.
pub(crate) fn http_status(error: &DatabaseError) -> StatusCode {
    let code = error.sqlstate.as_str();
    let forbidden = if error.authenticated { StatusCode::FORBIDDEN } else { StatusCode::UNAUTHORIZED };
    match code {
        "23503" | "23505" => StatusCode::CONFLICT,
        "25006" => StatusCode::METHOD_NOT_ALLOWED,
        "21000" if error.message.ends_with("requires a WHERE clause") => StatusCode::BAD_REQUEST,
        "21000" | "42P17" | "53400" => StatusCode::INTERNAL_SERVER_ERROR,
        // `set role` to one that does not exist.
        "22023" if error.message.starts_with("role \"") && error.message.ends_with("does not exist") => StatusCode::UNAUTHORIZED,
        "42883" if error.message.starts_with("function xmlagg(") => StatusCode::NOT_ACCEPTABLE,
        "42883" | "42P01" => StatusCode::NOT_FOUND,
        "42501" => forbidden,
        "57P01" => StatusCode::SERVICE_UNAVAILABLE,
        "P0001" => StatusCode::BAD_REQUEST,
        _ => by_class(code),
    }
}

fn by_class(code: &str) -> StatusCode {
    match code.get(..2).unwrap_or_default() {
        "08" | "53" => StatusCode::SERVICE_UNAVAILABLE,
        "0L" | "0P" | "28" => StatusCode::FORBIDDEN,
        "09" | "25" | "2D" | "38" | "39" | "3B" | "40" | "54" | "55" | "57" | "58" | "F0" | "HV" | "P0" | "XX" => {
            StatusCode::INTERNAL_SERVER_ERROR
        }
        "PT" => code
            .get(2..)
            .and_then(|number| number.parse().ok())
            .and_then(|n: u16| StatusCode::from_u16(n).ok())
            .unwrap_or(StatusCode::INTERNAL_SERVER_ERROR),
        _ => StatusCode::BAD_REQUEST,
    }
}

#[derive(Deserialize)]
struct RaisedMessage {
    code: String,
    message: String,
    details: Option<String>,
    hint: Option<String>,
}

#[derive(Deserialize)]
struct RaisedDetail {
    status: u16,
    status_text: Option<String>,
    headers: BTreeMap<String, String>,
}

const MESSAGE_HINT: &str =
    "MESSAGE must be a JSON object with obligatory keys: 'code', 'message' and optional keys: 'details', 'hint'.";
const DETAIL_HINT: &str =
    "DETAIL must be a JSON object with obligatory keys: 'status', 'headers' and optional key: 'status_text'.";

/// Longest text that takes the place of a status' name: clients have little room for the first line.
const MAX_REASON: usize = 1024;

/// A text in the place of a status' name, if it can stand there.
pub(crate) fn reason(text: &str) -> Option<ReasonPhrase> {
    if text.len() > MAX_REASON {
        return None;
    }
    ReasonPhrase::try_from(text.as_bytes().to_vec()).ok()
}

/// `RAISE SQLSTATE 'PGRST' USING MESSAGE = '{json}', DETAIL = '{json}'` is a whole answer.
fn raised(message: &str, detail: Option<&str>) -> RestError {
    let unparsable = |details: String, hint: &'static str| RestError::RaiseUnparsable { details, hint };
    let Ok(body) = serde_json::from_str::<RaisedMessage>(message) else {
        return unparsable(format!("Invalid JSON value for MESSAGE: '{message}'"), MESSAGE_HINT);
    };
    let Some(detail) = detail else {
        return unparsable("DETAIL is missing in the RAISE statement".to_owned(), DETAIL_HINT);
    };
    let answer: Option<RaisedDetail> = serde_json::from_str(detail).ok();
    let Some((status, answer)) = answer.and_then(|answer| Some((StatusCode::from_u16(answer.status).ok()?, answer))) else {
        return unparsable(format!("Invalid JSON value for DETAIL: '{detail}'"), DETAIL_HINT);
    };
    let mut headers = HeaderMap::new();
    for (name, value) in answer.headers {
        if let (Ok(name), Ok(value)) = (HeaderName::from_bytes(name.as_bytes()), HeaderValue::from_str(&value)) {
            headers.append(name, value);
        }
    }
    RestError::Raised(Box::new(Raised {
        status,
        reason: answer.status_text.as_deref().and_then(reason),
        headers,
        code: body.code,
        message: body.message,
        details: body.details,
        hint: body.hint,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn maps_sqlstates() {
        for (sqlstate, message, authenticated, status) in [
            ("23505", "", true, 409),
            ("42501", "", true, 403),
            ("42501", "", false, 401),
            ("42P01", "", true, 404),
            ("22P02", "", true, 400),
            ("57014", "", true, 500),
            ("57P01", "", true, 503),
            ("PT418", "", true, 418),
            ("PTxyz", "", true, 500),
            ("P0001", "", true, 400),
            ("P0002", "", true, 500),
            ("22023", "role \"nobody\" does not exist", false, 401),
            ("22023", "other", false, 400),
            ("21000", "UPDATE requires a WHERE clause", false, 400),
            ("", "", false, 400),
        ] {
            let error = DatabaseError {
                sqlstate: sqlstate.to_owned(),
                message: message.to_owned(),
                detail: None,
                hint: None,
                authenticated,
            };
            assert_eq!(http_status(&error).as_u16(), status, "{sqlstate} {message}");
        }
    }

    #[test]
    fn a_raised_answer_is_taken_as_it_is() {
        let error = raised(r#"{"code":"123","message":"m"}"#, Some(r#"{"status":402,"headers":{"X-Pay":"now"}}"#));
        assert_eq!(error.status().as_u16(), 402);
        for (message, detail) in [
            ("{", None),
            (r#"{"code":"1"}"#, Some(r#"{"status":402,"headers":{}}"#)),
            (r#"{"code":"1","message":"m"}"#, None),
            (r#"{"code":"1","message":"m"}"#, Some(r#"{"status":402}"#)),
            (r#"{"code":"1","message":"m"}"#, Some(r#"{"status":1,"headers":{}}"#)),
        ] {
            assert!(matches!(raised(message, detail), RestError::RaiseUnparsable { .. }), "{message} {detail:?}");
        }
    }

    #[test]
    fn a_reason_is_one_short_line() {
        assert_eq!(reason("Page Expired").unwrap().as_bytes(), b"Page Expired");
        assert!(reason("Zahl fällig").is_some());
        for text in ["two\nlines", "two\r\nheader: x", &"long".repeat(1000)] {
            assert!(reason(text).is_none(), "{text}");
        }
    }
}
