//! Using a credential: `navigator.credentials.get()`.

use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};
use sha2::{Digest, Sha256};

use super::{
    Answer, BASE64URL, Credential, Error, RelyingParty, TIMEOUT_MILLISECONDS, UserVerification,
    authenticator_data::{AuthenticatorData, origins},
    challenge, client_data, decode, descriptors,
    key::PublicKey,
};
use base64::Engine;

/// What is kept from the beginning to the end of one authentication.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct AuthenticationState {
    challenge: String,
    #[serde(rename = "rpId")]
    relying_party: String,
    origins: Vec<String>,
    #[serde(rename = "userVerification")]
    user_verification: UserVerification,
    /// In base64url. Empty: any credential of the relying party, found by its id.
    #[serde(rename = "allowedCredentials")]
    allowed: Vec<String>,
}

impl AuthenticationState {
    /// What was stored.
    pub fn from_json(json: &Json) -> Result<Self, Error> {
        Self::deserialize(json).map_err(Error::Stored)
    }
}

/// An answer whose credential is still to be looked up. Nothing in it has been checked.
#[derive(Debug)]
pub struct Assertion {
    /// The credential's id.
    pub credential_id: Vec<u8>,
    /// The user whose credential it claims to be, if the authenticator knows: see [`user_of_handle`].
    pub user_handle: Option<Vec<u8>>,
    client_data: Vec<u8>,
    authenticator_data: Vec<u8>,
    signature: Vec<u8>,
}

/// What a successful authentication proves, and the credential as it is to be stored.
#[derive(Debug)]
pub struct Authenticated {
    /// With its new counter and backup state.
    pub credential: Credential,
    /// Whether the authenticator verified its user, and not only somebody's presence.
    pub user_verified: bool,
}

#[derive(Deserialize)]
struct Response {
    #[serde(rename = "clientDataJSON")]
    client_data: String,
    #[serde(rename = "authenticatorData")]
    authenticator_data: String,
    signature: String,
    #[serde(rename = "userHandle", default)]
    user_handle: Option<String>,
}

/// The `PublicKeyCredentialRequestOptions` for the browser, and what is to be stored. Without `allowed` it is for discoverable ones:
/// whoever has a passkey of this site signs in.
pub fn begin_authentication(relying_party: &RelyingParty, allowed: &[Credential]) -> Result<(Json, Json), Error> {
    let challenge = challenge();
    let mut options = json!({
        "challenge": challenge,
        "timeout": TIMEOUT_MILLISECONDS,
        "rpId": relying_party.id,
        "userVerification": relying_party.user_verification,
    });
    if !allowed.is_empty() {
        options["allowCredentials"] = descriptors(allowed).into();
    }
    let state = AuthenticationState {
        challenge,
        relying_party: relying_party.id.clone(),
        origins: origins(relying_party),
        user_verification: relying_party.user_verification,
        allowed: allowed.iter().map(|credential| BASE64URL.encode(&credential.id)).collect(),
    };
    Ok((options, serde_json::to_value(state).map_err(Error::Stored)?))
}

/// Reads the browser's answer as far as is needed to look its credential up.
pub fn read_assertion(answer: &Json) -> Result<Assertion, Error> {
    let (answer, credential_id) = Answer::<Response>::read(answer)?;
    let response = answer.response;
    let user_handle = response.user_handle.filter(|handle| !handle.is_empty());
    Ok(Assertion {
        credential_id,
        user_handle: user_handle.map(|handle| decode(&handle, "its userHandle is base64url")).transpose()?,
        client_data: decode(&response.client_data, "its clientDataJSON is base64url")?,
        authenticator_data: decode(&response.authenticator_data, "its authenticatorData is base64url")?,
        signature: decode(&response.signature, "its signature is base64url")?,
    })
}

/// Checks it against the credential that has its id. `owner` is the handle of that credential's user ([`super::User::handle`]).
pub fn finish_authentication(
    state: &AuthenticationState,
    assertion: &Assertion,
    credential: &Credential,
    owner: &[u8],
) -> Result<Authenticated, Error> {
    let allowed = state.allowed.is_empty() || state.allowed.contains(&BASE64URL.encode(&assertion.credential_id));
    if !allowed || assertion.credential_id != credential.id {
        return Err(Error::NotAllowed);
    }
    match &assertion.user_handle {
        Some(handle) if handle != owner && user_of_handle(handle).is_none_or(|user| Some(user) != user_of_handle(owner)) => {
            return Err(Error::OtherUser);
        }
        // An authenticator that was asked for any credential says whose it chose.
        None if state.allowed.is_empty() => return Err(Error::OtherUser),
        Some(_) | None => {}
    }
    client_data::check(&assertion.client_data, "webauthn.get", &state.challenge, &state.origins)?;
    let data = AuthenticatorData::parse(&assertion.authenticator_data)?;
    data.check(&state.relying_party, state.user_verification)?;
    if data.backup_eligible() != credential.flags.backup_eligible {
        return Err(Error::BackupState);
    }
    let signed = [assertion.authenticator_data.as_slice(), Sha256::digest(&assertion.client_data).as_slice()].concat();
    PublicKey::parse(&credential.public_key)?.verify(&signed, &assertion.signature)?;

    let stored = credential.authenticator.sign_count;
    if (stored != 0 || data.counter != 0) && data.counter <= stored {
        return Err(Error::Counter { stored, received: data.counter });
    }
    let mut credential = credential.clone();
    credential.authenticator.sign_count = data.counter;
    credential.flags.user_present = true;
    credential.flags.user_verified = data.verified();
    credential.flags.backup_state = data.backed_up();
    Ok(Authenticated { credential, user_verified: data.verified() })
}

/// The user's id in a handle: as text, or as 16 bytes.
pub fn user_of_handle(handle: &[u8]) -> Option<uuid::Uuid> {
    uuid::Uuid::from_slice(handle).or_else(|_| uuid::Uuid::try_parse_ascii(handle)).ok()
}
