//! Sign-in by wallets.

#![expect(clippy::unwrap_used, reason = "a failure here is the test's failure")]

use ed25519_dalek::Signer as _;
use k256::ecdsa::SigningKey;
use serde_json::{Value, json};
use sha3::{Digest as _, Keccak256};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use crate::support::{Answer, Project, project};

fn message(chain: &str, address: &str, at: OffsetDateTime) -> String {
    format!(
        "localhost:3000 wants you to sign in with your {chain} account:\n{address}\n\nI accept the terms.\n\n\
         URI: http://localhost:3000/login\nVersion: 1\nChain ID: 1\nIssued At: {}",
        at.format(&Rfc3339).unwrap()
    )
}

pub(crate) fn ethereum(at: OffsetDateTime) -> Value {
    ethereum_of([9; 32], at)
}

/// By the wallet of a key.
pub(crate) fn ethereum_of(key: [u8; 32], at: OffsetDateTime) -> Value {
    let key = SigningKey::from_slice(&key).unwrap();
    let point = key.verifying_key().to_encoded_point(false);
    let address = format!("0x{}", hex::encode(&Keccak256::digest(&point.as_bytes()[1..])[12..]));
    let message = message("Ethereum", &address, at);
    let digest = Keccak256::digest(format!("\x19Ethereum Signed Message:\n{}{message}", message.len()));
    let (signature, id) = key.sign_prehash_recoverable(&digest).unwrap();
    let signature = format!("0x{}{:02x}", hex::encode(signature.to_bytes()), 27 + id.to_byte());
    json!({ "chain": "ethereum", "message": message, "signature": signature })
}

fn solana(at: OffsetDateTime) -> Value {
    use base64::Engine as _;
    let key = ed25519_dalek::SigningKey::from_bytes(&[9; 32]);
    let message = message("Solana", &bs58::encode(key.verifying_key().as_bytes()).into_string(), at);
    let signature = base64::engine::general_purpose::STANDARD.encode(key.sign(message.as_bytes()).to_bytes());
    json!({ "chain": "solana", "message": message, "signature": signature })
}

async fn with_wallets() -> Project {
    project(|settings| {
        settings.external.web3_ethereum.enabled = true;
        settings.external.web3_solana.enabled = true;
    })
    .await
}

async fn sign_in(project: &Project, body: Value) -> Answer {
    project.post("/token?grant_type=web3", body).await
}

#[tokio::test]
async fn wallets_sign_in_without_an_address() {
    let project = with_wallets().await;
    for wallet in [ethereum, solana] {
        let body = wallet(OffsetDateTime::now_utc());
        let session = sign_in(&project, body.clone()).await.ok();
        let user = &session["user"];
        assert_eq!((&user["email"], &user["is_anonymous"]), (&json!(""), &json!(false)));
        assert_eq!(user["app_metadata"], json!({ "provider": "web3", "providers": ["web3"] }));
        let custom = &user["user_metadata"]["custom_claims"];
        assert_eq!((&custom["chain"], &custom["domain"]), (&body["chain"], &json!("localhost:3000")));
        assert_eq!(custom["statement"], "I accept the terms.");
        assert_eq!(
            user["identities"][0]["id"],
            format!("web3:{}:{}", body["chain"].as_str().unwrap(), custom["address"].as_str().unwrap())
        );
        let again = sign_in(&project, wallet(OffsetDateTime::now_utc())).await.ok();
        assert_eq!(again["user"]["id"], user["id"]);
    }
    assert_eq!(project.count("select count(*) from auth.mfa_amr_claims where authentication_method = 'web3'").await, 4);
}

#[tokio::test]
async fn a_message_is_good_once() {
    let project = with_wallets().await;
    for body in [ethereum(OffsetDateTime::now_utc()), solana(OffsetDateTime::now_utc())] {
        let answers = futures::future::join_all((0..4).map(|_| sign_in(&project, body.clone()))).await;
        assert_eq!(answers.iter().filter(|answer| answer.status == 200).count(), 1);
        let again = sign_in(&project, body).await.json();
        assert_eq!(again["error_description"], "Message was used already, sign another one");
    }
    assert_eq!(project.count("select count(*) from auth.sessions").await, 2);
}

#[tokio::test]
async fn an_older_identity_has_other_letters() {
    let project = with_wallets().await;
    let first = sign_in(&project, ethereum(OffsetDateTime::now_utc())).await.ok();
    project.sql("update auth.identities set provider_id = 'web3:ethereum:0x' || upper(substr(provider_id, 17))").await;
    let second = sign_in(&project, ethereum(OffsetDateTime::now_utc())).await.ok();
    assert_eq!(second["user"]["id"], first["user"]["id"]);
}

#[tokio::test]
async fn what_no_wallet_signed_now_is_refused() {
    let project = with_wallets().await;
    let mut forged = ethereum(OffsetDateTime::now_utc());
    forged["message"] = json!(forged["message"].as_str().unwrap().replace("I accept", "I refuse"));
    for (body, description) in [
        (forged, "Signature does not match address in message"),
        (ethereum(OffsetDateTime::now_utc() - time::Duration::hours(1)), "Ethereum message was issued too long ago"),
    ] {
        let answer = sign_in(&project, body).await;
        let said = answer.json();
        assert_eq!(
            (answer.status.as_u16(), &said["error"], &said["error_description"]),
            (400, &json!("invalid_grant"), &json!(description))
        );
    }
    let unknown = sign_in(&project, json!({ "chain": "bitcoin", "message": "x", "signature": "y" })).await;
    assert_eq!(unknown.error(), (400, "web3_unsupported_chain".to_owned()));
    let short = sign_in(&project, json!({ "chain": "solana", "message": "x", "signature": "y" })).await;
    assert_eq!(short.error(), (400, "validation_failed".to_owned()));
    assert_eq!(project.count("select count(*) from auth.users").await, 0);
}

#[tokio::test]
async fn wallets_are_off_unless_they_are_on() {
    let project = project(|_| ()).await;
    let off = sign_in(&project, solana(OffsetDateTime::now_utc())).await;
    assert_eq!(off.error(), (422, "web3_provider_disabled".to_owned()));
}
