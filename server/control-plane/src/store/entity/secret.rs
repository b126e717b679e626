//! Table `secret`: sealed secrets of projects, by field.

use sea_orm::entity::prelude::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "secret")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    pub project_id: i64,
    pub field: String,
    pub sealed: Vec<u8>,
}

impl ActiveModelBehavior for ActiveModel {}
