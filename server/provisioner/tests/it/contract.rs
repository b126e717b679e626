//! Every `ensure_*` can be repeated, from whatever an interruption has left.

use std::fs;

use control_plane::{DataState, DatabaseState, Placement, ProvisionError, Provisioner as _, Services};

use crate::support::{Machine, Quiet, connect, on_every_machine, passwords, secrets};

on_every_machine!(
    every_verb_takes_effect_and_can_be_repeated,
    what_an_interruption_has_left_is_finished,
    a_taken_port_is_told_apart_from_other_failures,
    what_can_not_get_better_by_itself_is_permanent,
);

async fn with_port<M: Machine>(machine: &M, driver: &M::Driver, letter: u8) -> Placement {
    let placement = machine.placement(letter, None);
    let port = driver.allocate_port(&placement).await.unwrap();
    driver.ensure_template(&placement, &Quiet).await.unwrap();
    Placement { port: Some(port), ..placement }
}

async fn every_verb_takes_effect_and_can_be_repeated(machine: impl Machine) {
    let driver = machine.driver();
    let project = with_port(&machine, &driver, 0).await;
    driver.ensure_template(&project, &Quiet).await.unwrap();
    let seen = driver.observe(&project).await.unwrap();
    assert_eq!((seen.template, seen.data, seen.database), (true, DataState::Absent, DatabaseState::Stopped));
    assert!(!seen.passwords && !seen.is_up());

    for _ in 0..2 {
        driver.ensure_data(&project).await.unwrap();
        let seen = driver.observe(&project).await.unwrap();
        assert_eq!((seen.data, seen.database, seen.passwords), (DataState::Complete, DatabaseState::Stopped, false));
    }
    let started = driver.ensure_started(&project, &secrets("a")).await.unwrap();
    let pid = machine.postmaster(&project).await.unwrap();
    assert_eq!(driver.ensure_started(&project, &secrets("a")).await.unwrap(), started);
    assert_eq!(machine.postmaster(&project).await, Some(pid), "it went on running");
    let seen = driver.observe(&project).await.unwrap();
    assert_eq!((seen.database, seen.passwords), (DatabaseState::Ready, false));

    for _ in 0..2 {
        driver.ensure_passwords(&project, &passwords("first")).await.unwrap();
        assert!(driver.observe(&project).await.unwrap().passwords);
    }
    for role in ["postgres", "authenticator", "supabase_admin"] {
        connect(&project, role, "first").await.unwrap();
        assert!(connect(&project, role, "second").await.is_err());
    }
    for _ in 0..2 {
        match driver.ensure_services(&project, &secrets("first")).await.unwrap() {
            Services::InProcess(database) => assert_eq!(database.port, project.port.unwrap()),
            Services::Remote(services) => assert!(provisioner::answers(&services).await, "{services:?}"),
        }
        driver.ensure_size(&project).await.unwrap();
        let seen = driver.observe(&project).await.unwrap();
        assert!(seen.is_up() && seen.size);
    }
    assert_eq!(machine.postmaster(&project).await, Some(pid), "it went on running");
    for _ in 0..2 {
        driver.stop(&project).await.unwrap();
        let seen = driver.observe(&project).await.unwrap();
        assert_eq!((seen.data, seen.database, seen.passwords), (DataState::Complete, DatabaseState::Stopped, true));
    }
    for _ in 0..2 {
        driver.destroy(&project).await.unwrap();
        let seen = driver.observe(&project).await.unwrap();
        assert_eq!((seen.data, seen.database, seen.passwords), (DataState::Absent, DatabaseState::Stopped, false));
        assert!(!machine.remains(&project).await);
    }
    driver.stop(&project).await.unwrap();
}

async fn what_an_interruption_has_left_is_finished(machine: impl Machine) {
    let driver = machine.driver();
    let project = machine.running(&driver, 1, "secret").await;

    // The passwords were set, and the note that they are was not written any more.
    machine.forget_passwords(&project);
    driver.ensure_passwords(&project, &passwords("secret")).await.unwrap();
    connect(&project, "postgres", "secret").await.unwrap();

    // Half a clone.
    let half = with_port(&machine, &driver, 2).await;
    machine.interrupt_clone(&driver, &half).await;
    assert_eq!(driver.observe(&half).await.unwrap().data, DataState::Partial);
    driver.ensure_data(&half).await.unwrap();
    assert_eq!(driver.observe(&half).await.unwrap().data, DataState::Complete);
    driver.ensure_started(&half, &secrets("a")).await.unwrap();

    // Half a removal, and of one that runs.
    machine.interrupt_removal(&project).await;
    driver.destroy(&project).await.unwrap();
    assert!(!machine.remains(&project).await);
    driver.destroy(&half).await.unwrap();
    assert!(!machine.remains(&half).await);
}

async fn a_taken_port_is_told_apart_from_other_failures(machine: impl Machine) {
    let driver = machine.driver();
    let somebody = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = somebody.local_addr().unwrap().port();
    let project = Placement { port: Some(port), ..with_port(&machine, &driver, 3).await };
    driver.ensure_data(&project).await.unwrap();
    let refused = driver.ensure_started(&project, &secrets("a")).await.unwrap_err();
    assert!(matches!(refused, ProvisionError::PortInUse { port: taken } if taken == port), "{refused:?}");
    assert_ne!(driver.observe(&project).await.unwrap().database, DatabaseState::Ready);
    drop(somebody);
    driver.ensure_started(&project, &secrets("a")).await.unwrap();
    driver.destroy(&project).await.unwrap();
}

async fn what_can_not_get_better_by_itself_is_permanent(machine: impl Machine) {
    let driver = machine.driver();
    let project = with_port(&machine, &driver, 4).await;
    let missing = driver.ensure_started(&project, &secrets("a")).await.unwrap_err();
    assert!(missing.is_permanent(), "{missing}");
    driver.ensure_data(&project).await.unwrap();
    fs::write(machine.data(&project).await.join("PG_VERSION"), "9.6\n").unwrap();
    let version = driver.ensure_started(&project, &secrets("a")).await.unwrap_err();
    assert!(version.is_permanent() && version.to_string().contains("9.6"), "{version}");
    driver.destroy(&project).await.unwrap();
}
