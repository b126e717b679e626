//! What every request of the program passes on its way to the service and back: the questions of browsers, and the log.

use std::sync::Arc;

use arc_swap::ArcSwap;
use axum::{Router, extract::Request, response::Response};

use super::{
    access_log::{Asked, Level},
    cors::Allowed,
};
use crate::{
    service::{self, Noted},
    state::State,
};

/// The service, for the listener.
pub(super) fn router(state: Arc<State>, level: Arc<ArcSwap<Level>>) -> Router {
    Router::new().fallback(move |request: Request| {
        let (state, level) = (Arc::clone(&state), Arc::clone(&level));
        async move {
            let asked = Asked::of(&request);
            let mut noted = Noted::default();
            let response = answer(&state, request, &mut noted).await;
            asked.write(**level.load(), &response, &noted);
            response
        }
    })
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
