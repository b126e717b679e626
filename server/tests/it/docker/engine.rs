//! An engine that can't be reached, or begins again: projects wait for it and go on by themselves, and none is lost.

use std::{fs, path::Path, process::Stdio, time::Instant};

use rustix::process::Signal;

use crate::support::{
    Backend, Installation, Server,
    docker::{docker, is_running, list, part, try_docker},
    engine_proxy::EngineProxy,
    eventually, is_root, processes,
};

const POOL: &str = "10.221.48.0/20";
const MARK: i32 = 21;
/// Projects that the engine begins again under.
const MANY: usize = 10;

/// An installation whose way to the engine can be closed, and is.
async fn behind_a_proxy() -> Option<(Installation, EngineProxy)> {
    let mut installation = Installation::docker(Backend::Sqlite, POOL).await?;
    let proxy = EngineProxy::below(installation.folder())?;
    installation.set("DOCKER_HOST", &proxy.host());
    Some((installation, proxy))
}

/// The project says, at this step, that the engine is away.
async fn says_that_it_is_away(server: &Server, project_ref: &str, step: &str, proxy: &EngineProxy) {
    let mut events = server.events(project_ref).await.unwrap();
    let told = events.until(|event| {
        let cause = event.data["message"].as_str().unwrap_or_default();
        event.is_step("step_retried", step) && cause.contains("can't be reached") && cause.contains(&proxy.host())
    });
    assert!(told.await.iter().all(|event| event.kind != "step_failed"), "waiting is no failure");
}

#[tokio::test]
async fn without_an_engine_projects_say_so_and_wait_for_it() {
    let Some((installation, mut proxy)) = behind_a_proxy().await else { return };
    let server = installation.start().await;
    let project_ref = server.create("waits").await;
    says_that_it_is_away(&server, &project_ref, "prepare_template", &proxy).await;
    assert_eq!(server.status(&project_ref).await.as_deref(), Some("COMING_UP"));
    let health = server.get(format!("/v1/projects/{project_ref}/health?services=db")).send().await.expect(200).json();
    assert!(health[0]["healthy"] == false, "{health}");
    server.get("/").send().await.expect(200);
    proxy.open();
    server.wait_for(&project_ref, "ACTIVE_HEALTHY").await;
    server.mark(&project_ref, MARK).await;

    // The same at a start that finds projects.
    server.kill().await;
    proxy.close().await;
    let server = installation.start().await;
    says_that_it_is_away(&server, &project_ref, "start_database", &proxy).await;
    proxy.open();
    server.answers_again(&project_ref, MARK).await;
    server.delete_all(&[project_ref]).await;
    server.stop().await;
    installation.expect_nothing_left().await;
}

#[tokio::test]
async fn a_lost_engine_stops_nothing_that_runs_and_is_taken_up_again() {
    let Some((installation, mut proxy)) = behind_a_proxy().await else { return };
    proxy.open();
    let server = installation.start().await;
    let (steady, changed) = (server.create_marked("steady", MARK).await, server.create_marked("changed", MARK).await);
    let life = server.database_life(&steady).await;
    for (verb, step, status) in [("pause", "stop_database", "INACTIVE"), ("restore", "start_database", "ACTIVE_HEALTHY")] {
        proxy.close().await;
        server.change(&changed, verb).send().await.expect_empty();
        says_that_it_is_away(&server, &changed, step, &proxy).await;
        server.expect_mark(&steady, MARK).await;
        proxy.open();
        server.wait_for(&changed, status).await;
    }
    server.answers_again(&changed, MARK).await;

    // What happens meanwhile is found when it is back, without being told.
    let damages = ["kill postgres", "restart postgres", "stop node", "pause node", "rm node", "rm postgres"];
    for damage in damages.map(|damage| damage.split_once(' ').unwrap()) {
        let container = part(&changed, damage.1);
        proxy.close().await;
        let force = if damage.0 == "rm" { &["--force"][..] } else { &[] };
        docker(&[&[damage.0], force, &[&container]].concat()).await;
        server.expect_mark(&steady, MARK).await;
        let began = Instant::now();
        proxy.open();
        eventually(&format!("{container} after {}", damage.0), async || is_running(&container).await.then_some(())).await;
        server.answers_again(&changed, MARK).await;
        eprintln!("{damage:?} while the engine was away: {:?}", began.elapsed());
    }
    assert_eq!(server.database_life(&steady).await, life, "nothing of ours has started it again");
    let told = server.events_so_far(&steady, None).await;
    assert!(told.iter().all(|event| event.kind != "database_exited"), "{told:#?}");
    server.delete_all(&[steady, changed]).await;
    server.stop().await;
    installation.expect_nothing_left().await;
}

