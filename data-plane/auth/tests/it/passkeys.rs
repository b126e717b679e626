//! Passkeys.

use std::time::Duration;

use auth::settings::{Rate, Settings};
use serde_json::{Value, json};

use crate::{
    authenticator::Authenticator,
    mfa::{claims, code},
    support::{Answer, Project, project, service_role, text},
};

async fn with_passkeys(change: impl FnOnce(&mut Settings)) -> Project {
    project(|settings| {
        settings.mailer.autoconfirm = true;
        settings.passkeys.enabled = true;
        change(settings);
    })
    .await
}

fn token(session: &Value) -> String {
    text(session, "/access_token")
}

async fn options(project: &Project, session: &Value) -> Answer {
    project.ask("POST", "/passkeys/registration/options", &token(session), json!({})).await
}

async fn finish(project: &Project, session: &Value, begun: &Value, credential: Value) -> Answer {
    let body = json!({ "challenge_id": begun["challenge_id"], "credential": credential });
    project.ask("POST", "/passkeys/registration/verify", &token(session), body).await
}

async fn register(project: &Project, session: &Value, authenticator: &mut Authenticator) -> Answer {
    let begun = options(project, session).await.ok();
    let credential = authenticator.create(&begun["options"]);
    finish(project, session, &begun, credential).await
}

async fn begin(project: &Project) -> Value {
    project.post("/passkeys/authentication/options", json!({ "gotrue_meta_security": {} })).await.ok()
}

async fn authenticate(project: &Project, begun: &Value, credential: Value) -> Answer {
    let body = json!({ "challenge_id": begun["challenge_id"], "credential": credential });
    project.post("/passkeys/authentication/verify", body).await
}

async fn sign_in(project: &Project, authenticator: &mut Authenticator) -> Answer {
    let begun = begin(project).await;
    let credential = authenticator.get(&begun["options"]);
    authenticate(project, &begun, credential).await
}

#[tokio::test]
async fn a_passkey_is_made_and_signs_in() {
    let project = with_passkeys(|_| ()).await;
    let session = project.signed_up("ann@example.com").await;
    let mut authenticator = Authenticator::new(1);
    let begun = options(&project, &session).await.ok();
    assert_eq!(begun["options"]["rp"], json!({ "id": "localhost", "name": "localhost" }));
    assert_eq!(begun["options"]["user"]["name"], "ann@example.com");
    assert!(begun["expires_at"].is_i64());
    let passkey = finish(&project, &session, &begun, authenticator.create(&begun["options"])).await.ok();
    assert_eq!(passkey["friendly_name"], "Passkey");
    assert!(passkey["created_at"].is_string() && passkey.get("last_used_at").is_none());

    let signed_in = sign_in(&project, &mut authenticator).await;
    assert_eq!(signed_in.headers["cache-control"], "no-store");
    let signed_in = signed_in.ok();
    assert_eq!(signed_in["user"]["email"], "ann@example.com");
    assert_eq!((&claims(&signed_in)["aal"], &claims(&signed_in)["amr"][0]["method"]), (&json!("aal1"), &json!("passkey")));
    sign_in(&project, &mut authenticator).await.ok();

    let listed = project.get("/passkeys", &token(&signed_in)).await.ok();
    assert_eq!((listed.as_array().unwrap().len(), &listed[0]["id"]), (1, &passkey["id"]));
    assert!(listed[0]["last_used_at"].is_string());
    assert_eq!(listed[0].as_object().unwrap().len(), 4, "{listed}");
}

#[tokio::test]
async fn where_passkeys_are_switched_off_there_are_none() {
    let project = with_passkeys(|settings| settings.passkeys.enabled = false).await;
    let session = project.signed_up("ann@example.com").await;
    let off = (422, "passkey_disabled".to_owned());
    assert_eq!(options(&project, &session).await.error(), off);
    assert_eq!(project.get("/passkeys", &token(&session)).await.error(), off);
    assert_eq!(project.post("/passkeys/authentication/options", json!({})).await.error(), off);
}

