//! One way in: run SQL as a role in a fresh database.

use test_postgres::{TestCluster, TestDatabase};
use tokio_postgres::{Client, SimpleQueryMessage};

pub(crate) async fn database() -> TestDatabase {
    TestCluster::shared().await.database().await
}

/// Runs statements and gives the rows of all, columns separated by `|`, null as `-`.
pub(crate) async fn rows(client: &Client, sql: &str) -> Vec<String> {
    let messages = client.simple_query(sql).await.unwrap_or_else(|error| panic!("{}: {sql}", message(&error)));
    let text = |row: &tokio_postgres::SimpleQueryRow| {
        (0..row.len()).map(|column| row.get(column).unwrap_or("-").to_owned()).collect::<Vec<_>>().join("|")
    };
    messages
        .iter()
        .filter_map(|message| if let SimpleQueryMessage::Row(row) = message { Some(text(row)) } else { None })
        .collect()
}

/// Runs statements that are to fail and gives `SQLSTATE message`.
pub(crate) async fn error(client: &Client, sql: &str) -> String {
    match client.simple_query(sql).await {
        Ok(_) => panic!("succeeded: {sql}"),
        Err(error) => message(&error),
    }
}

fn message(error: &tokio_postgres::Error) -> String {
    error.as_db_error().map_or_else(|| error.to_string(), |error| format!("{} {}", error.code().code(), error.message()))
}
