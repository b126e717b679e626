use super::*;

const RUNNING: Observation = Observation {
    template: true,
    data: DataState::Complete,
    database: DatabaseState::Ready,
    passwords: true,
    services: true,
    size: true,
};
const STOPPED: Observation = Observation { database: DatabaseState::Stopped, ..RUNNING };
const NOTHING: Observation = Observation {
    template: false,
    data: DataState::Absent,
    database: DatabaseState::Stopped,
    passwords: false,
    services: false,
    size: false,
};

fn situation(kind: OperationKind, step: Step, observation: Observation, published: bool) -> Situation {
    Situation {
        kind,
        step,
        attempt: 0,
        overdue: false,
        observation: Some(observation),
        published,
        archived: step == Step::PackData,
        recent_exits: 0,
        failure: None,
    }
}

fn failed(kind: OperationKind, attempt: i32, outlook: Outlook, overdue: bool) -> Situation {
    let failure = Some(StepFailure { cause: "disk full".into(), outlook });
    Situation {
        kind,
        step: kind.steps()[0],
        attempt,
        overdue,
        observation: Some(NOTHING),
        published: false,
        archived: false,
        recent_exits: 0,
        failure,
    }
}

#[test]
fn steps_follow_each_other_once_they_are_fulfilled() {
    use OperationKind as Kind;
    let partly = Observation { passwords: false, ..RUNNING };
    let cloned = Observation { passwords: false, ..STOPPED };
    let template = Observation { template: true, ..NOTHING };
    let gone = Observation { template: true, ..NOTHING };
    let hop = |step| Next::Hop(step, Duration::ZERO);
    for (kind, step, observation, published, expected) in [
        (Kind::Create, Step::PrepareTemplate, template, false, hop(Step::CloneData)),
        (Kind::Create, Step::CloneData, cloned, false, hop(Step::StartDatabase)),
        (Kind::Create, Step::StartDatabase, partly, false, hop(Step::SetPasswords)),
        (Kind::Create, Step::SetPasswords, RUNNING, false, hop(Step::Publish)),
        (Kind::Create, Step::Publish, RUNNING, true, Next::Done(Some(ProjectState::Running))),
        (Kind::Pause, Step::Withdraw, RUNNING, false, hop(Step::StopDatabase)),
        (Kind::Pause, Step::StopDatabase, STOPPED, false, Next::Done(Some(ProjectState::Paused))),
        (Kind::Resume, Step::StartDatabase, RUNNING, false, hop(Step::Publish)),
        (Kind::Resume, Step::Publish, RUNNING, true, Next::Done(Some(ProjectState::Running))),
        (Kind::Restart, Step::Withdraw, RUNNING, false, hop(Step::StopDatabase)),
        (Kind::Restart, Step::StopDatabase, STOPPED, false, hop(Step::StartDatabase)),
        (Kind::Restart, Step::StartDatabase, RUNNING, false, hop(Step::Publish)),
        (Kind::Restart, Step::Publish, RUNNING, true, Next::Done(Some(ProjectState::Running))),
        (Kind::Recover, Step::Withdraw, STOPPED, false, hop(Step::StartDatabase)),
        (Kind::Recover, Step::StartDatabase, RUNNING, false, hop(Step::Publish)),
        (Kind::Recover, Step::Publish, RUNNING, true, Next::Done(Some(ProjectState::Running))),
        (Kind::Resize, Step::ApplySize, RUNNING, true, Next::Done(Some(ProjectState::Running))),
        (Kind::Export, Step::PackData, STOPPED, false, Next::Done(Some(ProjectState::Paused))),
        (Kind::Import, Step::PrepareTemplate, template, false, hop(Step::UnpackData)),
        (Kind::Import, Step::UnpackData, cloned, false, hop(Step::StartDatabase)),
        (Kind::Import, Step::Publish, RUNNING, true, Next::Done(Some(ProjectState::Running))),
        (Kind::Delete, Step::Withdraw, RUNNING, false, hop(Step::DestroyData)),
        (Kind::Delete, Step::DestroyData, gone, false, hop(Step::Forget)),
        (Kind::Delete, Step::Forget, gone, false, Next::Done(None)),
    ] {
        assert_eq!(advance(&situation(kind, step, observation, published)), expected, "{kind} {step}");
    }
}

