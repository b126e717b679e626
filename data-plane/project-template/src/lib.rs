//! What a new project is made from: the SQL of its database.
//!
//! Roles, schemas, grants, default privileges, time-outs, the publication, event triggers and the helper functions that
//! migrations and policies written for Supabase expect, on plain PostgreSQL 15 to 18. It holds no password and no
//! knowledge of a particular project; it is run once per template, not per project. Tables that a service makes and
//! migrates itself are not here, only those a fresh Supabase database has before its services first run; Auth's are complete,
//! by the migrations of `auth-schema`.
//!
//! `postgres`, the role that a project's owner gets, is not a superuser and must not become one. So whoever opens a
//! session as `supabase_admin` in a project's database: call nothing that the owner can have made (views, functions,
//! triggers run with the caller's rights), and begin with `reset role; set search_path = pg_catalog`, as the owner of a
//! database may give it settings. Clusters of several projects run as one operating system user; that user must not
//! be let in without a password by any other PostgreSQL of the machine (`peer`, `trust`, `~/.pgpass`).

pub mod image;

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

/// The schema that extensions are created in; only the superuser creates anything else there.
pub const EXTENSIONS_SCHEMA: &str = "extensions";

/// Extensions that PostgreSQL lets only a superuser create and `postgres` is to be able to create here, pinned to
/// [`EXTENSIONS_SCHEMA`] (see `postgres_cluster::Binaries::trusting`). Not installed ones do no harm.
///
/// An extension is listed when Supabase offers it, its functions reach nothing outside the database (or, as dblink and
/// postgres_fdw, only what a password opens), and its script meets no object of a tenant's. Not listed, although
/// Supabase offers them: `http` and `pg_net` (the tenant's SQL would reach the server's loopback services), `pg_cron`,
/// `pgaudit`, `timescaledb` (have to be preloaded: memory in every project), `earthdistance` and
/// `postgis_tiger_geocoder` (run as superuser over the objects of an extension in a schema of the tenant's),
/// `postgis_topology` (a schema of its own that a tenant can prepare), `file_fdw`, `adminpack` (the server's files),
/// `pageinspect`, `pg_surgery`, `pg_walinspect` (raw pages), `xml2` (deprecated).
pub const TRUSTED_EXTENSIONS: &[&str] = &[
    "address_standardizer",
    "address_standardizer_data_us",
    "amcheck",
    "autoinc",
    "bloom",
    "dblink",
    "dict_xsyn",
    "hll",
    "hypopg",
    "insert_username",
    "intagg",
    "ip4r",
    "moddatetime",
    "pg_buffercache",
    "pg_freespacemap",
    "pg_hashids",
    "pg_jsonschema",
    "pg_prewarm",
    "pg_stat_statements",
    "pg_visibility",
    "pgrouting",
    "pgrowlocks",
    "pgstattuple",
    "pgtap",
    "plpgsql_check",
    "postgis",
    "postgis_raster",
    "postgis_sfcgal",
    "postgres_fdw",
    "refint",
    "rum",
    "sslinfo",
    "vector",
];

/// The stacks that come with the program: name and `compose.yaml`. `stacks/README.md` says what one may contain.
pub const STACKS: &[(&str, &str)] =
    &[("native", include_str!("../stacks/native/compose.yaml")), ("upstream", include_str!("../stacks/upstream/compose.yaml"))];

const FILES: &[(&str, &str)] = &[
    ("00-roles.sql", include_str!("../sql/00-roles.sql")),
    ("05-other-databases.sql", include_str!("../sql/05-other-databases.sql")),
    ("06-template0.sql", include_str!("../sql/06-template0.sql")),
    ("07-template1.sql", include_str!("../sql/07-template1.sql")),
    ("08-other-databases.sql", include_str!("../sql/08-other-databases.sql")),
    ("10-schemas.sql", include_str!("../sql/10-schemas.sql")),
    ("20-auth.sql", auth_schema::TEMPLATE),
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
