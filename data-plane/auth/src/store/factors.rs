//! `auth.mfa_factors` and `auth.mfa_challenges`

use std::time::Duration;

use time::OffsetDateTime;
use tokio_postgres::types::Json;
use uuid::Uuid;

use super::{Db, StoreError};
use crate::model::{Challenge, Factor, FactorStatus};

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "select id, user_id, friendly_name, factor_type::text, status::text, created_at, updated_at, secret, phone, ",
            "last_challenged_at, web_authn_credential, web_authn_aaguid from auth.mfa_factors ",
            $rest
        )
    };
}

/// A user's, the oldest first.
///
/// # Errors
/// [`StoreError`]
pub async fn of_user(db: &Db, user_id: Uuid) -> Result<Vec<Factor>, StoreError> {
    let rows = db.rows(select!("where user_id = $1 order by created_at, id"), &[&user_id]).await?;
    Ok(rows.iter().map(Factor::from_row).collect())
}

/// Of several users.
///
/// # Errors
/// [`StoreError`]
pub async fn of_users(db: &Db, user_ids: &[Uuid]) -> Result<Vec<Factor>, StoreError> {
    let rows = db.rows(select!("where user_id = any($1) order by created_at, id"), &[&user_ids]).await?;
    Ok(rows.iter().map(Factor::from_row).collect())
}

/// A user's own, by id; nobody else changes it until the transaction's end.
///
/// # Errors
/// [`StoreError`]
pub async fn find(db: &Db, user_id: Uuid, id: Uuid) -> Result<Option<Factor>, StoreError> {
    let sql = select!("where user_id = $1 and id = $2 for update");
    Ok(db.row(sql, &[&user_id, &id]).await?.as_ref().map(Factor::from_row))
}

/// Stores a new one.
///
/// # Errors
/// [`StoreError`]; a unique violation where the user has one of that name.
pub async fn insert(db: &Db, factor: &Factor) -> Result<(), StoreError> {
    db.execute(
        "insert into auth.mfa_factors (id, user_id, friendly_name, factor_type, status, created_at, updated_at, secret, phone) \
         values ($1, $2, $3, $4::text::auth.factor_type, $5::text::auth.factor_status, $6, $6, $7, $8)",
        &[
            &factor.id,
            &factor.user_id,
            &factor.friendly_name.as_deref().unwrap_or_default(),
            &factor.kind.as_str(),
            &status(factor.status),
            &factor.created_at,
            &factor.secret,
            &factor.phone,
        ],
    )
    .await?;
    Ok(())
}

/// Stores what has changed.
///
/// # Errors
/// [`StoreError`]
pub async fn update(db: &Db, factor: &mut Factor) -> Result<(), StoreError> {
    factor.updated_at = OffsetDateTime::now_utc();
    db.execute(
        "update auth.mfa_factors set friendly_name = $2, status = $3::text::auth.factor_status, updated_at = $4, phone = $5, \
         last_challenged_at = $6, web_authn_credential = $7, web_authn_aaguid = $8 where id = $1",
        &[
            &factor.id,
            &factor.friendly_name.as_deref().unwrap_or_default(),
            &status(factor.status),
            &factor.updated_at,
            &factor.phone,
            &factor.last_challenged_at,
            &factor.web_authn_credential.as_ref().map(Json),
            &factor.web_authn_aaguid,
        ],
    )
    .await?;
    Ok(())
}

/// Has the secret of a factor be stored in another form.
///
/// # Errors
/// [`StoreError`]
pub async fn set_secret(db: &Db, id: Uuid, secret: &str) -> Result<(), StoreError> {
    db.execute("update auth.mfa_factors set secret = $2 where id = $1", &[&id, &secret]).await?;
    Ok(())
}

/// Removes one with its challenges.
///
/// # Errors
/// [`StoreError`]
pub async fn delete(db: &Db, id: Uuid) -> Result<(), StoreError> {
    db.execute("delete from auth.mfa_factors where id = $1", &[&id]).await?;
    Ok(())
}

/// Removes all of a user's.
///
/// # Errors
/// [`StoreError`]
pub async fn delete_of_user(db: &Db, user_id: Uuid) -> Result<(), StoreError> {
    db.execute("delete from auth.mfa_factors where user_id = $1", &[&user_id]).await?;
    Ok(())
}

/// Removes those of a user's that were never used, but for one.
///
/// # Errors
/// [`StoreError`]
pub async fn delete_unverified(db: &Db, user_id: Uuid, but: Uuid) -> Result<(), StoreError> {
    db.execute("delete from auth.mfa_factors where user_id = $1 and status = 'unverified' and id <> $2", &[&user_id, &but])
        .await?;
    Ok(())
}

