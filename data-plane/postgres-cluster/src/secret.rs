//! Passwords and ports: what a caller needs before it can start a cluster of its own.

use std::net::{Ipv4Addr, TcpListener};

use rand::RngExt;
use secrecy::{ExposeSecret, SecretString};

use crate::Error;

/// A password with 256 bits from the system's random source, as 64 hexadecimal digits.
pub fn random_password() -> SecretString {
    let bytes: [u8; 32] = rand::rng().random();
    SecretString::from(hex::encode(bytes))
}

/// What `ALTER ROLE ... PASSWORD '<this>'` takes instead of the clear text, so that no log or statistic shows it.
///
/// Contains no character that needs quoting. Costs 4096 rounds of HMAC (a millisecond or two in a release build).
pub fn scram_verifier(password: &SecretString) -> String {
    postgres_protocol::password::scram_sha_256(password.expose_secret().as_bytes())
}

/// A port of 127.0.0.1 that was free just now. Another process may take it before PostgreSQL does:
/// [`Error::PortInUse`] then, and the caller asks for the next one.
///
/// # Errors
/// [`Error::Io`] when the system has no port left.
pub fn free_loopback_port() -> Result<u16, Error> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|listener| listener.local_addr());
    Ok(listener.map_err(Error::io("bind a port on", "127.0.0.1".as_ref()))?.port())
}
