//! Threads of one priority, and the queue in front of them.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
        mpsc::{self, Receiver, Sender},
    },
    thread,
    time::Duration,
};

use tokio::{
    sync::{
        OwnedSemaphorePermit,
        oneshot::{self, error::RecvError},
    },
    time::{Instant, timeout_at},
};

use super::outcomes::Rest;
use crate::password::Error;

/// Cheap to clone. Its threads end with the last clone.
#[derive(Clone)]
pub(super) struct Pool {
    queue: Sender<Job>,
    /// So many computations have ended since it began.
    ended: Arc<AtomicU64>,
}

struct Job {
    /// Set by the thread that begins it, or by the caller that has waited long enough; the other one lets it be.
    taken: Arc<AtomicBool>,
    work: Box<dyn FnOnce() + Send>,
}

/// A computation that was handed in.
pub(super) struct Pending<T> {
    taken: Arc<AtomicBool>,
    answered: oneshot::Receiver<Result<T, Error>>,
}

/// What became of one.
pub(super) enum Waited<T> {
    Answered(Result<T, Error>),
    /// It had not begun, and never will.
    Late,
    /// Nothing ends. Nobody waits for this one any more.
    Stalled,
}

impl Pool {
    /// Starts the threads, each of which first calls `begin` to take its priority. The last one of several takes its
    /// `rest` before each computation.
    pub(super) fn new(name: &str, threads: usize, begin: fn(), rest: Option<&Rest>) -> Result<Self, Error> {
        let (queue, jobs) = mpsc::channel();
        let jobs = Arc::new(Mutex::new(jobs));
        let ended = Arc::new(AtomicU64::new(0));
        for number in 0..threads {
            let (jobs, ended) = (jobs.clone(), ended.clone());
            let rest = rest.filter(|_| number > 0 && number + 1 == threads).cloned();
            let run = move || {
                begin();
                work(&jobs, &ended, rest.as_ref());
            };
            thread::Builder::new()
                .name(format!("{name}-{number}"))
                .spawn(run)
                .map_err(|error| Error::Failed(error.to_string()))?;
        }
        Ok(Self { queue, ended })
    }

    /// Hands a computation in. How many there may be is told by whoever gives out the places; its own is given back when it has ended.
    pub(super) fn submit<T: Send + 'static>(
        &self,
        place: Arc<OwnedSemaphorePermit>,
        compute: impl FnOnce() -> Result<T, Error> + Send + 'static,
    ) -> Result<Pending<T>, Error> {
        let (answer, answered) = oneshot::channel();
        let taken = Arc::new(AtomicBool::new(false));
        let work = Box::new(move || {
            // Nobody waits for it: the request was dropped.
            if answer.is_closed() {
                return;
            }
            let outcome = compute();
            // Before whoever waits comes with another one.
            drop(place);
            let _ = answer.send(outcome);
        });
        let job = Job { taken: taken.clone(), work };
        self.queue.send(job).map_err(|_| Error::Failed("no thread is left".to_owned()))?;
        Ok(Pending { taken, answered })
    }

    /// Waits for what was handed in, as long as the threads end any computation at all within each `stall`.
    pub(super) async fn unless_stalled<T>(&self, mut pending: Pending<T>, deadline: Instant, stall: Duration) -> Waited<T> {
        loop {
            let ended = self.ended.load(Ordering::Relaxed);
            let next = Instant::now() + stall;
            if deadline <= next {
                return pending.until(deadline).await;
            }
            match timeout_at(next, &mut pending.answered).await {
                Ok(answer) => return Waited::for_answer(answer),
                Err(_) if self.ended.load(Ordering::Relaxed) == ended => {
                    pending.taken.store(true, Ordering::SeqCst);
                    return Waited::Stalled;
                }
                Err(_) => {}
            }
        }
    }
}

impl<T> Pending<T> {
    /// Waits until `deadline`, or as long as it takes if it has begun by then.
    pub(super) async fn until(mut self, deadline: Instant) -> Waited<T> {
        match timeout_at(deadline, &mut self.answered).await {
            Ok(answer) => Waited::for_answer(answer),
            Err(_) if !self.taken.swap(true, Ordering::SeqCst) => Waited::Late,
            Err(_) => Waited::for_answer(self.answered.await),
        }
    }
}

impl<T> Waited<T> {
    fn for_answer(answer: Result<Result<T, Error>, RecvError>) -> Self {
        Self::Answered(answer.unwrap_or_else(|_| Err(Error::Failed("the computation panicked".to_owned()))))
    }
}

fn work(jobs: &Mutex<Receiver<Job>>, ended: &AtomicU64, rest: Option<&Rest>) {
    loop {
        if let Some(rest) = rest {
            rest.until_needed();
        }
        let job = jobs.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(job) = job else { return };
        if !job.taken.swap(true, Ordering::SeqCst) {
            // A panic ends this password, not the thread.
            let _ = std::panic::catch_unwind(std::panic::AssertUnwindSafe(job.work));
            ended.fetch_add(1, Ordering::Relaxed);
        }
    }
}
