//! What a project asks of a new password, with GoTrue's texts and reasons.

use std::fmt;

use super::{Error, LeakedPasswords, check_length};

/// A project's requirements.
#[derive(Debug, Clone, Default)]
pub struct Policy {
    /// `GOTRUE_PASSWORD_MIN_LENGTH`, in bytes, as GoTrue counts; 6 where nothing is said.
    pub minimal_length: usize,
    /// Of each of these at least one character: see [`parse_character_sets`].
    pub required_characters: Vec<String>,
    /// `GOTRUE_PASSWORD_HIBP_ENABLED`: asked last, and only if given.
    pub leaked: Option<LeakedPasswords>,
}

/// Why a password is weak: what is listed in `weak_password.reasons`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// Too short.
    Length,
    /// A kind of character is missing.
    Characters,
    /// It is in a list of leaked passwords.
    Pwned,
}

impl Reason {
    /// As on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Reason::Length => "length",
            Reason::Characters => "characters",
            Reason::Pwned => "pwned",
        }
    }
}

/// Displays the message of GoTrue's error `weak_password`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WeakPassword {
    /// At least one.
    pub reasons: Vec<Reason>,
    message: String,
}

impl fmt::Display for WeakPassword {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for WeakPassword {}

impl Policy {
    /// Judges a new password, or, for the hint `weak_password` at a sign-in, one that is in use.
    pub async fn check(&self, password: &str) -> Result<(), Error> {
        check_length(password)?;
        let mut found = Vec::new();
        if password.len() < self.minimal_length {
            found.push((Reason::Length, format!("Password should be at least {} characters.", self.minimal_length)));
        }
        if self.required_characters.iter().any(|set| !password.contains(|character| set.contains(character))) {
            let sets = self.required_characters.join(", ");
            found.push((Reason::Characters, format!("Password should contain at least one character of each: {sets}.")));
        }
        if let Some(leaked) = &self.leaked
            && leaked.contains(password).await?
        {
            let message = "Password is known to be weak and easy to guess, please choose a different one.";
            found.push((Reason::Pwned, message.to_owned()));
        }
        if found.is_empty() {
            return Ok(());
        }
        let (reasons, messages): (Vec<_>, Vec<_>) = found.into_iter().unzip();
        Err(WeakPassword { reasons, message: messages.join(" ") }.into())
    }
}

/// Reads `GOTRUE_PASSWORD_REQUIRED_CHARACTERS`: sets separated by `:`, in which `\:` is a colon. Empty sets ask for nothing.
pub fn parse_character_sets(text: &str) -> Vec<String> {
    let mut sets = vec![String::new()];
    for part in text.split(':') {
        let Some(last) = sets.last_mut() else { continue };
        match part.strip_suffix('\\') {
            Some(before) => {
                last.push_str(before);
                last.push(':');
            }
            None => {
                last.push_str(part);
                sets.push(String::new());
            }
        }
    }
    // A text that ends in an escape escapes nothing.
    if text.ends_with('\\')
        && let Some(last) = sets.last_mut()
    {
        last.pop();
        last.push('\\');
    }
    sets.retain(|set| !set.is_empty());
    sets
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy() -> Policy {
        Policy { minimal_length: 8, required_characters: parse_character_sets("abc:012:\\:!"), leaked: None }
    }

    async fn refused(policy: &Policy, password: &str) -> WeakPassword {
        match policy.check(password).await {
            Err(Error::Weak(weak)) => weak,
            other => panic!("{other:?}"),
        }
    }

    #[tokio::test]
    async fn reasons_and_texts() {
        let weak = refused(&policy(), "b1").await;
        assert_eq!(weak.reasons, [Reason::Length, Reason::Characters]);
        assert_eq!(
            weak.to_string(),
            "Password should be at least 8 characters. Password should contain at least one character of each: abc, 012, :!."
        );
        assert_eq!(refused(&policy(), "bbbbbbbb!").await.reasons, [Reason::Characters]);
        assert_eq!(refused(&policy(), "b1:").await.reasons, [Reason::Length]);
        policy().check("bbbbbb1:").await.unwrap();
    }

    #[tokio::test]
    async fn what_is_too_long_is_not_weak_but_invalid() {
        assert!(matches!(policy().check(&"a1:".repeat(25)).await, Err(Error::TooLong)));
    }

    #[test]
    fn character_sets() {
        assert_eq!(parse_character_sets(""), Vec::<String>::new());
        assert_eq!(parse_character_sets("abc"), ["abc"]);
        assert_eq!(parse_character_sets("abc::12:"), ["abc", "12"]);
        assert_eq!(parse_character_sets("ab\\:c:1"), ["ab:c", "1"]);
        assert_eq!(parse_character_sets("\\:\\::x"), ["::", "x"]);
        assert_eq!(parse_character_sets("ab\\"), ["ab\\"]);
        // What the Management API writes for "letters, digits and symbols".
        let all = "abcdefghijklmnopqrstuvwxyz:ABCDEFGHIJKLMNOPQRSTUVWXYZ:0123456789:!@#$%^&*()_+-=[]{};'\\\\:\"|<>?,./`~";
        assert_eq!(parse_character_sets(all)[3], "!@#$%^&*()_+-=[]{};'\\:\"|<>?,./`~");
    }

    proptest::proptest! {
        #[test]
        fn what_is_escaped_is_read_back(sets in proptest::collection::vec("[a-z:!]{1,6}", 0..5)) {
            let written: Vec<String> = sets.iter().map(|set| set.replace(':', "\\:")).collect();
            proptest::prop_assert_eq!(parse_character_sets(&written.join(":")), sets);
        }
    }
}
