//! Both ceremonies against an authenticator in software: ES256, no attestation.

use base64::Engine;
use p256::ecdsa::{Signature, SigningKey, signature::Signer};
use serde_json::{Value as Json, json};
use sha2::{Digest, Sha256};

use super::*;

const ORIGIN: &str = "https://app.example.com";
const OWNER: &[u8] = b"3f1c2d4e-0000-4000-8000-000000000001";

/// What it does wrong is set by the tests.
struct Authenticator {
    key: SigningKey,
    id: Vec<u8>,
    counter: u32,
    flags: u8,
    origin: String,
    relying_party: String,
    cross_origin: bool,
    handle: Option<Vec<u8>>,
}

impl Authenticator {
    fn new(seed: u8) -> Self {
        Self {
            key: SigningKey::from_slice(&[seed; 32]).unwrap(),
            id: vec![seed; 20],
            counter: 1,
            flags: 0x05,
            origin: ORIGIN.to_owned(),
            relying_party: "example.com".to_owned(),
            cross_origin: false,
            handle: Some(OWNER.to_vec()),
        }
    }

    fn client_data(&self, kind: &str, options: &Json) -> Vec<u8> {
        let data = json!({
            "type": kind,
            "challenge": options["challenge"],
            "origin": self.origin,
            "crossOrigin": self.cross_origin,
        });
        data.to_string().into_bytes()
    }

    fn data(&self, flags: u8) -> Vec<u8> {
        [Sha256::digest(&self.relying_party).as_slice(), &[flags], &self.counter.to_be_bytes()].concat()
    }

    fn cose(&self) -> Vec<u8> {
        let point = self.key.verifying_key().to_encoded_point(false);
        let head = [0xa5, 0x01, 0x02, 0x03, 0x26, 0x20, 0x01, 0x21, 0x58, 0x20];
        [head.as_slice(), point.x().unwrap(), &[0x22, 0x58, 0x20], point.y().unwrap()].concat()
    }

    fn create(&self, options: &Json) -> Json {
        let attested = [[0; 16].as_slice(), &[0, self.id.len() as u8], &self.id, &self.cose()].concat();
        let data = [self.data(self.flags | 0x40), attested].concat();
        let object = [b"\xa3\x63fmt\x64none\x67attStmt\xa0\x68authData\x58".as_slice(), &[data.len() as u8], &data].concat();
        json!({
            "id": BASE64URL.encode(&self.id),
            "rawId": BASE64URL.encode(&self.id),
            "type": "public-key",
            "authenticatorAttachment": "platform",
            "clientExtensionResults": {},
            "response": {
                "clientDataJSON": BASE64URL.encode(self.client_data("webauthn.create", options)),
                "attestationObject": BASE64URL.encode(object),
                "transports": ["internal", "hybrid", "telepathy"],
            },
        })
    }

    fn get(&mut self, options: &Json) -> Json {
        self.counter += 1;
        let client_data = self.client_data("webauthn.get", options);
        let data = self.data(self.flags);
        let signed = [data.as_slice(), Sha256::digest(&client_data).as_slice()].concat();
        let signature: Signature = self.key.sign(&signed);
        json!({
            "id": BASE64URL.encode(&self.id),
            "rawId": BASE64URL.encode(&self.id),
            "type": "public-key",
            "clientExtensionResults": {},
            "response": {
                "clientDataJSON": BASE64URL.encode(client_data),
                "authenticatorData": BASE64URL.encode(data),
                "signature": BASE64URL.encode(signature.to_der().as_bytes()),
                "userHandle": self.handle.as_ref().map(|handle| BASE64URL.encode(handle)),
            },
        })
    }
}

fn relying_party() -> RelyingParty {
    RelyingParty {
        id: "example.com".to_owned(),
        name: "Example".to_owned(),
        origins: vec!["https://App.example.com/".to_owned()],
        user_verification: UserVerification::Preferred,
    }
}

fn user() -> User {
    User { handle: OWNER.to_vec(), name: "a@example.com".to_owned(), display_name: "A".to_owned() }
}

fn register_with(relying_party: &RelyingParty, authenticator: &Authenticator) -> Result<Credential, Error> {
    let (options, state) = begin_registration(relying_party, &user(), &[], true)?;
    finish_registration(&RegistrationState::from_json(&state)?, &authenticator.create(&options))
}

fn register(authenticator: &Authenticator) -> Credential {
    register_with(&relying_party(), authenticator).unwrap()
}

