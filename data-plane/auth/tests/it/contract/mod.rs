//! Every path of GoTrue's OpenAPI document is asked, and answers as it is written there.

#![expect(clippy::unwrap_used, reason = "a failure here is the test's failure")]

mod account;
mod administration;
mod document;
mod exceptions;
mod oauth;

use std::collections::BTreeSet;

use auth::settings::{Rate, Settings};
use axum::body::Body;
use http::Request;
use serde_json::{Map, Value, json};

use self::document::Document;
use crate::{
    openid::OpenId,
    support::{Answer, Project, project, service_role, text},
};

const NOBODY: &str = "00000000-0000-4000-8000-000000000000";

/// Sees each path of the document as somebody asks it.
struct Walk {
    project: Project,
    document: Document,
}

impl Walk {
    /// Asks with the older form of errors, which the document has. `name`: method and path with its placeholders; `at`: what stands
    /// in their places, and the query.
    async fn ask(&mut self, name: &str, at: &str, token: &str, body: Value) -> Answer {
        let (method, path) = name.split_once(' ').unwrap();
        let (places, query) = at.split_once('?').unwrap_or((at, ""));
        let mut places = places.split(' ').filter(|place| !place.is_empty());
        let path: Vec<_> =
            path.split('/').map(|part| if part.starts_with('{') { places.next().unwrap_or(NOBODY) } else { part }).collect();
        let mut request = Request::builder().method(method).uri(format!("{}?{query}", path.join("/")));
        if !token.is_empty() {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        let is_form = matches!(name, "POST /oauth/token" | "POST /callback");
        let (kind, text) = match &body {
            Value::Object(members) if is_form => ("application/x-www-form-urlencoded", form(members)),
            Value::Null => ("application/json", String::new()),
            Value::String(text) => ("application/json", text.clone()),
            other => ("application/json", other.to_string()),
        };
        let answer = self.project.send(request.header("content-type", kind).body(Body::from(text)).unwrap()).await;
        self.document.saw(name, query, &body, &answer);
        answer
    }

    /// As [`Walk::ask`], where that is good.
    async fn ok(&mut self, name: &str, at: &str, token: &str, body: Value) -> Value {
        let answer = self.ask(name, at, token, body).await;
        assert!(answer.status.is_success(), "{name}: {} {}", answer.status, answer.body);
        if answer.body.is_empty() { Value::Null } else { answer.json() }
    }

    async fn refused(&mut self, name: &str, at: &str, token: &str, body: Value, status: u16) {
        let answer = self.ask(name, at, token, body).await;
        assert_eq!(answer.status.as_u16(), status, "{name}: {}", answer.body);
    }

    /// Nobody, somebody who may not, and what can't be read.
    async fn refused_to_others(&mut self, name: &str, user: &str, body: bool) {
        self.refused(name, "", "", Value::Null, 401).await;
        self.refused(name, "", user, Value::Null, 403).await;
        if body {
            self.refused(name, "", &service_role(), json!("{"), 400).await;
        }
    }

    async fn code(&self, recipient: &str) -> Value {
        self.project.last_message(recipient).await.1
    }
}

fn form(members: &Map<String, Value>) -> String {
    let mut url = reqwest::Url::parse("http://form/").unwrap();
    url.query_pairs_mut().extend_pairs(members.iter().map(|(name, value)| (name, value.as_str().unwrap())));
    url.query().unwrap_or_default().to_owned()
}

#[tokio::test]
async fn every_path_answers_as_it_is_documented() {
    let provider = OpenId::start().await;
    // The document has an id of ours where a provider's own is.
    provider.user(json!({ "sub": "00000000-0000-4000-8000-0000000000c1", "email": "cat@example.com", "email_verified": true }));
    let project = project(|settings| {
        provider.configure(settings);
        settings.signup.phone = true;
        settings.security.manual_linking_enabled = true;
        settings.security.update_password_require_reauthentication = true;
        settings.mfa.phone.factor.enroll_enabled = true;
        settings.mfa.phone.factor.verify_enabled = true;
        settings.mfa.web_authn.enroll_enabled = true;
        settings.mfa.web_authn.verify_enabled = true;
        settings.mfa.challenge_and_verify = Rate { events: 100, over: std::time::Duration::from_mins(1) };
        settings.oauth_server.enabled = true;
        settings.oauth_server.allow_dynamic_registration = true;
        settings.oauth_server.authorization_path = "/consent".to_owned();
    })
    .await;
    let mut walk = Walk { project, document: Document::read() };
    walk.ok("GET /health", "", "", Value::Null).await;
    walk.ok("GET /settings", "", "", Value::Null).await;
    account::sign_up_and_in(&mut walk).await;
    let ann = account::signed_in(&mut walk).await;
    account::change(&mut walk, &ann).await;
    account::providers(&mut walk, &ann).await;
    administration::users(&mut walk, &ann).await;
    administration::providers(&mut walk, &ann).await;
    oauth::clients(&mut walk, &ann).await;
    oauth::codes(&mut walk, &ann).await;
    account::factors(&mut walk, &ann).await;
    let document = too_often(walk.document).await;

    let missing: BTreeSet<_> = document.documented.difference(&document.seen).cloned().collect();
    let excepted: BTreeSet<_> = exceptions::all().collect();
    let unknown: Vec<_> = missing.difference(&excepted).collect();
    let needless: Vec<_> = excepted.difference(&missing).collect();
    assert!(
        unknown.is_empty() && needless.is_empty(),
        "not reached: {unknown:#?}\nreached in spite of its reason: {needless:#?}"
    );
    let more: BTreeSet<_> = document.more.iter().map(|name| name.rsplit(' ').next().unwrap()).collect();
    let unknown: Vec<_> = more.iter().filter(|name| !exceptions::is_upstreams(name)).collect();
    assert!(unknown.is_empty(), "members that are not documented: {unknown:#?}");
}

/// Where nothing is allowed any longer.
async fn too_often(document: Document) -> Document {
    let project = project(|settings| settings.mailer.autoconfirm = true).await;
    let token = text(&project.signed_up("ann@example.com").await, "/access_token");
    let none = Rate::per_hour(0);
    let project = project.restarted(|settings: &mut Settings| {
        settings.rate_limits.header = Some("x-forwarded-for".to_owned());
        settings.rate_limits.token_refresh = none;
        settings.rate_limits.verify = none;
        settings.rate_limits.otp = none;
        settings.rate_limits.email_sent = none;
        settings.rate_limits.oauth_dynamic_client_register = none;
        settings.mfa.challenge_and_verify = none;
        settings.smtp.host = Some("127.0.0.1".to_owned());
        settings.oauth_server.enabled = true;
        settings.oauth_server.allow_dynamic_registration = true;
    });
    let mut walk = Walk { project, document };
    let email = json!({ "email": "bob@example.com" });
    for (name, at, token, body) in [
        ("POST /token", "?grant_type=password", "", email.clone()),
        ("POST /verify", "", "", json!({})),
        ("POST /signup", "", "", json!({ "email": "bob@example.com", "password": "correct horse" })),
        ("POST /recover", "", "", email.clone()),
        ("POST /resend", "", "", email.clone()),
        ("POST /magiclink", "", "", email.clone()),
        ("POST /otp", "", "", email.clone()),
        ("PUT /user", "", token.as_str(), email),
        ("POST /reauthenticate", "", token.as_str(), Value::Null),
        ("POST /factors/{factorId}/challenge", "", token.as_str(), json!({})),
        ("POST /factors/{factorId}/verify", "", token.as_str(), json!({})),
        ("POST /oauth/clients/register", "", "", json!({ "client_name": "x", "redirect_uris": ["https://a.test/"] })),
    ] {
        walk.refused(name, at, token, body, 429).await;
    }
    walk.document
}
