//! What stands before every path: cross-origin rules, the time that a request has, panics, captcha, and the removal of what
//! has expired.

use std::{panic::AssertUnwindSafe, sync::Arc};

use axum::{
    body::Body,
    extract::{FromRequestParts as _, Query, Request, State},
    middleware::Next,
    response::{IntoResponse as _, Response},
};
use futures::FutureExt as _;
use http::{
    HeaderMap, HeaderValue, Method, StatusCode, Uri,
    header::{
        ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
        ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_REQUEST_HEADERS,
        ACCESS_CONTROL_REQUEST_METHOD, ORIGIN, VARY,
    },
};
use serde::Deserialize;

use super::json::{self, MetaSecurity};
use crate::{
    caller::{Admin, Caller},
    context::AuthContext,
    error::{AuthError, ErrorCode},
    flow::captcha,
    store,
};

const METHODS: [&str; 5] = ["GET", "POST", "PUT", "PATCH", "DELETE"];

/// Headers that a page of another origin may send, besides those of the settings. `apikey` is for a gateway; where there is none,
/// supabase-js sends it all the same.
const ALLOWED: [&str; 9] = [
    "accept",
    "apikey",
    "authorization",
    "content-type",
    "x-client-ip",
    "x-client-info",
    "x-jwt-aud",
    "x-use-cookie",
    "x-supabase-api-version",
];

/// Headers that it may read.
const EXPOSED: HeaderValue = HeaderValue::from_static("X-Total-Count, Link, X-Supabase-Api-Version");

const ANY: HeaderValue = HeaderValue::from_static("*");
const TRUE: HeaderValue = HeaderValue::from_static("true");

/// Answers what browsers ask before a page of another origin may use the service, and lets it read the answers.
pub(crate) async fn cors(State(context): State<Arc<AuthContext>>, request: Request, next: Next) -> Response {
    if request.method() == Method::OPTIONS && request.headers().contains_key(ACCESS_CONTROL_REQUEST_METHOD) {
        return preflight(request.headers(), &context.live().settings.cors.allowed_headers);
    }
    let is_cross_origin = request.headers().contains_key(ORIGIN);
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    headers.append(VARY, HeaderValue::from_static("Origin"));
    if is_cross_origin {
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, ANY);
        headers.insert(ACCESS_CONTROL_ALLOW_CREDENTIALS, TRUE);
        headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED);
    }
    response
}

fn preflight(request: &HeaderMap, more: &[String]) -> Response {
    let text = |name| request.get(name).and_then(|value: &HeaderValue| value.to_str().ok()).unwrap_or_default();
    let (method, wanted) = (text(ACCESS_CONTROL_REQUEST_METHOD), text(ACCESS_CONTROL_REQUEST_HEADERS));
    let is_allowed = |name: &str| {
        let name = name.trim();
        ALLOWED.iter().any(|allowed| allowed.eq_ignore_ascii_case(name))
            || more.iter().any(|allowed| allowed.eq_ignore_ascii_case(name))
    };
    let mut response = StatusCode::NO_CONTENT.into_response();
    let headers = response.headers_mut();
    headers.insert(VARY, HeaderValue::from_static("Origin, Access-Control-Request-Method, Access-Control-Request-Headers"));
    let may = METHODS.contains(&method) && wanted.split(',').filter(|name| !name.trim().is_empty()).all(is_allowed);
    if may && request.contains_key(ORIGIN) {
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, ANY);
        headers.insert(ACCESS_CONTROL_ALLOW_CREDENTIALS, TRUE);
        for (name, asked) in [
            (ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_REQUEST_METHOD),
            (ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_REQUEST_HEADERS),
        ] {
            if let Some(value) = request.get(asked) {
                headers.insert(name, value.clone());
            }
        }
    }
    response
}

/// Ends what takes too long or panics. A transaction that is open then is rolled back.
pub(crate) async fn bounded(State(context): State<Arc<AuthContext>>, request: Request, next: Next) -> Response {
    let time = context.live().settings.api.max_request_duration;
    match tokio::time::timeout(time, AssertUnwindSafe(next.run(request)).catch_unwind()).await {
        Ok(Ok(response)) => response,
        // The panic's own words are in the log, by the process's panic hook.
        Ok(Err(_)) => AuthError::internal("Internal Server Error", "a handler panicked").into_response(),
        Err(_) => AuthError::new(
            StatusCode::GATEWAY_TIMEOUT,
            ErrorCode::RequestTimeout,
            "Processing this request timed out, please retry after a moment.",
        )
        .into_response(),
    }
}

#[derive(Deserialize)]
struct Guarded {
    #[serde(default)]
    gotrue_meta_security: Option<MetaSecurity>,
}

#[derive(Deserialize)]
struct Grant {
    #[serde(default)]
    grant_type: String,
}

/// Whether upstream asks for a captcha there. Of the grants, only the one by password.
fn is_guarded(method: &Method, uri: &Uri) -> bool {
    *method == Method::POST
        && match uri.path() {
            "/signup" | "/otp" | "/magiclink" | "/recover" | "/resend" | "/sso" | "/passkeys/authentication/options" => true,
            "/token" => Query::<Grant>::try_from_uri(uri).is_ok_and(|query| query.grant_type == "password"),
            _ => false,
        }
}

/// Asks for a captcha, but not of administrators.
pub(crate) async fn captcha(State(context): State<Arc<AuthContext>>, request: Request, next: Next) -> Response {
    if context.live().settings.security.captcha.is_none() || !is_guarded(request.method(), request.uri()) {
        return next.run(request).await;
    }
    match passed(&context, request).await {
        Ok(request) => next.run(request).await,
        Err(error) => error.into_response(),
    }
}

