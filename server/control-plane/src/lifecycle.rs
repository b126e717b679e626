//! What comes next: pure functions from what was asked and what is seen to what to do. No clock, no IO; the tables at
//! the end are the specification.

use std::time::Duration;

use control_plane_api::{OperationKind, ProjectState, Step};

use crate::provisioner::{DataState, DatabaseState, Observation};

/// How often a step is tried before an operation gives up. Deleting never does.
pub const MAX_ATTEMPTS: i32 = 5;
/// The same for a recovery, which nobody waits for: its tries take a minute and a half together.
pub const MAX_RECOVERY_ATTEMPTS: i32 = 10;
/// Longest pause between two tries.
pub const MAX_DELAY: Duration = Duration::from_secs(30);
/// The same while the driver's own means are missing. Every project waits for them, and looking for them is cheap.
pub const MAX_UNAVAILABLE_DELAY: Duration = Duration::from_secs(5);

/// How an operation stands after a try of its current step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Situation {
    pub kind: OperationKind,
    pub step: Step,
    /// Failed tries of this step so far.
    pub attempt: i32,
    /// The operation's deadline has passed.
    pub overdue: bool,
    /// What the driver sees now; nothing if it couldn't look, or if the step has nothing to do with it.
    pub observation: Option<Observation>,
    /// The project's address answers.
    pub published: bool,
    /// The project's archive is there, whole.
    pub archived: bool,
    /// How often the database has ended without being told to in the last few minutes.
    pub recent_exits: u32,
    /// How the latest try of the step failed, if it did.
    pub failure: Option<StepFailure>,
}

/// A try of a step failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StepFailure {
    /// For a person: what was wrong and what to do.
    pub cause: String,
    pub outlook: Outlook,
}

/// What may become of a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outlook {
    /// Trying again may help.
    Transient,
    /// Trying again can't help until somebody changes something.
    Permanent,
    /// The driver's own means are missing, so that no project can be worked on: wait until they are back.
    Unavailable,
}

/// What to do next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next {
    /// Go on with this step after the pause, which is nothing for all but a database that keeps ending.
    Hop(Step, Duration),
    /// Try the same step again after the pause.
    Nap(Duration, String),
    /// The operation has ended well; the project is in this state, or gone.
    Done(Option<ProjectState>),
    /// The operation gives up; the project is failed, for this cause.
    Fail(String),
    /// The operation gives up, and the project is as it was before it: in this state.
    Abandon(ProjectState, String),
}

/// The state a project is in while the operation is open.
#[must_use]
pub const fn state_during(kind: OperationKind) -> ProjectState {
    match kind {
        OperationKind::Create | OperationKind::Import => ProjectState::Provisioning,
        OperationKind::Pause => ProjectState::Pausing,
        // Nothing changes.
        OperationKind::Export => ProjectState::Paused,
        OperationKind::Resume => ProjectState::Resuming,
        OperationKind::Restart => ProjectState::Restarting,
        // Nothing is interrupted.
        OperationKind::Resize => ProjectState::Running,
        // A project that fell over is still meant to be running; its health says that it isn't.
        OperationKind::Recover => ProjectState::Running,
        OperationKind::Delete => ProjectState::Deleting,
    }
}

/// The state a project is in when the operation has ended well; nothing when the project is gone.
#[must_use]
pub const fn state_after(kind: OperationKind) -> Option<ProjectState> {
    match kind {
        OperationKind::Create
        | OperationKind::Import
        | OperationKind::Resume
        | OperationKind::Restart
        | OperationKind::Resize
        | OperationKind::Recover => Some(ProjectState::Running),
        OperationKind::Pause | OperationKind::Export => Some(ProjectState::Paused),
        OperationKind::Delete => None,
    }
}

