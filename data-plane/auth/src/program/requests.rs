//! What stands around the service where no gateway does: the id of a request, and a line in the log.

use std::{sync::Arc, time::Instant};

use axum::{
    Router,
    extract::{Request, State},
    middleware::{self, Next},
    response::Response,
};
use http::HeaderMap;
use uuid::Uuid;

use crate::{context::AuthContext, error::RequestId};

/// Longest id of a request that is taken over.
const LONGEST_ID: usize = 128;

pub(super) fn around(service: Router, context: &Arc<AuthContext>) -> Router {
    service.layer(middleware::from_fn_with_state(Arc::clone(context), logged))
}

/// Neither the query nor the body: both have tokens.
async fn logged(State(context): State<Arc<AuthContext>>, mut request: Request, next: Next) -> Response {
    let id = context.live().settings.api.request_id_header.as_deref().map(|header| request_id(request.headers(), header));
    if let Some(id) = &id {
        request.extensions_mut().insert(RequestId(id.clone()));
    }
    let (method, path, begun) = (request.method().clone(), request.uri().path().to_owned(), Instant::now());
    let response = next.run(request).await;
    tracing::info!(request_id = id, %method, path, status = response.status().as_u16(), duration = ?begun.elapsed(), "request");
    response
}

/// As the header says, if that can be written into a log; otherwise a new one.
fn request_id(headers: &HeaderMap, header: &str) -> String {
    let given = headers.get(header).and_then(|value| value.to_str().ok());
    let given = given.filter(|id| !id.is_empty() && id.len() <= LONGEST_ID && id.bytes().all(|byte| byte.is_ascii_graphic()));
    given.map_or_else(|| Uuid::new_v4().to_string(), ToOwned::to_owned)
}
