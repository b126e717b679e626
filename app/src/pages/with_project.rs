//! What the pages of one project share: the ref in their address, and loading it.

use control_plane_api::ProjectRef;
use leptos::prelude::*;
use leptos_router::hooks::{use_params_map, use_query_map};

use super::{NotFoundPage, RefusedPage};
use crate::{
    DashboardError,
    components::ProjectSkeleton,
    project_detail::{PageJson, ProjectDetail},
    server_fns::{load_project, reveal_secret},
};

/// Loads the project that the address names, then shows it; one that does not exist is answered with 404.
#[component]
pub(crate) fn WithProject(show: fn(ProjectDetail) -> AnyView) -> impl IntoView {
    let params = use_params_map();
    let project_ref = Memo::new(move |_| params.read().get_str("ref").and_then(|text| text.parse::<ProjectRef>().ok()));
    move || match project_ref.get() {
        Some(project_ref) => view! { <Loading project_ref show /> }.into_any(),
        None => view! { <NotFoundPage /> }.into_any(),
    }
}

#[component]
fn Loading(project_ref: ProjectRef, show: fn(ProjectDetail) -> AnyView) -> impl IntoView {
    let reveal = use_query_map().read_untracked().get_str("reveal").map(str::to_owned);
    let detail = Resource::<_, PageJson>::new_with_options(|| (), move |()| load(project_ref.clone(), reveal.clone()), false);
    view! {
        <Suspense fallback=ProjectSkeleton>
            {move || Suspend::new(async move {
                match detail.await {
                    Ok(detail) => show(detail),
                    Err(error) => view! { <RefusedPage error /> }.into_any(),
                }
            })}
        </Suspense>
    }
}

/// The page's content, with the secret that `?reveal=…` asks for where there are no scripts.
async fn load(project_ref: ProjectRef, reveal: Option<String>) -> Result<ProjectDetail, DashboardError> {
    let mut detail = load_project(project_ref.clone()).await?;
    if let Some(which) = reveal {
        detail.revealed = reveal_secret(project_ref, which.clone()).await.ok().map(|secret| (which, secret));
    }
    Ok(detail)
}
