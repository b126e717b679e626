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
    // On a narrow screen, a project that is being changed or has failed shows its steps before anything else. Decided once,
    // so that nothing moves when they are done; and by the order in the document, so that nothing moves while it arrives.
    let steps_first = !matches!(live.state.get_untracked(), ProjectState::Running | ProjectState::Paused);
    let steps = |here: bool| {
        here.then(|| {
            view! {
                <div class="project-steps">
                    <StepList />
                </div>
            }
        })
    };
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
                <div class="project-columns">
                    {steps(steps_first)} <div class="project-column project-main">
                        <ConnectPanel />
                        <ApiPanel />
                        <DatabasePanel />
                        <SettingsPanel />
                    </div> {steps(!steps_first)} <div class="project-column project-rest">
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
