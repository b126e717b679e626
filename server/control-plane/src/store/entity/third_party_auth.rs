//! Table `third_party_auth`: others whose tokens projects take.

use sea_orm::entity::prelude::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "third_party_auth")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub project_id: i64,
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub oidc_issuer_url: Option<String>,
    pub jwks_url: Option<String>,
    /// JSON, as it was given.
    pub custom_jwks: Option<String>,
    /// JSON array of public keys.
    pub resolved_jwks: String,
    pub inserted_at: i64,
    pub updated_at: i64,
    pub resolved_at: i64,
}

impl ActiveModelBehavior for ActiveModel {}
