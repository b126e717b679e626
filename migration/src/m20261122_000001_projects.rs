//! Projects with their secrets, keys, operations and events; idempotency keys; the audit log; the instance itself.

use sea_orm_migration::{prelude::*, schema::*};

#[derive(Debug, DeriveMigrationName)]
pub(crate) struct Migration;

#[derive(DeriveIden)]
enum Instance {
    Table,
    Id,
    Uuid,
    KeyCheck,
    CreatedAt,
}

#[derive(DeriveIden)]
enum Project {
    Table,
    Id,
    Ref,
    Name,
    Organization,
    Region,
    InstanceSize,
    State,
    Healthy,
    Driver,
    Node,
    Port,
    PostgresVersion,
    FailedOperation,
    FailedStep,
    Failure,
    CreatedAt,
    UpdatedAt,
}

#[derive(DeriveIden)]
enum Secret {
    Table,
    Id,
    ProjectId,
    Field,
    Sealed,
}

#[derive(DeriveIden)]
enum ApiKey {
    Table,
    Id,
    ProjectId,
    Kind,
    Name,
    Sealed,
    Hash,
    CreatedAt,
}

#[derive(DeriveIden)]
enum Operation {
    Table,
    Id,
    ProjectId,
    Kind,
    Step,
    Attempt,
    RunAfter,
    LeaseOwner,
    LeaseUntil,
    Deadline,
    StepStartedAt,
    LastError,
    CreatedAt,
}

#[derive(DeriveIden)]
enum Event {
    Table,
    Id,
    ProjectId,
    Kind,
    Operation,
    Step,
    State,
    Message,
    DurationMs,
    At,
}

#[derive(DeriveIden)]
enum IdempotencyKey {
    Table,
    Key,
    RequestHash,
    ProjectId,
    CreatedAt,
}

#[derive(DeriveIden)]
enum AuditLog {
    Table,
    Id,
    At,
    Actor,
    Action,
    ProjectRef,
}

