//! `auth admin`: accounts from the command line.
//!
//! It asks the service within this process by the requests that administrators send, so that its rules are theirs.

use std::{sync::Arc, time::Duration};

use auth_schema::Place;
use axum::{Router, body::Body};
use http::{Method, Request, StatusCode, header};
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use tower::ServiceExt as _;
use uuid::Uuid;

use super::{Given, RunError};
use crate::{error::AuthError, token};

/// As long as a token of this is good.
const TOKEN_FOR: Duration = Duration::from_secs(60);

/// Users of one page of a search: an address is a part of few others.
const PAGE: usize = 1000;

/// What is to be done.
#[derive(Debug)]
pub enum Work {
    /// A new account.
    Create {
        /// Its address.
        email: String,
        /// Its password.
        password: String,
        /// Whether the address counts as confirmed.
        confirmed: bool,
        /// Whether its tokens are an administrator's.
        admin: bool,
        /// `GOTRUE_JWT_AUD`, unless another is told.
        audience: Option<String>,
    },
    /// An account less.
    Delete {
        /// Its id or address.
        user: String,
        /// As of [`Work::Create`].
        audience: Option<String>,
    },
}

/// Why it was not done.
#[derive(Debug, thiserror::Error)]
pub enum AdminError {
    /// It could not be begun.
    #[error(transparent)]
    Run(#[from] RunError),
    /// The service says no.
    #[error("{0}")]
    Refused(String),
    /// Nobody has the id or address.
    #[error("there is no user {0:?}")]
    Unknown(String),
}

/// Does it, and gives the account's id.
///
/// # Errors
/// [`AdminError`]
pub async fn administer(given: &Given, work: Work) -> Result<Uuid, AdminError> {
    let place = Place::of(&super::connected(given).await?).await.map_err(RunError::Migration)?;
    let (pool, context) = super::context(given)?;
    context.found_own_tables(place);
    let jwt = &given.settings.jwt;
    let (audience, role) = match &work {
        Work::Create { audience, .. } | Work::Delete { audience, .. } => {
            (audience.clone().unwrap_or_else(|| jwt.aud.clone()), jwt.admin_roles.first().cloned().unwrap_or_default())
        }
    };
    let (iat, exp) = token::expiry(TOKEN_FOR);
    let claims = json!({ "role": role, "aud": jwt.aud, "iat": iat, "exp": exp });
    let token = context.live().keys.sign(&claims).map_err(refused)?;
    let service = Service { router: crate::router(Arc::clone(&context)), token, audience };
    let done = match work {
        Work::Create { email, password, confirmed, admin, .. } => {
            let role = admin.then_some(role);
            service.create(&json!({ "email": email, "password": password, "email_confirm": confirmed, "role": role })).await
        }
        Work::Delete { user, .. } => service.delete(&user).await,
    };
    pool.close();
    done
}

fn refused(error: AuthError) -> AdminError {
    AdminError::Refused(error.to_string())
}

struct Service {
    router: Router,
    token: String,
    audience: String,
}

impl Service {
    async fn create(&self, user: &Value) -> Result<Uuid, AdminError> {
        let mut user = user.clone();
        user["aud"] = json!(self.audience);
        let made = self.ask(Method::POST, "/admin/users", user).await?;
        id_of(&made).ok_or_else(|| AdminError::Refused(made.to_string()))
    }

    async fn delete(&self, user: &str) -> Result<Uuid, AdminError> {
        let id = match user.parse() {
            Ok(id) => id,
            Err(_) => self.find(user).await?.ok_or_else(|| AdminError::Unknown(user.to_owned()))?,
        };
        self.ask(Method::DELETE, &format!("/admin/users/{id}"), json!({})).await?;
        Ok(id)
    }

    async fn find(&self, email: &str) -> Result<Option<Uuid>, AdminError> {
        let filter = percent_encoding::utf8_percent_encode(email, percent_encoding::NON_ALPHANUMERIC);
        let found = self.ask(Method::GET, &format!("/admin/users?per_page={PAGE}&filter={filter}"), Value::Null).await?;
        let is_meant = |user: &&Value| {
            user["email"].as_str().is_some_and(|other| other.eq_ignore_ascii_case(email)) && user["aud"] == json!(self.audience)
        };
        Ok(found["users"].as_array().and_then(|users| users.iter().find(is_meant)).and_then(id_of))
    }

    async fn ask(&self, method: Method, path: &str, body: Value) -> Result<Value, AdminError> {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::AUTHORIZATION, format!("Bearer {}", self.token))
            .header(header::CONTENT_TYPE, "application/json")
            .body(if body.is_null() { Body::empty() } else { Body::from(body.to_string()) })
            .map_err(|error| AdminError::Refused(error.to_string()))?;
        let Ok(answer) = self.router.clone().oneshot(request).await;
        let (head, body) = answer.into_parts();
        let body = body.collect().await.map_err(|error| AdminError::Refused(error.to_string()))?.to_bytes();
        let body: Value = serde_json::from_slice(&body).unwrap_or_default();
        match head.status {
            StatusCode::OK => Ok(body),
            status => Err(AdminError::Refused(body["msg"].as_str().map_or_else(|| status.to_string(), ToOwned::to_owned))),
        }
    }
}

fn id_of(user: &Value) -> Option<Uuid> {
    user["id"].as_str()?.parse().ok()
}
