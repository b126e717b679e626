//! The steps of the last operation with their durations, live while it runs.

use std::time::Duration;

use control_plane_api::OperationKind;
use leptos::prelude::*;

use super::{Glyph, Icon, Sheet};
use crate::{
    clock, format,
    live::use_live,
    steps::{Progress, StepLine, last_run},
};

/// How often the time of a running step is written anew.
const TICK: Duration = Duration::from_millis(100);

/// Nothing where nothing has been done yet.
#[component]
pub(crate) fn StepList() -> impl IntoView {
    let live = use_live();
    let open = Memo::new(move |_| {
        let detail = live.detail.read();
        detail.operation.or_else(|| detail.state.is_transient().then(|| operation_of(detail.state)))
    });
    let run = Memo::new(move |_| last_run(&live.events.read(), open.get()));
    let now = RwSignal::new(clock::now_ms());
    Effect::new(move |_| {
        if open.get().is_some() {
            clock::every(TICK, move || now.set(clock::now_ms()));
        }
    });
    move || {
        run.get().map(|run| {
            let total = (open.get().is_none() && run.total_ms() > 0).then(|| format::duration(run.total_ms()));
            let lines = run.lines.into_iter().map(|line| view! { <Line line now=now.into() /> }).collect_view();
            view! {
                <Sheet
                    id="steps"
                    title=title(run.operation)
                    tools=move || total.clone().map(|total| view! { <span class="step-time soft">{format!("{total} in all")}</span> })
                >
                    <ol class="steps" aria-live="polite" data-testid="steps">
                        {lines}
                    </ol>
                </Sheet>
            }
        })
    }
}

#[component]
fn Line(line: StepLine, now: Signal<i64>) -> impl IntoView {
    let (class, glyph, word) = match line.progress {
        Progress::Waiting => ("step step-waiting", Glyph::Waiting, "waiting"),
        Progress::Running { .. } => ("step step-running", Glyph::Working, "running"),
        Progress::Done { .. } => ("step step-done", Glyph::Check, "done"),
        Progress::Failed { .. } => ("step step-failed", Glyph::Failed, "failed"),
    };
    let note = match &line.progress {
        Progress::Running { retry: Some(cause), .. } => Some(format!("Trying again: {cause}")),
        Progress::Failed { cause } if !cause.is_empty() => Some(cause.clone()),
        Progress::Waiting | Progress::Running { .. } | Progress::Done { .. } | Progress::Failed { .. } => None,
    };
    let time = move || match &line.progress {
        Progress::Running { since_ms, .. } => format::duration(now.get() - since_ms),
        Progress::Done { duration_ms } => format::duration(*duration_ms),
        Progress::Waiting => "waiting".to_owned(),
        Progress::Failed { .. } => "failed".to_owned(),
    };
    view! {
        <li class=class aria-atomic="true" data-step=line.step.as_str() data-progress=word>
            <Icon glyph />
            <span>
                {line.step.title()} <span class="heard">{format!(", {word}")}</span>
            </span>
            <span class="step-time" aria-hidden="true">
                {time}
            </span>
            {note.map(|note| view! { <p class="step-note">{note}</p> })}
            {(!line.printed.is_empty()).then(|| view! { <pre class="step-note step-printed" tabindex="0">{line.printed}</pre> })}
        </li>
    }
}

const fn title(operation: OperationKind) -> &'static str {
    match operation {
        OperationKind::Create => "Creation",
        OperationKind::Pause => "Pause",
        OperationKind::Resume => "Resume",
        OperationKind::Restart => "Restart",
        OperationKind::Resize => "Resize",
        OperationKind::Export => "Export",
        OperationKind::Import => "Import",
        OperationKind::Recover => "Recovery",
        OperationKind::Delete => "Deletion",
    }
}

/// What is going on in a transient state, until the operation itself is known.
const fn operation_of(state: control_plane_api::ProjectState) -> OperationKind {
    use control_plane_api::ProjectState as State;
    match state {
        State::Provisioning | State::Running | State::Failed => OperationKind::Create,
        State::Pausing | State::Paused => OperationKind::Pause,
        State::Resuming => OperationKind::Resume,
        State::Restarting => OperationKind::Restart,
        State::Deleting => OperationKind::Delete,
    }
}
