//! `/`: every project, and the way to a new one.

use std::{cell::Cell, rc::Rc, time::Duration};

use control_plane_api::NoticeKind;
use leptos::{html, prelude::*};
use leptos_meta::Title;
use leptos_router::hooks::use_query_map;

use super::RefusedPage;
use crate::{
    browser,
    components::{
        CurlButton, Dialog, Glyph, Icon, ListSkeleton, ListToolbar, NewProjectForm, NoProjects, ProjectList,
        RefreshWithoutScripts, dialog,
    },
    event_stream::{News, follow},
    project_detail::PageJson,
    project_row::{ProjectRow, SortBy, arrange},
    server_fns::{CreateProject, list_projects},
    snippets::Command,
    submission::Submission,
};

/// How long to gather notices before the list is fetched anew.
const GATHERED: Duration = Duration::from_millis(200);

/// The project list. What it shows comes with the page; later changes come by event.
#[component]
pub(crate) fn ProjectsPage() -> impl IntoView {
    let query = use_query_map();
    let filter = RwSignal::new(query.read_untracked().get_str("q").unwrap_or_default().to_owned());
    let listed = Resource::<_, PageJson>::new_with_options(|| (), |()| list_projects(), false);
    let create = Submission::to::<CreateProject>();
    let new_project = NodeRef::<html::Dialog>::new();
    stay_current(move || listed.refetch());
    // Optimistic: the dialog makes room for the row at once, and comes back if the server refuses.
    Effect::new(move |was_pending: Option<bool>| {
        let pending = create.pending.get();
        if let Some(dialog) = new_project.get_untracked() {
            if pending {
                dialog.close();
            } else if was_pending == Some(true) && create.error.read_untracked().is_some() {
                _ = dialog.show_modal();
            }
        }
        pending
    });
    let pending_name = move || create.pending.get().then(|| browser::value_of("project-name"));
    view! {
        <Title text="Projects" />
        <div class="page-head">
            <h1>"Projects"</h1>
            <div class="page-actions">
                <span class="button-pair">
                    <a class="button button-primary" href="/new" on:click=dialog::open(new_project)>
                        <Icon glyph=Glyph::Plus />
                        "New project"
                    </a>
                    <CurlButton command=Command::Create project_ref=None />
                </span>
            </div>
        </div>
        <Transition fallback=ListSkeleton>
            {move || Suspend::new(async move {
                match listed.await {
                    Ok(rows) => view! { <Listed rows filter pending_name=Signal::derive(pending_name) new_project /> }.into_any(),
                    Err(error) => view! { <RefusedPage error /> }.into_any(),
                }
            })}
        </Transition>
        <Dialog id="new-project" title="New project" node_ref=new_project>
            <NewProjectForm submission=create />
        </Dialog>
    }
}

#[component]
fn Listed(
    rows: Vec<ProjectRow>,
    filter: RwSignal<String>,
    pending_name: Signal<Option<String>>,
    new_project: NodeRef<html::Dialog>,
) -> impl IntoView {
    let query = use_query_map();
    let sort = Memo::new(move |_| SortBy::from_word(query.read().get_str("sort")));
    let is_changing = Signal::stored(rows.iter().any(|row| row.state.is_transient()));
    let empty = rows.is_empty();
    let rows = StoredValue::new(rows);
    let list = move || {
        let shown = rows.with_value(|rows| arrange(rows, &filter.read(), sort.get()));
        let pending_name = pending_name.get();
        if empty && pending_name.is_none() {
            view! { <NoProjects new_project /> }.into_any()
        } else if shown.is_empty() && pending_name.is_none() {
            view! { <p class="empty" role="status">"No project matches the filter."</p> }.into_any()
        } else {
            view! { <ProjectList rows=shown pending_name /> }.into_any()
        }
    };
    view! {
        <RefreshWithoutScripts when=is_changing />
        {(!empty).then(|| view! { <ListToolbar rows filter sort /> })}
        {list}
    }
}

/// Fetches the list anew when something has happened to any project, however much happens at once.
fn stay_current(refetch: impl Fn() + Copy + 'static) {
    let is_due = Rc::new(Cell::new(false));
    let on_news = move |news| {
        if matches!(news, News::Lost) || is_due.replace(true) {
            return;
        }
        let is_due = Rc::clone(&is_due);
        let fetch = move || {
            is_due.set(false);
            refetch();
        };
        set_timeout(fetch, GATHERED);
    };
    follow(|| Some("/v1/events".to_owned()), NoticeKind::ALL.map(NoticeKind::as_str).to_vec(), Rc::new(on_news));
}
