//! Pause, resume, restart, retry: what can be done in the state the project is in.

use control_plane_api::ProjectState;
use leptos::prelude::*;

use super::{CurlButton, FormAlert, Glyph, Icon, PostForm};
use crate::{
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
        // The event tells as well; this holds when the stream is lost.
        Effect::new(move |before: Option<u32>| {
            let done = lifecycle.all().iter().map(|submission| submission.done.get()).sum();
            if before.is_some_and(|before| before < done) {
                live.reload();
            }
            done
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
            vec![view! { <Button submission=lifecycle.retry glyph=Glyph::Restart word="Retry" primary=true /> }]
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
    #[prop(optional)] command: Option<Command>,
    #[prop(optional)] primary: bool,
) -> impl IntoView {
    let project_ref = use_live().project_ref();
    let curl = command.map(|command| view! { <CurlButton command project_ref=Some(project_ref.clone()) /> });
    let frame = if curl.is_some() { "button-pair" } else { "" };
    let class = if primary { "button button-primary" } else { "button" };
    view! {
        <span class=frame>
            <PostForm submission>
                <input type="hidden" name="project_ref" value=project_ref.to_string() />
                <button class=class type="submit" disabled=move || submission.pending.get()>
                    <Icon glyph />
                    {word}
                </button>
            </PostForm>
            {curl}
        </span>
    }
}
