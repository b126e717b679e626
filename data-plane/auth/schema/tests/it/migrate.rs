//! Older databases get to the same state as new ones, whatever happens on the way.

use auth_schema::{Error, MIGRATIONS, Place, migrate};
use test_postgres::{TestCluster, TestDatabase};

use crate::support::{as_in, database, error, rows, snapshot, without_auth};

const USER: &str = "11111111-1111-4111-8111-111111111111";

async fn migrated(database: &TestDatabase) -> usize {
    let mut owner = database.connect(auth_schema::ROLE).await;
    migrate(&mut owner).await.unwrap_or_else(|error| panic!("{error:?}"))
}

/// Compares with a new project's and says what differs.
async fn assert_as_new(database: &TestDatabase) {
    let (found, new) = (snapshot(database).await, snapshot(&crate::support::database().await).await);
    let missing: Vec<_> = new.iter().filter(|line| !found.contains(line)).collect();
    let extra: Vec<_> = found.iter().filter(|line| !new.contains(line)).collect();
    assert!(missing.is_empty() && extra.is_empty(), "missing: {missing:#?}\nextra: {extra:#?}");
}

#[tokio::test]
async fn a_new_project_has_nothing_to_migrate() {
    let database = database().await;
    assert_eq!(migrated(&database).await, 0);
}

#[tokio::test]
async fn an_empty_database_gets_the_whole() {
    let database = without_auth().await;
    assert_eq!(migrated(&database).await, MIGRATIONS.len());
    assert_as_new(&database).await;
    assert_eq!(migrated(&database).await, 0);
}

#[tokio::test]
async fn older_databases_get_to_the_same_state_and_keep_their_rows() {
    for states in [&["2017"][..], &["2017", "2022"], &["2017", "2022", "2023"], &["2017", "2022", "2023", "2025"]] {
        let database = as_in(states).await;
        assert_eq!(migrated(&database).await, MIGRATIONS.len(), "{states:?}");
        assert_as_new(&database).await;
        assert_eq!(migrated(&database).await, 0, "{states:?}");
        let owner = database.connect(auth_schema::ROLE).await;
        let user = "set datestyle = iso; set timezone = utc;
            select email, email_confirmed_at::date, confirmed_at::date, email_change_token_new, phone, is_sso_user from users";
        assert_eq!(rows(&owner, user).await, ["old@example.com|2020-01-02|2020-01-02|change|-|f"], "{states:?}");
        let identity = "select provider_id, provider, email, id is not null from identities";
        assert_eq!(rows(&owner, identity).await, [format!("{USER}|email|old@example.com|t")], "{states:?}");
        assert_eq!(rows(&owner, "select id, token, parent from refresh_tokens").await, ["1|first|-"], "{states:?}");
        let claims = "select count(*) = count(distinct id) from mfa_amr_claims";
        assert_eq!(rows(&owner, claims).await, ["t"], "{states:?}");
        if states.contains(&"2025") {
            let client = "select client_type, token_endpoint_auth_method from oauth_clients";
            assert_eq!(rows(&owner, client).await, ["confidential|client_secret_basic"]);
        }
    }
}

/// Everything that a migration adds to a table is also added again, not only with its table.
#[tokio::test]
async fn what_is_missing_is_added_again() {
    let database = database().await;
    let owner = database.connect(auth_schema::ROLE).await;
    let drops = "
        select format('drop index %s', indexrelid::regclass) from pg_index join pg_class on pg_class.oid = indrelid
        where relnamespace = 'auth'::regnamespace
          and not exists (select from pg_constraint where conindid = indexrelid)
        union all
        select format('alter table %s drop constraint %I cascade', conrelid::regclass, conname) from pg_constraint
        where connamespace = 'auth'::regnamespace and contype in ('c', 'u', 'p')
        union all
        select format('alter table %s disable row level security', oid::regclass) from pg_class
        where relnamespace = 'auth'::regnamespace and relrowsecurity
        union all
        select format('revoke all on %s from postgres, dashboard_user', oid::regclass) from pg_class
        where relnamespace = 'auth'::regnamespace and relkind in ('r', 'S')";
    let drops = rows(&owner, drops).await;
    assert!(drops.len() > 150, "{}", drops.len());
    owner.batch_execute(&drops.join(";")).await.unwrap();
    let more = "drop function auth.jwt(); drop trigger skip_known_version on auth.schema_migrations;
        alter table auth.flow_state alter column auth_code set not null; delete from auth.schema_migrations where version > '2026'";
    owner.batch_execute(more).await.unwrap();
    assert_eq!(migrated(&database).await, MIGRATIONS.len());
    assert_as_new(&database).await;
}

