//! Passwords for accounts that are made without one (invited, or signed up by a one-time code): nobody is told them.

use rand::RngExt;
use rand::seq::SliceRandom;

use super::LONGEST;

const ALPHABET: &[u8] = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";

/// Random characters, of each required set at least one. At most 72 bytes, for any sets that fit in as many.
pub fn generate(required_characters: &[String], length: usize) -> String {
    let mut random = rand::rng();
    let mut characters: Vec<char> = required_characters
        .iter()
        .filter_map(|set| {
            let set: Vec<char> = set.chars().collect();
            (!set.is_empty()).then(|| set[random.random_range(0..set.len())])
        })
        .collect();
    let mut bytes: usize = characters.iter().map(|character| character.len_utf8()).sum();
    while bytes < length.min(LONGEST) {
        characters.push(char::from(ALPHABET[random.random_range(0..ALPHABET.len())]));
        bytes += 1;
    }
    characters.shuffle(&mut random);
    characters.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::password::Policy;

    #[tokio::test]
    async fn it_passes_the_policy_it_was_made_for() {
        let policy =
            Policy { minimal_length: 33, required_characters: vec!["0123456789".to_owned(), "!?é".to_owned()], leaked: None };
        for _ in 0..200 {
            let password = generate(&policy.required_characters, 33);
            assert!(password.len() == 33, "{password}");
            policy.check(&password).await.unwrap();
        }
        assert_eq!(generate(&[], 1000).len(), LONGEST);
        assert_ne!(generate(&[], 33), generate(&[], 33));
    }
}
