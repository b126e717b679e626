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
    live::Live,
    project_detail::{PageJson, ProjectDetail},
    server_fns::{load_project, reveal_api_key, reveal_password},
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
    let reveal = use_query_map().read_untracked().get_str("reveal").map(str::to_owned);
    let detail = Resource::<_, PageJson>::new_with_options(|| (), move |()| load(project_ref.clone(), reveal.clone()), false);
    view! {
        <Suspense fallback=ProjectSkeleton>
            {move || Suspend::new(async move {
                match detail.await {
                    Ok(detail) => view! { <Shown detail /> }.into_any(),
                    Err(error) => view! { <RefusedPage error /> }.into_any(),
                }
            })}
        </Suspense>
    }
}

/// The page's content, with the secret that `?reveal=…` asks for where there are no scripts.
async fn load(project_ref: ProjectRef, reveal: Option<String>) -> Result<ProjectDetail, DashboardError> {
    let mut detail = load_project(project_ref.clone()).await?;
    detail.revealed = match reveal {
        None => None,
        Some(which) if which == "password" => reveal_password(project_ref).await.ok().map(|password| (which, password)),
        Some(which) => reveal_api_key(project_ref, which.clone()).await.ok().map(|key| (which, key)),
    };
    Ok(detail)
}

#[component]
fn Shown(mut detail: ProjectDetail) -> impl IntoView {
    provide_context(RevealedByAddress(detail.revealed.take()));
    let live = Live::provide(detail);
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
