//! A time as a person thinks of it, with the exact one in its title.

use leptos::prelude::*;
use time::OffsetDateTime;

use crate::{clock::use_now, format};

/// `5 min ago`, growing older while it is shown.
#[component]
pub(crate) fn RelativeTime(at: OffsetDateTime) -> impl IntoView {
    let now = use_now();
    let at_ms = format::unix_ms(at);
    view! {
        <time datetime=format::machine(at) title=format::exact(at)>
            {move || format::ago(at_ms, now.get())}
        </time>
    }
}
