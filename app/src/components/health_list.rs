//! Health of each service.

use control_plane_api::{ServiceHealth, ServiceName, ServiceStatus};
use leptos::prelude::*;

use super::{Glyph, Icon, Sheet};
use crate::live::use_live;

/// One line per service, with what is wrong and what to do.
#[component]
pub(crate) fn HealthList() -> impl IntoView {
    let live = use_live();
    view! {
        <Sheet id="health" title="Health">
            <ul class="lines">{move || live.detail.read().health.clone().into_iter().map(|service| view! { <Line service /> }).collect_view()}</ul>
        </Sheet>
    }
}

#[component]
fn Line(service: ServiceHealth) -> impl IntoView {
    let (class, glyph, word) = match service.status {
        ServiceStatus::ActiveHealthy => ("good", Glyph::Check, "Healthy"),
        ServiceStatus::ComingUp => ("busy", Glyph::Working, "Coming up"),
        ServiceStatus::Unhealthy => ("idle", Glyph::Minus, "Not available"),
    };
    view! {
        <li>
            <span class=class>
                <Icon glyph />
            </span>
            <span>{title(service.name)}</span>
            <span class=class>{word}</span>
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