fn finish(state: &Json, answer: &Json, credential: &Credential) -> Result<Authenticated, Error> {
    finish_authentication(&AuthenticationState::from_json(state)?, &read_assertion(answer)?, credential, OWNER)
}

fn authenticate(authenticator: &mut Authenticator, credential: &Credential) -> Result<Authenticated, Error> {
    let (options, state) = begin_authentication(&relying_party(), &[])?;
    finish(&state, &authenticator.get(&options), credential)
}

#[test]
fn a_passkey_is_made_and_signs_in_again_and_again() {
    let mut authenticator = Authenticator::new(1);
    let credential = register(&authenticator);
    assert_eq!(credential.id, authenticator.id);
    assert_eq!(credential.public_key, authenticator.cose());
    assert_eq!(credential.transports, ["hybrid", "internal"]);
    assert_eq!((credential.attestation_type.as_str(), credential.authenticator.sign_count), ("none", 1));
    assert_eq!((credential.authenticator.attachment.as_str(), credential.aaguid()), ("platform", None));

    let first = authenticate(&mut authenticator, &credential).unwrap();
    assert!(first.user_verified);
    assert_eq!(first.credential.authenticator.sign_count, 2);
    assert_eq!(authenticate(&mut authenticator, &first.credential).unwrap().credential.authenticator.sign_count, 3);
}

#[test]
fn the_options() {
    let credential = register(&Authenticator::new(1));
    let (options, _) = begin_registration(&relying_party(), &user(), std::slice::from_ref(&credential), true).unwrap();
    assert_eq!(options["rp"], json!({ "id": "example.com", "name": "Example" }));
    assert_eq!(options["user"], json!({ "id": BASE64URL.encode(OWNER), "name": "a@example.com", "displayName": "A" }));
    assert_eq!(BASE64URL.decode(options["challenge"].as_str().unwrap()).unwrap().len(), 32);
    assert_eq!(options["pubKeyCredParams"][0], json!({ "type": "public-key", "alg": -7 }));
    let descriptor =
        json!({ "type": "public-key", "id": BASE64URL.encode(&credential.id), "transports": ["hybrid", "internal"] });
    assert_eq!(options["excludeCredentials"], json!([descriptor]));
    assert_eq!(options["authenticatorSelection"]["residentKey"], "required");
    assert_eq!(options["authenticatorSelection"]["userVerification"], "preferred");

    let (options, _) = begin_authentication(&relying_party(), &[credential]).unwrap();
    assert_eq!((&options["rpId"], &options["allowCredentials"]), (&json!("example.com"), &json!([descriptor])));
    assert!(begin_authentication(&relying_party(), &[]).unwrap().0.get("allowCredentials").is_none());
}

#[test]
fn a_credential_is_stored_as_gotrue_does() {
    let credential = register(&Authenticator::new(1));
    let json = credential.to_json().unwrap();
    assert_eq!(Credential::from_json(&json).unwrap(), credential);
    assert_eq!(json["id"], "AQEBAQEBAQEBAQEBAQEBAQEBAQE=");
    assert_eq!(json["authenticator"]["signCount"], 1);
    assert_eq!(json["flags"]["userVerified"], true);
    // What Go writes beside, and for empty lists.
    let mut json = json;
    json["transport"] = Json::Null;
    json["attestation"] = json!({ "clientDataJSON": "e30=", "object": null });
    assert_eq!(Credential::from_json(&json).unwrap().public_key, credential.public_key);
    assert!(matches!(Credential::from_json(&json!({})), Err(Error::Stored(_))));
}

#[test]
fn an_answer_to_another_challenge() {
    let mut authenticator = Authenticator::new(1);
    let credential = register(&authenticator);
    let (options, _) = begin_authentication(&relying_party(), &[]).unwrap();
    let (_, state) = begin_authentication(&relying_party(), &[]).unwrap();
    let answer = authenticator.get(&options);
    assert!(matches!(finish(&state, &answer, &credential), Err(Error::Challenge)));

    let (_, state) = begin_registration(&relying_party(), &user(), &[], true).unwrap();
    let (options, _) = begin_registration(&relying_party(), &user(), &[], true).unwrap();
    let state = RegistrationState::from_json(&state).unwrap();
    assert!(matches!(finish_registration(&state, &authenticator.create(&options)), Err(Error::Challenge)));
}

#[test]
fn a_replayed_answer() {
    let mut authenticator = Authenticator::new(1);
    let credential = register(&authenticator);
    let (options, state) = begin_authentication(&relying_party(), &[]).unwrap();
    let answer = authenticator.get(&options);
    let credential = finish(&state, &answer, &credential).unwrap().credential;
    assert!(matches!(finish(&state, &answer, &credential), Err(Error::Counter { stored: 2, received: 2 })));
}

