//! API keys as the project page lists them.

use serde::{Deserialize, Serialize};

/// Stands for the hidden part of a secret.
pub(crate) const DOTS: &str = "••••••••••••••••";

/// Which key it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) enum KeyKind {
    Publishable,
    Secret,
    /// Legacy.
    Anon,
    /// Legacy.
    ServiceRole,
}

impl KeyKind {
    pub(crate) const fn title(self) -> &'static str {
        match self {
            Self::Publishable => "Publishable key",
            Self::Secret => "Secret key",
            Self::Anon => "anon key",
            Self::ServiceRole => "service_role key",
        }
    }

    pub(crate) const fn hint(self) -> &'static str {
        match self {
            Self::Publishable => "safe in a browser",
            Self::Secret => "for servers only, bypasses row level security",
            Self::Anon => "legacy JWT, safe in a browser",
            Self::ServiceRole => "legacy JWT, for servers only, bypasses row level security",
        }
    }

    /// True for a key that bypasses row level security.
    pub(crate) const fn is_secret(self) -> bool {
        match self {
            Self::Secret | Self::ServiceRole => true,
            Self::Publishable | Self::Anon => false,
        }
    }
}

/// One key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct KeyLine {
    pub(crate) id: String,
    pub(crate) kind: KeyKind,
    /// Of a secret key the beginning only.
    pub(crate) text: String,
}

/// The key that goes into snippets: safe in a browser, the new format first.
pub(crate) fn for_clients(keys: &[KeyLine]) -> Option<&KeyLine> {
    keys.iter().find(|key| !key.kind.is_secret())
}

/// The keys in the order they are wanted, the secret ones masked. The new ones come first; the legacy ones are there
/// for clients that know no others.
#[cfg(any(feature = "ssr", test))]
pub(crate) fn lines(keys: Vec<control_plane_api::ApiKey>) -> Vec<KeyLine> {
    use control_plane_api::ApiKeyType;
    let mut lines: Vec<KeyLine> = keys
        .into_iter()
        .map(|key| {
            let kind = match key.key_type {
                ApiKeyType::Publishable => KeyKind::Publishable,
                ApiKeyType::Secret => KeyKind::Secret,
                ApiKeyType::Legacy if key.name == "anon" => KeyKind::Anon,
                ApiKeyType::Legacy => KeyKind::ServiceRole,
            };
            let text = if kind.is_secret() { masked(kind, &key.api_key) } else { key.api_key };
            KeyLine { id: key.id, kind, text }
        })
        .collect();
    lines.sort_by_key(|line| line.kind);
    lines
}

#[cfg(any(feature = "ssr", test))]
fn masked(kind: KeyKind, key: &str) -> String {
    let shown = if kind == KeyKind::Secret { 14 } else { 8 };
    let beginning: String = key.chars().take_while(|letter| *letter != '·').take(shown).collect();
    format!("{beginning}{DOTS}")
}

#[cfg(test)]
mod tests {
    use control_plane_api::{ApiKey, ApiKeyType};

    use super::*;

    fn key(name: &str, key_type: ApiKeyType, api_key: &str) -> ApiKey {
        ApiKey {
            id: name.into(),
            name: name.into(),
            key_type,
            api_key: api_key.into(),
            hash: String::new(),
            prefix: String::new(),
            description: None,
            secret_jwt_template: None,
            inserted_at: None,
            updated_at: None,
        }
    }

    #[test]
    fn only_secret_keys_are_masked_and_the_new_ones_come_first() {
        let lines = lines(vec![
            key("service_role", ApiKeyType::Legacy, "eyJhbGciOi.secret"),
            key("anon", ApiKeyType::Legacy, "eyJhbGciOi.public"),
            key("default", ApiKeyType::Secret, "sb_secret_abcd1234567890"),
            key("default", ApiKeyType::Publishable, "sb_publishable_x"),
        ]);
        let texts: Vec<&str> = lines.iter().map(|line| line.text.as_str()).collect();
        let (secret, service) = (format!("sb_secret_abcd{DOTS}"), format!("eyJhbGci{DOTS}"));
        assert_eq!(texts, ["sb_publishable_x", secret.as_str(), "eyJhbGciOi.public", service.as_str()]);
        assert_eq!(masked(KeyKind::Secret, "sb_secret_ab···"), format!("sb_secret_ab{DOTS}"));
    }

    #[test]
    fn snippets_get_the_publishable_key_and_never_a_secret_one() {
        let anon = key("anon", ApiKeyType::Legacy, "a");
        let service = key("service_role", ApiKeyType::Legacy, "s");
        let publishable = key("default", ApiKeyType::Publishable, "p");
        let pick = |keys: Vec<ApiKey>| for_clients(&lines(keys)).map(|key| key.text.clone());
        assert_eq!(pick(vec![service.clone(), anon.clone(), publishable]).as_deref(), Some("p"));
        assert_eq!(pick(vec![service.clone(), anon]).as_deref(), Some("a"));
        assert_eq!(pick(vec![service]), None);
    }
}