/// `_auth` says that everything is done, but the schema is an older project's.
#[tokio::test]
async fn a_dump_restored_in_its_place_is_migrated_again() {
    let database = database().await;
    let admin = database.connect("supabase_admin").await;
    let replace = "drop schema auth cascade; create schema auth; set search_path = auth, pg_catalog";
    admin.batch_execute(replace).await.unwrap();
    // As a restore without owners does: everything belongs to whoever ran it.
    admin.batch_execute(include_str!("states/2017.sql")).await.unwrap();
    admin.batch_execute("reset search_path; alter schema auth owner to supabase_auth_admin").await.unwrap();
    let mut admin = admin;
    assert_eq!(migrate(&mut admin).await.unwrap(), MIGRATIONS.len());
    assert_as_new(&database).await;
    // The session is as it was before.
    assert_eq!(rows(&admin, "select current_user, current_setting('statement_timeout')").await, ["supabase_admin|0"]);
}

#[tokio::test]
async fn two_at_once_migrate_once() {
    let database = as_in(&["2017"]).await;
    let (mut one, mut two) = (database.connect(auth_schema::ROLE).await, database.connect(auth_schema::ROLE).await);
    let (one, two) = tokio::join!(migrate(&mut one), migrate(&mut two));
    let mut counts = [one.unwrap(), two.unwrap()];
    counts.sort_unstable();
    assert_eq!(counts, [0, MIGRATIONS.len()]);
    assert_as_new(&database).await;
}

/// What a process does that is killed before its last statement.
#[tokio::test]
async fn a_migration_that_ends_in_the_middle_leaves_nothing() {
    let database = as_in(&["2017"]).await;
    let before = tables(&database).await;
    let owner = database.connect(auth_schema::ROLE).await;
    let (all, _) = auth_schema::TEMPLATE.rsplit_once("commit;").unwrap();
    owner.batch_execute(all).await.unwrap();
    let pid = rows(&owner, "select pg_backend_pid()").await;
    drop(owner);
    let admin = database.connect("supabase_admin").await;
    rows(&admin, &format!("select pg_terminate_backend({}, 10000)", pid[0])).await;
    assert_eq!(tables(&database).await, before);
    assert_eq!(migrated(&database).await, MIGRATIONS.len());
    assert_as_new(&database).await;
}

async fn tables(database: &TestDatabase) -> Vec<String> {
    let sql = "select relnamespace::regnamespace, relname, relnatts from pg_class
               where relnamespace::regnamespace::text in ('auth', '_auth') order by 1, 2";
    rows(&database.connect("postgres").await, sql).await
}

#[tokio::test]
async fn a_statement_that_fails_changes_nothing_and_says_which() {
    let database = as_in(&["2017"]).await;
    let mut owner = database.connect(auth_schema::ROLE).await;
    // Something of a user's with the name of a table of ours.
    owner.batch_execute("create view auth.mfa_factors as select 1 as id").await.unwrap();
    let before = tables(&database).await;
    let failed = migrate(&mut owner).await.unwrap_err();
    assert!(matches!(failed, Error::Migration { version: 1, .. }), "{failed:?}");
    assert_eq!(tables(&database).await, before);
    owner.batch_execute("drop view auth.mfa_factors").await.unwrap();
    assert_eq!(migrate(&mut owner).await.unwrap(), MIGRATIONS.len());
}

