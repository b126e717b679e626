//! A cluster's life: clone, start, adopt, crash, stop, destroy.

use std::time::Duration;

use postgres_cluster::{Error, Observed, StopMode, free_loopback_port};
use rustix::process::Signal;

use crate::support::{World, kill, pid_of, state, stop, within};

#[tokio::test]
async fn a_clone_starts_answers_stops_and_starts_again() {
    let world = World::new().await;
    let cluster = world.cloned("a").await;
    assert_eq!(cluster.observe().unwrap(), Observed::Stopped);
    for _ in 0..2 {
        let running = cluster.start().await.unwrap();
        assert_eq!(cluster.observe().unwrap(), Observed::Ready { pid: running.pid() });
        assert_eq!(world.select(&cluster).await, 42);
        assert!(running.memory_pss() > 1 << 20);
        stop(&running).await;
        assert_eq!(state(running.pid()), None, "reaped");
        assert_eq!(cluster.observe().unwrap(), Observed::Stopped);
        assert!(within(running.exited()).await.status.unwrap().success());
    }
    let size = cluster.disk_bytes().await.unwrap();
    assert!((20 << 20..40 << 20).contains(&size), "{size}");
}

/// The option of `initdb` for it went with the `postgresql.conf` that it had been written to.
#[tokio::test]
async fn full_text_search_stems_as_in_english() {
    let world = World::new().await;
    let cluster = world.cloned("a").await;
    let running = cluster.start().await.unwrap();
    assert_eq!(world.ask(&cluster, "select count(*)::int where to_tsvector('running') @@ to_tsquery('run')").await, 1);
    stop(&running).await;
}

#[tokio::test]
async fn cloning_twice_changes_nothing_and_a_half_made_clone_is_redone() {
    let world = World::new().await;
    let partial = world.folder.path().join("a.partial");
    std::fs::create_dir_all(partial.join("base")).unwrap();
    std::fs::write(partial.join("base/half"), "x").unwrap();
    let cluster = world.cloned("a").await;
    assert!(!cluster.data_dir().join("base/half").exists());
    let running = cluster.start().await.unwrap();
    assert!(!cluster.clone_from(&world.template).await.unwrap(), "a running cluster is left alone");
    assert_eq!(world.select(&cluster).await, 42);
    stop(&running).await;
    assert_eq!(world.names(), ["a", "a.lock", "a.log", "a.s"]);
}

#[tokio::test]
async fn clones_at_once_of_one_directory_make_one() {
    let world = World::new().await;
    let cluster = world.cluster("a");
    let (one, two) = tokio::join!(cluster.clone_from(&world.template), cluster.clone_from(&world.template));
    assert_eq!([one.unwrap(), two.unwrap()].iter().filter(|made| **made).count(), 1);
}

#[tokio::test]
async fn starts_at_once_make_one_postmaster() {
    let world = World::new().await;
    let cluster = world.cloned("a").await;
    let (one, two) = tokio::join!(cluster.start(), cluster.start());
    let (running, refused) = match (one, two) {
        (Ok(running), Err(refused)) | (Err(refused), Ok(running)) => (running, refused),
        (one, two) => panic!("{one:?} {two:?}"),
    };
    assert!(matches!(refused, Error::AlreadyRunning { pid, .. } if pid == running.pid()), "{refused}");
    assert_eq!(cluster.ensure_running().await.unwrap().pid(), running.pid());
    stop(&running).await;
}

#[tokio::test]
async fn kill_of_the_postmaster_is_seen_and_the_next_start_recovers() {
    let world = World::new().await;
    let cluster = world.cloned("a").await;
    let running = cluster.start().await.unwrap();
    kill(pid_of(running.pid()), Signal::KILL);
    let exit = within(running.exited()).await;
    assert!(!exit.status.unwrap().success());
    assert_eq!(state(running.pid()), None, "reaped");
    assert!(cluster.data_dir().join("postmaster.pid").exists(), "stale");
    assert_eq!(cluster.observe().unwrap(), Observed::Stopped);
    assert!(cluster.adopt().await.unwrap().is_none());
    let running = cluster.ensure_running().await.unwrap();
    assert_eq!(world.select(&cluster).await, 42);
    stop(&running).await;
}

