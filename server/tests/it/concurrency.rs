//! Many at once: creates, clients of one project's lifecycle, and repeats of one request.

use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use serde_json::json;
use tokio::{sync::Mutex, task::JoinSet};

use crate::support::{Backend, Installation, Server, http::Response};

const CLIENTS: u64 = 20;
const HAMMERING: Duration = Duration::from_secs(5);

#[tokio::test]
async fn fifty_creates_at_once_all_become_live() {
    create_at_once(Backend::Sqlite, 50).await;
}

#[tokio::test]
async fn twenty_creates_at_once_all_become_live_on_postgres() {
    // Only the store differs.
    create_at_once(Backend::Postgres, 20).await;
}

/// More at once are too many for a small machine.
static ALONE: Mutex<()> = Mutex::const_new(());

async fn create_at_once(backend: Backend, count: usize) {
    let _alone = ALONE.lock().await;
    let installation = Installation::new(backend).await;
    let server = installation.start().await;
    let began = Instant::now();
    let mut creates = JoinSet::new();
    for index in 0..count {
        let request = server.post("/v1/projects").json(&json!({ "name": format!("one of many {index}") }));
        creates.spawn(async move { request.send().await.expect(201).json()["ref"].as_str().unwrap().to_owned() });
    }
    let projects = creates.join_all().await;
    for project_ref in &projects {
        server.wait_for(project_ref, "ACTIVE_HEALTHY").await;
        server.rest(project_ref, "").await.expect(200);
    }
    eprintln!("{count} projects live after {:?}", began.elapsed());
    let ports: BTreeSet<_> = projects.iter().map(|project_ref| server.postmaster(project_ref).port).collect();
    assert_eq!(ports.len(), count, "ports never clash");
    server.delete_all(&projects).await;
    server.stop().await;
    installation.expect_nothing_left().await;
}

#[tokio::test]
async fn twenty_clients_on_one_project_never_break_it() {
    for backend in [Backend::Sqlite, Backend::Postgres] {
        let installation = Installation::new(backend).await;
        let server = installation.start().await;
        let project_ref = server.create_live("hammered").await;
        server.mark(&project_ref, 1).await;
        let mut clients = JoinSet::new();
        let until = Instant::now() + HAMMERING;
        for client in 0..CLIENTS {
            clients.spawn(hammer(server.post("/"), project_ref.clone(), client, until));
        }
        let answers: Vec<_> = clients.join_all().await.into_iter().flatten().collect();
        assert!(answers.contains(&200) && answers.contains(&409), "both kinds of answer are expected: {answers:?}");
        let status = server.settled(&project_ref).await;
        if status.as_deref() == Some("INACTIVE") {
            server.change(&project_ref, "restore").send().await.expect_empty();
        }
        server.wait_for(&project_ref, "ACTIVE_HEALTHY").await;
        server.expect_mark(&project_ref, 1).await;
        server.delete_all(&[project_ref]).await;
        server.stop().await;
        installation.expect_nothing_left().await;
    }
}

/// Asks for one change after another, whatever the answers; answers their statuses.
async fn hammer(template: crate::support::http::Request, project_ref: String, seed: u64, until: Instant) -> Vec<u16> {
    let mut random = StdRng::seed_from_u64(seed);
    let mut statuses = Vec::new();
    while Instant::now() < until {
        let verb = ["pause", "restore", "restart", "retry"][random.random_range(0..4)];
        let response = template.clone().to(format!("/v1/projects/{project_ref}/{verb}")).send().await;
        expect_taken_or_refused(&response);
        statuses.push(response.status);
    }
    statuses
}

/// 200 with nothing, or 409 with what is in the way: the running operation, or a state in which the request means nothing.
fn expect_taken_or_refused(response: &Response) {
    match response.status {
        200 => assert_eq!(response.text(), ""),
        409 => {
            let body = response.json();
            let message = body["message"].as_str().unwrap();
            let operation = &body["operation"];
            if message.contains("busy with another operation") {
                assert!(operation["kind"].is_string() && operation["step"].is_string(), "{body}");
            } else {
                let known = ["nothing to retry", "Resume it (restore) instead", "Try again in a moment"];
                assert!(known.iter().any(|known| message.contains(known)), "{body}");
            }
        }
        other => panic!("{other}: {}", response.text()),
    }
}

#[tokio::test]
async fn of_twenty_clients_who_delete_amid_changes_all_are_answered_and_nothing_is_left() {
    let installation = Installation::new(Backend::Sqlite).await;
    let server = installation.start().await;
    let project_ref = server.create_live("contested").await;
    let mut clients = JoinSet::new();
    for client in 0..CLIENTS {
        let verb = ["pause", "restart", "restore"][usize::try_from(client % 3).unwrap()];
        let change = server.change(&project_ref, verb);
        let delete = server.request("DELETE", format!("/v1/projects/{project_ref}"));
        clients.spawn(async move {
            let mut statuses = vec![change.send().await.status];
            // Until somebody's delete has been taken and done.
            while statuses.last() != Some(&404) {
                statuses.push(delete.clone().send().await.status);
            }
            statuses
        });
    }
    let answers: Vec<u16> = clients.join_all().await.into_iter().flatten().collect();
    assert!(answers.iter().all(|status| matches!(status, 200 | 404 | 409)), "{answers:?}");
    assert!(answers.contains(&200), "somebody's delete was taken");
    server.stop().await;
    installation.expect_nothing_left().await;
}

#[tokio::test]
async fn one_idempotency_key_makes_one_project() {
    for backend in [Backend::Sqlite, Backend::Postgres] {
        let installation = Installation::new(backend).await;
        let server = installation.start().await;
        let mut creates = JoinSet::new();
        for _ in 0..CLIENTS {
            let request = server.post("/v1/projects").header("idempotency-key", "the-same");
            let request = request.json(&json!({ "name": "once" }));
            creates.spawn(async move { request.send().await.expect(201).json()["ref"].as_str().unwrap().to_owned() });
        }
        let refs: BTreeSet<_> = creates.join_all().await.into_iter().collect();
        assert_eq!(refs.len(), 1, "{refs:?}");
        assert_eq!(count(&server).await, 1);
        let other = server.post("/v1/projects").header("idempotency-key", "the-same").json(&json!({ "name": "twice" }));
        assert!(other.send().await.expect(409).message().contains("Idempotency-Key"));
        assert_eq!(count(&server).await, 1);
        let project_ref = refs.into_iter().next().unwrap();
        server.wait_for(&project_ref, "ACTIVE_HEALTHY").await;
        server.delete_all(&[project_ref]).await;
        server.stop().await;
        installation.expect_nothing_left().await;
    }
}

async fn count(server: &Server) -> usize {
    server.get("/v1/projects").send().await.expect(200).json().as_array().unwrap().len()
}
