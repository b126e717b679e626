//! The site that passkeys and factors of type `webauthn` are bound to, and how their users are called there.

use serde::Deserialize;

use crate::{
    caller::Caller,
    error::AuthError,
    model::User,
    passkey::{self, RelyingParty, UserVerification},
};

/// What a client says of its site.
#[derive(Debug, Deserialize)]
pub(crate) struct Wanted {
    #[serde(rename = "rpId", alias = "rp_id", default)]
    id: String,
    #[serde(rename = "rpOrigins", alias = "rp_origins", default)]
    origins: Vec<String>,
}

/// Of passkeys: as the settings say; the project's site where they say nothing.
pub(crate) fn of_passkeys(caller: &Caller) -> Result<RelyingParty, AuthError> {
    let relying_party = of_settings(caller);
    relying_party
        .check()
        .map_err(|error| AuthError::internal("Passkeys are not configured: set the relying party's id and origins", error))?;
    Ok(relying_party)
}

/// Of factors: a client may say, where the settings do not. That harms nobody but its own user: a browser asks for no other
/// credentials than those of the page's own site.
pub(crate) fn of_factors(caller: &Caller, wanted: Option<&Wanted>) -> Result<RelyingParty, AuthError> {
    let mut relying_party = of_settings(caller);
    if let Some(wanted) = wanted.filter(|wanted| caller.live.settings.web_authn.rp_id.is_empty() && !wanted.id.is_empty()) {
        relying_party.id.clone_from(&wanted.id);
        relying_party.origins.clone_from(&wanted.origins);
    }
    relying_party.check().map_err(|error| AuthError::validation(error.to_string()))?;
    Ok(relying_party)
}

fn of_settings(caller: &Caller) -> RelyingParty {
    let settings = &caller.live.settings;
    let set = &settings.web_authn;
    let host = site_host(caller);
    let host = host.rsplit_once(':').map_or(host.as_str(), |(host, _)| host);
    let site = settings.api.site_url.split_once("://").map(|(scheme, _)| format!("{scheme}://{}", site_host(caller)));
    RelyingParty {
        id: if set.rp_id.is_empty() { host.to_owned() } else { set.rp_id.clone() },
        name: if set.rp_display_name.trim().is_empty() { host.to_owned() } else { set.rp_display_name.clone() },
        origins: if set.rp_origins.is_empty() { site.into_iter().collect() } else { set.rp_origins.clone() },
        user_verification: UserVerification::Preferred,
    }
}

/// Host, and port if there is one, of the project's site.
pub(crate) fn site_host(caller: &Caller) -> String {
    let site = caller.live.settings.api.site_url.as_str();
    let uri = fluent_uri::Uri::parse(site).ok();
    let authority = uri.as_ref().and_then(fluent_uri::Uri::authority);
    match authority.map(|authority| (authority.host(), authority.port())) {
        Some((host, Some(port))) if !port.as_str().is_empty() => format!("{host}:{port}"),
        Some((host, _)) => host.to_owned(),
        None => site.to_owned(),
    }
}

/// The handle is the user's id as text, as upstream has it.
pub(crate) fn user(user: &User) -> passkey::User {
    let id = user.id.to_string();
    let name = [user.email(), user.phone()].into_iter().find(|name| !name.is_empty()).unwrap_or(&id).to_owned();
    let display_name = ["full_name", "name"]
        .iter()
        .find_map(|key| user.user_metadata.get(*key)?.as_str())
        .filter(|name| !name.is_empty())
        .unwrap_or(&name)
        .to_owned();
    passkey::User { handle: id.into_bytes(), name, display_name }
}
