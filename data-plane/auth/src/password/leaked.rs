//! Whether a password has leaked, asked by k-anonymity: the service learns the first five digits of its SHA-1, among hundreds of others.

use std::{fmt, sync::Arc};

use futures::future::BoxFuture;
use sha1::{Digest, Sha1};

use super::Error;

/// The service of haveibeenpwned.com.
pub const PUBLIC_SERVICE: &str = "https://api.pwnedpasswords.com";
const PREFIX: usize = 5;

/// Why the client got no answer.
pub type FetchError = Box<dyn std::error::Error + Send + Sync>;

type Fetch = dyn Fn(String) -> BoxFuture<'static, Result<String, FetchError>> + Send + Sync;

/// A service with the range protocol of haveibeenpwned.com.
#[derive(Clone)]
pub struct LeakedPasswords {
    base_url: String,
    fail_closed: bool,
    fetch: Arc<Fetch>,
}

impl LeakedPasswords {
    /// `fetch` answers the body of a GET that was answered 200; it owns timeouts, and sends `Add-Padding: true`, so that the length of
    /// an answer says nothing. With `fail_closed` (`GOTRUE_PASSWORD_HIBP_FAIL_CLOSED`) a password that cannot be looked up is refused.
    pub fn new(
        base_url: &str,
        fail_closed: bool,
        fetch: impl Fn(String) -> BoxFuture<'static, Result<String, FetchError>> + Send + Sync + 'static,
    ) -> Self {
        Self { base_url: base_url.trim_end_matches('/').to_owned(), fail_closed, fetch: Arc::new(fetch) }
    }

    /// Whether the service lists it.
    pub async fn contains(&self, password: &str) -> Result<bool, Error> {
        let hash = hex::encode_upper(Sha1::digest(password.as_bytes()));
        let (prefix, suffix) = hash.split_at(PREFIX);
        match (self.fetch)(format!("{}/range/{prefix}", self.base_url)).await {
            Ok(body) => Ok(lists(&body, suffix)),
            Err(error) if self.fail_closed => Err(Error::Leaked(error)),
            Err(error) => {
                tracing::warn!(error = %error, "the list of leaked passwords did not answer; the password is taken");
                Ok(false)
            }
        }
    }
}

impl fmt::Debug for LeakedPasswords {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LeakedPasswords")
            .field("base_url", &self.base_url)
            .field("fail_closed", &self.fail_closed)
            .finish_non_exhaustive()
    }
}

/// Lines are `<suffix>:<count>`; padding has the count 0.
fn lists(body: &str, suffix: &str) -> bool {
    body.lines()
        .filter_map(|line| line.trim().split_once(':'))
        .any(|(listed, count)| listed.eq_ignore_ascii_case(suffix) && count.trim().parse::<u64>().is_ok_and(|count| count > 0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::password::{Policy, Reason};

    /// SHA-1 of `password` is 5BAA61E4C9B93F3F0682250B6CF8331B7EE68FD8 (the example of the API's documentation is of another word).
    fn service(fail_closed: bool, answer: Result<&'static str, &'static str>) -> LeakedPasswords {
        LeakedPasswords::new("https://range.example/", fail_closed, move |url| {
            assert_eq!(url, "https://range.example/range/5BAA6");
            Box::pin(async move { answer.map(str::to_owned).map_err(FetchError::from) })
        })
    }

    #[tokio::test]
    async fn only_what_is_listed_has_leaked() {
        let listed = "003D68EB55068C33ACE09247EE4C639306B:3\r\n1E4C9B93F3F0682250B6CF8331B7EE68FD8:9545824\r\n";
        assert!(service(true, Ok(listed)).contains("password").await.unwrap());
        assert!(!service(true, Ok("003D68EB55068C33ACE09247EE4C639306B:3")).contains("password").await.unwrap());
        assert!(!service(true, Ok("1E4C9B93F3F0682250B6CF8331B7EE68FD8:0")).contains("password").await.unwrap());
        assert!(!service(true, Ok("<html>")).contains("password").await.unwrap());
    }

    #[tokio::test]
    async fn a_service_that_is_down_decides_as_it_is_set() {
        assert!(!service(false, Err("down")).contains("password").await.unwrap());
        assert!(matches!(service(true, Err("down")).contains("password").await, Err(Error::Leaked(_))));
    }

    #[tokio::test]
    async fn it_is_a_reason_of_its_own() {
        let leaked = Some(service(true, Ok("1E4C9B93F3F0682250B6CF8331B7EE68FD8:2")));
        let Err(Error::Weak(weak)) = (Policy { minimal_length: 6, leaked, ..Policy::default() }).check("password").await else {
            panic!("taken");
        };
        assert_eq!(weak.reasons, [Reason::Pwned]);
        assert_eq!(weak.to_string(), "Password is known to be weak and easy to guess, please choose a different one.");
    }
}
