//! State of a project as icon, word and colour; never colour alone.

use control_plane_api::ProjectState;
use leptos::prelude::*;

use super::{Glyph, Icon};

/// The state, kept current. `recovering`: the database ended by itself and is being brought back.
#[component]
pub(crate) fn StateBadge(#[prop(into)] state: Signal<ProjectState>, #[prop(into)] recovering: Signal<bool>) -> impl IntoView {
    let look = move || look(state.get(), recovering.get());
    view! {
        <span class=move || look().0 data-state=move || state.get().as_str()>
            {move || {
                let (_, glyph, word) = look();
                view! {
                    <Icon glyph />
                    <span>{word}</span>
                }
            }}
        </span>
    }
}

const fn look(state: ProjectState, recovering: bool) -> (&'static str, Glyph, &'static str) {
    match state {
        ProjectState::Running if recovering => ("state state-busy", Glyph::Working, "Recovering"),
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
