//! The link of a message: what `{{ .ConfirmationURL }}` holds, and `action_link` of the administrator's links.

use fluent_uri::{Uri, UriRef};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// What Go leaves as it is in a query's value, besides letters and digits; a space becomes `+`.
const QUERY: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~').remove(b' ');

/// What the link does, as `type` of `/verify`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LinkType {
    Signup,
    Invite,
    Magiclink,
    Recovery,
    EmailChange,
}

impl LinkType {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Signup => "signup",
            Self::Invite => "invite",
            Self::Magiclink => "magiclink",
            Self::Recovery => "recovery",
            Self::EmailChange => "email_change",
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LinkError {
    #[error("the external URL is no URL such as https://example.com/auth/v1; correct API_EXTERNAL_URL")]
    ExternalUrl,
    #[error("the path of the mail's link is no URL or path such as /verify; correct GOTRUE_MAILER_URLPATHS_*")]
    Path,
}

/// Where a link leads: `path` of the settings, resolved against the external URL as RFC 3986 says, so that `/confirm`
/// replaces a path that the external URL has (`https://ref.example.com/auth/v1`) and a whole URL stands for itself.
/// Without one: `/verify` beneath the external URL.
pub fn base(external_url: &str, path: Option<&str>) -> Result<Uri<String>, LinkError> {
    let external = Uri::parse(external_url.split('#').next().unwrap_or_default()).map_err(|_| LinkError::ExternalUrl)?;
    if external.authority().is_none_or(|authority| authority.host().is_empty()) {
        return Err(LinkError::ExternalUrl);
    }
    let beneath = format!("{}/verify", external.path().as_str().trim_end_matches('/'));
    let reference = UriRef::parse(path.unwrap_or(&beneath)).map_err(|_| LinkError::Path)?;
    reference.resolve_against(&external).map_err(|_| LinkError::Path)
}

/// The link of a message. `token_hash` is the hash, with `pkce_` before it where the flow is PKCE.
pub fn confirmation_url(base: &Uri<String>, token_hash: &str, link: LinkType, redirect_to: &str) -> String {
    let mut url = base.as_str().split('#').next().unwrap_or_default().to_owned();
    url.push(if url.contains('?') { '&' } else { '?' });
    // GoTrue leaves an address as it is that can be no more than one value of a query.
    let as_it_is = redirect_to.chars().all(|c| c.is_ascii_graphic() && !matches!(c, '&' | '=' | '#' | '"' | '<' | '>'));
    let redirect_to = if as_it_is { redirect_to.to_owned() } else { query(redirect_to) };
    url + "token=" + &query(token_hash) + "&type=" + link.as_str() + "&redirect_to=" + &redirect_to
}

fn query(value: &str) -> String {
    utf8_percent_encode(value, QUERY).to_string().replace(' ', "+")
}

#[cfg(test)]
mod tests {
    use super::{LinkError, LinkType, base, confirmation_url};

    #[track_caller]
    fn check(external: &str, path: Option<&str>, expected: &str) {
        let url = base(external, path).map(|base| base.into_string());
        assert_eq!(url.as_deref(), Ok(expected), "{external} {path:?}");
    }

    #[test]
    fn leads_to_verify_beneath_the_external_url() {
        check("https://a.test", None, "https://a.test/verify");
        check("https://a.test/", None, "https://a.test/verify");
        check("https://a.test/auth/v1", None, "https://a.test/auth/v1/verify");
        check("http://localhost:8000/auth/v1/#x", None, "http://localhost:8000/auth/v1/verify");
    }

    #[test]
    fn resolves_a_path_against_the_external_url() {
        check("http://localhost:8000", Some("/auth/v1/verify"), "http://localhost:8000/auth/v1/verify");
        check("https://a.test/auth/v1", Some("/auth/v1/verify"), "https://a.test/auth/v1/verify");
        check("https://a.test/auth/v1", Some("/confirm"), "https://a.test/confirm");
        check("https://a.test/auth/v1/", Some("verify"), "https://a.test/auth/v1/verify");
        check("https://a.test/auth/v1", Some("https://b.test/confirm"), "https://b.test/confirm");
    }

    #[test]
    fn encodes_as_go_does() {
        let base = base("https://a.test/auth/v1", None).unwrap();
        assert_eq!(
            confirmation_url(&base, "pkce_0af", LinkType::EmailChange, "https://b.test/ü?x=1&y=a b#c+~*"),
            "https://a.test/auth/v1/verify?token=pkce_0af&type=email_change\
             &redirect_to=https%3A%2F%2Fb.test%2F%C3%BC%3Fx%3D1%26y%3Da+b%23c%2B~%2A"
        );
    }

    #[test]
    fn keeps_a_query_of_its_own() {
        let base = base("https://a.test", Some("/confirm?lang=de#part")).unwrap();
        let url = confirmation_url(&base, "x", LinkType::Signup, "https://b.test");
        assert_eq!(url, "https://a.test/confirm?lang=de&token=x&type=signup&redirect_to=https://b.test");
    }

    #[test]
    fn refuses_what_is_no_url() {
        assert_eq!(base("a.test", None), Err(LinkError::ExternalUrl));
        assert_eq!(base("https://a.test", Some("/ve rify")), Err(LinkError::Path));
    }
}
