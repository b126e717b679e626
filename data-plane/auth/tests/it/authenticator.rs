//! An authenticator in software: ES256, no attestation.

#![expect(clippy::unwrap_used, reason = "a failure here is the test's failure")]

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use p256::ecdsa::{Signature, SigningKey, signature::Signer as _};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

pub(crate) const ORIGIN: &str = "http://localhost:3000";
const RELYING_PARTY: &str = "localhost";

pub(crate) struct Authenticator {
    key: SigningKey,
    id: Vec<u8>,
    pub(crate) counter: u32,
    pub(crate) origin: String,
    /// What it was told at registration.
    handle: Value,
}

impl Authenticator {
    pub(crate) fn new(seed: u8) -> Self {
        Self {
            key: SigningKey::from_slice(&[seed; 32]).unwrap(),
            id: vec![seed; 20],
            counter: 1,
            origin: ORIGIN.to_owned(),
            handle: Value::Null,
        }
    }

    /// One of several worlds', whose keys of the same number are others.
    pub(crate) fn new_of(seed: u8, world: u32) -> Self {
        let mut authenticator = Self::new(seed);
        authenticator.id.extend(world.to_be_bytes());
        authenticator
    }

    fn client_data(&self, kind: &str, options: &Value) -> Vec<u8> {
        let data = json!({ "type": kind, "challenge": options["challenge"], "origin": self.origin, "crossOrigin": false });
        data.to_string().into_bytes()
    }

    fn data(&self, flags: u8) -> Vec<u8> {
        [Sha256::digest(RELYING_PARTY).as_slice(), &[flags], &self.counter.to_be_bytes()].concat()
    }

    fn cose(&self) -> Vec<u8> {
        let point = self.key.verifying_key().to_encoded_point(false);
        let head = [0xa5, 0x01, 0x02, 0x03, 0x26, 0x20, 0x01, 0x21, 0x58, 0x20];
        [head.as_slice(), point.x().unwrap(), &[0x22, 0x58, 0x20], point.y().unwrap()].concat()
    }

    /// `navigator.credentials.create()`
    pub(crate) fn create(&mut self, options: &Value) -> Value {
        self.handle = options["user"]["id"].clone();
        let length = u8::try_from(self.id.len()).unwrap();
        let attested = [[0; 16].as_slice(), &[0, length], &self.id, &self.cose()].concat();
        let data = [self.data(0x45), attested].concat();
        let length = u8::try_from(data.len()).unwrap();
        let object = [b"\xa3\x63fmt\x64none\x67attStmt\xa0\x68authData\x58".as_slice(), &[length], &data].concat();
        json!({
            "id": URL_SAFE_NO_PAD.encode(&self.id),
            "rawId": URL_SAFE_NO_PAD.encode(&self.id),
            "type": "public-key",
            "clientExtensionResults": {},
            "response": {
                "clientDataJSON": URL_SAFE_NO_PAD.encode(self.client_data("webauthn.create", options)),
                "attestationObject": URL_SAFE_NO_PAD.encode(object),
                "transports": ["internal"],
            },
        })
    }

    /// `navigator.credentials.get()`
    pub(crate) fn get(&mut self, options: &Value) -> Value {
        self.counter += 1;
        let client_data = self.client_data("webauthn.get", options);
        let data = self.data(0x05);
        let signed = [data.as_slice(), Sha256::digest(&client_data).as_slice()].concat();
        let signature: Signature = self.key.sign(&signed);
        json!({
            "id": URL_SAFE_NO_PAD.encode(&self.id),
            "rawId": URL_SAFE_NO_PAD.encode(&self.id),
            "type": "public-key",
            "clientExtensionResults": {},
            "response": {
                "clientDataJSON": URL_SAFE_NO_PAD.encode(client_data),
                "authenticatorData": URL_SAFE_NO_PAD.encode(data),
                "signature": URL_SAFE_NO_PAD.encode(signature.to_der().as_bytes()),
                "userHandle": self.handle,
            },
        })
    }
}