/// The request again, if it may go on.
async fn passed(context: &Arc<AuthContext>, request: Request) -> Result<Request, AuthError> {
    let (mut parts, body) = request.into_parts();
    if Admin::from_request_parts(&mut parts, context).await.is_ok() {
        return Ok(Request::from_parts(parts, body));
    }
    let caller = Caller::from_request_parts(&mut parts, context).await?;
    let bytes = axum::body::to_bytes(body, super::LONGEST_BODY).await.map_err(|_| json::too_long())?;
    if let Some(wanted) = &caller.live.settings.security.captcha {
        let body: Guarded = json::parse(&bytes)?;
        let token = body.gotrue_meta_security.and_then(|meta| meta.captcha_token).unwrap_or_default();
        captcha::check(&caller, wanted, &token).await?;
    }
    Ok(Request::from_parts(parts, Body::from(bytes)))
}

/// How many changes there are between two removals of old limits where nothing else is removed.
const BETWEEN: usize = 64;

/// Removes some of what has expired, once the answer is made to what leaves rows behind; one kind at a time.
pub(crate) async fn tidying(State(context): State<Arc<AuthContext>>, request: Request, next: Next) -> Response {
    // A sign-in at a provider begins with a row, whoever asks for it.
    let leaves_rows =
        *request.method() != Method::GET && *request.method() != Method::HEAD || request.uri().path().ends_with("/authorize");
    let response = next.run(request).await;
    let live = context.live();
    if !leaves_rows {
        return response;
    }
    let turn = context.next_cleanup();
    let kind = if live.settings.db.cleanup_enabled {
        Some(turn)
    } else {
        turn.is_multiple_of(BETWEEN).then_some(store::cleanup::LIMITS)
    };
    if let Some(kind) = kind {
        let longest = live.settings.mailer.otp_exp.max(live.settings.sms.otp_exp);
        tokio::spawn(async move {
            let outcome = async { store::cleanup::clean(&context.db().await?, kind, longest).await }.await;
            if let Err(error) = outcome {
                tracing::warn!(?error, "what has expired was not removed");
            }
        });
    }
    response
}

#[cfg(test)]
mod tests {
    use axum::{Router, middleware, routing::get};
    use project_context::{Database, Pool, PoolSettings};
    use tokio_postgres::config::Host;
    use tower::ServiceExt as _;

    use super::*;
    use crate::{
        context::Shared,
        outgoing::http::{HttpClient, Options},
        password::{Hasher, Limits},
        settings::Settings,
    };

    #[tokio::test]
    async fn a_panic_is_an_answer() {
        let pool = Pool::new(PoolSettings {
            database: Database::at(Host::Tcp("localhost".to_owned()), 1, tokio_postgres::Config::new()),
            empty_path: true,
            max_connections: 1,
            idle_after: project_context::IDLE_AFTER,
            max_lifetime: None,
            wait: project_context::WAIT,
        });
        let shared = Shared {
            hasher: Hasher::new(Limits { cost: 4, ..Limits::default() }).unwrap(),
            http: HttpClient::new(Options::default()).unwrap(),
        };
        let context = AuthContext::new(Arc::new(pool), Settings::default(), shared).unwrap();
        let panicking = async || -> &'static str { panic!("a test's") };
        let router = Router::new()
            .route("/", get(panicking))
            .layer(middleware::from_fn_with_state(context, bounded))
            .layer(middleware::from_fn(crate::error::show_errors));
        let response = router.oneshot(Request::get("/").body(Body::empty()).unwrap()).await.unwrap();
        assert_eq!(response.status(), 500);
        assert_eq!(response.headers()["x-sb-error-code"], "unexpected_failure");
    }

    #[test]
    fn a_captcha_is_asked_for_where_somebody_comes_in() {
        for (method, uri, expected) in [
            (Method::POST, "/signup", true),
            (Method::POST, "/sso", true),
            (Method::POST, "/passkeys/authentication/options", true),
            (Method::POST, "/passkeys/authentication/verify", false),
            (Method::POST, "/token?grant_type=password", true),
            (Method::POST, "/token?grant_type=refresh_token", false),
            (Method::POST, "/token?grant_type=pkce", false),
            (Method::POST, "/verify", false),
            (Method::OPTIONS, "/signup", false),
        ] {
            assert_eq!(is_guarded(&method, &uri.parse().unwrap()), expected, "{method} {uri}");
        }
    }

    #[test]
    fn a_preflight_is_answered_as_a_whole_or_not_at_all() {
        let ask = |method: &str, headers: &str| {
            let mut request = HeaderMap::new();
            request.insert(ORIGIN, HeaderValue::from_static("https://a.test"));
            request.insert(ACCESS_CONTROL_REQUEST_METHOD, method.parse().unwrap());
            request.insert(ACCESS_CONTROL_REQUEST_HEADERS, headers.parse().unwrap());
            preflight(&request, &["X-Own".to_owned()])
        };
        let response = ask("PUT", "authorization, x-own,x-supabase-api-version");
        assert_eq!(response.headers()[ACCESS_CONTROL_ALLOW_METHODS], "PUT");
        assert_eq!(response.headers()[ACCESS_CONTROL_ALLOW_HEADERS], "authorization, x-own,x-supabase-api-version");
        assert!(ask("PUT", "x-other").headers().get(ACCESS_CONTROL_ALLOW_ORIGIN).is_none());
        assert!(ask("TRACE", "").headers().get(ACCESS_CONTROL_ALLOW_ORIGIN).is_none());
    }
}
