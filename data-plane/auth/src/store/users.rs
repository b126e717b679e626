//! `auth.users`

use time::OffsetDateTime;
use uuid::Uuid;

use super::{
    Db, Parameter, StoreError,
    listing::{self, Listing, Range},
};
use crate::model::User;

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "select id, aud, role, email, phone, encrypted_password, email_confirmed_at, invited_at, confirmation_token, ",
            "confirmation_sent_at, recovery_token, recovery_sent_at, email_change, email_change_token_new, ",
            "email_change_token_current, email_change_sent_at, email_change_confirm_status, phone_confirmed_at, phone_change, ",
            "phone_change_token, phone_change_sent_at, reauthentication_token, reauthentication_sent_at, last_sign_in_at, ",
            "raw_app_meta_data, raw_user_meta_data, created_at, updated_at, banned_until, deleted_at, is_sso_user, ",
            "is_anonymous from auth.users ",
            $rest
        )
    };
}

/// Nobody's instance: there is one only.
const INSTANCE: Uuid = Uuid::nil();

/// By id, also of those who were deleted softly.
///
/// # Errors
/// [`StoreError`]
pub async fn find(db: &Db, id: Uuid) -> Result<Option<User>, StoreError> {
    Ok(db.row(select!("where id = $1"), &[&id]).await?.as_ref().map(User::from_row))
}

/// By id, and nobody else changes the user until the transaction's end.
///
/// # Errors
/// [`StoreError`]
pub async fn find_for_update(db: &Db, id: Uuid) -> Result<Option<User>, StoreError> {
    Ok(db.row(select!("where id = $1 for update"), &[&id]).await?.as_ref().map(User::from_row))
}

/// By address; not those of single sign-on, who can have the same.
///
/// # Errors
/// [`StoreError`]
pub async fn find_by_email(db: &Db, email: &str, aud: &str) -> Result<Option<User>, StoreError> {
    let sql = select!("where instance_id = $1 and lower(email) = $2 and aud = $3 and is_sso_user = false limit 1");
    Ok(db.row(sql, &[&INSTANCE, &email.to_lowercase(), &aud]).await?.as_ref().map(User::from_row))
}

/// By number, without `+`.
///
/// # Errors
/// [`StoreError`]
pub async fn find_by_phone(db: &Db, phone: &str, aud: &str) -> Result<Option<User>, StoreError> {
    let sql = select!("where instance_id = $1 and phone = $2 and aud = $3 and is_sso_user = false limit 1");
    Ok(db.row(sql, &[&INSTANCE, &phone, &aud]).await?.as_ref().map(User::from_row))
}

/// By the address or number that the user wants to change to, with the pending change's token.
///
/// # Errors
/// [`StoreError`]
pub async fn find_by_email_change(db: &Db, email: &str, aud: &str) -> Result<Option<User>, StoreError> {
    let sql = select!(
        "where instance_id = $1 and lower(email_change) = $2 and email_change <> '' and aud = $3 and is_sso_user = false limit 1"
    );
    Ok(db.row(sql, &[&INSTANCE, &email.to_lowercase(), &aud]).await?.as_ref().map(User::from_row))
}

/// By the number that the user wants to change to.
///
/// # Errors
/// [`StoreError`]
pub async fn find_by_phone_change(db: &Db, phone: &str, aud: &str) -> Result<Option<User>, StoreError> {
    let sql = select!(
        "where instance_id = $1 and phone_change = $2 and phone_change <> '' and aud = $3 and is_sso_user = false limit 1"
    );
    Ok(db.row(sql, &[&INSTANCE, &phone, &aud]).await?.as_ref().map(User::from_row))
}

/// A user's columns, in the order of the statements.
macro_rules! values {
    ($user:expr) => {
        [
            &$user.id as Parameter<'_>,
            &$user.aud,
            &$user.role,
            &$user.email,
            &$user.phone,
            &$user.encrypted_password,
            &$user.email_confirmed_at,
            &$user.invited_at,
            &$user.confirmation_token,
            &$user.confirmation_sent_at,
            &$user.recovery_token,
            &$user.recovery_sent_at,
            &$user.email_change,
            &$user.email_change_token_new,
            &$user.email_change_token_current,
            &$user.email_change_sent_at,
            &$user.email_change_confirm_status,
            &$user.phone_confirmed_at,
            &$user.phone_change,
            &$user.phone_change_token,
            &$user.phone_change_sent_at,
            &$user.reauthentication_token,
            &$user.reauthentication_sent_at,
            &$user.last_sign_in_at,
            &json(&$user.app_metadata),
            &json(&$user.user_metadata),
            &$user.created_at,
            &$user.updated_at,
            &$user.banned_until,
            &$user.deleted_at,
            &$user.is_sso_user,
            &$user.is_anonymous,
        ]
    };
}

