//! The time that relative times are relative to: one signal for the whole page, advanced only in the browser.

use std::time::Duration;

use leptos::prelude::*;

/// How often relative times are written anew. They are coarse, so this need not be often.
pub(crate) const TICK: Duration = Duration::from_secs(15);

#[derive(Clone, Copy)]
struct Clock(RwSignal<i64>);

/// Provides the clock; it ticks once the page is hydrated.
pub(crate) fn provide_clock() {
    let clock = RwSignal::new(now_ms());
    provide_context(Clock(clock));
    Effect::new(move |_| every(TICK, move || clock.set(now_ms())));
}

/// Unix time in milliseconds, to be read inside a reactive closure.
pub(crate) fn use_now() -> Signal<i64> {
    use_context::<Clock>().map_or_else(|| Signal::stored(now_ms()), |clock| clock.0.into())
}

/// Calls `tick` again and again until the current owner goes.
pub(crate) fn every(period: Duration, tick: impl Fn() + 'static) {
    if let Ok(handle) = set_interval_with_handle(tick, period) {
        on_cleanup(move || handle.clear());
    }
}

/// Unix time in milliseconds.
pub(crate) fn now_ms() -> i64 {
    #[cfg(target_arch = "wasm32")]
    let now = web_sys::js_sys::Date::now() as i64;
    #[cfg(not(target_arch = "wasm32"))]
    let now = crate::format::unix_ms(time::OffsetDateTime::now_utc());
    now
}
