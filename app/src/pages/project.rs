//! `/project/<ref>`: one project.

use control_plane_api::{ProjectRef, ProjectState};
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::{
    NavigateOptions,
    hooks::{use_navigate, use_params_map, use_query_map},
};

use super::{NotFoundPage, RefusedPage};
use crate::{
    DashboardError,
    components::{
        ApiPanel, ConnectPanel, DatabasePanel, EventList, FailureNotice, HealthList, Lifecycle, LifecycleErrors, ProjectHead,
        ProjectSkeleton, RefreshWithoutScripts, RevealedByAddress, SettingsPanel, StepList, UsagePanel,
    },
    live::{Live, Loaded},
    server_fns::{get_health, get_project, list_api_keys, list_events, reveal_api_key, reveal_password},
};

/// Loads everything the page shows at once, as it is before the first event.
#[component]
pub(crate) fn ProjectPage() -> impl IntoView {
    let params = use_params_map();
    let project_ref = Memo::new(move |_| params.read().get_str("ref").and_then(|text| text.parse::<ProjectRef>().ok()));
    move || match project_ref.get() {
        Some(project_ref) => view! { <Loading project_ref /> }.into_any(),
        None => view! { <NotFoundPage /> }.into_any(),
    }
}

#[component]
fn Loading(project_ref: ProjectRef) -> impl IntoView {
    let of = |project_ref: &ProjectRef| StoredValue::new(project_ref.clone());
    let held = of(&project_ref);
    let overview = Resource::new(|| (), move |()| get_project(held.get_value()));
    let health = Resource::new(|| (), move |()| get_health(held.get_value()));
    let keys = Resource::new(|| (), move |()| list_api_keys(held.get_value()));
    let events = Resource::new(|| (), move |()| list_events(held.get_value()));
    let wanted = use_query_map().read_untracked().get_str("reveal").map(str::to_owned);
    let revealed = Resource::new(|| (), move |()| reveal(held.get_value(), wanted.clone()));
    view! {
        <Suspense fallback=ProjectSkeleton>
            {move || Suspend::new(async move {
                match overview.await {
                    Ok(overview) => {
                        let loaded = Loaded {
                            overview,
                            health: health.await.unwrap_or_default(),
                            keys: keys.await.unwrap_or_default(),
                            events: events.await.unwrap_or_default(),
                        };
                        let revealed = RevealedByAddress(revealed.await.unwrap_or_default());
                        view! { <Shown loaded revealed /> }.into_any()
                    }
                    Err(error) => view! { <RefusedPage error /> }.into_any(),
                }
            })}
        </Suspense>
    }
}

/// The secret that `?reveal=…` asks for, with its name.
async fn reveal(project_ref: ProjectRef, which: Option<String>) -> Result<Option<(String, String)>, DashboardError> {
    match which {
        None => Ok(None),
        Some(which) if which == "password" => Ok(Some((which, reveal_password(project_ref).await?))),
        Some(which) => reveal_api_key(project_ref, which.clone()).await.map(|key| Some((which, key))),
    }
}

#[component]
fn Shown(loaded: Loaded, revealed: RevealedByAddress) -> impl IntoView {
    let live = Live::provide(loaded);
    provide_context(revealed);
    let lifecycle = Lifecycle::new();
    let navigate = use_navigate();
    Effect::new(move |_| {
        if live.gone.get() {
            navigate("/", NavigateOptions { replace: true, ..NavigateOptions::default() });
        }
    });
    // Decided once, so that nothing moves when the steps are done.
    let steps_first = live.state.get_untracked() != ProjectState::Running && live.state.get_untracked() != ProjectState::Paused;
    let columns = if steps_first { "project-columns steps-first" } else { "project-columns" };
    let name = Memo::new(move |_| live.overview.read().project.name.clone());
    view! {
        <Title text=name />
        <RefreshWithoutScripts when=Signal::derive(move || live.state.get().is_transient()) />
        <ProjectHead lifecycle />
        <div class="project-column">
            <LifecycleErrors lifecycle />
            <FailureNotice />
            <div class=columns>
                <div class="project-column">
                    <ConnectPanel />
                    <ApiPanel />
                    <DatabasePanel />
                    <SettingsPanel />
                </div>
                <div class="project-column">
                    <StepList />
                    <UsagePanel />
                    <HealthList />
                    <EventList />
                </div>
            </div>
        </div>
    }
}
