//! The ledger: one row per project.

use leptos::prelude::*;

use super::{RelativeTime, StateBadge};
use crate::{format, project_row::ProjectRow};

/// Rows on a wide screen, cards on a phone. `pending_name` is a project whose creation was just asked for.
#[component]
pub(crate) fn ProjectList(rows: Vec<ProjectRow>, pending_name: Option<String>) -> impl IntoView {
    let largest = rows.iter().filter_map(|row| row.memory_bytes).max().unwrap_or_default().max(1);
    view! {
        <div class="ledger" data-testid="project-list">
            <div class="ledger-head label" aria-hidden="true">
                <span>"Project"</span>
                <span>"State"</span>
                <span>"Created"</span>
                <span>"Memory"</span>
                <span>"Disk"</span>
            </div>
            <ul aria-label="Projects">
                {pending_name.map(|name| view! { <PendingRow name /> })}
                {rows.into_iter().map(|row| view! { <Row row largest /> }).collect_view()}
            </ul>
        </div>
    }
}

#[component]
fn Row(row: ProjectRow, largest: u64) -> impl IntoView {
    let size = |bytes: Option<u64>| bytes.map_or_else(|| "–".to_owned(), format::bytes);
    let memory = row.memory_bytes.unwrap_or_default();
    let share = (u128::from(memory) * 112 / u128::from(largest)).to_string();
    view! {
        <li class="ledger-row" data-ref=row.project_ref.to_string()>
            <div>
                <a class="ledger-name" href=format!("/project/{}", row.project_ref)>
                    {row.name.clone()}
                </a>
                <p class="ref">{row.project_ref.to_string()}</p>
            </div>
            <div>
                <StateBadge state=Signal::stored(row.state) recovering=Signal::stored(row.recovering) />
            </div>
            <dl class="ledger-facts figures">
                <div>
                    <dt class="soft">"Created"</dt>
                    <dd>
                        <RelativeTime at=row.created_at />
                    </dd>
                </div>
                <div>
                    <dt class="soft">"Memory"</dt>
                    <dd>
                        {size(row.memory_bytes)}
                        <svg class="meter" viewBox="0 0 112 4" preserveAspectRatio="none" aria-hidden="true">
                            <rect width=share height="4" fill="currentColor"></rect>
                        </svg>
                    </dd>
                </div>
                <div>
                    <dt class="soft">"Disk"</dt>
                    <dd>{size(row.disk_bytes)}</dd>
                </div>
            </dl>
        </li>
    }
}

/// Stands where the new project will, until the server has answered.
#[component]
fn PendingRow(name: String) -> impl IntoView {
    let name = if name.trim().is_empty() { "New project".to_owned() } else { name };
    view! {
        <li class="ledger-row ledger-ghost" aria-busy="true">
            <div>
                <span class="ledger-name">{name}</span>
                <p class="ref">"choosing a ref"</p>
            </div>
            <div>
                <StateBadge state=Signal::stored(control_plane_api::ProjectState::Provisioning) recovering=Signal::stored(false) />
            </div>
        </li>
    }
}
