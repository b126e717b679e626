//! Who waits for somebody outside keeps nobody else waiting, and what could not be sent is taken back.

#![expect(clippy::unwrap_used, reason = "a failure here is the test's failure")]

use std::{sync::Arc, time::Duration};

use auth::settings::{Hook, Rate, Settings};
use axum::{Router, http::StatusCode, routing::post};
use jsonwebtoken::{EncodingKey, Header};
use serde_json::{Value, json};
use tokio::{net::TcpListener, sync::watch, task::JoinHandle};

use crate::support::{Answer, Project, SECRET, project, service_role, text};

/// More than a project has connections.
const MANY: usize = 20;

/// Takes connections and says nothing, until it is let go: then it closes them, and takes no more.
struct Silent {
    port: u16,
    go: watch::Sender<bool>,
}

impl Silent {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (go, mut gone) = watch::channel(false);
        tokio::spawn(async move {
            let mut open = Vec::new();
            loop {
                tokio::select! {
                    accepted = listener.accept() => open.push(accepted.unwrap()),
                    _ = gone.changed() => return,
                }
            }
        });
        Self { port, go }
    }
}

fn by_mail(port: u16) -> impl FnOnce(&mut Settings) {
    move |settings| {
        settings.smtp.host = Some("127.0.0.1".to_owned());
        settings.smtp.port = port;
        settings.smtp.admin_email = "admin@example.com".to_owned();
        settings.rate_limits.email_sent = Rate::per_hour(1000);
        settings.api.max_request_duration = Duration::from_mins(10);
    }
}

/// A port that nobody listens on.
async fn closed_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port()
}

async fn with_account(project: &Project, email: &str) -> String {
    let body = json!({ "email": email, "password": "correct horse", "email_confirm": true });
    text(&project.ask("POST", "/admin/users", &service_role(), body).await.ok(), "/id")
}

fn all_at_once(project: &Arc<Project>, path: &'static str, body: impl Fn(usize) -> Value) -> Vec<JoinHandle<Answer>> {
    let one = |number| {
        let (project, body) = (Arc::clone(project), body(number));
        tokio::spawn(async move { project.post(path, body).await })
    };
    (0..MANY).map(one).collect()
}

