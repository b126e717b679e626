//! Another project as the third party whose tokens a project takes: real tokens, by keys that are fetched over HTTP.

use serde_json::json;

use crate::{
    auth::{ask, somebody, token},
    support::{Backend, Installation, Server, eventually},
};

const SQL: &str = "create table public.notes (body text);
    alter table public.notes enable row level security;
    create policy theirs on public.notes to authenticated using (auth.jwt() ->> 'iss' like 'http%/auth/v1');
    grant select on public.notes to authenticated, service_role; insert into public.notes values ('theirs');";

#[tokio::test]
async fn tokens_of_a_third_party_are_taken_as_long_as_it_is_trusted() {
    let installation = Installation::new(Backend::Sqlite).await.with("SUPACLOUD_PROJECT__ALLOWED_NETWORKS", "127.0.0.0/8");
    let server = installation.start().await;
    let (issuer, project_ref) = (server.create_live("issuer").await, server.create_live("takes").await);
    let config = format!("/v1/projects/{issuer}/config/auth");
    server.request("PATCH", &config).json(&json!({ "mailer_autoconfirm": true })).send().await.expect(200);
    let key = json!({ "algorithm": "ES256", "status": "in_use" });
    server.post(format!("{config}/signing-keys")).json(&key).send().await.expect(201);
    let token = token(&ask(&server, &issuer, "/signup", somebody("ann")).await.expect(200).json());
    let iss = server.find(&issuer).await.unwrap()["api_url"].as_str().unwrap().to_owned() + "/auth/v1";
    server.sql(&project_ref).await.batch_execute(SQL).await.unwrap();
    let seen = async || (server.rest(&project_ref, "notes").await.status == 200).then_some(());
    eventually("the table in REST", seen).await;

    let path = format!("/v1/projects/{project_ref}/config/auth/third-party-auth");
    assert_eq!(read(&server, &project_ref, &token).await, (401, 403));
    let jwks = format!("http://{}/p/{issuer}/auth/v1/.well-known/jwks.json", server.address());
    let elsewhere = json!({ "oidc_issuer_url": "https://id.example.com", "jwks_url": jwks });
    let wrong = server.post(&path).json(&elsewhere).send().await.expect(201).json();
    assert_eq!(read(&server, &project_ref, &token).await, (401, 403), "its keys, but another's name");
    let made = server.post(&path).json(&json!({ "oidc_issuer_url": iss, "jwks_url": jwks })).send().await.expect(201).json();
    // Auth has not signed her in, and knows no such user.
    assert_eq!(read(&server, &project_ref, &token).await, (200, 403));
    assert_eq!(server.get(&path).send().await.expect(200).json(), json!([wrong, made]));
    let one = |made: &serde_json::Value| format!("{path}/{}", made["id"].as_str().unwrap());
    assert_eq!(server.get(one(&made)).send().await.expect(200).json(), made);

    server.stop().await;
    let server = installation.start().await;
    server.wait_for(&project_ref, "ACTIVE_HEALTHY").await;
    assert_eq!(read(&server, &project_ref, &token).await, (200, 403), "after a restart, too");
    assert_eq!(server.request("DELETE", one(&made)).send().await.expect(200).json()["id"], made["id"]);
    assert_eq!(read(&server, &project_ref, &token).await, (401, 403), "at once");
    server.get(one(&made)).send().await.expect(404);

    for (body, word) in [
        (json!({}), "jwks_url"),
        (json!({ "jwks_url": "https://192.168.255.255/keys" }), "not reachable"),
        (json!({ "jwks_url": format!("http://{}/p/{issuer}/auth/v1/.well-known/nothing", server.address()) }), "404"),
        (json!({ "nonsense": 1 }), "nonsense"),
    ] {
        let refused = server.post(&path).json(&body).send().await.expect(400);
        assert!(refused.message().contains(word), "{}", refused.text());
    }
    server.delete_all(&[issuer, project_ref]).await;
    server.stop().await;
}

/// What REST and Auth say to a token.
async fn read(server: &Server, project_ref: &str, token: &str) -> (u16, u16) {
    let key = server.key(project_ref, "anon").await;
    let get = |path: &str| {
        let request = server.get(format!("/p/{project_ref}/{path}")).header("apikey", &key);
        request.header("authorization", format!("Bearer {token}")).send()
    };
    let rows = get("rest/v1/notes?select=body").await;
    if rows.status == 200 {
        assert_eq!(rows.json(), json!([{ "body": "theirs" }]));
    }
    (rows.status, get("auth/v1/user").await.status)
}
