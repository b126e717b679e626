//! Sign-up, sign-in, and what comes by message.

use serde_json::{Value, json};

use crate::support::{member, project, text};

#[tokio::test]
async fn who_signs_up_is_in_at_once_where_nothing_is_to_be_confirmed() {
    let project = project(|settings| settings.mailer.autoconfirm = true).await;
    let session = project.signed_up("Ann@Example.com").await;
    assert_eq!(session["user"]["email"], "ann@example.com");
    assert_eq!(session["user"]["role"], "authenticated");
    assert_eq!(session["user"]["app_metadata"], json!({ "provider": "email", "providers": ["email"] }));
    assert_eq!(session["user"]["identities"][0]["provider"], "email");
    assert_eq!(session["token_type"], "bearer");
    let token = text(&session, "/access_token");
    let user = project.get("/user", &token).await.ok();
    assert_eq!(user, session["user"], "the same, to the microsecond");
    // Again: told that it is there, as nothing is hidden where nothing is confirmed.
    let again = project.post("/signup", json!({ "email": "ann@example.com", "password": "another one" })).await;
    assert_eq!(again.error(), (422, "user_already_exists".to_owned()));
    assert_eq!(again.headers["x-sb-error-code"], "user_already_exists");
}

#[tokio::test]
async fn a_link_in_the_mailbox_confirms_and_signs_in() {
    let project = project(|_| ()).await;
    let body = json!({ "email": "ann@example.com", "password": "correct horse", "data": { "name": "Ann" } });
    let user = project.post("/signup", body).await.ok();
    assert_eq!(user["email"], "ann@example.com");
    assert_eq!(user["user_metadata"]["name"], "Ann");
    assert!(user.get("access_token").is_none());
    let refused =
        project.post("/token?grant_type=password", json!({ "email": "ann@example.com", "password": "correct horse" })).await;
    assert_eq!(refused.error(), (400, "email_not_confirmed".to_owned()));
    let (kind, data) = project.last_message("ann@example.com").await;
    assert_eq!(kind, "confirmation");
    let link = text(&data, "/link");
    let path = link.strip_prefix("http://ref.api.localhost:8000/auth/v1").unwrap();
    let location = project.get(path, "").await.location();
    assert!(location.starts_with("http://localhost:3000#access_token="), "{location}");
    assert_eq!(member(&location, "type").unwrap(), "signup");
    let user = project.get("/user", &member(&location, "access_token").unwrap()).await.ok();
    assert!(user["email_confirmed_at"].is_string());
    // Only once.
    let location = project.get(path, "").await.location();
    assert_eq!(member(&location, "error_code").unwrap(), "otp_expired");
    assert!(location.contains("error=access_denied"), "{location}");
}

#[tokio::test]
async fn a_code_in_the_mailbox_does_the_same() {
    let project = project(|_| ()).await;
    project.post("/otp", json!({ "email": "ann@example.com" })).await.ok();
    let (_, data) = project.last_message("ann@example.com").await;
    let code = text(&data, "/token");
    let wrong = if code == "000000" { "000001" } else { "000000" };
    let verify = |code: &str| json!({ "type": "email", "email": "ann@example.com", "token": code });
    assert_eq!(project.post("/verify", verify(wrong)).await.error(), (403, "otp_expired".to_owned()));
    let session = project.post("/verify", verify(&code)).await.ok();
    assert_eq!(session["user"]["email"], "ann@example.com");
    assert_eq!(project.post("/verify", verify(&code)).await.error(), (403, "otp_expired".to_owned()));
}

#[tokio::test]
async fn nobody_learns_who_has_an_account() {
    let project = project(|_| ()).await;
    let body = json!({ "email": "ann@example.com", "password": "correct horse" });
    project.post("/signup", body.clone()).await.ok();
    let (_, data) = project.last_message("ann@example.com").await;
    let verify = json!({ "type": "signup", "token_hash": data["token_hash"] });
    project.post("/verify", verify).await.ok();
    let pretended = project.post("/signup", body).await.ok();
    let fresh = project.post("/signup", json!({ "email": "bob@example.com", "password": "correct horse" })).await.ok();
    let members = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!(members(&pretended), members(&fresh));
    assert_eq!(pretended["identities"], json!([]));
    assert_eq!(project.count("select count(*) from auth.users").await, 2);
    for email in ["ann@example.com", "nobody@example.com"] {
        let recover = project.post("/recover", json!({ "email": email })).await;
        assert_eq!(recover.ok(), json!({}), "{email}");
        let sign_in = project.post("/token?grant_type=password", json!({ "email": email, "password": "wrong" })).await;
        assert_eq!(sign_in.error(), (400, "invalid_credentials".to_owned()), "{email}");
        assert_eq!(sign_in.json()["message"], "Invalid login credentials");
    }
}

