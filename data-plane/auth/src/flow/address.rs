//! Addresses and numbers as users write them.

use std::str::FromStr as _;

use email_address::{EmailAddress, Options};

use crate::error::{AuthError, ErrorCode};

/// Longest address, as of the column.
const LONGEST: usize = 255;

/// An address in the form that it is stored in.
pub(crate) fn email(given: &str) -> Result<String, AuthError> {
    if given.is_empty() {
        return Err(AuthError::validation("An email address is required"));
    }
    if given.len() > LONGEST {
        return Err(AuthError::validation("An email address is too long"));
    }
    // No name before it, no IP address instead of a domain, and a domain with a dot or a plain host.
    let options = Options::default().without_display_text().without_domain_literal();
    EmailAddress::parse_with_options(given, options)
        .ok()
        .filter(|_| EmailAddress::from_str(given).is_ok())
        .map(|_| given.to_lowercase())
        .ok_or_else(|| AuthError::validation("Unable to validate email address: invalid format"))
}

/// A number (E.164) in the form that it is stored in: without `+` and spaces.
pub(crate) fn phone(given: &str) -> Result<String, AuthError> {
    let number: String = given.chars().filter(|char| !matches!(char, '+' | ' ')).collect();
    let fits = (2..=15).contains(&number.len()) && number.bytes().all(|byte| byte.is_ascii_digit()) && !number.starts_with('0');
    if fits { Ok(number) } else { Err(AuthError::validation("Invalid phone number format (E.164 required)")) }
}

/// Refuses an address that the project sends nothing to. What stands between `+` and `@` makes no other one.
pub(crate) fn check_authorized(authorized: &[String], address: &str) -> Result<(), AuthError> {
    let (local, domain) = address.rsplit_once('@').unwrap_or((address, ""));
    let unlabelled = format!("{}@{domain}", local.split('+').next().unwrap_or_default());
    if authorized.is_empty() || authorized.iter().any(|listed| listed.eq_ignore_ascii_case(&unlabelled)) {
        return Ok(());
    }
    let message = format!("Email address \"{address}\" cannot be used as it is not authorized");
    Err(AuthError::bad_request(ErrorCode::EmailAddressNotAuthorized, message))
}

/// Names that nobody's mail goes to (RFC 2606 and 6761).
const RESERVED: [&str; 7] = ["test", "example", "invalid", "localhost", "example.com", "example.net", "example.org"];

/// Refuses an address that nobody can have.
pub(crate) fn check_deliverable(address: &str) -> Result<(), AuthError> {
    let domain = address.rsplit_once('@').map_or("", |(_, domain)| domain).to_lowercase();
    let is_reserved = |name: &&str| domain.strip_suffix(*name).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'));
    if domain.contains('.') && !RESERVED.iter().any(is_reserved) {
        return Ok(());
    }
    Err(AuthError::bad_request(ErrorCode::EmailAddressInvalid, format!("Email address \"{address}\" is invalid")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_lower_case_and_nothing_else_is_taken() {
        assert_eq!(email("Ann@Example.COM").unwrap(), "ann@example.com");
        for wrong in ["", "ann", "ann@", "Ann <ann@example.com>", "a b@example.com", "ann@example.com\r\nBcc: x@y.z"] {
            assert!(email(wrong).is_err(), "{wrong}");
        }
        assert!(email(&format!("{}@example.com", "a".repeat(250))).is_err());
    }

    #[test]
    fn a_label_makes_no_other_address() {
        let listed = ["Ann@example.com".to_owned()];
        assert!(check_authorized(&[], "bob@example.com").is_ok());
        assert!(check_authorized(&listed, "ann@example.com").is_ok());
        assert!(check_authorized(&listed, "ann+test@example.com").is_ok());
        for other in ["bob@example.com", "ann@example.org", "annx@example.com", "+ann@example.com"] {
            let error = check_authorized(&listed, other).unwrap_err();
            assert_eq!(error.code(), Some(ErrorCode::EmailAddressNotAuthorized), "{other}");
        }
    }

    #[test]
    fn nobody_has_an_address_of_an_example() {
        for address in ["ann@example.com", "ann@mail.example.org", "ann@some.test", "ann@localhost", "ann@Example.NET"] {
            let error = check_deliverable(address).unwrap_err();
            assert_eq!(error.code(), Some(ErrorCode::EmailAddressInvalid), "{address}");
        }
        assert!(check_deliverable("ann@supabase.io").is_ok() && check_deliverable("ann@myexample.com").is_ok());
    }

    #[test]
    fn numbers_lose_plus_and_spaces() {
        assert_eq!(phone("+1 234 567 8900").unwrap(), "12345678900");
        for wrong in ["", "abc", "+0123", "1234567890123456", "123-456"] {
            assert!(phone(wrong).is_err(), "{wrong}");
        }
    }
}
