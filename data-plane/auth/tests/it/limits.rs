//! Who asks too often, and what of that is known after a restart.

#![expect(clippy::unwrap_used, reason = "a failure here is the test's failure")]

use std::time::Duration;

use auth::settings::{Hook, Rate, Settings};
use axum::body::Body;
use http::Request;
use serde_json::json;

use crate::support::{Answer, Project, project, text};

const FEW: Rate = Rate { events: 2, over: Duration::from_secs(3600) };

async fn from(project: &Project, address: &str) -> Answer {
    let request = Request::post("/verify")
        .header("x-supabase-api-version", "2024-01-01")
        .header("x-forwarded-for", address)
        .body(Body::from(json!({ "type": "email", "token_hash": "none" }).to_string()));
    project.send(request.unwrap()).await
}

/// Seconds to wait, of somebody who is refused.
fn refused(answer: &Answer, code: &str) -> u64 {
    assert_eq!(answer.error(), (429, code.to_owned()));
    answer.headers["retry-after"].to_str().unwrap().parse().unwrap()
}

#[tokio::test]
async fn an_address_is_counted_for_itself_and_beyond_a_restart() {
    let limited = |settings: &mut Settings| {
        settings.rate_limits.header = Some("X-Forwarded-For".to_owned());
        settings.rate_limits.verify = FEW;
    };
    let project = project(limited).await;
    for _ in 0..2 {
        assert_eq!(from(&project, "203.0.113.1").await.error(), (403, "otp_expired".to_owned()));
    }
    let wait = refused(&from(&project, "203.0.113.1").await, "over_request_rate_limit");
    assert!((1..=1800).contains(&wait), "{wait}");
    assert_eq!(from(&project, "203.0.113.2").await.error(), (403, "otp_expired".to_owned()));
    let project = project.restarted(limited);
    let wait = refused(&from(&project, "203.0.113.1").await, "over_request_rate_limit");
    assert!((1..=1800).contains(&wait), "{wait}");
    assert_eq!(from(&project, "203.0.113.2").await.error(), (403, "otp_expired".to_owned()));
    assert_eq!(from(&project, "203.0.113.2").await.error(), (429, "over_request_rate_limit".to_owned()));
    // Time goes by.
    project.sql("update _auth.limits set theoretical_arrival = now()").await;
    assert_eq!(from(&project, "203.0.113.1").await.error(), (403, "otp_expired".to_owned()));
}

/// Upstream has no limit where rows are left by whoever asks.
#[tokio::test]
async fn who_begins_to_sign_in_elsewhere_is_counted() {
    let project = project(|settings| {
        settings.rate_limits.header = Some("X-Forwarded-For".to_owned());
        settings.rate_limits.token_refresh = FEW;
        settings.oauth_server.enabled = true;
    })
    .await;
    let get = async |path: &str, address: &str| {
        let request = Request::get(path).header("x-supabase-api-version", "2024-01-01").header("x-forwarded-for", address);
        project.send(request.body(Body::empty()).unwrap()).await
    };
    for path in ["/authorize?provider=none", "/oauth/authorize?client_id=none"] {
        assert_ne!(get(path, "203.0.113.1").await.status, 429);
    }
    for path in ["/authorize?provider=none", "/oauth/authorize?client_id=none"] {
        refused(&get(path, "203.0.113.1").await, "over_request_rate_limit");
        assert_ne!(get(path, "203.0.113.2").await.status, 429);
    }
}

/// As with another proxy than Kong. Who comes without the header is not limited, as upstream.
#[tokio::test]
async fn another_header_than_x_forwarded_for_tells_whom_to_count() {
    let project = project(|settings| {
        settings.rate_limits.header = Some("X-Real-IP".to_owned());
        settings.rate_limits.verify = FEW;
    })
    .await;
    let status = async |real: &str| {
        let request =
            Request::post("/verify").header("content-type", "application/json").header("x-forwarded-for", "203.0.113.1");
        let request = if real.is_empty() { request } else { request.header("x-real-ip", real) };
        let body = Body::from(json!({ "type": "email", "token_hash": "none" }).to_string());
        project.send(request.body(body).unwrap()).await.status
    };
    for (real, expected) in [
        ("203.0.113.7", 403),
        ("203.0.113.7, 10.0.0.1", 403),
        ("203.0.113.7", 429),
        ("203.0.113.8", 403),
        ("", 403),
        ("", 403),
        ("", 403),
    ] {
        assert_eq!(status(real).await, expected, "{real}");
    }
}

