//! WebAuthn, the relying party's part: passkeys that sign in, and factors of type `webauthn`.
//!
//! Owns the two ceremonies (registration and authentication, WebAuthn level 3, 7.1 and 7.2), each a function that begins it and one
//! that finishes it, and what is kept between and after them as JSON. It deliberately knows no user but a handle and two names, no
//! table and no session; that a state is used once and expires is the caller's.
//!
//! Attestation is not asked for (`none`), so its statement is not looked at: the key is trusted as the user's, not as a vendor's.
//! Signatures are checked by the RustCrypto crates. The crate `webauthn_rp` was tried and does not fit: it opens neither the COSE keys
//! that a dump of a Supabase project brings nor their JSON, keeps its states in a binary form, and takes only names that pass PRECIS.
//!
//! Sources: www.w3.org/TR/webauthn-3; RFC 9052 and 9053 (COSE); RFC 8949 (CBOR); Supabase's documentation, "Passkey authentication";
//! the service's OpenAPI document.

mod authentication;
mod authenticator_data;
mod cbor;
mod client_data;
mod credential;
mod key;
mod name;
mod registration;
#[cfg(test)]
mod tests;

use base64::{
    Engine, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use rand::RngExt;
use serde::{Deserialize, Serialize};

pub use authentication::{
    Assertion, Authenticated, AuthenticationState, begin_authentication, finish_authentication, read_assertion, user_of_handle,
};
pub use credential::{Authenticator, Credential, Flags};
pub use name::authenticator_name;
pub use registration::{RegistrationState, begin_registration, finish_registration};

/// base64url without padding, as WebAuthn's JSON has it; some clients pad.
const BASE64URL: GeneralPurpose = GeneralPurpose::new(
    &alphabet::URL_SAFE,
    GeneralPurposeConfig::new().with_encode_padding(false).with_decode_padding_mode(DecodePaddingMode::Indifferent),
);
const TIMEOUT_MILLISECONDS: u32 = 300_000;
const MOST_ORIGINS: usize = 5;

/// The site that a credential is bound to.
#[derive(Debug, Clone)]
pub struct RelyingParty {
    /// A domain, without scheme and port: the one of the application, or one above it.
    pub id: String,
    /// Shown by the browser.
    pub name: String,
    /// The origins that may use it, as browsers write them (`https://app.example.com`, `android:apk-key-hash:…`).
    pub origins: Vec<String>,
    /// Whether the authenticator has to know its user (by PIN or biometrics), and not only that somebody is there.
    pub user_verification: UserVerification,
}

impl RelyingParty {
    /// Refuses settings with which browsers would refuse every credential, as the documentation of the setting has it.
    pub fn check(&self) -> Result<(), Error> {
        let invalid = |what: String| Err(Error::Settings(what));
        let id = &self.id;
        if id.is_empty() || !id.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-._".contains(&byte)) {
            return invalid(format!(
                "the relying party's id {id:?} is not a domain in lower case, without scheme, port and path"
            ));
        }
        if self.name.trim().is_empty() {
            return invalid("the relying party has no display name".to_owned());
        }
        if self.origins.is_empty() || self.origins.len() > MOST_ORIGINS {
            return invalid(format!("the relying party has 1 to {MOST_ORIGINS} origins"));
        }
        for origin in self.origins.iter().map(|origin| origin.trim()).filter(|origin| !origin.starts_with("android:")) {
            let Some((scheme, host)) = origin_host(origin) else {
                return invalid(format!("{origin:?} is not an origin such as https://example.com"));
            };
            let local = ["localhost", "127.0.0.1", "[::1]"].contains(&host.as_str());
            if scheme != "https" && !(scheme == "http" && local) {
                return invalid(format!("the origin {origin:?} does not use HTTPS"));
            }
            if host != *id && !host.strip_suffix(id.as_str()).is_some_and(|above| above.ends_with('.')) {
                return invalid(format!("the origin {origin:?} is not at {id} or below"));
            }
        }
        Ok(())
    }
}

/// Scheme and host in lower case, of a text that has nothing but them and a port.
fn origin_host(origin: &str) -> Option<(String, String)> {
    let uri = fluent_uri::Uri::parse(origin.trim_end_matches('/')).ok()?;
    let authority = uri.authority()?;
    let bare = uri.path().is_empty() && uri.query().is_none() && uri.fragment().is_none() && authority.userinfo().is_none();
    let host = authority.host();
    (bare && !host.is_empty()).then(|| (uri.scheme().as_str().to_ascii_lowercase(), host.to_ascii_lowercase()))
}

