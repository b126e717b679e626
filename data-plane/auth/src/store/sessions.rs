//! `auth.sessions` and `auth.mfa_amr_claims`

use std::net::IpAddr;

use time::OffsetDateTime;
use uuid::Uuid;

use super::{Db, StoreError};
use crate::model::{Aal, AmrClaim, Method, Session};

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "select id, user_id, factor_id, aal::text, not_after, refreshed_at, created_at, user_agent, ip, tag, ",
            "oauth_client_id, scopes, refresh_token_hmac_key, refresh_token_counter from auth.sessions ",
            $rest
        )
    };
}

/// By id.
///
/// # Errors
/// [`StoreError`]
pub async fn find(db: &Db, id: Uuid) -> Result<Option<Session>, StoreError> {
    Ok(db.row(select!("where id = $1"), &[&id]).await?.as_ref().map(Session::from_row))
}

/// By id, and nobody else refreshes it until the transaction's end.
///
/// # Errors
/// [`StoreError`]
pub async fn find_for_update(db: &Db, id: Uuid) -> Result<Option<Session>, StoreError> {
    Ok(db.row(select!("where id = $1 for update"), &[&id]).await?.as_ref().map(Session::from_row))
}

/// The one of a refresh token, and nobody else refreshes it until the transaction's end.
///
/// # Errors
/// [`StoreError`]
pub async fn find_by_token_for_update(db: &Db, token: &str) -> Result<Option<Session>, StoreError> {
    let sql = select!("where id = (select session_id from auth.refresh_tokens where token = $1) for update");
    Ok(db.row(sql, &[&token]).await?.as_ref().map(Session::from_row))
}

/// A user's, the oldest first.
///
/// # Errors
/// [`StoreError`]
pub async fn of_user(db: &Db, user_id: Uuid) -> Result<Vec<Session>, StoreError> {
    let rows = db.rows(select!("where user_id = $1 order by created_at"), &[&user_id]).await?;
    Ok(rows.iter().map(Session::from_row).collect())
}

/// Whether a user has a session of its own that was last used in this network: the address's neighbours, by /24 or /64.
///
/// # Errors
/// [`StoreError`]
pub async fn is_in_network(db: &Db, user_id: Uuid, ip: IpAddr) -> Result<bool, StoreError> {
    let sql = "select exists (select from auth.sessions where user_id = $1 and oauth_client_id is null and \
               set_masklen(ip, case family(ip) when 4 then 24 else 64 end)::cidr = \
               set_masklen($2::inet, case family($2::inet) when 4 then 24 else 64 end)::cidr)";
    Ok(db.row(sql, &[&user_id, &ip.to_canonical()]).await?.is_some_and(|row| row.get(0)))
}

/// A user's, the newest first, so many at most.
///
/// # Errors
/// [`StoreError`]
pub async fn newest_of_user(db: &Db, user_id: Uuid, limit: i64) -> Result<Vec<Session>, StoreError> {
    let rows = db.rows(select!("where user_id = $1 order by created_at desc limit $2"), &[&user_id, &limit]).await?;
    Ok(rows.iter().map(Session::from_row).collect())
}

/// Stores a new one.
///
/// # Errors
/// [`StoreError`]
pub async fn insert(db: &Db, session: &Session) -> Result<(), StoreError> {
    db.execute(
        "insert into auth.sessions (id, user_id, factor_id, aal, not_after, created_at, updated_at, user_agent, ip, tag, \
         oauth_client_id, scopes, refresh_token_hmac_key, refresh_token_counter) \
         values ($1, $2, $3, $4::text::auth.aal_level, $5, $6, $6, $7, $8, $9, $10, $11, $12, $13)",
        &[
            &session.id,
            &session.user_id,
            &session.factor_id,
            &session.aal.as_str(),
            &session.not_after,
            &session.created_at,
            &session.user_agent,
            &session.ip,
            &session.tag,
            &session.oauth_client_id,
            &session.scopes,
            &session.signing.as_ref().map(|signing| &signing.key),
            &session.signing.as_ref().map(|signing| signing.number),
        ],
    )
    .await?;
    Ok(())
}

/// Notes a refresh, from where it was, and what its refresh tokens are told by.
///
/// # Errors
/// [`StoreError`]
pub async fn refreshed(db: &Db, session: &Session) -> Result<(), StoreError> {
    db.execute(
        "update auth.sessions set refreshed_at = now() at time zone 'utc', updated_at = now(), user_agent = $2, ip = $3, \
         tag = coalesce($4, tag), refresh_token_hmac_key = $5, refresh_token_counter = $6 where id = $1",
        &[
            &session.id,
            &session.user_agent,
            &session.ip,
            &session.tag,
            &session.signing.as_ref().map(|signing| &signing.key),
            &session.signing.as_ref().map(|signing| signing.number),
        ],
    )
    .await?;
    Ok(())
}

