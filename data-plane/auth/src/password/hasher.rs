//! The threads that hash: a few, of low priority, with a short queue. A flood of sign-ins is answered `Busy`; it neither takes the
//! runtime's threads nor more memory than a few hashes a core, and takes of the processors only what requests leave.

mod outcomes;
mod pool;

use std::{fmt, sync::Arc, thread, time::Duration};

use thread_priority::{
    NormalThreadSchedulePolicy, ThreadPriority, ThreadSchedulePolicy, set_thread_priority_and_policy, thread_native_id,
};
use tokio::{sync::Semaphore, time::Instant};

use self::{
    outcomes::Outcomes,
    pool::{Pool, Waited},
};
use super::{
    Error, check_length,
    scheme::{self, Scheme, bcrypt_hash},
};

/// Of the threads for a few passwords at a time: below those that answer requests.
const NICE: i32 = 10;
/// Where the lowest class of scheduling can't be had.
const NICEST: i32 = 19;
/// A crowd's threads that have ended nothing for so long get no time: the machine is busy with something else.
const STALLED: Duration = Duration::from_secs(1);

/// How much is hashed at once.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// bcrypt's, of new hashes, from 4 to 16: GoTrue's is 10.
    pub cost: u32,
    /// Hashes computed at once.
    pub threads: usize,
    /// Hashes that may wait for a thread.
    pub waiting: usize,
    /// How long one waits.
    pub patience: Duration,
}

impl Default for Limits {
    /// Cost 10 on every core; a queue that a core works off in about four seconds, and twice as many for a machine that has much
    /// else to do: less than a request may take.
    fn default() -> Self {
        let threads = thread::available_parallelism().map_or(1, usize::from);
        Self { cost: 10, threads, waiting: threads * 64, patience: Duration::from_secs(8) }
    }
}

/// Hashes and verifies. Cheap to clone; one is for the whole process, whatever the number of projects. Its threads end with the last
/// clone.
///
/// As many passwords as there are threads are hashed by such that merely yield to others. What comes in beside is a crowd: it is left
/// to threads that run when nothing else wants to, so that other requests don't feel it. Where the machine never rests, those would
/// not end, and the first ones take over.
///
/// Whoever guesses leaves a core to the others: while passwords are mostly wrong, one of several threads rests, and all are hashed by
/// the rest. Linux shares the processors out by session or container first (autogroups, cgroups), so that a database waits up to a tick
/// even for the lowest thread of another one; and it takes a core that only such a thread has for a free one.
#[derive(Clone)]
pub struct Hasher {
    few: Pool,
    crowd: Pool,
    outcomes: Arc<Outcomes>,
    /// Of those that are hashed and those that wait.
    places: Arc<Semaphore>,
    stall: Duration,
    limits: Limits,
}

impl Hasher {
    /// Starts the threads. Refuses a cost whose hashes it would not verify.
    pub fn new(limits: Limits) -> Result<Self, Error> {
        scheme::check_bcrypt_cost(u64::from(limits.cost))?;
        let threads = limits.threads.max(1);
        let limits = Limits { threads, ..limits };
        let outcomes = Outcomes::new();
        Ok(Self {
            few: Pool::new("password", threads, yield_to_others, Some(&outcomes.rest()))?,
            crowd: Pool::new("passwords", threads, run_when_others_rest, None)?,
            outcomes: Arc::new(outcomes),
            places: Arc::new(Semaphore::new(threads + limits.waiting)),
            stall: STALLED,
            limits,
        })
    }

    /// Hashes a new password by bcrypt.
    pub async fn hash(&self, password: &str) -> Result<String, Error> {
        check_length(password)?;
        let (password, cost) = (password.to_owned(), self.limits.cost);
        let hash = self.run(move || bcrypt_hash(&password, cost)).await?;
        self.outcomes.note(false);
        Ok(hash)
    }

    /// Whether `password` is the one that was hashed.
    pub async fn verify(&self, hash: &str, password: &str) -> Result<bool, Error> {
        // A hash that is refused must not cost a place in the queue.
        scheme::check_format(hash)?;
        let (hash, password) = (hash.to_owned(), password.to_owned());
        let is_right = self.run(move || Scheme::parse(&hash)?.verify(&password)).await?;
        self.outcomes.note(!is_right);
        Ok(is_right)
    }

