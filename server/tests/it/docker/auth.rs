//! Auth in a container: what changes is in force at once and without a restart, and whatever begins again begins with it.

use serde_json::json;

use crate::{
    auth::{ask, expect_signed_by, rotate, somebody},
    support::{
        Backend, Installation,
        docker::{docker, part},
        eventually,
    },
};

const POOL: &str = "10.221.128.0/20";

#[tokio::test]
async fn settings_and_keys_reach_a_container_while_it_runs_and_the_next_one_when_it_begins() {
    let Some(installation) = Installation::docker(Backend::Sqlite, POOL).await else { return };
    let server = installation.start().await;
    let project_ref = server.create_live("told").await;
    let node = part(&project_ref, "node");
    let life = async || docker(&["inspect", "--format", "{{.Id}} {{.State.StartedAt}}", &node]).await;
    let before = life().await;

    let answer = ask(&server, &project_ref, "/signup", somebody("ada")).await.expect(200).json();
    assert!(answer.get("access_token").is_none(), "an address is to be confirmed by default");
    let key = rotate(&server, &project_ref).await;
    assert_eq!(life().await, before, "nothing was started again");

    // One that begins again is told before its address opens.
    docker(&["kill", &node]).await;
    eventually("another life of the container", async || (life().await != before).then_some(())).await;
    server.wait_for(&project_ref, "ACTIVE_HEALTHY").await;
    let publishable = server.key(&project_ref, "publishable").await;
    let rest = format!("/p/{project_ref}/rest/v1/");
    let answered = async || (server.get(&rest).header("apikey", &publishable).send().await.status == 200).then_some(());
    eventually("the address", answered).await;
    expect_signed_by(&server, &project_ref, "cy", &key).await;

    // A container that nobody can tell anything: the change is kept and, once it can be, in force. Where the pause was seen
    // before, the address is closed already, and nobody has to be told yet.
    docker(&["pause", &node]).await;
    let patch = server.request("PATCH", format!("/v1/projects/{project_ref}/config/auth"));
    let answer = patch.json(&json!({ "disable_signup": true })).send().await;
    let is_kept = answer.status == 503 && answer.message().contains("is kept");
    assert!(answer.status == 200 || is_kept, "{}", answer.text());
    let path = format!("/p/{project_ref}/auth/v1/signup");
    let refused = async || {
        let sign_up = server.post(&path).header("apikey", &publishable).json(&somebody("dee"));
        sign_up.send().await.text().contains("signup_disabled").then_some(())
    };
    eventually("the setting in force", refused).await;

    // The server's own next life.
    server.stop().await;
    let server = installation.start().await;
    server.wait_for(&project_ref, "ACTIVE_HEALTHY").await;
    let sign_up = server.post(&path).header("apikey", &publishable).json(&somebody("fay")).send().await;
    assert_eq!((sign_up.status, &sign_up.json()["error_code"]), (422, &json!("signup_disabled")));
    server.delete_all(&[project_ref]).await;
    server.stop().await;
    installation.expect_nothing_left().await;
}
