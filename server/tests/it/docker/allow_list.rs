//! The allow-list of the proxy between the server in a container and the engine (compose.yaml): enough for everything that
//! the program does, and no more.

use std::{fs, path::Path};

use http::{Method, StatusCode};
use serde_json::{Value, json};
use tokio::process::Command;

use crate::support::{
    Backend, Installation, Server,
    docker::{Strangers, docker, network, node, part, things_of},
    eventually,
    socket_proxy::{AllowList, SocketProxy},
};

const POOL: &str = "10.221.112.0/20";
const MARK: i32 = 61;

/// What nobody needs here, by method, path and body.
fn refused() -> Vec<(Method, &'static str, Value)> {
    let (get, post, put, delete) = (Method::GET, Method::POST, Method::PUT, Method::DELETE);
    let binds = |binds: &str| json!({ "HostConfig": { "Binds": [binds] } });
    let mount = |mount: Value| json!({ "HostConfig": { "Mounts": [mount] } });
    let device = json!({ "DriverConfig": { "Options": { "type": "none", "o": "bind", "device": "/etc" } } });
    vec![
        // The whole file system of a container or an image, and ways to bring one out or in.
        (get.clone(), "/containers/x/export", json!(null)),
        (get.clone(), "/images/x/get", json!(null)),
        (get.clone(), "/images/get", json!(null)),
        (post.clone(), "/images/load", json!(null)),
        (post.clone(), "/images/x/push", json!(null)),
        (post.clone(), "/images/x/tag", json!(null)),
        (post.clone(), "/commit", json!(null)),
        // Into a container, past its process; and everything at once.
        (get.clone(), "/containers/x/attach/ws", json!(null)),
        (get.clone(), "/containers/x/top", json!(null)),
        (post.clone(), "/containers/x/kill", json!(null)),
        (post.clone(), "/containers/prune", json!(null)),
        (post.clone(), "/images/prune", json!(null)),
        (post.clone(), "/volumes/prune", json!(null)),
        (post.clone(), "/networks/prune", json!(null)),
        (put.clone(), "/volumes/x", json!(null)),
        // What the engine itself has.
        (get.clone(), "/system/df", json!(null)),
        (post.clone(), "/auth", json!(null)),
        (post.clone(), "/session", json!(null)),
        (get.clone(), "/plugins", json!(null)),
        (post.clone(), "/plugins/pull", json!(null)),
        (get.clone(), "/swarm", json!(null)),
        (post.clone(), "/swarm/init", json!(null)),
        (get.clone(), "/secrets", json!(null)),
        (get.clone(), "/configs", json!(null)),
        (get.clone(), "/nodes", json!(null)),
        (post.clone(), "/services/create", json!(null)),
        // What is allowed, with more before or after it, or by another method.
        (get.clone(), "/containers/json/x", json!(null)),
        (get.clone(), "/x/containers/json", json!(null)),
        (get.clone(), "/v2.0/containers/json", json!(null)),
        (get.clone(), "/containers/x%2fexport", json!(null)),
        (get.clone(), "/containers/../swarm/json", json!(null)),
        (get, "/images/x/../swarm/json", json!(null)),
        (delete.clone(), "/images/../secrets/x", json!(null)),
        (delete, "/containers/x/y", json!(null)),
        (Method::PATCH, "/containers/x", json!(null)),
        (Method::OPTIONS, "/version", json!(null)),
        // A folder of the machine in a container, in each of the ways to say so.
        (post.clone(), "/containers/create", binds("/:/host")),
        (post.clone(), "/containers/create", binds("/nowhere/../etc:/host:ro")),
        (post.clone(), "/containers/create", binds("/var/run/docker.sock:/s")),
        (post.clone(), "/containers/create", mount(json!({ "Type": "bind", "Source": "/etc", "Target": "/host" }))),
        (post.clone(), "/containers/create", mount(json!({ "Type": "volume", "VolumeOptions": device }))),
        (post, "/containers/x/update", binds("/etc:/host")),
    ]
}

#[test]
fn what_nobody_needs_is_refused() {
    let list = AllowList::of_compose_file();
    for (method, path, body) in refused() {
        for path in [path.to_owned(), format!("/v1.41{path}")] {
            let refusal = list.refuses(&method, &path, body.to_string().as_bytes());
            assert!(refusal.is_some(), "{method} {path} {body} is let through");
        }
    }
    // A named volume is what projects have.
    let volume = json!({ "HostConfig": { "Mounts": [{ "Type": "volume", "Source": "database", "Target": "/data" }] } });
    assert_eq!(list.refuses(&Method::POST, "/v1.41/containers/create", volume.to_string().as_bytes()), None);
    assert!(list.refuses(&Method::POST, "/containers/create", volume.to_string().as_bytes()).is_some(), "has no version");
    assert_eq!(list.refuses(&Method::PATCH, "/version", b"").map(|(status, _)| status), Some(StatusCode::METHOD_NOT_ALLOWED));
}

