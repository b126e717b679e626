//! What is wrong with a header that can't be read, in the words of GoTrue's parser: clients' users search for them.

use base64::{
    DecodeError, Engine as _, alphabet,
    engine::{GeneralPurpose, general_purpose::NO_PAD},
};
use serde_json::Value;

/// As Go reads it: bits that are left over count for nothing.
const BASE64: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, NO_PAD.with_decode_allow_trailing_bits(true));

/// Why the header of a token in three parts is none.
pub(super) fn unreadable(token: &str) -> String {
    let header = token.split('.').next().unwrap_or_default();
    let bytes = match BASE64.decode(header) {
        Ok(bytes) => bytes,
        Err(error) => {
            let at = match error {
                DecodeError::InvalidByte(at, _) | DecodeError::InvalidLastSymbol(at, _) => at,
                DecodeError::InvalidLength(_) | DecodeError::InvalidPadding => header.len().saturating_sub(1),
            };
            return format!("token is malformed: could not base64 decode header: illegal base64 data at input byte {at}");
        }
    };
    if serde_json::from_slice::<Value>(&bytes).is_ok_and(|header| header.is_object()) {
        return "token is unverifiable: error while parsing its header".to_owned();
    }
    let why = match bytes.iter().find(|byte| !byte.is_ascii_whitespace()) {
        None => ": unexpected end of JSON input".to_owned(),
        Some(first) if b"{[\"-tfn".contains(first) || first.is_ascii_digit() => String::new(),
        Some(first) => format!(": invalid character {} looking for beginning of value", quoted(*first)),
    };
    format!("token is malformed: could not JSON decode header{why}")
}

/// A byte as Go quotes it.
fn quoted(byte: u8) -> String {
    match byte {
        b'\'' => r"'\''".to_owned(),
        b'\\' => r"'\\'".to_owned(),
        0..=0x1f | 0x7f => format!(r"'\x{byte:02x}'"),
        0x80..=0xa0 | 0xad => format!(r"'\u{byte:04x}'"),
        _ => format!("'{}'", char::from(byte)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_header_is_said_as_go_says_it() {
        for (token, expected) in [
            ("a.b.c", "could not base64 decode header: illegal base64 data at input byte 0"),
            ("abc!.b.c", "could not base64 decode header: illegal base64 data at input byte 3"),
            ("invalid.b.c", r"could not JSON decode header: invalid character '\u008a' looking for beginning of value"),
            ("eHl6.b.c", "could not JSON decode header: invalid character 'x' looking for beginning of value"),
            ("..", "could not JSON decode header: unexpected end of JSON input"),
            ("MTIz.b.c", "could not JSON decode header"),
        ] {
            assert_eq!(unreadable(token), format!("token is malformed: {expected}"), "{token}");
        }
        assert!(unreadable("e30.b.c").starts_with("token is unverifiable"));
    }
}
