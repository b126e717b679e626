//! Invitations, and links that somebody else sends.

#![expect(clippy::unwrap_used, reason = "a failure here is the test's failure")]

use serde_json::{Value, json};

use crate::support::{Answer, Project, member, project, service_role, text};

const EXTERNAL: &str = "http://ref.api.localhost:8000/auth/v1";

async fn generate(project: &Project, body: Value) -> Answer {
    project.ask("POST", "/admin/generate_link", &service_role(), body).await
}

async fn invite(project: &Project, body: Value) -> Answer {
    project.ask("POST", "/invite", &service_role(), body).await
}

async fn create(project: &Project, email: &str) {
    let body = json!({ "email": email, "password": "correct horse", "email_confirm": true });
    project.ask("POST", "/admin/users", &service_role(), body).await.ok();
}

/// Follows a link, and answers where it leads.
async fn follow(project: &Project, link: &str) -> String {
    project.get(link.strip_prefix(EXTERNAL).unwrap(), "").await.location()
}

#[tokio::test]
async fn who_is_invited_comes_in_by_the_mail() {
    let project = project(|settings| settings.signup.disabled = true).await;
    let user = invite(&project, json!({ "email": "Ann@Example.com", "data": { "name": "Ann" } })).await.ok();
    assert_eq!(user["email"], "ann@example.com");
    assert!(user["invited_at"].is_string() && user["confirmation_sent_at"].is_string(), "{user}");
    assert_eq!(user["user_metadata"]["name"], "Ann");
    assert_eq!(user["identities"][0]["provider"], "email");
    // Once more, as long as nobody came.
    invite(&project, json!({ "email": "ann@example.com" })).await.ok();
    assert_eq!(project.count("select count(*) from auth.users").await, 1);
    let audit = "select count(*) from auth.audit_log_entries where payload ->> 'action' = 'user_invited' \
                 and payload ->> 'actor_username' = 'service_role' and payload -> 'traits' ->> 'user_email' = 'ann@example.com'";
    assert_eq!(project.count(audit).await, 2);
    let (kind, data) = project.last_message("ann@example.com").await;
    assert_eq!(kind, "invite");
    let location = follow(&project, &text(&data, "/link")).await;
    assert_eq!(member(&location, "type").unwrap(), "invite");
    let session = project.get("/user", &member(&location, "access_token").unwrap()).await.ok();
    assert_eq!(session["email"], "ann@example.com");
    let again = invite(&project, json!({ "email": "ann@example.com" })).await;
    assert_eq!(again.error(), (422, "email_exists".to_owned()));
    for body in [json!({}), json!({ "email": "x" })] {
        assert_eq!(invite(&project, body).await.error(), (400, "validation_failed".to_owned()));
    }
}

#[tokio::test]
async fn an_invitation_leads_where_the_application_says_and_nowhere_else() {
    let project = project(|settings| {
        settings.uri_allow_list = auth::settings::AllowList::parse("https://app.example.com/**").unwrap();
    })
    .await;
    let at = |to: &str| format!("/invite?redirect_to={to}");
    for (to, expected) in
        [("https://app.example.com/in", "https://app.example.com/in"), ("https://evil.example.com/", "http://localhost:3000")]
    {
        project.ask("POST", &at(to), &service_role(), json!({ "email": "ann@example.com" })).await.ok();
        let (_, data) = project.last_message("ann@example.com").await;
        assert_eq!(member(&text(&data, "/link"), "redirect_to").unwrap(), expected);
        let generated = generate(&project, json!({ "type": "invite", "email": "ann@example.com", "redirect_to": to })).await.ok();
        assert_eq!(generated["redirect_to"], expected);
    }
}

