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
    /// The tokens that keys stand for: the legacy keys themselves, or others in their place.
    anon: SecretString,
    service_role: SecretString,
    known: Vec<(PresentedKey, [u8; 32])>,
    /// Legacy keys that are keys no more.
    disabled: Vec<[u8; 32]>,
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
        Self { anon, service_role, known, disabled: Vec::new() }
    }

    /// Without the two legacy keys. The others stand for these tokens instead.
    #[must_use]
    pub fn without_legacy(mut self, anon: SecretString, service_role: SecretString) -> Self {
        let is_legacy = |kind: &PresentedKey| matches!(kind, PresentedKey::Anon | PresentedKey::ServiceRole);
        self.disabled.extend(self.known.extract_if(.., |(kind, _)| is_legacy(kind)).map(|(_, hash)| hash));
        Self { anon, service_role, ..self }
    }

    /// Whether this is a legacy key that is one no more. As a token it may still have a good signature.
    #[must_use]
    pub fn is_disabled(&self, presented: &str) -> bool {
        !self.disabled.is_empty() && {
            let presented = digest(presented);
            self.disabled.iter().fold(false, |found, hash| found | bool::from(hash.ct_eq(&presented)))
        }
    }

    /// Which key this is, if any. Takes the same time for every key presented: digests are compared, and all of them.
    #[must_use]
    pub fn identify(&self, presented: &str) -> Option<PresentedKey> {
        let presented = digest(presented);
        self.known.iter().fold(None, |found, (kind, hash)| if bool::from(hash.ct_eq(&presented)) { Some(*kind) } else { found })
    }

    /// The token that stands for a key: anon's for a publishable key, service_role's for a secret one.
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
        assert!(!format!("{keys:?}").contains("a.b.c") && !keys.is_disabled("a.b.c"));

        let keys = keys.without_legacy(secret("g.h.i"), secret("j.k.l"));
        for legacy in ["a.b.c", "d.e.f"] {
            assert!(keys.identify(legacy).is_none() && keys.is_disabled(legacy));
        }
        for (presented, token) in [("sb_publishable_1", "g.h.i"), ("sb_secret_1", "j.k.l")] {
            assert_eq!(keys.role_token(keys.identify(presented).unwrap()).expose_secret(), token);
            assert!(!keys.is_disabled(presented));
        }
        assert!(keys.identify("g.h.i").is_none(), "what a key stands for is no key");
    }
}
