//! What a new project is made from: the SQL of its database.
//!
//! Roles, schemas, grants, default privileges, time-outs, the publication, event triggers and the helper functions that
//! migrations and policies written for Supabase expect, on plain PostgreSQL 15 to 18. It holds no password and no
//! knowledge of a particular project; it is run once per template, not per project. Tables that a service makes and
//! migrates itself are not here, only those a fresh Supabase database has before its services first run.

use sha2::{Digest, Sha256};

/// The roles that can log in. Each needs a password of its own in each project; none has one in the template, except
/// `supabase_admin`, the superuser.
pub const LOGIN_ROLES: &[&str] = &[
    "supabase_admin",
    "postgres",
    "authenticator",
    "supabase_auth_admin",
    "supabase_storage_admin",
    "supabase_replication_admin",
    "supabase_read_only_user",
    "pgbouncer",
];

const FILES: &[(&str, &str)] = &[
    ("00-roles.sql", include_str!("../sql/00-roles.sql")),
    ("10-schemas.sql", include_str!("../sql/10-schemas.sql")),
    ("20-auth.sql", include_str!("../sql/20-auth.sql")),
    ("30-storage.sql", include_str!("../sql/30-storage.sql")),
    ("40-realtime.sql", include_str!("../sql/40-realtime.sql")),
    ("50-event-triggers.sql", include_str!("../sql/50-event-triggers.sql")),
    ("60-graphql.sql", include_str!("../sql/60-graphql.sql")),
];

/// The files (name, SQL) in the order in which the superuser runs them in the database `postgres`, each as one batch.
pub fn files() -> &'static [(&'static str, &'static str)] {
    FILES
}

/// Names this version of the SQL: 12 hexadecimal digits.
pub fn hash() -> String {
    let mut hash = Sha256::new();
    for (name, sql) in FILES {
        hash.update(name);
        hash.update([0]);
        hash.update(sql);
        hash.update([0]);
    }
    hex::encode(&hash.finalize()[..6])
}
