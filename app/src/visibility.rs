//! Whether this page is in front. Hidden pages let go of their event stream: over HTTP/1.1 a browser has six
//! connections to a host for all its tabs, and a stream holds one.

use leptos::prelude::*;

#[derive(Clone, Copy)]
struct Visible(RwSignal<bool>);

/// Provides the signal; it follows the browser once the page is hydrated.
pub(crate) fn provide_visibility() {
    let visible = RwSignal::new(true);
    provide_context(Visible(visible));
    Effect::new(move |_| {
        visible.set(!document().hidden());
        // Lives as long as the app.
        drop(window_event_listener_untyped("visibilitychange", move |_| visible.set(!document().hidden())));
    });
}

/// True while the page can be seen.
pub(crate) fn use_visible() -> Signal<bool> {
    use_context::<Visible>().map_or_else(|| Signal::stored(true), |visible| visible.0.into())
}