#[test]
fn a_step_is_not_left_before_its_effect_can_be_seen() {
    for (kind, step, observation, published) in [
        (OperationKind::Create, Step::PrepareTemplate, NOTHING, false),
        (OperationKind::Create, Step::CloneData, NOTHING, false),
        (OperationKind::Create, Step::StartDatabase, STOPPED, false),
        (OperationKind::Create, Step::Publish, RUNNING, false),
        (OperationKind::Pause, Step::Withdraw, RUNNING, true),
        (OperationKind::Pause, Step::StopDatabase, RUNNING, false),
        (OperationKind::Delete, Step::DestroyData, STOPPED, false),
        (OperationKind::Import, Step::UnpackData, NOTHING, false),
    ] {
        let next = advance(&situation(kind, step, observation, published));
        assert!(matches!(next, Next::Nap(..)), "{kind} {step}: {next:?}");
    }
}

#[test]
fn failures_are_repeated_with_growing_pauses_and_then_given_up() {
    let nap = |ms| Next::Nap(Duration::from_millis(ms), "disk full".into());
    let gives_up = |kind: &OperationKind| !matches!(kind, OperationKind::Delete | OperationKind::Resize);
    for kind in OperationKind::ALL.into_iter().filter(gives_up) {
        let fail = match kind {
            // Nothing of the project is different for that.
            OperationKind::Export => Next::Abandon(ProjectState::Paused, "disk full".into()),
            _ => Next::Fail("disk full".into()),
        };
        assert_eq!(advance(&failed(kind, 0, Outlook::Transient, false)), nap(250), "{kind}");
        assert_eq!(advance(&failed(kind, 2, Outlook::Transient, false)), nap(1000), "{kind}");
        let most = if kind == OperationKind::Recover { MAX_RECOVERY_ATTEMPTS } else { MAX_ATTEMPTS };
        assert!(matches!(advance(&failed(kind, most - 2, Outlook::Transient, false)), Next::Nap(..)), "{kind}");
        assert_eq!(advance(&failed(kind, most - 1, Outlook::Transient, false)), fail, "{kind}");
        assert_eq!(advance(&failed(kind, 0, Outlook::Permanent, false)), fail, "{kind}");
        assert_eq!(advance(&failed(kind, 0, Outlook::Transient, true)), fail, "{kind}");
    }
}

#[test]
fn a_failed_pause_is_not_finished_for_somebody_who_wants_the_project_to_run() {
    for (request, failed, expected) in [
        (Request::Restore, OperationKind::Pause, OperationKind::Resume),
        (Request::Restart, OperationKind::Pause, OperationKind::Restart),
        (Request::Retry, OperationKind::Pause, OperationKind::Pause),
        (Request::Restore, OperationKind::Create, OperationKind::Create),
        (Request::Restart, OperationKind::Recover, OperationKind::Recover),
    ] {
        assert_eq!(making_good(request, failed), expected, "{request:?} after {failed}");
    }
}

#[test]
fn deleting_and_resizing_never_give_up() {
    for (attempt, outlook, overdue) in
        [(0, Outlook::Permanent, true), (MAX_ATTEMPTS, Outlook::Transient, false), (i32::MAX - 1, Outlook::Permanent, true)]
    {
        for kind in [OperationKind::Delete, OperationKind::Resize] {
            assert!(matches!(advance(&failed(kind, attempt, outlook, overdue)), Next::Nap(..)), "{kind}");
        }
    }
}

#[test]
fn nothing_is_given_up_because_the_engine_is_away() {
    for kind in OperationKind::ALL {
        for attempt in [0, MAX_RECOVERY_ATTEMPTS, i32::MAX - 1] {
            let Next::Nap(pause, _) = advance(&failed(kind, attempt, Outlook::Unavailable, true)) else { panic!("{kind}") };
            assert!(pause <= MAX_UNAVAILABLE_DELAY, "{kind}: {pause:?}");
        }
    }
}

