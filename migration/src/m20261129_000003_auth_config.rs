//! What a project's Auth is told, one row a project: what differs from the defaults, and apart from it what is sealed.

use sea_orm_migration::{prelude::*, schema::*};

#[derive(Debug, DeriveMigrationName)]
pub(crate) struct Migration;

#[derive(DeriveIden)]
enum Project {
    Table,
    Id,
}

#[derive(DeriveIden)]
enum AuthConfig {
    Table,
    ProjectId,
    Document,
    Sealed,
    UpdatedAt,
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    /// A crash in the middle leaves nothing behind on either backend.
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    #[expect(elided_lifetimes_in_paths, reason = "the trait's signature, as async_trait needs it")]
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let mut belongs_to_project = ForeignKey::create()
            .from(AuthConfig::Table, AuthConfig::ProjectId)
            .to(Project::Table, Project::Id)
            .on_delete(ForeignKeyAction::Cascade)
            .to_owned();
        manager
            .create_table(
                Table::create()
                    .table(AuthConfig::Table)
                    .col(big_integer(AuthConfig::ProjectId).primary_key())
                    .col(text(AuthConfig::Document))
                    .col(text(AuthConfig::Sealed))
                    .col(big_integer(AuthConfig::UpdatedAt))
                    .foreign_key(&mut belongs_to_project)
                    .to_owned(),
            )
            .await
    }
}
