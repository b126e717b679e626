use serde::Serialize;
use serde_json::{Map, Value, json};
use time::OffsetDateTime;
use tokio_postgres::Row;
use uuid::Uuid;

use super::{Factor, Identity, TokenKind, timestamp};

/// A row of `auth.users`. Texts that are null are empty here, as upstream writes them.
#[derive(Clone)]
pub struct User {
    pub id: Uuid,
    pub aud: String,
    pub role: String,
    pub email: Option<String>,
    pub phone: Option<String>,
    pub encrypted_password: Option<String>,
    pub email_confirmed_at: Option<OffsetDateTime>,
    pub invited_at: Option<OffsetDateTime>,
    pub confirmation_token: String,
    pub confirmation_sent_at: Option<OffsetDateTime>,
    pub recovery_token: String,
    pub recovery_sent_at: Option<OffsetDateTime>,
    pub email_change: String,
    pub email_change_token_new: String,
    pub email_change_token_current: String,
    pub email_change_sent_at: Option<OffsetDateTime>,
    /// Confirmations that there are of a change of address: one of two.
    pub email_change_confirm_status: i16,
    pub phone_confirmed_at: Option<OffsetDateTime>,
    pub phone_change: String,
    pub phone_change_token: String,
    pub phone_change_sent_at: Option<OffsetDateTime>,
    pub reauthentication_token: String,
    pub reauthentication_sent_at: Option<OffsetDateTime>,
    pub last_sign_in_at: Option<OffsetDateTime>,
    pub app_metadata: Map<String, Value>,
    pub user_metadata: Map<String, Value>,
    pub created_at: Option<OffsetDateTime>,
    pub updated_at: Option<OffsetDateTime>,
    pub banned_until: Option<OffsetDateTime>,
    pub deleted_at: Option<OffsetDateTime>,
    pub is_sso_user: bool,
    pub is_anonymous: bool,
    /// Made by this request, instead of read: no column.
    pub is_new: bool,
}

impl std::fmt::Debug for User {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("User").field("id", &self.id).finish_non_exhaustive()
    }
}

impl User {
    /// Somebody new, not stored yet.
    #[must_use]
    pub fn new(aud: &str) -> Self {
        let now = OffsetDateTime::now_utc();
        Self {
            id: Uuid::new_v4(),
            aud: aud.to_owned(),
            role: String::new(),
            email: None,
            phone: None,
            encrypted_password: None,
            email_confirmed_at: None,
            invited_at: None,
            confirmation_token: String::new(),
            confirmation_sent_at: None,
            recovery_token: String::new(),
            recovery_sent_at: None,
            email_change: String::new(),
            email_change_token_new: String::new(),
            email_change_token_current: String::new(),
            email_change_sent_at: None,
            email_change_confirm_status: 0,
            phone_confirmed_at: None,
            phone_change: String::new(),
            phone_change_token: String::new(),
            phone_change_sent_at: None,
            reauthentication_token: String::new(),
            reauthentication_sent_at: None,
            last_sign_in_at: None,
            app_metadata: Map::new(),
            user_metadata: Map::new(),
            created_at: Some(now),
            updated_at: Some(now),
            banned_until: None,
            deleted_at: None,
            is_sso_user: false,
            is_anonymous: false,
            is_new: true,
        }
    }

    pub(crate) fn from_row(row: &Row) -> Self {
        let text = |name: &str| row.get::<_, Option<String>>(name).unwrap_or_default();
        let filled = |name: &str| row.get::<_, Option<String>>(name).filter(|text| !text.is_empty());
        let object = |name: &str| match row.get::<_, Option<Value>>(name) {
            Some(Value::Object(object)) => object,
            _ => Map::new(),
        };
        Self {
            id: row.get("id"),
            aud: text("aud"),
            role: text("role"),
            email: filled("email"),
            phone: filled("phone"),
            encrypted_password: filled("encrypted_password"),
            email_confirmed_at: row.get("email_confirmed_at"),
            invited_at: row.get("invited_at"),
            confirmation_token: text("confirmation_token"),
            confirmation_sent_at: row.get("confirmation_sent_at"),
            recovery_token: text("recovery_token"),
            recovery_sent_at: row.get("recovery_sent_at"),
            email_change: text("email_change"),
            email_change_token_new: text("email_change_token_new"),
            email_change_token_current: text("email_change_token_current"),
            email_change_sent_at: row.get("email_change_sent_at"),
            email_change_confirm_status: row.get::<_, Option<i16>>("email_change_confirm_status").unwrap_or_default(),
            phone_confirmed_at: row.get("phone_confirmed_at"),
            phone_change: text("phone_change"),
            phone_change_token: text("phone_change_token"),
            phone_change_sent_at: row.get("phone_change_sent_at"),
            reauthentication_token: text("reauthentication_token"),
            reauthentication_sent_at: row.get("reauthentication_sent_at"),
            last_sign_in_at: row.get("last_sign_in_at"),
            app_metadata: object("raw_app_meta_data"),
            user_metadata: object("raw_user_meta_data"),
            created_at: row.get("created_at"),
            updated_at: row.get("updated_at"),
            banned_until: row.get("banned_until"),
            deleted_at: row.get("deleted_at"),
            is_sso_user: row.get("is_sso_user"),
            is_anonymous: row.get("is_anonymous"),
            is_new: false,
        }
    }

    /// Whether the address or the number was shown to be the user's.
    #[must_use]
    pub fn is_confirmed(&self) -> bool {
        self.email_confirmed_at.is_some() || self.phone_confirmed_at.is_some()
    }

