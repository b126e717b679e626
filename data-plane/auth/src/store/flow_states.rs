//! `auth.flow_state`

use uuid::Uuid;

use super::{Db, StoreError};
use crate::model::FlowState;

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "select id, user_id, auth_code, code_challenge_method::text, code_challenge, provider_type, provider_access_token, ",
            "provider_refresh_token, authentication_method, auth_code_issued_at, invite_token, referrer, oauth_client_state_id, ",
            "linking_target_id, email_optional, created_at from auth.flow_state ",
            $rest
        )
    };
}

/// By id.
///
/// # Errors
/// [`StoreError`]
pub async fn find(db: &Db, id: Uuid) -> Result<Option<FlowState>, StoreError> {
    Ok(db.row(select!("where id = $1"), &[&id]).await?.as_ref().map(FlowState::from_row))
}

/// By the code that is exchanged for a session; nobody else exchanges it until the transaction's end.
///
/// # Errors
/// [`StoreError`]
pub async fn find_by_code(db: &Db, code: &str) -> Result<Option<FlowState>, StoreError> {
    Ok(db.row(select!("where auth_code = $1 for update"), &[&code]).await?.as_ref().map(FlowState::from_row))
}

/// By id, and nobody else goes on with it until the transaction's end.
///
/// # Errors
/// [`StoreError`]
pub async fn find_for_update(db: &Db, id: Uuid) -> Result<Option<FlowState>, StoreError> {
    Ok(db.row(select!("where id = $1 for update"), &[&id]).await?.as_ref().map(FlowState::from_row))
}

/// The newest of a user's that was begun in one way.
///
/// # Errors
/// [`StoreError`]
pub async fn latest_of_user(db: &Db, user_id: Uuid, method: &str) -> Result<Option<FlowState>, StoreError> {
    let sql = select!("where user_id = $1 and authentication_method = $2 order by created_at desc limit 1");
    Ok(db.row(sql, &[&user_id, &method]).await?.as_ref().map(FlowState::from_row))
}

/// Stores a new one.
///
/// # Errors
/// [`StoreError`]
pub async fn insert(db: &Db, flow: &FlowState) -> Result<(), StoreError> {
    db.execute(
        "insert into auth.flow_state (id, user_id, auth_code, code_challenge_method, code_challenge, provider_type, \
         provider_access_token, provider_refresh_token, created_at, updated_at, authentication_method, auth_code_issued_at, \
         invite_token, referrer, oauth_client_state_id, linking_target_id, email_optional) values ($1, $2, $3, \
         $4::text::auth.code_challenge_method, $5, $6, $7, $8, $9, $9, $10, $11, $12, $13, $14, $15, $16)",
        &[
            &flow.id,
            &flow.user_id,
            &flow.auth_code,
            &flow.code_challenge_method,
            &flow.code_challenge,
            &flow.provider_type,
            &flow.provider_access_token,
            &flow.provider_refresh_token,
            &flow.created_at,
            &flow.authentication_method,
            &flow.auth_code_issued_at,
            &flow.invite_token,
            &flow.referrer,
            &flow.oauth_client_state_id,
            &flow.linking_target_id,
            &flow.email_optional,
        ],
    )
    .await?;
    Ok(())
}

/// Stores what has changed: user, code's time, the provider's tokens.
///
/// # Errors
/// [`StoreError`]
pub async fn update(db: &Db, flow: &FlowState) -> Result<(), StoreError> {
    db.execute(
        "update auth.flow_state set user_id = $2, auth_code = $3, auth_code_issued_at = $4, provider_access_token = $5, \
         provider_refresh_token = $6, updated_at = now() where id = $1",
        &[
            &flow.id,
            &flow.user_id,
            &flow.auth_code,
            &flow.auth_code_issued_at,
            &flow.provider_access_token,
            &flow.provider_refresh_token,
        ],
    )
    .await?;
    Ok(())
}

/// Removes one: it is over.
///
/// # Errors
/// [`StoreError`]
pub async fn delete(db: &Db, id: Uuid) -> Result<(), StoreError> {
    db.execute("delete from auth.flow_state where id = $1", &[&id]).await?;
    Ok(())
}

/// Removes all of a user's.
///
/// # Errors
/// [`StoreError`]
pub async fn delete_of_user(db: &Db, user_id: Uuid) -> Result<(), StoreError> {
    db.execute("delete from auth.flow_state where user_id = $1", &[&user_id]).await?;
    Ok(())
}

/// Removes those of a user's whose code was given out.
///
/// # Errors
/// [`StoreError`]
pub async fn delete_issued_of_user(db: &Db, user_id: Uuid) -> Result<(), StoreError> {
    db.execute("delete from auth.flow_state where user_id = $1 and auth_code_issued_at is not null", &[&user_id]).await?;
    Ok(())
}
