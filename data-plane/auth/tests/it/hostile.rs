//! Requests that no client of ours sends, and what stands before every path.

#![expect(clippy::unwrap_used, reason = "a failure here is the test's failure")]

use std::time::Duration;

use auth::settings::{Captcha, CaptchaProvider, Settings};
use axum::body::Body;
use http::Request;
use serde_json::{Value, json};

use crate::support::{project, service_role, text};

fn with_captcha(settings: &mut Settings) {
    settings.mailer.autoconfirm = true;
    settings.signup.anonymous_users = true;
    settings.security.captcha =
        Some(Captcha { provider: CaptchaProvider::Turnstile, secret: "secret".into(), timeout: Duration::from_secs(10) });
}

fn raw(path: &str, body: String) -> Request<Body> {
    Request::post(path).header("x-supabase-api-version", "2024-01-01").body(Body::from(body)).unwrap()
}

#[tokio::test]
async fn a_body_nested_deep_is_refused() {
    let nested = format!("{}{}", "[".repeat(10_000), "]".repeat(10_000));
    let data = format!("{{\"email\":\"ann@example.com\",\"password\":\"correct horse\",\"data\":{{\"a\":{nested}}}}}");
    let plain = project(|_| ()).await;
    for body in [nested.clone(), data.clone(), format!("{{\"unknown\":{nested}}}")] {
        let answer = plain.send(raw("/signup", body)).await;
        assert_eq!(answer.error(), (400, "bad_json".to_owned()), "{}", answer.body);
    }
    // The captcha comes first, and reads nothing else.
    let guarded = project(with_captcha).await;
    assert_eq!(guarded.send(raw("/signup", nested)).await.error(), (400, "bad_json".to_owned()));
    assert_eq!(guarded.send(raw("/signup", data)).await.error(), (400, "captcha_failed".to_owned()));
}

#[tokio::test]
async fn a_long_body_is_refused() {
    for change in [with_captcha, (|_| ()) as fn(&mut Settings)] {
        let project = project(change).await;
        let answer = project.send(raw("/signup", format!("{{\"email\":\"{}\"}}", "a".repeat(1024 * 1024)))).await;
        assert_eq!(answer.error(), (413, "validation_failed".to_owned()));
        assert_eq!(answer.json()["message"], "The request's body is longer than 1048576 bytes");
    }
}

#[tokio::test]
async fn a_text_that_no_column_can_keep_is_the_client_s_mistake() {
    let project = project(|settings| settings.signup.phone = true).await;
    let admin = service_role();
    let nul = "\0";
    let long = "r".repeat(300);
    for (path, token, body) in [
        ("/signup", "", json!({ "email": "ann@example.com", "password": "correct horse", "data": { "a": nul } })),
        ("/signup", "", json!({ "email": "ann@example.com", "password": "correct horse", "data": { nul: 1 } })),
        ("/token?grant_type=refresh_token", "", json!({ "refresh_token": nul })),
        ("/admin/users", admin.as_str(), json!({ "email": "ann@example.com", "app_metadata": { "a": nul } })),
        ("/admin/users", admin.as_str(), json!({ "email": "ann@example.com", "role": nul })),
        ("/admin/users", admin.as_str(), json!({ "email": "ann@example.com", "role": long })),
    ] {
        let answer = project.ask("POST", path, token, body).await;
        assert_eq!(answer.error(), (400, "validation_failed".to_owned()), "{path}: {}", answer.body);
    }
    for path in [
        "/admin/users?filter=%00",
        "/admin/audit?query=author:%00",
        "/admin/messages?recipient=%00",
        "/_admin/users?search=%00",
        "/_admin/users?search=%00&match=anywhere",
        "/_admin/users?show=provider:%00",
        "/_admin/audit?who=%00",
    ] {
        let answer = project.get(path, &admin).await;
        assert_eq!(answer.error(), (400, "validation_failed".to_owned()), "{path}: {}", answer.body);
    }
    assert_eq!(project.count("select count(*) from auth.users").await, 0);
    // What the project's own trigger says stays its own failure.
    let trigger = "create function public.fail() returns trigger language plpgsql as $$ begin raise string_data_right_truncation; end $$; \
                   create trigger fail before insert on auth.users for each row execute function public.fail()";
    project.database.connect("postgres").await.batch_execute(trigger).await.unwrap();
    let answer = project.post("/signup", json!({ "email": "ann@example.com", "password": "correct horse" })).await;
    assert_eq!(answer.error(), (500, "unexpected_failure".to_owned()));
}

#[tokio::test]
async fn pages_of_other_origins_are_told_what_they_may() {
    let project = project(|settings| settings.cors.allowed_headers = vec!["X-Own".to_owned()]).await;
    let request = Request::options("/signup")
        .header("origin", "https://app.test")
        .header("access-control-request-method", "POST")
        .header("access-control-request-headers", "authorization,x-client-info,x-own,x-supabase-api-version");
    let answer = project.send(request.body(Body::empty()).unwrap()).await;
    assert_eq!(answer.status, 204);
    assert_eq!(answer.headers["access-control-allow-origin"], "*");
    assert_eq!(answer.headers["access-control-allow-methods"], "POST");
    // Errors can be read, too.
    let request = Request::get("/user").header("origin", "https://app.test");
    let answer = project.send(request.body(Body::empty()).unwrap()).await;
    assert_eq!(answer.status, 401);
    assert_eq!(answer.headers["access-control-allow-origin"], "*");
    assert_eq!(answer.headers["access-control-expose-headers"], "X-Total-Count, Link, X-Supabase-Api-Version");
    let answer = project.get("/health", "").await;
    assert!(answer.headers.get("access-control-allow-origin").is_none());
    assert_eq!(answer.headers["vary"], "Origin");
}