/// Removes those of a user's that were never used, and not tried either since a time.
///
/// # Errors
/// [`StoreError`]
pub async fn delete_stale(db: &Db, user_id: Uuid, since: OffsetDateTime) -> Result<(), StoreError> {
    db.execute(
        "delete from auth.mfa_factors where user_id = $1 and status = 'unverified' \
         and greatest(created_at, last_challenged_at) < $2",
        &[&user_id, &since],
    )
    .await?;
    Ok(())
}

/// A factor's challenge, by id; nobody else answers it until the transaction's end.
///
/// # Errors
/// [`StoreError`]
pub async fn find_challenge(db: &Db, factor_id: Uuid, id: Uuid) -> Result<Option<Challenge>, StoreError> {
    let sql = "select id, factor_id, created_at, verified_at, ip_address, otp_code, web_authn_session_data \
               from auth.mfa_challenges where factor_id = $1 and id = $2 for update";
    Ok(db.row(sql, &[&factor_id, &id]).await?.as_ref().map(Challenge::from_row))
}

/// Stores a new challenge.
///
/// # Errors
/// [`StoreError`]
pub async fn insert_challenge(db: &Db, challenge: &Challenge) -> Result<(), StoreError> {
    db.execute(
        "insert into auth.mfa_challenges (id, factor_id, created_at, ip_address, otp_code, web_authn_session_data) \
         values ($1, $2, $3, $4, $5, $6)",
        &[
            &challenge.id,
            &challenge.factor_id,
            &challenge.created_at,
            &challenge.ip_address,
            &challenge.otp_code,
            &challenge.web_authn_session_data.as_ref().map(Json),
        ],
    )
    .await?;
    Ok(())
}

/// Notes that a challenge was met, and, of a time-based code, by which time step's. The step takes the place that a phone's code has:
/// a challenge by time has none.
///
/// # Errors
/// [`StoreError`]
pub async fn challenge_met(db: &Db, id: Uuid, step: Option<i64>) -> Result<(), StoreError> {
    let step = step.map(|step| step.to_string());
    let sql = "update auth.mfa_challenges set verified_at = now(), otp_code = coalesce($2, otp_code) where id = $1";
    db.execute(sql, &[&id, &step]).await?;
    Ok(())
}

/// The last time step whose code a factor was used with.
///
/// # Errors
/// [`StoreError`]
pub async fn last_step(db: &Db, factor_id: Uuid) -> Result<Option<i64>, StoreError> {
    let sql = "select max(otp_code::bigint) from auth.mfa_challenges \
               where factor_id = $1 and verified_at is not null and otp_code ~ '^[0-9]{1,18}$'";
    Ok(db.row(sql, &[&factor_id]).await?.and_then(|row| row.get(0)))
}

/// Removes a factor's challenges from before a time.
///
/// # Errors
/// [`StoreError`]
pub async fn delete_challenges_before(db: &Db, factor_id: Uuid, before: OffsetDateTime) -> Result<(), StoreError> {
    db.execute("delete from auth.mfa_challenges where factor_id = $1 and created_at < $2", &[&factor_id, &before]).await?;
    Ok(())
}

/// Removes a challenge.
///
/// # Errors
/// [`StoreError`]
pub async fn delete_challenge(db: &Db, id: Uuid) -> Result<(), StoreError> {
    db.execute("delete from auth.mfa_challenges where id = $1", &[&id]).await?;
    Ok(())
}

/// Until when a user's failed attempts weigh: each one for so many seconds, one after the other.
///
/// # Errors
/// [`StoreError`]
pub async fn failures_weigh_until(db: &Db, user_id: Uuid) -> Result<Option<OffsetDateTime>, StoreError> {
    let row = db.row("select theoretical_arrival from _auth.limits where bucket = $1", &[&bucket(user_id)]).await?;
    Ok(row.map(|row| row.get(0)))
}

/// Notes a user's failed attempt.
///
/// # Errors
/// [`StoreError`]
pub async fn failed(db: &Db, user_id: Uuid, weighs: Duration) -> Result<(), StoreError> {
    db.execute(
        "insert into _auth.limits (bucket, theoretical_arrival) values ($1, now() + make_interval(secs => $2)) \
         on conflict (bucket) do update set theoretical_arrival = \
         greatest(_auth.limits.theoretical_arrival, now()) + make_interval(secs => $2)",
        &[&bucket(user_id), &weighs.as_secs_f64()],
    )
    .await?;
    Ok(())
}

/// Forgets a user's failed attempts.
///
/// # Errors
/// [`StoreError`]
pub async fn forget_failures(db: &Db, user_id: Uuid) -> Result<(), StoreError> {
    db.execute("delete from _auth.limits where bucket = $1", &[&bucket(user_id)]).await?;
    Ok(())
}

fn bucket(user_id: Uuid) -> String {
    format!("factor-failures:{user_id}")
}

fn status(status: FactorStatus) -> &'static str {
    match status {
        FactorStatus::Unverified => "unverified",
        FactorStatus::Verified => "verified",
    }
}