#[tokio::test]
async fn many_at_once_are_counted_one_by_one() {
    let project = project(|settings| {
        settings.rate_limits.header = Some("X-Forwarded-For".to_owned());
        settings.rate_limits.verify = FEW;
    })
    .await;
    let answers = futures::future::join_all((0..8).map(|_| from(&project, "203.0.113.1"))).await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 429).count(), 6);
}

#[tokio::test]
async fn who_asks_for_another_is_counted_as_the_other_where_the_project_says_so() {
    let ask = async |project: &Project, asked_for: &str| {
        let request = Request::post("/verify")
            .header("x-supabase-api-version", "2024-01-01")
            .header("x-forwarded-for", "198.51.100.1")
            .header("sb-forwarded-for", asked_for)
            .body(Body::from(json!({ "type": "email", "token_hash": "none" }).to_string()));
        project.send(request.unwrap()).await.status.as_u16()
    };
    // Whether others are counted by address or not.
    let forwarded = project(|settings| {
        settings.security.sb_forwarded_for_enabled = true;
        settings.rate_limits.verify = FEW;
    })
    .await;
    for (asked_for, status) in [
        ("203.0.113.1", 403),
        (" 203.0.113.1 , 192.0.2.7", 403),
        ("::ffff:203.0.113.1", 429),
        ("203.0.113.2", 403),
        ("2001:db8::1", 403),
        // Nobody: as if nothing had been said, and the caller itself is not counted here.
        ("nobody, 203.0.113.1", 403),
        ("", 403),
        ("nobody", 403),
    ] {
        assert_eq!(ask(&forwarded, asked_for).await, status, "{asked_for}");
    }
    let off = project(|settings| {
        settings.rate_limits.header = Some("X-Forwarded-For".to_owned());
        settings.rate_limits.verify = FEW;
    })
    .await;
    for (asked_for, status) in [("203.0.113.1", 403), ("203.0.113.2", 403), ("203.0.113.3", 429)] {
        assert_eq!(ask(&off, asked_for).await, status, "{asked_for}");
    }
}

#[tokio::test]
async fn mails_are_counted_together() {
    let hooked = |settings: &mut Settings| {
        settings.rate_limits.email_sent = Rate::per_hour(1);
        let uri = "pg-functions://postgres/public/send".to_owned();
        settings.hooks.send_email = Hook { enabled: true, uri, secrets: Vec::new() };
    };
    let project = project(hooked).await;
    let send = "create function public.send(jsonb) returns jsonb language sql as $$ select '{}'::jsonb $$; \
                grant execute on function public.send to supabase_auth_admin";
    project.database.connect("postgres").await.batch_execute(send).await.unwrap();
    project.post("/otp", json!({ "email": "ann@example.com" })).await.ok();
    refused(&project.post("/otp", json!({ "email": "bob@example.com" })).await, "over_email_send_rate_limit");
    // Written beside the flow.
    while project.count("select count(*) from _auth.limits where bucket like 'email_sent:%'").await == 0 {
        tokio::task::yield_now().await;
    }
    let project = project.restarted(hooked);
    refused(&project.post("/otp", json!({ "email": "bob@example.com" })).await, "over_email_send_rate_limit");
    assert_eq!(project.count("select count(*) from auth.users").await, 1);
    // Another service over the same database, as in the compose files of clients, has a limit of its own.
    let project = project.restarted(|settings| {
        hooked(settings);
        settings.api.external_url = "http://localhost:9998".to_owned();
    });
    project.post("/otp", json!({ "email": "bob@example.com" })).await.ok();
}

