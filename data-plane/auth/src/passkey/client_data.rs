//! What the browser says it did: WebAuthn level 3, 5.8.1.

use serde::Deserialize;
use subtle::ConstantTimeEq;

use super::{BASE64URL, Error};
use base64::Engine;

#[derive(Deserialize)]
struct ClientData {
    #[serde(rename = "type")]
    kind: String,
    challenge: String,
    origin: String,
    #[serde(rename = "crossOrigin", default)]
    cross_origin: bool,
}

/// `kind` is `webauthn.create` or `webauthn.get`; `challenge` the one that was sent, in base64url.
pub(super) fn check(json: &[u8], kind: &str, challenge: &str, origins: &[String]) -> Result<(), Error> {
    let json = json.strip_prefix(b"\xef\xbb\xbf").unwrap_or(json);
    let data: ClientData = serde_json::from_slice(json).map_err(Error::Json)?;
    if data.kind != kind {
        return Err(Error::Malformed("it is the answer to the other ceremony"));
    }
    let received = BASE64URL.decode(&data.challenge).map_err(|_| Error::Challenge)?;
    let sent = BASE64URL.decode(challenge).map_err(|_| Error::Challenge)?;
    if sent.is_empty() || !bool::from(received.ct_eq(&sent)) {
        return Err(Error::Challenge);
    }
    if !origins.contains(&data.origin) {
        return Err(Error::Origin(data.origin));
    }
    if data.cross_origin { Err(Error::CrossOrigin) } else { Ok(()) }
}
