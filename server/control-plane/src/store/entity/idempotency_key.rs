//! Table `idempotency_key`: which project a client's idempotency key made.

use sea_orm::entity::prelude::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "idempotency_key")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub key: String,
    pub request_hash: String,
    pub project_id: i64,
    pub created_at: i64,
}

impl ActiveModelBehavior for ActiveModel {}