/// Stores somebody new.
///
/// # Errors
/// [`StoreError`]; a unique violation where address or number are another's.
pub async fn insert(db: &Db, user: &User) -> Result<(), StoreError> {
    db.execute(
        "insert into auth.users (id, aud, role, email, phone, encrypted_password, email_confirmed_at, invited_at, \
         confirmation_token, confirmation_sent_at, recovery_token, recovery_sent_at, email_change, email_change_token_new, \
         email_change_token_current, email_change_sent_at, email_change_confirm_status, phone_confirmed_at, \
         phone_change, phone_change_token, phone_change_sent_at, reauthentication_token, reauthentication_sent_at, \
         last_sign_in_at, raw_app_meta_data, raw_user_meta_data, created_at, updated_at, banned_until, deleted_at, \
         is_sso_user, is_anonymous, instance_id) \
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24, \
         $25, $26, $27, $28, $29, $30, $31, $32, '00000000-0000-0000-0000-000000000000')",
        &values!(user),
    )
    .await?;
    Ok(())
}

/// Stores what has changed; `updated_at` is now.
///
/// # Errors
/// [`StoreError`]; a unique violation where address or number are another's.
pub async fn update(db: &Db, user: &mut User) -> Result<(), StoreError> {
    user.updated_at = Some(OffsetDateTime::now_utc());
    db.execute(
        "update auth.users set aud = $2, role = $3, email = $4, phone = $5, encrypted_password = $6, email_confirmed_at = $7, \
         invited_at = $8, confirmation_token = $9, confirmation_sent_at = $10, recovery_token = $11, recovery_sent_at = $12, \
         email_change = $13, email_change_token_new = $14, email_change_token_current = $15, email_change_sent_at = $16, \
         email_change_confirm_status = $17, phone_confirmed_at = $18, phone_change = $19, phone_change_token = $20, \
         phone_change_sent_at = $21, reauthentication_token = $22, reauthentication_sent_at = $23, \
         last_sign_in_at = $24, raw_app_meta_data = $25, raw_user_meta_data = $26, created_at = $27, updated_at = $28, \
         banned_until = $29, deleted_at = $30, is_sso_user = $31, is_anonymous = $32 \
         where id = $1",
        &values!(user),
    )
    .await?;
    Ok(())
}

/// Notes a sign-in, and nothing else.
///
/// # Errors
/// [`StoreError`]
pub async fn signed_in(db: &Db, id: Uuid, at: OffsetDateTime) -> Result<(), StoreError> {
    db.execute("update auth.users set last_sign_in_at = $2, updated_at = $2 where id = $1", &[&id, &at]).await?;
    Ok(())
}

/// Removes a user with everything that is the user's.
///
/// # Errors
/// [`StoreError`]
pub async fn delete(db: &Db, id: Uuid) -> Result<(), StoreError> {
    let tokens = "delete from auth.refresh_tokens where instance_id = $1 and user_id = $2::uuid::text";
    db.execute(tokens, &[&INSTANCE, &id]).await?;
    db.execute("delete from auth.users where id = $1", &[&id]).await?;
    Ok(())
}

/// The order of pages: by age.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    NewestFirst,
    OldestFirst,
}

macro_rules! page {
    ($direction:literal) => {
        concat!(
            "select id, null::bigint from auth.users order by created_at ",
            $direction,
            ", id ",
            $direction,
            " limit $1 offset $2"
        )
    };
}

/// Every row is looked at once, for the page and the number of all.
macro_rules! searched_page {
    ($direction:literal) => {
        concat!(
            "with found as materialized (select id, created_at from auth.users where email ilike $3 or phone ilike $3 ",
            "or raw_user_meta_data ->> 'full_name' ilike $3 or id = $4) ",
            "select id, (select count(*) from found) from found order by created_at ",
            $direction,
            ", id ",
            $direction,
            " limit $1 offset $2"
        )
    };
}

/// One page of all, or of those whose address, number or full name contains a text, or whose id it is.
///
/// # Errors
/// [`StoreError`]
pub async fn page(db: &Db, filter: Option<&str>, order: Order, range: Range) -> Result<Listing<User>, StoreError> {
    let size = listing::size!("auth.users");
    let ids = match filter {
        None => {
            let sql = match order {
                Order::NewestFirst => page!("desc"),
                Order::OldestFirst => page!("asc"),
            };
            listing::ids(db, sql, &[], range, size).await?
        }
        Some(filter) => {
            let sql = match order {
                Order::NewestFirst => searched_page!("desc"),
                Order::OldestFirst => searched_page!("asc"),
            };
            listing::ids(db, sql, &[&super::containing(filter), &filter.parse::<Uuid>().ok()], range, size).await?
        }
    };
    let rows = in_order(db, &ids.rows).await?;
    Ok(ids.with(rows))
}

/// By their ids, in the ids' order.
///
/// # Errors
/// [`StoreError`]
pub async fn in_order(db: &Db, ids: &[Uuid]) -> Result<Vec<User>, StoreError> {
    let sql = select!("where id = any($1) order by array_position($1, id)");
    Ok(db.rows(sql, &[&ids]).await?.iter().map(User::from_row).collect())
}

fn json(
    object: &serde_json::Map<String, serde_json::Value>,
) -> tokio_postgres::types::Json<&serde_json::Map<String, serde_json::Value>> {
    tokio_postgres::types::Json(object)
}
