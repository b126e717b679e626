//! The providers that GoTrue knows, as data: addresses, scopes and fields are of each provider's public documentation, the names of
//! the claims are of what GoTrue stores.

mod code;
mod openid;
mod social;
mod work;

use super::description::{
    ClientAuthentication, Custom, Description, Emails, Fetch, Field, Hosts, IdToken, Issuers, List, Mapping, Source, Verified,
};

/// All of them, by name.
pub static ALL: [Description; 25] = [
    openid::APPLE,
    openid::AZURE,
    code::BITBUCKET,
    social::DISCORD,
    social::FACEBOOK,
    work::FIGMA,
    code::FLY,
    code::GITHUB,
    code::GITLAB,
    openid::GOOGLE,
    openid::KAKAO,
    openid::KEYCLOAK,
    openid::LINKEDIN,
    openid::LINKEDIN_OIDC,
    work::NOTION,
    work::SLACK,
    work::SLACK_OIDC,
    social::SNAPCHAT,
    social::SPOTIFY,
    social::TWITCH,
    social::TWITTER,
    openid::VERCEL_MARKETPLACE,
    work::WORKOS,
    social::X,
    work::ZOOM,
];

/// The one of this name, in any case of its letters.
#[must_use]
pub fn find(name: &str) -> Option<&'static Description> {
    ALL.iter().find(|description| description.name.eq_ignore_ascii_case(name))
}

/// The one whose id tokens this issuer signs, where that does not depend on settings.
#[must_use]
pub fn find_by_issuer(issuer: &str) -> Option<&'static Description> {
    ALL.iter().find(|description| match description.id_token.map(|id_token| id_token.issuers) {
        Some(Issuers::Fixed(issuers)) => issuers.contains(&issuer),
        Some(Issuers::Microsoft) => super::issuer::is_microsoft(issuer),
        Some(Issuers::Base) | None => false,
    })
}

/// The one that has the browser post the user's name.
pub(super) const WITH_USER_IN_FORM: &str = openid::APPLE.name;

const NO_PARAMETERS: &[(&str, &str)] = &[];

/// Hosts of which the administrator may name another.
const fn hosts(base: &'static str, api: &'static str) -> Hosts {
    Hosts { base, api, api_of_configured: "", configurable: true }
}

/// Hosts that are what they are.
const fn fixed(base: &'static str, api: &'static str) -> Hosts {
    Hosts { base, api, api_of_configured: "", configurable: false }
}

const fn at(pointers: &'static [&'static str]) -> Field {
    Field::At(pointers)
}
