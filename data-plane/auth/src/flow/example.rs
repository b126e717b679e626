//! What an administrator sees of mails before a user does: a template filled with an example, and a mail that only tells that
//! mails arrive.

use std::time::Duration;

use serde::Serialize;
use serde_json::{Map, Value, json};

use super::mail::{filled_body, filled_subject, keep, link, sender};
use crate::{
    caller::Caller,
    error::{AuthError, ErrorCode},
    limits::Limited,
    message::{
        links::LinkType,
        mail::{Delivered, Mail, MailError},
        standard::{self, Variables},
        template::TemplateError,
    },
    settings::MailKind,
};

/// Whoever waits for the outcome of a test does not wait longer.
const TEST_TIME: Duration = Duration::from_secs(8);

/// A mail of its kind, as its reader would see it.
#[derive(Debug, Serialize)]
pub(crate) struct Example {
    subject: Option<String>,
    html: Option<String>,
    /// What is wrong with either template.
    errors: Vec<Problem>,
    /// What is sent where the project has no template of its own.
    standard: Standard,
    /// What templates may name, with what the example has there.
    variables: Map<String, Value>,
}

#[derive(Debug, Serialize)]
struct Problem {
    /// `subject` or `content`.
    part: &'static str,
    line: usize,
    problem: String,
}

#[derive(Debug, Serialize)]
struct Standard {
    subject: &'static str,
    content: &'static str,
}

/// Fills a subject and a body as a mail's are, those that are not given as the standard has them.
pub(crate) fn example(
    caller: &Caller,
    kind: MailKind,
    subject: Option<&str>,
    content: Option<&str>,
) -> Result<Example, AuthError> {
    let standard = Standard { subject: standard::subject(kind), content: standard::content(kind) };
    let variables = Value::from(variables(caller, kind)?);
    let mut errors = Vec::new();
    let mut noted = |part, filled: Result<String, TemplateError>| match filled {
        Ok(text) => Some(text),
        Err(TemplateError { line, problem }) => {
            errors.push(Problem { part, line, problem });
            None
        }
    };
    let subject = noted("subject", filled_subject(subject.unwrap_or(standard.subject), &variables));
    let html = noted("content", filled_body(content.unwrap_or(standard.content), &variables));
    let variables = if let Value::Object(variables) = variables { variables } else { Map::new() };
    Ok(Example { subject, html, errors, standard, variables })
}

fn variables(caller: &Caller, kind: MailKind) -> Result<Variables, AuthError> {
    const HASH: &str = "pkce_1f0a9b2c3d4e5f60718293a4b5c6d7e8f90a1b2c3d4e5f60718293a4";
    let settings = &caller.live.settings;
    let link_type = match kind {
        MailKind::Confirmation => Some(LinkType::Signup),
        MailKind::Invite => Some(LinkType::Invite),
        MailKind::MagicLink => Some(LinkType::Magiclink),
        MailKind::Recovery => Some(LinkType::Recovery),
        MailKind::EmailChange => Some(LinkType::EmailChange),
        MailKind::Reauthentication
        | MailKind::PasswordChanged
        | MailKind::EmailChanged
        | MailKind::PhoneChanged
        | MailKind::IdentityLinked
        | MailKind::IdentityUnlinked
        | MailKind::MfaFactorEnrolled
        | MailKind::MfaFactorUnenrolled => None,
    };
    Ok(Variables {
        confirmation_url: link_type.map(|of| link(caller, kind, of, HASH)).transpose()?.unwrap_or_default(),
        site_url: settings.api.site_url.clone(),
        redirect_to: settings.api.site_url.clone(),
        token: "4815162342".chars().take(settings.mailer.otp_length).collect(),
        token_hash: HASH.to_owned(),
        email: "jo@example.com".to_owned(),
        new_email: "jo.new@example.com".to_owned(),
        old_email: "jo.old@example.com".to_owned(),
        sending_to: "jo@example.com".to_owned(),
        phone: "15551234567".to_owned(),
        old_phone: "15557654321".to_owned(),
        provider: "github".to_owned(),
        factor_type: "totp".to_owned(),
        data: json!({ "full_name": "Jo Example" }),
    })
}

/// Sends a mail by the project's own way, or puts it into the mailbox where there is no mail server; `false`: there it is. Why it
/// could not be sent is told in full: who asks may read the settings anyway.
pub(crate) async fn test(caller: &Caller, to: String) -> Result<bool, AuthError> {
    let settings = &caller.live.settings;
    let refused = |error: MailError| AuthError::unprocessable(ErrorCode::UnexpectedFailure, error.to_string());
    let mail = Mail::test(sender(settings), to);
    if settings.smtp.host.is_some() {
        let db = caller.db().await?;
        caller.context.count_message(&db, Limited::EmailSent, settings.rate_limits.email_sent).await?;
    }
    let delivered = tokio::time::timeout(TEST_TIME, caller.live.delivery.deliver(&mail)).await.map_err(|_| {
        let message = format!("the mail server did not take the mail within {TEST_TIME:?}; see whether host and port are right");
        AuthError::unprocessable(ErrorCode::UnexpectedFailure, message)
    })?;
    match delivered.map_err(refused)? {
        Delivered::Sent(_) => Ok(true),
        Delivered::Keep(kept) => {
            keep(&caller.db().await?, None, "test", &kept, json!({})).await?;
            Ok(false)
        }
    }
}
