//! Table `event`: what happened to projects.

use sea_orm::entity::prelude::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "event")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    pub project_id: i64,
    pub kind: String,
    pub operation: Option<String>,
    pub step: Option<String>,
    pub state: Option<String>,
    pub message: Option<String>,
    pub duration_ms: Option<i64>,
    pub at: i64,
}

impl ActiveModelBehavior for ActiveModel {}
