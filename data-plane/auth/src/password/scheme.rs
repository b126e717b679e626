//! What a stored hash means, and the computation. Everything here blocks its thread: only `hasher` calls it.

use argon2::{Algorithm, Argon2, Params, Version};
use base64::{Engine, engine::general_purpose::STANDARD_NO_PAD};
use subtle::ConstantTimeEq;

use super::{Error, firebase};

/// Of one hash. Enough for every recommendation of RFC 9106 and OWASP but RFC 9106's first (2 GiB), which would let a dozen sign-ins
/// fill a machine.
pub(super) const MOST_MEMORY_KIB: u64 = 256 * 1024;
/// Kibibytes times passes: about two seconds of one core.
const MOST_WORK_KIB: u64 = 4 * 1024 * 1024;
const MOST_LANES: u64 = 64;
/// A bcrypt hash of cost 16 takes four seconds.
const MOST_BCRYPT_COST: u64 = 16;

pub(super) enum Scheme<'a> {
    Bcrypt { hash: &'a str, cost: u32 },
    Argon2 { algorithm: Algorithm, params: Params, salt: Vec<u8>, hash: Vec<u8> },
    Firebase(firebase::Hash),
}

/// Whether `hash` is one that a sign-in can be checked against: for hashes that administrators and imports bring.
pub fn check_format(hash: &str) -> Result<(), Error> {
    Scheme::parse(hash).map(|_| ())
}

/// Whether a password that was just verified against `hash` should be hashed anew: any scheme but bcrypt, or another cost.
pub fn needs_rehash(hash: &str, cost: u32) -> bool {
    !matches!(Scheme::parse(hash), Ok(Scheme::Bcrypt { cost: stored, .. }) if stored == cost)
}

impl<'a> Scheme<'a> {
    pub(super) fn parse(hash: &'a str) -> Result<Self, Error> {
        if hash.starts_with("$fbscrypt$") {
            firebase::Hash::parse(hash).map(Scheme::Firebase)
        } else if hash.starts_with("$argon2") {
            parse_argon2(hash)
        } else if hash.starts_with("$2") {
            parse_bcrypt(hash)
        } else {
            Err(Error::Format("it begins with none of $2a$, $2b$, $2y$, $argon2i$, $argon2id$, $fbscrypt$"))
        }
    }

    pub(super) fn verify(&self, password: &str) -> Result<bool, Error> {
        match self {
            // Cuts at 72 bytes, as GoTrue's comparison does: hashes of longer passwords come from elsewhere.
            Scheme::Bcrypt { hash, .. } => bcrypt::verify(password, hash).map_err(|error| Error::Failed(error.to_string())),
            Scheme::Argon2 { algorithm, params, salt, hash } => {
                let mut computed = vec![0; hash.len()];
                Argon2::new(*algorithm, Version::V0x13, params.clone())
                    .hash_password_into(password.as_bytes(), salt, &mut computed)
                    .map_err(|error| Error::Failed(error.to_string()))?;
                Ok(computed.ct_eq(hash).into())
            }
            Scheme::Firebase(hash) => hash.verify(password),
        }
    }
}

/// As GoTrue writes it: `$2a$`.
pub(super) fn bcrypt_hash(password: &str, cost: u32) -> Result<String, Error> {
    bcrypt::hash_with_result(password, cost)
        .map(|parts| parts.format_for_version(bcrypt::Version::TwoA))
        .map_err(|error| Error::Failed(error.to_string()))
}

pub(super) fn check_bcrypt_cost(cost: u64) -> Result<(), Error> {
    if cost < 4 {
        return Err(Error::Format("bcrypt's cost begins at 4"));
    }
    at_most("cost", cost, MOST_BCRYPT_COST)
}

fn parse_bcrypt(hash: &str) -> Result<Scheme<'_>, Error> {
    let rest = ["$2a$", "$2b$", "$2y$"]
        .iter()
        .find_map(|prefix| hash.strip_prefix(prefix))
        .ok_or(Error::Format("this version of bcrypt is not known"))?;
    let (cost, rest) = rest.split_once('$').ok_or(Error::Format("bcrypt without a cost"))?;
    let encoded = rest.len() == 53 && rest.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'.' || byte == b'/');
    if cost.len() != 2 || !encoded {
        return Err(Error::Format("bcrypt is two digits of cost and 53 characters of salt and hash"));
    }
    let cost = number(cost)?;
    check_bcrypt_cost(cost)?;
    Ok(Scheme::Bcrypt { hash, cost: cost as u32 })
}

/// `$argon2id$v=19$m=65536,t=3,p=4$salt$hash`, in base64 without padding. GoTrue takes neither argon2d, nor version 16, nor `keyid`
/// and `data`.
fn parse_argon2(hash: &str) -> Result<Scheme<'_>, Error> {
    let parts: Vec<&str> = hash.split('$').collect();
    let ["", algorithm, version, params, salt, digest] = parts.as_slice() else {
        return Err(Error::Format("argon2 is $algorithm$version$parameters$salt$hash"));
    };
    let algorithm = match *algorithm {
        "argon2i" => Algorithm::Argon2i,
        "argon2id" => Algorithm::Argon2id,
        _ => return Err(Error::Format("of argon2 only argon2i and argon2id are taken")),
    };
    if *version != "v=19" {
        return Err(Error::Format("of argon2 only version 19 is taken"));
    }
    let [m, t, p] = parameters(params, ["m", "t", "p"])?;
    at_most("m", m, MOST_MEMORY_KIB)?;
    at_most("p", p, MOST_LANES)?;
    at_most("m × t", m.saturating_mul(t), MOST_WORK_KIB)?;
    let salt = STANDARD_NO_PAD.decode(salt).map_err(|_| Error::Format("argon2's salt is no base64"))?;
    let digest = STANDARD_NO_PAD.decode(digest).map_err(|_| Error::Format("argon2's hash is no base64"))?;
    if salt.len() < argon2::MIN_SALT_LEN || salt.len() > 512 || digest.len() < Params::MIN_OUTPUT_LEN || digest.len() > 512 {
        return Err(Error::Format("argon2's salt is of 8 to 512 bytes, its hash of 4 to 512"));
    }
    let params = Params::new(m as u32, t as u32, p as u32, Some(digest.len()))
        .map_err(|_| Error::Format("argon2's m is at least 8 × p, its t and p at least 1"))?;
    Ok(Scheme::Argon2 { algorithm, params, salt, hash: digest })
}

