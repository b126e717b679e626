//! What somebody tries who wants in, and what somebody learns who must not.

#![expect(clippy::unwrap_used, reason = "a failure here is the test's failure")]

use std::{sync::Arc, time::Duration};

use auth::settings::{Rate, Settings};
use axum::body::Body;
use futures::future::join_all;
use http::Request;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha224};

use crate::{
    openid::challenge,
    support::{Answer, Project, member, project, service_role, text},
};

const ANN: &str = "ann@example.com";

/// A code that is none.
fn wrong(code: &str) -> &'static str {
    if code == "000000" { "000001" } else { "000000" }
}

async fn asked_for_code(project: &Project, email: &str) -> Value {
    project.post("/otp", json!({ "email": email })).await.ok();
    project.last_message(email).await.1
}

async fn with_code(project: &Project, email: &str, code: &str) -> Answer {
    project.post("/verify", json!({ "type": "email", "email": email, "token": code })).await
}

async fn with_link(project: &Project, kind: &str, link: &str) -> Answer {
    project.post("/verify", json!({ "type": kind, "token_hash": link })).await
}

async fn confirmed(project: &Project, email: &str) -> Value {
    let link = text(&asked_for_code(project, email).await, "/token_hash");
    with_link(project, "email", &link).await.ok()
}

fn token(session: &Value) -> String {
    text(session, "/access_token")
}

#[tokio::test]
async fn a_link_does_not_follow_from_its_code() {
    let project = project(|_| ()).await;
    let data = asked_for_code(&project, ANN).await;
    // As GoTrue's would: whoever knows the address has a million to try, and of no account.
    let guessed = hex::encode(Sha224::digest(format!("{ANN}{}", text(&data, "/token"))));
    assert_eq!(with_link(&project, "email", &guessed).await.error(), (403, "otp_expired".to_owned()));
    with_link(&project, "email", &text(&data, "/token_hash")).await.ok();
}

#[tokio::test]
async fn what_gotrue_has_sent_is_still_good() {
    for by_code in [false, true] {
        let project = project(|_| ()).await;
        asked_for_code(&project, ANN).await;
        let link = hex::encode(Sha224::digest(format!("{ANN}123456")));
        project
            .sql(&format!(
                "update auth.one_time_tokens set token_hash = '{link}'; update auth.users set confirmation_token = '{link}'"
            ))
            .await;
        let answer = if by_code { with_code(&project, ANN, "123456").await } else { with_link(&project, "email", &link).await };
        answer.ok();
    }
}

#[tokio::test]
async fn a_link_that_many_follow_at_once_is_good_once() {
    let project = project(|_| ()).await;
    let link = text(&asked_for_code(&project, ANN).await, "/token_hash");
    let answers = join_all((0..8).map(|_| with_link(&project, "email", &link))).await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 200).count(), 1);
    assert_eq!(project.count("select count(*) from auth.sessions").await, 1);
}

#[tokio::test]
async fn one_of_two_addresses_does_not_agree_for_both() {
    let project = project(|_| ()).await;
    let session = confirmed(&project, ANN).await;
    project.ask("PUT", "/user", &token(&session), json!({ "email": "eve@example.com" })).await.ok();
    let link = text(&project.last_message("eve@example.com").await.1, "/token_hash");
    join_all((0..8).map(|_| with_link(&project, "email_change", &link))).await;
    assert_eq!(project.count("select count(*) from auth.users where email = 'ann@example.com'").await, 1);
}

#[tokio::test]
async fn codes_guessed_at_once_are_counted_one_by_one() {
    let project = project(|_| ()).await;
    let code = text(&asked_for_code(&project, ANN).await, "/token");
    let answers = join_all((0..40).map(|_| with_code(&project, ANN, wrong(&code)))).await;
    assert!(answers.iter().all(|answer| answer.error() == (403, "otp_expired".to_owned())));
    assert_eq!(with_code(&project, ANN, &code).await.error(), (403, "otp_expired".to_owned()));
}

#[tokio::test]
async fn an_accounts_codes_are_not_guessed_for_long_and_nobody_learns_whether_it_is_there() {
    let project = project(|_| ()).await;
    let mut data = Value::Null;
    for number in 0..50 {
        if number % 5 == 0 {
            data = asked_for_code(&project, ANN).await;
        }
        for email in [ANN, "nobody@example.com"] {
            let answer = with_code(&project, email, wrong(&text(&data, "/token"))).await;
            assert_eq!(answer.error(), (403, "otp_expired".to_owned()), "{email} {number}");
        }
    }
    for email in [ANN, "nobody@example.com"] {
        let answer = with_code(&project, email, &text(&data, "/token")).await;
        assert_eq!(answer.error(), (429, "over_request_rate_limit".to_owned()), "{email}");
    }
    with_link(&project, "email", &text(&data, "/token_hash")).await.ok();
}