#[tokio::test]
async fn the_program_needs_all_of_the_list_and_nothing_else() {
    let Some(mut installation) = Installation::docker(Backend::Sqlite, POOL).await else { return };
    let proxy = SocketProxy::start(AllowList::of_compose_file()).await;
    installation.set("DOCKER_HOST", proxy.host());
    // As in a container, which is in the projects' networks.
    installation.set("SUPACLOUD_PROVISIONER__DOCKER__REACH", "address");
    installation.set("SUPACLOUD_PROVISIONER__USAGE_INTERVAL_SECONDS", "1");
    installation.set("SUPACLOUD_PROVISIONER__DOCKER__NODE_IMAGE", "localhost:1/supacloud-it/none:1");
    let server = installation.start().await;
    let pulled = server.create("no registry").await;
    assert_eq!(server.settled(&pulled).await.as_deref(), Some("INIT_FAILED"));
    server.delete_all(&[pulled]).await;
    server.stop().await;

    // Two versions of the program, such as no run before has built: each is built, and the first one's image is tried to be
    // removed.
    installation.set("SUPACLOUD_PROVISIONER__DOCKER__NODE_IMAGE", "");
    let version = |number: u8| {
        let path = installation.folder().join(format!("node-{number}"));
        let program = fs::read(node()).unwrap();
        fs::write(&path, [&program[..], &rand::random::<[u8; 16]>()].concat()).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let [first, second] = [version(1), version(2)];
    installation.set("SUPACLOUD_PROVISIONER__DOCKER__NODE", &first);
    let server = installation.start().await;
    let project_ref = server.create_marked("whole life", MARK).await;
    for (verb, status) in [("pause", "INACTIVE"), ("restore", "ACTIVE_HEALTHY"), ("restart", "ACTIVE_HEALTHY")] {
        server.change(&project_ref, verb).send().await.expect_empty();
        server.wait_for(&project_ref, status).await;
    }
    resize(&server, &project_ref).await;
    let health = server.get(format!("/v1/projects/{project_ref}/health?services=db,rest")).send().await.expect(200).json();
    assert!(health.as_array().unwrap().iter().all(|service| service["healthy"] == true), "{health}");
    for damage in ["pause P", "rename P P-away", "network disconnect NET P", "kill P", "rm --force P", "update --cpus 0.1 P"] {
        heal(&server, &project_ref, damage).await;
    }
    server.stop().await;
    installation.set("SUPACLOUD_PROVISIONER__DOCKER__NODE", &second);
    let server = installation.start().await;
    server.answers_again(&project_ref, MARK).await;
    server.wait_for(&project_ref, "ACTIVE_HEALTHY").await;
    // A project that nobody knows, and somebody else in the network of one.
    let mut strangers = Strangers::default();
    let orphan = "zyxwvutsrqponmlkjihg";
    strangers.make_project(orphan, &installation.labels(orphan, "postgres")).await;
    eventually("the end of a project that nobody knows", async || things_of(orphan).await.is_empty().then_some(())).await;
    strangers.run("supacloud-it-guest", &[format!("--network={}", network(&project_ref))]).await;
    // Out of it into a file, and back.
    let file = installation.export(&server, &project_ref, "moved").await;
    server.delete_all(std::slice::from_ref(&project_ref)).await;
    installation.import(&server, &file, &[]).await;
    server.expect_mark(&project_ref, MARK).await;
    server.delete_all(&[project_ref]).await;
    server.stop().await;
    installation.expect_nothing_left().await;
    let ours = ["image", "ls", "--quiet", "--filter", "reference=supacloud/node", "--filter", &installation.filter().unwrap()];
    for image in docker(&ours).await.lines() {
        docker(&["image", "rm", image]).await;
    }

    assert_eq!(proxy.refused(), Vec::<String>::new(), "the list lacks something");
    assert_eq!(proxy.list().unused(), Vec::<&str>::new(), "the list has more than the program needs");
}

async fn resize(server: &Server, project_ref: &str) {
    let small = json!({ "addon_type": "compute_instance", "addon_variant": "ci_small" });
    let addons = format!("/v1/projects/{project_ref}/billing/addons");
    server.request("PATCH", &addons).json(&small).send().await.expect_empty();
    server.events(project_ref).await.unwrap().until(|event| event.kind == "resized").await;
}

/// What somebody does by hand is put right: `P` stands for the database's container, `NET` for the network.
async fn heal(server: &Server, project_ref: &str, damage: &str) {
    let mut events = server.events_from_now(project_ref).await;
    let (container, network) = (part(project_ref, "postgres"), network(project_ref));
    let words: Vec<String> = damage
        .split(' ')
        .map(|word| match word {
            "P" => container.clone(),
            "P-away" => format!("{container}-away"),
            "NET" => network.clone(),
            word => word.to_owned(),
        })
        .collect();
    docker(&words.iter().map(String::as_str).collect::<Vec<_>>()).await;
    events.until(|event| event.kind == "database_exited").await;
    server.answers_again(project_ref, MARK).await;
    server.wait_for(project_ref, "ACTIVE_HEALTHY").await;
}

/// Compose's own parser has nothing against the file, whether it is set up or not.
#[tokio::test]
async fn the_compose_file_is_understood() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    for settings in [&[][..], &[("SUPACLOUD_DOMAIN", "example.com"), ("SUPACLOUD_CERTIFICATES", "?resolver=letsencrypt")]] {
        let mut command = Command::new("docker-compose");
        command.args(["--file", "compose.yaml", "config", "--quiet"]).current_dir(&folder).envs(settings.iter().copied());
        let Ok(checked) = command.output().await else {
            assert!(std::env::var_os("CI").is_none(), "CI needs docker-compose; `./setup.sh test` installs it");
            eprintln!("SKIPPED: there is no docker-compose; `./setup.sh test` installs it");
            return;
        };
        let said = String::from_utf8_lossy(&checked.stderr).into_owned();
        assert!(checked.status.success() && said.is_empty(), "{said}");
    }
}