    /// When that was first.
    #[must_use]
    pub fn confirmed_at(&self) -> Option<OffsetDateTime> {
        match (self.email_confirmed_at, self.phone_confirmed_at) {
            (Some(email), Some(phone)) => Some(email.min(phone)),
            (email, phone) => email.or(phone),
        }
    }

    /// Whether an administrator keeps the user out.
    #[must_use]
    pub fn is_banned(&self) -> bool {
        self.banned_until.is_some_and(|until| until > OffsetDateTime::now_utc())
    }

    /// The address, or an empty text.
    #[must_use]
    pub fn email(&self) -> &str {
        self.email.as_deref().unwrap_or_default()
    }

    /// The number without `+`, or an empty text.
    #[must_use]
    pub fn phone(&self) -> &str {
        self.phone.as_deref().unwrap_or_default()
    }

    /// Where the hash of a token of a kind is, and when it was sent.
    pub fn token(&mut self, kind: TokenKind) -> (&mut String, &mut Option<OffsetDateTime>) {
        match kind {
            TokenKind::Confirmation => (&mut self.confirmation_token, &mut self.confirmation_sent_at),
            TokenKind::Reauthentication => (&mut self.reauthentication_token, &mut self.reauthentication_sent_at),
            TokenKind::Recovery => (&mut self.recovery_token, &mut self.recovery_sent_at),
            TokenKind::EmailChangeNew => (&mut self.email_change_token_new, &mut self.email_change_sent_at),
            TokenKind::EmailChangeCurrent => (&mut self.email_change_token_current, &mut self.email_change_sent_at),
            TokenKind::PhoneChange => (&mut self.phone_change_token, &mut self.phone_change_sent_at),
        }
    }

    /// Says in `app_metadata` how the user can sign in: all ways, and the first.
    pub fn set_providers(&mut self, providers: &[String]) {
        if let Some(first) = providers.first() {
            self.app_metadata.entry("provider").or_insert_with(|| json!(first));
        }
        self.app_metadata.insert("providers".to_owned(), json!(providers));
    }

    /// Sets members; null removes one.
    pub fn merge_metadata(into: &mut Map<String, Value>, changes: Map<String, Value>) {
        for (name, value) in changes {
            if value.is_null() {
                into.remove(&name);
            } else {
                into.insert(name, value);
            }
        }
    }

    /// What a client sees.
    #[must_use]
    pub fn view<'a>(&'a self, identities: &'a [Identity], factors: &'a [Factor]) -> UserView<'a> {
        UserView { user: self, identities, factors }
    }
}

/// A user with everything that clients see of it.
#[derive(Debug)]
pub struct UserView<'a> {
    user: &'a User,
    identities: &'a [Identity],
    factors: &'a [Factor],
}

/// In GoTrue's order; what is optional is left out.
#[derive(Serialize)]
struct Wire<'a> {
    id: Uuid,
    aud: &'a str,
    role: &'a str,
    email: &'a str,
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "timestamp::option")]
    email_confirmed_at: Option<OffsetDateTime>,
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "timestamp::option")]
    invited_at: Option<OffsetDateTime>,
    phone: &'a str,
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "timestamp::option")]
    phone_confirmed_at: Option<OffsetDateTime>,
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "timestamp::option")]
    confirmation_sent_at: Option<OffsetDateTime>,
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "timestamp::option")]
    confirmed_at: Option<OffsetDateTime>,
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "timestamp::option")]
    recovery_sent_at: Option<OffsetDateTime>,
    #[serde(skip_serializing_if = "str::is_empty")]
    new_email: &'a str,
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "timestamp::option")]
    email_change_sent_at: Option<OffsetDateTime>,
    #[serde(skip_serializing_if = "str::is_empty")]
    new_phone: &'a str,
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "timestamp::option")]
    phone_change_sent_at: Option<OffsetDateTime>,
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "timestamp::option")]
    reauthentication_sent_at: Option<OffsetDateTime>,
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "timestamp::option")]
    last_sign_in_at: Option<OffsetDateTime>,
    app_metadata: &'a Map<String, Value>,
    user_metadata: &'a Map<String, Value>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    factors: &'a [Factor],
    identities: &'a [Identity],
    #[serde(serialize_with = "timestamp::option")]
    created_at: Option<OffsetDateTime>,
    #[serde(serialize_with = "timestamp::option")]
    updated_at: Option<OffsetDateTime>,
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "timestamp::option")]
    banned_until: Option<OffsetDateTime>,
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "timestamp::option")]
    deleted_at: Option<OffsetDateTime>,
    is_anonymous: bool,
}

impl Serialize for UserView<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let user = self.user;
        Wire {
            id: user.id,
            aud: &user.aud,
            role: &user.role,
            email: user.email(),
            email_confirmed_at: user.email_confirmed_at,
            invited_at: user.invited_at,
            phone: user.phone(),
            phone_confirmed_at: user.phone_confirmed_at,
            confirmation_sent_at: user.confirmation_sent_at,
            confirmed_at: user.confirmed_at(),
            recovery_sent_at: user.recovery_sent_at,
            new_email: &user.email_change,
            email_change_sent_at: user.email_change_sent_at,
            new_phone: &user.phone_change,
            phone_change_sent_at: user.phone_change_sent_at,
            reauthentication_sent_at: user.reauthentication_sent_at,
            last_sign_in_at: user.last_sign_in_at,
            app_metadata: &user.app_metadata,
            user_metadata: &user.user_metadata,
            factors: self.factors,
            identities: self.identities,
            created_at: user.created_at,
            updated_at: user.updated_at,
            banned_until: user.banned_until,
            deleted_at: user.deleted_at,
            is_anonymous: user.is_anonymous,
        }
        .serialize(serializer)
    }
}
