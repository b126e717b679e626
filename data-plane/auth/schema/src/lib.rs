//! The database schema of Auth: GoTrue's schema `auth` as version 2.196 has it, and `_auth`, which only we have.
//!
//! SQL and the order to run it in. What it deliberately does not know: what the rows mean. [`TEMPLATE`] makes the schema of
//! a new project; [`migrate`] brings any other database to the same state, one that GoTrue has kept so far included.

mod migrate;

pub use migrate::{Error, Place, migrate, migrate_in};

/// The role that owns both schemas and everything in them.
pub const ROLE: &str = "supabase_auth_admin";

/// A step of the schema. Running it again changes nothing.
#[derive(Debug, Clone, Copy)]
pub struct Migration {
    /// Counted from 1, without gaps.
    pub version: i32,
    /// For people.
    pub name: &'static str,
    /// Run as [`ROLE`]; its last statement notes the version in `_auth.schema_migrations`.
    pub sql: &'static str,
}

macro_rules! prepare {
    () => {
        include_str!("../sql/0-prepare.sql")
    };
}

macro_rules! catalogue {
    () => {
        concat!(
            include_str!("../sql/1/10-older.sql"),
            include_str!("../sql/1/20-types.sql"),
            include_str!("../sql/1/30-users.sql"),
            include_str!("../sql/1/31-sessions.sql"),
            include_str!("../sql/1/32-factors.sql"),
            include_str!("../sql/1/33-providers.sql"),
            include_str!("../sql/1/34-oauth-server.sql"),
            include_str!("../sql/1/40-constraints.sql"),
            include_str!("../sql/1/50-indexes.sql"),
            include_str!("../sql/1/60-functions.sql"),
            include_str!("../sql/1/70-access.sql"),
            include_str!("../sql/1/80-comments.sql"),
            include_str!("../sql/1/90-upstream.sql"),
        )
    };
}

macro_rules! own {
    () => {
        include_str!("../sql/2-own.sql")
    };
}

macro_rules! lookups {
    () => {
        include_str!("../sql/3-lookups.sql")
    };
}

macro_rules! directory {
    () => {
        include_str!("../sql/4-directory.sql")
    };
}

macro_rules! authorizations {
    () => {
        include_str!("../sql/5-authorizations.sql")
    };
}

/// All migrations, in order.
pub const MIGRATIONS: &[Migration] = &[
    Migration { version: 1, name: "catalogue of GoTrue 2.196", sql: catalogue!() },
    Migration { version: 2, name: "mailbox, limits and indexes", sql: own!() },
    Migration { version: 3, name: "lookups of changes", sql: lookups!() },
    Migration { version: 4, name: "indexes of the directory of users", sql: directory!() },
    Migration { version: 5, name: "lookups of authorizations", sql: authorizations!() },
];

/// All of it as one batch with a transaction of its own, for a database without tenants' objects, run by its superuser.
pub const TEMPLATE: &str =
    concat!("begin;\n", prepare!(), catalogue!(), own!(), lookups!(), directory!(), authorizations!(), "commit;\n");

/// Makes the schemas and becomes [`ROLE`] for the rest of the transaction.
const PREPARE: &str = prepare!();

/// The last of GoTrue's own migrations that [`MIGRATIONS`] stand for. A database that was replaced by an older dump lacks
/// it, although `_auth.schema_migrations` may say that everything is done.
const UPSTREAM: &str = "20260625000000";

#[cfg(test)]
mod tests {
    use super::{MIGRATIONS, TEMPLATE, UPSTREAM};

    #[test]
    fn versions_count_from_one_and_are_noted_at_the_end() {
        for (migration, version) in MIGRATIONS.iter().zip(1..) {
            assert_eq!(migration.version, version, "{}", migration.name);
            let note = format!("insert into _auth.schema_migrations (version) values ({version}) on conflict do nothing;\n");
            assert!(migration.sql.ends_with(&note), "{}", migration.name);
            assert!(TEMPLATE.contains(migration.sql), "{}", migration.name);
        }
    }

    #[test]
    fn the_last_upstream_version_is_one_that_is_written() {
        assert!(MIGRATIONS[0].sql.contains(&format!("('{UPSTREAM}');")));
    }
}