#[tokio::test]
async fn projects_outlive_the_engines_end() {
    let asked_for = std::env::var_os("CI").is_some_and(|value| value == "true")
        || std::env::var_os("SUPACLOUD_TEST_RESTART_ENGINE").is_some_and(|value| value == "1");
    if !asked_for {
        eprintln!("SKIPPED: the engine is shared with others; SUPACLOUD_TEST_RESTART_ENGINE=1 has this test begin it again");
        return;
    }
    let Some(installation) = Installation::docker(Backend::Sqlite, POOL).await else { return };
    if !is_set_ups_own() {
        eprintln!("SKIPPED: the engine was not started by setup.sh, and is not ours to begin again");
        return;
    }
    let server = installation.start().await;
    let mut projects = Vec::new();
    for number in 0..MANY {
        projects.push(server.create(&format!("project {number}")).await);
    }
    for project_ref in &projects {
        server.wait_for(project_ref, "ACTIVE_HEALTHY").await;
        server.mark(project_ref, MARK).await;
    }
    let server_pid = server.pid();
    let began = Instant::now();
    restart_engine().await;
    eprintln!("the engine is back after {:?}", began.elapsed());
    for project_ref in &projects {
        server.answers_again(project_ref, MARK).await;
        server.wait_for(project_ref, "ACTIVE_HEALTHY").await;
    }
    eprintln!("all {MANY} projects are back after {:?}", began.elapsed());
    assert_eq!(server.pid(), server_pid);
    let filter = installation.filter().unwrap();
    assert_eq!(list("container", &filter).await.len(), 2 * MANY);
    server.delete_all(&projects).await;
    server.stop().await;
    installation.expect_nothing_left().await;
}

/// Whether the engine is a plain process, as setup.sh starts one, and not a service of the system's.
fn is_set_ups_own() -> bool {
    let name = engine_pid().and_then(|pid| fs::read_to_string(format!("/proc/{pid}/comm")).ok());
    let is_service = Path::new("/run/systemd/system").is_dir();
    is_root() && !is_service && std::env::var_os("DOCKER_HOST").is_none() && name.as_deref() == Some("dockerd\n")
}

fn engine_pid() -> Option<u32> {
    fs::read_to_string("/var/run/docker.pid").ok()?.trim().parse().ok()
}

/// Ends the engine cleanly and starts it again, as setup.sh does.
async fn restart_engine() {
    let pid = engine_pid().unwrap();
    let command = fs::read_to_string(format!("/proc/{pid}/cmdline")).unwrap();
    let log = fs::read_link(format!("/proc/{pid}/fd/1")).unwrap();
    processes::signal(pid, Signal::TERM);
    eventually("the end of the engine", async || (!processes::is_alive(pid)).then_some(())).await;
    let log = fs::OpenOptions::new().append(true).create(true).open(log).unwrap();
    // With the words that it had, its output where it went, and apart from this test, which it outlives.
    let mut again = std::process::Command::new("setsid");
    again.args(["--fork", "nohup"]).args(command.split_terminator('\0')).current_dir("/");
    assert!(again.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log).status().unwrap().success());
    eventually("the engine", async || try_docker(&["version"]).await.ok()).await;
}