#[tokio::test]
async fn a_password_is_not_guessed_for_long() {
    let confirmed = |settings: &mut Settings| settings.mailer.autoconfirm = true;
    let project = project(confirmed).await;
    project.signed_up("ann@example.com").await;
    project.signed_up("bob@example.com").await;
    let sign_in = |email: &str, password: &str| json!({ "email": email, "password": password });
    let path = "/token?grant_type=password";
    for _ in 0..50 {
        // Of an account that is not there just so.
        for email in ["ann@example.com", "nobody@example.com"] {
            let wrong = project.post(path, sign_in(email, "wrong")).await;
            assert_eq!(wrong.error(), (400, "invalid_credentials".to_owned()));
        }
    }
    refused(&project.post(path, sign_in("nobody@example.com", "wrong")).await, "over_request_rate_limit");
    refused(&project.post(path, sign_in("ann@example.com", "correct horse")).await, "over_request_rate_limit");
    project.post(path, sign_in("bob@example.com", "correct horse")).await.ok();
    let project = project.restarted(confirmed);
    refused(&project.post(path, sign_in("ann@example.com", "correct horse")).await, "over_request_rate_limit");
}

#[tokio::test]
async fn whoever_guesses_does_not_keep_the_owner_out() {
    let project = project(|settings| settings.mailer.autoconfirm = true).await;
    let sign_in = async |password: &str, address: &str| {
        let request = Request::post("/token?grant_type=password")
            .header("x-supabase-api-version", "2024-01-01")
            .header("x-forwarded-for", address)
            .body(Body::from(json!({ "email": "ann@example.com", "password": password }).to_string()));
        project.send(request.unwrap()).await
    };
    project.signed_up("ann@example.com").await;
    project.sql("delete from auth.sessions").await;
    sign_in("correct horse", "203.0.113.7").await.ok();
    for number in 0..50 {
        let wrong = sign_in("wrong", &format!("198.51.100.{number}")).await;
        assert_eq!(wrong.error(), (400, "invalid_credentials".to_owned()));
    }
    // Wherever strangers come from, whatever they know by now.
    refused(&sign_in("correct horse", "198.51.100.99").await, "over_request_rate_limit");
    refused(&sign_in("correct horse", "192.0.2.1").await, "over_request_rate_limit");
    // The owner's neighbours are believed to be the owner, and not for ever.
    sign_in("correct horse", "203.0.113.200").await.ok();
    for _ in 0..50 {
        assert_eq!(sign_in("wrong", "203.0.113.7").await.error(), (400, "invalid_credentials".to_owned()));
    }
    refused(&sign_in("correct horse", "203.0.113.7").await, "over_request_rate_limit");
    // A link by mail leads in all the same.
    project.post("/otp", json!({ "email": "ann@example.com" })).await.ok();
    let (_, data) = project.last_message("ann@example.com").await;
    project.post("/verify", json!({ "type": "email", "token_hash": data["token_hash"] })).await.ok();
}

#[tokio::test]
async fn a_code_is_void_after_many_wrong_guesses() {
    let project = project(|_| ()).await;
    let verify = |code: &str| json!({ "type": "email", "email": "ann@example.com", "token": code });
    project.post("/otp", json!({ "email": "ann@example.com" })).await.ok();
    let (_, data) = project.last_message("ann@example.com").await;
    let code = text(&data, "/token");
    let wrong = if code == "000000" { "000001" } else { "000000" };
    for _ in 0..11 {
        assert_eq!(project.post("/verify", verify(wrong)).await.error(), (403, "otp_expired".to_owned()));
    }
    assert_eq!(project.post("/verify", verify(&code)).await.error(), (403, "otp_expired".to_owned()));
    let link = json!({ "type": "email", "token_hash": data["token_hash"] });
    assert_eq!(project.post("/verify", link).await.error(), (403, "otp_expired".to_owned()));
    // Another one has attempts of its own.
    project.post("/otp", json!({ "email": "ann@example.com" })).await.ok();
    let (_, data) = project.last_message("ann@example.com").await;
    let code = text(&data, "/token");
    let wrong = if code == "000000" { "000001" } else { "000000" };
    assert_eq!(project.post("/verify", verify(wrong)).await.error(), (403, "otp_expired".to_owned()));
    project.post("/verify", verify(&code)).await.ok();
}
