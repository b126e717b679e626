//! What `postgres`, who is no superuser, can create with plain `create extension`.

use crate::support::{database, error, rows};

#[tokio::test]
async fn usual_extensions_can_be_created_in_every_form() {
    let database = database().await;
    let client = database.connect("postgres").await;
    for sql in [
        "create extension if not exists \"uuid-ossp\"",
        "create extension if not exists pgcrypto with schema extensions",
        "create extension if not exists pg_stat_statements with schema extensions",
        "create extension pg_trgm",
        "create extension citext schema public",
        "create extension if not exists hstore with schema extensions",
        "create extension unaccent with schema extensions cascade",
        "create extension btree_gist",
        "create extension ltree",
        // Not trusted by PostgreSQL.
        "create extension moddatetime schema extensions",
        "create extension if not exists postgres_fdw with schema extensions",
        "create extension pgstattuple",
        "create extension if not exists dblink cascade",
        "create extension amcheck",
        "drop extension pgstattuple",
    ] {
        client.batch_execute(sql).await.unwrap_or_else(|error| panic!("{sql}: {error:?}"));
    }
    let sql = "select extname || ' ' || extnamespace::regnamespace from pg_extension
               where extname in ('moddatetime', 'citext', 'hstore', 'dblink') order by 1";
    assert_eq!(rows(&client, sql).await, ["citext public", "dblink extensions", "hstore extensions", "moddatetime extensions"]);
    assert_eq!(rows(&client, "select count(*) from pg_stat_statements_info").await, ["1"]);
    client.batch_execute("create server other foreign data wrapper postgres_fdw options (host '127.0.0.1')").await.unwrap();
}

#[tokio::test]
async fn extensions_that_reach_the_server_are_refused() {
    let database = database().await;
    let client = database.connect("postgres").await;
    for name in ["file_fdw", "adminpack", "pageinspect"] {
        let refused = error(&client, &format!("create extension if not exists {name} with schema extensions")).await;
        // PostgreSQL 17 has no adminpack any more.
        assert!(refused.starts_with("42501 permission denied to create extension") || refused.starts_with("0A000"), "{refused}");
    }
}

#[tokio::test]
async fn scripts_that_run_as_superuser_meet_no_object_of_a_tenant() {
    let database = database().await;
    let client = database.connect("postgres").await;
    let refused = error(&client, "create function extensions.evil() returns int language sql as 'select 1'").await;
    assert_eq!(refused, "42501 permission denied for schema extensions");
    client.batch_execute("create schema evil").await.unwrap();
    let refused = error(&client, "create extension moddatetime schema evil").await;
    assert_eq!(refused, "0A000 extension \"moddatetime\" must be installed in schema \"extensions\"");
    let refused = error(&client, "drop schema extensions cascade").await;
    assert_eq!(refused, "42501 must be owner of schema extensions");
    client.batch_execute("create extension dblink").await.unwrap();
    let refused = error(&client, "select dblink_connect_u('host=/var/run/postgresql user=postgres')").await;
    assert_eq!(refused, "42501 permission denied for function dblink_connect_u");
}

#[tokio::test]
async fn databases_that_postgres_creates_have_a_closed_extensions_schema_too() {
    let database = database().await;
    let client = database.connect("postgres").await;
    for template in ["template0", "template1"] {
        let name = format!("{}_{template}", database.name());
        client.batch_execute(&format!("create database {name} template {template}")).await.unwrap();
        let other = database.url("postgres").replace(database.name(), &name);
        let (other, connection) = tokio_postgres::connect(&other, tokio_postgres::NoTls).await.unwrap();
        tokio::spawn(connection);
        let refused = error(&other, "create function extensions.evil() returns int language sql as 'select 1'").await;
        assert_eq!(refused, "42501 permission denied for schema extensions");
        other.batch_execute("create extension moddatetime").await.unwrap();
        drop(other);
        client.batch_execute(&format!("drop database {name} with (force)")).await.unwrap();
    }
}
