//! `auth.oauth_client_states`: what only we know of a sign-in at a provider while the browser is there.

use time::OffsetDateTime;
use uuid::Uuid;

use super::{Db, StoreError};

/// Keeps a secret for a sign-in.
///
/// # Errors
/// [`StoreError`]
pub async fn insert(db: &Db, id: Uuid, provider: &str, secret: &str) -> Result<(), StoreError> {
    db.execute(
        "insert into auth.oauth_client_states (id, provider_type, code_verifier, created_at) values ($1, $2, $3, $4)",
        &[&id, &provider, &secret, &OffsetDateTime::now_utc()],
    )
    .await?;
    Ok(())
}

/// Gives the secret of a sign-in, once.
///
/// # Errors
/// [`StoreError`]
pub async fn take(db: &Db, id: Uuid) -> Result<Option<String>, StoreError> {
    let row = db.row("delete from auth.oauth_client_states where id = $1 returning code_verifier", &[&id]).await?;
    Ok(row.and_then(|row| row.get(0)))
}
