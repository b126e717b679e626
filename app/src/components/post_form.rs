//! A form that posts to a server function: by itself without scripts, without leaving the page with them.

use leptos::prelude::*;

use crate::submission::Submission;

/// The form; its fields and buttons are the children. `at` is the id of what the page should show again where it is loaded
/// anew, such as `#settings`.
#[component]
pub(crate) fn PostForm(submission: Submission, #[prop(optional)] at: &'static str, children: Children) -> impl IntoView {
    view! {
        <form method="post" action=format!("{}{at}", submission.url) on:submit=move |submit| submission.send(&submit)>
            {children()}
        </form>
    }
}