fn belongs_to_project(from: impl IntoIden + 'static, column: impl IntoIden + 'static) -> ForeignKeyCreateStatement {
    ForeignKey::create()
        .from(from.into_iden(), column.into_iden())
        .to(Project::Table, Project::Id)
        .on_delete(ForeignKeyAction::Cascade)
        .to_owned()
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    /// A crash in the middle leaves nothing behind on either backend.
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    #[expect(elided_lifetimes_in_paths, reason = "the trait's signature, as async_trait needs it")]
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table(Instance::Table)
                    .col(integer(Instance::Id).primary_key())
                    .col(uuid(Instance::Uuid))
                    .col(binary(Instance::KeyCheck))
                    .col(big_integer(Instance::CreatedAt))
                    .to_owned(),
            )
            .await?;
        manager
            .create_table(
                Table::create()
                    .table(Project::Table)
                    .col(big_integer(Project::Id).primary_key().auto_increment())
                    .col(string_len(Project::Ref, 20).unique_key())
                    .col(text(Project::Name))
                    .col(text(Project::Organization))
                    .col(text(Project::Region))
                    .col(text_null(Project::InstanceSize))
                    .col(text(Project::State))
                    .col(boolean(Project::Healthy))
                    .col(text(Project::Driver))
                    .col(text(Project::Node))
                    .col(integer_null(Project::Port))
                    .col(text_null(Project::PostgresVersion))
                    .col(text_null(Project::FailedOperation))
                    .col(text_null(Project::FailedStep))
                    .col(text_null(Project::Failure))
                    .col(big_integer(Project::CreatedAt))
                    .col(big_integer(Project::UpdatedAt))
                    .to_owned(),
            )
            .await?;
        // A port belongs to one project of a node; no port yet (NULL) clashes with nothing.
        manager
            .create_index(
                Index::create()
                    .name("project_node_port")
                    .table(Project::Table)
                    .col(Project::Node)
                    .col(Project::Port)
                    .unique()
                    .to_owned(),
            )
            .await?;
        manager
            .create_table(
                Table::create()
                    .table(Secret::Table)
                    .col(big_integer(Secret::Id).primary_key().auto_increment())
                    .col(big_integer(Secret::ProjectId))
                    .col(text(Secret::Field))
                    .col(binary(Secret::Sealed))
                    .foreign_key(&mut belongs_to_project(Secret::Table, Secret::ProjectId))
                    .to_owned(),
            )
            .await?;
        manager
            .create_index(
                Index::create()
                    .name("secret_project_field")
                    .table(Secret::Table)
                    .col(Secret::ProjectId)
                    .col(Secret::Field)
                    .unique()
                    .to_owned(),
            )
            .await?;
        manager
            .create_table(
                Table::create()
                    .table(ApiKey::Table)
                    .col(uuid(ApiKey::Id).primary_key())
                    .col(big_integer(ApiKey::ProjectId))
                    .col(text(ApiKey::Kind))
                    .col(text(ApiKey::Name))
                    .col(binary(ApiKey::Sealed))
                    .col(text(ApiKey::Hash))
                    .col(big_integer(ApiKey::CreatedAt))
                    .foreign_key(&mut belongs_to_project(ApiKey::Table, ApiKey::ProjectId))
                    .to_owned(),
            )
            .await?;
        manager
            .create_index(Index::create().name("api_key_project").table(ApiKey::Table).col(ApiKey::ProjectId).to_owned())
            .await?;
        manager
            .create_table(
                Table::create()
                    .table(Operation::Table)
                    .col(uuid(Operation::Id).primary_key())
                    // Unique: at most one operation is open per project, which is what decides between two requests at once.
                    .col(big_integer(Operation::ProjectId).unique_key())
                    .col(text(Operation::Kind))
                    .col(text(Operation::Step))
                    .col(integer(Operation::Attempt))
                    .col(big_integer(Operation::RunAfter))
                    .col(text_null(Operation::LeaseOwner))
                    .col(big_integer_null(Operation::LeaseUntil))
                    .col(big_integer(Operation::Deadline))
                    .col(big_integer_null(Operation::StepStartedAt))
                    .col(text_null(Operation::LastError))
                    .col(big_integer(Operation::CreatedAt))
                    .foreign_key(&mut belongs_to_project(Operation::Table, Operation::ProjectId))
                    .to_owned(),
            )
            .await?;
        manager
            .create_index(Index::create().name("operation_run_after").table(Operation::Table).col(Operation::RunAfter).to_owned())
            .await?;
        manager
            .create_table(
                Table::create()
                    .table(Event::Table)
                    .col(big_integer(Event::Id).primary_key().auto_increment())
                    .col(big_integer(Event::ProjectId))
                    .col(text(Event::Kind))
                    .col(text_null(Event::Operation))
                    .col(text_null(Event::Step))
                    .col(text_null(Event::State))
                    .col(text_null(Event::Message))
                    .col(big_integer_null(Event::DurationMs))
                    .col(big_integer(Event::At))
                    .foreign_key(&mut belongs_to_project(Event::Table, Event::ProjectId))
                    .to_owned(),
            )
            .await?;
        manager
            .create_index(
                Index::create().name("event_project").table(Event::Table).col(Event::ProjectId).col(Event::Id).to_owned(),
            )
            .await?;
        manager
            .create_table(
                Table::create()
                    .table(IdempotencyKey::Table)
                    .col(string_len(IdempotencyKey::Key, 255).primary_key())
                    .col(text(IdempotencyKey::RequestHash))
                    .col(big_integer(IdempotencyKey::ProjectId))
                    .col(big_integer(IdempotencyKey::CreatedAt))
                    .foreign_key(&mut belongs_to_project(IdempotencyKey::Table, IdempotencyKey::ProjectId))
                    .to_owned(),
            )
            .await?;
        manager
            .create_index(
                Index::create()
                    .name("idempotency_key_project")
                    .table(IdempotencyKey::Table)
                    .col(IdempotencyKey::ProjectId)
                    .to_owned(),
            )
            .await?;
        manager
            .create_table(
                Table::create()
                    .table(AuditLog::Table)
                    .col(big_integer(AuditLog::Id).primary_key().auto_increment())
                    .col(big_integer(AuditLog::At))
                    .col(text(AuditLog::Actor))
                    .col(text(AuditLog::Action))
                    .col(string_len_null(AuditLog::ProjectRef, 20))
                    .to_owned(),
            )
            .await
    }
}
