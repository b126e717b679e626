//! Table `auth_config`: what projects' Auth is told, as far as it differs from the defaults.

use sea_orm::entity::prelude::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "auth_config")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub project_id: i64,
    /// JSON object of the keys that are not secret.
    pub document: String,
    /// JSON object of the others: key to sealed value, as base64.
    pub sealed: String,
    pub updated_at: i64,
}

impl ActiveModelBehavior for ActiveModel {}