async fn until(project: &Project, count: i64, sql: &str) {
    while project.count(sql).await != count {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_mail_server_that_never_answers_keeps_nobody_from_signing_in() {
    let silent = Silent::start().await;
    let project = Arc::new(project(by_mail(silent.port)).await);
    with_account(&project, "ann@example.com").await;
    let waiting = all_at_once(
        &project,
        "/signup",
        |number| json!({ "email": format!("u{number}@example.com"), "password": "correct horse" }),
    );
    // All of them have come as far as the mail.
    until(&project, i64::try_from(MANY).unwrap(), "select count(*) from auth.users where confirmation_token <> ''").await;
    let body = json!({ "email": "ann@example.com", "password": "correct horse" });
    for answer in futures::future::join_all(all_at_once(&project, "/token?grant_type=password", |_| body.clone())).await {
        answer.unwrap().ok();
    }
    silent.go.send(true).unwrap();
    for answer in futures::future::join_all(waiting).await {
        let answer = answer.unwrap();
        assert_eq!(answer.error(), (500, "unexpected_failure".to_owned()));
        assert_eq!(answer.json()["message"], "Error sending confirmation email");
    }
    // As if nobody had signed up.
    assert_eq!(project.count("select count(*) from auth.users").await, 1);
    assert_eq!(project.count("select count(*) from auth.one_time_tokens").await, 0);
}

#[tokio::test]
async fn a_hook_that_never_answers_leaves_connections_for_what_asks_nobody() {
    let silent = Silent::start().await;
    let uri = format!("http://127.0.0.1:{}/", silent.port);
    let project = Arc::new(
        project(|settings| {
            let secrets = vec!["v1,whsec_c3VwZXItc2VjcmV0LWtleS1vZi1hLWhvb2stMzItYnl0ZXM=".into()];
            settings.hooks.custom_access_token = Hook { enabled: true, uri, secrets };
        })
        .await,
    );
    let id = with_account(&project, "ann@example.com").await;
    let body = json!({ "email": "ann@example.com", "password": "correct horse" });
    let waiting = all_at_once(&project, "/token?grant_type=password", |_| body.clone());
    // Half of the connections are within such a transaction, or wait for the one that is.
    until(
        &project,
        5,
        "select count(*) from pg_stat_activity where datname = current_database() and state = 'idle in transaction' \
        or datname = current_database() and wait_event_type = 'Lock'",
    )
    .await;
    let claims = json!({ "sub": id, "role": "authenticated", "exp": 4_000_000_000_u64 });
    let token = jsonwebtoken::encode(&Header::default(), &claims, &EncodingKey::from_secret(SECRET.as_bytes())).unwrap();
    for _ in 0..MANY {
        project.get("/user", &token).await.ok();
    }
    for one in waiting {
        one.abort();
    }
}

#[tokio::test]
async fn a_link_stays_good_where_another_could_not_be_sent() {
    let project = project(|_| ()).await;
    with_account(&project, "ann@example.com").await;
    let change = json!({ "email": "anna@example.com" });
    project.post("/recover", json!({ "email": "ann@example.com" })).await.ok();
    let (_, first) = project.last_message("ann@example.com").await;
    let before = "select count(*) from auth.users where recovery_sent_at is not null and email_change = ''";
    let project = project.restarted(by_mail(closed_port().await));
    let (sent_at, changed) = ("select recovery_sent_at::text from auth.users", project.database.connect("postgres").await);
    let first_at: String = changed.query_one(sent_at, &[]).await.unwrap().get(0);
    // Nobody is told, so that nobody learns that there is an account; it is taken back beside.
    project.post("/recover", json!({ "email": "ann@example.com" })).await.ok();
    while changed.query_one(sent_at, &[]).await.unwrap().get::<_, String>(0) != first_at {
        tokio::task::yield_now().await;
    }
    assert_eq!(project.count(before).await, 1);
    let session = project.post("/verify", json!({ "type": "recovery", "token_hash": first["token_hash"] })).await.ok();
    let token = text(&session, "/access_token");
    // Of two mails, neither counts.
    assert_eq!(project.ask("PUT", "/user", &token, change).await.status, StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(project.count(before).await, 1);
    assert_eq!(project.count("select count(*) from auth.one_time_tokens").await, 0);
    // A mail that tells of what was done stops nothing.
    let project = project.restarted(|settings| {
        settings.smtp.host = Some("127.0.0.1".to_owned());
        settings.smtp.port = 1;
        settings.mailer.notifications.insert(auth::settings::MailKind::PasswordChanged);
    });
    project.ask("PUT", "/user", &token, json!({ "password": "another horse" })).await.ok();
}

#[tokio::test]
async fn a_code_that_was_not_sent_is_none() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let uri = format!("http://{}/", listener.local_addr().unwrap());
    let failing = Router::new().route("/", post(async || StatusCode::INTERNAL_SERVER_ERROR));
    tokio::spawn(async move { axum::serve(listener, failing).await });
    let phones = |settings: &mut Settings| {
        settings.signup.phone = true;
        settings.mfa.phone.factor.enroll_enabled = true;
        settings.mfa.phone.factor.verify_enabled = true;
        settings.mailer.autoconfirm = true;
    };
    let project = project(phones).await;
    let session = project.signed_up("ann@example.com").await;
    let token = text(&session, "/access_token");
    let body = json!({ "factor_type": "phone", "phone": "15550100", "friendly_name": "phone" });
    let factor = text(&project.ask("POST", "/factors", &token, body).await.ok(), "/id");
    let project = project.restarted(|settings| {
        phones(settings);
        let secrets = vec!["v1,whsec_c3VwZXItc2VjcmV0LWtleS1vZi1hLWhvb2stMzItYnl0ZXM=".into()];
        settings.hooks.send_sms = Hook { enabled: true, uri, secrets };
    });
    let refused = project.post("/signup", json!({ "phone": "15550101", "password": "correct horse" })).await;
    assert_eq!(refused.error(), (500, "unexpected_failure".to_owned()));
    assert_eq!(project.count("select count(*) from auth.users").await, 1);
    let path = format!("/factors/{factor}/challenge");
    assert_eq!(project.ask("POST", &path, &token, json!({})).await.error(), (500, "unexpected_failure".to_owned()));
    assert_eq!(project.count("select count(*) from auth.mfa_challenges").await, 0);
    assert_eq!(project.count("select count(*) from auth.mfa_factors where last_challenged_at is null").await, 1);
    // A number that was not told its code is not the user's to be.
    let changed = project.ask("PUT", "/user", &token, json!({ "phone": "15550102" })).await;
    assert_eq!(changed.error(), (500, "unexpected_failure".to_owned()));
    assert_eq!(project.count("select count(*) from auth.users where phone_change = '' and phone_change_token = ''").await, 1);
}
