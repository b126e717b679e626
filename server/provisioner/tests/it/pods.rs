//! Services in the network of another one's container: reached through it, and started again with it.

use std::fs;

use bollard::query_parameters::{InspectContainerOptions, RestartContainerOptions};
use control_plane::{DatabaseState, Placement, Provisioner as _, Services};
use provisioner::{DockerProvisioner, DockerSettings, Reach};

use crate::{
    compose::build,
    support::{DockerMachine, Machine, eventually, passwords, secrets},
};

impl DockerMachine {
    /// As an operator does.
    async fn restart(&self, placement: &Placement, service: &str) {
        let name = Self::container(placement, service);
        self.engine.restart_container(&name, None::<RestartContainerOptions>).await.unwrap();
    }

    /// Which container of a service it is, and since when it runs.
    async fn life(&self, placement: &Placement, service: &str) -> (String, String) {
        let name = Self::container(placement, service);
        let container = self.engine.inspect_container(&name, None::<InspectContainerOptions>).await.unwrap();
        (container.id.unwrap(), container.state.unwrap().started_at.unwrap())
    }
}

#[tokio::test]
async fn what_joins_a_network_is_started_again_with_it() {
    let Some(machine) = DockerMachine::new().await else { return };
    let driver = machine.driver();
    let project = machine.running(&driver, 16, "a").await;
    for joins_too in [false, true] {
        machine.restart(&project, "postgres").await;
        if joins_too {
            // In the new network already: nothing is left to do.
            machine.restart(&project, "node").await;
        }
        let (database, node) = (machine.life(&project, "postgres").await, machine.life(&project, "node").await);
        if !joins_too {
            assert_eq!(driver.observe(&project).await.unwrap().database, DatabaseState::Changing);
        }
        driver.ensure_started(&project, &secrets("a")).await.unwrap();
        assert_eq!(driver.observe(&project).await.unwrap().database, DatabaseState::Ready);
        driver.ensure_services(&project, &secrets("a")).await.unwrap();
        assert!(driver.observe(&project).await.unwrap().is_up());
        assert_eq!(machine.life(&project, "postgres").await, database);
        assert_eq!(machine.life(&project, "node").await == node, joins_too);
    }
    driver.destroy(&project).await.unwrap();
}

/// In the stack `native` nothing depends on the database: its services wait for it themselves.
#[tokio::test]
async fn what_does_not_depend_on_the_database_begins_beside_it_once_its_passwords_are_set() {
    let Some(machine) = DockerMachine::new().await else { return };
    let driver = machine.driver();
    let project = machine.running(&driver, 20, "a").await;
    for begins in [true, false] {
        driver.stop(&project).await.unwrap();
        if !begins {
            machine.forget_passwords(&project);
        }
        driver.ensure_started(&project, &secrets("a")).await.unwrap();
        let program = async || {
            let pid = machine.state(&project, "node").await.pid.unwrap();
            fs::read_to_string(format!("/proc/{pid}/comm")).unwrap().trim().to_owned()
        };
        if begins {
            eventually("the services", async || (program().await == "node").then_some(())).await;
        }
        assert_eq!(program().await, if begins { "node" } else { "hand-over" });
    }
    driver.destroy(&project).await.unwrap();
}

#[tokio::test]
async fn what_joins_a_network_is_reached_by_the_ports_of_its_owner() {
    let Some(machine) = DockerMachine::new().await else { return };
    let driver = DockerProvisioner::new(DockerSettings { reach: Reach::Port, ..machine.settings() });
    let project = machine.running(&driver, 17, "a").await;
    let Services::Remote(services) = driver.ensure_services(&project, &secrets("a")).await.unwrap() else { panic!("in process") };
    for address in services.targets.iter().map(|target| target.address).chain(services.ready.iter().map(|(ready, _)| *ready)) {
        assert!(address.ip().is_loopback() && address.port() > 10_000, "{address}");
    }
    assert!(driver.observe(&project).await.unwrap().is_up());
    driver.destroy(&project).await.unwrap();
}

/// The user is one that only the image knows; so its container can be started only once.
const STACK: &str = r#"
x-supacloud:
  database: { service: db, volume: database }
  routes: [{ prefix: /rest/v1, service: rest, port: 3000, strip_prefix: true }]
services:
  db:
    image: supacloud/postgres:${POSTGRES_MAJOR}
    user: postgres
    volumes: ["database:/var/lib/postgresql"]
    tmpfs: [/tmp, "/run/postgresql:uid=999,gid=999,mode=0700"]
  rest:
    image: supacloud-it/rest:it
    user: nobody
    network_mode: service:db
    environment:
      PGRST_DB_URI: postgres://authenticator:${AUTHENTICATOR_PASSWORD}@127.0.0.1:5432/postgres
      PGRST_DB_SCHEMAS: public
      PGRST_DB_ANON_ROLE: anon
      PGRST_JWT_SECRET: ${JWT_SECRET}
volumes: { database: {} }
"#;

#[tokio::test]
async fn what_can_be_started_only_once_is_made_anew_with_the_network_that_it_joins() {
    let Some(machine) = DockerMachine::new().await else { return };
    build(&machine.engine).await;
    let (driver, project) = machine.project_of_stack(STACK, 18).await;
    driver.ensure_started(&project, &secrets("a")).await.unwrap();
    driver.ensure_passwords(&project, &passwords("a")).await.unwrap();
    driver.ensure_services(&project, &secrets("a")).await.unwrap();

    let (id, _) = machine.life(&project, "rest").await;
    machine.restart(&project, "db").await;
    driver.ensure_started(&project, &secrets("a")).await.unwrap();
    driver.ensure_services(&project, &secrets("a")).await.unwrap();
    assert!(driver.observe(&project).await.unwrap().is_up());
    assert_ne!(machine.life(&project, "rest").await.0, id);
    driver.destroy(&project).await.unwrap();
    assert!(!machine.remains(&project).await);
}

#[tokio::test]
async fn an_owner_that_ends_again_and_again_is_told_with_its_last_words() {
    let Some(machine) = DockerMachine::new().await else { return };
    build(&machine.engine).await;
    let owner = "  owner:\n    image: supacloud-it/rest:it\n    entrypoint: [sh, -c, echo no luck today]\n";
    let stack = STACK.replace("services:\n", &format!("services:\n{owner}")).replace("service:db\n", "service:owner\n");
    let (driver, project) = machine.project_of_stack(&stack, 19).await;
    let mut told = driver.ensure_started(&project, &secrets("a")).await.unwrap_err();
    // It may have ended just when another was to join it; as the reconciler does, ask again.
    for _ in 0..20 {
        if told.to_string().contains("owner ended") {
            break;
        }
        told = driver.ensure_started(&project, &secrets("a")).await.unwrap_err();
    }
    assert!(!told.is_permanent() && told.to_string().contains("owner ended") && told.to_string().contains("no luck"), "{told}");
    driver.destroy(&project).await.unwrap();
}