#[tokio::test]
async fn a_nonce_is_void_after_many_wrong_guesses() {
    let project = project(|settings| settings.security.update_password_require_reauthentication = true).await;
    let session = confirmed(&project, ANN).await;
    project.sql("update auth.sessions set created_at = now() - interval '25 hours'").await;
    project.get("/reauthenticate", &token(&session)).await.ok();
    let nonce = text(&project.last_message(ANN).await.1, "/token");
    let change = async |nonce: &str| {
        project.ask("PUT", "/user", &token(&session), json!({ "password": "another horse", "nonce": nonce })).await
    };
    for _ in 0..11 {
        assert_eq!(change(wrong(&nonce)).await.error(), (422, "reauthentication_not_valid".to_owned()));
    }
    assert_eq!(change(&nonce).await.error(), (422, "reauthentication_not_valid".to_owned()));
    project.get("/reauthenticate", &token(&session)).await.ok();
    let nonce = text(&project.last_message(ANN).await.1, "/token");
    change(&nonce).await.ok();
    let again = project.ask("PUT", "/user", &token(&session), json!({ "password": "third horse", "nonce": nonce })).await;
    assert_eq!(again.error(), (422, "reauthentication_not_valid".to_owned()));
}

#[tokio::test]
async fn a_code_that_is_still_to_be_exchanged_ends_with_its_account() {
    for (method, body) in [("PUT", json!({ "ban_duration": "1h" })), ("DELETE", json!({ "should_soft_delete": true }))] {
        let project = project(|_| ()).await;
        let verifier = "v".repeat(43);
        let body_of_flow = json!({ "email": ANN, "code_challenge": challenge(&verifier), "code_challenge_method": "s256" });
        project.post("/otp", body_of_flow).await.ok();
        let link = text(&project.last_message(ANN).await.1, "/token_hash");
        let location = project.get(&format!("/verify?type=signup&token={link}"), "").await.location();
        let client = project.database.connect("supabase_auth_admin").await;
        let id: String = client.query_one("select id::text from auth.users", &[]).await.unwrap().get(0);
        project.ask(method, &format!("/admin/users/{id}"), &service_role(), body).await.ok();
        let body = json!({ "auth_code": member(&location, "code").unwrap(), "code_verifier": verifier });
        let answer = project.post("/token?grant_type=pkce", body).await;
        assert!(answer.status.is_client_error(), "{method}: {}", answer.body);
        assert_eq!(project.count("select count(*) from auth.sessions").await, 0);
    }
}

#[tokio::test]
async fn a_code_that_is_still_to_be_exchanged_ends_with_the_sessions() {
    for (method, path, body) in
        [("PUT", "/user", json!({ "password": "another horse" })), ("POST", "/logout?scope=global", json!({}))]
    {
        let project = project(|_| ()).await;
        let owner = confirmed(&project, ANN).await;
        let verifier = "v".repeat(43);
        let body_of_flow = json!({ "email": ANN, "code_challenge": challenge(&verifier), "code_challenge_method": "s256" });
        project.sql("update auth.users set recovery_sent_at = null, confirmation_sent_at = null").await;
        project.post("/otp", body_of_flow).await.ok();
        let link = text(&project.last_message(ANN).await.1, "/token_hash");
        let location = project.get(&format!("/verify?type=magiclink&token={link}"), "").await.location();
        assert!(project.ask(method, path, &token(&owner), body).await.status.is_success());
        let body = json!({ "auth_code": member(&location, "code").unwrap(), "code_verifier": verifier });
        let answer = project.post("/token?grant_type=pkce", body).await;
        assert_eq!(answer.error(), (404, "flow_state_not_found".to_owned()), "{path}");
    }
}

#[tokio::test]
async fn a_password_is_not_changed_by_a_session_that_has_ended_meanwhile() {
    let project = Arc::new(project(|settings| settings.mailer.autoconfirm = true).await);
    let session = project.signed_up(ANN).await;
    let other = project.database.connect("supabase_auth_admin").await;
    other.batch_execute("begin; select from auth.users for update").await.unwrap();
    let changing = {
        let (project, token) = (Arc::clone(&project), token(&session));
        tokio::spawn(async move { project.ask("PUT", "/user", &token, json!({ "password": "another horse" })).await })
    };
    // It has been let in, and waits.
    while project.count("select count(*) from pg_locks where not granted").await == 0 {
        tokio::task::yield_now().await;
    }
    other.batch_execute("delete from auth.sessions; commit").await.unwrap();
    assert_eq!(changing.await.unwrap().error(), (403, "session_not_found".to_owned()));
    let body = json!({ "email": ANN, "password": "correct horse" });
    project.post("/token?grant_type=password", body).await.ok();
}