/// Notes what its refresh tokens are told by.
///
/// # Errors
/// [`StoreError`]
pub async fn set_signing(db: &Db, session: &Session) -> Result<(), StoreError> {
    db.execute(
        "update auth.sessions set refresh_token_hmac_key = $2, refresh_token_counter = $3, updated_at = now() where id = $1",
        &[
            &session.id,
            &session.signing.as_ref().map(|signing| &signing.key),
            &session.signing.as_ref().map(|signing| signing.number),
        ],
    )
    .await?;
    Ok(())
}

/// Raises or lowers how sure a session is, and by which factor.
///
/// # Errors
/// [`StoreError`]
pub async fn set_aal(db: &Db, id: Uuid, aal: Aal, factor_id: Option<Uuid>) -> Result<(), StoreError> {
    db.execute(
        "update auth.sessions set aal = $2::text::auth.aal_level, factor_id = $3, updated_at = now() where id = $1",
        &[&id, &aal.as_str(), &factor_id],
    )
    .await?;
    Ok(())
}

/// Ends one.
///
/// # Errors
/// [`StoreError`]
pub async fn delete(db: &Db, id: Uuid) -> Result<(), StoreError> {
    db.execute("delete from auth.sessions where id = $1", &[&id]).await?;
    Ok(())
}

/// Ends all of a user's but one, or all.
///
/// # Errors
/// [`StoreError`]
pub async fn delete_of_user(db: &Db, user_id: Uuid, but: Option<Uuid>) -> Result<(), StoreError> {
    db.execute("delete from auth.sessions where user_id = $1 and id is distinct from $2", &[&user_id, &but]).await?;
    Ok(())
}

/// Ends those of a user's that a client of the OAuth server has.
///
/// # Errors
/// [`StoreError`]
pub async fn delete_of_client(db: &Db, user_id: Uuid, client_id: Uuid) -> Result<(), StoreError> {
    db.execute("delete from auth.sessions where user_id = $1 and oauth_client_id = $2", &[&user_id, &client_id]).await?;
    Ok(())
}

/// Ends one that a client of the OAuth server has.
///
/// # Errors
/// [`StoreError`]
pub async fn delete_of_code(db: &Db, id: Uuid, client_id: Uuid) -> Result<(), StoreError> {
    db.execute("delete from auth.sessions where id = $1 and oauth_client_id = $2", &[&id, &client_id]).await?;
    Ok(())
}

/// Ends those of a user's that are less sure, but for one.
///
/// # Errors
/// [`StoreError`]
pub async fn delete_below(db: &Db, user_id: Uuid, aal: Aal, but: Uuid) -> Result<(), StoreError> {
    db.execute(
        "delete from auth.sessions where user_id = $1 and id <> $2 and (aal < $3::text::auth.aal_level or aal is null)",
        &[&user_id, &but, &aal.as_str()],
    )
    .await?;
    Ok(())
}

/// Has all sessions that a factor made sure be less so.
///
/// # Errors
/// [`StoreError`]
pub async fn downgrade_of_factor(db: &Db, factor_id: Uuid) -> Result<(), StoreError> {
    db.execute("update auth.sessions set aal = 'aal1', factor_id = null, updated_at = now() where factor_id = $1", &[&factor_id])
        .await?;
    Ok(())
}

/// Notes how the session's user showed who it is, now.
///
/// # Errors
/// [`StoreError`]
pub async fn add_amr(db: &Db, session_id: Uuid, method: Method) -> Result<(), StoreError> {
    db.execute(
        "insert into auth.mfa_amr_claims (id, session_id, created_at, updated_at, authentication_method) \
         values ($1, $2, now(), now(), $3) on conflict (session_id, authentication_method) do update set updated_at = now()",
        &[&Uuid::new_v4(), &session_id, &method.as_str()],
    )
    .await?;
    Ok(())
}

/// How the session's user showed who it is, the latest first.
///
/// # Errors
/// [`StoreError`]
pub async fn amr(db: &Db, session_id: Uuid) -> Result<Vec<AmrClaim>, StoreError> {
    let sql = "select authentication_method, updated_at from auth.mfa_amr_claims where session_id = $1 order by updated_at desc";
    let rows = db.rows(sql, &[&session_id]).await?;
    Ok(rows.iter().map(|row| AmrClaim { method: row.get(0), at: row.get::<_, OffsetDateTime>(1) }).collect())
}

/// How the users of several sessions showed who they are: the methods of each, the first one first.
///
/// # Errors
/// [`StoreError`]
pub async fn methods(db: &Db, session_ids: &[Uuid]) -> Result<Vec<(Uuid, Vec<String>)>, StoreError> {
    let sql = "select session_id, array_agg(authentication_method order by created_at) from auth.mfa_amr_claims \
               where session_id = any($1) group by session_id";
    Ok(db.rows(sql, &[&session_ids]).await?.iter().map(|row| (row.get(0), row.get(1))).collect())
}
