//! Server-sent events while the page can be seen. The browser reconnects by itself and says which event it saw last.

use std::{cell::Cell, rc::Rc, time::Duration};

use leptos::prelude::*;
use wasm_bindgen::{JsCast, prelude::Closure};
use web_sys::{EventSource, MessageEvent};

use crate::visibility::use_visible;

/// How long to wait after the server has refused, when the browser gives up; twice as long each time, six times at most.
const AFTER_REFUSAL: Duration = Duration::from_secs(2);

/// What a stream says.
#[derive(Debug)]
pub(crate) enum News {
    /// Connected for the first time.
    Connected,
    /// Connected again; something may have been missed.
    Reconnected,
    /// The connection is lost; the browser tries again.
    Lost,
    /// The server refuses: what is followed is gone, or nobody is signed in any more. It will be asked again.
    Refused,
    /// An event's data.
    Happened(String),
}

/// What is remembered from one connection to the next.
#[derive(Clone, Default)]
struct Memory {
    connected: Rc<Cell<bool>>,
    /// Since the last time it was let in.
    refusals: Rc<Cell<u32>>,
}

type Handlers = (Closure<dyn FnMut(MessageEvent)>, Closure<dyn FnMut()>, Closure<dyn FnMut()>);

/// Follows the events of the given kinds until the current owner goes. `url` is asked for at each new connection; nothing
/// ends it. Call it where the page is made; nothing happens on the server.
pub(crate) fn follow(url: impl Fn() -> Option<String> + 'static, kinds: Vec<&'static str>, on_news: Rc<dyn Fn(News)>) {
    let visible = use_visible();
    let memory = Memory::default();
    let tries = RwSignal::new(0_u32);
    let held = (url, on_news);
    Effect::new(move |_| {
        tries.track();
        if visible.get()
            && let Some(url) = held.0()
        {
            connect(&url, &kinds, memory.clone(), tries, &held.1);
        }
    });
}

fn connect(url: &str, kinds: &[&str], memory: Memory, tries: RwSignal<u32>, on_news: &Rc<dyn Fn(News)>) {
    let Ok(source) = EventSource::new(url) else { return };
    let (happened, connected, lost) = (Rc::clone(on_news), Rc::clone(on_news), Rc::clone(on_news));
    let (failing, refusals) = (source.clone(), Rc::clone(&memory.refusals));
    let handlers: Handlers = (
        Closure::new(move |message: MessageEvent| {
            if let Some(data) = message.data().as_string() {
                happened(News::Happened(data));
            }
        }),
        Closure::new(move || {
            memory.refusals.set(0);
            connected(if memory.connected.replace(true) { News::Reconnected } else { News::Connected });
        }),
        Closure::new(move || {
            if failing.ready_state() != EventSource::CLOSED {
                lost(News::Lost);
                return;
            }
            lost(News::Refused);
            let wait = AFTER_REFUSAL * 2_u32.pow(refusals.get().min(5));
            refusals.set(refusals.get() + 1);
            set_timeout(move || _ = tries.try_update(|tries| *tries += 1), wait);
        }),
    );
    for kind in kinds {
        _ = source.add_event_listener_with_callback(kind, handlers.0.as_ref().unchecked_ref());
    }
    source.set_onopen(Some(handlers.1.as_ref().unchecked_ref()));
    source.set_onerror(Some(handlers.2.as_ref().unchecked_ref()));
    let held = StoredValue::new_local((source, handlers));
    on_cleanup(move || held.with_value(|(source, _)| source.close()));
}
