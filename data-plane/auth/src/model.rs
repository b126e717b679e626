//! Rows of the schema `auth`, and what clients see of them.

mod factor;
mod flow_state;
mod identity;
mod oauth;
mod passkey;
mod session;
mod token;
mod user;

pub use factor::{Challenge, Factor, FactorKind, FactorStatus};
pub use flow_state::{FlowState, Method};
pub use identity::Identity;
pub(crate) use oauth::LIST_SEPARATOR;
pub use oauth::{OauthAuthorization, OauthClient, OauthClientAuth, OauthClientType, OauthConsent, OauthRegistration};
pub use passkey::Passkey;
pub use session::{Aal, AmrClaim, Session, Signing};
pub use token::{OneTimeToken, RefreshToken, TokenKind};
pub use user::{User, UserView};

/// RFC 3339, as Go writes it, to the microsecond: what has just been made is told as it is read from the database later.
pub(crate) mod timestamp {
    use serde::Serializer;
    use time::{OffsetDateTime, format_description::well_known::Rfc3339};

    #[expect(clippy::ref_option, reason = "serde gives it so")]
    pub(crate) fn option<S: Serializer>(at: &Option<OffsetDateTime>, serializer: S) -> Result<S::Ok, S::Error> {
        match at {
            Some(at) => serialize(at, serializer),
            None => serializer.serialize_none(),
        }
    }

    pub(crate) fn serialize<S: Serializer>(at: &OffsetDateTime, serializer: S) -> Result<S::Ok, S::Error> {
        let at = at.truncate_to_microsecond();
        serializer.serialize_str(&at.format(&Rfc3339).map_err(serde::ser::Error::custom)?)
    }
}
