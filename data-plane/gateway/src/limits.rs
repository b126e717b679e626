//! What one project may use of the gateway, so that none starves another.

use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU8, Ordering},
    },
    task::{Context, Poll, ready},
    time::Duration,
};

use axum::body::{Body, Bytes, HttpBody};
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

/// How far a request's body has arrived.
#[derive(Debug, Clone, Default)]
pub(crate) struct Arrival(Arc<AtomicU8>);

impl Arrival {
    const COMPLETE: u8 = 1;
    const TOO_LARGE: u8 = 2;

    pub(crate) fn is_complete(&self) -> bool {
        self.0.load(Ordering::Relaxed) == Self::COMPLETE
    }

    /// It grew over the limit, and was cut off.
    pub(crate) fn is_too_large(&self) -> bool {
        self.0.load(Ordering::Relaxed) == Self::TOO_LARGE
    }

    fn set(&self, state: u8) {
        self.0.store(state, Ordering::Relaxed);
    }
}

#[derive(Debug)]
struct Arriving {
    body: Body,
    arrival: Arrival,
    /// Bytes that may still come.
    room: u64,
}

impl HttpBody for Arriving {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<http_body::Frame<Bytes>, axum::Error>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(context));
        let length = frame.as_ref().and_then(|frame| frame.as_ref().ok()?.data_ref()).map_or(0, |data| data.len() as u64);
        match self.room.checked_sub(length) {
            Some(room) => self.room = room,
            None => {
                self.arrival.set(Arrival::TOO_LARGE);
                return Poll::Ready(Some(Err(axum::Error::new(TooLarge))));
            }
        }
        if frame.is_none() || self.body.is_end_stream() {
            self.arrival.set(Arrival::COMPLETE);
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

#[derive(Debug)]
struct TooLarge;

impl std::fmt::Display for TooLarge {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the request body is too large")
    }
}

impl std::error::Error for TooLarge {}

/// A request body that ends with an error when it grows over the limit or pauses too long, with word of its arrival.
pub(crate) fn bounded(body: Body, limits: &Limits) -> (Body, Arrival) {
    let arrival = Arrival::default();
    if body.is_end_stream() {
        arrival.set(Arrival::COMPLETE);
    }
    let body = Arriving { body, arrival: arrival.clone(), room: limits.body_bytes };
    (Body::new(tower_http::timeout::TimeoutBody::new(limits.body_pause, body)), arrival)
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt as _;
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
