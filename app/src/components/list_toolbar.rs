//! Totals, filter and order of the project list. Links and a GET form, so that both work without scripts.

use leptos::prelude::*;

use crate::{
    format,
    project_row::{ProjectRow, SortBy},
    snippets::percent_encode,
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
                            <a href=move || address(choice, &filter.read()) aria-current=move || (sort.get() == choice).then_some("true")>
                                {choice.label()}
                            </a>
                        }
                    })}
            </nav>
        </div>
    }
}

/// Of the list in another order, filtered as it is.
fn address(sort: SortBy, filter: &str) -> String {
    let sort = sort.word();
    if filter.is_empty() { format!("/?sort={sort}") } else { format!("/?sort={sort}&q={}", percent_encode(filter)) }
}

fn totals(rows: &[ProjectRow]) -> String {
    let count = format::count(rows.len(), "project");
    if rows.iter().all(|row| row.disk_bytes.is_none()) {
        return count;
    }
    let memory = rows.iter().filter_map(|row| row.memory_bytes).sum();
    let disk = rows.iter().filter_map(|row| row.disk_bytes).sum();
    format!("{count} · {} memory · {} disk", format::bytes(memory), format::bytes(disk))
}