#[tokio::test]
async fn a_ceremony_is_of_one_user_and_good_once() {
    let project = with_passkeys(|_| ()).await;
    let ann = project.signed_up("ann@example.com").await;
    let ben = project.signed_up("ben@example.com").await;
    let mut authenticator = Authenticator::new(1);
    let not_found = (400, "webauthn_challenge_not_found".to_owned());
    let begun = options(&project, &ann).await.ok();
    let credential = authenticator.create(&begun["options"]);
    assert_eq!(finish(&project, &ben, &begun, credential.clone()).await.error(), not_found);
    finish(&project, &ann, &begun, credential.clone()).await.ok();
    assert_eq!(finish(&project, &ann, &begun, credential).await.error(), not_found);

    let begun = begin(&project).await;
    let given = authenticator.get(&begun["options"]);
    authenticate(&project, &begun, given.clone()).await.ok();
    assert_eq!(authenticate(&project, &begun, given.clone()).await.error(), not_found);
    // An answer to another challenge; after it this one is used up, too.
    let other = begin(&project).await;
    let failed = (400, "webauthn_verification_failed".to_owned());
    assert_eq!(authenticate(&project, &other, given).await.error(), failed);
    let good = authenticator.get(&other["options"]);
    assert_eq!(authenticate(&project, &other, good).await.error(), not_found);
    // A registration's is none of an authentication.
    let registration = options(&project, &ann).await.ok();
    let given = authenticator.get(&registration["options"]);
    assert_eq!(authenticate(&project, &registration, given).await.error(), not_found);

    let late = begin(&project).await;
    project.sql("update auth.webauthn_challenges set expires_at = now() - interval '1 second'").await;
    let given = authenticator.get(&late["options"]);
    assert_eq!(authenticate(&project, &late, given).await.error(), (400, "webauthn_challenge_expired".to_owned()));
}

#[tokio::test]
async fn forged_and_copied_keys_sign_nobody_in() {
    let project = with_passkeys(|_| ()).await;
    let session = project.signed_up("ann@example.com").await;
    let mut authenticator = Authenticator::new(1);
    register(&project, &session, &mut authenticator).await.ok();
    let failed = (400, "webauthn_verification_failed".to_owned());
    assert_eq!(sign_in(&project, &mut Authenticator::new(2)).await.error(), (400, "webauthn_credential_not_found".to_owned()));
    sign_in(&project, &mut authenticator).await.ok();
    authenticator.counter = 1;
    assert_eq!(sign_in(&project, &mut authenticator).await.error(), failed);
    authenticator.counter = 10;
    authenticator.origin = "https://evil.example".to_owned();
    assert_eq!(sign_in(&project, &mut authenticator).await.error(), failed);
    assert_eq!(project.post("/passkeys/authentication/verify", json!({})).await.error(), (400, "validation_failed".to_owned()));
    let begun = begin(&project).await;
    assert_eq!(authenticate(&project, &begun, json!({ "id": 1 })).await.error(), failed);
}

#[tokio::test]
async fn a_key_has_one_owner_and_an_owner_not_too_many_keys() {
    let project = with_passkeys(|settings| settings.passkeys.max_per_user = 1).await;
    let ann = project.signed_up("ann@example.com").await;
    let ben = project.signed_up("ben@example.com").await;
    register(&project, &ann, &mut Authenticator::new(1)).await.ok();
    let taken = register(&project, &ben, &mut Authenticator::new(1)).await;
    assert_eq!(taken.error(), (422, "webauthn_credential_exists".to_owned()));
    assert_eq!(options(&project, &ann).await.error(), (422, "too_many_passkeys".to_owned()));
}

#[tokio::test]
async fn a_passkey_is_renamed_and_removed_by_its_owner() {
    let project = with_passkeys(|_| ()).await;
    let ann = project.signed_up("ann@example.com").await;
    let ben = project.signed_up("ben@example.com").await;
    let mut authenticator = Authenticator::new(1);
    let path = format!("/passkeys/{}", text(&register(&project, &ann, &mut authenticator).await.ok(), "/id"));
    let name = |name: &str| json!({ "friendly_name": name });
    let not_found = (404, "webauthn_credential_not_found".to_owned());
    assert_eq!(project.ask("PATCH", &path, &token(&ben), name("Mine")).await.error(), not_found);
    assert_eq!(project.ask("DELETE", &path, &token(&ben), Value::Null).await.error(), not_found);
    for wrong in [String::new(), "é".repeat(121)] {
        let refused = project.ask("PATCH", &path, &token(&ann), name(&wrong)).await;
        assert_eq!(refused.error(), (400, "validation_failed".to_owned()));
    }
    let named = project.ask("PATCH", &path, &token(&ann), name(&"é".repeat(120))).await.ok();
    assert_eq!(named["friendly_name"], "é".repeat(120));
    assert_eq!(project.ask("PATCH", "/passkeys/x", &token(&ann), name("a")).await.status, 404);
    assert_eq!(project.ask("DELETE", &path, &token(&ann), Value::Null).await.status, 204);
    assert_eq!(sign_in(&project, &mut authenticator).await.error(), (400, "webauthn_credential_not_found".to_owned()));
    assert_eq!(project.get("/passkeys", "").await.status, 401);
}

