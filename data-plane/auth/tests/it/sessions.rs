//! Sessions, refreshes, and their end.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{Project, project, text};

async fn refresh(project: &Project, session: &Value) -> crate::support::Answer {
    let body = json!({ "refresh_token": session["refresh_token"] });
    project.post("/token?grant_type=refresh_token", body).await
}

#[tokio::test]
async fn a_refresh_token_is_good_once() {
    let project = project(|settings| settings.mailer.autoconfirm = true).await;
    let first = project.signed_up("ann@example.com").await;
    let second = refresh(&project, &first).await.ok();
    assert_ne!(first["refresh_token"], second["refresh_token"]);
    // Its client may not have got the answer: the one that was given is given again.
    let again = refresh(&project, &first).await.ok();
    assert_eq!(again["refresh_token"], second["refresh_token"]);
    let third = refresh(&project, &second).await.ok();
    // Older than the last: somebody else has it, and nobody has the session any longer.
    let stolen = refresh(&project, &first).await;
    assert_eq!(stolen.error(), (400, "refresh_token_already_used".to_owned()));
    assert_eq!(refresh(&project, &third).await.error(), (400, "refresh_token_already_used".to_owned()));
}

#[tokio::test]
async fn two_refreshes_at_once_give_one_successor() {
    let project = project(|settings| settings.mailer.autoconfirm = true).await;
    let session = project.signed_up("ann@example.com").await;
    let both = tokio::join!(refresh(&project, &session), refresh(&project, &session));
    assert_eq!(both.0.ok()["refresh_token"], both.1.ok()["refresh_token"]);
    assert_eq!(project.count("select count(*) from auth.refresh_tokens where not revoked").await, 1);
}

#[tokio::test]
async fn logout_has_three_scopes() {
    let project = project(|settings| settings.mailer.autoconfirm = true).await;
    let one = project.signed_up("ann@example.com").await;
    let sign_in = json!({ "email": "ann@example.com", "password": "correct horse" });
    let two = project.post("/token?grant_type=password", sign_in.clone()).await.ok();
    let three = project.post("/token?grant_type=password", sign_in).await.ok();
    let token = |session: &Value| text(session, "/access_token");
    let logout = async |session: &Value, scope: &str| {
        project.ask("POST", &format!("/logout?scope={scope}"), &token(session), Value::Null).await.status
    };
    assert_eq!(logout(&two, "local").await, 204);
    assert_eq!(project.get("/user", &token(&two)).await.error(), (403, "session_not_found".to_owned()));
    assert_eq!(logout(&three, "others").await, 204);
    assert_eq!(project.get("/user", &token(&one)).await.error(), (403, "session_not_found".to_owned()));
    project.get("/user", &token(&three)).await.ok();
    assert_eq!(logout(&three, "global").await, 204);
    assert_eq!(refresh(&project, &three).await.error(), (400, "refresh_token_not_found".to_owned()));
    assert_eq!(project.count("select count(*) from auth.sessions").await, 0);
}

#[tokio::test]
async fn sessions_end_by_their_limits() {
    let project = project(|settings| {
        settings.mailer.autoconfirm = true;
        settings.sessions.timebox = Some(Duration::from_secs(3600));
        settings.sessions.inactivity_timeout = Some(Duration::from_secs(600));
    })
    .await;
    let session = project.signed_up("ann@example.com").await;
    refresh(&project, &session).await.ok();
    project.sql("update auth.sessions set refreshed_at = now() at time zone 'utc' - interval '20 minutes'").await;
    let idle = refresh(&project, &session).await;
    assert_eq!(idle.error(), (400, "session_expired".to_owned()));
    assert!(idle.body.contains("Inactivity"), "{}", idle.body);
    project.sql("update auth.sessions set refreshed_at = null, created_at = now() - interval '2 hours'").await;
    assert_eq!(refresh(&project, &session).await.error(), (400, "session_expired".to_owned()));
}

#[tokio::test]
async fn nobody_is_signed_in_after_a_ban_or_the_end_of_the_account() {
    let project = project(|settings| settings.mailer.autoconfirm = true).await;
    let session = project.signed_up("ann@example.com").await;
    project.sql("update auth.users set banned_until = now() + interval '1 hour'").await;
    assert_eq!(refresh(&project, &session).await.error(), (400, "user_banned".to_owned()));
    let sign_in = json!({ "email": "ann@example.com", "password": "correct horse" });
    assert_eq!(project.post("/token?grant_type=password", sign_in).await.error(), (400, "user_banned".to_owned()));
    project.sql("delete from auth.users").await;
    let user = project.get("/user", &text(&session, "/access_token")).await;
    assert_eq!(user.error(), (403, "user_not_found".to_owned()));
}

#[tokio::test]
async fn a_flow_by_pkce_ends_in_a_code_that_its_beginner_exchanges() {
    let project = project(|_| ()).await;
    let verifier = "a".repeat(64);
    let challenge = {
        use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
        use sha2::Digest as _;
        URL_SAFE_NO_PAD.encode(sha2::Sha256::digest(verifier.as_bytes()))
    };
    let body = json!({
        "email": "ann@example.com", "password": "correct horse",
        "code_challenge": challenge, "code_challenge_method": "s256",
    });
    project.post("/signup", body).await.ok();
    let (_, data) = project.last_message("ann@example.com").await;
    let link = text(&data, "/link");
    let location =
        project.get(link.strip_prefix("http://ref.api.localhost:8000/auth/v1").unwrap_or_default(), "").await.location();
    let code = crate::support::member(&location, "code").unwrap_or_default();
    let exchange = async |verifier: &str| {
        project.post("/token?grant_type=pkce", json!({ "auth_code": code, "code_verifier": verifier })).await
    };
    assert_eq!(exchange(&"b".repeat(64)).await.error(), (400, "bad_code_verifier".to_owned()));
    assert_eq!(exchange(&verifier).await.ok()["user"]["email"], "ann@example.com");
    assert_eq!(exchange(&verifier).await.error(), (404, "flow_state_not_found".to_owned()));
}
