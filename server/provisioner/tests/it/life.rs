//! Databases and drivers that end, and the next driver on the same machine.

use control_plane::{DatabaseState, Provisioner as _};
use rustix::process::Signal;

use crate::support::{Machine, connect, in_time, on_every_machine, secrets, signal};

on_every_machine!(
    an_unexpected_end_is_reported_and_an_ordered_one_is_not,
    the_next_driver_adopts_watches_and_stops_what_runs,
    a_shutdown_leaves_nothing_running,
);

async fn an_unexpected_end_is_reported_and_an_ordered_one_is_not(machine: impl Machine) {
    let driver = machine.driver();
    let (told, killed) = (machine.running(&driver, 5, "a").await, machine.running(&driver, 6, "b").await);
    driver.stop(&told).await.unwrap();
    signal(machine.postmaster(&killed).await.unwrap(), Signal::KILL);
    let exit = in_time(driver.next_exit()).await;
    assert_eq!(exit.project_ref, killed.project_ref, "not the one that was told to stop");
    assert!(exit.cause.contains("SIGKILL") || exit.cause.contains("137"), "{}", exit.cause);
    driver.ensure_started(&killed, &secrets("b")).await.unwrap();
    connect(&killed, "postgres", "b").await.unwrap();
    driver.ensure_services(&killed, &secrets("b")).await.unwrap();
    assert!(driver.observe(&killed).await.unwrap().is_up());
    driver.shutdown(false).await;
}

async fn the_next_driver_adopts_watches_and_stops_what_runs(machine: impl Machine) {
    let first = machine.driver();
    let (adopted, stopped, destroyed) =
        (machine.running(&first, 7, "a").await, machine.running(&first, 8, "b").await, machine.running(&first, 9, "c").await);
    let pid = machine.postmaster(&adopted).await;
    drop(first);

    let second = machine.driver();
    second.ensure_started(&adopted, &secrets("a")).await.unwrap();
    second.ensure_services(&adopted, &secrets("a")).await.unwrap();
    assert_eq!(machine.postmaster(&adopted).await, pid);
    connect(&adopted, "postgres", "a").await.unwrap();
    let usage = second.usage(&adopted).await.unwrap();
    assert!(usage.memory_bytes > 1 << 20 && usage.disk_bytes > 1 << 20, "{usage:?}");
    second.stop(&stopped).await.unwrap();
    assert_eq!(second.observe(&stopped).await.unwrap().database, DatabaseState::Stopped);
    second.destroy(&destroyed).await.unwrap();
    assert!(!machine.remains(&destroyed).await);

    signal(pid.unwrap(), Signal::KILL);
    assert_eq!(in_time(second.next_exit()).await.project_ref, adopted.project_ref);
    second.shutdown(false).await;
}

async fn a_shutdown_leaves_nothing_running(machine: impl Machine) {
    for immediately in [false, true] {
        let driver = machine.driver();
        let projects = [machine.running(&driver, 10, "a").await, machine.running(&driver, 11, "b").await];
        driver.shutdown(immediately).await;
        for project in &projects {
            assert_eq!(driver.observe(project).await.unwrap().database, DatabaseState::Stopped);
        }
        // Nothing of it was unexpected, and nothing is lost.
        driver.ensure_started(&projects[0], &secrets("a")).await.unwrap();
        connect(&projects[0], "postgres", "a").await.unwrap();
        driver.shutdown(immediately).await;
    }
}