#[tokio::test]
async fn a_link_for_somebody_new_makes_the_account() {
    let project = project(|_| ()).await;
    let body = json!({ "type": "signup", "email": "Ann@Example.com", "password": "correct horse", "data": { "name": "Ann" } });
    let made = generate(&project, body).await.ok();
    assert_eq!(made["email"], "ann@example.com");
    assert_eq!(made["user_metadata"]["name"], "Ann");
    assert_eq!(made["verification_type"], "signup");
    assert_eq!(made["redirect_to"], "http://localhost:3000");
    assert_eq!(text(&made, "/email_otp").len(), 6);
    let hash = text(&made, "/hashed_token");
    let link = format!("{EXTERNAL}/verify?token={hash}&type=signup&redirect_to=http://localhost:3000");
    assert_eq!(made["action_link"], link.as_str());
    // No mail was sent.
    assert_eq!(project.count("select count(*) from _auth.messages").await, 0);
    // Once more, as long as nobody came; the account keeps its password.
    let again = json!({ "type": "signup", "email": "ann@example.com", "password": "another one", "data": { "age": 9 } });
    let again = generate(&project, again).await.ok();
    assert_eq!((again["user_metadata"]["name"].as_str(), again["user_metadata"]["age"].as_i64()), (Some("Ann"), Some(9)));
    assert!(follow(&project, &link).await.contains("otp_expired"));
    let location = follow(&project, &text(&again, "/action_link")).await;
    assert!(member(&location, "access_token").is_some(), "{location}");
    let sign_in = json!({ "email": "ann@example.com", "password": "correct horse" });
    project.post("/token?grant_type=password", sign_in).await.ok();
    for kind in ["signup", "invite"] {
        let taken = generate(&project, json!({ "type": kind, "email": "ann@example.com", "password": "another one" })).await;
        assert_eq!(taken.error(), (422, "email_exists".to_owned()), "{kind}");
    }
}

#[tokio::test]
async fn a_magic_link_and_a_recovery_sign_in_by_link_hash_or_code() {
    let project = project(|_| ()).await;
    create(&project, "ann@example.com").await;
    for kind in ["magiclink", "recovery"] {
        let body = json!({ "type": kind, "email": "ann@example.com" });
        let made = generate(&project, body.clone()).await.ok();
        assert_eq!(made["verification_type"], kind);
        let location = follow(&project, &text(&made, "/action_link")).await;
        assert_eq!(member(&location, "type").unwrap(), kind);
        assert!(member(&location, "access_token").is_some(), "{location}");
        let made = generate(&project, body.clone()).await.ok();
        let verify = json!({ "type": kind, "token_hash": made["hashed_token"] });
        assert_eq!(project.post("/verify", verify).await.ok()["user"]["email"], "ann@example.com");
        let made = generate(&project, body).await.ok();
        let verify = json!({ "type": kind, "email": "ann@example.com", "token": made["email_otp"] });
        assert_eq!(project.post("/verify", verify).await.ok()["user"]["email"], "ann@example.com");
    }
    let audit = "select count(*) from auth.audit_log_entries where payload ->> 'action' = 'user_recovery_requested' \
                 and payload ->> 'actor_username' = 'ann@example.com'";
    assert_eq!(project.count(audit).await, 6);
    // Who is not there yet is signed up by it, without a password.
    let made = generate(&project, json!({ "type": "magiclink", "email": "bob@example.com" })).await.ok();
    assert_eq!(made["verification_type"], "signup");
    let verify = json!({ "type": "signup", "token_hash": made["hashed_token"] });
    project.post("/verify", verify).await.ok();
}

#[tokio::test]
async fn an_invitation_that_somebody_else_sends() {
    let project = project(|_| ()).await;
    let made = generate(&project, json!({ "type": "invite", "email": "ann@example.com" })).await.ok();
    assert!(made["invited_at"].is_string(), "{made}");
    let verify = json!({ "type": "invite", "email": "ann@example.com", "token": made["email_otp"] });
    assert_eq!(project.post("/verify", verify).await.ok()["user"]["email"], "ann@example.com");
}

