//! From PostgreSQL's error to HTTP: the status by SQLSTATE, and errors that SQL code raised on purpose.
//!
//! Source: PostgREST's documentation, "Errors", "HTTP Status Codes" and "RAISE errors with HTTP Status Codes".

use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use serde::Deserialize;
use std::collections::BTreeMap;
use tokio_postgres::error::SqlState;

use crate::error::{DatabaseError, Raised, RestError};

/// Turns a driver error into ours. `authenticated` says whether the role is not the anonymous one.
pub(crate) fn classify(error: tokio_postgres::Error, authenticated: bool) -> RestError {
    let Some(db) = error.as_db_error() else {
        return RestError::Connection(error);
    };
    if db.code().code() == "PGRST" {
        return raised(db.message(), db.detail());
    }
    RestError::Database(DatabaseError {
        sqlstate: db.code().code().to_owned(),
        message: db.message().to_owned(),
        detail: db.detail().map(str::to_owned),
        hint: db.hint().map(str::to_owned),
        authenticated,
    })
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
    #[serde(default)]
    headers: BTreeMap<String, String>,
}

/// `RAISE SQLSTATE 'PGRST' USING MESSAGE = '{json}', DETAIL = '{json}'` is a whole answer.
fn raised(message: &str, detail: Option<&str>) -> RestError {
    let unparsable = |what: &str| RestError::RaiseUnparsable { details: format!("Invalid JSON value for {what}") };
    let Ok(body) = serde_json::from_str::<RaisedMessage>(message) else {
        return unparsable(&format!("MESSAGE: '{message}'"));
    };
    let Some(detail) = detail else {
        return RestError::RaiseUnparsable { details: "DETAIL is missing in the RAISE statement".to_owned() };
    };
    let Ok(answer) = serde_json::from_str::<RaisedDetail>(detail) else {
        return unparsable(&format!("DETAIL: '{detail}'"));
    };
    let Ok(status) = StatusCode::from_u16(answer.status) else {
        return unparsable(&format!("DETAIL: '{detail}'"));
    };
    let mut headers = HeaderMap::new();
    for (name, value) in answer.headers {
        if let (Ok(name), Ok(value)) = (HeaderName::from_bytes(name.as_bytes()), HeaderValue::from_str(&value)) {
            headers.append(name, value);
        }
    }
    RestError::Raised(Box::new(Raised {
        status,
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
        assert!(matches!(raised("{", None), RestError::RaiseUnparsable { .. }));
    }
}
