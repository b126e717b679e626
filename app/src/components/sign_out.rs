//! Sign out, where somebody has signed in.

use leptos::prelude::*;

/// A button, unless this machine needs no sign-in or nobody is signed in. The form is the server's own.
#[component]
pub(crate) fn SignOut() -> impl IntoView {
    signed_in().then(|| {
        view! {
            <form method="post" action="/sign-out">
                <button class="button" type="submit">
                    "Sign out"
                </button>
            </form>
        }
    })
}

/// The server knows; it writes its answer into the document for the browser, where it is the same until the next load.
fn signed_in() -> bool {
    #[cfg(feature = "ssr")]
    let signed_in = crate::session::signed_in_by_token();
    #[cfg(not(feature = "ssr"))]
    let signed_in = crate::browser::root_attribute("data-signed-in").is_some();
    signed_in
}
