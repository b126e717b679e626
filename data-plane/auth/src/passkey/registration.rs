//! Making a credential: `navigator.credentials.create()`.

use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};

use super::{
    Answer, BASE64URL, Credential, Error, RelyingParty, TIMEOUT_MILLISECONDS, User, UserVerification,
    authenticator_data::{AuthenticatorData, origins},
    cbor::Value,
    challenge, client_data,
    credential::{Authenticator, Flags},
    decode, descriptors,
    key::{ALGORITHMS, PublicKey},
};
use base64::Engine;

/// What is kept from the beginning to the end of one registration.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RegistrationState {
    challenge: String,
    #[serde(rename = "rpId")]
    relying_party: String,
    origins: Vec<String>,
    #[serde(rename = "userVerification")]
    user_verification: UserVerification,
}

impl RegistrationState {
    /// What was stored.
    pub fn from_json(json: &Json) -> Result<Self, Error> {
        Self::deserialize(json).map_err(Error::Stored)
    }
}

#[derive(Deserialize)]
struct Response {
    #[serde(rename = "clientDataJSON")]
    client_data: String,
    #[serde(rename = "attestationObject")]
    attestation_object: String,
    #[serde(default)]
    transports: Option<Vec<String>>,
}

/// The `PublicKeyCredentialCreationOptions` for the browser, and what is to be stored. With `discoverable` the authenticator keeps the
/// user's handle, so that it can sign in without a name: passkeys are, factors need not be.
pub fn begin_registration(
    relying_party: &RelyingParty,
    user: &User,
    existing: &[Credential],
    discoverable: bool,
) -> Result<(Json, Json), Error> {
    let challenge = challenge();
    let parameters: Vec<Json> = ALGORITHMS.iter().map(|alg| json!({ "type": "public-key", "alg": alg })).collect();
    let options = json!({
        "rp": { "id": relying_party.id, "name": relying_party.name },
        "user": { "id": BASE64URL.encode(&user.handle), "name": user.name, "displayName": user.display_name },
        "challenge": challenge,
        "pubKeyCredParams": parameters,
        "timeout": TIMEOUT_MILLISECONDS,
        "excludeCredentials": descriptors(existing),
        "authenticatorSelection": {
            "requireResidentKey": discoverable,
            "residentKey": if discoverable { "required" } else { "preferred" },
            "userVerification": relying_party.user_verification,
        },
        "attestation": "none",
    });
    let state = RegistrationState {
        challenge,
        relying_party: relying_party.id.clone(),
        origins: origins(relying_party),
        user_verification: relying_party.user_verification,
    };
    Ok((options, serde_json::to_value(state).map_err(Error::Stored)?))
}

/// The credential that the browser answered with. That no other user has its id already is for the caller to see.
pub fn finish_registration(state: &RegistrationState, answer: &Json) -> Result<Credential, Error> {
    let (answer, id) = Answer::<Response>::read(answer)?;
    let client_data = decode(&answer.response.client_data, "its clientDataJSON is base64url")?;
    client_data::check(&client_data, "webauthn.create", &state.challenge, &state.origins)?;

    let object = decode(&answer.response.attestation_object, "its attestationObject is base64url")?;
    let object = Value::read_all(&object)?;
    let Some(Value::Text(format)) = object.text_key("fmt") else {
        return Err(Error::Malformed("its attestation has a format"));
    };
    let data = object.text_key("authData").and_then(Value::bytes).ok_or(Error::Malformed("it has authenticator data"))?;
    let data = AuthenticatorData::parse(data)?;
    data.check(&state.relying_party, state.user_verification)?;
    let attested = data.attested.as_ref().ok_or(Error::Malformed("it has a key"))?;
    if attested.id != id {
        return Err(Error::Malformed("its id is the one that the authenticator says"));
    }
    PublicKey::parse(attested.key)?;
    Ok(Credential {
        id,
        public_key: attested.key.to_vec(),
        attestation_type: (*format).to_owned(),
        transports: transports(answer.response.transports),
        flags: Flags {
            user_present: true,
            user_verified: data.verified(),
            backup_eligible: data.backup_eligible(),
            backup_state: data.backed_up(),
        },
        authenticator: Authenticator {
            aaguid: attested.aaguid.to_vec(),
            sign_count: data.counter,
            clone_warning: false,
            attachment: answer.attachment.filter(|it| it == "platform" || it == "cross-platform").unwrap_or_default(),
        },
    })
}

/// They are stored and sent back: only what a browser knows.
fn transports(given: Option<Vec<String>>) -> Vec<String> {
    const KNOWN: [&str; 6] = ["ble", "hybrid", "internal", "nfc", "smart-card", "usb"];
    let mut given = given.unwrap_or_default();
    given.retain(|transport| KNOWN.contains(&transport.as_str()));
    given.sort();
    given.dedup();
    given
}
