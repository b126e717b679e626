//! The keys that a project's tokens are signed with. What was there before has one: its JWT secret, which is in use.

use sea_orm_migration::{prelude::*, schema::*};

#[derive(Debug, DeriveMigrationName)]
pub(crate) struct Migration;

#[derive(DeriveIden)]
enum Project {
    Table,
    Id,
    CreatedAt,
    LegacyApiKeys,
}

#[derive(DeriveIden)]
enum SigningKey {
    Table,
    ProjectId,
    Id,
    Algorithm,
    Status,
    IsLegacy,
    PublicJwk,
    Sealed,
    CreatedAt,
    UpdatedAt,
}

/// One key of a project is in use, and one is its JWT secret.
const UNIQUE: [&str; 2] = [
    "create unique index signing_key_in_use on signing_key (project_id) where status = 'in_use'",
    "create unique index signing_key_legacy on signing_key (project_id) where is_legacy",
];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    /// A crash in the middle leaves nothing behind on either backend.
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    #[expect(elided_lifetimes_in_paths, reason = "the trait's signature, as async_trait needs it")]
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let enabled = boolean(Project::LegacyApiKeys).default(true).to_owned();
        manager.alter_table(Table::alter().table(Project::Table).add_column(enabled).to_owned()).await?;
        let mut belongs_to_project = ForeignKey::create()
            .from(SigningKey::Table, SigningKey::ProjectId)
            .to(Project::Table, Project::Id)
            .on_delete(ForeignKeyAction::Cascade)
            .to_owned();
        // An id is its owner's choice: two projects may have the same key.
        let mut key = Index::create().col(SigningKey::ProjectId).col(SigningKey::Id).to_owned();
        manager
            .create_table(
                Table::create()
                    .table(SigningKey::Table)
                    .col(big_integer(SigningKey::ProjectId))
                    .col(uuid(SigningKey::Id))
                    .col(text(SigningKey::Algorithm))
                    .col(text(SigningKey::Status))
                    .col(boolean(SigningKey::IsLegacy))
                    .col(text_null(SigningKey::PublicJwk))
                    .col(binary_null(SigningKey::Sealed))
                    .col(big_integer(SigningKey::CreatedAt))
                    .col(big_integer(SigningKey::UpdatedAt))
                    .primary_key(&mut key)
                    .foreign_key(&mut belongs_to_project)
                    .to_owned(),
            )
            .await?;
        let db = manager.get_connection();
        for sql in UNIQUE {
            db.execute_unprepared(sql).await?;
        }
        let select = Query::select().columns([Project::Id, Project::CreatedAt]).from(Project::Table).to_owned();
        for project in db.query_all(&select).await? {
            let (id, created_at): (i64, i64) = (project.try_get("", "id")?, project.try_get("", "created_at")?);
            let insert = legacy(id, created_at)?;
            db.execute(&insert).await?;
        }
        Ok(())
    }
}

fn legacy(project_id: i64, created_at: i64) -> Result<InsertStatement, DbErr> {
    use SigningKey::{Algorithm, CreatedAt, Id, IsLegacy, ProjectId, Status, Table, UpdatedAt};
    let values = [
        project_id.into(),
        uuid::Uuid::new_v4().into(),
        "HS256".into(),
        "in_use".into(),
        true.into(),
        created_at.into(),
        created_at.into(),
    ];
    let mut insert = Query::insert();
    insert.into_table(Table).columns([ProjectId, Id, Algorithm, Status, IsLegacy, CreatedAt, UpdatedAt]);
    insert.values(values).map_err(|error| DbErr::Custom(error.to_string()))?;
    Ok(insert)
}
