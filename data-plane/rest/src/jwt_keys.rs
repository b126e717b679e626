//! The keys of `jwt-secret`, wherever it was set, and what checks tokens by them.

use std::sync::Arc;

use base64::{
    Engine as _, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use project_context::{SHORTEST_SECRET, VerificationKeys, Verifier};

use crate::schema::{Config, Secret};

/// What checks tokens; without a secret, nothing. It counts on from where the one `before` was. Otherwise what is wrong with the
/// secret, which does not show it.
pub(crate) fn verifier(config: &Config, before: Option<&Verifier>) -> Result<Option<Arc<Verifier>>, String> {
    Ok(keys(config)?.map(|keys| {
        let made = Verifier::new(keys, config.jwt_audience.clone()).with_cache(config.jwt_cache_max_entries);
        Arc::new(match before {
            Some(before) => made.in_place_of(before),
            None => made,
        })
    }))
}

fn keys(config: &Config) -> Result<Option<VerificationKeys>, String> {
    let Some(Secret(text)) = &config.jwt_secret else { return Ok(None) };
    let secret = if config.jwt_secret_is_base64 {
        base64_of_either_alphabet(text)
            .ok_or_else(|| "it is no base64, which PGRST_JWT_SECRET_IS_BASE64 says that it is".to_owned())?
    } else {
        text.clone().into_bytes()
    };
    if secret.len() < SHORTEST_SECRET {
        return Err(format!("it has {} bytes; use at least {SHORTEST_SECRET}", secret.len()));
    }
    VerificationKeys::parse(&secret).map(Some).map_err(|error| error.to_string())
}

/// Base64 or base64url, padded or not.
fn base64_of_either_alphabet(text: &str) -> Option<Vec<u8>> {
    const LENIENT: GeneralPurposeConfig = GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    let standard = text.trim().replace('-', "+").replace('_', "/");
    GeneralPurpose::new(&alphabet::STANDARD, LENIENT).decode(standard).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_read_in_either_alphabet() {
        for (text, bytes) in [("_-8", Some(vec![0xff, 0xef])), ("/+8=", Some(vec![0xff, 0xef])), ("?", None)] {
            assert_eq!(base64_of_either_alphabet(text), bytes);
        }
    }
}
