//! An engine that is reached by TLS: its containers have no addresses here, so their ports are published.

use std::{fs, path::Path};

use control_plane::{DataState, DatabaseState, Placement, Provisioner as _, Services};
use control_plane_api::InstanceSize;
use provisioner::{DockerProvisioner, DockerSettings, EngineAddress};
use rustix::process::Signal;

use crate::support::{Authority, DockerMachine, Machine, TlsEngine, connect, in_time, secrets, signal};

/// A driver whose engine is at this address.
fn driver(machine: &DockerMachine, host: String, certificates: Option<&Path>) -> DockerProvisioner {
    let engine = EngineAddress { host, certificates: certificates.map(Path::to_owned) };
    DockerProvisioner::new(DockerSettings { engine, ..machine.settings() })
}

#[tokio::test]
async fn a_project_lives_on_an_engine_behind_tls() {
    let Some(machine) = DockerMachine::new().await else { return };
    let authority = Authority::new("ours");
    let (server, client) = (authority.sign("serverAuth"), authority.sign("clientAuth"));
    let engine = TlsEngine::new(server.path(), &authority).await;
    let driver = driver(&machine, engine.host(), Some(client.path()));

    let project = machine.running(&driver, 13, "a").await;
    let expect_up = async |project: &Placement| {
        let Services::Remote(services) = driver.ensure_services(project, &secrets("a")).await.unwrap() else { panic!() };
        assert!(services.targets.iter().all(|target| target.address.ip().is_loopback()), "published: {services:?}");
        assert!(provisioner::answers(&services).await && driver.observe(project).await.unwrap().is_up());
        connect(project, "postgres", "a").await.unwrap();
    };
    expect_up(&project).await;
    // A process in a container, whose output comes back; and a container's figures.
    let usage = driver.usage(&project).await.unwrap();
    assert!(usage.memory_bytes > 1 << 20 && usage.disk_bytes > 1 << 20, "{usage:?}");
    // The stream of events.
    signal(machine.postmaster(&project).await.unwrap(), Signal::KILL);
    assert_eq!(in_time(driver.next_exit()).await.project_ref, project.project_ref);
    driver.ensure_started(&project, &secrets("a")).await.unwrap();
    expect_up(&project).await;

    driver.stop(&project).await.unwrap();
    assert_eq!(driver.observe(&project).await.unwrap().database, DatabaseState::Stopped);
    driver.ensure_started(&project, &secrets("a")).await.unwrap();
    expect_up(&project).await;
    let larger = Placement { size: InstanceSize::Small, ..project };
    assert!(!driver.observe(&larger).await.unwrap().size);
    driver.ensure_size(&larger).await.unwrap();
    assert!(driver.observe(&larger).await.unwrap().size);
    expect_up(&larger).await;

    driver.destroy(&larger).await.unwrap();
    assert_eq!(driver.observe(&larger).await.unwrap().data, DataState::Absent);
    assert!(!machine.remains(&larger).await);
}

#[tokio::test]
async fn whoever_has_no_right_certificate_is_told_that_the_engine_can_not_be_reached() {
    let Some(machine) = DockerMachine::new().await else { return };
    let (authority, other) = (Authority::new("ours"), Authority::new("another"));
    let (server, client, stranger) = (authority.sign("serverAuth"), authority.sign("clientAuth"), other.sign("clientAuth"));
    let engine = TlsEngine::new(server.path(), &authority).await;
    // Believes the server, and is not believed.
    fs::copy(client.path().join("ca.pem"), stranger.path().join("ca.pem")).unwrap();
    // Has no certificate to show.
    let without = authority.sign("clientAuth");
    fs::remove_file(without.path().join("cert.pem")).unwrap();
    // Is believed, and does not believe the server.
    let doubtful = authority.sign("clientAuth");
    fs::copy(other.sign("clientAuth").path().join("ca.pem"), doubtful.path().join("ca.pem")).unwrap();

    let missing = without.path().join("cert.pem").display().to_string();
    for (folder, words) in [
        (Some(stranger.path()), "does not accept cert.pem"),
        (Some(without.path()), missing.as_str()),
        (Some(doubtful.path()), "not signed for it by ca.pem"),
        (None, "may want TLS"),
    ] {
        let error = driver(&machine, engine.host(), folder).observe(&machine.placement(14, None)).await.unwrap_err();
        eprintln!("{error}");
        assert!(error.is_unavailable(), "{error:?}");
        let said = error.to_string();
        assert!(said.contains(words) && said.contains(&engine.host()), "{words:?} is missing in {said:?}");
    }
    driver(&machine, engine.host(), Some(client.path())).observe(&machine.placement(14, None)).await.unwrap();
}