#[tokio::test]
async fn a_role_without_rights_is_told_what_it_needs() {
    let database = without_auth().await;
    let admin = database.connect("supabase_admin").await;
    let none = "drop schema auth; revoke create on database %s from supabase_auth_admin";
    admin.batch_execute(&none.replace("%s", database.name())).await.unwrap();
    let mut owner = database.connect(auth_schema::ROLE).await;
    let refused = migrate(&mut owner).await.unwrap_err();
    assert!(matches!(refused, Error::Prepare(_)), "{refused:?}");
    assert!(refused.to_string().contains("CREATE"), "{refused}");
}

/// As in the images of supabase/postgres before November 2025: `auth` is a superuser's, and no other schema can be made.
#[tokio::test]
async fn a_role_that_may_make_no_schema_has_its_own_tables_in_auth() {
    let database = as_in(&["2017"]).await;
    let admin = database.connect("supabase_admin").await;
    let name = database.name();
    let rights = format!(
        "alter schema auth owner to supabase_admin; grant all on schema auth to supabase_auth_admin;
         revoke create on database {name} from supabase_auth_admin"
    );
    admin.batch_execute(&rights).await.unwrap();
    assert_eq!(migrated(&database).await, MIGRATIONS.len());
    let owner = database.connect(auth_schema::ROLE).await;
    assert_eq!(Place::of(&owner).await.unwrap(), Place::WithinAuth);
    let own =
        "select relname from pg_class where relnamespace = 'auth'::regnamespace and relkind = 'r' and relname ~ '^_' order by 1";
    assert_eq!(rows(&owner, own).await, ["_limits", "_messages", "_schema_migrations"]);
    assert_eq!(migrated(&database).await, 0);
    // They stay when it may.
    admin.batch_execute(&format!("grant create on database {name} to supabase_auth_admin")).await.unwrap();
    assert_eq!(migrated(&database).await, 0);
    assert_eq!(Place::of(&owner).await.unwrap(), Place::WithinAuth);
}

/// As with the scripts of compose files: the role is missing, the schema belongs to whoever ran the script and connects now.
#[tokio::test]
async fn a_superuser_makes_what_is_missing() {
    let database = TestCluster::another("bare", &[]).await.database().await;
    let mut admin = database.connect("supabase_admin").await;
    let bare = "drop schema auth, _auth cascade; alter role supabase_auth_admin rename to former; create schema auth";
    admin.batch_execute(bare).await.unwrap();
    let refused = migrate(&mut database.connect("postgres").await).await.unwrap_err();
    assert!(matches!(refused, Error::Prepare(_)), "{refused:?}");
    assert_eq!(migrate(&mut admin).await.unwrap(), MIGRATIONS.len());
    let insert = "set role supabase_auth_admin; insert into auth.users (id) values (gen_random_uuid()); reset role";
    admin.batch_execute(insert).await.unwrap();
    let owners =
        "select distinct relowner::regrole from pg_class where relnamespace in ('auth'::regnamespace, '_auth'::regnamespace)";
    assert_eq!(rows(&admin, owners).await, ["supabase_auth_admin"]);
    assert_eq!(rows(&admin, "select has_schema_privilege('authenticated', 'auth', 'usage')").await, ["t"]);
    assert_eq!(migrate(&mut admin).await.unwrap(), 0);
}

/// A foreign key of the user's may need that addresses are unique among all.
#[tokio::test]
async fn a_foreign_key_on_the_address_keeps_its_constraint() {
    let database = as_in(&["2017"]).await;
    let user = database.connect("postgres").await;
    user.batch_execute("create table public.t (email varchar references auth.users (email))").await.unwrap();
    assert_eq!(migrated(&database).await, MIGRATIONS.len());
    let duplicate = "insert into auth.users (id, email, is_sso_user) values (gen_random_uuid(), 'old@example.com', true)";
    let refused = error(&user, duplicate).await;
    assert_eq!(refused, "23505 duplicate key value violates unique constraint \"users_email_key\"");
}
