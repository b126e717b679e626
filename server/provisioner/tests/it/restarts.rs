//! Containers that the engine itself starts again, in the very moment that something else is wanted of them.

use std::{fs, io::Write as _};

use control_plane::{DatabaseState, Placement, Provisioner as _};
use rustix::process::Signal;

use crate::support::{DockerMachine, Machine, connect, eventually, secrets, signal};

impl DockerMachine {
    /// Kills the database's process until it is seen in the moment in which the engine is about to start it again. The first
    /// such moments last a tenth of a second, and each one longer: on a busy machine they are over before anybody looks.
    async fn strike(&self, placement: &Placement) {
        loop {
            let postmaster = eventually("a process", async || self.postmaster(placement).await).await;
            signal(postmaster, Signal::KILL);
            let is_restarting = eventually("the engine's restart", async || {
                let state = self.state(placement, "postgres").await;
                let is_restarting = state.restarting == Some(true);
                let is_another = state.pid.is_some_and(|pid| pid > 0 && pid != i64::from(postmaster));
                (is_restarting || is_another).then_some(is_restarting)
            })
            .await;
            if is_restarting {
                return;
            }
        }
    }
}

#[tokio::test]
async fn a_database_that_the_engine_is_just_starting_again_is_waited_for() {
    let Some(machine) = DockerMachine::new().await else { return };
    let driver = machine.driver();
    let project = machine.running(&driver, 13, "a").await;
    // The engine takes longer each time.
    for _ in 0..4 {
        machine.strike(&project).await;
        driver.ensure_started(&project, &secrets("a")).await.unwrap();
        connect(&project, "postgres", "a").await.unwrap();
        driver.ensure_services(&project, &secrets("a")).await.unwrap();
        assert!(driver.observe(&project).await.unwrap().is_up());
    }
    driver.destroy(&project).await.unwrap();
}

#[tokio::test]
async fn a_database_that_the_engine_is_just_starting_again_can_be_stopped() {
    let Some(machine) = DockerMachine::new().await else { return };
    let driver = machine.driver();
    let project = machine.running(&driver, 14, "a").await;
    // The engine takes longer each time: long enough for the driver to come to the database.
    for _ in 0..5 {
        machine.strike(&project).await;
    }
    assert_eq!(driver.observe(&project).await.unwrap().database, DatabaseState::Changing);
    driver.stop(&project).await.unwrap();
    assert_eq!(driver.observe(&project).await.unwrap().database, DatabaseState::Stopped);
    let state = machine.state(&project, "postgres").await;
    assert_eq!((state.running, state.restarting), (Some(false), Some(false)), "{state:?}");
    driver.destroy(&project).await.unwrap();
}

#[tokio::test]
async fn a_database_that_ends_again_and_again_is_told_with_its_last_words() {
    let Some(machine) = DockerMachine::new().await else { return };
    let driver = machine.driver();
    let project = machine.running(&driver, 15, "a").await;
    let settings = machine.data(&project).await.join("postgresql.auto.conf");
    let good = fs::read(&settings).unwrap();
    fs::OpenOptions::new().append(true).open(&settings).unwrap().write_all(b"nonsense = 1\n").unwrap();
    machine.strike(&project).await;
    let told = driver.ensure_started(&project, &secrets("a")).await.unwrap_err();
    assert!(!told.is_permanent() && told.to_string().contains("\"nonsense\""), "{told}");

    fs::write(&settings, good).unwrap();
    driver.ensure_started(&project, &secrets("a")).await.unwrap();
    connect(&project, "postgres", "a").await.unwrap();
    driver.destroy(&project).await.unwrap();
}
