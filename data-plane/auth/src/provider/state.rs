//! What a sign-in knows of itself while the browser is at the provider: a token that only this project can have made, good for five
//! minutes. The rest is in `auth.flow_state`.

use std::fmt;

use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

/// How long the way through the provider may take.
pub const LIFETIME: Duration = Duration::minutes(5);

/// Bytes of a token at most; a referrer is a URL.
const LARGEST: usize = 16 * 1024;

/// What a token says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    /// Where the project's site is.
    pub site_url: String,
    /// Who was asked.
    pub provider: String,
    /// Where the user goes afterwards.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub referrer: String,
    /// The invitation that this sign-in accepts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub invite_token: Option<String>,
    /// The row of `auth.flow_state`, where the application uses PKCE.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flow_state_id: Option<Uuid>,
    /// The user whom the identity becomes part of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub linking_target_id: Option<Uuid>,
    /// The row of `auth.oauth_client_states`, where the provider's code is bound to a verifier.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub oauth_client_state_id: Option<Uuid>,
    /// A user without an address may sign in.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub email_optional: bool,
}

/// Why a state is refused.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// There is none.
    #[error("OAuth state parameter missing")]
    Missing,
    /// Not made here, or not whole.
    #[error("OAuth callback with invalid state")]
    Invalid(#[source] Option<jsonwebtoken::errors::Error>),
    /// Five minutes have passed.
    #[error("OAuth state has expired")]
    Expired,
}

/// The key of states. It is made of the project's secret for this alone: no access token is a state, and no state one.
pub struct StateKey(SecretString);

#[derive(Serialize, Deserialize)]
struct Claims {
    #[serde(flatten)]
    state: State,
    exp: i64,
}

impl StateKey {
    /// From the project's own secret.
    #[must_use]
    pub fn new(secret: &SecretString) -> Self {
        use hmac::{Hmac, KeyInit as _, Mac as _};
        #[expect(clippy::unwrap_used, reason = "HMAC takes a key of any length")]
        let mut mac = Hmac::<sha2::Sha256>::new_from_slice(secret.expose_secret().as_bytes()).unwrap();
        mac.update(b"oauth state");
        Self(hex::encode(mac.finalize().into_bytes()).into())
    }

    /// The token.
    ///
    /// # Errors
    /// [`StateError::Invalid`], never in practice.
    pub fn seal(&self, state: State) -> Result<String, StateError> {
        self.seal_until(state, OffsetDateTime::now_utc() + LIFETIME)
    }

    fn seal_until(&self, state: State, end: OffsetDateTime) -> Result<String, StateError> {
        let key = EncodingKey::from_secret(self.0.expose_secret().as_bytes());
        let claims = Claims { state, exp: end.unix_timestamp() };
        jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &key).map_err(|source| StateError::Invalid(Some(source)))
    }

    /// What a token says, if it was made here and is in time.
    ///
    /// # Errors
    /// [`StateError`]
    pub fn open(&self, token: &str) -> Result<State, StateError> {
        if token.is_empty() {
            return Err(StateError::Missing);
        }
        if token.len() > LARGEST {
            return Err(StateError::Invalid(None));
        }
        let mut validation = Validation::new(Algorithm::HS256);
        validation.leeway = 0;
        validation.validate_aud = false;
        let key = DecodingKey::from_secret(self.0.expose_secret().as_bytes());
        match jsonwebtoken::decode::<Claims>(token, &key, &validation) {
            Ok(data) => Ok(data.claims.state),
            Err(error) if matches!(error.kind(), jsonwebtoken::errors::ErrorKind::ExpiredSignature) => Err(StateError::Expired),
            Err(error) => Err(StateError::Invalid(Some(error))),
        }
    }
}

impl fmt::Debug for StateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StateKey")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(secret: &str) -> StateKey {
        StateKey::new(&secret.to_owned().into())
    }

    fn state() -> State {
        State {
            site_url: "https://example.com".to_owned(),
            provider: "google".to_owned(),
            referrer: "https://example.com/after?x=1".to_owned(),
            invite_token: None,
            flow_state_id: Some(Uuid::from_u128(1)),
            linking_target_id: None,
            oauth_client_state_id: None,
            email_optional: false,
        }
    }

    #[test]
    fn a_state_comes_back() {
        assert_eq!(key("secret").open(&key("secret").seal(state()).unwrap()).unwrap(), state());
        let all = State {
            invite_token: Some("invitation".to_owned()),
            linking_target_id: Some(Uuid::from_u128(2)),
            oauth_client_state_id: Some(Uuid::from_u128(3)),
            email_optional: true,
            ..state()
        };
        assert_eq!(key("secret").open(&key("secret").seal(all.clone()).unwrap()).unwrap(), all);
    }

    #[test]
    fn another_projects_state_is_refused() {
        let token = key("another").seal(state()).unwrap();
        assert!(matches!(key("secret").open(&token), Err(StateError::Invalid(_))));
    }

    #[test]
    fn an_access_token_of_the_same_secret_is_no_state() {
        let claims = Claims { state: state(), exp: (OffsetDateTime::now_utc() + LIFETIME).unix_timestamp() };
        let token = jsonwebtoken::encode(&Header::default(), &claims, &EncodingKey::from_secret(b"secret")).unwrap();
        assert!(matches!(key("secret").open(&token), Err(StateError::Invalid(_))));
    }

    #[test]
    fn a_state_ends() {
        let token = key("secret").seal_until(state(), OffsetDateTime::now_utc() - Duration::seconds(2)).unwrap();
        assert!(matches!(key("secret").open(&token), Err(StateError::Expired)));
    }

    #[test]
    fn what_is_no_state_is_refused() {
        assert!(matches!(key("secret").open(""), Err(StateError::Missing)));
        // {"alg":"none"} and no signature.
        let whole = key("secret").seal(state()).unwrap();
        let claims = whole.split('.').nth(1).unwrap();
        let long = "a".repeat(LARGEST + 1);
        for token in ["a", "a.b", "a.b.c", &format!("eyJhbGciOiJub25lIn0.{claims}."), &long] {
            assert!(matches!(key("secret").open(token), Err(StateError::Invalid(_))), "{token}");
        }
    }
}
