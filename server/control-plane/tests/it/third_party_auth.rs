//! Others whose tokens projects take: their keys are found, in force at once, and followed.

use auth_settings::ThirdPartyKeys;
use control_plane::{Caller, Error};
use control_plane_api::{ProjectRef, ThirdPartyAuth};
use serde_json::{Value, json};

use crate::support::{Plane, eventually};

on_both_backends!(an_issuer_s_keys_are_found_and_followed, what_is_no_third_party_is_refused);

const ISSUER: &str = "https://id.example.com";
const KEYS: &str = "https://id.example.com/keys";

impl Plane {
    async fn trust(&self, project_ref: &ProjectRef, request: Value) -> Result<ThirdPartyAuth, Error> {
        let request = serde_json::from_value(request).unwrap();
        self.service.create_third_party_auth(&Caller::local(), project_ref, request).await
    }

    /// What the project's services go by.
    fn third_parties(&self, project_ref: &ProjectRef) -> Vec<ThirdPartyKeys> {
        self.routes.live(project_ref).unwrap().in_force.keys.signing.third_party
    }
}

/// A set of one Ed25519 key with this id.
fn set(kid: &str) -> Value {
    let key =
        json!({ "kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo", "kid": kid, "use": "sig" });
    json!({ "keys": [key] })
}

async fn an_issuer_s_keys_are_found_and_followed(plane: Plane) {
    let life = plane.live().await;
    let project_ref = plane.create_live("third").await;
    let discovery = json!({ "issuer": format!("{ISSUER}/"), "jwks_uri": KEYS });
    plane.routes.put_document(&format!("{ISSUER}/.well-known/openid-configuration"), discovery);
    plane.routes.put_document(KEYS, set("one"));
    let made = plane.trust(&project_ref, json!({ "oidc_issuer_url": ISSUER })).await.unwrap();
    assert_eq!((made.kind.as_str(), &made.resolved_jwks), ("oidc", &Some(set("one"))));
    let in_force = |kid: &str| {
        let keys = set(kid)["keys"].as_array().unwrap().clone();
        vec![ThirdPartyKeys { issuer: Some(ISSUER.to_owned()), keys }]
    };
    assert_eq!(plane.third_parties(&project_ref), in_force("one"));
    let twice = plane.trust(&project_ref, json!({ "oidc_issuer_url": ISSUER })).await;
    assert!(matches!(twice, Err(Error::StateConflict(_))), "{twice:?}");

    // A life begins with a look at the keys.
    life.end().await;
    plane.routes.put_document(KEYS, set("two"));
    let life = plane.live().await;
    let followed = async || (plane.routes.live(&project_ref)?.in_force.keys.signing.third_party == in_force("two")).then_some(());
    eventually("the issuer's new key", followed).await;
    let all = plane.service.third_party_auths(&Caller::local(), &project_ref).await.unwrap();
    assert!(all.len() == 1 && all[0].resolved_jwks == Some(set("two")) && all[0].resolved_at >= made.resolved_at);
    // What can't be read stays as it was.
    life.end().await;
    plane.routes.put_document(KEYS, json!({ "keys": [] }));
    let life = plane.live().await;
    eventually("the project", async || plane.routes.live(&project_ref).map(drop)).await;
    assert_eq!(plane.third_parties(&project_ref), in_force("two"));

    let custom = plane.trust(&project_ref, json!({ "custom_jwks": set("three") })).await.unwrap();
    assert_eq!((custom.kind.as_str(), custom.custom_jwks), ("custom", Some(set("three"))));
    let issuers: Vec<_> = plane.third_parties(&project_ref).into_iter().map(|one| one.issuer).collect();
    assert_eq!(issuers, [Some(ISSUER.to_owned()), None]);
    let removed = plane.service.remove_third_party_auth(&Caller::local(), &project_ref, &made.id).await.unwrap();
    assert_eq!(removed.id, made.id);
    assert_eq!(plane.third_parties(&project_ref).len(), 1);
    for nobody in [made.id.as_str(), "none"] {
        let found = plane.service.third_party_auth(&Caller::local(), &project_ref, nobody).await;
        assert!(matches!(found, Err(Error::ThirdPartyAuthNotFound(_))), "{nobody}");
    }
    assert_eq!(plane.number("select count(*) from audit_log where action like 'project.third_party_auth.%'").await, 3);
    life.end().await;
}

async fn what_is_no_third_party_is_refused(plane: Plane) {
    let project_ref = plane.create("none").await;
    let discovery = |document: Value| plane.routes.put_document(&format!("{ISSUER}/.well-known/openid-configuration"), document);
    plane.routes.put_document("https://id.example.com/text", json!("no set"));
    for (document, word) in [
        (json!({ "issuer": "https://another.example.com", "jwks_uri": KEYS }), "another.example.com"),
        (json!({ "issuer": ISSUER }), "no jwks_uri"),
        (json!({ "issuer": ISSUER, "jwks_uri": "http://id.example.com/keys" }), "without TLS"),
        (json!({ "issuer": ISSUER, "jwks_uri": "https://id.example.com/nothing" }), "nothing at"),
        (json!({ "issuer": ISSUER, "jwks_uri": "https://id.example.com/text" }), "JSON Web Key Set"),
    ] {
        discovery(document);
        let refused = plane.trust(&project_ref, json!({ "oidc_issuer_url": ISSUER })).await.unwrap_err();
        assert!(refused.field() == Some("oidc_issuer_url") && refused.to_string().contains(word), "{refused}");
    }
    let refused = plane.trust(&project_ref, json!({ "custom_jwks": { "keys": [] } })).await.unwrap_err();
    assert!(refused.field() == Some("custom_jwks") && refused.to_string().contains("kid"), "{refused}");
    assert_eq!(plane.number("select count(*) from third_party_auth").await, 0);
}
