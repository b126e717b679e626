//! A project's life as containers: the same as with the local driver, with nothing told to the engine that is nobody's
//! business, and nothing left of it.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::support::{
    Backend, DB_PASS, Installation, Server,
    docker::{SERVICES, docker, inspect, network, part, things_of},
    eventually,
};

const POOL: &str = "10.221.0.0/20";
const MIB: u64 = 1 << 20;

#[tokio::test]
async fn a_life_is_the_same_as_with_the_local_driver() {
    let Some(installation) = Installation::docker(Backend::Sqlite, POOL).await else { return };
    let server = installation.start().await;
    let (project_ref, events) = live(&server).await;
    assert_eq!(things_of(&project_ref).await, Vec::<String>::new());
    server.stop().await;
    installation.expect_nothing_left().await;

    let local = Installation::new(Backend::Sqlite).await;
    let server = local.start().await;
    assert_eq!(events, live(&server).await.1);
    server.stop().await;
}

/// Everything that can be asked of a project, one after the other; answers what it told of itself.
async fn live(server: &Server) -> (String, Vec<String>) {
    let project_ref = server.create("life").await;
    let mut stream = server.events(&project_ref).await.unwrap();
    let mut seen = stream.until(|event| event.is_state("running")).await;
    server.wait_for(&project_ref, "ACTIVE_HEALTHY").await;
    server.mark(&project_ref, 1).await;
    assert_eq!(server.rest_by_host(&project_ref).await.expect(200).json(), json!([{ "mark": 1 }]));
    for (verb, state, status) in
        [("pause", "paused", "INACTIVE"), ("restore", "running", "ACTIVE_HEALTHY"), ("restart", "running", "ACTIVE_HEALTHY")]
    {
        server.change(&project_ref, verb).send().await.expect_empty();
        seen.extend(stream.until(|event| event.is_state(state)).await);
        server.wait_for(&project_ref, status).await;
        if state == "running" {
            assert_eq!(server.rest_by_host(&project_ref).await.expect(200).json(), json!([{ "mark": 1 }]));
        } else {
            server.rest_by_host(&project_ref).await.expect(503);
        }
    }
    server.delete(&project_ref).send().await.expect(200);
    // What the steps tell goes with the rows; of a quick deletion a stream may come too late for it.
    let mut last = None;
    while let Some(event) = stream.next().await.unwrap() {
        last = Some(event);
    }
    seen.extend(last);
    server.wait_until_gone(&project_ref).await;
    // What a step says on its way is the driver's own affair.
    let told = seen.iter().filter(|event| event.kind != "step_progress").map(|event| {
        let about = [&event.data["state"], &event.data["step"]].map(|value| value.as_str().unwrap_or_default());
        format!("{} {}", event.kind, about.concat())
    });
    (project_ref, told.collect())
}

#[tokio::test]
async fn the_engine_knows_a_projects_labels_and_limits_and_none_of_its_secrets() {
    let Some(installation) = Installation::docker(Backend::Sqlite, POOL).await else { return };
    let server = installation.start().await;
    let project_ref = server.create_marked("inspected", 2).await;
    let before = inspect_all(&project_ref).await;
    expect_no_secret(&installation, &server, &project_ref, &before).await;
    for thing in &before {
        let labels = if thing["Config"].is_object() { &thing["Config"]["Labels"] } else { &thing["Labels"] };
        let component = labels["supacloud.component"].as_str().unwrap();
        for label in installation.labels(&project_ref, component) {
            let (key, value) = label.split_once('=').unwrap();
            assert_eq!(labels[key], value, "{thing:#}");
        }
    }
    expect_own_volumes_only(&project_ref).await;

    let lives = lives(&project_ref).await;
    expect_memory(&project_ref, 512).await;
    let (addons, small) = (
        format!("/v1/projects/{project_ref}/billing/addons"),
        json!({ "addon_type": "compute_instance", "addon_variant": "ci_small" }),
    );
    server.request("PATCH", &addons).json(&small).send().await.expect_empty();
    eventually("the limits of a small project", async || (memory(&project_ref).await == 2048 * MIB).then_some(())).await;
    expect_memory(&project_ref, 2048).await;
    server.wait_for(&project_ref, "ACTIVE_HEALTHY").await;
    assert_eq!(self::lives(&project_ref).await, lives, "nothing was started again");
    server.expect_mark(&project_ref, 2).await;
    let selected = server.get(addons).send().await.expect(200).json();
    assert_eq!(selected["selected_addons"][0]["variant"]["id"], "ci_small");
    let told = server.events_so_far(&project_ref, None).await;
    assert!(told.iter().all(|event| event.kind != "database_exited"), "our own doing is no alarm: {told:#?}");

    server.delete_all(std::slice::from_ref(&project_ref)).await;
    assert_eq!(things_of(&project_ref).await, Vec::<String>::new());
    server.stop().await;
    installation.expect_nothing_left().await;
}

