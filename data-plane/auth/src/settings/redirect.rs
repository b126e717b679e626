//! Which addresses a user may be sent to with a token.

use super::Settings;

/// `uri_allow_list`: patterns of addresses.
#[derive(Clone, Debug, Default)]
pub struct AllowList {
    patterns: Vec<String>,
}

impl AllowList {
    /// From a comma-separated list.
    #[must_use]
    pub fn parse(list: &str) -> Self {
        Self { patterns: list.split(',').map(str::trim).filter(|p| !p.is_empty()).map(str::to_owned).collect() }
    }

    /// The patterns as given.
    pub fn patterns(&self) -> impl Iterator<Item = &str> {
        self.patterns.iter().map(String::as_str)
    }
}

impl Settings {
    /// May a user be sent there?
    #[must_use]
    pub fn allows_redirect(&self, to: &str) -> bool {
        to == self.api.site_url
    }

    /// The address asked for where it is allowed, else the site's.
    #[must_use]
    pub fn redirect_or_site<'a>(&'a self, asked: Option<&'a str>) -> &'a str {
        asked.filter(|to| self.allows_redirect(to)).unwrap_or(&self.api.site_url)
    }
}
