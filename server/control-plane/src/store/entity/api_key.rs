//! Table `api_key`: keys in the new format.

use sea_orm::entity::prelude::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "api_key")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub project_id: i64,
    pub kind: String,
    pub name: String,
    pub sealed: Vec<u8>,
    pub hash: String,
    pub created_at: i64,
}

impl ActiveModelBehavior for ActiveModel {}
