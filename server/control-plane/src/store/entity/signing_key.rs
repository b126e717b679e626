//! Table `signing_key`: what projects' tokens are signed with. One of each project is its JWT secret, which is sealed elsewhere.

use sea_orm::entity::prelude::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "signing_key")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub project_id: i64,
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub algorithm: String,
    pub status: String,
    pub is_legacy: bool,
    /// JSON object; nothing of a shared secret.
    pub public_jwk: Option<String>,
    pub sealed: Option<Vec<u8>>,
    pub created_at: i64,
    pub updated_at: i64,
}

impl ActiveModelBehavior for ActiveModel {}
