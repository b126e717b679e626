//! Signatures of OAuth 1.0a (RFC 5849), which Twitter's older API asks for.

use std::fmt::Write as _;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::Url;
use sha1::Sha1;

/// All but letters, digits and `-._~` (section 3.6).
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Who signs.
pub(super) struct Signer<'a> {
    pub(super) client_id: &'a str,
    pub(super) client_secret: &'a str,
    /// A token and its secret, if there is one already.
    pub(super) token: Option<(&'a str, &'a str)>,
}

/// What makes a signature good for once.
pub(super) struct Once {
    pub(super) nonce: String,
    pub(super) timestamp: i64,
}

impl Once {
    pub(super) fn now() -> Self {
        let nonce = hex::encode(rand::random::<[u8; 16]>());
        Self { nonce, timestamp: time::OffsetDateTime::now_utc().unix_timestamp() }
    }
}

impl Signer<'_> {
    /// The header `Authorization` of a request without a body, with more parameters of the protocol.
    pub(super) fn header(&self, method: &str, url: &Url, more: &[(&str, &str)], once: &Once) -> String {
        let timestamp = once.timestamp.to_string();
        let mut parameters = vec![
            ("oauth_consumer_key", self.client_id),
            ("oauth_nonce", &once.nonce),
            ("oauth_signature_method", "HMAC-SHA1"),
            ("oauth_timestamp", &timestamp),
            ("oauth_version", "1.0"),
        ];
        parameters.extend(self.token.map(|(token, _)| ("oauth_token", token)));
        parameters.extend_from_slice(more);
        let signature = self.signature(method, url, &parameters);
        parameters.push(("oauth_signature", &signature));
        let mut header = "OAuth ".to_owned();
        for (position, (name, value)) in parameters.iter().enumerate() {
            let comma = if position == 0 { "" } else { ", " };
            let _ = write!(header, "{comma}{name}=\"{}\"", encode(value));
        }
        header
    }

    /// Section 3.4.1 and 3.4.2.
    fn signature(&self, method: &str, url: &Url, parameters: &[(&str, &str)]) -> String {
        let of_query = url.query_pairs().map(|(name, value)| (encode(&name), encode(&value)));
        let mut pairs: Vec<(String, String)> = of_query.collect();
        pairs.extend(parameters.iter().map(|(name, value)| (encode(name), encode(value))));
        pairs.sort();
        let pairs: Vec<String> = pairs.into_iter().map(|(name, value)| format!("{name}={value}")).collect();
        let mut address = url.clone();
        address.set_query(None);
        address.set_fragment(None);
        let base = format!("{method}&{}&{}", encode(address.as_str()), encode(&pairs.join("&")));
        let key = format!("{}&{}", encode(self.client_secret), encode(self.token.map_or("", |(_, secret)| secret)));
        #[expect(clippy::unwrap_used, reason = "HMAC takes a key of any length")]
        let mut mac = Hmac::<Sha1>::new_from_slice(key.as_bytes()).unwrap();
        mac.update(base.as_bytes());
        STANDARD.encode(mac.finalize().into_bytes())
    }
}

fn encode(text: &str) -> String {
    utf8_percent_encode(text, ENCODED).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of X's documentation, "Creating a signature".
    #[test]
    fn the_documented_example_is_signed_so() {
        let signer = Signer {
            client_id: "xvz1evFS4wEEPTGEFPHBog",
            client_secret: "kAcSOqF21Fu85e7zjz7ZN2U4ZRhfV3WpwPAoE3Z7kBw",
            token: Some(("370773112-GmHxMAgYyLbNEtIKZeRNFsMKPR9EyMZeS9weJAEb", "LswwdoUaIvS8ltyTt5jkRh4J50vUPVVHtR2YPi5kE")),
        };
        let url = Url::parse("https://api.twitter.com/1.1/statuses/update.json?include_entities=true").unwrap();
        let once = Once { nonce: "kYjzVBB8Y0ZFabxSWbWovY3uYSQ2pTgmZeNu2VS4cg".to_owned(), timestamp: 1_318_622_958 };
        let status = ("status", "Hello Ladies + Gentlemen, a signed OAuth request!");
        let header = signer.header("POST", &url, &[status], &once);
        assert!(header.contains("oauth_signature=\"hCtSmYh%2BiHYCEqBWrE7C7hYmtUk%3D\""), "{header}");
        assert!(header.starts_with("OAuth oauth_consumer_key=\"xvz1evFS4wEEPTGEFPHBog\", oauth_nonce="), "{header}");
    }
}
