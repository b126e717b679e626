//! Table `project`: projects.

use sea_orm::entity::prelude::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "project")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    #[sea_orm(column_name = "ref", unique)]
    pub project_ref: String,
    pub name: String,
    pub organization: String,
    pub region: String,
    pub instance_size: Option<String>,
    pub state: String,
    pub healthy: bool,
    pub driver: String,
    pub stack: Option<String>,
    pub node: String,
    pub port: Option<i32>,
    pub postgres_version: Option<String>,
    pub legacy_api_keys: bool,
    pub failed_operation: Option<String>,
    pub failed_step: Option<String>,
    pub failure: Option<String>,
    pub created_at: i64,
    pub updated_at: i64,
}

impl ActiveModelBehavior for ActiveModel {}
