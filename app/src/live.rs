//! One project as its page shows it, kept current by events. Nothing is polled.

use std::rc::Rc;

use control_plane_api::{ErrorCode, EventKind, OperationKind, ProjectEvent, ProjectRef, ProjectState, Usage};
use leptos::{prelude::*, task::spawn_local};

use crate::{
    event_stream::{News, follow},
    project_detail::ProjectDetail,
    server_fns::load_project,
};

/// How many events the page keeps.
const KEPT_EVENTS: usize = 60;

/// The page's state; parts of it are provided as context to the components of the page.
#[derive(Clone, Copy)]
pub(crate) struct Live {
    /// Of its parts `project_ref`, `api_url`, `created_at` and `keys` never change; its events are in `events`.
    pub(crate) detail: RwSignal<ProjectDetail>,
    /// Newest first.
    pub(crate) events: RwSignal<Vec<ProjectEvent>>,
    /// False while the event stream is lost.
    pub(crate) connected: RwSignal<bool>,
    pub(crate) gone: RwSignal<bool>,
    pub(crate) state: Memo<ProjectState>,
    /// How many times it was fetched anew.
    reloads: RwSignal<u32>,
}

/// The current page's project.
pub(crate) fn use_live() -> Live {
    expect_context()
}

impl Live {
    /// Starts from what was loaded, and provides itself.
    pub(crate) fn provide(mut loaded: ProjectDetail) -> Self {
        let events = RwSignal::new(std::mem::take(&mut loaded.events));
        let detail = RwSignal::new(loaded);
        let live = Self {
            detail,
            events,
            connected: RwSignal::new(true),
            gone: RwSignal::new(false),
            state: Memo::new(move |_| detail.read().state),
            reloads: RwSignal::new(0),
        };
        provide_context(live);
        live.follow();
        live
    }

    /// The project's ref; it never changes.
    pub(crate) fn project_ref(self) -> ProjectRef {
        self.detail.read_untracked().project_ref.clone()
    }

    /// True while the database is brought back after it ended by itself.
    pub(crate) fn recovering(self) -> Signal<bool> {
        Signal::derive(move || self.detail.read().operation == Some(OperationKind::Recover))
    }

    /// Fetches anew what events don't carry: connection, health and keys.
    pub(crate) fn reload(self) {
        let Some(project_ref) = self.detail.try_read_untracked().map(|detail| detail.project_ref.clone()) else { return };
        self.reloads.update_untracked(|reloads| *reloads += 1);
        let this = self.reloads.get_untracked();
        spawn_local(async move {
            let answer = load_project(project_ref).await;
            // A later one is on its way, and knows better.
            if self.reloads.try_get_untracked() != Some(this) {
                return;
            }
            match answer {
                Ok(detail) => _ = self.detail.try_set(detail),
                Err(error) if error.code == ErrorCode::NotFound => _ = self.gone.try_set(true),
                // The server leads to the sign-in page, and from there back here.
                Err(error) if error.code == ErrorCode::Unauthenticated => _ = window().location().reload(),
                // What is shown stays; the next event tries again.
                Err(_) => {}
            }
        });
    }

    fn follow(self) {
        let url = move || {
            let newest = self.events.read_untracked().first().map_or(0, |event| event.id);
            (!self.gone.get_untracked()).then(|| format!("/v1/projects/{}/events?after={newest}", self.project_ref()))
        };
        let on_news = move |news| match news {
            News::Connected => _ = self.connected.try_set(true),
            News::Reconnected => {
                _ = self.connected.try_set(true);
                self.reload();
            }
            News::Lost => _ = self.connected.try_set(false),
            News::Refused => {
                _ = self.connected.try_set(false);
                // Gone, or signed out?
                self.reload();
            }
            News::Happened(data) => {
                if let Ok(event) = serde_json::from_slice(data.as_bytes()) {
                    self.apply(event);
                }
            }
        };
        follow(url, EventKind::ALL.map(EventKind::as_str).to_vec(), Rc::new(on_news));
    }

    fn apply(self, event: ProjectEvent) {
        if let Some(sample) = event.usage {
            self.detail.update(|detail| match &mut detail.usage {
                Some(usage) => usage.push(sample),
                None => detail.usage = Some(Usage::from(sample)),
            });
            return;
        }
        if self.events.read_untracked().iter().any(|known| known.id == event.id) {
            return;
        }
        match event.kind {
            EventKind::StateChanged => {
                if let Some(state) = event.state {
                    self.detail.update(|detail| {
                        detail.state = state;
                        detail.operation = event.operation.filter(|_| state.is_transient());
                    });
                }
                self.reload();
            }
            EventKind::DatabaseExited
            | EventKind::StepRetried
            | EventKind::StepFailed
            | EventKind::Renamed
            | EventKind::Resized => self.reload(),
            EventKind::Deleted => self.gone.set(true),
            EventKind::StepStarted | EventKind::StepProgress | EventKind::StepFinished | EventKind::Measured => {}
        }
        self.events.update(|events| {
            // What a step says is of interest until it says more, and must not push out what it has done.
            if event.kind == EventKind::StepProgress {
                events.retain(|event| event.kind != EventKind::StepProgress);
            }
            let place = events.iter().position(|known| known.id < event.id).unwrap_or(events.len());
            events.insert(place, event);
            events.truncate(KEPT_EVENTS);
        });
    }
}
