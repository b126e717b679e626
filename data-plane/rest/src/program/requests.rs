//! What every request of the program passes on its way to the service and back: the questions of browsers, and the log.

use std::{convert::Infallible, sync::Arc};

use arc_swap::ArcSwap;
use axum::{
    body::{Body, HttpBody as _},
    extract::Request,
    response::Response,
};
use daemon::Answering;
use http::{HeaderValue, Method, header};

use super::{
    access_log::{Asked, Level},
    cors::Allowed,
};
use crate::{
    service::{self, Noted},
    state::State,
};

/// The service, for the listener. It is no router, because there is but one way to go.
pub(super) fn service(state: Arc<State>, level: Arc<ArcSwap<Level>>) -> impl Answering {
    tower::service_fn(move |request: Request| {
        let (state, level) = (Arc::clone(&state), Arc::clone(&level));
        async move {
            let asked = Asked::of(&request);
            let mut noted = Noted::default();
            let response = answer(&state, request, &mut noted).await;
            asked.write(**level.load(), &response, &noted);
            Ok::<_, Infallible>(framed(response, asked.method()))
        }
    })
}

/// Says how long the answer is, and leaves away what an answer to HEAD has not, as a router does.
fn framed(mut response: Response, method: &Method) -> Response {
    if let Some(length) = response.body().size_hint().exact() {
        response.headers_mut().entry(header::CONTENT_LENGTH).or_insert_with(|| HeaderValue::from(length));
    }
    if method == Method::HEAD {
        *response.body_mut() = Body::empty();
    }
    response
}

async fn answer(state: &Arc<State>, request: Request, noted: &mut Noted) -> Response {
    let allowed = Allowed::of(request.headers(), state.config().cors_allowed_origins.as_deref());
    if let Some(preflight) = allowed.as_ref().and_then(|allowed| allowed.preflight(request.method(), request.headers())) {
        return preflight;
    }
    let mut response = Box::pin(service::handle(state, request, noted)).await;
    if let Some(allowed) = allowed {
        allowed.expose(response.headers_mut());
    }
    response
}
