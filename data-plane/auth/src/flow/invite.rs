//! Somebody is asked in by mail.

use serde_json::{Map, Value, json};

use super::{
    UserRecord,
    admin::email_exists,
    audience, audit,
    audit::Action,
    mail, sign_up,
    sign_up::{SignUp, Way},
};
use crate::{
    caller::{Admin, Caller},
    error::AuthError,
    model::User,
    store::{self, Db},
};

pub(crate) async fn invite(admin: &Admin, email: &str, data: Map<String, Value>) -> Result<UserRecord, AuthError> {
    let tx = admin.caller.begin().await?;
    let outcome = async {
        let mut user = invited(admin, &tx, email, data).await?;
        mail::invite(&admin.caller, &tx, &mut user).await?;
        Ok(UserRecord::load(&tx, user).await?)
    }
    .await;
    tx.end(outcome).await
}

/// The account that an invitation is for, with a note of it.
pub(super) async fn invited(admin: &Admin, db: &Db, email: &str, data: Map<String, Value>) -> Result<User, AuthError> {
    let user = unconfirmed(&admin.caller, db, email, data, None).await?;
    let traits = json!({ "user_id": user.id, "user_email": user.email() });
    audit::note_of_admin(&admin.caller, db, &admin.claims.role, Action::UserInvited, traits).await?;
    Ok(user)
}

/// The account of an address that was not confirmed yet; made where there is none, by these data.
pub(super) async fn unconfirmed(
    caller: &Caller,
    db: &Db,
    email: &str,
    data: Map<String, Value>,
    hash: Option<String>,
) -> Result<User, AuthError> {
    match store::users::find_by_email(db, email, audience(caller)).await? {
        Some(user) if user.email_confirmed_at.is_some() => Err(email_exists()),
        Some(user) => super::lock(db, user.id).await,
        None => {
            let wanted = SignUp { way: Way::Email(email.to_owned()), password: String::new(), data, challenge: None };
            sign_up::create(caller, db, &wanted, hash).await
        }
    }
}