#[tokio::test]
async fn a_request_has_a_time() {
    let project = project(|settings| settings.api.max_request_duration = Duration::ZERO).await;
    let answer = project.post("/signup", json!({ "email": "ann@example.com", "password": "correct horse" })).await;
    assert_eq!(answer.error(), (504, "request_timeout".to_owned()));
    assert_eq!(answer.json()["message"], "Processing this request timed out, please retry after a moment.");
    assert_eq!(project.count("select count(*) from auth.users").await, 0);
}

#[tokio::test]
async fn who_shows_no_captcha_does_not_come_in() {
    let project = project(with_captcha).await;
    let sign_up = json!({ "email": "ann@example.com", "password": "correct horse" });
    let email = json!({ "email": "ann@example.com" });
    for (path, body) in [
        ("/signup", sign_up.clone()),
        ("/signup", json!({})),
        ("/token?grant_type=password", sign_up.clone()),
        ("/otp", email.clone()),
        ("/magiclink", email.clone()),
        ("/recover", email.clone()),
        ("/resend", json!({ "type": "signup", "email": "ann@example.com", "gotrue_meta_security": { "captcha_token": " " } })),
    ] {
        let answer = project.post(path, body).await;
        assert_eq!(answer.error(), (400, "captcha_failed".to_owned()), "{path}");
        assert_eq!(answer.json()["message"], "captcha protection: request disallowed (no captcha_token found)");
    }
    assert_eq!(project.count("select count(*) from auth.users").await, 0);
    // Administrators are no robots, and a session goes on by itself.
    let session = project.ask("POST", "/signup", &service_role(), sign_up).await.ok();
    let refresh = json!({ "refresh_token": session["refresh_token"] });
    project.post("/token?grant_type=refresh_token", refresh).await.ok();
    // A user's own token is no administrator's.
    let answer = project.ask("POST", "/otp", &text(&session, "/access_token"), email).await;
    assert_eq!(answer.error(), (400, "captcha_failed".to_owned()));
}

#[tokio::test]
async fn mails_go_to_listed_addresses_alone() {
    let project = project(|settings| settings.signup.authorized_addresses = vec!["ann@example.com".to_owned()]).await;
    project.post("/otp", json!({ "email": "ann+test@example.com" })).await.ok();
    let answer = project.post("/otp", json!({ "email": "bob@example.com" })).await;
    assert_eq!(answer.error(), (400, "email_address_not_authorized".to_owned()));
    assert_eq!(project.count("select count(*) from auth.users").await, 1);
}

#[tokio::test]
async fn what_has_expired_is_removed_bit_by_bit() {
    let project = project(|settings| settings.db.cleanup_enabled = true).await;
    project.post("/otp", json!({ "email": "ann@example.com" })).await.ok();
    let rows = "select (select count(*) from auth.flow_state) + (select count(*) from auth.one_time_tokens) \
                + (select count(*) from auth.mfa_factors) + (select count(*) from auth.mfa_challenges) \
                + (select count(*) from _auth.limits) + (select count(*) from auth.oauth_client_states)";
    project
        .sql(
            "insert into auth.flow_state (id, auth_code, code_challenge_method, code_challenge, provider_type, \
             authentication_method, created_at) select gen_random_uuid(), i::text, 's256', 'c', 'email', 'email', \
             now() - i * interval '1 hour' from generate_series(0, 99, 99) i; \
             update auth.one_time_tokens set created_at = now() - interval '9 days'; \
             insert into auth.mfa_factors (id, user_id, factor_type, status, created_at, updated_at) \
             select gen_random_uuid(), id, 'totp', status::auth.factor_status, now() - interval '9 days', now() \
             from auth.users, unnest(array['verified', 'unverified']) status; \
             insert into auth.mfa_challenges (id, factor_id, created_at, ip_address) \
             select gen_random_uuid(), id, now() - interval '9 days', '::1' from auth.mfa_factors where status = 'verified'; \
             insert into auth.oauth_client_states (id, provider_type, created_at) \
             values (gen_random_uuid(), 'x', now() - interval '9 days'), (gen_random_uuid(), 'x', now()); \
             insert into _auth.limits values ('old', now() - interval '9 days'), ('new', now())",
        )
        .await;
    assert_eq!(project.count(rows).await, 10);
    // The young flow, the verified factor, the new limit and the sign-in at a provider stay.
    while project.count(rows).await > 4 {
        project.post("/nowhere", Value::Null).await;
    }
    for _ in 0..6 {
        project.post("/nowhere", Value::Null).await;
    }
    assert_eq!(project.count(rows).await, 4);
}
