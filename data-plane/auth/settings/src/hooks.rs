//! Where Auth asks the project before or after it acts.

use secrecy::SecretString;

/// All of them; one that is switched off is not asked.
#[derive(Clone, Debug, Default)]
pub struct Hooks {
    pub custom_access_token: Hook,
    pub mfa_verification_attempt: Hook,
    pub password_verification_attempt: Hook,
    pub send_sms: Hook,
    pub send_email: Hook,
    pub before_user_created: Hook,
    pub after_user_created: Hook,
}

impl Hooks {
    /// Each with its name in settings.
    pub(super) fn named_mut(&mut self) -> [(&'static str, &mut Hook); 7] {
        [
            ("custom_access_token", &mut self.custom_access_token),
            ("mfa_verification_attempt", &mut self.mfa_verification_attempt),
            ("password_verification_attempt", &mut self.password_verification_attempt),
            ("send_sms", &mut self.send_sms),
            ("send_email", &mut self.send_email),
            ("before_user_created", &mut self.before_user_created),
            ("after_user_created", &mut self.after_user_created),
        ]
    }

    /// Whether an address outside of the database is asked what may be done. Messages are not among that: they are sent once it is
    /// done.
    #[must_use]
    pub fn ask_within(&self) -> bool {
        let all = [&self.custom_access_token, &self.mfa_verification_attempt, &self.before_user_created];
        all.into_iter().any(|hook| hook.enabled && !hook.uri.starts_with("pg-functions:"))
    }
}

/// One hook.
#[derive(Clone, Debug, Default)]
pub struct Hook {
    pub enabled: bool,
    /// `pg-functions://<database>/<schema>/<function>`, or `https://…`.
    pub uri: String,
    /// Of Standard Webhooks (`v1,whsec_…`); each signs. Only for https.
    pub secrets: Vec<SecretString>,
}

impl Hook {
    /// From `secret|secret|…`.
    #[must_use]
    pub fn secrets_from(list: &str) -> Vec<SecretString> {
        list.split('|').filter(|secret| !secret.is_empty()).map(SecretString::from).collect()
    }
}

/// May this be a hook's address? A function of the project's database, https, or http on this machine.
#[must_use]
pub fn is_hook_uri(uri: &str) -> bool {
    let Some((scheme, rest)) = uri.split_once("://") else { return false };
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
    match scheme.to_ascii_lowercase().as_str() {
        "pg-functions" => path.split_once('/').is_some_and(|(schema, function)| is_name(schema) && is_name(function)),
        "https" => !authority.is_empty() && !authority.contains('@'),
        "http" => {
            let host = authority.rsplit_once(':').map_or(authority, |(host, _)| host);
            matches!(host, "localhost" | "127.0.0.1" | "[::1]" | "host.docker.internal")
        }
        _ => false,
    }
}

/// As upstream: letters, digits and `_`, so that nothing needs quoting.
fn is_name(name: &str) -> bool {
    name.len() <= 63
        && name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// Is this a secret of Standard Webhooks: `v1,whsec_…`, or `v1a,whpk_…:whsk_…`?
#[must_use]
pub fn is_hook_secret(secret: &str) -> bool {
    let base64 = |text: &str, least: usize| {
        text.len() >= least && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '/' | '='))
    };
    match (secret.strip_prefix("v1,whsec_"), secret.strip_prefix("v1a,whpk_")) {
        (Some(key), _) => base64(key, 32) && key.len() <= 88,
        (None, Some(pair)) => {
            pair.split_once(":whsk_").is_some_and(|(public, private)| base64(public, 44) && base64(private, 44))
        }
        (None, None) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hook_s_address_is_a_function_or_an_address_that_is_safe() {
        for uri in ["pg-functions://postgres/public/hook", "https://a.test/x", "http://localhost:3000/x", "http://[::1]:3000/x"] {
            assert!(is_hook_uri(uri), "{uri}");
        }
        for uri in [
            "",
            "pg-functions://postgres/public",
            "pg-functions://postgres/public/a b",
            "http://a.test/x",
            "ftp://a.test",
            "https:///x",
            "https://user@a.test/",
            "pg-functions://postgres/pub\"lic/f",
            "http://localhost.evil.test/x",
        ] {
            assert!(!is_hook_uri(uri), "{uri}");
        }
    }

    #[test]
    fn a_hook_s_secret_is_one_of_standard_webhooks() {
        let (short, long) = ("A".repeat(31), "A".repeat(44));
        assert!(is_hook_secret(&format!("v1,whsec_{long}")));
        assert!(is_hook_secret(&format!("v1a,whpk_{long}:whsk_{long}")));
        for secret in [format!("v1,whsec_{short}"), format!("whsec_{long}"), format!("v1a,whpk_{long}"), long.clone()] {
            assert!(!is_hook_secret(&secret), "{secret}");
        }
        assert_eq!(Hook::secrets_from("|a||b|").len(), 2);
    }
}
