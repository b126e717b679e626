//! Health of each service.

use control_plane_api::{EventKind, ProjectState, ServiceHealth, ServiceName, ServiceStatus};
use leptos::prelude::*;

use super::{Glyph, Icon, RelativeTime, Sheet};
use crate::live::use_live;

/// One line per service, with since when it is so and what is wrong. What this version has not yet is named once.
#[component]
pub(crate) fn HealthList() -> impl IntoView {
    let live = use_live();
    let lines = move || {
        let detail = live.detail.read();
        detail
            .health
            .iter()
            .filter(|service| service.name.is_built())
            .cloned()
            .map(|service| view! { <Line service /> })
            .collect_view()
    };
    let missing = ServiceName::ALL.into_iter().filter(|name| !name.is_built()).map(title).collect::<Vec<_>>().join(", ");
    view! {
        <Sheet id="health" title="Health">
            <ul class="lines">
                {lines}
                <li>
                    <span class="idle">
                        <Icon glyph=Glyph::Minus />
                    </span>
                    <span>"Not in this version yet"</span>
                    <p class="line-note">{missing}</p>
                </li>
            </ul>
        </Sheet>
    }
}

#[component]
fn Line(service: ServiceHealth) -> impl IntoView {
    let live = use_live();
    let state = live.state.get_untracked();
    let rests = matches!(state, ProjectState::Paused | ProjectState::Pausing | ProjectState::Deleting);
    let (class, glyph, word) = match service.status {
        ServiceStatus::ActiveHealthy => ("good", Glyph::Check, "Healthy"),
        ServiceStatus::ComingUp => ("busy", Glyph::Working, "Coming up"),
        ServiceStatus::Unhealthy if rests => ("idle", Glyph::Pause, "Stopped"),
        ServiceStatus::Unhealthy => ("bad", Glyph::Failed, "Unhealthy"),
    };
    let turned = |kind| matches!(kind, EventKind::StateChanged | EventKind::DatabaseExited);
    let since = live.events.read_untracked().iter().find(|event| turned(event.kind)).map(|event| event.at);
    view! {
        <li>
            <span class=class>
                <Icon glyph />
            </span>
            <span>{title(service.name)}</span>
            <span>
                <span class=class>{word}</span>
                {since.map(|at| view! { <span class="soft">" · " <RelativeTime at /></span> })}
            </span>
            {service.error.map(|error| view! { <p class="line-note">{error}</p> })}
        </li>
    }
}

const fn title(name: ServiceName) -> &'static str {
    match name {
        ServiceName::Auth => "Auth",
        ServiceName::Db => "Database",
        ServiceName::DbPostgresUser => "Database role postgres",
        ServiceName::Pooler => "Pooler",
        ServiceName::Realtime => "Realtime",
        ServiceName::Rest => "REST",
        ServiceName::Storage => "Storage",
        ServiceName::PgBouncer => "PgBouncer",
    }
}
