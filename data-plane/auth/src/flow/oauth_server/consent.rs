//! A user decides on what a client asks for. Who allowed as much before is not asked again.

use time::OffsetDateTime;

use super::{ClientView, Redirect, has_scope, hash, secret};
use crate::{
    caller::SignedIn,
    error::{AuthError, ErrorCode},
    model::{OauthAuthorization, OauthClient},
    store::{self, Db},
};

/// What the consent page is to do.
#[derive(Debug)]
pub(crate) enum Details {
    Ask { authorization: Box<OauthAuthorization>, client: Box<ClientView> },
    Decided(Redirect),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Decision {
    Approve,
    Deny,
}

pub(crate) async fn details(signed_in: &SignedIn, authorization_id: &str) -> Result<Details, AuthError> {
    refuse_clients(signed_in)?;
    let tx = signed_in.caller.begin().await?;
    let outcome = async {
        let (authorization, client) = pending(signed_in, &tx, authorization_id).await?;
        let consent = store::oauth_consents::find(&tx, signed_in.user.id, client.id).await?;
        let is_allowed =
            consent.is_some_and(|consent| authorization.scope.split(' ').all(|scope| has_scope(&consent.scopes, scope)));
        if is_allowed {
            return Ok(Details::Decided(issue_code(&tx, authorization).await?));
        }
        Ok(Details::Ask { authorization: Box::new(authorization), client: Box::new(client.into()) })
    }
    .await;
    tx.end(outcome).await
}

pub(crate) async fn decide(signed_in: &SignedIn, authorization_id: &str, decision: Decision) -> Result<Redirect, AuthError> {
    refuse_clients(signed_in)?;
    let tx = signed_in.caller.begin().await?;
    let outcome = async {
        let (authorization, client) = pending(signed_in, &tx, authorization_id).await?;
        if decision == Decision::Deny {
            store::oauth_authorizations::deny(&tx, authorization.id).await?;
            let why = "The user denied the authorization request";
            return Ok(Redirect::with_error(&authorization.redirect_uri, "access_denied", why, authorization.state.as_deref()));
        }
        let user_id = signed_in.user.id;
        let before = store::oauth_consents::find(&tx, user_id, client.id).await?;
        let scopes = both(before.map(|consent| consent.scopes).as_deref(), &authorization.scope);
        store::oauth_consents::grant(&tx, user_id, client.id, &scopes).await?;
        issue_code(&tx, authorization).await
    }
    .await;
    tx.end(outcome).await
}

/// A client acts for its user in much, but does not allow clients, itself among them, anything in the user's name; nor does it change
/// how the user signs in, which would outlast what the user allows it.
pub(crate) fn refuse_clients(signed_in: &SignedIn) -> Result<(), AuthError> {
    let is_client = signed_in.session.as_ref().is_some_and(|session| session.oauth_client_id.is_some());
    if is_client || signed_in.claims.client_id.is_some() {
        return Err(AuthError::forbidden(
            ErrorCode::NoAuthorization,
            "OAuth clients can't decide what a user allows, nor how the user signs in",
        ));
    }
    Ok(())
}

/// One on which this user can decide now. The first user who looks at it is the only one who can.
async fn pending(signed_in: &SignedIn, db: &Db, id: &str) -> Result<(OauthAuthorization, OauthClient), AuthError> {
    let not_found = || AuthError::not_found(ErrorCode::OauthAuthorizationNotFound, "authorization not found");
    let user_id = signed_in.user.id;
    let mut authorization = store::oauth_authorizations::find_for_update(db, id).await?.ok_or_else(not_found)?;
    if authorization.user_id.is_some_and(|other| other != user_id) {
        return Err(not_found());
    }
    let client = store::oauth_clients::find(db, authorization.client_id).await?.ok_or_else(not_found)?;
    if authorization.expires_at <= OffsetDateTime::now_utc() {
        return Err(AuthError::validation("authorization request has expired"));
    }
    if !authorization.is_pending {
        return Err(AuthError::validation("authorization request cannot be processed"));
    }
    if authorization.user_id.is_none() {
        store::oauth_authorizations::set_user(db, authorization.id, user_id).await?;
        authorization.user_id = Some(user_id);
    }
    Ok((authorization, client))
}

async fn issue_code(db: &Db, authorization: OauthAuthorization) -> Result<Redirect, AuthError> {
    let code = secret();
    store::oauth_authorizations::approve(db, authorization.id, &hash(&code)).await?;
    let members = vec![("code", code), ("state", authorization.state.unwrap_or_default())];
    Ok(Redirect { to: authorization.redirect_uri, members })
}

/// What was allowed before, and what is besides now.
fn both(before: Option<&str>, now: &str) -> String {
    let before = before.unwrap_or_default();
    let added = now.split(' ').filter(|scope| !has_scope(before, scope));
    before.split(' ').filter(|scope| !scope.is_empty()).chain(added).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_allowed_stays_allowed() {
        assert_eq!(both(None, "openid email"), "openid email");
        assert_eq!(both(Some("email phone"), "openid email"), "email phone openid");
    }
}
