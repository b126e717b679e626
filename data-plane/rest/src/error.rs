//! Every way a request can fail, and PostgREST's answer to it: status, code, message, details and hint.
//!
//! Source of the texts: PostgREST's documentation, "Errors". `Display` is the `message` field.

use std::io;

use http::{HeaderMap, HeaderValue, StatusCode, header};
use hyper::ext::ReasonPhrase;
use project_context::{JwtError, PoolError, RETRY_AFTER};
use serde_json::{Value, json};

use crate::{request::ParseError, schema::Verbosity, sqlstate};

/// Why a request failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RestError {
    #[error("{0}")]
    Jwt(#[from] JwtError),
    #[error("Anonymous access is disabled")]
    AnonymousDisabled,
    #[error("Server lacks JWT secret")]
    NoJwtSecret,
    #[error("Timed out acquiring connection from connection pool.")]
    PoolTimeout,
    #[error("Database connection error.")]
    Pool(#[source] PoolError),
    #[error("Database client error.")]
    Connection(#[source] tokio_postgres::Error),
    #[error("Database client error.")]
    Lost(#[source] io::Error),
    /// The cause is in the log.
    #[error("Could not query the database for the schema cache. Retrying.")]
    SchemaCache,
    #[error("{}", .0.message)]
    Database(DatabaseError),
    #[error("{0}")]
    Parse(#[from] ParseError),
    #[error("{message}")]
    InvalidInput { message: String, details: Option<String> },
    #[error("{message}")]
    InvalidBody { message: String },
    #[error("The request body is larger than {limit} bytes")]
    BodyTooLarge { limit: usize },
    #[error("Too many large request bodies at once")]
    BodiesFull { limit: u64 },
    #[error("Requested range not satisfiable")]
    Range {
        details: String,
        /// Rows there are, if they were counted.
        total: Option<i64>,
    },
    #[error("Cannot use the {method} method on RPC")]
    RpcMethod { method: String },
    #[error("Filters must include all and only primary key columns with 'eq' operators")]
    PutFilters,
    #[error("limit/offset querystring parameters are not allowed for PUT")]
    PutRange,
    #[error("Payload values do not match URL in primary key column(s)")]
    PutMismatch,
    #[error("Invalid schema: {schema}")]
    Schema { schema: String, exposed: Vec<String> },
    #[error("None of these media types are available: {accepted}")]
    MediaType { accepted: String },
    #[error("'{name}' is not an embedded resource in this request")]
    NotEmbedded { name: String },
    #[error("response.headers guc must be a JSON array composed of objects with a single key and a string value")]
    HeadersGuc,
    #[error("response.status guc must be a valid status code")]
    StatusGuc,
    #[error("Cannot coerce the result to a single JSON object")]
    NotSingular { rows: i64 },
    #[error("Unsupported HTTP method: {method}")]
    Method { method: String },
    #[error("A related order on '{name}' is not possible")]
    RelatedOrder { origin: String, name: String },
    #[error("Bad operator on the '{name}' embedded resource")]
    EmbedOperator { name: String },
    #[error("Could not parse JSON in the \"RAISE SQLSTATE 'PGRST'\" error")]
    RaiseUnparsable { details: String, hint: &'static str },
    #[error("Invalid preferences given with handling=strict")]
    Preferences { invalid: Vec<String> },
    #[error("Use of aggregate functions is not allowed")]
    Aggregates,
    #[error("Query result exceeds max-affected preference constraint")]
    MaxAffected { rows: i64 },
    #[error("Function must return SETOF or TABLE when max-affected preference is used with handling=strict")]
    MaxAffectedByOne,
    #[error("Invalid path specified in request URL")]
    Path,
    #[error("Root endpoint metadata is disabled")]
    RootDisabled,
    #[error("Feature not implemented")]
    NotImplemented { details: String },
    #[error("Could not find a relationship between '{origin}' and '{target}' in the schema cache")]
    NoRelationship { origin: String, target: String, hint: Option<String>, schema: String, suggestion: Option<String> },
    #[error("Could not embed because more than one relationship was found for '{origin}' and '{target}'")]
    AmbiguousRelationship { origin: String, target: String, candidates: Vec<Value>, suggestions: Vec<String> },
    #[error("Could not find the function {signature} in the schema cache")]
    NoFunction { signature: String, details: String, hint: Option<String> },
    #[error("Could not choose the best candidate function between: {candidates}")]
    AmbiguousFunction { candidates: String },
    #[error("Could not find the '{column}' column of '{table}' in the schema cache")]
    NoColumn { column: String, table: String },
    #[error("Could not find the table '{schema}.{table}' in the schema cache")]
    NoTable { schema: String, table: String, suggestion: Option<String> },
    #[error("{}", .0.message)]
    Raised(Box<Raised>),
    #[error("The result is too large")]
    NoSpace { limit: u64 },
    #[error("Temporary space can't be used")]
    Space(#[source] io::Error),
    #[error("Internal error")]
    Internal { cause: &'static str },
}

/// What PostgreSQL reported, and whether the request was authenticated, which decides between 401 and 403.
#[derive(Debug, Clone)]
pub(crate) struct DatabaseError {
    pub(crate) sqlstate: String,
    pub(crate) message: String,
    pub(crate) detail: Option<String>,
    pub(crate) hint: Option<String>,
    pub(crate) authenticated: bool,
}

/// A complete answer given by `RAISE SQLSTATE 'PGRST'`.
#[derive(Debug)]
pub(crate) struct Raised {
    pub(crate) status: StatusCode,
    /// In the place of the status' own name.
    pub(crate) reason: Option<ReasonPhrase>,
    pub(crate) headers: HeaderMap,
    pub(crate) code: String,
    pub(crate) message: String,
    pub(crate) details: Option<String>,
    pub(crate) hint: Option<String>,
}

/// The four fields of the body and the status.
struct Parts {
    status: StatusCode,
    code: String,
    details: Value,
    hint: Option<String>,
}

impl From<PoolError> for RestError {
    fn from(error: PoolError) -> Self {
        if let PoolError::WaitTimedOut = error { Self::PoolTimeout } else { Self::Pool(error) }
    }
}

impl RestError {
    /// Whether a schema cache newer than the one used could change the answer.
    pub(crate) fn is_about_the_schema(&self) -> bool {
        matches!(
            self,
            Self::NoTable { .. }
                | Self::NoFunction { .. }
                | Self::NoColumn { .. }
                | Self::NoRelationship { .. }
                | Self::Schema { .. }
        )
    }

    /// The status alone.
    pub(crate) fn status(&self) -> StatusCode {
        self.parts().status
    }

    /// Status, headers and body.
    pub(crate) fn into_response(self, verbosity: Verbosity) -> http::Response<axum::body::Body> {
        let Parts { status, code, details, hint } = self.parts();
        let (shown_code, message) = (Value::from(code.as_str()), Value::from(self.to_string()));
        // Field order is part of the contract.
        let body = match verbosity {
            Verbosity::Verbose => {
                let hint = Value::from(hint);
                format!(r#"{{"code":{shown_code},"details":{details},"hint":{hint},"message":{message}}}"#)
            }
            Verbosity::Minimal => format!(r#"{{"code":{shown_code},"message":{message}}}"#),
        };
        let length = HeaderValue::from(body.len());
        let mut response = http::Response::new(axum::body::Body::from(body));
        *response.status_mut() = status;
        if let Some(reason) = self.reason() {
            response.extensions_mut().insert(reason);
        }
        let headers = response.headers_mut();
        if let Self::Raised(raised) = &self {
            headers.extend(raised.headers.clone());
        }
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json; charset=utf-8"));
        if let Ok(value) = HeaderValue::from_str(&format!("PostgREST; error={code}")) {
            headers.insert("proxy-status", value);
        }
        if let Self::Range { total, .. } = &self {
            let total = total.map_or_else(|| "*".to_owned(), |total| total.to_string());
            if let Ok(value) = HeaderValue::try_from(format!("*/{total}")) {
                headers.insert(header::CONTENT_RANGE, value);
            }
        }
        if let Some(value) = self.challenge(status) {
            headers.insert(header::WWW_AUTHENTICATE, value);
        }
        if let Self::BodyTooLarge { .. } = &self {
            // What is left of it is not read, so that nothing can follow.
            headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        if status == StatusCode::SERVICE_UNAVAILABLE {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(RETRY_AFTER.as_secs()));
        }
        headers.insert(header::CONTENT_LENGTH, length);
        response
    }

    /// What the first line of the answer says after the status, where SQL code has a word in it.
    fn reason(&self) -> Option<ReasonPhrase> {
        match self {
            Self::Raised(raised) => raised.reason.clone(),
            Self::Database(error) if error.sqlstate.starts_with("PT") => sqlstate::reason(&error.message),
            _ => None,
        }
    }

    /// The `WWW-Authenticate` of a 401.
    fn challenge(&self, status: StatusCode) -> Option<HeaderValue> {
        match self {
            Self::Jwt(error) => {
                HeaderValue::from_str(&format!("Bearer error=\"invalid_token\", error_description=\"{error}\"")).ok()
            }
            _ => (status == StatusCode::UNAUTHORIZED).then(|| HeaderValue::from_static("Bearer")),
        }
    }

    fn parts(&self) -> Parts {
        let of =
            |status, code: &str, details: Value, hint: Option<String>| Parts { status, code: code.to_owned(), details, hint };
        let plain = |status, code| of(status, code, Value::Null, None);
        match self {
            Self::Jwt(error) => {
                let details = match error {
                    JwtError::NoSuitableKey => json!("No suitable key was found to decode the JWT"),
                    JwtError::WrongKey => json!("None of the keys was able to decode the JWT"),
                    _ => Value::Null,
                };
                of(StatusCode::UNAUTHORIZED, if error.is_about_claims() { "PGRST303" } else { "PGRST301" }, details, None)
            }
            Self::AnonymousDisabled => plain(StatusCode::UNAUTHORIZED, "PGRST302"),
            Self::NoJwtSecret => plain(StatusCode::INTERNAL_SERVER_ERROR, "PGRST300"),
            Self::PoolTimeout => plain(StatusCode::GATEWAY_TIMEOUT, "PGRST003"),
            Self::Pool(error) => of(StatusCode::SERVICE_UNAVAILABLE, "PGRST000", json!(shown(error)), None),
            Self::Connection(_) | Self::Lost(_) => plain(StatusCode::SERVICE_UNAVAILABLE, "PGRST001"),
            Self::SchemaCache => plain(StatusCode::SERVICE_UNAVAILABLE, "PGRST002"),
            Self::Database(error) => Parts {
                status: sqlstate::http_status(error),
                code: error.sqlstate.clone(),
                details: Value::from(error.detail.clone()),
                hint: error.hint.clone(),
            },
            Self::Parse(error) => of(StatusCode::BAD_REQUEST, "PGRST100", json!(error.details()), None),
            Self::InvalidInput { details, .. } => of(StatusCode::BAD_REQUEST, "PGRST100", json!(details), None),
            Self::InvalidBody { .. } => plain(StatusCode::BAD_REQUEST, "PGRST102"),
            Self::BodyTooLarge { .. } => plain(StatusCode::PAYLOAD_TOO_LARGE, "PGRST102"),
            Self::BodiesFull { limit } => of(
                StatusCode::SERVICE_UNAVAILABLE,
                "PGRSTX02",
                json!(format!("The bodies of all requests may have {limit} bytes together until they are answered.")),
                None,
            ),
            Self::Range { details, .. } => of(StatusCode::RANGE_NOT_SATISFIABLE, "PGRST103", json!(details), None),
            Self::RpcMethod { .. } => plain(StatusCode::METHOD_NOT_ALLOWED, "PGRST101"),
            Self::PutFilters => plain(StatusCode::METHOD_NOT_ALLOWED, "PGRST105"),
            Self::PutRange => plain(StatusCode::BAD_REQUEST, "PGRST114"),
            Self::PutMismatch => plain(StatusCode::BAD_REQUEST, "PGRST115"),
            Self::Schema { exposed, .. } => of(
                StatusCode::NOT_ACCEPTABLE,
                "PGRST106",
                Value::Null,
                Some(format!("Only the following schemas are exposed: {}", exposed.join(", "))),
            ),
            Self::MediaType { .. } => plain(StatusCode::NOT_ACCEPTABLE, "PGRST107"),
            Self::NotEmbedded { name } => of(
                StatusCode::BAD_REQUEST,
                "PGRST108",
                Value::Null,
                Some(format!("Verify that '{name}' is included in the 'select' query parameter.")),
            ),
            Self::HeadersGuc => plain(StatusCode::INTERNAL_SERVER_ERROR, "PGRST111"),
            Self::StatusGuc => plain(StatusCode::INTERNAL_SERVER_ERROR, "PGRST112"),
            Self::NotSingular { rows } => {
                of(StatusCode::NOT_ACCEPTABLE, "PGRST116", json!(format!("The result contains {rows} rows")), None)
            }
            Self::Method { .. } => plain(StatusCode::METHOD_NOT_ALLOWED, "PGRST117"),
            Self::RelatedOrder { origin, name } => of(
                StatusCode::BAD_REQUEST,
                "PGRST118",
                json!(format!("'{origin}' and '{name}' do not form a many-to-one or one-to-one relationship")),
                None,
            ),
            Self::EmbedOperator { .. } => of(
                StatusCode::BAD_REQUEST,
                "PGRST120",
                json!("Only is null or not is null filters are allowed on embedded resources"),
                None,
            ),
            Self::RaiseUnparsable { details, hint } => {
                of(StatusCode::INTERNAL_SERVER_ERROR, "PGRST121", json!(details), Some((*hint).to_owned()))
            }
            Self::Preferences { invalid } => {
                of(StatusCode::BAD_REQUEST, "PGRST122", json!(format!("Invalid preferences: {}", invalid.join(", "))), None)
            }
            Self::Aggregates => plain(StatusCode::BAD_REQUEST, "PGRST123"),
            Self::MaxAffected { rows } => {
                of(StatusCode::BAD_REQUEST, "PGRST124", json!(format!("The query affects {rows} rows")), None)
            }
            Self::MaxAffectedByOne => plain(StatusCode::BAD_REQUEST, "PGRST128"),
            Self::Path => plain(StatusCode::NOT_FOUND, "PGRST125"),
            Self::RootDisabled => plain(StatusCode::NOT_FOUND, "PGRST126"),
            Self::NotImplemented { details } => of(StatusCode::BAD_REQUEST, "PGRST127", json!(details), None),
            Self::NoRelationship { origin, target, hint, schema, suggestion } => {
                let using = hint.as_ref().map_or_else(String::new, |hint| format!(" using the hint '{hint}'"));
                of(
                    StatusCode::BAD_REQUEST,
                    "PGRST200",
                    json!(format!(
                        "Searched for a foreign key relationship between '{origin}' and '{target}'{using} in the schema \
                         '{schema}', but no matches were found."
                    )),
                    suggestion.clone(),
                )
            }
            Self::AmbiguousRelationship { target, candidates, suggestions, .. } => of(
                StatusCode::MULTIPLE_CHOICES,
                "PGRST201",
                Value::Array(candidates.clone()),
                Some(format!(
                    "Try changing '{target}' to one of the following: {}. Find the desired relationship in the 'details' key.",
                    suggestions.iter().map(|s| format!("'{s}'")).collect::<Vec<_>>().join(", ")
                )),
            ),
            Self::NoFunction { details, hint, .. } => of(StatusCode::NOT_FOUND, "PGRST202", json!(details), hint.clone()),
            Self::AmbiguousFunction { .. } => of(
                StatusCode::MULTIPLE_CHOICES,
                "PGRST203",
                Value::Null,
                Some(
                    "Try renaming the parameters or the function itself in the database so function overloading can be resolved"
                        .to_owned(),
                ),
            ),
            Self::NoColumn { .. } => plain(StatusCode::BAD_REQUEST, "PGRST204"),
            Self::NoTable { schema, suggestion, .. } => of(
                StatusCode::NOT_FOUND,
                "PGRST205",
                Value::Null,
                suggestion.as_ref().map(|other| format!("Perhaps you meant the table '{schema}.{other}'")),
            ),
            Self::Raised(raised) => Parts {
                status: raised.status,
                code: raised.code.clone(),
                details: Value::from(raised.details.clone()),
                hint: raised.hint.clone(),
            },
            Self::NoSpace { limit } => of(
                StatusCode::INTERNAL_SERVER_ERROR,
                "PGRSTX01",
                json!(format!("Large results may take {limit} bytes together until they are sent.")),
                Some("Ask for fewer rows at once, by limit and offset.".to_owned()),
            ),
            Self::Space(_) => plain(StatusCode::INTERNAL_SERVER_ERROR, "PGRSTX01"),
            Self::Internal { .. } => plain(StatusCode::INTERNAL_SERVER_ERROR, "PGRSTX00"),
        }
    }
}

/// What PostgreSQL's own client library would say, as PostgREST shows it.
fn shown(error: &PoolError) -> String {
    match error {
        PoolError::Connect(said) => said.to_string(),
        other => other.to_string(),
    }
}
