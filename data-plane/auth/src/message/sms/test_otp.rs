//! Codes that are fixed in the settings, so that a test needs no phone: nothing is sent to these numbers.

use std::collections::BTreeMap;
use std::fmt;

use subtle::ConstantTimeEq as _;
use time::OffsetDateTime;

use super::phone::normalize;

/// Numbers and their codes.
#[derive(Clone, Default)]
pub struct TestOtps {
    codes: BTreeMap<String, String>,
    valid_until: Option<OffsetDateTime>,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TestOtpError {
    #[error("{0:?} is no pair of a phone number and a code; write 15551234567=123456,…")]
    Pair(String),
    #[error("{0:?} is no phone number in E.164; correct it in the test codes")]
    Phone(String),
}

impl TestOtps {
    /// Reads `15551234567=123456,…` (the Management API's form) or `15551234567:123456,…` (GoTrue's variable).
    pub fn parse(text: &str, valid_until: Option<OffsetDateTime>) -> Result<Self, TestOtpError> {
        let pairs = text.split(',').map(str::trim).filter(|pair| !pair.is_empty()).map(|pair| {
            let (phone, code) = pair.split_once(['=', ':']).ok_or_else(|| TestOtpError::Pair(pair.to_owned()))?;
            let code = code.trim();
            if code.is_empty() {
                return Err(TestOtpError::Pair(pair.to_owned()));
            }
            let phone = normalize(phone.trim()).map_err(|_| TestOtpError::Phone(phone.to_owned()))?;
            Ok((phone, code.to_owned()))
        });
        Ok(Self { codes: pairs.collect::<Result<_, _>>()?, valid_until })
    }

    /// The code of a number (normalized), if there is one and its time has not passed.
    pub fn code(&self, phone: &str, now: OffsetDateTime) -> Option<&str> {
        if self.valid_until.is_some_and(|until| now > until) {
            return None;
        }
        self.codes.get(phone).map(String::as_str)
    }

    /// Whether a code is the one of a number.
    pub fn accepts(&self, phone: &str, code: &str, now: OffsetDateTime) -> bool {
        self.code(phone, now).is_some_and(|right| right.as_bytes().ct_eq(code.as_bytes()).into())
    }
}

impl fmt::Debug for TestOtps {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TestOtps").field("count", &self.codes.len()).field("valid_until", &self.valid_until).finish()
    }
}

#[cfg(test)]
mod tests {
    use time::{Duration, OffsetDateTime};

    use super::{TestOtpError, TestOtps};

    #[test]
    fn has_codes_until_their_time() {
        let now = OffsetDateTime::now_utc();
        let codes = TestOtps::parse("15551234567=123456, +1 555 765 4321:654321,", Some(now)).unwrap();
        assert_eq!(codes.code("15551234567", now), Some("123456"));
        assert!(codes.accepts("15557654321", "654321", now));
        assert!(!codes.accepts("15557654321", "65432", now));
        assert!(!codes.accepts("15550000000", "654321", now));
        assert!(!codes.accepts("15557654321", "654321", now + Duration::SECOND));
        assert!(!format!("{codes:?}").contains("123456"));
    }

    #[test]
    fn refuses_what_is_no_pair() {
        assert_eq!(TestOtps::parse("15551234567", None).unwrap_err(), TestOtpError::Pair("15551234567".to_owned()));
        assert_eq!(TestOtps::parse("15551234567=", None).unwrap_err(), TestOtpError::Pair("15551234567=".to_owned()));
        assert_eq!(TestOtps::parse("1=123456", None).unwrap_err(), TestOtpError::Phone("1".to_owned()));
        assert!(TestOtps::parse("", None).is_ok());
    }
}
