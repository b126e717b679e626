//! Keeps a page current where there are no scripts to do it.

use leptos::prelude::*;

/// While `when` holds, a page without scripts is loaded anew each second.
#[component]
pub(crate) fn RefreshWithoutScripts(#[prop(into)] when: Signal<bool>) -> impl IntoView {
    // The browser reads the inside of `noscript` as text where scripts run, so it must not be hydrated.
    move || when.get().then(|| view! { <noscript inner_html=r#"<meta http-equiv="refresh" content="1">"#></noscript> })
}
