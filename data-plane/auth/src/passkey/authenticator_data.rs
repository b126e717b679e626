//! What an authenticator signs: WebAuthn level 3, 6.1.

use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::{Error, RelyingParty, UserVerification, cbor::Value};

const PRESENT: u8 = 0x01;
const VERIFIED: u8 = 0x04;
const BACKUP_ELIGIBLE: u8 = 0x08;
const BACKED_UP: u8 = 0x10;
const ATTESTED: u8 = 0x40;
const EXTENSIONS: u8 = 0x80;
const MALFORMED: Error = Error::Malformed("its authenticator data is cut or has more than it says");

pub(super) struct AuthenticatorData<'a> {
    relying_party: &'a [u8],
    flags: u8,
    pub(super) counter: u32,
    pub(super) attested: Option<Attested<'a>>,
}

/// A new credential.
pub(super) struct Attested<'a> {
    pub(super) aaguid: [u8; 16],
    pub(super) id: &'a [u8],
    /// In COSE.
    pub(super) key: &'a [u8],
}

impl<'a> AuthenticatorData<'a> {
    pub(super) fn parse(bytes: &'a [u8]) -> Result<Self, Error> {
        let (relying_party, rest) = bytes.split_at_checked(32).ok_or(MALFORMED)?;
        let ([flags, a, b, c, d], mut rest) = rest.split_first_chunk::<5>().ok_or(MALFORMED)?;
        let mut attested = None;
        if flags & ATTESTED != 0 {
            let (aaguid, after) = rest.split_first_chunk::<16>().ok_or(MALFORMED)?;
            let (length, after) = after.split_first_chunk::<2>().ok_or(MALFORMED)?;
            let (id, after) = after.split_at_checked(usize::from(u16::from_be_bytes(*length))).ok_or(MALFORMED)?;
            rest = Value::read(after)?.1;
            attested = Some(Attested { aaguid: *aaguid, id, key: &after[..after.len() - rest.len()] });
        }
        if flags & EXTENSIONS != 0 {
            rest = Value::read(rest)?.1;
        }
        if !rest.is_empty() {
            return Err(MALFORMED);
        }
        Ok(Self { relying_party, flags: *flags, counter: u32::from_be_bytes([*a, *b, *c, *d]), attested })
    }

    /// What both ceremonies ask of it.
    pub(super) fn check(&self, relying_party_id: &str, verification: UserVerification) -> Result<(), Error> {
        if !bool::from(Sha256::digest(relying_party_id.as_bytes()).as_slice().ct_eq(self.relying_party)) {
            return Err(Error::RelyingParty);
        }
        if self.flags & PRESENT == 0 {
            return Err(Error::NotPresent);
        }
        if verification == UserVerification::Required && !self.verified() {
            return Err(Error::NotVerified);
        }
        if self.backed_up() && !self.backup_eligible() {
            return Err(Error::BackupState);
        }
        Ok(())
    }

    pub(super) fn verified(&self) -> bool {
        self.flags & VERIFIED != 0
    }

    pub(super) fn backup_eligible(&self) -> bool {
        self.flags & BACKUP_ELIGIBLE != 0
    }

    pub(super) fn backed_up(&self) -> bool {
        self.flags & BACKED_UP != 0
    }
}

/// As browsers write them: scheme and host are lower-case, and nothing follows the port.
pub(super) fn origins(relying_party: &RelyingParty) -> Vec<String> {
    relying_party
        .origins
        .iter()
        .map(|origin| origin.trim().trim_end_matches('/'))
        .filter(|origin| !origin.is_empty())
        .map(|origin| if origin.starts_with("android:") { origin.to_owned() } else { origin.to_ascii_lowercase() })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    proptest::proptest! {
        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..200)) {
            let _ = AuthenticatorData::parse(&bytes);
        }
    }
}