/// Decides what follows a try of the current step. A step is left only when what it is for can be seen, whatever the
/// try itself reported, so that a repeated step after a crash costs nothing.
#[must_use]
pub fn advance(situation: &Situation) -> Next {
    if let Some(failure) = &situation.failure {
        return after_failure(situation, failure);
    }
    if !is_fulfilled(situation) {
        let cause = format!("{} did not take effect", situation.step.title());
        return after_failure(situation, &StepFailure { cause, outlook: Outlook::Transient });
    }
    let steps = situation.kind.steps();
    match steps.iter().position(|step| *step == situation.step) {
        Some(position) => match steps.get(position + 1) {
            Some(next) => Next::Hop(*next, pause_before(situation, *next)),
            None => Next::Done(state_after(situation.kind)),
        },
        // A step of another version of this program: begin again, every step is idempotent.
        None => Next::Hop(steps[0], Duration::ZERO),
    }
}

/// A recovery closes the address at once, and starts the database when that is due.
fn pause_before(situation: &Situation, next: Step) -> Duration {
    match (situation.kind, next) {
        (OperationKind::Recover, Step::StartDatabase) => recovery_delay(situation.recent_exits),
        _ => Duration::ZERO,
    }
}

/// Whether the step changes nothing of the project's on the machine, so that its effect is not seen by looking there.
#[must_use]
pub const fn is_seen_elsewhere(step: Step) -> bool {
    matches!(step, Step::Publish | Step::Withdraw | Step::PackData)
}

fn is_fulfilled(situation: &Situation) -> bool {
    let seen = |test: fn(&Observation) -> bool| situation.observation.as_ref().is_some_and(test);
    match situation.step {
        Step::PrepareTemplate => seen(|observation| observation.template),
        Step::CloneData | Step::UnpackData => seen(|observation| observation.data == DataState::Complete),
        Step::StartDatabase => seen(|observation| observation.database == DatabaseState::Ready),
        Step::SetPasswords => seen(|observation| observation.passwords),
        Step::Publish => situation.published,
        Step::Withdraw => !situation.published,
        Step::PackData => situation.archived,
        Step::StopDatabase => seen(|observation| observation.database == DatabaseState::Stopped),
        Step::DestroyData => {
            seen(|observation| observation.data == DataState::Absent && observation.database == DatabaseState::Stopped)
        }
        Step::ApplySize => seen(|observation| observation.size),
        Step::Forget => true,
    }
}

fn after_failure(situation: &Situation, failure: &StepFailure) -> Next {
    let most = match situation.kind {
        // What is half removed must go; there is no state to fall back to. And a project whose size can't be changed runs on.
        OperationKind::Delete | OperationKind::Resize => None,
        OperationKind::Recover => Some(MAX_RECOVERY_ATTEMPTS),
        OperationKind::Create
        | OperationKind::Pause
        | OperationKind::Resume
        | OperationKind::Restart
        | OperationKind::Export
        | OperationKind::Import => Some(MAX_ATTEMPTS),
    };
    let gives_up = match failure.outlook {
        Outlook::Unavailable => false,
        Outlook::Permanent => most.is_some(),
        Outlook::Transient => most.is_some_and(|most| situation.overdue || situation.attempt + 1 >= most),
    };
    let cause = failure.cause.clone();
    match failure.outlook {
        _ if gives_up && situation.kind == OperationKind::Export => Next::Abandon(ProjectState::Paused, cause),
        _ if gives_up => Next::Fail(cause),
        Outlook::Unavailable => Next::Nap(delay(situation.attempt).min(MAX_UNAVAILABLE_DELAY), cause),
        Outlook::Transient | Outlook::Permanent => Next::Nap(delay(situation.attempt), cause),
    }
}

/// Pause before try number `attempt + 2`: 250 ms, doubling, at most [`MAX_DELAY`].
#[must_use]
pub fn delay(attempt: i32) -> Duration {
    let doublings = u32::try_from(attempt.clamp(0, 16)).unwrap_or(0);
    (Duration::from_millis(250) * 2_u32.pow(doublings)).min(MAX_DELAY)
}