#[test]
fn counters() {
    let mut authenticator = Authenticator::new(1);
    authenticator.counter = 10;
    let credential = register(&authenticator);
    authenticator.counter = 4;
    let refused = authenticate(&mut authenticator, &credential);
    assert!(matches!(refused, Err(Error::Counter { stored: 10, received: 5 })));
    // One that stops counting is refused, one that never did is not.
    let mut never = credential.clone();
    never.authenticator.sign_count = 0;
    let (options, state) = begin_authentication(&relying_party(), &[]).unwrap();
    authenticator.counter = 0;
    let client_data = authenticator.client_data("webauthn.get", &options);
    let data = authenticator.data(5);
    let signature: Signature = authenticator.key.sign(&[data.as_slice(), Sha256::digest(&client_data).as_slice()].concat());
    let mut answer = authenticator.get(&options);
    answer["response"]["authenticatorData"] = BASE64URL.encode(data).into();
    answer["response"]["signature"] = BASE64URL.encode(signature.to_der().as_bytes()).into();
    assert!(matches!(finish(&state, &answer, &credential), Err(Error::Counter { stored: 10, received: 0 })));
    assert_eq!(finish(&state, &answer, &never).unwrap().credential.authenticator.sign_count, 0);
}

#[test]
fn other_origins_and_relying_parties() {
    for origin in
        ["https://example.com", "http://app.example.com", "https://app.example.com:8443", "https://app.example.com.evil.org"]
    {
        let mut authenticator = Authenticator::new(1);
        let credential = register(&authenticator);
        authenticator.origin = origin.to_owned();
        assert!(matches!(authenticate(&mut authenticator, &credential), Err(Error::Origin(_))), "{origin}");
        assert!(matches!(register_with(&relying_party(), &authenticator), Err(Error::Origin(_))), "{origin}");
    }
    let mut authenticator = Authenticator::new(1);
    let credential = register(&authenticator);
    authenticator.cross_origin = true;
    assert!(matches!(authenticate(&mut authenticator, &credential), Err(Error::CrossOrigin)));
    authenticator.cross_origin = false;
    authenticator.relying_party = "evil.org".to_owned();
    assert!(matches!(authenticate(&mut authenticator, &credential), Err(Error::RelyingParty)));
    assert!(matches!(register_with(&relying_party(), &authenticator), Err(Error::RelyingParty)));
}

#[test]
fn presence_and_verification() {
    let mut authenticator = Authenticator::new(1);
    let credential = register(&authenticator);
    authenticator.flags = 0x01;
    assert!(!authenticate(&mut authenticator, &credential).unwrap().user_verified);
    let required = RelyingParty { user_verification: UserVerification::Required, ..relying_party() };
    assert!(matches!(register_with(&required, &authenticator), Err(Error::NotVerified)));
    let (options, state) = begin_authentication(&required, &[]).unwrap();
    let answer = authenticator.get(&options);
    assert!(matches!(finish(&state, &answer, &credential), Err(Error::NotVerified)));
    authenticator.flags = 0x04;
    assert!(matches!(authenticate(&mut authenticator, &credential), Err(Error::NotPresent)));
}

#[test]
fn backups() {
    let mut authenticator = Authenticator::new(1);
    let credential = register(&authenticator);
    authenticator.flags = 0x15;
    assert!(matches!(authenticate(&mut authenticator, &credential), Err(Error::BackupState)));
    authenticator.flags = 0x0d;
    assert!(matches!(authenticate(&mut authenticator, &credential), Err(Error::BackupState)));
    let credential = register(&authenticator);
    authenticator.flags = 0x1d;
    assert!(authenticate(&mut authenticator, &credential).unwrap().credential.flags.backup_state);
}

#[test]
fn credentials_of_others() {
    let mut authenticator = Authenticator::new(1);
    let credential = register(&authenticator);
    let other = register(&Authenticator::new(2));

    // Not among those that were asked for.
    let (options, state) = begin_authentication(&relying_party(), std::slice::from_ref(&other)).unwrap();
    let answer = authenticator.get(&options);
    assert!(matches!(finish(&state, &answer, &credential), Err(Error::NotAllowed)));
    assert!(matches!(finish(&state, &answer, &other), Err(Error::NotAllowed)));

    // Under another's id, signed by one's own key.
    let mut thief = Authenticator::new(3);
    thief.id.clone_from(&authenticator.id);
    assert!(matches!(authenticate(&mut thief, &credential), Err(Error::Signature)));

    // Another user's handle, or none where no credential was named.
    authenticator.handle = Some(b"3f1c2d4e-0000-4000-8000-000000000002".to_vec());
    assert!(matches!(authenticate(&mut authenticator, &credential), Err(Error::OtherUser)));
    authenticator.handle = None;
    assert!(matches!(authenticate(&mut authenticator, &credential), Err(Error::OtherUser)));
    let (options, state) = begin_authentication(&relying_party(), std::slice::from_ref(&credential)).unwrap();
    finish(&state, &authenticator.get(&options), &credential).unwrap();
}

