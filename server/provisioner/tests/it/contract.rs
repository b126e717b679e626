//! Every `ensure_*` can be repeated, from whatever an interruption has left.

use std::fs;

use control_plane::{DataState, DatabaseState, Observation, ProvisionError, Provisioner as _};

use crate::support::{Machine, connect, passwords, placement, running};

const NOTHING: Observation =
    Observation { template: true, data: DataState::Absent, database: DatabaseState::Stopped, passwords: false };

#[tokio::test]
async fn every_verb_takes_effect_and_can_be_repeated() {
    let machine = Machine::new();
    let driver = machine.driver();
    let project = placement(0, Some(driver.allocate_port().await.unwrap()));
    driver.ensure_template().await.unwrap();
    driver.ensure_template().await.unwrap();
    let mut expected = NOTHING;
    assert_eq!(driver.observe(&project).await.unwrap(), expected);

    for _ in 0..2 {
        driver.ensure_data(&project).await.unwrap();
        expected.data = DataState::Complete;
        assert_eq!(driver.observe(&project).await.unwrap(), expected);
    }
    let started = driver.ensure_started(&project).await.unwrap();
    let pid = machine.postmaster(&project).unwrap();
    assert_eq!(driver.ensure_started(&project).await.unwrap(), started);
    assert_eq!(machine.postmaster(&project), Some(pid), "it went on running");
    expected.database = DatabaseState::Ready;
    assert_eq!(driver.observe(&project).await.unwrap(), expected);

    for _ in 0..2 {
        driver.ensure_passwords(&project, &passwords("first")).await.unwrap();
        expected.passwords = true;
        assert_eq!(driver.observe(&project).await.unwrap(), expected);
    }
    for role in ["postgres", "authenticator", "supabase_admin"] {
        connect(&driver, &project, role, "first").await.unwrap();
        assert!(connect(&driver, &project, role, "second").await.is_err());
    }
    for _ in 0..2 {
        driver.stop(&project).await.unwrap();
        expected.database = DatabaseState::Stopped;
        assert_eq!(driver.observe(&project).await.unwrap(), expected);
    }
    for _ in 0..2 {
        driver.destroy(&project).await.unwrap();
        assert_eq!(driver.observe(&project).await.unwrap(), NOTHING);
        assert!(!machine.project_dir(&project).exists());
    }
    driver.stop(&project).await.unwrap();
}

#[tokio::test]
async fn what_an_interruption_has_left_is_finished() {
    let machine = Machine::new();
    let driver = machine.driver();
    let project = running(&driver, 1, "secret").await;

    // The passwords were set, and the note that they are was not written any more.
    fs::remove_file(machine.project_dir(&project).join("passwords")).unwrap();
    driver.ensure_passwords(&project, &passwords("secret")).await.unwrap();
    connect(&driver, &project, "postgres", "secret").await.unwrap();

    // Half a clone.
    let half = placement(2, Some(driver.allocate_port().await.unwrap()));
    let partial = machine.project_dir(&half).join("data.partial");
    fs::create_dir_all(&partial).unwrap();
    fs::write(partial.join("PG_VERSION"), "half a fi").unwrap();
    assert_eq!(driver.observe(&half).await.unwrap().data, DataState::Partial);
    driver.ensure_data(&half).await.unwrap();
    assert!(!partial.exists());
    driver.ensure_started(&half).await.unwrap();

    // Half a removal, and of one that runs.
    fs::create_dir(machine.project_dir(&project).join("data.deleting")).unwrap();
    driver.destroy(&project).await.unwrap();
    assert!(!machine.project_dir(&project).exists());
    driver.destroy(&half).await.unwrap();
    assert!(!machine.project_dir(&half).exists());
}

#[tokio::test]
async fn a_taken_port_is_told_apart_from_other_failures() {
    let machine = Machine::new();
    let driver = machine.driver();
    let somebody = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = somebody.local_addr().unwrap().port();
    let project = placement(3, Some(port));
    driver.ensure_template().await.unwrap();
    driver.ensure_data(&project).await.unwrap();
    let refused = driver.ensure_started(&project).await.unwrap_err();
    assert!(matches!(refused, ProvisionError::PortInUse { port: taken } if taken == port), "{refused:?}");
    assert_eq!(driver.observe(&project).await.unwrap().database, DatabaseState::Stopped);
    drop(somebody);
    driver.ensure_started(&project).await.unwrap();
    driver.destroy(&project).await.unwrap();
}

#[tokio::test]
async fn what_can_not_get_better_by_itself_is_permanent() {
    let machine = Machine::new();
    let driver = machine.driver();
    let project = placement(4, Some(driver.allocate_port().await.unwrap()));
    driver.ensure_template().await.unwrap();
    let missing = driver.ensure_started(&project).await.unwrap_err();
    assert!(missing.is_permanent() && missing.to_string().contains("does not exist"), "{missing}");
    driver.ensure_data(&project).await.unwrap();
    fs::write(machine.data(&project).join("PG_VERSION"), "9.6\n").unwrap();
    let version = driver.ensure_started(&project).await.unwrap_err();
    assert!(version.is_permanent() && version.to_string().contains("9.6"), "{version}");
    driver.destroy(&project).await.unwrap();
}
