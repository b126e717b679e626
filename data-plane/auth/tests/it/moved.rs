//! Users of a Supabase project, whose dump was loaded as its owner loads it: they keep passwords, sessions and second factors.

#![expect(clippy::unwrap_used, reason = "a failure here is the test's failure")]

use serde_json::{Value, json};

use crate::{
    mfa::{claims, code},
    support::{Answer, Project, project, text},
};

const DUMP: &str = include_str!("../../schema/tests/it/dump.sql");

const ANNA: &str = "0b2c7a52-35a3-4a52-9d6d-0a1f4f3a6c01";
const HER_FACTOR: &str = "f0e1d2c3-aaaa-4bbb-8ccc-ddddeeeeffff";

async fn moved(before: &str) -> Project {
    let project = project(|settings| settings.oauth_server.enabled = true).await;
    let psql = ["--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1"];
    project.database.program("postgres", "psql", &psql, &format!("{before}{DUMP}")).unwrap();
    project
}

async fn sign_in(project: &Project, email: &str, password: &str) -> Answer {
    project.post("/token?grant_type=password", json!({ "email": email, "password": password })).await
}

async fn refresh(project: &Project, token: &str) -> Answer {
    project.post("/token?grant_type=refresh_token", json!({ "refresh_token": token })).await
}

fn token(session: &Value) -> String {
    text(session, "/access_token")
}

/// bcrypt, Firebase's scrypt, argon2; the address of old as it was typed, no identities, and nothing in the tokens' columns.
#[tokio::test]
async fn passwords_stay_good_whoever_has_hashed_them() {
    let project = moved("SET session_replication_role = replica;\n").await;
    for (email, password) in
        [("anna@example.com", "U*U"), ("cleo@example.com", "user1password"), ("dora@example.com", "password")]
    {
        assert_eq!(sign_in(&project, email, &format!("{password}!")).await.error(), (400, "invalid_credentials".to_owned()));
        // Twice: the first time, what is not bcrypt is hashed anew.
        for _ in 0..2 {
            let session = sign_in(&project, email, password).await.ok();
            assert_eq!(text(&session, "/user/email").to_lowercase(), email);
            project.get("/user", &token(&session)).await.ok();
        }
    }
    let hashes = "select count(*) from auth.users where encrypted_password like '$2a$%'";
    assert_eq!(project.count(hashes).await, 3);
}

#[tokio::test]
async fn sessions_go_on_with_the_tokens_that_programs_hold() {
    let project = moved("").await;
    let session = refresh(&project, "pw7z2k4n9c5d").await.ok();
    let claims = claims(&session);
    assert_eq!((claims["sub"].as_str(), claims["aal"].as_str()), (Some(ANNA), Some("aal1")));
    assert_eq!(claims["session_id"], "a1d0c9b8-1111-4222-8333-444455557777");
    refresh(&project, &text(&session, "/refresh_token")).await.ok();
    // A client's, which only it may use; and one that was used before the dump.
    assert_eq!(refresh(&project, "mm8tq1r4s6ab").await.status, 400);
    assert_eq!(refresh(&project, "kq3jv5w2x7yz").await.status, 400);
    // A second factor of then.
    let token = token(&session);
    let challenge = project.ask("POST", &format!("/factors/{HER_FACTOR}/challenge"), &token, json!({})).await.ok();
    let answer = json!({ "challenge_id": challenge["id"], "code": code("JBSWY3DPEHPK3PXP", 0) });
    let verified = project.ask("POST", &format!("/factors/{HER_FACTOR}/verify"), &token, answer).await.ok();
    assert_eq!(super::mfa::claims(&verified)["aal"], "aal2");
}

/// What `/admin/users` and the directory show of them can be read, whatever is null.
#[tokio::test]
async fn administrators_see_them_all() {
    let project = moved("").await;
    let admin = crate::support::service_role();
    let listed = project.get("/admin/users", &admin).await.ok();
    assert_eq!(listed["users"].as_array().unwrap().len(), 5);
    for user in listed["users"].as_array().unwrap() {
        let one = project.get(&format!("/admin/users/{}", text(user, "/id")), &admin).await.ok();
        assert_eq!(one["id"], user["id"]);
        assert!(one["identities"].is_array() && one["app_metadata"].is_object() && one["user_metadata"].is_object(), "{one}");
    }
    project.get("/_admin/users", &admin).await.ok();
    assert_eq!(project.get("/admin/oauth/clients", &admin).await.ok()["clients"].as_array().unwrap().len(), 1);
    assert_eq!(project.get("/admin/custom-providers", &admin).await.status, 200);
    project.get("/admin/audit", &admin).await.ok();
}
