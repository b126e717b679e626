//! Firebase's scrypt, for users that were moved from there: the signer key, encrypted under the key that scrypt derives.
//!
//! `$fbscrypt$v=1,n=<log2 N>,r=<r>,p=<p>[,ss=<salt separator>][,sk=<signer key>]$<salt>$<hash>`, everything in base64. `n` and `r` are
//! what Firebase's console calls `mem_cost` and `rounds`.

use aes::Aes256;
use base64::{
    Engine,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use ctr::{
    Ctr128BE,
    cipher::{KeyIvInit, StreamCipher},
};
use subtle::ConstantTimeEq;

use super::{
    Error,
    scheme::{MOST_MEMORY_KIB, at_most, number},
};

/// Firebase exports with padding; people strip it.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);
const MOST_BLOCKS: u64 = 32;
const MOST_LANES: u64 = 4;

pub(super) struct Hash {
    params: scrypt::Params,
    /// The user's salt, then the project's separator.
    salt: Vec<u8>,
    signer_key: Vec<u8>,
    hash: Vec<u8>,
}

impl Hash {
    pub(super) fn parse(text: &str) -> Result<Self, Error> {
        let parts: Vec<&str> = text.split('$').collect();
        let ["", "fbscrypt", params, salt, hash] = parts.as_slice() else {
            return Err(Error::Format("Firebase scrypt is $fbscrypt$parameters$salt$hash"));
        };
        let mut fields = params.split(',');
        let mut field =
            |name: &str| fields.next().and_then(|field| field.strip_prefix(name)).and_then(|rest| rest.strip_prefix('='));
        let (v, n, r, p) = (field("v"), field("n"), field("r"), field("p"));
        let (Some("1"), Some(n), Some(r), Some(p)) = (v, n, r, p) else {
            return Err(Error::Format("Firebase scrypt's parameters are v=1,n=,r=,p="));
        };
        let (mut separator, mut signer_key) = (Vec::new(), Vec::new());
        for field in fields {
            match field.split_once('=') {
                Some(("ss", value)) => separator = decode(value)?,
                Some(("sk", value)) => signer_key = decode(value)?,
                Some(_) | None => return Err(Error::Format("of Firebase scrypt's parameters only ss and sk are optional")),
            }
        }
        let (mut salt, hash) = (decode(salt)?, decode(hash)?);
        if hash.is_empty() || hash.len() != signer_key.len() {
            return Err(Error::Format("Firebase scrypt's hash is as long as its signer key"));
        }
        salt.append(&mut separator);
        Ok(Self { params: cost(number(n)?, number(r)?, number(p)?)?, salt, signer_key, hash })
    }

    pub(super) fn verify(&self, password: &str) -> Result<bool, Error> {
        let mut key = [0; 32];
        scrypt::scrypt(password.as_bytes(), &self.salt, &self.params, &mut key)
            .map_err(|error| Error::Failed(error.to_string()))?;
        let mut computed = self.signer_key.clone();
        Ctr128BE::<Aes256>::new(&key.into(), &[0; 16].into()).apply_keystream(&mut computed);
        Ok(computed.ct_eq(&self.hash).into())
    }
}

/// `n` is the exponent.
fn cost(n: u64, r: u64, p: u64) -> Result<scrypt::Params, Error> {
    at_most("n", n, 30)?;
    at_most("r", r, MOST_BLOCKS)?;
    at_most("p", p, MOST_LANES)?;
    at_most("2ⁿ × r ÷ 8", (1_u64 << n).saturating_mul(r) / 8, MOST_MEMORY_KIB)?;
    scrypt::Params::new(n as u8, r as u32, p as u32, 32).map_err(|_| Error::Format("scrypt's n, r and p are at least 1"))
}

fn decode(text: &str) -> Result<Vec<u8>, Error> {
    BASE64.decode(text).map_err(|_| Error::Format("Firebase scrypt's salt, separator, key and hash are base64"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the README of firebase/scrypt.
    const SAMPLE: &str = "$fbscrypt$v=1,n=14,r=8,p=1,ss=Bw==,sk=jxspr8Ki0RYycVU8zykbdLGjFQ3McFUH0uiiTvC8pVMXAn210wjLNmdZJzxUECKbm0\
        QsEmYUSDzZvpjeJ9WmXA==$42xEC+ixf3L2lw==$lSrfV15cpx95/sZS2W9c9Kp6i/LVgQNDNC/qzrCnh1SAyZvqmZqAjTdn3aoItz+VHjoZilo78198JAdRuid5lQ==";

    #[test]
    fn the_example_of_firebase() {
        let hash = Hash::parse(SAMPLE).unwrap();
        assert!(hash.verify("user1password").unwrap());
        assert!(!hash.verify("user1Password").unwrap());
    }

    #[test]
    fn padding_may_be_missing() {
        assert!(Hash::parse(&SAMPLE.replace("==", "")).unwrap().verify("user1password").unwrap());
    }

    #[test]
    fn limits_and_malformed_ones() {
        for (from, to) in [("n=14", "n=25"), ("n=14", "n=64"), ("r=8", "r=1000"), ("p=1", "p=99")] {
            assert!(matches!(Hash::parse(&SAMPLE.replace(from, to)), Err(Error::TooCostly { .. })), "{to}");
        }
        for (from, to) in [("v=1", "v=2"), ("n=14", "n="), ("r=8", "r=0"), ("sk=", "xx="), ("ss=Bw==", "ss=?"), ("$42x", "$$42x")]
        {
            assert!(matches!(Hash::parse(&SAMPLE.replace(from, to)), Err(Error::Format(_))), "{to}");
        }
        assert!(Hash::parse("$fbscrypt$v=1,n=14,r=8,p=1$c2FsdA==$aGFzaA==").is_err());
    }
}