#[tokio::test]
async fn whoever_may_not_sign_in_does_not_by_passkey() {
    let project = with_passkeys(|settings| settings.signup.anonymous_users = true).await;
    let ann = project.signed_up("ann@example.com").await;
    let mut authenticator = Authenticator::new(1);
    register(&project, &ann, &mut authenticator).await.ok();
    project.sql("update auth.users set banned_until = now() + interval '1 hour'").await;
    assert_eq!(sign_in(&project, &mut authenticator).await.error(), (400, "user_banned".to_owned()));
    project.sql("update auth.users set banned_until = null, email_confirmed_at = null").await;
    assert_eq!(sign_in(&project, &mut authenticator).await.error(), (400, "email_not_confirmed".to_owned()));
    assert_eq!(options(&project, &ann).await.error(), (400, "email_not_confirmed".to_owned()));
    project.sql("update auth.users set email_confirmed_at = now(), deleted_at = now()").await;
    assert_eq!(sign_in(&project, &mut authenticator).await.error(), (400, "webauthn_credential_not_found".to_owned()));
    let guest = project.post("/signup", json!({})).await.ok();
    assert_eq!(options(&project, &guest).await.error(), (403, "no_authorization".to_owned()));
}

#[tokio::test]
async fn with_a_second_factor_passkeys_need_it() {
    let project = with_passkeys(|_| ()).await;
    let session = project.signed_up("ann@example.com").await;
    let mut authenticator = Authenticator::new(1);
    let path = format!("/passkeys/{}", text(&register(&project, &session, &mut authenticator).await.ok(), "/id"));
    let factor = project.ask("POST", "/factors", &token(&session), json!({ "factor_type": "totp" })).await.ok();
    let id = text(&factor, "/id");
    let challenge = project.ask("POST", &format!("/factors/{id}/challenge"), &token(&session), json!({})).await.ok();
    let body = json!({ "challenge_id": challenge["id"], "code": code(&text(&factor, "/totp/secret"), 0) });
    let raised = project.ask("POST", &format!("/factors/{id}/verify"), &token(&session), body).await.ok();

    let low = sign_in(&project, &mut authenticator).await.ok();
    let denied = (403, "insufficient_aal".to_owned());
    assert_eq!(options(&project, &low).await.error(), denied);
    assert_eq!(project.ask("DELETE", &path, &token(&low), Value::Null).await.error(), denied);
    project.ask("PATCH", &path, &token(&low), json!({ "friendly_name": "Mine" })).await.ok();
    register(&project, &raised, &mut Authenticator::new(2)).await.ok();
    assert_eq!(project.ask("DELETE", &path, &token(&raised), Value::Null).await.status, 204);
}

#[tokio::test]
async fn administrators_see_and_remove_passkeys() {
    let project = with_passkeys(|_| ()).await;
    let session = project.signed_up("ann@example.com").await;
    let passkey = register(&project, &session, &mut Authenticator::new(1)).await.ok();
    let path = format!("/admin/users/{}/passkeys", text(&session, "/user/id"));
    assert_eq!(project.get(&path, &token(&session)).await.error(), (403, "not_admin".to_owned()));
    assert_eq!(project.get(&path, &service_role()).await.ok()[0]["id"], passkey["id"]);
    let nobodys = "/admin/users/3f1c2d4e-0000-4000-8000-000000000001/passkeys";
    assert_eq!(project.get(nobodys, &service_role()).await.error(), (404, "user_not_found".to_owned()));
    let one = format!("{path}/{}", text(&passkey, "/id"));
    assert_eq!(project.ask("DELETE", &one, &token(&session), Value::Null).await.error(), (403, "not_admin".to_owned()));
    assert_eq!(project.ask("DELETE", &one, &service_role(), Value::Null).await.status, 204);
    let again = project.ask("DELETE", &one, &service_role(), Value::Null).await;
    assert_eq!(again.error(), (404, "webauthn_credential_not_found".to_owned()));
}

#[tokio::test]
async fn attempts_are_limited_by_address() {
    let project = with_passkeys(|settings| {
        settings.rate_limits.header = Some("X-Forwarded-For".to_owned());
        settings.rate_limits.passkey = Rate { events: 2, over: Duration::from_secs(300) };
    })
    .await;
    begin(&project).await;
    begin(&project).await;
    let third = project.post("/passkeys/authentication/options", json!({})).await;
    assert_eq!(third.error(), (429, "over_request_rate_limit".to_owned()));
}

#[tokio::test]
async fn a_relying_party_that_browsers_refuse_is_not_used() {
    let project = with_passkeys(|settings| {
        settings.web_authn.rp_id = "example.com".to_owned();
        settings.web_authn.rp_origins = vec!["https://elsewhere.net".to_owned()];
    })
    .await;
    assert_eq!(project.post("/passkeys/authentication/options", json!({})).await.status, 500);
}
