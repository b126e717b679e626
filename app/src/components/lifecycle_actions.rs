//! Pause, resume, restart, retry: what can be done in the state the project is in.

use control_plane_api::ProjectState;
use leptos::prelude::*;

use super::{CurlButton, FormAlert, Glyph, Icon, PostForm, STATE_ID};
use crate::{
    browser,
    live::use_live,
    server_fns::{PauseProject, RestartProject, ResumeProject, RetryProject},
    snippets::Command,
    submission::Submission,
};

/// What the buttons sent. Refusals are shown by `LifecycleErrors`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Lifecycle {
    pause: Submission,
    resume: Submission,
    restart: Submission,
    retry: Submission,
}

impl Lifecycle {
    pub(crate) fn new() -> Self {
        let lifecycle = Self {
            pause: Submission::to::<PauseProject>(),
            resume: Submission::to::<ResumeProject>(),
            restart: Submission::to::<RestartProject>(),
            retry: Submission::to::<RetryProject>(),
        };
        let live = use_live();
        Effect::new(move |before: Option<u32>| {
            let done = lifecycle.all().iter().map(|submission| submission.done.get()).sum();
            if before.is_some_and(|before| before < done) {
                // The event tells as well; this holds when the stream is lost.
                live.reload();
                browser::focus(STATE_ID);
            }
            done
        });
        // What was refused in another state says nothing about this one.
        Effect::new(move |before: Option<ProjectState>| {
            let state = live.state.get();
            if before.is_some_and(|before| before != state) {
                for submission in lifecycle.all() {
                    submission.error.set(None);
                }
            }
            state
        });
        lifecycle
    }

    const fn all(&self) -> [Submission; 4] {
        [self.pause, self.resume, self.restart, self.retry]
    }
}

/// Why the last action was refused.
#[component]
pub(crate) fn LifecycleErrors(lifecycle: Lifecycle) -> impl IntoView {
    let message = move || lifecycle.all().iter().find_map(|submission| submission.error.get()).map(|error| error.message);
    view! { <FormAlert message=Signal::derive(message) /> }
}

/// Pause and restart while running, resume while paused, retry after a failure.
#[component]
pub(crate) fn LifecycleActions(lifecycle: Lifecycle) -> impl IntoView {
    let state = use_live().state;
    move || match state.get() {
        ProjectState::Running => vec![
            view! { <Button submission=lifecycle.restart glyph=Glyph::Restart word="Restart" command=Command::Restart /> },
            view! { <Button submission=lifecycle.pause glyph=Glyph::Pause word="Pause" command=Command::Pause /> },
        ],
        ProjectState::Paused => {
            vec![
                view! { <Button submission=lifecycle.resume glyph=Glyph::Play word="Resume" command=Command::Resume primary=true /> },
            ]
        }
        ProjectState::Failed => {
            vec![
                view! { <Button submission=lifecycle.retry glyph=Glyph::Restart word="Retry" command=Command::Retry primary=true /> },
            ]
        }
        ProjectState::Provisioning
        | ProjectState::Pausing
        | ProjectState::Resuming
        | ProjectState::Restarting
        | ProjectState::Deleting => Vec::new(),
    }
}

#[component]
fn Button(
    submission: Submission,
    glyph: Glyph,
    word: &'static str,
    command: Command,
    #[prop(optional)] primary: bool,
) -> impl IntoView {
    let project_ref = use_live().project_ref();
    let hidden = project_ref.to_string();
    let class = if primary { "button button-primary" } else { "button" };
    view! {
        <span class="button-pair">
            <PostForm submission>
                <input type="hidden" name="project_ref" value=hidden />
                <button class=class type="submit" aria-disabled=submission.pending_word()>
                    <Icon glyph />
                    {word}
                </button>
            </PostForm>
            <CurlButton command project_ref=Some(project_ref) />
        </span>
    }
}
