//! What an operation has done and has still to do, read from a project's events. Pure.

use control_plane_api::{EventKind, OperationKind, ProjectEvent, Step};

use crate::format::unix_ms;

/// How far a step is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Progress {
    /// Not begun.
    Waiting,
    /// Begun at this Unix time in milliseconds; the last try may have failed.
    Running { since_ms: i64, retry: Option<String> },
    /// Took so many milliseconds.
    Done { duration_ms: i64 },
    /// Gave up.
    Failed { cause: String },
}

/// One line of the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct StepLine {
    pub(crate) step: Step,
    pub(crate) progress: Progress,
    /// What it last said of itself while it runs; nothing once it is done.
    pub(crate) printed: String,
}

impl StepLine {
    const fn new(step: Step, progress: Progress) -> Self {
        Self { step, progress, printed: String::new() }
    }

    fn come_to(&mut self, progress: Progress) {
        // Of interest while it lasts; a failure's cause has the last words.
        if !matches!(progress, Progress::Running { .. }) {
            self.printed.clear();
        }
        self.progress = progress;
    }
}

/// The last operation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Run {
    pub(crate) operation: OperationKind,
    pub(crate) lines: Vec<StepLine>,
}

impl Run {
    /// Sum of the finished steps, in milliseconds.
    pub(crate) fn total_ms(&self) -> i64 {
        self.lines
            .iter()
            .map(|line| match line.progress {
                Progress::Done { duration_ms } => duration_ms,
                Progress::Waiting | Progress::Running { .. } | Progress::Failed { .. } => 0,
            })
            .sum()
    }
}

/// Reads the last operation out of `events` (newest first). While it is `open`, steps it is expected to take are listed
/// too, so that the list keeps its height; the control plane decides what really happens, and its events win.
pub(crate) fn last_run(events: &[ProjectEvent], open: Option<OperationKind>) -> Option<Run> {
    let events: Vec<&ProjectEvent> = events.iter().rev().collect();
    let seen = events.iter().rev().find(|event| event.step.is_some()).and_then(|event| event.operation);
    let operation = open.or(seen)?;
    let start = first_of_last(&events, operation, open.is_some());
    let mut lines: Vec<StepLine> = Vec::new();
    if open.is_some() {
        lines.extend(operation.steps().iter().map(|step| StepLine::new(*step, Progress::Waiting)));
    }
    for event in &events[start..] {
        let Some(step) = event.step else { continue };
        if event.kind == EventKind::StepProgress {
            if let Some(line) = lines.iter_mut().find(|line| line.step == step) {
                line.printed = event.message.clone().unwrap_or_default();
            }
            continue;
        }
        let progress = match event.kind {
            EventKind::StepStarted => Progress::Running { since_ms: unix_ms(event.at), retry: None },
            EventKind::StepRetried => Progress::Running { since_ms: unix_ms(event.at), retry: event.message.clone() },
            EventKind::StepFinished => Progress::Done { duration_ms: event.duration_ms.unwrap_or_default() },
            EventKind::StepFailed => Progress::Failed { cause: event.message.clone().unwrap_or_default() },
            EventKind::StateChanged
            | EventKind::StepProgress
            | EventKind::DatabaseExited
            | EventKind::Renamed
            | EventKind::Resized
            | EventKind::Deleted
            | EventKind::Measured => continue,
        };
        match lines.iter_mut().find(|line| line.step == step) {
            Some(line) => line.come_to(progress),
            None => lines.push(StepLine::new(step, progress)),
        }
    }
    Some(Run { operation, lines })
}

/// Where the last unbroken row of events of `operation` begins. A state change to a settled state ends a row, so that
/// an open operation has nothing before one.
fn first_of_last(events: &[&ProjectEvent], operation: OperationKind, open: bool) -> usize {
    let mut start = events.len();
    for (index, event) in events.iter().enumerate().rev() {
        let other = event.step.is_some() && event.operation != Some(operation);
        let settled = event.state.is_some_and(|state| !state.is_transient());
        if other || (settled && (open || start < events.len())) {
            break;
        }
        if event.step.is_some() {
            start = index;
        }
    }
    start
}

