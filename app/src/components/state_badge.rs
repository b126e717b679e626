//! State of a project as icon, word and colour; never colour alone.

use control_plane_api::ProjectState;
use leptos::prelude::*;

use super::{Glyph, Icon};

/// The state, kept current.
#[component]
pub(crate) fn StateBadge(#[prop(into)] state: Signal<ProjectState>) -> impl IntoView {
    view! {
        <span class=move || look(state.get()).0 data-state=move || state.get().as_str()>
            {move || {
                let (_, glyph, word) = look(state.get());
                view! {
                    <Icon glyph />
                    <span>{word}</span>
                }
            }}
        </span>
    }
}

const fn look(state: ProjectState) -> (&'static str, Glyph, &'static str) {
    match state {
        ProjectState::Provisioning => ("state state-busy", Glyph::Working, "Provisioning"),
        ProjectState::Running => ("state state-good", Glyph::Check, "Running"),
        ProjectState::Pausing => ("state state-busy", Glyph::Working, "Pausing"),
        ProjectState::Paused => ("state state-idle", Glyph::Pause, "Paused"),
        ProjectState::Resuming => ("state state-busy", Glyph::Working, "Resuming"),
        ProjectState::Restarting => ("state state-busy", Glyph::Working, "Restarting"),
        ProjectState::Deleting => ("state state-busy", Glyph::Working, "Deleting"),
        ProjectState::Failed => ("state state-bad", Glyph::Failed, "Failed"),
    }
}
