//! Sign out, where somebody has signed in.

use leptos::prelude::*;

use crate::site;

/// A button, unless this machine needs no sign-in or nobody is signed in. The form is the server's own.
#[component]
pub(crate) fn SignOut() -> impl IntoView {
    site::signed_in().then(|| {
        view! {
            <form method="post" action="/sign-out">
                <button class="button" type="submit">
                    "Sign out"
                </button>
            </form>
        }
    })
}
