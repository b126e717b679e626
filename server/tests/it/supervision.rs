//! Databases that end, servers that end, and what the next life makes of what it finds.

use std::{
    fs,
    net::TcpListener,
    time::{Duration, Instant},
};

use rustix::process::Signal;
use tokio::{io::AsyncWriteExt as _, net::TcpStream};

use crate::support::{Backend, Installation, eventually, is_root, processes};

#[tokio::test]
async fn a_killed_database_comes_back_by_itself() {
    let installation = Installation::new(Backend::Sqlite).await;
    let server = installation.start().await;
    let project_ref = server.create_live("killed").await;
    server.mark(&project_ref, 1).await;
    let mut events = server.events_from_now(&project_ref).await;
    let mut last = server.postmaster(&project_ref).pid;
    for _ in 0..3 {
        processes::signal(last, Signal::KILL);
        let exited = events.until(|event| event.kind == "database_exited").await;
        let message = exited.last().unwrap().data["message"].as_str().unwrap().to_owned();
        assert!(message.contains("SIGKILL"), "{message}");
        events.until(|event| event.is_state("running")).await;
        server.wait_for(&project_ref, "ACTIVE_HEALTHY").await;
        server.expect_mark(&project_ref, 1).await;
        assert_ne!(server.postmaster(&project_ref).pid, last);
        last = server.postmaster(&project_ref).pid;
    }
    server.delete_all(&[project_ref]).await;
    server.stop().await;
    installation.expect_nothing_left().await;
}

#[tokio::test]
async fn the_next_life_adopts_what_runs_and_looks_after_it() {
    let installation = Installation::new(Backend::Sqlite).await;
    let server = installation.start().await;
    let project_ref = server.create_live("adopted").await;
    server.mark(&project_ref, 2).await;
    let before = server.postmaster(&project_ref);
    server.kill().await;
    let server = installation.start().await;
    server.wait_for(&project_ref, "ACTIVE_HEALTHY").await;
    server.expect_mark(&project_ref, 2).await;
    assert_eq!(server.postmaster(&project_ref), before);

    let mut events = server.events_from_now(&project_ref).await;
    processes::signal(before.pid, Signal::KILL);
    events.until(|event| event.kind == "database_exited").await;
    server.wait_for(&project_ref, "ACTIVE_HEALTHY").await;
    server.expect_mark(&project_ref, 2).await;
    server.stop().await;
    assert!(processes::below(&installation.roots()).is_empty());
}

#[tokio::test]
async fn a_stale_pid_file_is_recognised() {
    let installation = Installation::new(Backend::Sqlite).await;
    let server = installation.start().await;
    let project_ref = server.create_live("stale").await;
    server.mark(&project_ref, 3).await;
    server.kill().await;
    // As after a power cut: everything gone at once, the file left, its number somebody else's by now.
    for process in processes::below(&installation.roots()) {
        processes::signal(process.pid, Signal::KILL);
    }
    eventually("the end of the database", async || processes::below(&installation.roots()).is_empty().then_some(())).await;
    let pid_file = installation.project_dir(&project_ref).join("data/postmaster.pid");
    let text = fs::read_to_string(&pid_file).unwrap();
    let (_, rest) = text.split_once('\n').unwrap();
    fs::write(&pid_file, format!("{}\n{rest}", std::process::id())).unwrap();

    let server = installation.start().await;
    server.wait_for(&project_ref, "ACTIVE_HEALTHY").await;
    server.expect_mark(&project_ref, 3).await;
    server.stop().await;
}

#[tokio::test]
async fn ctrl_c_stops_everything_and_the_next_start_brings_it_back() {
    let installation = Installation::new(Backend::Sqlite).await;
    let server = installation.start().await;
    let (running, paused) = (server.create_live("running").await, server.create_live("paused").await);
    server.mark(&running, 4).await;
    server.change(&paused, "pause").send().await.expect_empty();
    server.wait_for(&paused, "INACTIVE").await;
    let mut events = server.events(&running).await.unwrap();
    server.stop().await;
    // The stream ends, and not in the middle of something.
    while events.next().await.unwrap().is_some() {}
    let left = processes::below(&installation.roots());
    assert!(left.is_empty(), "{left:#?}");

    let server = installation.start().await;
    server.wait_for(&running, "ACTIVE_HEALTHY").await;
    server.expect_mark(&running, 4).await;
    assert_eq!(server.status(&paused).await.as_deref(), Some("INACTIVE"));
    server.stop().await;
}

