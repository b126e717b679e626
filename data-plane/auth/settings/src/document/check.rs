//! May a key hold this value?

use std::net::IpAddr;

use email_address::EmailAddress;
use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::field::{Field, Form, Kind};
use super::{Document, FieldError};
use crate::AllowList;
use crate::hooks::{is_hook_secret, is_hook_uri};
use crate::redirect::is_address;

/// A text is not longer than that: templates are the longest.
const MAX_TEXT: usize = 256 * 1024;
/// A hundred years of sessions.
const MAX_HOURS: f64 = 876_000.0;

/// The value as it is kept, or what belongs there. `null` is the default.
pub(super) fn value(field: &Field, value: &Value) -> Result<Value, String> {
    if value.is_null() {
        return Ok(field.default());
    }
    match &field.kind {
        Kind::Flag => value.as_bool().map(|on| json!(on)).ok_or_else(|| "true or false".to_owned()),
        Kind::Int(from, to) => whole(value)
            .filter(|number| (from..=to).contains(&number))
            .map(|number| json!(number))
            .ok_or_else(|| format!("a whole number from {from} to {to}")),
        Kind::Hours => value
            .as_f64()
            .filter(|hours| (0.0..=MAX_HOURS).contains(hours))
            .map(|hours| whole(value).map_or_else(|| json!(hours), |whole| json!(whole)))
            .ok_or_else(|| "a number of hours, 0 or more".to_owned()),
        Kind::OneOf(all) => value
            .as_str()
            .filter(|text| all.contains(text))
            .map(|text| json!(text))
            .ok_or_else(|| format!("one of {}", all.iter().map(|one| format!("`{one}`")).collect::<Vec<_>>().join(", "))),
        Kind::Text(form) => {
            let text = value.as_str().ok_or_else(|| "a text".to_owned())?;
            if text.len() > MAX_TEXT || text.contains('\0') {
                return Err(format!("a text of at most {MAX_TEXT} bytes, without a zero byte"));
            }
            // An empty text takes a setting back without naming its default; the site's URL is needed.
            let fits = (text.is_empty() && *form != Form::Address) || form.fits(text);
            if fits { Ok(json!(text)) } else { Err(form.expected().to_owned()) }
        }
    }
}

/// Some clients write every number with a point.
fn whole(value: &Value) -> Option<i64> {
    let float = || value.as_f64().filter(|number| number.fract() == 0.0 && number.abs() < 9e15).map(|number| number as i64);
    value.as_i64().or_else(float)
}

impl Form {
    fn fits(self, text: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Address => !text.contains(',') && is_address(text),
            Self::Domain => is_domain(text),
            Self::Email => EmailAddress::is_valid(text) && !text.contains(['<', '"']),
            Self::HookSecrets => text.split('|').filter(|secret| !secret.is_empty()).all(is_hook_secret),
            Self::HookUri => is_hook_uri(text),
            Self::Host => is_domain(text.trim_end_matches('.')) || text.parse::<IpAddr>().is_ok(),
            Self::Origins => text.split(',').map(str::trim).filter(|origin| !origin.is_empty()).all(is_origin),
            Self::Path => text.starts_with('/') && !text.starts_with("//") && !text.contains(['\\', '\n', '\r', '\t']),
            Self::Patterns => AllowList::parse(text).is_ok(),
            Self::Port => text.parse::<u16>().is_ok_and(|port| port > 0),
            Self::Tags => {
                text.split(',').all(|tag| tag.trim().chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-')))
            }
            Self::TestOtp => text.split(',').filter(|pair| !pair.is_empty()).all(|pair| {
                let digits = |text: &str| !text.is_empty() && text.chars().all(|c| c.is_ascii_digit());
                pair.split_once('=').is_some_and(|(number, code)| digits(number) && number.len() <= 15 && digits(code))
            }),
            Self::Time => OffsetDateTime::parse(text, &Rfc3339).is_ok(),
            Self::WebUrl => !text.contains(',') && text.starts_with("http") && is_address(text),
        }
    }

    fn expected(self) -> &'static str {
        match self {
            Self::Any => "a text",
            Self::Address => "an absolute URL without a comma",
            Self::Domain => "a domain (`example.com`)",
            Self::Email => "an e-mail address",
            Self::HookSecrets => "secrets of Standard Webhooks with `|` between them (`v1,whsec_…`)",
            Self::HookUri => "`pg-functions://postgres/<schema>/<function>`, https, or http on this machine",
            Self::Host => "the name or the address of a server, without its port",
            Self::Origins => "origins with commas between them (`https://app.example.com`)",
            Self::Path => "a path that begins with one `/`",
            Self::Patterns => "a comma-separated list of URLs and patterns",
            Self::Port => "a port as text, from 1 to 65535",
            Self::Tags => "tags of letters, digits, `-` and `_` with commas between them",
            Self::TestOtp => "pairs `number=code` of digits with commas between them",
            Self::Time => "a time (`2027-01-31T08:00:00Z`)",
            Self::WebUrl => "a URL that begins with http:// or https://",
        }
    }
}

/// Names with dots between them. What is none of a domain (`smtp_relay`) may be one of a container.
fn is_domain(text: &str) -> bool {
    text.split('.').all(|label| !label.is_empty() && label.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_')))
}

/// `https://host`, `http://localhost:3000`, or an Android app's `android:apk-key-hash:…`.
fn is_origin(origin: &str) -> bool {
    let web = ["https://", "http://"].iter().find_map(|start| origin.strip_prefix(start));
    web.is_some_and(|host| !host.is_empty() && !host.contains('/') && is_address(origin))
        || origin.strip_prefix("android:apk-key-hash:").is_some_and(|hash| !hash.is_empty())
}

/// What holds between keys.
pub(super) fn together(document: &Document) -> Vec<FieldError> {
    let mut errors = Vec::new();
    let mut error = |key: &str, expected: &str| errors.push(FieldError { key: key.to_owned(), expected: expected.to_owned() });
    if document.flag("security_captcha_enabled") && document.text("security_captcha_secret").is_none() {
        error("security_captcha_secret", "the captcha provider's secret, while security_captcha_enabled is true");
    }
    if document.flag("mailer_autoconfirm") && document.flag("mailer_allow_unverified_email_sign_ins") {
        error("mailer_allow_unverified_email_sign_ins", "false, while mailer_autoconfirm is true");
    }
    let hooks = [
        "custom_access_token",
        "mfa_verification_attempt",
        "password_verification_attempt",
        "send_sms",
        "send_email",
        "before_user_created",
        "after_user_created",
    ];
    for hook in hooks {
        if document.flag(&format!("hook_{hook}_enabled")) && document.text(&format!("hook_{hook}_uri")).is_none() {
            error(&format!("hook_{hook}_uri"), &format!("the hook's address, while hook_{hook}_enabled is true"));
        }
    }
    errors
}
