//! Pause, resume, restart, retry: what can be done in the state the project is in.

use control_plane_api::ProjectState;
use leptos::{form::ActionForm, prelude::*};

use super::{CurlButton, FormAlert, Glyph, Icon};
use crate::{
    live::use_live,
    server_fns::{PauseProject, RestartProject, ResumeProject, RetryProject},
    snippets::Command,
};

/// The buttons. Their errors are shown by `LifecycleErrors`, which takes the same actions.
#[derive(Clone, Copy)]
pub(crate) struct Lifecycle {
    pause: ServerAction<PauseProject>,
    resume: ServerAction<ResumeProject>,
    restart: ServerAction<RestartProject>,
    retry: ServerAction<RetryProject>,
}

impl Lifecycle {
    pub(crate) fn new() -> Self {
        let lifecycle = Self {
            pause: ServerAction::new(),
            resume: ServerAction::new(),
            restart: ServerAction::new(),
            retry: ServerAction::new(),
        };
        let live = use_live();
        // The event tells as well; this holds when the stream is lost.
        Effect::new(move |before: Option<usize>| {
            let done = lifecycle.pause.version().get()
                + lifecycle.resume.version().get()
                + lifecycle.restart.version().get()
                + lifecycle.retry.version().get();
            if before.is_some_and(|before| before < done) {
                live.reload();
            }
            done
        });
        lifecycle
    }

    fn error(self) -> Option<String> {
        let failed = |value: Option<Result<(), crate::DashboardError>>| value.and_then(Result::err).map(|error| error.message);
        failed(self.pause.value().get())
            .or_else(|| failed(self.resume.value().get()))
            .or_else(|| failed(self.restart.value().get()))
            .or_else(|| failed(self.retry.value().get()))
    }
}

/// Why the last action was refused.
#[component]
pub(crate) fn LifecycleErrors(lifecycle: Lifecycle) -> impl IntoView {
    view! { <FormAlert message=Signal::derive(move || lifecycle.error()) /> }
}

/// Pause and restart while running, resume while paused, retry after a failure.
#[component]
pub(crate) fn LifecycleActions(lifecycle: Lifecycle) -> impl IntoView {
    let state = use_live().state;
    move || match state.get() {
        ProjectState::Running => view! {
            <RestartButton action=lifecycle.restart />
            <PauseButton action=lifecycle.pause />
        }
        .into_any(),
        ProjectState::Paused => view! { <ResumeButton action=lifecycle.resume /> }.into_any(),
        ProjectState::Failed => view! { <RetryButton action=lifecycle.retry /> }.into_any(),
        ProjectState::Provisioning
        | ProjectState::Pausing
        | ProjectState::Resuming
        | ProjectState::Restarting
        | ProjectState::Deleting => ().into_any(),
    }
}

#[component]
fn PauseButton(action: ServerAction<PauseProject>) -> impl IntoView {
    view! {
        <span class="button-pair">
            <ActionForm action>
                <ProjectRefField />
                <button class="button" type="submit" disabled=move || action.pending().get()>
                    <Icon glyph=Glyph::Pause />
                    "Pause"
                </button>
            </ActionForm>
            <CurlButton command=Command::Pause project_ref=Some(use_live().project_ref()) />
        </span>
    }
}

#[component]
fn RestartButton(action: ServerAction<RestartProject>) -> impl IntoView {
    view! {
        <span class="button-pair">
            <ActionForm action>
                <ProjectRefField />
                <button class="button" type="submit" disabled=move || action.pending().get()>
                    <Icon glyph=Glyph::Restart />
                    "Restart"
                </button>
            </ActionForm>
            <CurlButton command=Command::Restart project_ref=Some(use_live().project_ref()) />
        </span>
    }
}

#[component]
fn ResumeButton(action: ServerAction<ResumeProject>) -> impl IntoView {
    view! {
        <span class="button-pair">
            <ActionForm action>
                <ProjectRefField />
                <button class="button button-primary" type="submit" disabled=move || action.pending().get()>
                    <Icon glyph=Glyph::Play />
                    "Resume"
                </button>
            </ActionForm>
            <CurlButton command=Command::Resume project_ref=Some(use_live().project_ref()) />
        </span>
    }
}

#[component]
fn RetryButton(action: ServerAction<RetryProject>) -> impl IntoView {
    view! {
        <ActionForm action>
            <ProjectRefField />
            <button class="button button-primary" type="submit" disabled=move || action.pending().get()>
                <Icon glyph=Glyph::Restart />
                "Retry"
            </button>
        </ActionForm>
    }
}

/// Which project the form is about.
#[component]
fn ProjectRefField() -> impl IntoView {
    view! { <input type="hidden" name="project_ref" value=use_live().project_ref().to_string() /> }
}
