//! Machines that drivers run on, behind one face: what the contract needs to know and to break is the same for all.

mod docker;
mod local;
mod tls;

use std::{collections::BTreeMap, path::PathBuf, time::Duration};

use async_trait::async_trait;
use control_plane::{Placement, Progress, ProjectSecrets, Provisioner, RolePasswords};
use control_plane_api::{InstanceSize, ProjectRef};
use provisioner::LOGIN_ROLES;
use rustix::process::{Pid, Signal};
use secrecy::SecretString;
use tokio_postgres::{Client, NoTls};

pub(crate) use docker::{DockerMachine, program};
pub(crate) use local::LocalMachine;
pub(crate) use tls::{Authority, TlsEngine};

const PATIENCE: Duration = Duration::from_secs(60);

/// A machine of a test's own; drivers on it come and go, as a server's lives do. What is left of it goes with it.
#[async_trait]
pub(crate) trait Machine: Send + Sync + Sized {
    type Driver: Provisioner;

    /// Nothing where there is nothing to run on; then the test has nothing to say.
    async fn new() -> Option<Self>;

    /// The next life's driver.
    fn driver(&self) -> Self::Driver;

    /// The driver's name and the stack.
    fn kind(&self) -> (&'static str, Option<&'static str>);

    /// The project's data directory, for whoever wants to damage it.
    async fn data(&self, placement: &Placement) -> PathBuf;

    /// Whether anything of the project is left.
    async fn remains(&self, placement: &Placement) -> bool;

    /// The database's process on this machine, if it runs.
    async fn postmaster(&self, placement: &Placement) -> Option<i32>;

    /// Makes as if the passwords had been set and the note of it not been written any more.
    fn forget_passwords(&self, placement: &Placement);

    /// Makes as if a clone had been interrupted.
    async fn interrupt_clone(&self, driver: &Self::Driver, placement: &Placement);

    /// Makes as if a removal had been interrupted.
    async fn interrupt_removal(&self, placement: &Placement);

    fn placement(&self, letter: u8, port: Option<u16>) -> Placement {
        let (driver, stack) = self.kind();
        Placement {
            project_ref: ProjectRef::from_letters([letter; ProjectRef::LENGTH]),
            driver: driver.to_owned(),
            stack: stack.map(str::to_owned),
            port,
            size: InstanceSize::Nano,
            postgres_major: None,
        }
    }

    /// A project that runs with this password for every role.
    async fn running(&self, driver: &Self::Driver, letter: u8, password: &str) -> Placement {
        let placement = self.placement(letter, None);
        let placement = Placement { port: Some(driver.allocate_port(&placement).await.unwrap()), ..placement };
        driver.ensure_template(&placement, &Quiet).await.unwrap();
        driver.ensure_data(&placement).await.unwrap();
        driver.ensure_started(&placement, &secrets(password)).await.unwrap();
        driver.ensure_passwords(&placement, &passwords(password)).await.unwrap();
        driver.ensure_services(&placement, &secrets(password)).await.unwrap();
        placement
    }
}

/// Runs a case of the contract on a machine of each kind.
macro_rules! on_every_machine {
    ($($case:ident),+ $(,)?) => {
        mod local {
            $(#[tokio::test]
            async fn $case() {
                super::$case(<$crate::support::LocalMachine as $crate::support::Machine>::new().await.unwrap()).await;
            })+
        }
        mod docker {
            $(#[tokio::test]
            async fn $case() {
                if let Some(machine) = <$crate::support::DockerMachine as $crate::support::Machine>::new().await {
                    super::$case(machine).await;
                }
            })+
        }
    };
}
pub(crate) use on_every_machine;

/// Nobody watches.
#[derive(Debug)]
pub(crate) struct Quiet;

impl Progress for Quiet {
    fn line(&self, _text: &str) {}
}

pub(crate) fn signal(pid: i32, signal: Signal) {
    let _ = rustix::process::kill_process(Pid::from_raw(pid).unwrap(), signal);
}

/// A password for every login role, all the same.
pub(crate) fn passwords(password: &str) -> RolePasswords {
    RolePasswords(role_passwords(password))
}

fn role_passwords(password: &str) -> BTreeMap<String, SecretString> {
    LOGIN_ROLES.iter().map(|role| ((*role).to_owned(), SecretString::from(password.to_owned()))).collect()
}

/// The secrets of a project with these passwords.
pub(crate) fn secrets(password: &str) -> ProjectSecrets {
    ProjectSecrets {
        jwt_secret: "a secret that is at least thirty-two bytes long".to_owned().into(),
        anon_key: "anon".to_owned().into(),
        service_role_key: "service".to_owned().into(),
        passwords: role_passwords(password),
        publishable_keys: vec!["sb_publishable_a".to_owned().into()],
        secret_keys: vec!["sb_secret_b".to_owned().into()],
    }
}

/// As a user of the project's SQL connection does.
pub(crate) async fn connect(placement: &Placement, role: &str, password: &str) -> Result<Client, tokio_postgres::Error> {
    let mut config = tokio_postgres::Config::new();
    config.host("127.0.0.1").port(placement.port.unwrap()).user(role).password(password).dbname("postgres");
    let (client, connection) = config.connect(NoTls).await?;
    // Ends with the client.
    tokio::spawn(connection);
    Ok(client)
}

pub(crate) async fn in_time<T>(what: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, what).await.expect("it did not come about")
}

/// Looks again, a hundred times a second, until there is something to see.
pub(crate) async fn eventually<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let deadline = tokio::time::Instant::now() + PATIENCE;
    loop {
        if let Some(seen) = look().await {
            return seen;
        }
        assert!(tokio::time::Instant::now() < deadline, "{what} did not come about");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
