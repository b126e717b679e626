//! Clients: `/admin/oauth/clients`, and `/oauth/clients/register`, where they come by themselves.

use axum::{
    Json as Answer,
    extract::{Path, Query},
    response::{IntoResponse, Response},
};
use http::{HeaderValue, StatusCode, header::LINK};
use serde::{Deserialize, Serialize};
use serde_json::json;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{
    api::json::Json,
    caller::{Admin, Caller},
    error::{AuthError, ErrorCode},
    flow::oauth_server::clients::{self, Changes, Registered, Registration},
    limits::Limited,
    model::{OauthClient, OauthRegistration, timestamp},
    store,
};

const PER_PAGE: i64 = 50;
const MOST_PER_PAGE: i64 = 1000;

/// What clients see of a client.
#[derive(Debug, Serialize)]
pub(super) struct View {
    client_id: Uuid,
    client_name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_secret: Option<String>,
    /// Must be there where a secret is (RFC 7591, 3.2.1); 0 is never.
    #[serde(skip_serializing_if = "Option::is_none")]
    client_secret_expires_at: Option<u64>,
    client_type: &'static str,
    token_endpoint_auth_method: &'static str,
    registration_type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_uri: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    logo_uri: Option<String>,
    redirect_uris: Vec<String>,
    grant_types: Vec<String>,
    response_types: [&'static str; 1],
    #[serde(serialize_with = "timestamp::serialize")]
    created_at: OffsetDateTime,
    #[serde(serialize_with = "timestamp::serialize")]
    updated_at: OffsetDateTime,
}

impl From<Registered> for View {
    fn from(Registered { client, secret }: Registered) -> Self {
        Self {
            client_id: client.id,
            client_name: client.name.unwrap_or_default(),
            client_secret_expires_at: secret.is_some().then_some(0),
            client_secret: secret,
            client_type: client.client_type.as_str(),
            token_endpoint_auth_method: client.auth.as_str(),
            registration_type: client.registration.as_str(),
            client_uri: client.uri,
            logo_uri: client.logo_uri,
            redirect_uris: client.redirect_uris,
            grant_types: client.grant_types,
            response_types: ["code"],
            created_at: client.created_at,
            updated_at: client.updated_at,
        }
    }
}

impl From<OauthClient> for View {
    fn from(client: OauthClient) -> Self {
        Registered { client, secret: None }.into()
    }
}

pub(super) async fn register(caller: Caller, Json(wanted): Json<Registration>) -> Result<(StatusCode, Answer<View>), AuthError> {
    let settings = &caller.live.settings;
    if !settings.oauth_server.allow_dynamic_registration {
        let code = ErrorCode::OauthDynamicClientRegistrationDisabled;
        return Err(AuthError::forbidden(code, "Dynamic client registration is not enabled"));
    }
    caller.limit_by_address(Limited::OauthRegister, settings.rate_limits.oauth_dynamic_client_register).await?;
    let registered = clients::register(&caller, wanted, OauthRegistration::Dynamic).await?;
    Ok((StatusCode::CREATED, Answer(registered.into())))
}

pub(super) async fn create(admin: Admin, Json(wanted): Json<Registration>) -> Result<(StatusCode, Answer<View>), AuthError> {
    let registered = clients::register(&admin.caller, wanted, OauthRegistration::Manual).await?;
    Ok((StatusCode::CREATED, Answer(registered.into())))
}

#[derive(Debug, Deserialize)]
pub(super) struct Page {
    #[serde(default)]
    page: String,
    #[serde(default)]
    per_page: String,
}

pub(super) async fn list(admin: Admin, Query(wanted): Query<Page>) -> Result<Response, AuthError> {
    let number = |text: &str, otherwise: i64| match text {
        "" => Ok(otherwise),
        text => text
            .parse::<i64>()
            .ok()
            .filter(|number| *number > 0)
            .ok_or_else(|| AuthError::validation(format!("Bad Pagination Parameters: {text:?} is no number above 0"))),
    };
    let page = number(&wanted.page, 1)?;
    let per_page = number(&wanted.per_page, PER_PAGE)?.min(MOST_PER_PAGE);
    let db = admin.caller.db().await?;
    let total = store::oauth_clients::count(&db).await?;
    let clients = store::oauth_clients::page(&db, per_page, (page - 1).saturating_mul(per_page)).await?;
    let clients: Vec<View> = clients.into_iter().map(View::from).collect();
    let mut response = Answer(json!({ "clients": clients })).into_response();
    let headers = response.headers_mut();
    headers.insert("x-total-count", HeaderValue::from(total));
    headers.insert(LINK, links(page, per_page, total));
    Ok(response)
}

/// To the next and the last page, as GoTrue writes them.
fn links(page: i64, per_page: i64, total: i64) -> HeaderValue {
    let last = ((total + per_page - 1) / per_page).max(1);
    let link = |page: i64, name: &str| format!("</admin/oauth/clients?page={page}&per_page={per_page}>; rel=\"{name}\"");
    let next = (page < last).then(|| link(page.saturating_add(1), "next"));
    let links: Vec<_> = next.into_iter().chain([link(last, "last")]).collect();
    HeaderValue::from_str(&links.join(", ")).unwrap_or_else(|_| HeaderValue::from_static(""))
}

/// What is no id is nobody's.
fn id(text: &str) -> Result<Uuid, AuthError> {
    text.parse().map_err(|_| clients::not_found())
}

pub(super) async fn find(admin: Admin, Path(client): Path<String>) -> Result<Answer<View>, AuthError> {
    Ok(Answer(clients::find(&admin.caller, id(&client)?).await?.into()))
}

pub(super) async fn update(
    admin: Admin,
    Path(client): Path<String>,
    Json(changes): Json<Changes>,
) -> Result<Answer<View>, AuthError> {
    Ok(Answer(clients::update(&admin.caller, id(&client)?, changes).await?.into()))
}

pub(super) async fn delete(admin: Admin, Path(client): Path<String>) -> Result<StatusCode, AuthError> {
    clients::delete(&admin.caller, id(&client)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn regenerate_secret(admin: Admin, Path(client): Path<String>) -> Result<Answer<View>, AuthError> {
    Ok(Answer(clients::regenerate_secret(&admin.caller, id(&client)?).await?.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_name_the_pages_that_there_are() {
        assert_eq!(links(1, 50, 0), "</admin/oauth/clients?page=1&per_page=50>; rel=\"last\"");
        assert_eq!(
            links(1, 2, 5),
            "</admin/oauth/clients?page=2&per_page=2>; rel=\"next\", </admin/oauth/clients?page=3&per_page=2>; rel=\"last\""
        );
        assert_eq!(links(3, 2, 5), "</admin/oauth/clients?page=3&per_page=2>; rel=\"last\"");
    }
}