/// Pause before a database that ended by itself is started again: none at first, then growing with the number of exits
/// in the last few minutes, so that one that can't live does not keep the machine busy.
#[must_use]
pub fn recovery_delay(recent_exits: u32) -> Duration {
    match recent_exits {
        0 | 1 => Duration::ZERO,
        more => delay(i32::try_from(more - 2).unwrap_or(i32::MAX)),
    }
}

/// What somebody asks of a project.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Request {
    Pause,
    Restore,
    Restart,
    Retry,
    /// Put the project into an archive.
    Export,
    Delete,
}

/// Whether a request can be taken up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Admission {
    /// Open this operation, in place of one that is open and waiting.
    Open(OperationKind),
    /// Take up the failed operation where it gave up.
    RetryFailed,
    /// Nothing to do: it is so already.
    AlreadySo,
    /// Another operation is in the way.
    Busy,
    /// The state does not allow it; for a person.
    Refused(&'static str),
}

/// The operation that takes up a failed one on request. Whoever asks for a project to run does not want its pause finished.
#[must_use]
pub const fn making_good(request: Request, failed: OperationKind) -> OperationKind {
    match (request, failed) {
        (Request::Restore, OperationKind::Pause) => OperationKind::Resume,
        (Request::Restart, OperationKind::Pause) => OperationKind::Restart,
        (Request::Pause | Request::Restore | Request::Restart | Request::Retry | Request::Export | Request::Delete, failed) => {
            failed
        }
    }
}

/// Decides whether a request can be taken up in a state. `waiting` says that the open operation, if there is one, is not
/// being worked on: it naps between two tries, or it is a recovery.
#[must_use]
pub const fn admit(request: Request, state: ProjectState, open: Option<OperationKind>, waiting: bool) -> Admission {
    if let Some(kind) = open {
        return match (request, kind) {
            (_, OperationKind::Delete) => Admission::Busy,
            (Request::Pause, OperationKind::Recover | OperationKind::Resize) if waiting => Admission::Open(OperationKind::Pause),
            (Request::Restart, OperationKind::Recover | OperationKind::Resize) if waiting => {
                Admission::Open(OperationKind::Restart)
            }
            (Request::Restore, OperationKind::Export) if waiting => Admission::Open(OperationKind::Resume),
            (Request::Delete, _) if waiting => Admission::Open(OperationKind::Delete),
            (Request::Pause | Request::Restore | Request::Restart | Request::Retry | Request::Export | Request::Delete, _) => {
                Admission::Busy
            }
        };
    }
    match (request, state) {
        (Request::Delete, _) => Admission::Open(OperationKind::Delete),
        (Request::Pause, ProjectState::Running) => Admission::Open(OperationKind::Pause),
        (Request::Pause, ProjectState::Paused) | (Request::Restore, ProjectState::Running) => Admission::AlreadySo,
        (Request::Restore, ProjectState::Paused) => Admission::Open(OperationKind::Resume),
        (Request::Restart, ProjectState::Running) => Admission::Open(OperationKind::Restart),
        (Request::Restart, ProjectState::Paused) => Admission::Refused("The project is paused. Resume it (restore) instead."),
        (Request::Restore | Request::Restart | Request::Retry, ProjectState::Failed) => Admission::RetryFailed,
        (Request::Pause, ProjectState::Failed) => Admission::Refused("The project has failed. Retry or delete it."),
        (Request::Export, ProjectState::Paused) => Admission::Open(OperationKind::Export),
        (Request::Export, ProjectState::Running) => {
            Admission::Refused("The project is running. Pause it first: an archive is made of data that nobody changes.")
        }
        (Request::Export, ProjectState::Failed) => Admission::Refused("The project has failed. Retry it, and pause it then."),
        (Request::Retry, ProjectState::Running | ProjectState::Paused) => {
            Admission::Refused("The project has not failed; there is nothing to retry.")
        }
        // A transient state without an operation does not last: the reconciler gives it one.
        (
            _,
            ProjectState::Provisioning
            | ProjectState::Pausing
            | ProjectState::Resuming
            | ProjectState::Restarting
            | ProjectState::Deleting,
        ) => Admission::Busy,
    }
}

#[cfg(test)]
mod tests;
