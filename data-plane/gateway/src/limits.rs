//! What one project may use of the gateway, so that none starves another.

use std::{
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use axum::body::{Body, Bytes, HttpBody};
use http::HeaderMap;
use http_body_util::BodyExt as _;
use tokio::sync::OwnedSemaphorePermit;

/// Limits per project.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Requests at work at once.
    pub concurrency: usize,
    /// Longest wait for a place among them.
    pub queue_wait: Duration,
    /// Requests that may wait.
    pub queue_length: usize,
    /// Longest time until the service begins to answer.
    pub response_time: Duration,
    /// Longest pause between two pieces of a request body.
    pub body_pause: Duration,
    /// Largest request body, in bytes.
    pub body_bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            concurrency: 128,
            queue_wait: Duration::from_secs(10),
            queue_length: 512,
            response_time: Duration::from_secs(60),
            body_pause: Duration::from_secs(30),
            body_bytes: 50 * 1024 * 1024,
        }
    }
}

/// A response body that holds its request's place until it has been sent.
#[derive(Debug)]
pub(crate) struct Placed {
    body: Body,
    _place: OwnedSemaphorePermit,
}

impl Placed {
    pub(crate) fn wrap(body: Body, place: OwnedSemaphorePermit) -> Body {
        Body::new(Self { body, _place: place })
    }
}

impl HttpBody for Placed {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<http_body::Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> http_body::SizeHint {
        self.body.size_hint()
    }
}

/// A request body that ends with an error when it grows over the limit or pauses too long.
pub(crate) fn bounded(body: Body, limits: &Limits) -> Body {
    let limit = usize::try_from(limits.body_bytes).unwrap_or(usize::MAX);
    let limited = http_body_util::Limited::new(body, limit);
    Body::new(tower_http::timeout::TimeoutBody::new(limits.body_pause, limited.map_err(axum::Error::new)))
}

/// The declared length of a body, if it is declared and a number.
pub(crate) fn declared_length(headers: &HeaderMap) -> Option<u64> {
    headers.get(http::header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}