/// As upstream's documentation of `signUp` has it, "even when phone provider is disabled".
#[tokio::test]
async fn who_is_there_is_said_where_either_way_needs_no_confirmation() {
    let project = project(|settings| settings.sms.autoconfirm = true).await;
    let body = json!({ "email": "ann@example.com", "password": "correct horse" });
    assert_eq!(project.post("/signup", body.clone()).await.ok()["id"], project.post("/signup", body.clone()).await.ok()["id"]);
    project.sql("update auth.users set email_confirmed_at = now()").await;
    assert_eq!(project.post("/signup", body).await.error(), (422, "user_already_exists".to_owned()));
}

#[tokio::test]
async fn a_password_is_recovered_and_changed() {
    let project = project(|settings| settings.mailer.autoconfirm = true).await;
    let first = project.signed_up("ann@example.com").await;
    project.post("/recover", json!({ "email": "ann@example.com" })).await.ok();
    let (kind, data) = project.last_message("ann@example.com").await;
    assert_eq!(kind, "recovery");
    let session = project.post("/verify", json!({ "type": "recovery", "token_hash": data["token_hash"] })).await.ok();
    let token = text(&session, "/access_token");
    let same = project.ask("PUT", "/user", &token, json!({ "password": "correct horse" })).await;
    assert_eq!(same.error(), (422, "same_password".to_owned()));
    for password in ["short", ""] {
        let weak = project.ask("PUT", "/user", &token, json!({ "password": password })).await;
        assert_eq!(weak.error(), (422, "weak_password".to_owned()));
        assert_eq!(weak.json()["weak_password"]["reasons"], json!(["length"]));
    }
    project.ask("PUT", "/user", &token, json!({ "password": "battery staple" })).await.ok();
    // Who knew the old one is out.
    let old = project.get("/user", &text(&first, "/access_token")).await;
    assert_eq!(old.error(), (403, "session_not_found".to_owned()));
    let sign_in = json!({ "email": "ann@example.com", "password": "battery staple" });
    project.post("/token?grant_type=password", sign_in).await.ok();
}

#[tokio::test]
async fn both_addresses_agree_to_a_change() {
    let project = project(|_| ()).await;
    project.post("/otp", json!({ "email": "old@example.com" })).await.ok();
    let (_, data) = project.last_message("old@example.com").await;
    let hash = text(&data, "/token_hash");
    let session = project.post("/verify", json!({ "type": "email", "token_hash": hash })).await.ok();
    let token = text(&session, "/access_token");
    let user = project.ask("PUT", "/user", &token, json!({ "email": "new@example.com" })).await.ok();
    assert_eq!((&user["email"], &user["new_email"]), (&json!("old@example.com"), &json!("new@example.com")));
    let (_, data) = project.last_message("old@example.com").await;
    let half = project.post("/verify", json!({ "type": "email_change", "token_hash": data["token_hash"] })).await.ok();
    assert_eq!(half["code"], "200");
    let (_, data) = project.last_message("new@example.com").await;
    let whole = project.post("/verify", json!({ "type": "email_change", "token_hash": data["token_hash"] })).await.ok();
    assert_eq!(whole["user"]["email"], "new@example.com");
    assert_eq!(whole["user"]["identities"][0]["identity_data"]["email"], "new@example.com");
}

#[tokio::test]
async fn a_code_comes_by_phone() {
    let project = project(|settings| settings.signup.phone = true).await;
    let user = project.post("/signup", json!({ "phone": "+1 555 0100", "password": "correct horse" })).await.ok();
    assert_eq!(user["phone"], "15550100");
    let (_, data) = project.last_message("15550100").await;
    let verify = json!({ "type": "sms", "phone": "+15550100", "token": data["token"] });
    let session = project.post("/verify", verify).await.ok();
    assert!(session["user"]["phone_confirmed_at"].is_string());
}

