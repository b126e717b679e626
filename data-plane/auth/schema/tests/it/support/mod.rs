//! Databases with and without the schema, and everything that can be seen of it as lines of text.

use test_postgres::{TestCluster, TestDatabase};
use tokio_postgres::{Client, SimpleQueryMessage};

/// A new project's.
pub(crate) async fn database() -> TestDatabase {
    TestCluster::shared().await.database().await
}

/// One whose `auth` is empty, as before its first table, and which lets its service make `_auth`.
pub(crate) async fn without_auth() -> TestDatabase {
    let database = database().await;
    let name = database.name();
    let sql = format!(
        "drop schema auth, _auth cascade;
         create schema auth authorization supabase_auth_admin;
         grant create on database {name} to supabase_auth_admin"
    );
    database.connect("supabase_admin").await.batch_execute(&sql).await.unwrap();
    database
}

/// One that an older GoTrue has left, by the names of `states/`.
pub(crate) async fn as_in(states: &[&str]) -> TestDatabase {
    let database = without_auth().await;
    let owner = database.connect("supabase_auth_admin").await;
    for state in states {
        let sql = match *state {
            "2017" => include_str!("../states/2017.sql"),
            "2022" => include_str!("../states/2022.sql"),
            "2023" => include_str!("../states/2023.sql"),
            "2025" => include_str!("../states/2025.sql"),
            other => panic!("no state {other}"),
        };
        owner.batch_execute(sql).await.unwrap_or_else(|error| panic!("{state}: {error:?}"));
    }
    database
}

/// Runs statements and gives the rows of all, columns separated by `|`, null as `-`.
pub(crate) async fn rows(client: &Client, sql: &str) -> Vec<String> {
    let messages = client.simple_query(sql).await.unwrap_or_else(|error| panic!("{error:?}: {sql}"));
    let text = |row: &tokio_postgres::SimpleQueryRow| {
        (0..row.len()).map(|column| row.get(column).unwrap_or("-").to_owned()).collect::<Vec<_>>().join("|")
    };
    let rows = messages.iter().filter_map(|message| match message {
        SimpleQueryMessage::Row(row) => Some(text(row)),
        _ => None,
    });
    rows.collect()
}

/// Runs statements that are to fail and gives `SQLSTATE message`.
pub(crate) async fn error(client: &Client, sql: &str) -> String {
    let error = client.simple_query(sql).await.err().unwrap_or_else(|| panic!("succeeded: {sql}"));
    error.as_db_error().map_or_else(|| error.to_string(), |error| format!("{} {}", error.code().code(), error.message()))
}

/// The schemas as PostgreSQL knows them: names, definitions, owners, rights, comments, triggers and versions.
pub(crate) async fn snapshot(database: &TestDatabase) -> Vec<String> {
    rows(&database.connect("postgres").await, include_str!("snapshot.sql")).await
}
