//! Refresh tokens of version 2, and how sessions come to have them.

#![expect(clippy::unwrap_used, reason = "a failure here is the test's failure")]

use std::time::Duration;

use auth::{
    mfa::{RefreshKey, SignedRefreshToken},
    settings::{RefreshTokens, Settings},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::{Answer, Project, project, text};

fn signed(settings: &mut Settings) {
    settings.mailer.autoconfirm = true;
    settings.security.refresh_tokens = RefreshTokens::Signed;
}

fn stored(settings: &mut Settings) {
    settings.mailer.autoconfirm = true;
}

fn going_over(settings: &mut Settings) {
    signed(settings);
    settings.security.refresh_token_upgrade_percentage = 100;
}

fn token(session: &Value) -> String {
    text(session, "/refresh_token")
}

async fn refresh(project: &Project, token: &str) -> Answer {
    project.post("/token?grant_type=refresh_token", json!({ "refresh_token": token })).await
}

async fn refused(project: &Project, token: &str, code: &str) {
    assert_eq!(refresh(project, token).await.error(), (400, code.to_owned()));
}

/// Refreshes, and answers the next refresh token.
async fn next(project: &Project, token_of: &str) -> String {
    token(&refresh(project, token_of).await.ok())
}

fn number(token: &str) -> i64 {
    SignedRefreshToken::parse(token).unwrap().number
}

const ROWS: &str = "select count(*) from auth.refresh_tokens";
const SESSIONS: &str = "select count(*) from auth.sessions";

#[tokio::test]
async fn signed_tokens_are_good_once_and_leave_no_rows() {
    let project = project(signed).await;
    let session = project.signed_up("ann@example.com").await;
    let first = token(&session);
    let second = next(&project, &first).await;
    assert_eq!((number(&first), number(&second)), (0, 1));
    // Its client may not have got the answer, whenever it asks again: the one that was given is given again.
    project.sql("update auth.sessions set refreshed_at = now() at time zone 'utc' - interval '1 hour'").await;
    assert_eq!(next(&project, &first).await, second);
    let third = next(&project, &second).await;
    assert_eq!(project.count(ROWS).await, 0);
    assert_eq!(project.count("select refresh_token_counter from auth.sessions").await, 2);
    // Older than that: somebody else has it, and nobody has the session any longer.
    refused(&project, &first, "refresh_token_already_used").await;
    assert_eq!(project.count(SESSIONS).await, 0);
    refused(&project, &third, "refresh_token_not_found").await;
    let gone = project.get("/user", &text(&session, "/access_token")).await;
    assert_eq!(gone.error(), (403, "session_not_found".to_owned()));
}

#[tokio::test]
async fn many_refreshes_at_once_give_one_successor() {
    let project = project(signed).await;
    let first = token(&project.signed_up("ann@example.com").await);
    let all = futures::future::join_all((0..8).map(|_| next(&project, &first))).await;
    assert!(all.iter().all(|next| *next == all[0] && number(next) == 1), "{all:?}");
}

#[tokio::test]
async fn older_tokens_are_taken_for_as_long_as_the_project_says() {
    let project = project(|settings| {
        signed(settings);
        settings.security.refresh_token_reuse_interval = Duration::from_mins(1);
    })
    .await;
    let first = token(&project.signed_up("ann@example.com").await);
    let second = next(&project, &first).await;
    let third = next(&project, &second).await;
    assert_eq!(next(&project, &first).await, third);
    // That was no use: the interval goes on from the last one.
    project.sql("update auth.sessions set refreshed_at = refreshed_at - interval '50 s'").await;
    let used = project.count("select extract(epoch from refreshed_at)::bigint from auth.sessions").await;
    assert_eq!(next(&project, &first).await, third);
    assert_eq!(project.count("select extract(epoch from refreshed_at)::bigint from auth.sessions").await, used);
    project.sql("update auth.sessions set refreshed_at = refreshed_at - interval '11 s'").await;
    let project = project.restarted(|settings| {
        signed(settings);
        settings.security.refresh_token_allow_reuse = true;
    });
    assert_eq!(next(&project, &first).await, third, "always, where the project wants it so");
    // Without rotation the session stays, as with stored tokens.
    let project = project.restarted(|settings| {
        signed(settings);
        settings.security.refresh_token_rotation_enabled = false;
    });
    refused(&project, &first, "refresh_token_already_used").await;
    next(&project, &third).await;
    let project = project.restarted(signed);
    refused(&project, &first, "refresh_token_already_used").await;
    assert_eq!(project.count(SESSIONS).await, 0);
}

#[tokio::test]
async fn nobody_makes_up_a_token() {
    let project = project(signed).await;
    let (ann, ben) = (project.signed_up("ann@example.com").await, project.signed_up("ben@example.com").await);
    let (ann, ben) = (token(&ann), token(&ben));
    let bytes = |token: &str| URL_SAFE_NO_PAD.decode(token).unwrap();
    let with = |token: &str, at: std::ops::Range<usize>, from: &[u8]| {
        let mut bytes = bytes(token);
        bytes[at].copy_from_slice(from);
        URL_SAFE_NO_PAD.encode(bytes)
    };
    let session = SignedRefreshToken::parse(&ann).unwrap().session_id;
    let forged = [
        // Ben's, for Ann's session, or with Ann's signature.
        with(&ben, 1..17, session.as_bytes()),
        with(&ben, 25..57, &bytes(&ann)[25..]),
        // Another number.
        with(&ann, 17..25, &1_i64.to_be_bytes()),
        with(&ann, 17..25, &(-1_i64).to_be_bytes()),
        // Another key, and no such session.
        RefreshKey::generate().token(session, 0),
        RefreshKey::generate().token(Uuid::new_v4(), 0),
        with(&ann, 0..1, &[1]),
    ];
    for token in forged {
        refused(&project, &token, "refresh_token_not_found").await;
    }
    // A number that the session has not come to, well signed: of a database that was restored.
    let key = "select refresh_token_hmac_key from auth.sessions where id = $1";
    let client = project.database.connect("supabase_auth_admin").await;
    let key: String = client.query_one(key, &[&session]).await.unwrap().get(0);
    let key = RefreshKey::from_base64(&key).unwrap();
    assert_eq!(key.token(session, 0), ann);
    refused(&project, &key.token(session, 2), "refresh_token_not_found").await;
    // None of that has ended anything.
    next(&project, &ann).await;
    next(&project, &ben).await;
}

#[tokio::test]
async fn a_session_goes_over_at_a_refresh_and_its_client_may_ask_again() {
    let project = project(stored).await;
    let first = token(&project.signed_up("ann@example.com").await);
    let second = next(&project, &first).await;
    // Not before the project says so, though new ones have them.
    let project = project.restarted(signed);
    let third = next(&project, &second).await;
    assert!(SignedRefreshToken::parse(&third).is_none());
    let project = project.restarted(going_over);
    let both = tokio::join!(next(&project, &third), next(&project, &third));
    assert_eq!((&both.0, number(&both.0)), (&both.1, 0));
    assert_eq!(project.count("select count(*) from auth.refresh_tokens where not revoked").await, 0);
    assert_eq!(next(&project, &third).await, both.0, "the answer may have been lost");
    // And on, without rows; also where new sessions have stored ones again.
    let project = project.restarted(stored);
    let fifth = next(&project, &both.0).await;
    assert_eq!((number(&fifth), project.count(ROWS).await), (1, 3));
    assert!(SignedRefreshToken::parse(&token(&project.signed_up("ben@example.com").await)).is_none());
    // One from before it went over has been replaced twice by now.
    refused(&project, &third, "refresh_token_already_used").await;
    refused(&project, &fifth, "refresh_token_not_found").await;
    assert_eq!(project.count(SESSIONS).await, 1);
}

#[tokio::test]
async fn limits_and_logout_hold_for_signed_tokens_too() {
    let project = project(|settings| {
        signed(settings);
        settings.sessions.inactivity_timeout = Some(Duration::from_mins(10));
    })
    .await;
    let session = project.signed_up("ann@example.com").await;
    project.sql("update auth.sessions set created_at = now() - interval '20 minutes'").await;
    refused(&project, &token(&session), "session_expired").await;
    project.sql("update auth.sessions set created_at = now()").await;
    next(&project, &token(&session)).await;
    assert_eq!(project.ask("POST", "/logout", &text(&session, "/access_token"), Value::Null).await.status, 204);
    refused(&project, &token(&session), "refresh_token_not_found").await;
}

#[tokio::test]
async fn keys_of_refresh_tokens_are_sealed_and_rotated() {
    let with_keys = |ids: &'static [&'static str]| {
        move |settings: &mut Settings| {
            signed(settings);
            for id in ids {
                let key = URL_SAFE_NO_PAD.encode([id.as_bytes()[0]; 32]);
                settings.security.db_encryption.keys.insert((*id).to_owned(), key.into());
                settings.security.db_encryption.encrypt_with = Some((*id).to_owned());
            }
        }
    };
    let sealed_with = async |project: &Project, id: &str| {
        let sql = format!("select count(*) from auth.sessions where refresh_token_hmac_key::json ->> 'key_id' = '{id}'");
        assert_eq!(project.count(&sql).await, 1);
    };
    let project = project(with_keys(&["old"])).await;
    let first = token(&project.signed_up("ann@example.com").await);
    sealed_with(&project, "old").await;
    let second = next(&project, &first).await;
    let project = project.restarted(with_keys(&["old", "new"]));
    next(&project, &second).await;
    sealed_with(&project, "new").await;
}
