//! What one project may use of the gateway, so that none starves another.

use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, ready},
    time::Duration,
};

use axum::body::{Body, Bytes, HttpBody};
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

/// Largest piece of a response that is handed out at once, in bytes.
const PIECE: usize = 64 * 1024;

/// A response body that holds its request's place until it has been sent. Handed out in pieces, because whoever sends it
/// would take any amount at once and let the place go long before it has arrived.
#[derive(Debug)]
pub(crate) struct Placed {
    body: Body,
    rest: Bytes,
    _place: OwnedSemaphorePermit,
}

impl Placed {
    pub(crate) fn wrap(body: Body, place: OwnedSemaphorePermit) -> Body {
        Body::new(Self { body, rest: Bytes::new(), _place: place })
    }

    fn piece(&mut self) -> http_body::Frame<Bytes> {
        let length = self.rest.len().min(PIECE);
        http_body::Frame::data(self.rest.split_to(length))
    }
}

impl HttpBody for Placed {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<http_body::Frame<Bytes>, axum::Error>>> {
        if !self.rest.is_empty() {
            return Poll::Ready(Some(Ok(self.piece())));
        }
        match ready!(Pin::new(&mut self.body).poll_frame(context)) {
            Some(Ok(frame)) => match frame.into_data() {
                Ok(data) => {
                    self.rest = data;
                    Poll::Ready(Some(Ok(self.piece())))
                }
                Err(trailers) => Poll::Ready(Some(Ok(trailers))),
            },
            end => Poll::Ready(end),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> http_body::SizeHint {
        let (mut hint, rest) = (self.body.size_hint(), self.rest.len() as u64);
        if let Some(upper) = hint.upper() {
            hint.set_upper(upper.saturating_add(rest));
        }
        hint.set_lower(hint.lower().saturating_add(rest));
        hint
    }
}

/// Tells whether a request's body has arrived to its end.
#[derive(Debug, Clone)]
pub(crate) struct Arrival(Arc<AtomicBool>);

impl Arrival {
    pub(crate) fn is_complete(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

#[derive(Debug)]
struct Arriving {
    body: Body,
    arrival: Arrival,
}

impl HttpBody for Arriving {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<http_body::Frame<Bytes>, axum::Error>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(context));
        if frame.is_none() || self.body.is_end_stream() {
            self.arrival.0.store(true, Ordering::Relaxed);
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> http_body::SizeHint {
        self.body.size_hint()
    }
}

/// A request body that ends with an error when it grows over the limit or pauses too long, with word of its arrival.
pub(crate) fn bounded(body: Body, limits: &Limits) -> (Body, Arrival) {
    let arrival = Arrival(Arc::new(AtomicBool::new(body.is_end_stream())));
    let body = Body::new(Arriving { body, arrival: arrival.clone() });
    let limit = usize::try_from(limits.body_bytes).unwrap_or(usize::MAX);
    let limited = http_body_util::Limited::new(body, limit);
    (Body::new(tower_http::timeout::TimeoutBody::new(limits.body_pause, limited.map_err(axum::Error::new))), arrival)
}

#[cfg(test)]
mod tests {
    use tokio::sync::Semaphore;

    use super::*;

    #[tokio::test]
    async fn a_place_is_held_until_the_last_piece_is_taken() {
        let places = Arc::new(Semaphore::new(1));
        let place = Arc::clone(&places).try_acquire_owned().unwrap();
        let mut body = Placed::wrap(Body::from(vec![7; PIECE * 2 + 1]), place);
        assert_eq!(body.size_hint().exact(), Some(PIECE as u64 * 2 + 1));
        let mut sizes = Vec::new();
        while let Some(frame) = body.frame().await {
            sizes.push(frame.unwrap().into_data().unwrap().len());
            assert_eq!(places.available_permits(), 0);
        }
        assert_eq!(sizes, [PIECE, PIECE, 1]);
        assert!(body.is_end_stream());
        drop(body);
        assert_eq!(places.available_permits(), 1);
    }

    #[tokio::test]
    async fn a_body_tells_of_its_arrival() {
        let (_, nothing) = bounded(Body::empty(), &Limits::default());
        assert!(nothing.is_complete());
        let (mut body, arrival) = bounded(Body::from("all of it"), &Limits::default());
        assert!(!arrival.is_complete());
        while body.frame().await.is_some() {}
        assert!(arrival.is_complete());
    }
}
