//! What happened lately, newest first.

use control_plane_api::{EventKind, ProjectEvent};
use leptos::prelude::*;

use super::{CurlButton, Glyph, Icon, RelativeTime, Sheet};
use crate::{format, live::use_live, snippets::Command};

/// Recent events; beside the title, the command that follows them.
#[component]
pub(crate) fn EventList() -> impl IntoView {
    let live = use_live();
    let project_ref = live.project_ref();
    // A step's beginning says nothing that its end does not.
    let shown = move || {
        live.events
            .get()
            .into_iter()
            .filter(|event| !matches!(event.kind, EventKind::StepStarted | EventKind::StepProgress))
            .collect::<Vec<_>>()
    };
    view! {
        <Sheet id="events" title="Events" tools=move || view! { <CurlButton command=Command::Events project_ref=Some(project_ref.clone()) /> }>
            <ol class="lines scroll" tabindex="0" aria-label="Events, newest first" data-testid="events">
                {move || shown().into_iter().map(|event| view! { <Line event /> }).collect_view()}
            </ol>
        </Sheet>
    }
}

#[component]
fn Line(event: ProjectEvent) -> impl IntoView {
    let (class, glyph) = match event.kind {
        EventKind::StepFinished => ("good", Glyph::Check),
        EventKind::StepRetried | EventKind::DatabaseExited => ("busy", Glyph::Restart),
        EventKind::StepFailed => ("bad", Glyph::Failed),
        EventKind::StateChanged
        | EventKind::StepStarted
        | EventKind::StepProgress
        | EventKind::Renamed
        | EventKind::Resized
        | EventKind::Deleted
        | EventKind::Measured => ("idle", Glyph::Waiting),
    };
    view! {
        <li>
            <span class=class>
                <Icon glyph />
            </span>
            <span>{title(&event)}</span>
            <span class="soft">
                <RelativeTime at=event.at />
            </span>
            {event.message.clone().map(|message| view! { <p class="line-note">{message}</p> })}
        </li>
    }
}

fn title(event: &ProjectEvent) -> String {
    let step = event.step.map_or("Step", |step| step.title());
    match event.kind {
        EventKind::StateChanged => event.state.map_or_else(|| "State changed".to_owned(), |state| format!("Now {state}")),
        EventKind::StepStarted | EventKind::StepProgress => format!("{step}: started"),
        EventKind::StepFinished => {
            event.duration_ms.map_or_else(|| step.to_owned(), |duration| format!("{step}, {}", format::duration(duration)))
        }
        EventKind::StepRetried => format!("{step}: trying again"),
        EventKind::StepFailed => format!("{step}: failed"),
        EventKind::DatabaseExited => "Ended or changed by itself".to_owned(),
        EventKind::Renamed => "Renamed".to_owned(),
        EventKind::Resized => "Resized".to_owned(),
        EventKind::Deleted => "Deleted".to_owned(),
        EventKind::Measured => "Measured".to_owned(),
    }
}
