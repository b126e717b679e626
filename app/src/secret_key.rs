//! Which API keys are secret, and how they look masked.

use control_plane_api::{ApiKey, ApiKeyType};

/// Stands for the hidden part of a secret.
pub(crate) const DOTS: &str = "••••••••••••••••";

/// True for a key that bypasses row level security.
pub(crate) fn is_secret(key: &ApiKey) -> bool {
    match key.key_type {
        ApiKeyType::Secret => true,
        ApiKeyType::Publishable => false,
        ApiKeyType::Legacy => key.name != "anon",
    }
}

/// The key with only its beginning left, if it is a secret one.
#[cfg(any(feature = "ssr", test))]
pub(crate) fn masked(mut key: ApiKey) -> ApiKey {
    if is_secret(&key) {
        let shown = if key.key_type == ApiKeyType::Secret { 14 } else { 8 };
        let beginning: String = key.api_key.chars().take_while(|letter| *letter != '·').take(shown).collect();
        key.api_key = format!("{beginning}{DOTS}");
    }
    key
}

/// The key that goes into snippets: safe in a browser, the new format first.
pub(crate) fn for_clients(keys: &[ApiKey]) -> Option<&ApiKey> {
    let publishable = keys.iter().find(|key| key.key_type == ApiKeyType::Publishable);
    publishable.or_else(|| keys.iter().find(|key| !is_secret(key)))
}

#[cfg(test)]
mod tests {
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
    fn only_secret_keys_are_masked() {
        let anon = key("anon", ApiKeyType::Legacy, "eyJhbGciOi.public");
        assert_eq!(masked(anon.clone()), anon);
        let service = masked(key("service_role", ApiKeyType::Legacy, "eyJhbGciOi.secret"));
        assert_eq!(service.api_key, format!("eyJhbGci{DOTS}"));
        let secret = masked(key("default", ApiKeyType::Secret, "sb_secret_abcd1234567890"));
        assert_eq!(secret.api_key, format!("sb_secret_abcd{DOTS}"));
        let masked_before = masked(key("default", ApiKeyType::Secret, "sb_secret_ab···"));
        assert_eq!(masked_before.api_key, format!("sb_secret_ab{DOTS}"));
    }

    #[test]
    fn snippets_get_the_publishable_key_and_never_a_secret_one() {
        let anon = key("anon", ApiKeyType::Legacy, "a");
        let service = key("service_role", ApiKeyType::Legacy, "s");
        let publishable = key("default", ApiKeyType::Publishable, "p");
        let pick = |keys: &[ApiKey]| for_clients(keys).map(|key| key.api_key.clone());
        assert_eq!(pick(&[service.clone(), anon.clone(), publishable]).as_deref(), Some("p"));
        assert_eq!(pick(&[service.clone(), anon]).as_deref(), Some("a"));
        assert_eq!(pick(&[service]), None);
    }
}
