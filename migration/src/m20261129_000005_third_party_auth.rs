//! Others whose tokens projects take. Their keys are public, so nothing is sealed.

use sea_orm_migration::{prelude::*, schema::*};

#[derive(Debug, DeriveMigrationName)]
pub(crate) struct Migration;

#[derive(DeriveIden)]
enum Project {
    Table,
    Id,
}

#[derive(DeriveIden)]
enum ThirdPartyAuth {
    Table,
    ProjectId,
    Id,
    OidcIssuerUrl,
    JwksUrl,
    CustomJwks,
    ResolvedJwks,
    InsertedAt,
    UpdatedAt,
    ResolvedAt,
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    #[expect(elided_lifetimes_in_paths, reason = "the trait's signature, as async_trait needs it")]
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let mut belongs_to_project = ForeignKey::create()
            .from(ThirdPartyAuth::Table, ThirdPartyAuth::ProjectId)
            .to(Project::Table, Project::Id)
            .on_delete(ForeignKeyAction::Cascade)
            .to_owned();
        // An archive keeps its ids, and may be taken in twice by servers that share a database.
        let mut key = Index::create().col(ThirdPartyAuth::ProjectId).col(ThirdPartyAuth::Id).to_owned();
        manager
            .create_table(
                Table::create()
                    .table(ThirdPartyAuth::Table)
                    .col(big_integer(ThirdPartyAuth::ProjectId))
                    .col(uuid(ThirdPartyAuth::Id))
                    .col(text_null(ThirdPartyAuth::OidcIssuerUrl))
                    .col(text_null(ThirdPartyAuth::JwksUrl))
                    .col(text_null(ThirdPartyAuth::CustomJwks))
                    .col(text(ThirdPartyAuth::ResolvedJwks))
                    .col(big_integer(ThirdPartyAuth::InsertedAt))
                    .col(big_integer(ThirdPartyAuth::UpdatedAt))
                    .col(big_integer(ThirdPartyAuth::ResolvedAt))
                    .primary_key(&mut key)
                    .foreign_key(&mut belongs_to_project)
                    .to_owned(),
            )
            .await
    }
}