    /// Takes as long as [`Hasher::verify`] of a hash of ours: for accounts that do not exist or have no password.
    pub async fn verify_nothing(&self, password: &str) -> Result<(), Error> {
        let (password, cost) = (password.to_owned(), self.limits.cost);
        self.run(move || bcrypt_hash(&password, cost)).await?;
        self.outcomes.note(true);
        Ok(())
    }

    /// Whether a password that was just verified should be hashed anew.
    pub fn needs_rehash(&self, hash: &str) -> bool {
        scheme::needs_rehash(hash, self.limits.cost)
    }

    async fn run<T: Send + 'static>(&self, compute: impl Fn() -> Result<T, Error> + Clone + Send + 'static) -> Result<T, Error> {
        self.run_within(self.limits.patience, compute).await
    }

    async fn run_within<T: Send + 'static>(
        &self,
        patience: Duration,
        compute: impl Fn() -> Result<T, Error> + Clone + Send + 'static,
    ) -> Result<T, Error> {
        let busy = || Error::Busy { retry_after: patience.max(Duration::from_secs(1)) };
        let deadline = Instant::now() + patience;
        let crowded = self.places_taken() >= self.limits.threads && !self.outcomes.are_mostly_wrong();
        let place = Arc::new(self.places.clone().try_acquire_owned().map_err(|_| busy())?);
        let mut waited = Waited::Stalled;
        if crowded {
            let pending = self.crowd.submit(place.clone(), compute.clone())?;
            waited = self.crowd.unless_stalled(pending, deadline, self.stall).await;
        }
        if let Waited::Stalled = waited {
            waited = self.few.submit(place, compute)?.until(deadline).await;
        }
        match waited {
            Waited::Answered(answer) => answer,
            Waited::Late | Waited::Stalled => Err(busy()),
        }
    }

    fn places_taken(&self) -> usize {
        self.limits.threads + self.limits.waiting - self.places.available_permits()
    }
}

impl fmt::Debug for Hasher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hasher").field("limits", &self.limits).finish_non_exhaustive()
    }
}

/// Of this thread only: on Linux a priority is a thread's. Where it is refused, hashing merely competes.
fn yield_to_others() {
    let _ = rustix::process::setpriority_process(None, NICE);
}

