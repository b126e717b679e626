//! What only the superuser can do in a project's database: give the login roles of a fresh clone their own passwords, and make
//! the schemas that a service has no right to make.

use std::time::Duration;

use control_plane::{ProvisionError, RolePasswords};
use postgres_cluster::{SUPERUSER, scram_verifier};
use secrecy::{ExposeSecret as _, SecretString};
use tokio_postgres::{
    Client, Config, NoTls,
    error::SqlState,
    types::{ToSql, Type},
};

use crate::error;

/// For connecting, and for each statement.
const TIMEOUT: Duration = Duration::from_secs(30);

/// Sets every password in one statement at this address, as the superuser, who has the template's password in a fresh clone and its own
/// afterwards. Only verifiers are sent, so that no log can hold a password.
///
/// Not by `ALTER ROLE`, which tries each verifier with the empty password: 5 ms of hashing for each role, half of the time
/// that a project takes to be made.
pub(crate) async fn set(
    address: &Config,
    template_password: &SecretString,
    passwords: &RolePasswords,
) -> Result<(), ProvisionError> {
    let (client, verifiers) = tokio::join!(connect(address, template_password), verifiers(passwords));
    let client = match client {
        Ok(client) => client,
        Err(error) if is_wrong_password(&error) => {
            let own = passwords.0.get(SUPERUSER).ok_or_else(|| error::transient("the superuser has no password"))?;
            connect(address, own).await.map_err(failed)?
        }
        Err(error) => return Err(failed(error)),
    };
    let (roles, verifiers): (Vec<_>, Vec<_>) = verifiers?.into_iter().unzip();
    // The project's owner may have set what a session in this database begins with.
    client.batch_execute("RESET ROLE; SET search_path = pg_catalog").await.map_err(failed)?;
    let set = "UPDATE pg_catalog.pg_authid SET rolpassword = new.verifier \
        FROM ROWS FROM (pg_catalog.unnest($1::text[]), pg_catalog.unnest($2::text[])) AS new (role, verifier) \
        WHERE rolname = new.role";
    let parameters: [(&(dyn ToSql + Sync), Type); 2] = [(&roles, Type::TEXT_ARRAY), (&verifiers, Type::TEXT_ARRAY)];
    let found = client.execute_typed(set, &parameters).await.map_err(failed)?;
    if found != roles.len() as u64 {
        return Err(error::transient(&format!("{found} of the database's {} login roles are there", roles.len())));
    }
    Ok(())
}

/// Makes the schemas of Auth where there are none. What is in them is the service's own business.
pub(crate) async fn make_auth_schemas(address: &Config, own: &SecretString) -> Result<(), ProvisionError> {
    let unmade = |source| failed_to("schemas of Auth could not be made", source);
    let client = connect(address, own).await.map_err(unmade)?;
    // The project's owner may have set what a session in this database begins with.
    let make = "RESET ROLE; SET search_path = pg_catalog;
        DO $$ BEGIN
            IF to_regnamespace('auth') IS NULL THEN CREATE SCHEMA auth AUTHORIZATION supabase_auth_admin; END IF;
            IF to_regnamespace('_auth') IS NULL THEN CREATE SCHEMA _auth AUTHORIZATION supabase_auth_admin; END IF;
        END $$";
    client.batch_execute(make).await.map_err(unmade)
}

/// Verifier by role. Each takes a millisecond or two of hashing, so they are spread over threads.
async fn verifiers(passwords: &RolePasswords) -> Result<Vec<(String, String)>, ProvisionError> {
    let hashing: Vec<_> = passwords
        .0
        .clone()
        .into_iter()
        .map(|(role, password)| tokio::task::spawn_blocking(move || (role, scram_verifier(&password))))
        .collect();
    let mut verifiers = Vec::with_capacity(hashing.len());
    for verifier in hashing {
        verifiers.push(verifier.await.map_err(error::interrupted)?);
    }
    Ok(verifiers)
}

async fn connect(address: &Config, password: &SecretString) -> Result<Client, tokio_postgres::Error> {
    let mut config = address.clone();
    config.user(SUPERUSER).dbname("postgres");
    config.connect_timeout(TIMEOUT).options(format!("-c statement_timeout={}", TIMEOUT.as_millis()));
    let (client, connection) = config.password(password.expose_secret()).connect(NoTls).await?;
    // Ends when the client is dropped.
    tokio::spawn(connection);
    Ok(client)
}

fn is_wrong_password(error: &tokio_postgres::Error) -> bool {
    error.code() == Some(&SqlState::INVALID_PASSWORD)
}

fn failed(source: tokio_postgres::Error) -> ProvisionError {
    failed_to("passwords could not be set", source)
}

fn failed_to(what: &str, source: tokio_postgres::Error) -> ProvisionError {
    let detail = source.as_db_error().map_or_else(|| source.to_string(), |error| error.message().to_owned());
    ProvisionError::Transient { cause: format!("the database's {what}: {detail}"), source: Some(Box::new(source)) }
}