#[tokio::test]
async fn neighbours_by_ipv6_are_one() {
    let project = project(|settings| {
        settings.rate_limits.header = Some("X-Forwarded-For".to_owned());
        settings.rate_limits.verify = Rate { events: 2, over: Duration::from_secs(3600) };
    })
    .await;
    let from = async |address: &str| {
        let body = json!({ "type": "email", "token_hash": "none" }).to_string();
        let request = Request::post("/verify").header("x-forwarded-for", address).body(Body::from(body));
        project.send(request.unwrap()).await.status.as_u16()
    };
    assert_eq!(from("2001:db8:0:1::1").await, 403);
    assert_eq!(from("2001:db8:0:1:ffff::2").await, 403);
    assert_eq!(from("2001:db8:0:1:1234:5678:9abc:def0").await, 429);
    assert_eq!(from("2001:db8:0:2::1").await, 403);
    // The same machine by IPv4, however it is written.
    for address in ["203.0.113.1", "::ffff:203.0.113.1"] {
        assert_eq!(from(address).await, 403);
    }
    assert_eq!(from("203.0.113.1").await, 429);
}

fn once_a_minute(settings: &mut Settings) {
    settings.mailer.max_frequency = Duration::from_secs(60);
    settings.sms.max_frequency = Duration::from_secs(60);
    settings.signup.phone = true;
}

/// Status and body, without what is random or a moment.
fn seen(answer: &Answer) -> Value {
    let Ok(mut body) = serde_json::from_str::<Value>(&answer.body) else { return Value::Null };
    let members = body.as_object_mut().unwrap();
    for name in ["id", "created_at", "updated_at", "confirmation_sent_at", "email", "identities", "role", "message"] {
        members.remove(name);
    }
    members.remove("user_metadata");
    json!({ "status": answer.status.as_u16(), "body": body })
}

#[tokio::test]
async fn who_has_an_account_is_not_seen_by_answers() {
    let project = project(once_a_minute).await;
    let body = json!({ "email": ANN, "password": "correct horse", "email_confirm": true });
    project.ask("POST", "/admin/users", &service_role(), body).await.ok();
    let ask = async |path: &str, email: &str, again: &str| {
        let body = match path {
            "/signup" => json!({ "email": email, "password": "other horse" }),
            "/resend" => json!({ "type": again, "email": email }),
            "/token?grant_type=password" => json!({ "email": email, "password": "wrong" }),
            "/verify" => json!({ "type": "recovery", "email": email, "token": "000000" }),
            _ => json!({ "email": email }),
        };
        seen(&project.post(path, body).await)
    };
    // The second one comes too soon.
    for (path, again) in [
        ("/recover", ""),
        ("/recover", ""),
        ("/resend", "email_change"),
        ("/resend", "email_change"),
        ("/signup", ""),
        ("/signup", ""),
        ("/resend", "signup"),
        ("/token?grant_type=password", ""),
        ("/verify", ""),
    ] {
        let (known, unknown) = (ask(path, ANN, again).await, ask(path, "nobody@example.com", again).await);
        assert_eq!(known, unknown, "{path} {again}");
    }
}

#[tokio::test]
async fn an_address_that_somebody_of_another_audience_has_seems_free() {
    let project = project(|_| ()).await;
    confirmed(&project, ANN).await;
    let ask = async |path: &str, email: &str| {
        let body = json!({ "email": email, "password": "correct horse" }).to_string();
        let request = Request::post(path)
            .header("x-supabase-api-version", "2024-01-01")
            .header("x-jwt-aud", "another")
            .body(Body::from(body));
        project.send(request.unwrap()).await
    };
    for path in ["/signup", "/otp", "/magiclink"] {
        let (known, unknown) = (ask(path, ANN).await, ask(path, &format!("new{}@example.com", path.len())).await);
        assert_eq!(seen(&known), seen(&unknown), "{path}");
        assert_eq!(known.status, 200);
    }
    assert_eq!(project.count("select count(*) from auth.users where email = 'ann@example.com'").await, 1);
}

/// A mail server that takes connections and answers none, until it is dropped.
async fn silent() -> (u16, tokio::task::JoinHandle<()>) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let taking = tokio::spawn(async move {
        let mut open = Vec::new();
        loop {
            open.push(listener.accept().await.unwrap());
        }
    });
    (port, taking)
}

