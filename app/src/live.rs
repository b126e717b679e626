//! One project as its page shows it, kept current by events. Nothing is polled.

use control_plane_api::{ErrorCode, EventKind, ProjectEvent, ProjectRef, ProjectState};
use leptos::{prelude::*, task::spawn_local};

use crate::{
    event_stream::{News, follow},
    project_detail::ProjectDetail,
    server_fns::load_project,
    visibility::use_visible,
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
        };
        provide_context(live);
        let visible = use_visible();
        Effect::new(move |again: Option<()>| {
            if visible.get() {
                live.follow();
                if again.is_some() {
                    live.reload();
                }
            }
        });
        live
    }

    /// The project's ref; it never changes.
    pub(crate) fn project_ref(self) -> ProjectRef {
        self.detail.read_untracked().project_ref.clone()
    }

    /// Fetches anew what events don't carry: connection, usage, health and keys.
    pub(crate) fn reload(self) {
        let project_ref = self.project_ref();
        spawn_local(async move {
            let detail = match load_project(project_ref).await {
                Ok(detail) => detail,
                Err(error) if error.code == ErrorCode::NotFound => {
                    _ = self.gone.try_set(true);
                    return;
                }
                // What is shown stays; the next event tries again.
                Err(_) => return,
            };
            _ = self.detail.try_set(detail);
        });
    }

    fn follow(self) {
        let newest = self.events.read_untracked().first().map_or(0, |event| event.id);
        follow(&self.project_ref(), newest, move |news| match news {
            News::Connected if self.connected.try_get_untracked() == Some(false) => {
                self.connected.set(true);
                self.reload();
            }
            News::Connected => {}
            News::Refused => self.reload(),
            News::Lost => _ = self.connected.try_set(false),
            News::Happened(event) => self.apply(event),
        });
    }

    fn apply(self, event: ProjectEvent) {
        if self.events.read_untracked().iter().any(|known| known.id == event.id) {
            return;
        }
        match event.kind {
            EventKind::StateChanged => {
                if let Some(state) = event.state {
                    self.detail.update(|detail| detail.state = state);
                }
                self.reload();
            }
            EventKind::DatabaseExited | EventKind::StepRetried | EventKind::StepFailed | EventKind::Renamed => self.reload(),
            EventKind::Deleted => self.gone.set(true),
            EventKind::StepStarted | EventKind::StepFinished => {}
        }
        self.events.update(|events| {
            let place = events.iter().position(|known| known.id < event.id).unwrap_or(events.len());
            events.insert(place, event);
            events.truncate(KEPT_EVENTS);
        });
    }
}