#[tokio::test]
async fn a_change_of_address_needs_both_links() {
    let project = project(|_| ()).await;
    create(&project, "ann@example.com").await;
    let link = |kind: &str, to: &str| json!({ "type": kind, "email": "ann@example.com", "new_email": to });
    let current = generate(&project, link("email_change_current", "new@example.com")).await.ok();
    let new = generate(&project, link("email_change_new", "new@example.com")).await.ok();
    assert_eq!(new["new_email"], "new@example.com");
    assert_eq!(new["verification_type"], "email_change_new");
    assert_eq!(member(&text(&new, "/action_link"), "type").unwrap(), "email_change");
    let location = follow(&project, &text(&current, "/action_link")).await;
    assert!(member(&location, "message").is_some(), "{location}");
    let location = follow(&project, &text(&new, "/action_link")).await;
    let user = project.get("/user", &member(&location, "access_token").unwrap()).await.ok();
    assert_eq!(user["email"], "new@example.com");
}

/// Somebody who agreed to one address must not be taken to have agreed to another.
#[tokio::test]
async fn another_new_address_makes_earlier_links_void() {
    let project = project(|_| ()).await;
    create(&project, "ann@example.com").await;
    let link = |kind: &str, to: &str| json!({ "type": kind, "email": "ann@example.com", "new_email": to });
    let first = generate(&project, link("email_change_new", "first@example.com")).await.ok();
    generate(&project, link("email_change_current", "second@example.com")).await.ok();
    assert!(follow(&project, &text(&first, "/action_link")).await.contains("otp_expired"));
}

#[tokio::test]
async fn links_that_can_not_be_made_are_refused() {
    let project = project(|settings| settings.mailer.secure_email_change_enabled = false).await;
    create(&project, "ann@example.com").await;
    create(&project, "bob@example.com").await;
    let cases = [
        (json!({}), 400, "validation_failed"),
        (json!({ "type": "sms", "email": "ann@example.com" }), 400, "validation_failed"),
        (json!({ "type": "magiclink" }), 400, "validation_failed"),
        (json!({ "type": "signup", "email": "new@example.com" }), 400, "validation_failed"),
        (json!({ "type": "signup", "email": "new@example.com", "password": "short" }), 422, "weak_password"),
        (json!({ "type": "recovery", "email": "new@example.com" }), 404, "user_not_found"),
        (json!({ "type": "email_change_new", "email": "new@example.com", "new_email": "x@example.com" }), 404, "user_not_found"),
        (json!({ "type": "email_change_new", "email": "ann@example.com" }), 400, "validation_failed"),
        (json!({ "type": "email_change_new", "email": "ann@example.com", "new_email": "bob@example.com" }), 422, "email_exists"),
        (
            json!({ "type": "email_change_current", "email": "ann@example.com", "new_email": "x@example.com" }),
            400,
            "validation_failed",
        ),
    ];
    for (body, status, code) in cases {
        assert_eq!(generate(&project, body.clone()).await.error(), (status, code.to_owned()), "{body}");
    }
    assert_eq!(project.count("select count(*) from auth.users").await, 2);
}

#[tokio::test]
async fn who_had_an_address_hears_of_its_change() {
    let project = project(|settings| {
        settings.mailer.autoconfirm = true;
        settings.signup.phone = true;
        settings.sms.autoconfirm = true;
        settings.mailer.notifications.extend([auth::settings::MailKind::EmailChanged, auth::settings::MailKind::PhoneChanged]);
    })
    .await;
    let token = text(&project.signed_up("ann@example.com").await, "/access_token");
    project.ask("PUT", "/user", &token, json!({ "email": "anna@example.com" })).await.ok();
    let (kind, data) = project.last_message("ann@example.com").await;
    assert_eq!(kind, "email_changed_notification");
    assert!(text(&data, "/text").contains("anna@example.com"), "{data}");
    project.ask("PUT", "/user", &token, json!({ "phone": "15550100" })).await.ok();
    let (kind, data) = project.last_message("anna@example.com").await;
    assert_eq!(kind, "phone_changed_notification");
    assert!(text(&data, "/text").contains("15550100"), "{data}");
}