#[test]
fn settings() {
    let check = |id: &str, origins: &[&str]| {
        let origins = origins.iter().map(|origin| (*origin).to_owned()).collect();
        RelyingParty { id: id.to_owned(), origins, ..relying_party() }.check()
    };
    relying_party().check().unwrap();
    check("example.com", &["https://example.com", "https://a.b.example.com:8443/", "android:apk-key-hash:abc"]).unwrap();
    check("localhost", &["http://localhost:3000"]).unwrap();
    for (id, origins) in [
        ("", &["https://example.com"][..]),
        ("https://example.com", &["https://example.com"]),
        ("example.com:443", &["https://example.com"]),
        ("Example.com", &["https://example.com"]),
        ("example.com", &[]),
        ("example.com", &["https://example.com"; 6]),
        ("example.com", &["example.com"]),
        ("example.com", &["http://example.com"]),
        ("example.com", &["https://example.com/path"]),
        ("example.com", &["https://example.com?a"]),
        ("example.com", &["https://user@example.com"]),
        ("example.com", &["https://evilexample.com"]),
        ("example.com", &["https://example.com.evil.org"]),
        ("app.example.com", &["https://example.com"]),
    ] {
        assert!(matches!(check(id, origins), Err(Error::Settings(_))), "{id} {origins:?}");
    }
}

#[test]
fn handles() {
    let id = uuid::Uuid::new_v4();
    assert_eq!(user_of_handle(id.as_bytes()), Some(id));
    assert_eq!(user_of_handle(id.to_string().as_bytes()), Some(id));
    assert_eq!((user_of_handle(b""), user_of_handle(b"someone")), (None, None));
    let mut authenticator = Authenticator::new(1);
    let credential = register(&authenticator);
    authenticator.handle = Some(user_of_handle(OWNER).unwrap().as_bytes().to_vec());
    authenticate(&mut authenticator, &credential).unwrap();
}

#[test]
fn what_was_changed_on_the_way() {
    let mut authenticator = Authenticator::new(1);
    let credential = register(&authenticator);
    let (options, state) = begin_authentication(&relying_party(), &[]).unwrap();
    let answer = authenticator.get(&options);
    for flags in [0x01, 0x05 | 0x20] {
        let mut changed = answer.clone();
        changed["response"]["authenticatorData"] = BASE64URL.encode(authenticator.data(flags)).into();
        assert!(matches!(finish(&state, &changed, &credential), Err(Error::Signature)));
    }
    // The answer of one ceremony is none to the other.
    let (options, state) = begin_registration(&relying_party(), &user(), &[], true).unwrap();
    let mut swapped = authenticator.create(&options);
    swapped["response"]["clientDataJSON"] = BASE64URL.encode(authenticator.client_data("webauthn.get", &options)).into();
    let refused = finish_registration(&RegistrationState::from_json(&state).unwrap(), &swapped);
    assert!(matches!(refused, Err(Error::Malformed(_))));
}

#[test]
fn what_is_no_credential() {
    let authenticator = Authenticator::new(1);
    let (options, state) = begin_registration(&relying_party(), &user(), &[], true).unwrap();
    let state = RegistrationState::from_json(&state).unwrap();
    let answer = authenticator.create(&options);
    for (pointer, value) in [
        ("/id", json!("AAAA")),
        ("/rawId", json!("AAAA")),
        ("/id", json!("?")),
        ("/type", json!("password")),
        ("/response", json!({})),
        ("/response/clientDataJSON", json!("e30")),
        ("/response/attestationObject", json!("oA")),
        ("/response/attestationObject", json!("")),
    ] {
        let mut changed = answer.clone();
        *changed.pointer_mut(pointer).unwrap() = value.clone();
        assert!(finish_registration(&state, &changed).is_err(), "{pointer} {value}");
    }
    for json in [json!(null), json!([]), json!({}), json!("x")] {
        assert!(read_assertion(&json).is_err() && finish_registration(&state, &json).is_err());
    }
}