async fn inspect_all(project_ref: &str) -> Vec<Value> {
    let mut things =
        vec![inspect("network", &network(project_ref)).await, inspect("volume", &part(project_ref, "database")).await];
    for service in SERVICES {
        things.push(inspect("container", &part(project_ref, service)).await);
    }
    things
}

/// Neither what the engine tells of the project's things nor what they have logged has a secret in it.
async fn expect_no_secret(installation: &Installation, server: &Server, project_ref: &str, things: &[Value]) {
    let mut secrets = vec![("db_pass".to_owned(), DB_PASS.to_owned())];
    for which in ["anon", "service_role", "publishable", "secret"] {
        secrets.push((which.to_owned(), server.key(project_ref, which).await));
    }
    let node = part(project_ref, "node");
    let files = docker(&["exec", &node, "ls", "/run/secrets"]).await;
    for file in files.lines() {
        secrets.push((file.to_owned(), docker(&["exec", &node, "cat", &format!("/run/secrets/{file}")]).await));
    }
    assert!(files.contains("jwt_secret") && files.contains("authenticator_password"), "{files}");
    let key = std::fs::read_to_string(installation.data_dir().join("master.key")).unwrap();
    secrets.push(("master key".to_owned(), key.trim().to_owned()));
    let mut told: Vec<String> = things.iter().map(Value::to_string).collect();
    for service in SERVICES {
        told.push(docker(&["logs", &part(project_ref, service)]).await);
        told.push(docker(&["diff", &part(project_ref, service)]).await);
    }
    for (name, secret) in &secrets {
        assert!(secret.len() >= 16, "{name} is no secret: {secret:?}");
        for text in &told {
            assert!(!text.contains(secret.as_str()), "{name} is in {text}");
        }
    }
}

/// No anonymous volume, which nobody would remove.
async fn expect_own_volumes_only(project_ref: &str) {
    for service in SERVICES {
        let container = inspect("container", &part(project_ref, service)).await;
        let mounts = container["Mounts"].as_array().unwrap().iter();
        let volumes: BTreeSet<_> =
            mounts.filter(|mount| mount["Type"] == "volume").map(|mount| mount["Name"].as_str().unwrap()).collect();
        let is_named = |name: &&str| *name == part(project_ref, "database") || name.contains("-tools-");
        assert!(volumes.iter().all(is_named), "{volumes:?}");
        assert!(container["Mounts"].as_array().unwrap().iter().all(|mount| mount["Type"] != "bind"), "{container:#}");
    }
}

async fn lives(project_ref: &str) -> Vec<String> {
    let mut lives = Vec::new();
    for service in SERVICES {
        lives.push(
            docker(&["inspect", "--format", "{{.Id}} {{.State.StartedAt}} {{.RestartCount}}", &part(project_ref, service)]).await,
        );
    }
    lives
}

/// Memory that the project's containers may use together, in bytes.
async fn memory(project_ref: &str) -> u64 {
    let mut sum = 0;
    for service in SERVICES {
        sum += inspect("container", &part(project_ref, service)).await["HostConfig"]["Memory"].as_u64().unwrap();
    }
    sum
}

/// The limits are those of a size with so much memory, and the kernel's are the same.
async fn expect_memory(project_ref: &str, mib: u64) {
    assert_eq!(memory(project_ref).await, mib * MIB);
    for service in SERVICES {
        let host = inspect("container", &part(project_ref, service)).await["HostConfig"].take();
        let limit = host["Memory"].as_u64().unwrap();
        assert!(
            host["MemorySwap"].as_u64() == Some(limit)
                && host["NanoCpus"].as_u64() > Some(0)
                && host["PidsLimit"].as_u64() > Some(0)
        );
        let words = ["sh", "-c", "cat /sys/fs/cgroup/memory.max 2>/dev/null || cat /sys/fs/cgroup/memory/memory.limit_in_bytes"];
        let in_force = docker(&[&["exec", &part(project_ref, service)][..], &words].concat()).await;
        assert_eq!(in_force, limit.to_string(), "{service}");
    }
}
