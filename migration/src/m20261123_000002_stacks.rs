//! Which of its driver's stacks a project is made from.

use sea_orm_migration::{prelude::*, schema::*};

#[derive(Debug, DeriveMigrationName)]
pub(crate) struct Migration;

#[derive(DeriveIden)]
enum Project {
    Table,
    Stack,
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    /// A crash in the middle leaves nothing behind on either backend.
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    #[expect(elided_lifetimes_in_paths, reason = "the trait's signature, as async_trait needs it")]
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let stack = Table::alter().table(Project::Table).add_column(string_null(Project::Stack)).to_owned();
        manager.alter_table(stack).await
    }
}
