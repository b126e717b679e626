//! `/project/<ref>`: one project.

use control_plane_api::{ErrorCode, ProjectState};
use leptos::prelude::*;
use leptos_meta::Title;

use super::{RefusedPage, WithProject};
use crate::{
    DashboardError,
    components::{
        ApiPanel, ConnectPanel, DatabasePanel, EventList, FailureNotice, HealthList, Lifecycle, LifecycleErrors, ProjectHead,
        RefreshWithoutScripts, SettingsPanel, StepList, UsagePanel,
    },
    live::Live,
    project_detail::ProjectDetail,
    secret::RevealedByAddress,
};

/// Everything the page shows comes with it, as it is before the first event.
#[component]
pub(crate) fn ProjectPage() -> impl IntoView {
    view! { <WithProject show=|detail| view! { <Shown detail /> }.into_any() /> }
}

#[component]
fn Shown(mut detail: ProjectDetail) -> impl IntoView {
    provide_context(RevealedByAddress(detail.revealed.take()));
    let live = Live::provide(detail);
    let lifecycle = Lifecycle::new();
    // Decided once, so that nothing moves when the steps are done.
    let steps_first = live.state.get_untracked() != ProjectState::Running && live.state.get_untracked() != ProjectState::Paused;
    let columns = if steps_first { "project-columns steps-first" } else { "project-columns" };
    let name = move || live.detail.read().name.clone();
    view! {
        <Title text=name />
        <RefreshWithoutScripts when=Signal::derive(move || live.state.get().is_transient()) />
        {move || live.gone.get().then(|| view! { <RefusedPage error=deleted() /> })}
        <div hidden=live.gone>
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
        </div>
    }
}

fn deleted() -> DashboardError {
    DashboardError::new(ErrorCode::NotFound, "This project was deleted, from another window or by a program.")
}