#[test]
fn every_operation_reaches_its_end_step_by_step() {
    for kind in OperationKind::ALL {
        let mut step = kind.steps()[0];
        let mut seen = vec![step];
        loop {
            let published = step == Step::Publish;
            let observation = match step {
                Step::StopDatabase => STOPPED,
                Step::ApplySize => RUNNING,
                Step::DestroyData | Step::Forget => NOTHING,
                Step::PrepareTemplate
                | Step::CloneData
                | Step::StartDatabase
                | Step::SetPasswords
                | Step::Publish
                | Step::PackData
                | Step::UnpackData
                | Step::Withdraw => RUNNING,
            };
            match advance(&situation(kind, step, observation, published)) {
                Next::Hop(next, _) => {
                    step = next;
                    seen.push(step);
                }
                Next::Done(state) => {
                    assert_eq!(state, state_after(kind));
                    break;
                }
                other => panic!("{kind} {step}: {other:?}"),
            }
        }
        assert_eq!(seen, kind.steps());
    }
}

#[test]
fn delays_double_up_to_the_limit() {
    assert_eq!(delay(0), Duration::from_millis(250));
    assert_eq!(delay(3), Duration::from_secs(2));
    assert_eq!(delay(i32::MAX), MAX_DELAY);
    assert_eq!(delay(-1), Duration::from_millis(250));
    assert_eq!(recovery_delay(1), Duration::ZERO);
    assert_eq!(recovery_delay(2), Duration::from_millis(250));
    assert_eq!(recovery_delay(u32::MAX), MAX_DELAY);
}

#[test]
fn a_database_that_keeps_ending_is_started_later_and_later() {
    for (recent_exits, expected) in [(0, 0), (1, 0), (2, 250), (4, 1000), (u32::MAX, 30_000)] {
        for kind in [OperationKind::Recover, OperationKind::Restart] {
            let before = if kind == OperationKind::Recover { Step::Withdraw } else { Step::StopDatabase };
            let next = advance(&Situation { recent_exits, ..situation(kind, before, STOPPED, false) });
            let expected = if kind == OperationKind::Recover { expected } else { 0 };
            assert_eq!(
                next,
                Next::Hop(Step::StartDatabase, Duration::from_millis(expected)),
                "{kind} after {recent_exits} exits"
            );
        }
    }
}

#[test]
fn requests_are_admitted_by_state() {
    use OperationKind as Kind;
    use ProjectState as State;
    for (request, state, open, waiting, expected) in [
        (Request::Pause, State::Running, None, false, Admission::Open(Kind::Pause)),
        (Request::Pause, State::Paused, None, false, Admission::AlreadySo),
        (Request::Pause, State::Running, Some(Kind::Recover), true, Admission::Open(Kind::Pause)),
        (Request::Restart, State::Running, Some(Kind::Recover), true, Admission::Open(Kind::Restart)),
        (Request::Pause, State::Running, Some(Kind::Recover), false, Admission::Busy),
        (Request::Pause, State::Provisioning, Some(Kind::Create), false, Admission::Busy),
        (Request::Restore, State::Paused, None, false, Admission::Open(Kind::Resume)),
        (Request::Restore, State::Running, None, false, Admission::AlreadySo),
        (Request::Restore, State::Failed, None, false, Admission::RetryFailed),
        (Request::Retry, State::Failed, None, false, Admission::RetryFailed),
        (Request::Restart, State::Running, None, false, Admission::Open(Kind::Restart)),
        (Request::Export, State::Paused, None, false, Admission::Open(Kind::Export)),
        (Request::Export, State::Paused, Some(Kind::Export), true, Admission::Busy),
        (Request::Restore, State::Paused, Some(Kind::Export), false, Admission::Busy),
        (Request::Restore, State::Paused, Some(Kind::Export), true, Admission::Open(Kind::Resume)),
        (Request::Delete, State::Paused, Some(Kind::Export), true, Admission::Open(Kind::Delete)),
        (Request::Delete, State::Failed, None, false, Admission::Open(Kind::Delete)),
        (Request::Delete, State::Provisioning, Some(Kind::Create), true, Admission::Open(Kind::Delete)),
        (Request::Delete, State::Provisioning, Some(Kind::Create), false, Admission::Busy),
        (Request::Delete, State::Deleting, Some(Kind::Delete), true, Admission::Busy),
    ] {
        assert_eq!(admit(request, state, open, waiting), expected, "{request:?} in {state}, open {open:?}");
    }
}