/// `m=1,t=2,p=3`: exactly these names, in this order.
fn parameters<const N: usize>(text: &str, names: [&str; N]) -> Result<[u64; N], Error> {
    let mut values = [0; N];
    let mut fields = text.split(',');
    for (value, name) in values.iter_mut().zip(names) {
        let field = fields.next().and_then(|field| field.strip_prefix(name)).and_then(|field| field.strip_prefix('='));
        *value = number(field.ok_or(Error::Format("a parameter is missing or out of order"))?)?;
    }
    if fields.next().is_some() {
        return Err(Error::Format("a parameter is not known"));
    }
    Ok(values)
}

pub(super) fn number(text: &str) -> Result<u64, Error> {
    if text.is_empty() || text.len() > 10 || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(Error::Format("a parameter is no number"));
    }
    text.parse().map_err(|_| Error::Format("a parameter is no number"))
}

pub(super) fn at_most(what: &'static str, value: u64, most: u64) -> Result<(), Error> {
    if value > most { Err(Error::TooCostly { what, value, most }) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verify(hash: &str, password: &str) -> bool {
        Scheme::parse(hash).unwrap().verify(password).unwrap()
    }

    #[test]
    fn bcrypt_of_each_version() {
        // From the crypt_blowfish test set (Openwall).
        let tail = "05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW";
        for version in ["$2a$", "$2b$", "$2y$"] {
            assert!(verify(&format!("{version}{tail}"), "U*U"));
            assert!(!verify(&format!("{version}{tail}"), "U*V"));
        }
    }

    #[test]
    fn bcrypt_is_written_as_gotrue_does() {
        let hash = bcrypt_hash("secret", 4).unwrap();
        assert!(hash.starts_with("$2a$04$") && hash.len() == 60);
        assert!(verify(&hash, "secret"));
        assert!(!needs_rehash(&hash, 4) && needs_rehash(&hash, 10));
    }

    #[test]
    fn argon2_of_both_kinds() {
        // From the tests of the reference implementation (phc-winner-argon2), version 0x13.
        let i = "$argon2i$v=19$m=256,t=2,p=1$c29tZXNhbHQ$iekCn0Y3spW+sCcFanM2xBT63UP2sghkUoHLIUpWRS8";
        let id = "$argon2id$v=19$m=256,t=2,p=2$c29tZXNhbHQ$bQk8UB/VmZZF4Oo79iDXuL5/0ttZwg2f/5U52iv1cDc";
        assert!(verify(i, "password") && !verify(i, "Password"));
        assert!(verify(id, "password") && !verify(id, "password "));
        assert!(needs_rehash(id, 10));
    }

    #[test]
    fn what_is_costly_is_refused_before_it_is_computed() {
        for hash in [
            "$argon2id$v=19$m=4194304,t=1,p=1$c29tZXNhbHQ$iekCn0Y3spW+sCcFanM2xBT63UP2sghkUoHLIUpWRS8",
            "$argon2id$v=19$m=65536,t=4294967295,p=1$c29tZXNhbHQ$iekCn0Y3spW+sCcFanM2xBT63UP2sghkUoHLIUpWRS8",
            "$argon2id$v=19$m=65536,t=1,p=255$c29tZXNhbHQ$iekCn0Y3spW+sCcFanM2xBT63UP2sghkUoHLIUpWRS8",
            "$2a$31$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
        ] {
            assert!(matches!(check_format(hash), Err(Error::TooCostly { .. })), "{hash}");
        }
    }

    #[test]
    fn what_gotrue_does_not_take_is_refused() {
        for hash in [
            "",
            "plain",
            "$1$abc$def",
            "$2x$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
            "$2a$05$short",
            "$2a$00$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
            "$argon2d$v=19$m=256,t=2,p=1$c29tZXNhbHQ$iekCn0Y3spW+sCcFanM2xBT63UP2sghkUoHLIUpWRS8",
            "$argon2id$v=16$m=256,t=2,p=1$c29tZXNhbHQ$iekCn0Y3spW+sCcFanM2xBT63UP2sghkUoHLIUpWRS8",
            "$argon2id$v=19$m=256,t=2,p=1,keyid=a$c29tZXNhbHQ$iekCn0Y3spW+sCcFanM2xBT63UP2sghkUoHLIUpWRS8",
            "$argon2id$v=19$m=256,t=2,p=0$c29tZXNhbHQ$iekCn0Y3spW+sCcFanM2xBT63UP2sghkUoHLIUpWRS8",
            "$argon2id$v=19$m=+256,t=2,p=1$c29tZXNhbHQ$iekCn0Y3spW+sCcFanM2xBT63UP2sghkUoHLIUpWRS8",
        ] {
            assert!(matches!(check_format(hash), Err(Error::Format(_))), "{hash}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_text_panics(text in "\\$(2a|2b|argon2id|argon2i|fbscrypt)\\$[a-z0-9=,$./]{0,80}", any in ".{0,60}") {
            let _ = check_format(&text);
            let _ = check_format(&any);
        }
    }
}
