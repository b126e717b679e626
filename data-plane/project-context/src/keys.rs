//! A project's API keys, and which of them a client presented.

use std::fmt;

use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// Which kind of key a client presented.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PresentedKey {
    /// The legacy anon JWT.
    Anon,
    /// The legacy service_role JWT.
    ServiceRole,
    /// An `sb_publishable_…` key.
    Publishable,
    /// An `sb_secret_…` key.
    Secret,
}

/// The keys of a project. Only hashes of the new-format keys are kept.
#[derive(Clone)]
pub struct ApiKeys {
    anon: SecretString,
    service_role: SecretString,
    known: Vec<(PresentedKey, [u8; 32])>,
}

impl ApiKeys {
    /// Builds the set from the two legacy JWTs and the keys of the new format.
    #[must_use]
    pub fn new(
        anon: SecretString,
        service_role: SecretString,
        publishable: Vec<SecretString>,
        secret: Vec<SecretString>,
    ) -> Self {
        let hashed = |kind, key: &SecretString| (kind, digest(key.expose_secret()));
        let mut known = vec![hashed(PresentedKey::Anon, &anon), hashed(PresentedKey::ServiceRole, &service_role)];
        known.extend(publishable.iter().map(|key| hashed(PresentedKey::Publishable, key)));
        known.extend(secret.iter().map(|key| hashed(PresentedKey::Secret, key)));
        Self { anon, service_role, known }
    }

    /// Which key this is, if any. Takes the same time for every key presented: digests are compared, and all of them.
    #[must_use]
    pub fn identify(&self, presented: &str) -> Option<PresentedKey> {
        let presented = digest(presented);
        self.known.iter().fold(None, |found, (kind, hash)| if bool::from(hash.ct_eq(&presented)) { Some(*kind) } else { found })
    }

    /// The legacy JWT that stands for a key: anon's for a publishable key, service_role's for a secret one.
    #[must_use]
    pub fn role_token(&self, key: PresentedKey) -> &SecretString {
        match key {
            PresentedKey::Anon | PresentedKey::Publishable => &self.anon,
            PresentedKey::ServiceRole | PresentedKey::Secret => &self.service_role,
        }
    }
}

impl fmt::Debug for ApiKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ApiKeys").field("known", &self.known.len()).finish_non_exhaustive()
    }
}

fn digest(text: &str) -> [u8; 32] {
    Sha256::digest(text.as_bytes()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifies_each_kind_and_maps_it_to_a_role() {
        let secret = |text: &str| SecretString::from(text.to_owned());
        let keys = ApiKeys::new(secret("a.b.c"), secret("d.e.f"), vec![secret("sb_publishable_1")], vec![secret("sb_secret_1")]);
        for (presented, kind, token) in [
            ("a.b.c", PresentedKey::Anon, "a.b.c"),
            ("d.e.f", PresentedKey::ServiceRole, "d.e.f"),
            ("sb_publishable_1", PresentedKey::Publishable, "a.b.c"),
            ("sb_secret_1", PresentedKey::Secret, "d.e.f"),
        ] {
            assert_eq!(keys.identify(presented), Some(kind));
            assert_eq!(keys.role_token(kind).expose_secret(), token);
        }
        assert_eq!(keys.identify(""), None);
        assert_eq!(keys.identify("sb_secret_2"), None);
        assert!(!format!("{keys:?}").contains("a.b.c"));
    }
}
