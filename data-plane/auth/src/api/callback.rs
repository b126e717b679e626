//! `/callback`: where providers send the browser back.

use axum::{Form, extract::rejection::FormRejection, response::Response};
use serde::Deserialize;

use super::redirect;
use crate::{
    caller::Caller,
    error::AuthError,
    flow::external::{self, Back, Completed},
};

/// In the query, or in a form that the browser posts.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct Parameters {
    state: String,
    code: String,
    error: String,
    error_description: String,
    oauth_token: Option<String>,
    oauth_verifier: Option<String>,
    denied: Option<String>,
    user: Option<String>,
}

impl std::fmt::Debug for Parameters {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Parameters")
    }
}

pub(crate) async fn callback(caller: Caller, parameters: Result<Form<Parameters>, FormRejection>) -> Response {
    let parameters = parameters.map(|form| form.0).unwrap_or_default();
    redirect::found(answer(caller, parameters).await)
}

async fn answer(caller: Caller, parameters: Parameters) -> Response {
    let flow = match external::open(&caller, &parameters.state).await {
        Ok(flow) => flow,
        // Nobody vouches for the page that sent the browser.
        Err(error) => return redirect::with_error(&caller.live.settings.api.site_url, &error, true),
    };
    // Allowed when the sign-in began; it may not be any longer.
    let caller = caller.redirecting_to(flow.referrer.as_deref());
    let to = &caller.redirect_to;
    if !parameters.error.is_empty() {
        return redirect::with_refusal(to, &parameters.error, &parameters.error_description);
    }
    if parameters.denied.is_some() {
        return redirect::with_refusal(to, "access_denied", "The user denied access");
    }
    let back = Back {
        code: parameters.oauth_verifier.unwrap_or(parameters.code),
        oauth_token: parameters.oauth_token,
        user: parameters.user,
    };
    let provider = flow.provider_type.clone();
    match external::complete(&caller, flow, &back).await {
        Ok(Completed::In(tokens)) => redirect::with_tokens(to, &tokens, ""),
        Ok(Completed::Code(code)) => redirect::with_code(to, &code),
        Err(error) => failed(to, &provider, &error),
    }
}

fn failed(to: &str, provider: &str, error: &AuthError) -> Response {
    if error.status().is_server_error() {
        tracing::error!(?error, provider, "a sign-in by a provider failed");
    }
    redirect::with_error(to, error, true)
}