#[tokio::test]
async fn anonymous_users_become_permanent() {
    let project = project(|settings| {
        settings.signup.anonymous_users = true;
        settings.mailer.autoconfirm = true;
    })
    .await;
    let session = project.post("/signup", json!({ "data": { "theme": "dark" } })).await.ok();
    assert_eq!(session["user"]["is_anonymous"], true);
    let token = text(&session, "/access_token");
    let early = project.ask("PUT", "/user", &token, json!({ "password": "correct horse" })).await;
    assert_eq!(early.error(), (422, "validation_failed".to_owned()));
    let user = project.ask("PUT", "/user", &token, json!({ "email": "ann@example.com" })).await.ok();
    assert_eq!((&user["is_anonymous"], &user["email"]), (&json!(false), &json!("ann@example.com")));
    assert_eq!(user["user_metadata"]["theme"], "dark");
}

#[tokio::test]
async fn what_is_wrong_is_said() {
    let project = project(|settings| settings.signup.anonymous_users = false).await;
    for (path, body, status, code) in [
        ("/signup", json!({ "email": "no address", "password": "correct horse" }), 400, "validation_failed"),
        ("/signup", json!({ "email": "a@b.test" }), 400, "validation_failed"),
        ("/signup", json!({ "email": "a@b.test", "password": "x".repeat(73) }), 400, "validation_failed"),
        ("/signup", json!({}), 422, "anonymous_provider_disabled"),
        ("/signup", json!({ "email": "", "password": "correct horse" }), 422, "anonymous_provider_disabled"),
        ("/signup", json!({ "phone": "+15550100", "password": "correct horse" }), 400, "phone_provider_disabled"),
        ("/token?grant_type=password", json!({ "password": "x" }), 400, "validation_failed"),
        ("/token?grant_type=other", json!({}), 400, "invalid_credentials"),
        ("/token?grant_type=refresh_token", json!({ "refresh_token": "none" }), 400, "refresh_token_not_found"),
        ("/otp", json!({ "email": "a@b.test", "create_user": false }), 422, "otp_disabled"),
        ("/verify", json!({ "type": "other", "token": "1" }), 400, "validation_failed"),
        ("/nowhere", json!({}), 404, "validation_failed"),
    ] {
        let answer = project.post(path, body.clone()).await;
        assert_eq!(answer.error(), (status, code.to_owned()), "{path} {body}: {}", answer.body);
    }
    let answer = project.get("/user", "").await;
    assert_eq!(answer.error(), (401, "no_authorization".to_owned()));
    assert_eq!(project.get("/user", "a.b.c").await.error(), (403, "bad_jwt".to_owned()));
}

/// Applications show these words: what was wrong with a link is not told as what was wrong with a code.
#[tokio::test]
async fn what_is_wrong_with_a_link_or_a_code_is_said() {
    let project = project(|_| ()).await;
    let (link, code) = ("Email link is invalid or has expired", "Token has expired or is invalid");
    let one = "Verify requires either a token or a token hash";
    for (body, status, message) in [
        (json!({ "type": "signup", "token_hash": "abc" }), 403, link),
        (json!({ "type": "signup", "token": "123456", "email": "ann@example.com" }), 403, code),
        (json!({ "type": "sms", "token": "123456", "phone": "15550100" }), 403, code),
        (json!({ "type": "signup" }), 400, one),
        (json!({ "type": "signup", "token": "123456", "token_hash": "abc" }), 400, one),
    ] {
        let answer = project.post("/verify", body.clone()).await;
        assert_eq!((answer.status.as_u16(), text(&answer.json(), "/message").as_str()), (status, message), "{body}");
    }
}

#[tokio::test]
async fn closed_is_said_before_what_else_is_wrong() {
    let project = project(|settings| {
        settings.signup.disabled = true;
        settings.signup.magic_link = false;
    })
    .await;
    for body in [json!({ "email": "ann@example.com", "password": "correct horse" }), json!({ "email": "no address" })] {
        let refused = project.post("/signup", body).await;
        assert_eq!(refused.error(), (422, "signup_disabled".to_owned()));
        assert_eq!(refused.json()["message"], "Signups not allowed for this instance");
    }
    for path in ["/otp", "/magiclink"] {
        let refused = project.post(path, json!({ "email": "ann@example.com" })).await;
        assert_eq!(refused.error(), (422, "email_provider_disabled".to_owned()), "{path}");
        assert_eq!(refused.json()["message"], "Login with magic link is disabled");
    }
}
