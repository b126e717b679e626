//! Light, dark, or as the system says. Kept in a cookie, so that the server's page already has the right colours.

use serde::{Deserialize, Serialize};

/// The visitor's choice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Theme {
    #[default]
    System,
    Light,
    Dark,
}

impl Theme {
    pub(crate) const ALL: [Self; 3] = [Self::System, Self::Light, Self::Dark];
    const COOKIE: &str = "theme";

    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::Light => "light",
            Self::Dark => "dark",
        }
    }

    pub(crate) const fn label(self) -> &'static str {
        match self {
            Self::System => "System",
            Self::Light => "Light",
            Self::Dark => "Dark",
        }
    }

    /// The `Set-Cookie` value, kept for a year. Scripts may set it too, so it is not HttpOnly.
    pub(crate) fn cookie(self) -> String {
        format!("{}={}; Path=/; Max-Age=31536000; SameSite=Lax", Self::COOKIE, self.word())
    }

    /// What this visitor has chosen. The server writes it into the document for the browser.
    pub(crate) fn chosen() -> Self {
        #[cfg(feature = "ssr")]
        let chosen = from_request();
        #[cfg(not(feature = "ssr"))]
        let chosen = crate::browser::root_attribute("data-theme").and_then(|word| Self::from_word(&word));
        chosen.unwrap_or_default()
    }

    fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|theme| theme.word() == word)
    }

    /// The choice in a `Cookie` header.
    #[cfg(any(feature = "ssr", test))]
    fn from_cookies(header: &str) -> Option<Self> {
        let (_, word) =
            header.split(';').filter_map(|pair| pair.trim().split_once('=')).find(|(name, _)| *name == Self::COOKIE)?;
        Self::from_word(word)
    }
}

#[cfg(feature = "ssr")]
fn from_request() -> Option<Theme> {
    use axum::http::{header::COOKIE, request::Parts};
    let parts = leptos::prelude::use_context::<Parts>()?;
    Theme::from_cookies(parts.headers.get(COOKIE)?.to_str().ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cookie_carries_the_choice() {
        for theme in Theme::ALL {
            let header = format!("session=x; {}", theme.cookie().split(';').next().unwrap());
            assert_eq!(Theme::from_cookies(&header), Some(theme));
        }
        assert_eq!(Theme::from_cookies("theme=neon"), None);
        assert_eq!(Theme::from_cookies(""), None);
    }
}
