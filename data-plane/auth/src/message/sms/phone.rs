//! Phone numbers as GoTrue keeps them: E.164 without its `+`.

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("Invalid phone number format (E.164 required)")]
pub struct PhoneError;

/// Takes `+` and spaces away; what is left is 7 to 15 digits that begin with none of 0.
pub fn normalize(phone: &str) -> Result<String, PhoneError> {
    // A caller's text; no longer number is one.
    if phone.len() > 64 {
        return Err(PhoneError);
    }
    let phone: String = phone.chars().filter(|c| *c != ' ').collect();
    let phone = phone.strip_prefix('+').map(ToOwned::to_owned).unwrap_or(phone);
    let valid = (7..=15).contains(&phone.len()) && !phone.starts_with('0') && phone.bytes().all(|byte| byte.is_ascii_digit());
    if valid { Ok(phone) } else { Err(PhoneError) }
}

#[cfg(test)]
mod tests {
    use super::{PhoneError, normalize};

    #[test]
    fn leaves_digits() {
        for phone in ["+4915112345678", "4915112345678", "+49 151 123 45678", " +4915112345678 "] {
            assert_eq!(normalize(phone).as_deref(), Ok("4915112345678"), "{phone}");
        }
        assert_eq!(normalize("1234567").as_deref(), Ok("1234567"));
        assert_eq!(normalize("123456789012345").as_deref(), Ok("123456789012345"));
    }

    #[test]
    fn refuses_what_is_no_number() {
        for phone in
            ["", "+", "123456", "1234567890123456", "0151123456", "+49-151-12345", "abc", "++4915112345678", "１２３４５６７８"]
        {
            assert_eq!(normalize(phone), Err(PhoneError), "{phone}");
        }
        assert_eq!(PhoneError.to_string(), "Invalid phone number format (E.164 required)");
        assert_eq!(normalize(&"1 ".repeat(100)), Err(PhoneError));
    }
}
