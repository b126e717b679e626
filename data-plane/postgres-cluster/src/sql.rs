//! Runs the SQL of a template as the superuser, file by file, and says where it is wrong.

use std::borrow::Cow;

use tokio_postgres::{Config, NoTls, error::ErrorPosition};

use crate::Error;

/// The database that files are for, unless their first line says otherwise.
const DATABASE: &str = "postgres";

/// Runs the files (name, SQL) in order, each as one batch, in the database `postgres` or the one that a first line
/// `\connect NAME` names, and a checkpoint at the end. `config` has the address, the superuser and its password. Answers
/// the server's version, such as `15.18`.
///
/// # Errors
/// [`Error::Sql`] with file and line; [`Error::Connect`].
pub async fn run_files(config: &Config, files: &[(&str, &str)]) -> Result<String, Error> {
    for (file, text) in files {
        let (database, text) = target(text);
        run_batch(config, database, &text).await?.map_err(|source| sql_error(file, &text, source))?;
    }
    let mut config = config.clone();
    config.dbname(DATABASE);
    let (client, connection) = config.connect(NoTls).await.map_err(connect_error(&config))?;
    let driver = tokio::spawn(connection);
    let version = async {
        client.batch_execute("CHECKPOINT").await?;
        // Debian adds its own: `15.18 (Debian 15.18-0+deb12u1)`.
        Ok(client.query_one("SHOW server_version", &[]).await?.get::<_, String>(0))
    };
    let version = version.await.map_err(connect_error(&config))?;
    drop(client);
    // Its end says nothing that the statements have not said.
    drop(driver.await);
    Ok(version.split(' ').next().unwrap_or_default().to_owned())
}

async fn run_batch(config: &Config, database: &str, text: &str) -> Result<Result<(), tokio_postgres::Error>, Error> {
    let mut config = config.clone();
    config.dbname(database);
    let (client, connection) = config.connect(NoTls).await.map_err(connect_error(&config))?;
    let driver = tokio::spawn(connection);
    let ran = client.batch_execute(text).await;
    drop(client);
    // Its end says nothing that the statements have not said.
    drop(driver.await);
    Ok(ran)
}

fn connect_error(config: &Config) -> impl Fn(tokio_postgres::Error) -> Error + '_ {
    |source| {
        let path = match config.get_hosts().first() {
            Some(tokio_postgres::config::Host::Unix(path)) => path.clone(),
            Some(tokio_postgres::config::Host::Tcp(host)) => host.into(),
            None => std::path::PathBuf::new(),
        };
        Error::Connect { path, source }
    }
}

/// The database that a file is for, and the file without the line that says so (an empty line keeps the numbers right).
fn target(text: &str) -> (&str, Cow<'_, str>) {
    match text.strip_prefix("\\connect ").and_then(|rest| rest.split_once('\n')) {
        Some((database, rest)) => (database.trim(), Cow::Owned(format!("\n{rest}"))),
        None => (DATABASE, Cow::Borrowed(text)),
    }
}

fn sql_error(file: &str, text: &str, source: tokio_postgres::Error) -> Error {
    let database = source.as_db_error();
    let line = match database.and_then(tokio_postgres::error::DbError::position) {
        Some(ErrorPosition::Original(position)) => {
            let before = text.chars().take(usize::try_from(*position).unwrap_or(0).saturating_sub(1));
            before.filter(|character| *character == '\n').count() + 1
        }
        Some(ErrorPosition::Internal { .. }) | None => 0,
    };
    let message = database.map_or_else(|| source.to_string(), |error| error.message().to_owned());
    Error::Sql { file: file.to_owned(), line, message, source }
}