#[cfg(test)]
mod tests {
    use control_plane_api::ProjectState;
    use time::OffsetDateTime;

    use super::*;

    fn event(id: i64, kind: EventKind, operation: OperationKind, step: Option<Step>) -> ProjectEvent {
        ProjectEvent {
            id,
            at: OffsetDateTime::from_unix_timestamp(id).unwrap(),
            kind,
            operation: Some(operation),
            step,
            state: None,
            message: None,
            usage: None,
            duration_ms: (kind == EventKind::StepFinished).then_some(id),
        }
    }

    fn settled(id: i64, operation: OperationKind, state: ProjectState) -> ProjectEvent {
        ProjectEvent { state: Some(state), ..event(id, EventKind::StateChanged, operation, None) }
    }

    #[test]
    fn nothing_known_is_no_run() {
        assert_eq!(last_run(&[], None), None);
    }

    #[test]
    fn an_open_operation_lists_what_is_to_come() {
        let events = [
            event(3, EventKind::StepStarted, OperationKind::Create, Some(Step::CloneData)),
            event(2, EventKind::StepFinished, OperationKind::Create, Some(Step::PrepareTemplate)),
            event(1, EventKind::StepStarted, OperationKind::Create, Some(Step::PrepareTemplate)),
        ];
        let run = last_run(&events, Some(OperationKind::Create)).unwrap();
        assert_eq!(run.lines.len(), 5);
        assert_eq!(run.lines[0].progress, Progress::Done { duration_ms: 2 });
        assert_eq!(run.lines[1].progress, Progress::Running { since_ms: 3_000, retry: None });
        assert_eq!(run.lines[2].progress, Progress::Waiting);
        assert_eq!(run.total_ms(), 2);
    }

    #[test]
    fn a_step_shows_its_last_words_until_it_is_done() {
        let said = |id, text: &str| ProjectEvent {
            message: Some(text.into()),
            ..event(id, EventKind::StepProgress, OperationKind::Create, Some(Step::PrepareTemplate))
        };
        let mut events = vec![
            said(3, "one\ntwo"),
            said(2, "one"),
            event(1, EventKind::StepStarted, OperationKind::Create, Some(Step::PrepareTemplate)),
        ];
        let run = last_run(&events, Some(OperationKind::Create)).unwrap();
        assert_eq!(run.lines[0].printed, "one\ntwo");
        events.insert(0, event(4, EventKind::StepFinished, OperationKind::Create, Some(Step::PrepareTemplate)));
        assert_eq!(last_run(&events, Some(OperationKind::Create)).unwrap().lines[0].printed, "");
    }

    #[test]
    fn only_the_last_of_two_like_operations_counts() {
        let restart = OperationKind::Restart;
        let events = [
            settled(5, restart, ProjectState::Running),
            event(4, EventKind::StepFinished, restart, Some(Step::Withdraw)),
            settled(3, restart, ProjectState::Running),
            event(2, EventKind::StepFailed, restart, Some(Step::StopDatabase)),
            event(1, EventKind::StepFinished, restart, Some(Step::Withdraw)),
        ];
        let run = last_run(&events, None).unwrap();
        assert_eq!(run.lines, [StepLine::new(Step::Withdraw, Progress::Done { duration_ms: 4 })]);
    }

    #[test]
    fn a_new_operation_does_not_show_the_steps_of_the_one_before() {
        let events = [
            settled(2, OperationKind::Create, ProjectState::Running),
            event(1, EventKind::StepFinished, OperationKind::Create, Some(Step::StartDatabase)),
        ];
        let run = last_run(&events, Some(OperationKind::Resume)).unwrap();
        assert!(run.lines.iter().all(|line| line.progress == Progress::Waiting));
    }
}
