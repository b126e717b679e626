//! Random requests, valid and hostile, against a database that has something to hide. Whatever is asked: there is an answer, it
//! is in order, what is hidden stays hidden, and nothing but the rows that may be written has changed.
//!
//! `PROPTEST_CASES=20000` asks more. What failed once is asked again first: `proptest-regressions/random.txt`.

#![expect(clippy::unwrap_used, reason = "a failure here is the test's failure")]

mod known;
mod requests;

use std::{
    sync::{
        LazyLock,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use http::Request;
use http_body_util::BodyExt;
use proptest::{
    prelude::*,
    test_runner::{Config, FileFailurePersistence, TestCaseError, TestRunner},
};
use serde::de::IgnoredAny;
use serde_json::{Value, json};
use test_postgres::TestCluster;
use tower::ServiceExt;

use self::requests::Asked;
use crate::support::{Project, on, token};

/// In every text that nobody may read, and in no request.
const CANARY: &str = "qzCanaryqz";

const SCHEMA: &str = include_str!("random/schema.sql");

/// What may be written, as it is before each request.
const ROWS: &str = include_str!("random/rows.sql");

/// All that no request may change: hidden rows; objects of the database; roles and settings. Roles and their settings are the
/// cluster's, where other tests make their own.
const UNCHANGED: &str = include_str!("random/facts.sql");

/// Tokens that are good, and such as must not be.
static TOKENS: LazyLock<Vec<String>> = LazyLock::new(|| {
    let part = |json: Value| BASE64_URL_SAFE_NO_PAD.encode(json.to_string());
    let unsigned = |role: &str| format!("{}.{}.", part(json!({"alg": "none"})), part(json!({"role": role, "unlocked": "yes"})));
    let user = "11111111-1111-1111-1111-111111111111";
    let good = token(json!({"role": "authenticated", "sub": user}));
    let (head, signature) = (good.split_once('.').unwrap().0, good.rsplit_once('.').unwrap().1);
    let forged = format!("{head}.{}.{signature}", part(json!({"role": "postgres"})));
    let mut tokens = vec![good, token(json!({"role": "authenticated", "sub": user, "a": "';\"\\ $1"})), forged];
    tokens.push(token(json!({"role": "authenticated", "sub": "' or true--"})));
    tokens.push(token(json!({"role": "anon", "exp": 1})));
    tokens.push(token(json!({"sub": user, "role": ["authenticated"]})));
    for role in ["postgres", "supabase_admin", "authenticator", "nobody", "", "none", "anon\"; reset role; --", "service_role"] {
        tokens.extend([token(json!({"role": role})), unsigned(role)]);
    }
    tokens
});

/// What is documented to be a 5xx though the request is the cause: a row that is written twice by one statement, PostgreSQL's
/// limits and its time-outs.
fn may_be_our_fault(code: &str) -> bool {
    code == "21000" || code == "57014" || code.starts_with("54")
}

struct Fortress {
    project: Project,
    admin: tokio_postgres::Client,
    /// What [`UNCHANGED`] says at the begin.
    unchanged: String,
    succeeded: AtomicUsize,
}

impl Fortress {
    async fn build() -> Self {
        let database = TestCluster::shared().await.database().await;
        database.connect("postgres").await.batch_execute(&format!("{SCHEMA} {ROWS}")).await.unwrap();
        // A single connection, so that the next request is on the same one.
        let project = on(database, 1, project_context::IDLE_AFTER);
        let settings = [("db_schemas", "api"), ("db_plan_enabled", "true"), ("db_aggregates_enabled", "true")];
        project.set(&settings).await;
        project.set(&[("db_tx_end", "rollback-allow-override")]).await;
        let admin = project.database.connect("supabase_admin").await;
        let unchanged = admin.query_one(UNCHANGED, &[]).await.unwrap().get(0);
        Self { project, admin, unchanged, succeeded: AtomicUsize::new(0) }
    }

    /// Sends a request, and checks all there is to check.
    async fn stands(&self, asked: &Asked) -> Result<(), TestCaseError> {
        let Some(request) = asked.request() else { return Err(TestCaseError::reject("HTTP does not carry it")) };
        let is_head = asked.method == "HEAD";
        self.is_in_order(request, is_head).await?;
        self.is_clean().await?;
        if asked.headers.iter().any(|(name, value)| *name == "prefer" && value.contains("commit")) {
            prop_assert_eq!(&self.fingerprint().await, &self.unchanged);
            self.admin.batch_execute(ROWS).await.unwrap();
        }
        Ok(())
    }

    async fn is_in_order(&self, request: Request<axum::body::Body>, is_head: bool) -> Result<(), TestCaseError> {
        let answer = tokio::time::timeout(Duration::from_secs(20), self.project.router.clone().oneshot(request));
        let (parts, body) = answer.await.map_err(|_| TestCaseError::fail("no answer"))?.unwrap().into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        let text = String::from_utf8_lossy(&body);
        let shown = format!("{} {:?}\n{text}", parts.status, parts.headers);
        prop_assert!(!shown.contains(CANARY) && !shown.contains(&hex(CANARY)), "told a secret: {}", shown);
        if let Some(length) = parts.headers.get("content-length") {
            prop_assert!(is_head || length.to_str().ok() == Some(&body.len().to_string()), "{}", shown);
        }
        let status = parts.status.as_u16();
        let told = parts.headers.get("proxy-status").and_then(|told| told.to_str().ok()).unwrap_or_default();
        let code = told.strip_prefix("PostgREST; error=").unwrap_or_default();
        prop_assert!(status < 500 || may_be_our_fault(code), "{}", shown);
        if is_head {
            prop_assert!(body.is_empty(), "{}", shown);
            return Ok(());
        }
        let is_json = parts.headers.get("content-type").is_some_and(|of| of.as_bytes().starts_with(b"application/json"));
        if status >= 300 {
            let error: Value = serde_json::from_str(&text).map_err(|_| TestCaseError::fail(shown.clone()))?;
            let keys: Vec<&str> = error.as_object().into_iter().flatten().map(|(key, _)| key.as_str()).collect();
            prop_assert!(is_json && keys == ["code", "details", "hint", "message"], "{}", shown);
            prop_assert!(error["message"].is_string() && error["code"] == code, "{}", shown);
            return Ok(());
        }
        self.succeeded.fetch_add(1, Ordering::Relaxed);
        prop_assert!(!is_json || body.is_empty() || serde_json::from_slice::<IgnoredAny>(&body).is_ok(), "{}", shown);
        Ok(())
    }

    /// Nothing of a request is left in the connection.
    async fn is_clean(&self) -> Result<(), TestCaseError> {
        let sql = "select string_agg(state, ',') from pg_stat_activity
            where usename = 'authenticator' and datname = current_database() and query not like 'LISTEN%'";
        let state: Option<String> = self.admin.query_one(sql, &[]).await.unwrap().get(0);
        // None before the first request that needs the database.
        prop_assert!(matches!(state.as_deref(), None | Some("idle")), "{:?}", state);
        let answer = self.project.send("GET /rpc/who").await;
        let expected = json!({"user": "anon", "session": "authenticator", "claims": "{\"role\":\"anon\"}", "unlocked": null,
            "path": "\"api\", \"public\", \"extensions\"", "zone": "UTC", "inserted": null, "status": null});
        prop_assert_eq!((answer.status, answer.json()), (200, expected));
        Ok(())
    }

    async fn fingerprint(&self) -> String {
        self.admin.query_one(UNCHANGED, &[]).await.unwrap().get(0)
    }
}

fn hex(text: &str) -> String {
    text.bytes().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn whatever_is_asked_secrets_are_kept_and_answers_are_in_order() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let fortress = runtime.block_on(Fortress::build());
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/proptest-regressions/random.txt");
    let config = Config { failure_persistence: Some(Box::new(FileFailurePersistence::Direct(file))), ..Config::default() };
    let cases = config.cases as usize;
    let asked = requests::asked(TOKENS.as_slice());
    let result = TestRunner::new(config).run(&asked, |asked| runtime.block_on(fortress.stands(&asked)));
    if let Err(failure) = result {
        panic!("{failure}");
    }
    assert_eq!(runtime.block_on(fortress.fingerprint()), fortress.unchanged, "something was changed");
    // Otherwise it is refusals only that were looked at.
    let succeeded = fortress.succeeded.load(Ordering::Relaxed);
    assert!(succeeded * 20 > cases, "only {succeeded} of {cases} requests were good");
}

#[test]
fn a_secret_that_is_told_and_a_right_that_is_given_are_noticed() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let fortress = Fortress::build().await;
        let asked = Asked { method: "GET", target: "/vault".to_owned(), headers: Vec::new(), body: String::new() };
        assert!(fortress.stands(&asked).await.is_ok());
        assert_eq!(fortress.fingerprint().await, fortress.unchanged);
        fortress.admin.batch_execute("grant select on api.vault to anon").await.unwrap();
        assert!(fortress.stands(&asked).await.is_err());
        assert_ne!(fortress.fingerprint().await, fortress.unchanged);
    });
}
