//! `/v1/projects/{ref}/config/auth/signing-keys`, and `/v1/projects/{ref}/api-keys/legacy`.

use serde_json::{Value, json};

use crate::support::{Backend, Installation};

#[tokio::test]
async fn signing_keys_are_made_moved_and_removed() {
    let installation = Installation::new(Backend::Sqlite).await;
    let server = installation.start().await;
    let project_ref = server.create("keys").await;
    let path = format!("/v1/projects/{project_ref}/config/auth/signing-keys");
    let at = |id: &str| format!("{path}/{id}");

    let keys = server.get(&path).send().await.expect(200).json()["keys"].take();
    let legacy = &keys[0];
    assert_eq!(
        (&legacy["algorithm"], &legacy["status"], &legacy["public_jwk"]),
        (&json!("HS256"), &json!("in_use"), &Value::Null)
    );
    let members: Vec<_> = legacy.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(members, ["algorithm", "created_at", "id", "public_jwk", "status", "updated_at"]);
    assert_eq!(&server.get(at("legacy")).send().await.expect(200).json(), legacy);
    assert_eq!(&server.post(at("legacy")).send().await.expect(201).json(), legacy, "it is one already");

    // As the guide shows one that the command line has made.
    let jwk = json!({
        "kty": "EC", "kid": "3a18cfe2-7226-43b0-bbb4-7c5242f2406e", "d": "RDbwqThwtGP4WnvACvO_0nL0oMMSmMFSYMPosprlAog", "crv": "P-256",
        "x": "gyLVvp9dyEgylYH7nR2E2qdQ_-9Pv5i1tk7c2qZD4Nk", "y": "CD9RfYOTyjR5U-PC9UDlsthRpc7vAQQQ2FTt8UsX0fY",
    });
    let request = json!({ "algorithm": "ES256", "private_jwk": jwk });
    let key = server.post(&path).json(&request).send().await.expect(201).json();
    let id = key["id"].as_str().unwrap();
    assert_eq!(
        (id, &key["status"], &key["public_jwk"]["x"]),
        ("3a18cfe2-7226-43b0-bbb4-7c5242f2406e", &json!("standby"), &jwk["x"])
    );
    assert!(key["public_jwk"].get("d").is_none());
    assert_eq!(server.get(at(id)).send().await.expect(200).json(), key);
    server.post(&path).json(&request).send().await.expect(409);

    let patch = async |id: &str, status: &str| server.request("PATCH", at(id)).json(&json!({ "status": status })).send().await;
    assert_eq!(patch(id, "in_use").await.expect(200).json()["status"], "in_use");
    assert_eq!(server.get(at("legacy")).send().await.expect(200).json()["status"], "previously_used");
    for status in ["standby", "revoked"] {
        patch(id, status).await.expect(409);
    }
    server.request("DELETE", at(id)).send().await.expect(409);
    let legacy = legacy["id"].as_str().unwrap();
    let refused = patch(legacy, "revoked").await.expect(409);
    assert!(refused.message().contains("/api-keys/legacy?enabled=false"), "{}", refused.message());
    patch(legacy, "in_use").await.expect(200);
    patch(id, "revoked").await.expect(200);
    assert_eq!(server.request("DELETE", at(id)).send().await.expect(200).json()["status"], "revoked");
    server.get(at(id)).send().await.expect(404);

    let of = format!("/v1/projects/{project_ref}/api-keys/legacy");
    assert_eq!(server.get(&of).send().await.expect(200).json(), json!({ "enabled": true }));
    let disabled = server.request("PUT", format!("{of}?enabled=false")).send().await.expect(200).json();
    assert_eq!(disabled, json!({ "enabled": false }));
    assert_eq!(server.get(&of).send().await.expect(200).json(), disabled);
    assert!(!installation.log().contains("RDbwqThwtGP4WnvACvO_0nL0oMMSmMFSYMPosprlAog"));
    server.stop().await;
}

#[tokio::test]
async fn what_is_no_signing_key_is_refused() {
    let installation = Installation::new(Backend::Sqlite).await;
    let server = installation.start().await;
    let project_ref = server.create("wrong keys").await;
    let path = format!("/v1/projects/{project_ref}/config/auth/signing-keys");
    for (body, word) in [
        (json!({}), "algorithm"),
        (json!({ "algorithm": "HS512" }), "unknown word"),
        (json!({ "algorithm": "ES256", "status": "revoked" }), "standby"),
        (json!({ "algorithm": "ES256", "nonsense": 1 }), "nonsense"),
        (json!({ "algorithm": "ES256", "private_jwk": { "kty": "RSA" } }), "kty"),
        (json!({ "algorithm": "HS256", "private_jwk": { "kty": "oct", "k": "c2hvcnQ" } }), "32 to"),
    ] {
        let response = server.post(&path).json(&body).send().await;
        assert_eq!(response.status, 400, "{body}: {}", response.text());
        assert!(response.message().contains(word), "{body}: {}", response.text());
    }
    let in_use = json!({ "status": "in_use" });
    for id in ["none", "00000000-0000-4000-8000-000000000000"] {
        server.get(format!("{path}/{id}")).send().await.expect(404);
        server.request("PATCH", format!("{path}/{id}")).json(&in_use).send().await.expect(404);
        server.request("DELETE", format!("{path}/{id}")).send().await.expect(404);
    }
    server.get("/v1/projects/abcdefghijklmnopqrst/config/auth/signing-keys").send().await.expect(404);
    server.get("/v1/projects/UPPER/config/auth/signing-keys/none").send().await.expect(400);
    server.stop().await;
}
