//! Secrets of a project: fetched when somebody asks to see or copy one, never before.

use leptos::prelude::*;

use crate::{
    live::Live,
    server_fns::reveal_secret,
    snippets::{percent_encode, postgres_uri, psql},
};

/// Word of the database password.
pub(crate) const PASSWORD: &str = "password";
/// Word of the JWT secret.
pub(crate) const JWT_SECRET: &str = "jwt-secret";

/// Stands for a connection string before there is one.
pub(crate) const NO_CONNECTION: &str = "Known once the database has started.";

/// One secret, or a text with one in it.
#[derive(Debug, Clone)]
pub(crate) enum Secret {
    /// The API key with this id.
    ApiKey(String),
    /// What the project's tokens are signed with.
    Jwt,
    /// The database password.
    Password,
    /// The connection string with the password.
    Uri,
    /// The psql command with the password.
    Psql,
}

impl Secret {
    /// Its word in `?reveal=…`.
    pub(crate) fn word(&self) -> &str {
        match self {
            Self::ApiKey(id) => id,
            Self::Jwt => JWT_SECRET,
            Self::Password | Self::Uri | Self::Psql => PASSWORD,
        }
    }

    /// The text in full; if it can't be had, `problem` says why.
    pub(crate) async fn fetch(self, live: Live, problem: RwSignal<Option<String>>) -> Option<String> {
        let answer = reveal_secret(live.project_ref(), self.word().to_owned()).await;
        _ = problem.try_set(answer.as_ref().err().map(|error| error.message.clone()));
        let secret = answer.ok()?;
        let connection = live.detail.try_read_untracked()?.connection.clone();
        let uri = connection.map(|connection| postgres_uri(&connection, &percent_encode(&secret)));
        match self {
            Self::Password | Self::Jwt | Self::ApiKey(_) => return Some(secret),
            Self::Uri | Self::Psql if uri.is_none() => _ = problem.try_set(Some(NO_CONNECTION.to_owned())),
            Self::Uri | Self::Psql => {}
        }
        if let Self::Psql = self { uri.as_deref().map(psql) } else { uri }
    }
}

/// A secret that the address asked for, for pages without scripts: which one, and the secret.
#[derive(Debug, Clone, Default)]
pub(crate) struct RevealedByAddress(pub(crate) Option<(String, String)>);

/// What the address revealed of `secret`.
pub(crate) fn revealed_by_address(secret: &Secret) -> Option<String> {
    let RevealedByAddress(revealed) = use_context().unwrap_or_default();
    revealed.filter(|(name, _)| *name == secret.word()).map(|(_, secret)| secret)
}
