//! What the server tells a project's services while they run, and how it gets into a container: sealed under a key that only the
//! two have, so that whoever can reach the program or listen on the way can neither read it nor tell it anything.
//!
//! What was told has a number, which only grows: what was on its way for longer than what came after it is not taken.

use auth::settings::{ProjectKeys, ThirdPartyKeys, document::Document};
use chacha20poly1305::{
    Key, KeyInit as _, XChaCha20Poly1305, XNonce,
    aead::{Aead as _, Generate as _, Payload},
};
use control_plane_api::ProjectRef;
use hmac::{Hmac, Mac as _};
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use sha2::Sha256;

/// Nonce length of XChaCha20-Poly1305, in bytes.
const NONCE_BYTES: usize = 24;

/// What the key is derived for; another form of the message is another purpose.
const PURPOSE: &[u8] = b"supacloud: what a node is told, 1";

/// What services go by, and what of it changes while they run.
#[derive(Debug, Clone, Default)]
pub struct Told {
    /// The settings of Auth.
    pub auth: Document,
    /// The keys that tokens are signed with and verified by.
    pub keys: ProjectKeys,
}

/// It was not sealed by the server for this program, or another version of the server has sealed it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the message is not one for this program")]
pub struct Unreadable;

/// What both sides have to seal and to open messages of one project.
#[derive(Clone)]
pub struct Seal {
    cipher: XChaCha20Poly1305,
    project_ref: ProjectRef,
}

impl std::fmt::Debug for Seal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Seal").field("project_ref", &self.project_ref).finish_non_exhaustive()
    }
}

#[derive(Serialize, Deserialize)]
struct Message {
    number: u64,
    auth: Map<String, Value>,
    /// A JSON array, as text.
    keys: String,
    secret_verifies: bool,
    #[serde(default)]
    third_party: Vec<ThirdPartyKeys>,
}

impl Seal {
    /// `secret` is the password of the role that Auth connects as, which both have and nobody else needs.
    #[must_use]
    pub fn new(secret: &SecretString, project_ref: &ProjectRef) -> Self {
        let cipher = XChaCha20Poly1305::new(&Key::from(derived(secret)));
        Self { cipher, project_ref: project_ref.clone() }
    }

    /// Nonce, then ciphertext with tag.
    ///
    /// # Errors
    /// [`Unreadable`], never seen: of a message that is too long for the cipher.
    pub fn seal(&self, number: u64, told: &Told) -> Result<Vec<u8>, Unreadable> {
        let message = Message {
            number,
            auth: told.auth.kept().clone(),
            keys: told.keys.set().expose_secret().to_owned(),
            secret_verifies: told.keys.secret_verifies,
            third_party: told.keys.third_party.clone(),
        };
        let message = serde_json::to_vec(&message).map_err(|_| Unreadable)?;
        let nonce = XNonce::generate();
        let payload = Payload { msg: &message, aad: self.project_ref.as_str().as_bytes() };
        Ok([nonce.to_vec(), self.cipher.encrypt(&nonce, payload).map_err(|_| Unreadable)?].concat())
    }

    /// The number, and what was told.
    pub(crate) fn open(&self, sealed: &[u8]) -> Result<(u64, Told), Unreadable> {
        let (nonce, ciphertext) = sealed.split_at_checked(NONCE_BYTES).ok_or(Unreadable)?;
        let nonce = XNonce::try_from(nonce).map_err(|_| Unreadable)?;
        let payload = Payload { msg: ciphertext, aad: self.project_ref.as_str().as_bytes() };
        let message = self.cipher.decrypt(&nonce, payload).map_err(|_| Unreadable)?;
        let Message { number, auth, keys, secret_verifies, third_party } =
            serde_json::from_slice(&message).map_err(|_| Unreadable)?;
        let auth = Document::from_kept(&auth).map_err(|_| Unreadable)?;
        let keys = ProjectKeys::parse(&keys, secret_verifies).map_err(|_| Unreadable)?;
        Ok((number, Told { auth, keys: keys.with_third_party(third_party) }))
    }
}

fn derived(secret: &SecretString) -> [u8; 32] {
    // HMAC takes keys of any length.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret.expose_secret().as_bytes()) else { return [0; 32] };
    mac.update(PURPOSE);
    mac.finalize().into_bytes().into()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn seal(secret: &str, letter: u8) -> Seal {
        Seal::new(&secret.to_owned().into(), &ProjectRef::from_letters([letter; 20]))
    }

    #[test]
    fn what_is_told_is_for_one_project_and_for_who_has_its_secret() {
        let patch = json!({ "jwt_exp": 600, "smtp_pass": "hush" });
        let auth = Document::default().apply(patch.as_object().unwrap(), "").unwrap();
        let jwk = json!([{ "kty": "oct", "k": "a2s", "kid": "1", "key_ops": ["sign", "verify"] }]);
        let third_party = ThirdPartyKeys { issuer: Some("https://id.test".to_owned()), keys: vec![json!({ "kid": "2" })] };
        let keys = ProjectKeys::parse(&jwk.to_string(), false).unwrap().with_third_party(vec![third_party]);
        let told = Told { auth, keys };
        let sealed = seal("secret", 1).seal(7, &told).unwrap();
        assert!(!sealed.windows(4).any(|window| window == b"hush"));
        let (number, opened) = seal("secret", 1).open(&sealed).unwrap();
        assert_eq!((number, opened.auth.kept()), (7, told.auth.kept()));
        assert!(!opened.keys.secret_verifies && opened.keys.listed[0].signs);
        assert_eq!(opened.keys.third_party, told.keys.third_party);
        for other in [seal("another", 1), seal("secret", 2)] {
            assert_eq!(other.open(&sealed).unwrap_err(), Unreadable);
        }
        let mut changed = sealed.clone();
        *changed.last_mut().unwrap() ^= 1;
        for wrong in [&changed[..], &sealed[..20], b""] {
            assert_eq!(seal("secret", 1).open(wrong).unwrap_err(), Unreadable);
        }
    }
}