/// The class `SCHED_IDLE`: anything else that wants to run interrupts it at once.
fn run_when_others_rest() {
    let idle = ThreadSchedulePolicy::Normal(NormalThreadSchedulePolicy::Idle);
    if set_thread_priority_and_policy(thread_native_id(), ThreadPriority::Min, idle).is_err() {
        let _ = rustix::process::setpriority_process(None, NICEST);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{
        Mutex,
        atomic::{AtomicBool, Ordering},
        mpsc,
    };

    use tokio::sync::oneshot;

    use super::*;

    fn limits() -> Limits {
        Limits { cost: 4, threads: 1, waiting: 1, patience: Duration::from_secs(60) }
    }

    /// Holds the thread that takes up the next password, until the sender is dropped. However long that is, no other thread takes over.
    async fn occupy(hasher: &Hasher) -> mpsc::Sender<()> {
        let (release, released) = mpsc::channel::<()>();
        let (begun, begins) = oneshot::channel();
        let held = Arc::new(Mutex::new((Some(begun), released)));
        let hasher = Hasher { stall: limits().patience, ..hasher.clone() };
        tokio::spawn(async move {
            hasher
                .run(move || {
                    let mut held = held.lock().unwrap();
                    let _ = held.0.take().map(|begun| begun.send(()));
                    let _ = held.1.recv();
                    Ok(())
                })
                .await
        });
        begins.await.unwrap();
        release
    }

    /// The thread that yields is held, and so there is a crowd.
    async fn crowded(limits: Limits) -> (Hasher, mpsc::Sender<()>) {
        let hasher = Hasher::new(limits).unwrap();
        let release = occupy(&hasher).await;
        (hasher, release)
    }

    #[tokio::test]
    async fn a_crowd_has_threads_of_its_own() {
        let (hasher, _release) = crowded(limits()).await;
        hasher.hash("one of a crowd").await.unwrap();
    }

    #[tokio::test]
    async fn the_others_take_over_where_a_crowds_threads_get_no_time() {
        let (mut hasher, release) = crowded(Limits { waiting: 2, ..limits() }).await;
        let _stuck = occupy(&hasher).await;
        hasher.stall = Duration::from_millis(1);
        let mut moved = std::pin::pin!(hasher.hash("was in the crowd"));
        assert!(futures::poll!(moved.as_mut()).is_pending());
        drop(release);
        moved.await.unwrap();
    }

    #[tokio::test]
    async fn guesses_leave_a_core_to_others() {
        let hasher = Hasher::new(Limits { threads: 2, ..limits() }).unwrap();
        let hash = hasher.hash("correct horse").await.unwrap();
        for _ in 0..32 {
            hasher.verify_nothing("guessed").await.unwrap();
            assert!(!hasher.verify(&hash, "guessed").await.unwrap());
        }
        // A thread that waited for a password when the last wrong one ended takes one more.
        loop {
            let release = occupy(&hasher).await;
            let mut waiting = std::pin::pin!(hasher.verify(&hash, "correct horse"));
            let soon = tokio::time::timeout(Duration::from_millis(300), waiting.as_mut()).await;
            drop(release);
            if soon.is_err() {
                assert!(waiting.await.unwrap());
                break;
            }
            hasher.verify_nothing("guessed").await.unwrap();
        }
    }

    #[tokio::test]
    async fn hashes_and_verifies() {
        let hasher = Hasher::new(limits()).unwrap();
        let hash = hasher.hash("correct horse").await.unwrap();
        assert!(hasher.verify(&hash, "correct horse").await.unwrap());
        assert!(!hasher.verify(&hash, "correct cart").await.unwrap());
        assert!(!hasher.needs_rehash(&hash));
        hasher.verify_nothing("anything").await.unwrap();
    }

    #[tokio::test]
    async fn seventy_two_bytes_are_the_most() {
        let hasher = Hasher::new(limits()).unwrap();
        assert!(hasher.hash(&"a".repeat(72)).await.is_ok());
        assert!(hasher.hash("").await.is_ok());
        let error = hasher.hash(&"a".repeat(73)).await.unwrap_err();
        assert_eq!(error.to_string(), "Password cannot be longer than 72 characters");
        assert!(matches!(hasher.hash(&"é".repeat(37)).await, Err(Error::TooLong)));
    }

    #[tokio::test]
    async fn a_full_queue_is_busy() {
        let (hasher, release) = crowded(Limits { waiting: 2, ..limits() }).await;
        let stuck = occupy(&hasher).await;
        let mut waiting = std::pin::pin!(hasher.hash("waits"));
        assert!(futures::poll!(waiting.as_mut()).is_pending());
        let refused = hasher.verify_nothing("no place").await;
        assert!(matches!(refused, Err(Error::Busy { retry_after }) if retry_after >= Duration::from_secs(1)));
        drop(release);
        drop(stuck);
        waiting.await.unwrap();
    }

    #[tokio::test]
    async fn one_that_waits_too_long_is_busy_and_is_never_computed() {
        let (hasher, release) = crowded(Limits { waiting: 3, ..limits() }).await;
        let stuck = occupy(&hasher).await;
        let ran = Arc::new(AtomicBool::new(false));
        let flag = ran.clone();
        let late = hasher
            .run_within(Duration::from_millis(1), move || {
                flag.store(true, Ordering::SeqCst);
                Ok(())
            })
            .await;
        assert!(matches!(late, Err(Error::Busy { .. })));
        drop(stuck);
        // It was before this one in the queue.
        hasher.verify_nothing("after").await.unwrap();
        drop(release);
        assert!(!ran.load(Ordering::SeqCst));
    }

    #[tokio::test]
    async fn a_panic_is_an_error_and_the_thread_lives() {
        let hasher = Hasher::new(limits()).unwrap();
        assert!(matches!(hasher.run(|| -> Result<(), Error> { panic!("expected") }).await, Err(Error::Failed(_))));
        assert!(hasher.hash("still").await.is_ok());
    }

    #[test]
    fn a_cost_that_would_not_be_verified_is_refused() {
        assert!(matches!(Hasher::new(Limits { cost: 17, ..limits() }), Err(Error::TooCostly { .. })));
        assert!(matches!(Hasher::new(Limits { cost: 3, ..limits() }), Err(Error::Format(_))));
    }

    #[tokio::test]
    async fn a_hash_that_is_refused_takes_no_thread() {
        let hasher = Hasher::new(limits()).unwrap();
        let _release = occupy(&hasher).await;
        assert!(matches!(hasher.verify("plain", "x").await, Err(Error::Format(_))));
    }
}
