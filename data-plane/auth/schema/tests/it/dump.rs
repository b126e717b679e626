//! `pg_dump --data-only --schema=auth` of a Supabase project loads unchanged, and what it holds is there.

use test_postgres::TestDatabase;

use crate::support::{as_in, database, rows};

const DUMP: &str = include_str!("dump.sql");

fn load(database: &TestDatabase, role: &str, dump: &str) -> Result<String, String> {
    database.program(role, "psql", &["--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1"], dump)
}

fn dump(database: &TestDatabase) -> String {
    database.program("postgres", "pg_dump", &["--data-only", "--schema=auth"], "").unwrap()
}

/// All rows of all tables, as text.
async fn contents(database: &TestDatabase) -> Vec<String> {
    let client = database.connect("supabase_auth_admin").await;
    let tables = rows(&client, "select relname from pg_class where relnamespace = 'auth'::regnamespace and relkind = 'r'").await;
    let each: Vec<_> = tables.iter().map(|table| format!("select '{table}', t::text from auth.{table} as t")).collect();
    rows(&client, &format!("{} order by 1, 2", each.join(" union all "))).await
}

#[tokio::test]
async fn a_dump_of_every_table_loads_and_can_be_dumped_again() {
    let first = database().await;
    load(&first, "postgres", DUMP).unwrap();
    let found = contents(&first).await;
    for table in ["users: 5", "identities: 2", "refresh_tokens: 3", "webauthn_credentials: 1", "schema_migrations: 77"] {
        let (name, count) = table.split_once(": ").unwrap();
        let prefix = format!("{name}|");
        assert_eq!(found.iter().filter(|row| row.starts_with(&prefix)).count().to_string(), count, "{name}");
    }
    let names: std::collections::BTreeSet<_> = found.iter().map(|row| row.split('|').next().unwrap()).collect();
    assert_eq!(names.len(), 23, "{names:?}");

    let second = database().await;
    load(&second, "postgres", &dump(&first)).unwrap();
    assert_eq!(contents(&second).await, found);
}

#[tokio::test]
async fn what_a_dump_holds_is_in_force() {
    let database = database().await;
    load(&database, "postgres", DUMP).unwrap();
    let auth = database.connect("supabase_auth_admin").await;
    let users = "select email, left(encrypted_password, 10), confirmed_at is not null from users order by id";
    let expected = [
        "anna@example.com|$2a$05$CCC|t",
        "ben@example.com|$argon2id$|t",
        "anna@example.com|$fbscrypt$|f",
        "Cleo@Example.com|$fbscrypt$|t",
        "dora@example.com|$argon2id$|t",
    ];
    assert_eq!(rows(&auth, users).await, expected);
    // Numbers of refresh tokens go on behind those of the dump.
    assert_eq!(rows(&auth, "insert into refresh_tokens (token) values ('next') returning id").await, ["44"]);
    assert_eq!(rows(&auth, "select email from identities where provider = 'email'").await, ["anna@example.com"]);
}

/// As `supabase db dump --data-only` writes it: no triggers and no foreign keys are checked.
#[tokio::test]
async fn a_dump_loads_in_replica_mode_too() {
    let database = database().await;
    load(&database, "postgres", &format!("SET session_replication_role = replica;\n{DUMP}")).unwrap();
    let versions = "select count(*), count(distinct version) from auth.schema_migrations";
    assert_eq!(rows(&database.connect("postgres").await, versions).await, ["77|77"]);
}

/// Of a project whose Auth is newer: versions that are not ours stay, and do not make us migrate.
#[tokio::test]
async fn versions_that_are_not_ours_are_kept() {
    let database = database().await;
    load(&database, "postgres", &DUMP.replace("20260625000000\n", "20260625000000\n20991231000000\n")).unwrap();
    let newest = "select max(version) from auth.schema_migrations";
    assert_eq!(rows(&database.connect("postgres").await, newest).await, ["20991231000000"]);
    let mut auth = database.connect("supabase_auth_admin").await;
    assert_eq!(auth_schema::migrate(&mut auth).await.unwrap(), 0);
}

#[tokio::test]
async fn a_migrated_older_database_takes_a_dump_as_well() {
    let database = as_in(&["2017", "2022", "2023", "2025"]).await;
    let mut auth = database.connect("supabase_auth_admin").await;
    auth_schema::migrate(&mut auth).await.unwrap();
    load(&database, "supabase_auth_admin", DUMP).unwrap();
    assert_eq!(rows(&auth, "select count(*) from auth.users").await, ["6"]);
}

#[test]
fn the_dump_has_rows_of_every_table() {
    let filled = DUMP.lines().zip(DUMP.lines().skip(1)).filter(|(copy, row)| copy.starts_with("COPY ") && *row != "\\.");
    assert_eq!(filled.count(), 23);
}
