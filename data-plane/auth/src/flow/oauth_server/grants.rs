//! What a user allows clients, and its end.

use serde::Serialize;
use time::OffsetDateTime;
use uuid::Uuid;

use super::{ClientView, consent::refuse_clients};
use crate::{
    caller::SignedIn,
    error::{AuthError, ErrorCode},
    model::timestamp,
    store,
};

#[derive(Debug, Serialize)]
pub(crate) struct Grant {
    client: ClientView,
    scopes: Vec<String>,
    #[serde(serialize_with = "timestamp::serialize")]
    granted_at: OffsetDateTime,
}

pub(crate) async fn list(signed_in: &SignedIn) -> Result<Vec<Grant>, AuthError> {
    refuse_clients(signed_in)?;
    let db = signed_in.caller.db().await?;
    let mut grants = Vec::new();
    for consent in store::oauth_consents::of_user(&db, signed_in.user.id).await? {
        if let Some(client) = store::oauth_clients::find(&db, consent.client_id).await? {
            let scopes = consent.scopes.split(' ').map(ToOwned::to_owned).collect();
            grants.push(Grant { client: client.into(), scopes, granted_at: consent.granted_at });
        }
    }
    Ok(grants)
}

/// Ends what a user allows a client, with the sessions that the client has and the codes that it could exchange.
pub(crate) async fn revoke(signed_in: &SignedIn, client_id: Uuid) -> Result<(), AuthError> {
    refuse_clients(signed_in)?;
    let user_id = signed_in.user.id;
    let tx = signed_in.caller.begin().await?;
    let outcome = async {
        if !store::oauth_consents::revoke(&tx, user_id, client_id).await? {
            return Err(AuthError::not_found(ErrorCode::OauthConsentNotFound, "No active grant found for this client"));
        }
        store::oauth_authorizations::delete_of_grant(&tx, user_id, client_id).await?;
        store::sessions::delete_of_client(&tx, user_id, client_id).await?;
        Ok(())
    }
    .await;
    tx.end(outcome).await
}
