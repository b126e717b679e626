//! Secrets of a project: fetched when somebody asks to see or copy one, never before.

use leptos::prelude::*;

use crate::{
    DashboardError,
    live::Live,
    server_fns::{reveal_api_key, reveal_password},
    snippets::{percent_encode, postgres_uri, psql},
};

/// One secret, or a text with one in it.
#[derive(Debug, Clone)]
pub(crate) enum Secret {
    /// The API key with this id.
    ApiKey(String),
    /// The database password.
    Password,
    /// The connection string with the password.
    Uri,
    /// The psql command with the password.
    Psql,
}

impl Secret {
    /// Its word in `?reveal=…`.
    pub(crate) fn word(&self) -> String {
        match self {
            Self::ApiKey(id) => id.clone(),
            Self::Password | Self::Uri | Self::Psql => "password".to_owned(),
        }
    }

    /// The text in full.
    pub(crate) async fn fetch(self, live: Live) -> Result<String, DashboardError> {
        let project_ref = live.project_ref();
        if let Self::ApiKey(id) = self {
            return reveal_api_key(project_ref, id).await;
        }
        let password = reveal_password(project_ref).await?;
        let connection = live.detail.read_untracked().connection.clone();
        let uri = connection.map(|connection| postgres_uri(&connection, &percent_encode(&password))).unwrap_or_default();
        Ok(match self {
            Self::Uri => uri,
            Self::Psql => psql(&uri),
            Self::Password | Self::ApiKey(_) => password,
        })
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
