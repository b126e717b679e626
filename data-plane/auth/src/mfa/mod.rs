//! One-time proofs: time-based codes of authenticator apps, the codes and tokens of messages, refresh tokens, PKCE, and the encryption
//! of what must be readable again.
//!
//! Owns how each is made, stored and compared. It deliberately knows no factor, no challenge and no session: which code was sent to
//! whom, when it expires and how often it may be tried is the caller's.
//!
//! Sources: RFC 4226, 6238 (TOTP), 7636 (PKCE); the key URI format of Google Authenticator's wiki; Supabase's documentation,
//! "Multi-Factor Authentication (TOTP)"; supabase/auth's pull requests 1593 (encryption) and 2216 (refresh tokens, version 2).

mod encryption;
mod pkce;
mod refresh;
mod token;
mod totp;

pub use encryption::{EncryptionKey, EncryptionKeys};
pub use pkce::{CodeChallenge, check_code_challenge};
pub use refresh::{RefreshKey, SignedRefreshToken};
pub use token::{LinkKey, PKCE_PREFIX, numeric_code, pkce_link, refresh_token, secure_token, tokens_equal};
pub use totp::{TotpKey, qr_code};

/// Why a proof was not made or not taken.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Codes have 6 to 10 digits.
    #[error("one-time codes have 6 to 10 digits, not {0}")]
    Digits(u8),
    /// The stored TOTP secret is no base32, or empty.
    #[error("the TOTP secret is not base32")]
    Secret,
    /// The URI is too long to be drawn.
    #[error("the otpauth URI is too long for a QR code")]
    QrCode(#[source] qrcode::types::QrError),
    /// `code_challenge_method` is neither `plain` nor `s256`: 400 `validation_failed`.
    #[error("code_challenge_method {0:?} is not supported; it is plain or s256")]
    ChallengeMethod(String),
    /// 400 `validation_failed`.
    #[error("code challenge has to be between 43 and 128 characters")]
    ChallengeLength,
    /// 400 `validation_failed`.
    #[error("code challenge can only contain alphanumeric characters, hyphens, periods, underscores and tildes")]
    ChallengeCharacters,
    /// A key for encryption is 32 bytes in URL-safe base64.
    #[error("the encryption key {0:?} is not 32 bytes in URL-safe base64")]
    EncryptionKey(String),
    /// A value was encrypted under a key that is not configured.
    #[error("the value is encrypted under the key {0:?}, which is not among the decryption keys")]
    NoSuchKey(String),
    /// A value is not what its key encrypted for its object.
    #[error("the encrypted value is damaged, or belongs to another object")]
    Decryption,
    /// The sealing itself failed.
    #[error("the value could not be encrypted")]
    Encryption,
}
