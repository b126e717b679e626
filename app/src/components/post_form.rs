//! A form that posts to a server function: by itself without scripts, without leaving the page with them.

use leptos::prelude::*;

use crate::submission::Submission;

/// The form; its fields and buttons are the children.
#[component]
pub(crate) fn PostForm(submission: Submission, children: Children) -> impl IntoView {
    view! {
        <form method="post" action=submission.url on:submit=move |submit| submission.send(&submit)>
            {children()}
        </form>
    }
}
