//! Totals, filter and order of the project list. Links and a GET form, so that both work without scripts.

use leptos::prelude::*;

use crate::{
    format,
    project_row::{ProjectRow, SortBy},
};

/// From how many projects on a filter is worth its place.
const FILTER_FROM: usize = 7;

/// Stands above the list.
#[component]
pub(crate) fn ListToolbar(rows: StoredValue<Vec<ProjectRow>>, filter: RwSignal<String>, sort: Memo<SortBy>) -> impl IntoView {
    let (totals, many) = rows.with_value(|rows| (totals(rows), rows.len() >= FILTER_FROM));
    view! {
        <div class="toolbar">
            <p class="soft figures text-sm">{totals}</p>
            {many.then(|| view! {
                <form class="filter" method="get" action="/" role="search" on:submit=|submit| submit.prevent_default()>
                    <input type="hidden" name="sort" value=move || sort.get().word() />
                    <input
                        class="input"
                        type="search"
                        name="q"
                        aria-label="Filter by name or ref"
                        placeholder="Filter by name or ref"
                        value=filter.get_untracked()
                        on:input:target=move |input| filter.set(input.target().value())
                    />
                </form>
            })}
            <nav class="sort" aria-label="Order">
                <span class="soft">"Sort by"</span>
                {SortBy::ALL
                    .map(|choice| {
                        view! {
                            <a href=format!("/?sort={}", choice.word()) aria-current=move || (sort.get() == choice).then_some("true")>
                                {choice.label()}
                            </a>
                        }
                    })}
            </nav>
        </div>
    }
}

fn totals(rows: &[ProjectRow]) -> String {
    let memory = rows.iter().filter_map(|row| row.memory_bytes).sum();
    let disk = rows.iter().filter_map(|row| row.disk_bytes).sum();
    format!("{} · {} memory · {} disk", format::count(rows.len(), "project"), format::bytes(memory), format::bytes(disk))
}
