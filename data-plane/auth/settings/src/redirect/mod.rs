//! Which addresses a user may be sent to with a token.
//!
//! As upstream documents it: any address on the site's host, and what a pattern of `uri_allow_list` matches, without its
//! fragment. Stricter than upstream where a pattern could be led astray: the pattern's host part must match the address's
//! host alone, an address with a name and password has no host, a step down from https to http is none of the site's
//! addresses (but on a loopback host), and a path may not climb. A host that is a number is allowed on loopback, or where
//! a pattern names it without a wildcard.

mod glob;
mod target;
#[cfg(test)]
mod tests;

use thiserror::Error;

use super::Settings;
use glob::Glob;
pub use glob::GlobError;
use target::{Host, Target};

/// A pattern that is none.
#[derive(Debug, Error)]
#[error("the pattern `{pattern}` can't be read")]
pub struct AllowListError {
    pub pattern: String,
    #[source]
    pub reason: GlobError,
}

/// `uri_allow_list`: patterns of addresses.
#[derive(Clone, Debug, Default)]
pub struct AllowList {
    patterns: Vec<Pattern>,
}

#[derive(Clone, Debug)]
struct Pattern {
    given: String,
    globs: Vec<Glob>,
}

impl AllowList {
    /// From a comma-separated list. A comma within `{…}` separates alternatives.
    pub fn parse(list: &str) -> Result<Self, AllowListError> {
        let patterns = entries(list)
            .into_iter()
            .map(|given| match Glob::parse(&given) {
                Ok(globs) => Ok(Pattern { given, globs }),
                Err(reason) => Err(AllowListError { pattern: given, reason }),
            })
            .collect::<Result<_, _>>()?;
        Ok(Self { patterns })
    }

    /// The patterns as given.
    pub fn patterns(&self) -> impl Iterator<Item = &str> {
        self.patterns.iter().map(|pattern| pattern.given.as_str())
    }

    /// The first pattern, as given, that allows it.
    fn pattern_for(&self, target: &Target) -> Option<&str> {
        if target.is_web() && target.climbs() {
            return None;
        }
        let forms = target.forms();
        let allows = |pattern: &&Pattern| pattern.globs.iter().any(|glob| allows(glob, target, &forms));
        self.patterns.iter().find(allows).map(|pattern| pattern.given.as_str())
    }
}

/// A whole address may match by its query what a pattern wants of its host: so the host is compared for itself, too.
fn allows(glob: &Glob, target: &Target, forms: &[String]) -> bool {
    if !forms.iter().any(|form| glob.matches(form)) {
        return false;
    }
    let wanted = glob.authority();
    let host_fits = match (&wanted, &target.authority) {
        (Some(wanted), Some(given)) => wanted.matches(given) || wanted.matches(&given.to_ascii_lowercase()),
        (Some(_) | None, None) | (None, Some(_)) => true,
    };
    host_fits && number_fits(wanted.as_ref(), target)
}

/// A number as host hides whose it is; a pattern with wildcards that happens to match it did not mean it.
fn number_fits(wanted: Option<&Glob>, target: &Target) -> bool {
    let number = match &target.host {
        Host::None | Host::Name(_) => return true,
        Host::V4(_) | Host::V6(_) if !target.is_web() || target.host.is_loopback() => return true,
        Host::V4(address) => address.to_string(),
        Host::V6(address) => format!("[{address}]"),
    };
    wanted.and_then(Glob::literal_host).is_some_and(|host| host == number)
}

/// The list's entries; commas within braces and after `\` separate nothing.
fn entries(list: &str) -> Vec<String> {
    let mut entries = vec![String::new()];
    let (mut open, mut escaped) = (0_usize, false);
    for c in list.chars() {
        match c {
            ',' if open == 0 && !escaped => {
                entries.push(String::new());
                continue;
            }
            '{' if !escaped => open += 1,
            '}' if !escaped => open = open.saturating_sub(1),
            _ => {}
        }
        escaped = c == '\\' && !escaped;
        if let Some(last) = entries.last_mut() {
            last.push(c);
        }
    }
    entries.iter().map(|entry| entry.trim().to_owned()).filter(|entry| !entry.is_empty()).collect()
}

/// Is this an absolute address that a browser may be sent to at all?
pub(super) fn is_address(text: &str) -> bool {
    Target::parse(text).is_some()
}

/// Why an address is one that a user may be sent to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RedirectRule<'a> {
    /// It is on the site.
    Site,
    /// This pattern of the list matches it.
    Pattern(&'a str),
}

impl Settings {
    /// May a user be sent there with a token?
    #[must_use]
    pub fn allows_redirect(&self, to: &str) -> bool {
        self.redirect_rule(to).is_some()
    }

    /// What allows that a user is sent there; nothing: it is refused.
    #[must_use]
    pub fn redirect_rule(&self, to: &str) -> Option<RedirectRule<'_>> {
        if to.is_empty() {
            return None;
        }
        let target = Target::parse(to)?;
        if to == self.api.site_url || self.is_on_site(&target) {
            return Some(RedirectRule::Site);
        }
        self.uri_allow_list.pattern_for(&target).map(RedirectRule::Pattern)
    }

    /// The address asked for where it is allowed, else the site's.
    #[must_use]
    pub fn redirect_or_site<'a>(&'a self, asked: Option<&'a str>) -> &'a str {
        asked.filter(|to| self.allows_redirect(to)).unwrap_or(&self.api.site_url)
    }

    fn is_on_site(&self, target: &Target) -> bool {
        let Some(site) = Target::parse(&self.api.site_url) else { return false };
        let scheme_fits = target.scheme == site.scheme
            || (site.is_web() && target.scheme == "https")
            || (site.is_web() && target.is_web() && target.host.is_loopback());
        site.host != Host::None && site.host == target.host && scheme_fits
    }
}
