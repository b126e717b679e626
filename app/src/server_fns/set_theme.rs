//! Light, dark, or as the system says.

#![cfg_attr(feature = "ssr", expect(clippy::unused_async, reason = "every server function is async"))]

use leptos::prelude::*;

use crate::{DashboardError, theme::Theme};

/// Remembers the theme in a cookie. Holds no secret and needs no sign-in: the sign-in page has the switch too.
#[server(endpoint = "set_theme")]
pub(crate) async fn set_theme(theme: Theme) -> Result<(), DashboardError> {
    use axum::http::{HeaderValue, header::SET_COOKIE};
    use leptos_axum::ResponseOptions;
    if let (Some(response), Ok(cookie)) = (use_context::<ResponseOptions>(), HeaderValue::from_str(&theme.cookie())) {
        response.append_header(SET_COOKIE, cookie);
    }
    Ok(())
}