#[tokio::test]
async fn ctrl_c_stops_what_an_earlier_life_left_running() {
    let mut installation = Installation::new(Backend::Sqlite).await;
    let server = installation.start().await;
    for name in ["one", "two", "three", "four"] {
        server.create_live(name).await;
    }
    server.kill().await;
    // At once: before the new life has had time to adopt more than one of them.
    installation.set("SUPACLOUD_PROVISIONER__CONCURRENCY", "1");
    installation.start().await.stop().await;
    let left = processes::below(&installation.roots());
    assert!(left.is_empty(), "{left:#?}");
}

#[tokio::test]
async fn a_second_ctrl_c_stops_at_once() {
    let installation = Installation::new(Backend::Sqlite).await;
    let server = installation.start().await;
    server.create_live("impatient").await;
    // A request that never comes to its end holds up the orderly stop.
    let mut slow = TcpStream::connect(server.address()).await.unwrap();
    let head = "POST /v1/projects HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{";
    slow.write_all(head.as_bytes()).await.unwrap();
    server.get("/v1/projects").send().await.expect(200);
    let began = Instant::now();
    server.interrupt();
    eventually("the first signal in the log", async || installation.log().contains("second signal").then_some(())).await;
    server.interrupt();
    assert_eq!(server.ended().await.code(), Some(130));
    assert!(began.elapsed().as_secs() < 5, "{:?}: no sooner than after one Ctrl-C", began.elapsed());
    let left = processes::below(&installation.roots());
    assert!(left.is_empty(), "{left:#?}");
}

#[tokio::test]
async fn a_second_ctrl_c_leaves_nothing_of_what_was_being_made() {
    for wait_ms in [0, 20, 40, 60, 80, 100, 150] {
        let installation = Installation::new(Backend::Sqlite).await;
        let server = installation.start().await;
        for name in ["one", "two", "three"] {
            server.create(name).await;
        }
        tokio::time::sleep(Duration::from_millis(wait_ms)).await;
        server.interrupt();
        server.interrupt();
        assert!(server.ended().await.code().is_some_and(|code| matches!(code, 0 | 130)));
        let left = processes::below(&installation.roots());
        assert!(left.is_empty(), "after {wait_ms} ms: {left:#?}");
        // What was begun is finished by the next life.
        let server = installation.start().await;
        for project in server.get("/v1/projects").send().await.expect(200).json().as_array().unwrap() {
            server.wait_for(project["ref"].as_str().unwrap(), "ACTIVE_HEALTHY").await;
        }
        server.stop().await;
    }
}

/// As in a container with the usual capabilities: what a process of another user works on can't be seen.
#[tokio::test]
async fn without_the_right_to_look_into_other_users_processes_projects_live_all_the_same() {
    if !is_root() {
        eprintln!("skipped: only root's databases are another user's");
        return;
    }
    let installation = Installation::new(Backend::Sqlite).await.without_ptrace();
    let server = installation.start().await;
    let project_ref = server.create_live("unseen").await;
    server.mark(&project_ref, 6).await;
    let before = server.postmaster(&project_ref);
    server.kill().await;
    let server = installation.start().await;
    server.wait_for(&project_ref, "ACTIVE_HEALTHY").await;
    assert_eq!(server.postmaster(&project_ref), before, "adopted, and not started a second time");
    server.expect_mark(&project_ref, 6).await;
    server.change(&project_ref, "restart").send().await.expect_empty();
    server.settled(&project_ref).await;
    server.expect_mark(&project_ref, 6).await;
    server.delete_all(&[project_ref]).await;
    server.stop().await;
    installation.expect_nothing_left().await;
}

#[tokio::test]
async fn a_port_that_somebody_else_has_taken_is_replaced() {
    let installation = Installation::new(Backend::Sqlite).await;
    let server = installation.start().await;
    let project_ref = server.create_live("port").await;
    server.mark(&project_ref, 5).await;
    let port = server.postmaster(&project_ref).port;
    server.change(&project_ref, "pause").send().await.expect_empty();
    server.wait_for(&project_ref, "INACTIVE").await;
    let somebody = TcpListener::bind(("127.0.0.1", port)).unwrap();
    server.change(&project_ref, "restore").send().await.expect_empty();
    server.wait_for(&project_ref, "ACTIVE_HEALTHY").await;
    server.expect_mark(&project_ref, 5).await;
    assert_ne!(server.postmaster(&project_ref).port, port);
    drop(somebody);
    server.stop().await;
}
