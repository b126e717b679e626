//! Clusters and drivers that end, and the next driver on the same folder.

use control_plane::{DatabaseState, Provisioner as _};
use rustix::process::Signal;

use crate::support::{Machine, connect, in_time, running, signal};

#[tokio::test]
async fn an_unexpected_end_is_reported_and_an_ordered_one_is_not() {
    let machine = Machine::new();
    let driver = machine.driver();
    let (told, killed) = (running(&driver, 0, "a").await, running(&driver, 1, "b").await);
    driver.stop(&told).await.unwrap();
    signal(machine.postmaster(&killed).unwrap(), Signal::KILL);
    let exit = in_time(driver.next_exit()).await;
    assert_eq!(exit.project_ref, killed.project_ref, "not the one that was told to stop");
    assert!(exit.cause.contains("SIGKILL"), "{}", exit.cause);
    driver.ensure_started(&killed).await.unwrap();
    connect(&driver, &killed, "postgres", "b").await.unwrap();
    driver.shutdown(false).await;
}

#[tokio::test]
async fn the_next_driver_adopts_watches_and_stops_what_runs() {
    let machine = Machine::new();
    let first = machine.driver();
    let (adopted, stopped, destroyed) =
        (running(&first, 2, "a").await, running(&first, 3, "b").await, running(&first, 4, "c").await);
    let pid = machine.postmaster(&adopted);
    drop(first);

    let second = machine.driver();
    second.ensure_started(&adopted).await.unwrap();
    assert_eq!(machine.postmaster(&adopted), pid);
    connect(&second, &adopted, "postgres", "a").await.unwrap();
    assert!(second.usage(&adopted).await.unwrap().memory_bytes > 0);
    second.stop(&stopped).await.unwrap();
    assert_eq!(second.observe(&stopped).await.unwrap().database, DatabaseState::Stopped);
    second.destroy(&destroyed).await.unwrap();
    assert!(!machine.project_dir(&destroyed).exists());

    signal(pid.unwrap(), Signal::KILL);
    assert_eq!(in_time(second.next_exit()).await.project_ref, adopted.project_ref);
    second.shutdown(false).await;
}

#[tokio::test]
async fn a_shutdown_leaves_nothing_running() {
    for immediately in [false, true] {
        let machine = Machine::new();
        let driver = machine.driver();
        let projects = [running(&driver, 5, "a").await, running(&driver, 6, "b").await];
        driver.shutdown(immediately).await;
        for project in &projects {
            assert_eq!(driver.observe(project).await.unwrap().database, DatabaseState::Stopped);
        }
        // Nothing of it was unexpected, and nothing is lost.
        driver.ensure_started(&projects[0]).await.unwrap();
        connect(&driver, &projects[0], "postgres", "a").await.unwrap();
        driver.shutdown(immediately).await;
    }
}
