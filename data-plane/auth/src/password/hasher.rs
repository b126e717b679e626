//! The threads that hash: a few, of low priority, with a short queue. A flood of sign-ins is answered `Busy`; it neither takes the
//! runtime's threads nor more memory than a hash a core.

use std::{
    fmt,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
        mpsc::{self, Receiver, SyncSender, TrySendError},
    },
    thread,
    time::Duration,
};

use tokio::sync::oneshot;

use super::{
    Error, check_length,
    scheme::{self, Scheme, bcrypt_hash},
};

/// Of the threads: below those that answer requests, so that hashing takes what they leave.
const NICE: i32 = 10;

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
#[derive(Clone)]
pub struct Hasher {
    queue: SyncSender<Job>,
    limits: Limits,
}

struct Job {
    /// Set by the thread that begins it, or by the caller that has waited long enough; the other one lets it be.
    taken: Arc<AtomicBool>,
    work: Box<dyn FnOnce() + Send>,
}

impl Hasher {
    /// Starts the threads. Refuses a cost whose hashes it would not verify.
    pub fn new(limits: Limits) -> Result<Self, Error> {
        scheme::check_bcrypt_cost(u64::from(limits.cost))?;
        let (queue, jobs) = mpsc::sync_channel(limits.waiting);
        let jobs = Arc::new(Mutex::new(jobs));
        for number in 0..limits.threads.max(1) {
            let jobs = jobs.clone();
            thread::Builder::new()
                .name(format!("password-{number}"))
                .spawn(move || work(&jobs))
                .map_err(|error| Error::Failed(error.to_string()))?;
        }
        Ok(Self { queue, limits })
    }

    /// Hashes a new password by bcrypt.
    pub async fn hash(&self, password: &str) -> Result<String, Error> {
        check_length(password)?;
        let (password, cost) = (password.to_owned(), self.limits.cost);
        self.run(move || bcrypt_hash(&password, cost)).await
    }

    /// Whether `password` is the one that was hashed.
    pub async fn verify(&self, hash: &str, password: &str) -> Result<bool, Error> {
        // A hash that is refused must not cost a place in the queue.
        scheme::check_format(hash)?;
        let (hash, password) = (hash.to_owned(), password.to_owned());
        self.run(move || Scheme::parse(&hash)?.verify(&password)).await
    }

    /// Takes as long as [`Hasher::verify`] of a hash of ours: for accounts that do not exist or have no password.
    pub async fn verify_nothing(&self, password: &str) -> Result<(), Error> {
        let (password, cost) = (password.to_owned(), self.limits.cost);
        self.run(move || bcrypt_hash(&password, cost).map(|_| ())).await
    }

    /// Whether a password that was just verified should be hashed anew.
    pub fn needs_rehash(&self, hash: &str) -> bool {
        scheme::needs_rehash(hash, self.limits.cost)
    }

    async fn run<T: Send + 'static>(&self, compute: impl FnOnce() -> Result<T, Error> + Send + 'static) -> Result<T, Error> {
        self.run_within(self.limits.patience, compute).await
    }

    async fn run_within<T: Send + 'static>(
        &self,
        patience: Duration,
        compute: impl FnOnce() -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let (answer, mut answered) = oneshot::channel();
        let taken = Arc::new(AtomicBool::new(false));
        let work = Box::new(move || {
            // Nobody waits for it: the request was dropped.
            if !answer.is_closed() {
                let _ = answer.send(compute());
            }
        });
        let busy = Error::Busy { retry_after: patience.max(Duration::from_secs(1)) };
        match self.queue.try_send(Job { taken: taken.clone(), work }) {
            Ok(()) => {}
            Err(TrySendError::Full(_)) => return Err(busy),
            Err(TrySendError::Disconnected(_)) => return Err(Error::Failed("no thread is left".to_owned())),
        }
        let answer = match tokio::time::timeout(patience, &mut answered).await {
            Ok(answer) => answer,
            Err(_) if !taken.swap(true, Ordering::SeqCst) => return Err(busy),
            Err(_) => answered.await,
        };
        answer.map_err(|_| Error::Failed("the computation panicked".to_owned()))?
    }
}

impl fmt::Debug for Hasher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hasher").field("limits", &self.limits).finish_non_exhaustive()
    }
}

fn work(jobs: &Mutex<Receiver<Job>>) {
    // Of this thread only (on Linux a priority is a thread's). Where it is refused, hashing merely competes.
    let _ = rustix::process::setpriority_process(None, NICE);
    loop {
        let job = jobs.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(job) = job else { return };
        if !job.taken.swap(true, Ordering::SeqCst) {
            // A panic ends this password, not the thread.
            let _ = std::panic::catch_unwind(std::panic::AssertUnwindSafe(job.work));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits() -> Limits {
        Limits { cost: 4, threads: 1, waiting: 1, patience: Duration::from_secs(60) }
    }

    /// Holds the hasher's only thread until the sender is dropped.
    async fn occupy(hasher: &Hasher) -> mpsc::Sender<()> {
        let (release, released) = mpsc::channel::<()>();
        let (begun, begins) = oneshot::channel();
        let hasher = hasher.clone();
        tokio::spawn(async move {
            hasher
                .run(move || {
                    let _ = begun.send(());
                    let _ = released.recv();
                    Ok(())
                })
                .await
        });
        begins.await.unwrap();
        release
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
        let hasher = Hasher::new(limits()).unwrap();
        let release = occupy(&hasher).await;
        let mut waiting = std::pin::pin!(hasher.hash("waits"));
        assert!(futures::poll!(waiting.as_mut()).is_pending());
        let refused = hasher.verify_nothing("no place").await;
        assert!(matches!(refused, Err(Error::Busy { retry_after }) if retry_after >= Duration::from_secs(1)));
        drop(release);
        waiting.await.unwrap();
    }

    #[tokio::test]
    async fn one_that_waits_too_long_is_busy_and_is_never_computed() {
        let hasher = Hasher::new(Limits { waiting: 2, ..limits() }).unwrap();
        let release = occupy(&hasher).await;
        let ran = Arc::new(AtomicBool::new(false));
        let flag = ran.clone();
        let late = hasher
            .run_within(Duration::from_millis(1), move || {
                flag.store(true, Ordering::SeqCst);
                Ok(())
            })
            .await;
        assert!(matches!(late, Err(Error::Busy { .. })));
        drop(release);
        // It was before this one in the queue.
        hasher.verify_nothing("after").await.unwrap();
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
