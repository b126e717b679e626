//! What the server tells a node while it runs.

#![expect(clippy::unwrap_used, reason = "a failure here is the test's failure")]

use auth::settings::{ProjectKeys, document::Document};
use node::{Seal, Told};
use serde_json::{Value, json};
use test_postgres::{TestCluster, TestDatabase};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use crate::support::{Given, Node, anon, send};

/// Made for these tests.
const KEY: &str = r#"{"kty":"EC","x":"pikPE6G7RaW-hjSK2vrRTzugbcjx8Qc0efpFz309x2Y","y":"6SwUAlEm44EpGnt2o6v8wAPQBsGgJS-uAXS6dckmq-8","crv":"P-256","d":"00ThfM03k0X6cfp7db2UtKWTOGC21kqgIETLs9ySeBY","kid":"ec","alg":"ES256"}"#;

fn seal(database: &TestDatabase) -> Seal {
    Seal::new(&database.password().to_owned().into(), &"abcdefghijklmnopqrst".parse().unwrap())
}

fn told(patch: &Value, operations: Option<&[&str]>, secret_verifies: bool) -> Told {
    let key = operations.map(|operations| {
        let mut key: Value = serde_json::from_str(KEY).unwrap();
        key["key_ops"] = json!(operations);
        key
    });
    let auth = Document::default().apply(patch.as_object().unwrap(), "").unwrap();
    Told { auth, keys: ProjectKeys::parse(&Value::from_iter(key).to_string(), secret_verifies).unwrap() }
}

/// The status and the body of what the node answers to a message.
async fn tell(node: &Node, message: &[u8]) -> (u16, String) {
    let mut stream = TcpStream::connect(node.admin).await.unwrap();
    let head = format!("PUT /settings HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: {}\r\n\r\n", message.len());
    stream.write_all(&[head.as_bytes(), message].concat()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
}

async fn sign_up(node: &Node, name: &str) -> (u16, Value) {
    let body = json!({ "email": format!("{name}@example.com"), "password": "correct horse" });
    let request = format!("POST /auth/v1/signup\n{}\nContent-Type: application/json\n\n{body}", anon());
    let (status, body) = send(node.services, &request).await;
    (status, serde_json::from_str(&body).unwrap())
}

#[tokio::test]
async fn what_is_told_is_in_force_at_once_and_nothing_older_after_it() {
    let database = TestCluster::shared().await.database().await;
    let node = Given::for_database(&database, database.port()).start().await;
    let seal = seal(&database);
    let read = async |header: &str| send(node.services, &format!("GET /rest/v1/\n{header}")).await.0;
    assert_eq!(read(&anon()).await, 200);
    assert!(sign_up(&node, "ann").await.1["access_token"].is_null(), "an address is to be confirmed by default");

    let signs = Some(&["sign", "verify"][..]);
    let autoconfirm = json!({ "mailer_autoconfirm": true });
    let message = seal.seal(5, &told(&autoconfirm, signs, true)).unwrap();
    assert_eq!(tell(&node, &message).await, (204, String::new()));
    let session = sign_up(&node, "bob").await.1;
    let token = session["access_token"].as_str().unwrap();
    assert_eq!(jsonwebtoken::decode_header(token).unwrap().kid.as_deref(), Some("ec"));
    let of_key = format!("Authorization: Bearer {token}");
    assert_eq!((read(&of_key).await, read(&anon()).await), (200, 200), "tokens of both keys");
    let (_, public) = send(node.services, "GET /auth/v1/.well-known/jwks.json").await;
    assert!(public.contains(r#""kid":"ec""#) && !public.contains(r#""d""#), "{public}");

    // What was on its way for too long, or is said again.
    for number in [4, 5] {
        let message = seal.seal(number, &told(&json!({}), None, true)).unwrap();
        assert_eq!(tell(&node, &message).await, (409, r#"{"number":5}"#.to_owned()));
    }
    assert_eq!(tell(&node, b"something that the server has not sealed").await.0, 403);
    assert_eq!(read(&of_key).await, 200);

    // A key that is revoked: what was found good by it is not any more.
    let message = seal.seal(6, &told(&autoconfirm, signs, false)).unwrap();
    assert_eq!(tell(&node, &message).await.0, 204);
    assert_eq!((read(&of_key).await, read(&anon()).await), (200, 401));
    let user = |header: &str| format!("GET /auth/v1/user\n{header}");
    assert_eq!((send(node.services, &user(&of_key)).await.0, send(node.services, &user(&anon())).await.0), (200, 403));
    assert_eq!(send(node.admin, "GET /settings").await.0, 405);
    assert_eq!(send(node.services, "PUT /settings").await.0, 404, "the admin's paths are the admin's");
}
