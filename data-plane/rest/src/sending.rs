//! Bodies on their way from a file to a client, and how fast the clients read. Whoever reads slowly keeps the room only for as long
//! as nobody else needs it: then the answer is cut off, and the connection with it.

use std::{
    io,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    task::{Context, Poll, Waker},
    time::{Duration, Instant},
};

use axum::body::Bytes;
use futures::Stream;
use tokio::fs::File;
use tokio_util::io::ReaderStream;

use crate::budget::Share;

/// Bytes that are read and sent at once.
const SENT_AT_ONCE: usize = 128 * 1024;
/// The time in which a client has to read something.
pub(crate) const WINDOW: Duration = Duration::from_secs(30);
/// Bytes a second, below which it reads slowly.
const FLOOR: u64 = 256 * 1024;

/// The bodies that are being sent.
#[derive(Debug)]
pub(crate) struct Readers {
    window: Duration,
    all: Mutex<Vec<Weak<Mutex<Body>>>>,
}

/// One of them, as a stream.
#[derive(Debug)]
pub(crate) struct Sending(Arc<Mutex<Body>>);

#[derive(Debug)]
struct Body {
    /// Until it is cut off. The room is given back with the file.
    rest: Option<(ReaderStream<File>, Share)>,
    pace: Pace,
    /// Waits for more of the file.
    waiting: Option<Waker>,
}

/// How fast somebody reads.
#[derive(Debug)]
struct Pace {
    window: Duration,
    since: Instant,
    sent: u64,
    was_slow: bool,
}

impl Readers {
    pub(crate) const fn new(window: Duration) -> Self {
        Self { window, all: Mutex::new(Vec::new()) }
    }

    pub(crate) fn begin(&self, file: File, taken: Share) -> Sending {
        let rest = Some((ReaderStream::with_capacity(file, SENT_AT_ONCE), taken));
        let body = Arc::new(Mutex::new(Body { rest, pace: Pace::new(self.window, Instant::now()), waiting: None }));
        let mut all = locked(&self.all);
        all.retain(|known| known.strong_count() > 0);
        all.push(Arc::downgrade(&body));
        Sending(body)
    }

    /// Cuts slow readers off until so much room was given back, those first that have the most of it.
    pub(crate) fn cut_off(&self, bytes: u64) {
        let now = Instant::now();
        let all: Vec<_> = locked(&self.all).iter().filter_map(Weak::upgrade).collect();
        let mut slow: Vec<_> = all.iter().filter_map(|body| Some((locked(body).held_slowly(now)?, body))).collect();
        slow.sort_by_key(|(held, _)| std::cmp::Reverse(*held));
        let mut freed = 0;
        for (held, body) in slow {
            if freed >= bytes {
                break;
            }
            freed += held;
            locked(body).cut_off();
        }
    }
}

impl Body {
    /// The room that it has, if it is read slowly.
    fn held_slowly(&self, now: Instant) -> Option<u64> {
        let (_, taken) = self.rest.as_ref()?;
        self.pace.is_slow(now).then(|| taken.bytes())
    }

    fn cut_off(&mut self) {
        tracing::warn!("an answer was cut off: its client reads slowly, and others need the temporary space");
        self.rest = None;
        if let Some(waiting) = self.waiting.take() {
            waiting.wake();
        }
    }
}

impl Pace {
    const fn new(window: Duration, now: Instant) -> Self {
        Self { window, since: now, sent: 0, was_slow: false }
    }

    fn sent(&mut self, bytes: usize, now: Instant) {
        self.sent += bytes as u64;
        if now.duration_since(self.since) >= self.window {
            *self = Self { was_slow: self.is_below(now), ..Self::new(self.window, now) };
        }
    }

    /// By the last whole window, or this one if it is longer already.
    fn is_slow(&self, now: Instant) -> bool {
        if now.duration_since(self.since) >= self.window { self.is_below(now) } else { self.was_slow }
    }

    fn is_below(&self, now: Instant) -> bool {
        let floor = u128::from(FLOOR) * now.duration_since(self.since).as_millis() / 1000;
        u128::from(self.sent) <= floor
    }
}

impl Stream for Sending {
    type Item = io::Result<Bytes>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let mut body = locked(&self.0);
        let Some((chunks, _)) = &mut body.rest else {
            return Poll::Ready(Some(Err(io::Error::new(io::ErrorKind::TimedOut, "the client reads slowly"))));
        };
        let polled = Pin::new(chunks).poll_next(cx);
        body.waiting = polled.is_pending().then(|| cx.waker().clone());
        if let Poll::Ready(Some(Ok(chunk))) = &polled {
            body.pace.sent(chunk.len(), Instant::now());
        }
        polled
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use futures::StreamExt as _;

    use super::*;
    use crate::budget::Budget;

    #[test]
    fn who_reads_less_than_the_floor_in_a_window_is_slow() {
        let start = Instant::now();
        let at = |seconds: u64| start + Duration::from_secs(seconds);
        let mut pace = Pace::new(WINDOW, start);
        assert!(!pace.is_slow(at(29)) && pace.is_slow(at(30)));
        // Fast for a window, and then not at all.
        pace.sent(64 * 1024 * 1024, at(30));
        assert!(!pace.is_slow(at(30)) && !pace.is_slow(at(59)) && pace.is_slow(at(60)));
        // A little now and then is slow for as long as it goes on.
        for second in 60..120 {
            pace.sent(1024, at(second));
            assert!(pace.is_slow(at(second)), "{second}");
        }
        pace.sent(64 * 1024 * 1024, at(150));
        assert!(!pace.is_slow(at(150)));
    }

    #[tokio::test]
    async fn who_waits_when_it_is_cut_off_learns_of_it() {
        let (readers, budget) = (Readers::new(Duration::ZERO), Budget::new(1));
        let mut taken = budget.share();
        taken.grow(1).unwrap();
        // It never ends.
        let mut sending = readers.begin(File::open("/dev/zero").await.unwrap(), taken);
        let waiting = tokio::spawn(async move {
            loop {
                if let other @ (None | Some(Err(_))) = sending.next().await {
                    return other;
                }
            }
        });
        tokio::task::yield_now().await;
        readers.cut_off(1);
        assert!(waiting.await.unwrap().unwrap().is_err());
        assert_eq!(budget.taken(), 0);
    }
}
