//! The public identifier of a project.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// A project's reference: exactly 20 lowercase ASCII letters. It is a host name label, a directory name and a key in
/// every table, so nothing else is ever accepted. The format is the Management API's (`^[a-z]{20}$`), and the CLI
/// checks it before it calls.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(value_type = String, pattern = "^[a-z]{20}$", example = "abcdefghijklmnopqrst"))]
pub struct ProjectRef(String);

impl ProjectRef {
    /// Length of every reference, in characters.
    pub const LENGTH: usize = 20;

    /// Builds a reference from 20 numbers, each taken modulo 26. The caller brings the randomness.
    #[must_use]
    pub fn from_letters(letters: [u8; Self::LENGTH]) -> Self {
        Self(letters.iter().map(|n| char::from(b'a' + n % 26)).collect())
    }

    /// The reference as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The text is not a project reference.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a project ref is 20 lowercase letters, a to z")]
pub struct InvalidProjectRef;

impl FromStr for ProjectRef {
    type Err = InvalidProjectRef;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.len() == Self::LENGTH && text.bytes().all(|b| b.is_ascii_lowercase()) {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidProjectRef)
        }
    }
}

impl TryFrom<String> for ProjectRef {
    type Error = InvalidProjectRef;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<ProjectRef> for String {
    fn from(value: ProjectRef) -> Self {
        value.0
    }
}

impl fmt::Display for ProjectRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for ProjectRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accepts_exactly_twenty_lowercase_letters() {
        assert!("abcdefghijklmnopqrst".parse::<ProjectRef>().is_ok());
        for bad in [
            "",
            "abcdefghijklmnopqrs",
            "abcdefghijklmnopqrstu",
            "ABCDEFGHIJKLMNOPQRST",
            "abcdefghijklmnopqrs1",
            "../../../../etc/pass",
            "äbcdefghijklmnopqrs",
            "abcdefghijklmnopqrs\0",
        ] {
            assert_eq!(bad.parse::<ProjectRef>(), Err(InvalidProjectRef), "{bad:?}");
        }
    }

    #[test]
    fn from_letters_always_gives_a_valid_ref() {
        let built = ProjectRef::from_letters(std::array::from_fn(|i| u8::try_from(i * 13).unwrap_or(255)));
        assert_eq!(built.as_str().parse::<ProjectRef>().as_ref(), Ok(&built));
    }

    #[test]
    fn deserializing_checks_the_format() {
        assert!(serde_json::from_str::<ProjectRef>("\"../etc\"").is_err());
    }
}
