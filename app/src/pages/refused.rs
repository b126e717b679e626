//! A page that could not be shown.

use control_plane_api::ErrorCode;
use leptos::prelude::*;
use leptos_meta::Title;

use crate::DashboardError;

/// Says why a page can't be shown and what to do. The status was set by the server function that refused.
#[component]
pub(crate) fn RefusedPage(error: DashboardError) -> impl IntoView {
    let (title, href, action) = match error.code {
        ErrorCode::NotFound => ("Project not found", "/", "Go to projects"),
        ErrorCode::Unauthenticated => ("Signed out", "/sign-in", "Sign in"),
        ErrorCode::InvalidInput
        | ErrorCode::Forbidden
        | ErrorCode::Conflict
        | ErrorCode::PayloadTooLarge
        | ErrorCode::UnsupportedMediaType
        | ErrorCode::RateLimited
        | ErrorCode::Internal
        | ErrorCode::Unavailable => ("This page can't be shown", "", "Try again"),
    };
    view! {
        <Title text=title />
        <section class="notice">
            <p class="label">{error.code.http_status()}</p>
            <h1>{title}</h1>
            <p>{error.message}</p>
            <a class="button button-primary" href=href rel="external">
                {action}
            </a>
        </section>
    }
}