#[tokio::test]
async fn a_stale_pid_file_with_the_number_of_a_stranger_does_not_hinder() {
    let world = World::new().await;
    let cluster = world.cloned("a").await;
    let other = world.cloned("b").await.start().await.unwrap();
    // A postmaster, of the same user, but of another directory: PostgreSQL itself would refuse to start.
    for stranger in [other.pid(), std::process::id(), 1] {
        let file = format!("{stranger}\n{}\n1700000000\n5432\n\n\n\nready   \n", cluster.data_dir().display());
        std::fs::write(cluster.data_dir().join("postmaster.pid"), file).unwrap();
        std::fs::create_dir_all(cluster.socket_dir()).unwrap();
        std::fs::write(cluster.socket_dir().join(".s.PGSQL.5432.lock"), format!("{stranger}\n")).unwrap();
        assert_eq!(cluster.observe().unwrap(), Observed::Stopped);
        let running = cluster.start().await.unwrap();
        stop(&running).await;
    }
    assert_eq!(state(other.pid()), Some('S'), "the stranger is left alone");
    stop(&other).await;
}

#[tokio::test]
async fn a_cluster_of_an_earlier_process_is_adopted_watched_and_stopped() {
    let world = World::new().await;
    let cluster = world.cloned("a").await;
    let started = cluster.start().await.unwrap();
    let adopted = cluster.adopt().await.unwrap().unwrap();
    assert_eq!(adopted.pid(), started.pid());
    assert_eq!(world.select(&cluster).await, 42);
    stop(&adopted).await;
    assert_eq!(within(adopted.exited()).await.status, None);
    assert!(within(started.exited()).await.status.is_some());

    let started = cluster.start().await.unwrap();
    let adopted = cluster.adopt().await.unwrap().unwrap();
    kill(pid_of(adopted.pid()), Signal::KILL);
    within(adopted.exited()).await;
    within(started.exited()).await;
}

#[tokio::test]
async fn a_postmaster_outlives_the_runtime_that_started_it_and_its_end_is_still_seen() {
    let world = World::new().await;
    let cluster = world.cloned("a").await;
    let other = cluster.clone();
    let start = move || tokio::runtime::Runtime::new().unwrap().block_on(other.start()).unwrap();
    let running = tokio::task::spawn_blocking(start).await.unwrap();
    assert_eq!(world.select(&cluster).await, 42);
    stop(&running).await;
    within(running.exited()).await;
}

#[tokio::test]
async fn a_fast_stop_that_takes_too_long_becomes_an_immediate_one() {
    let world = World::new().await;
    let cluster = world.cloned("a").await;
    let running = cluster.start().await.unwrap();
    // A stopped process can't end in order, and not at once either: only SIGKILL ends it.
    kill(pid_of(running.pid()), Signal::STOP);
    within(running.stop(StopMode::Fast, Duration::from_millis(100))).await.unwrap();
    assert_eq!(state(running.pid()), None);
    let running = cluster.start().await.unwrap();
    assert_eq!(world.select(&cluster).await, 42);
    within(running.stop(StopMode::Immediate, Duration::ZERO)).await.unwrap();
}

#[tokio::test]
async fn destroy_stops_and_leaves_nothing_and_can_be_repeated() {
    let world = World::new().await;
    let cluster = world.cloned("a").await;
    let running = cluster.start().await.unwrap();
    cluster.destroy().await.unwrap();
    within(running.exited()).await;
    assert_eq!(world.names(), [""; 0]);
    cluster.destroy().await.unwrap();
    assert_eq!(world.names(), [""; 0]);
    assert!(matches!(cluster.start().await, Err(Error::DataDirMissing { .. })));
}

#[tokio::test]
async fn an_interrupted_destroy_is_finished() {
    let world = World::new().await;
    let cluster = world.cloned("a").await;
    std::fs::rename(cluster.data_dir(), world.folder.path().join("a.deleting")).unwrap();
    std::fs::create_dir(world.folder.path().join("a.partial")).unwrap();
    cluster.destroy().await.unwrap();
    assert_eq!(world.names(), [""; 0]);
}

#[tokio::test]
async fn a_port_of_loopback_answers_and_only_with_the_password() {
    let world = World::new().await;
    let port = free_loopback_port().unwrap();
    let cluster = world.cloned("a").await.with_port(port);
    let running = cluster.start().await.unwrap();
    assert_eq!(world.select(&cluster).await, 42);
    let wrong = format!("host=127.0.0.1 port={port} user=supabase_admin password=wrong dbname=postgres");
    let refused = tokio_postgres::connect(&wrong, tokio_postgres::NoTls).await.err().unwrap();
    assert_eq!(refused.code().unwrap().code(), "28P01");
    stop(&running).await;
}
