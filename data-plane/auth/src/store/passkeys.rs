//! `auth.webauthn_credentials` and `auth.webauthn_challenges`

use serde_json::Value;
use time::OffsetDateTime;
use tokio_postgres::types::Json;
use uuid::Uuid;

use super::{Db, StoreError};
use crate::model::Passkey;

/// The constraint by which two passkeys are never the same.
pub const UNIQUE_CREDENTIAL: &str = "webauthn_credentials_credential_id_key";

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "select id, user_id, credential_id, public_key, attestation_type, aaguid, sign_count, transports, backup_eligible, ",
            "backed_up, friendly_name, created_at, last_used_at from auth.webauthn_credentials ",
            $rest
        )
    };
}

/// A user's, the oldest first.
///
/// # Errors
/// [`StoreError`]
pub async fn of_user(db: &Db, user_id: Uuid) -> Result<Vec<Passkey>, StoreError> {
    let rows = db.rows(select!("where user_id = $1 order by created_at, id"), &[&user_id]).await?;
    Ok(rows.iter().map(Passkey::from_row).collect())
}

/// By what its authenticator calls it.
///
/// # Errors
/// [`StoreError`]
pub async fn find_by_credential(db: &Db, credential_id: &[u8]) -> Result<Option<Passkey>, StoreError> {
    Ok(db.row(select!("where credential_id = $1"), &[&credential_id]).await?.as_ref().map(Passkey::from_row))
}

/// By id, and nobody else uses it until the transaction's end.
///
/// # Errors
/// [`StoreError`]
pub async fn find_for_update(db: &Db, user_id: Uuid, id: Uuid) -> Result<Option<Passkey>, StoreError> {
    let sql = select!("where user_id = $1 and id = $2 for update");
    Ok(db.row(sql, &[&user_id, &id]).await?.as_ref().map(Passkey::from_row))
}

/// Stores a new one.
///
/// # Errors
/// [`StoreError`]; a violation of [`UNIQUE_CREDENTIAL`] where somebody has it already.
pub async fn insert(db: &Db, passkey: &Passkey) -> Result<(), StoreError> {
    let credential = &passkey.credential;
    db.execute(
        "insert into auth.webauthn_credentials (id, user_id, credential_id, public_key, attestation_type, aaguid, sign_count, \
         transports, backup_eligible, backed_up, friendly_name, created_at, updated_at) \
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $12)",
        &[
            &passkey.id,
            &passkey.user_id,
            &credential.id,
            &credential.public_key,
            &credential.attestation_type,
            &credential.aaguid(),
            &i64::from(credential.authenticator.sign_count),
            &Json(&credential.transports),
            &credential.flags.backup_eligible,
            &credential.flags.backup_state,
            &passkey.friendly_name,
            &passkey.created_at,
        ],
    )
    .await?;
    Ok(())
}

/// Notes a use: what its authenticator counts, and whether the key was copied to another device.
///
/// # Errors
/// [`StoreError`]
pub async fn used(db: &Db, passkey: &Passkey) -> Result<(), StoreError> {
    let credential = &passkey.credential;
    db.execute(
        "update auth.webauthn_credentials set sign_count = $2, backed_up = $3, last_used_at = now(), updated_at = now() \
         where id = $1",
        &[&passkey.id, &i64::from(credential.authenticator.sign_count), &credential.flags.backup_state],
    )
    .await?;
    Ok(())
}

/// Gives a user's another name; none where the user has no such passkey.
///
/// # Errors
/// [`StoreError`]
pub async fn rename(db: &Db, user_id: Uuid, id: Uuid, name: &str) -> Result<Option<Passkey>, StoreError> {
    let sql = "update auth.webauthn_credentials set friendly_name = $3, updated_at = now() where user_id = $1 and id = $2 \
               returning id, user_id, credential_id, public_key, attestation_type, aaguid, sign_count, transports, \
               backup_eligible, backed_up, friendly_name, created_at, last_used_at";
    Ok(db.row(sql, &[&user_id, &id, &name]).await?.as_ref().map(Passkey::from_row))
}

/// Removes a user's; whether there was one.
///
/// # Errors
/// [`StoreError`]
pub async fn delete(db: &Db, user_id: Uuid, id: Uuid) -> Result<bool, StoreError> {
    Ok(db.execute("delete from auth.webauthn_credentials where user_id = $1 and id = $2", &[&user_id, &id]).await? > 0)
}

/// Removes all of a user's.
///
/// # Errors
/// [`StoreError`]
pub async fn delete_of_user(db: &Db, user_id: Uuid) -> Result<(), StoreError> {
    db.execute("delete from auth.webauthn_credentials where user_id = $1", &[&user_id]).await?;
    Ok(())
}

/// What a ceremony is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ceremony {
    /// Of this user's new passkey.
    Registration(Uuid),
    /// Of whoever has a passkey.
    Authentication,
}

impl Ceremony {
    fn columns(self) -> (&'static str, Option<Uuid>) {
        match self {
            Self::Registration(user_id) => ("registration", Some(user_id)),
            Self::Authentication => ("authentication", None),
        }
    }
}

/// Stores what a ceremony needs at its end; those that were never ended go.
///
/// # Errors
/// [`StoreError`]
pub async fn begin_ceremony(db: &Db, ceremony: Ceremony, state: &Value, until: OffsetDateTime) -> Result<Uuid, StoreError> {
    db.execute("delete from auth.webauthn_challenges where expires_at < now() - interval '1 hour'", &[]).await?;
    let (kind, user_id) = ceremony.columns();
    let id = Uuid::new_v4();
    db.execute(
        "insert into auth.webauthn_challenges (id, user_id, challenge_type, session_data, expires_at) values ($1, $2, $3, $4, $5)",
        &[&id, &user_id, &kind, &Json(state), &until],
    )
    .await?;
    Ok(id)
}

/// What was stored of a ceremony, and until when it is good. Nobody gets it a second time.
///
/// # Errors
/// [`StoreError`]
pub async fn end_ceremony(db: &Db, ceremony: Ceremony, id: Uuid) -> Result<Option<(Value, OffsetDateTime)>, StoreError> {
    let (kind, user_id) = ceremony.columns();
    let sql = "delete from auth.webauthn_challenges where id = $1 and challenge_type = $2 and user_id is not distinct from $3 \
               returning session_data, expires_at";
    Ok(db.row(sql, &[&id, &kind, &user_id]).await?.map(|row| (row.get(0), row.get(1))))
}
