//! Time-based codes as GoTrue asks for them: SHA-1, six digits, thirty seconds, one step to either side.

use std::fmt;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use qrcode::{EcLevel, QrCode, render::svg};
use rand::RngExt;
use secrecy::{ExposeSecret, SecretString};
use totp_rs::{Algorithm, Builder, Secret};

use super::{Error, tokens_equal};

const SECRET_BYTES: usize = 20;
const PERIOD: u64 = 30;
const SKEW: u64 = 1;
const DIGITS: u8 = 6;

/// What a path keeps as it is, as upstream's URIs have it.
const PATH: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~')
    .remove(b'$')
    .remove(b'&')
    .remove(b'+')
    .remove(b'/')
    .remove(b':')
    .remove(b'=')
    .remove(b'@')
    .remove(b',')
    .remove(b';');
/// A space is `%20` here too: apps show a `+` as it is.
const QUERY: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~').remove(b'$').remove(b'+').remove(b':').remove(b'@');

/// A factor's secret.
pub struct TotpKey {
    base32: SecretString,
}

impl TotpKey {
    /// A new one.
    pub fn generate() -> Self {
        let bytes: [u8; SECRET_BYTES] = rand::rng().random();
        Self { base32: Secret::new_stack(bytes).to_base32().into() }
    }

    /// The one of `mfa_factors.secret`, decrypted.
    pub fn from_base32(text: &str) -> Result<Self, Error> {
        let base32 = text.trim().trim_end_matches('=').to_ascii_uppercase();
        match Secret::try_from_base32(&base32) {
            Ok(secret) if !secret.as_bytes().is_empty() => Ok(Self { base32: base32.into() }),
            Ok(_) | Err(_) => Err(Error::Secret),
        }
    }

    /// `totp.secret`: base32 without padding.
    pub fn base32(&self) -> &str {
        self.base32.expose_secret()
    }

    /// `totp.uri`, its parameters in upstream's order.
    pub fn uri(&self, issuer: &str, account: &str) -> String {
        format!(
            "otpauth://totp/{}:{}?algorithm=SHA1&digits={DIGITS}&issuer={}&period={PERIOD}&secret={}",
            utf8_percent_encode(issuer, PATH),
            utf8_percent_encode(account, PATH),
            utf8_percent_encode(issuer, QUERY),
            self.base32(),
        )
    }

    /// The code of a moment in seconds since 1970.
    pub fn code(&self, seconds: u64) -> String {
        self.totp().generate(seconds).to_string()
    }

    /// The time step whose code this is, of the one at `seconds` and its two neighbours. A code must not be taken twice (RFC 6238,
    /// 5.2): the caller remembers the step and gives it as `last_step`; codes of that step and before are no longer taken.
    pub fn verify(&self, code: &str, seconds: u64, last_step: Option<u64>) -> Option<u64> {
        let now = seconds / PERIOD;
        let totp = self.totp();
        let mut matched = None;
        for step in now.saturating_sub(SKEW)..=now.saturating_add(SKEW) {
            // All three are compared, whichever matches.
            if tokens_equal(&totp.generate(step.saturating_mul(PERIOD)).to_string(), code)
                && last_step.is_none_or(|last| step > last)
            {
                matched = matched.or(Some(step));
            }
        }
        matched
    }

    fn totp(&self) -> totp_rs::Totp {
        // Parsed when it was made; an empty secret would be a key too.
        let secret = Secret::try_from_base32(self.base32()).unwrap_or_else(|_| Secret::new(Box::default()));
        Builder::new()
            .with_algorithm(Algorithm::SHA1)
            .with_digits(DIGITS)
            .with_step_duration(PERIOD)
            .with_secret(secret)
            .build_noncompliant()
    }
}

impl fmt::Debug for TotpKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TotpKey([redacted])")
    }
}

/// `totp.qr_code`: SVG, which auth-js makes a URL by putting `data:image/svg+xml;utf-8,` before it. So it holds neither `#` nor `%`.
pub fn qr_code(uri: &str) -> Result<String, Error> {
    let code = QrCode::with_error_correction_level(uri, EcLevel::M).map_err(Error::QrCode)?;
    Ok(code.render().dark_color(svg::Color("black")).light_color(svg::Color("white")).min_dimensions(200, 200).build())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The secret of RFC 6238's appendix B.
    fn key() -> TotpKey {
        TotpKey::from_base32("GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ").unwrap()
    }

    #[test]
    fn the_codes_of_rfc_6238() {
        let codes = [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_111_111_111, "050471"),
            (1_234_567_890, "005924"),
            (2_000_000_000, "279037"),
            (20_000_000_000, "353130"),
        ];
        for (seconds, code) in codes {
            assert_eq!(key().code(seconds), code);
            assert_eq!(key().verify(code, seconds, None), Some(seconds / 30));
        }
    }

    #[test]
    fn one_step_to_either_side_and_no_more() {
        let code = key().code(3_000);
        for seconds in 2_970..3_060 {
            assert_eq!(key().verify(&code, seconds, None), Some(100), "{seconds}");
        }
        assert_eq!(key().verify(&code, 2_969, None), None);
        assert_eq!(key().verify(&code, 3_060, None), None);
    }

    #[test]
    fn a_code_is_taken_once() {
        let code = key().code(3_000);
        let step = key().verify(&code, 3_000, None);
        assert_eq!(key().verify(&code, 3_001, step), None);
        assert_eq!(key().verify(&code, 3_000, Some(101)), None);
        assert_eq!(key().verify(&key().code(3_030), 3_001, step), Some(101));
    }

    #[test]
    fn what_is_no_code_is_refused() {
        for code in ["", "28708", "0287082", "287 082", "２８７０８２", "-87082"] {
            assert_eq!(key().verify(code, 59, None), None, "{code}");
        }
        assert_eq!(key().verify("287082", u64::MAX, None), None);
    }

    #[test]
    fn secrets() {
        let key = TotpKey::generate();
        assert_eq!(key.base32().len(), 32);
        assert_ne!(key.base32(), TotpKey::generate().base32());
        assert!(TotpKey::from_base32("gezdgnbv====").is_ok());
        assert!(TotpKey::from_base32("").is_err() && TotpKey::from_base32("1!").is_err());
        assert_eq!(format!("{key:?}"), "TotpKey([redacted])");
    }

    #[test]
    fn the_uri() {
        assert_eq!(
            key().uri("My App", "a+b@example.com"),
            "otpauth://totp/My%20App:a+b@example.com?algorithm=SHA1&digits=6&issuer=My%20App&period=30&secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
        );
        // Nothing in a name becomes a parameter.
        let uri = key().uri("a&secret=AAAA", "b?secret=AAAA#c");
        assert_eq!(uri.matches("secret=GEZD").count(), 1);
        let query = uri.split_once('?').unwrap().1;
        assert!(!query.contains("secret=AAAA") && !uri.contains('#'));
    }

    #[test]
    fn the_qr_code_can_be_put_into_a_data_url_as_it_is() {
        let svg = qr_code(&key().uri("example.com", "someone@example.com")).unwrap();
        assert!(svg.starts_with("<?xml") && svg.ends_with("</svg>") && svg.contains("<svg"));
        assert!(!svg.contains('#') && !svg.contains('%'));
        assert!(matches!(qr_code(&"a".repeat(4_000)), Err(Error::QrCode(_))));
    }
}
