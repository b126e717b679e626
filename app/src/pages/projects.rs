//! `/`: every project, and the way to a new one.

use std::time::Duration;

use control_plane_api::{EventKind, ProjectEvent, ProjectRef};
use leptos::{html, prelude::*};
use leptos_meta::Title;
use leptos_router::hooks::use_query_map;

use super::RefusedPage;
use crate::{
    browser,
    components::{
        Dialog, Glyph, Icon, ListSkeleton, ListToolbar, NewProjectForm, NoProjects, ProjectList, RefreshWithoutScripts, dialog,
    },
    event_stream::{News, follow},
    project_detail::PageJson,
    project_row::{ProjectRow, SortBy, arrange},
    server_fns::{CreateProject, list_projects},
    submission::Submission,
    visibility::use_visible,
};

/// How many changing projects are followed at once. A browser has six connections to a host, and pages need some.
const FOLLOWED: usize = 3;
/// How long a project must have rested before the list is fetched anew.
const QUIET: Duration = Duration::from_millis(100);
/// How long to wait before the list is fetched anew when the server refused to tell of a project.
const AFTER_REFUSAL: Duration = Duration::from_secs(1);

/// The project list. What it shows comes with the page; later changes come by event.
#[component]
pub(crate) fn ProjectsPage() -> impl IntoView {
    let query = use_query_map();
    let filter = RwSignal::new(query.read_untracked().get_str("q").unwrap_or_default().to_owned());
    let listed = Resource::<_, PageJson>::new_with_options(|| (), |()| list_projects(), false);
    let create = Submission::to::<CreateProject>();
    let new_project = NodeRef::<html::Dialog>::new();
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
                <a class="button button-primary" href="/new" on:click=dialog::open(new_project)>
                    <Icon glyph=Glyph::Plus />
                    "New project"
                </a>
            </div>
        </div>
        <Transition fallback=ListSkeleton>
            {move || Suspend::new(async move {
                match listed.await {
                    Ok(rows) => view! { <Listed rows filter pending_name=Signal::derive(pending_name) new_project refetch=move || listed.refetch() /> }.into_any(),
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
    refetch: impl Fn() + Copy + Send + Sync + 'static,
) -> impl IntoView {
    let query = use_query_map();
    let sort = Memo::new(move |_| SortBy::from_word(query.read().get_str("sort")));
    let changing: Vec<_> = rows.iter().filter(|row| row.state.is_transient()).map(|row| row.project_ref.clone()).collect();
    let is_changing = Signal::stored(!changing.is_empty());
    let visible = use_visible();
    Effect::new(move |again: Option<()>| {
        if !visible.get() {
            return;
        }
        if again.is_some() {
            refetch();
        }
        for project_ref in changing.iter().take(FOLLOWED) {
            follow_until_settled(project_ref, refetch);
        }
    });
    let empty = rows.is_empty();
    let rows = StoredValue::new(rows);
    let list = move || {
        let shown = rows.with_value(|rows| arrange(rows, &filter.read(), sort.get()));
        let pending_name = pending_name.get();
        if empty && pending_name.is_none() {
            view! { <NoProjects new_project /> }.into_any()
        } else if shown.is_empty() && pending_name.is_none() {
            view! { <p class="empty">"No project matches the filter."</p> }.into_any()
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

/// The list is fetched anew once the project has come to rest. The stream begins with the past, which comes at once;
/// what counts is the state after which it is quiet.
fn follow_until_settled(project_ref: &ProjectRef, refetch: impl Fn() + Copy + 'static) {
    let settled = StoredValue::new(false);
    follow(project_ref, 0, move |news| {
        let (is_settled, wait) = match news {
            News::Happened(event) => match settles(&event) {
                Some(is_settled) => (is_settled, QUIET),
                None => return,
            },
            // Gone before the stream began.
            News::Refused => (true, AFTER_REFUSAL),
            News::Connected | News::Lost => return,
        };
        settled.set_value(is_settled);
        let check = move || {
            if settled.try_get_value() == Some(true) {
                refetch();
            }
        };
        if is_settled {
            set_timeout(check, wait);
        }
    });
}

/// Whether the project rests after the event; nothing if the event doesn't say.
fn settles(event: &ProjectEvent) -> Option<bool> {
    if event.kind == EventKind::Deleted { Some(true) } else { event.state.map(|state| !state.is_transient()) }
}