#[tokio::test]
async fn who_has_an_account_is_not_seen_by_a_mail_server_that_does_not_answer() {
    let (port, taking) = silent().await;
    let project = Arc::new(
        project(|settings| {
            settings.smtp.host = Some("127.0.0.1".to_owned());
            settings.smtp.port = port;
            settings.smtp.admin_email = "admin@example.com".to_owned();
        })
        .await,
    );
    let body = json!({ "email": ANN, "password": "correct horse", "email_confirm": true });
    project.ask("POST", "/admin/users", &service_role(), body).await.ok();
    // Nobody waits for the mail.
    for email in [ANN, "nobody@example.com"] {
        project.post("/recover", json!({ "email": email })).await.ok();
    }
    // Both wait, and are told the same when it is over.
    let signing_up = [ANN, "nobody@example.com"].map(|email| {
        let project = Arc::clone(&project);
        tokio::spawn(async move { project.post("/signup", json!({ "email": email, "password": "other horse" })).await })
    });
    while project.count("select count(*) from auth.users where confirmation_token <> ''").await == 0 {
        tokio::task::yield_now().await;
    }
    taking.abort();
    for answer in join_all(signing_up).await {
        let answer = answer.unwrap();
        assert_eq!(answer.error(), (500, "unexpected_failure".to_owned()));
        assert_eq!(answer.json()["message"], "Error sending confirmation email");
    }
}

#[tokio::test]
async fn a_new_password_ends_what_was_begun_with_the_old_one() {
    let project = project(|settings| {
        settings.mailer.secure_email_change_enabled = false;
        settings.oauth_server.enabled = true;
        settings.oauth_server.authorization_path = "/consent".to_owned();
    })
    .await;
    let owner = confirmed(&project, ANN).await;
    project.ask("PUT", "/user", &token(&owner), json!({ "password": "correct horse" })).await.ok();
    // Somebody else knows it, and begins: another address, and a client's code.
    let body = json!({ "email": ANN, "password": "correct horse" });
    let stolen = token(&project.post("/token?grant_type=password", body).await.ok());
    project.ask("PUT", "/user", &stolen, json!({ "email": "eve@example.com" })).await.ok();
    let link = text(&project.last_message("eve@example.com").await.1, "/token_hash");
    let client = json!({ "client_name": "App", "redirect_uris": ["https://app.test/cb"], "token_endpoint_auth_method": "none" });
    let client = text(&project.ask("POST", "/admin/oauth/clients", &service_role(), client).await.json(), "/client_id");
    let verifier = "v".repeat(43);
    let query = format!(
        "/oauth/authorize?response_type=code&client_id={client}&redirect_uri=https%3A%2F%2Fapp.test%2Fcb&scope=email\
         &code_challenge={}&code_challenge_method=S256",
        challenge(&verifier)
    );
    let id = member(project.get(&query, "").await.headers["location"].to_str().unwrap(), "authorization_id").unwrap();
    project.get(&format!("/oauth/authorizations/{id}"), &stolen).await.ok();
    let path = format!("/oauth/authorizations/{id}/consent");
    let url = text(&project.ask("POST", &path, &stolen, json!({ "action": "approve" })).await.ok(), "/redirect_url");
    project.ask("PUT", "/user", &token(&owner), json!({ "password": "another horse" })).await.ok();
    assert_eq!(with_link(&project, "email_change", &link).await.error(), (403, "otp_expired".to_owned()));
    let form = format!(
        "grant_type=authorization_code&code={}&redirect_uri=https%3A%2F%2Fapp.test%2Fcb&code_verifier={verifier}&client_id={client}",
        member(&url, "code").unwrap()
    );
    assert_eq!(project.post_form("/oauth/token", form).await.status, 400);
    assert_eq!(project.count("select count(*) from auth.sessions").await, 1);
}

#[tokio::test]
async fn codes_and_links_end_with_their_time() {
    let project = project(|settings| settings.mailer.otp_exp = Duration::from_secs(600)).await;
    for by_code in [true, false] {
        let data = asked_for_code(&project, ANN).await;
        project.sql("update auth.users set confirmation_sent_at = now() - interval '601 seconds'").await;
        let answer = if by_code {
            with_code(&project, ANN, &text(&data, "/token")).await
        } else {
            with_link(&project, "email", &text(&data, "/token_hash")).await
        };
        assert_eq!(answer.error(), (403, "otp_expired".to_owned()));
    }
}

#[tokio::test]
async fn metadata_do_not_grow_without_end() {
    let project = project(|settings| settings.mailer.autoconfirm = true).await;
    let session = project.signed_up(ANN).await;
    let add = async |name: &str| {
        let body = json!({ "data": { name: "x".repeat(600_000) } });
        project.ask("PUT", "/user", &token(&session), body).await
    };
    add("one").await.ok();
    assert_eq!(add("two").await.error(), (400, "validation_failed".to_owned()));
    add("one").await.ok();
}