/// What an authenticator is asked about its user.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum UserVerification {
    /// Whoever is not verified is refused.
    Required,
    /// Asked for, and not insisted on.
    Preferred,
    /// Not wanted.
    Discouraged,
}

/// Whose credential it becomes.
#[derive(Debug, Clone)]
pub struct User {
    /// At most 64 bytes that say nothing about the person: GoTrue's are the user's id as text.
    pub handle: Vec<u8>,
    /// The e-mail address or phone number.
    pub name: String,
    /// What a browser shows.
    pub display_name: String,
}

/// Why a ceremony failed: 400 `webauthn_verification_failed`, but for what is stored or set.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The client's answer is not the JSON of a credential.
    #[error("the credential is not valid: {0}")]
    Malformed(&'static str),
    /// The client's answer is not the JSON of a credential.
    #[error("the credential is not valid JSON")]
    Json(#[source] serde_json::Error),
    /// What is stored is not what was given to be stored.
    #[error("the stored ceremony or credential cannot be read")]
    Stored(#[source] serde_json::Error),
    /// The relying party cannot work.
    #[error("{0}")]
    Settings(String),
    /// An answer to something else: another ceremony, or long ago.
    #[error("the challenge does not match")]
    Challenge,
    /// It was made by a page that may not use this relying party.
    #[error("the origin {0:?} is not allowed")]
    Origin(String),
    /// It was made within a frame of another site.
    #[error("the credential was used within a frame of another origin")]
    CrossOrigin,
    /// It was made for another relying party.
    #[error("the relying party's id does not match")]
    RelyingParty,
    /// Nobody touched the authenticator.
    #[error("the authenticator did not ask for the user's presence")]
    NotPresent,
    /// The user is required to be verified and was not.
    #[error("the authenticator did not verify its user")]
    NotVerified,
    /// It is not one of the credentials that were asked for.
    #[error("the credential was not asked for")]
    NotAllowed,
    /// It belongs to another user.
    #[error("the credential belongs to another user")]
    OtherUser,
    /// The key is of an algorithm that was not offered.
    #[error("the key's algorithm is not supported")]
    Algorithm,
    /// The signature is of another key, or of something else.
    #[error("the signature does not match")]
    Signature,
    /// The counter did not grow: somebody else has a copy of the key, or the answer was replayed.
    #[error("the signature counter went from {stored} to {received}; the authenticator may have been copied")]
    Counter {
        /// The last one.
        stored: u32,
        /// This one.
        received: u32,
    },
    /// A credential that may not be backed up was, or one changed from one kind to the other.
    #[error("the credential's backup state contradicts itself")]
    BackupState,
}

fn challenge() -> String {
    BASE64URL.encode(rand::rng().random::<[u8; 32]>())
}

fn decode(text: &str, what: &'static str) -> Result<Vec<u8>, Error> {
    BASE64URL.decode(text).map_err(|_| Error::Malformed(what))
}

fn descriptors(credentials: &[Credential]) -> Vec<serde_json::Value> {
    credentials.iter().map(Credential::descriptor).collect()
}

/// The part that the answers of both ceremonies have in common.
#[derive(Deserialize)]
struct Answer<R> {
    id: String,
    #[serde(rename = "rawId", default)]
    raw_id: Option<String>,
    #[serde(rename = "type")]
    kind: String,
    response: R,
    #[serde(rename = "authenticatorAttachment", default)]
    attachment: Option<String>,
}

impl<R: for<'de> Deserialize<'de>> Answer<R> {
    /// The answer, and the credential's id.
    fn read(json: &serde_json::Value) -> Result<(Self, Vec<u8>), Error> {
        let answer = Self::deserialize(json).map_err(Error::Json)?;
        if answer.kind != "public-key" {
            return Err(Error::Malformed("its type is public-key"));
        }
        let id = decode(&answer.id, "its id is base64url")?;
        if let Some(raw) = &answer.raw_id
            && decode(raw, "its rawId is base64url")? != id
        {
            return Err(Error::Malformed("its id and rawId are the same"));
        }
        if id.is_empty() || id.len() > 1023 {
            return Err(Error::Malformed("its id is of 1 to 1023 bytes"));
        }
        Ok((answer, id))
    }
}
