//! Migrations of the control-plane database, SQLite and PostgreSQL alike. Append-only: a migration that has been
//! released is never edited. Identifiers are declared here and not taken from the entities, which may move on.
//!
//! Times are Unix milliseconds by the database's clock; words such as states are stored as text.

pub use sea_orm_migration::MigratorTrait;
use sea_orm_migration::prelude::*;

mod m20261122_000001_projects;
mod m20261123_000002_stacks;
mod m20261129_000003_auth_config;
mod m20261129_000004_signing_keys;
mod m20261129_000005_third_party_auth;

/// Every migration, oldest first.
#[derive(Debug)]
pub struct Migrator;

#[async_trait::async_trait]
impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            Box::new(m20261122_000001_projects::Migration),
            Box::new(m20261123_000002_stacks::Migration),
            Box::new(m20261129_000003_auth_config::Migration),
            Box::new(m20261129_000004_signing_keys::Migration),
            Box::new(m20261129_000005_third_party_auth::Migration),
        ]
    }
}
