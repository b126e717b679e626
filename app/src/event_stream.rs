//! A project's events as they happen, by `GET /v1/projects/{ref}/events`. The browser reconnects by itself and says
//! which event it saw last.

use control_plane_api::{EventKind, ProjectEvent, ProjectRef};
use leptos::prelude::*;
use wasm_bindgen::{JsCast, prelude::Closure};
use web_sys::{EventSource, MessageEvent};

/// What the stream says.
#[derive(Debug)]
pub(crate) enum News {
    /// Connected, or connected again.
    Connected,
    /// The connection is lost; the browser tries again.
    Lost,
    /// The server refuses, most likely because the project is gone; the browser does not try again.
    Refused,
    /// An event.
    Happened(ProjectEvent),
}

type Handlers = (Closure<dyn FnMut(MessageEvent)>, Closure<dyn FnMut()>, Closure<dyn FnMut()>);

/// Follows events later than `after` until the current owner goes. Call from an effect only.
pub(crate) fn follow(project_ref: &ProjectRef, after: i64, on_news: impl Fn(News) + Clone + 'static) {
    let Ok(source) = EventSource::new(&format!("/v1/projects/{project_ref}/events?after={after}")) else { return };
    let (connected, lost) = (on_news.clone(), on_news.clone());
    let failing = source.clone();
    let handlers: Handlers = (
        Closure::new(move |message: MessageEvent| {
            if let Some(event) = message.data().as_string().and_then(|text| serde_json::from_slice(text.as_bytes()).ok()) {
                on_news(News::Happened(event));
            }
        }),
        Closure::new(move || connected(News::Connected)),
        Closure::new(move || lost(if failing.ready_state() == EventSource::CLOSED { News::Refused } else { News::Lost })),
    );
    for kind in EventKind::ALL {
        _ = source.add_event_listener_with_callback(kind.as_str(), handlers.0.as_ref().unchecked_ref());
    }
    source.set_onopen(Some(handlers.1.as_ref().unchecked_ref()));
    source.set_onerror(Some(handlers.2.as_ref().unchecked_ref()));
    let held = StoredValue::new_local((source, handlers));
    on_cleanup(move || held.with_value(|(source, _)| source.close()));
}
