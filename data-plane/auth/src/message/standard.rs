//! The messages that Auth sends by mail: their subjects and texts where nobody wrote others.

use serde_json::{Map, Value};

use crate::settings::MailKind;

/// The subject of Supabase's documentation for the template.
pub fn subject(kind: MailKind) -> &'static str {
    match kind {
        MailKind::Confirmation => "Confirm Your Signup",
        MailKind::Invite => "You have been invited",
        MailKind::MagicLink => "Your Magic Link",
        MailKind::Recovery => "Reset Your Password",
        MailKind::EmailChange => "Confirm Email Change",
        MailKind::Reauthentication => "Confirm Reauthentication",
        MailKind::PasswordChanged => "Your password has been changed",
        MailKind::EmailChanged => "Your email address has been changed",
        MailKind::PhoneChanged => "Your phone number has been changed",
        MailKind::IdentityLinked => "A new identity has been linked",
        MailKind::IdentityUnlinked => "An identity has been unlinked",
        MailKind::MfaFactorEnrolled => "A new MFA factor has been enrolled",
        MailKind::MfaFactorUnenrolled => "An MFA factor has been unenrolled",
    }
}

/// The template of the body, HTML.
pub fn content(kind: MailKind) -> &'static str {
    match kind {
        MailKind::Confirmation => include_str!("standard/confirmation.html"),
        MailKind::Invite => include_str!("standard/invite.html"),
        MailKind::MagicLink => include_str!("standard/magic_link.html"),
        MailKind::Recovery => include_str!("standard/recovery.html"),
        MailKind::EmailChange => include_str!("standard/email_change.html"),
        MailKind::Reauthentication => include_str!("standard/reauthentication.html"),
        MailKind::PasswordChanged => include_str!("standard/password_changed.html"),
        MailKind::EmailChanged => include_str!("standard/email_changed.html"),
        MailKind::PhoneChanged => include_str!("standard/phone_changed.html"),
        MailKind::IdentityLinked => include_str!("standard/identity_linked.html"),
        MailKind::IdentityUnlinked => include_str!("standard/identity_unlinked.html"),
        MailKind::MfaFactorEnrolled => include_str!("standard/mfa_factor_enrolled.html"),
        MailKind::MfaFactorUnenrolled => include_str!("standard/mfa_factor_unenrolled.html"),
    }
}

/// What templates may name. Every message gets all of them; what does not concern it is empty.
#[derive(Debug, Clone, Default)]
pub struct Variables {
    pub confirmation_url: String,
    pub site_url: String,
    pub redirect_to: String,
    pub token: String,
    pub token_hash: String,
    pub email: String,
    pub new_email: String,
    pub old_email: String,
    /// The address that this mail goes to.
    pub sending_to: String,
    pub phone: String,
    pub old_phone: String,
    pub provider: String,
    pub factor_type: String,
    /// The user's metadata.
    pub data: Value,
}

impl From<Variables> for Value {
    fn from(variables: Variables) -> Self {
        let texts = [
            ("ConfirmationURL", variables.confirmation_url),
            ("SiteURL", variables.site_url),
            ("RedirectTo", variables.redirect_to),
            ("Token", variables.token),
            ("TokenHash", variables.token_hash),
            ("Email", variables.email),
            ("NewEmail", variables.new_email),
            ("OldEmail", variables.old_email),
            ("SendingTo", variables.sending_to),
            ("Phone", variables.phone),
            ("OldPhone", variables.old_phone),
            ("Provider", variables.provider),
            ("FactorType", variables.factor_type),
        ];
        let mut map: Map<_, _> = texts.into_iter().map(|(name, text)| (name.to_owned(), Value::String(text))).collect();
        map.insert("Data".to_owned(), variables.data);
        Value::Object(map)
    }
}

#[cfg(test)]
mod tests {
    use super::{Variables, content, subject};
    use crate::{message::template::Template, settings::MailKind};

    #[test]
    fn every_message_fills_with_what_it_is_about() {
        let data = Variables {
            confirmation_url: "https://a.test/verify?token=x&type=signup".to_owned(),
            site_url: "https://b.test".to_owned(),
            token: "123456".to_owned(),
            email: "jo@b.test".to_owned(),
            new_email: "new@b.test".to_owned(),
            old_email: "old@b.test".to_owned(),
            phone: "4911".to_owned(),
            old_phone: "4922".to_owned(),
            provider: "github".to_owned(),
            factor_type: "totp".to_owned(),
            ..Variables::default()
        };
        let data = data.into();
        let link = "href=\"https://a.test/verify?token=x&amp;type=signup\"";
        // Upstream's words: there are tests of applications that find the code by them.
        let code = "enter the code: 123456<";
        for kind in MailKind::ALL {
            let html = Template::parse(content(kind)).unwrap().html(&data).unwrap();
            let expected: &[&str] = match kind {
                MailKind::Confirmation | MailKind::MagicLink | MailKind::Recovery => &[link, code],
                MailKind::Invite => &[link, code, "https://b.test"],
                MailKind::EmailChange => &[link, code, "jo@b.test", "new@b.test"],
                MailKind::Reauthentication => &["123456"],
                MailKind::PasswordChanged => &["jo@b.test"],
                MailKind::EmailChanged => &["old@b.test", "jo@b.test"],
                MailKind::PhoneChanged => &["4922", "4911", "jo@b.test"],
                MailKind::IdentityLinked | MailKind::IdentityUnlinked => &["github", "jo@b.test"],
                MailKind::MfaFactorEnrolled | MailKind::MfaFactorUnenrolled => &["totp", "jo@b.test"],
            };
            for part in expected {
                assert!(html.contains(part), "{}: {part} in {html}", kind.name());
            }
            assert!(Template::parse(subject(kind)).unwrap().text(&data).is_ok());
            assert!(!html.contains("ZgotmplZ"), "{html}");
        }
    }

    #[test]
    fn a_change_of_a_missing_address_reads_well() {
        let data = Variables { new_email: "new@b.test".to_owned(), ..Variables::default() };
        let html = Template::parse(content(MailKind::EmailChange)).unwrap().html(&data.into()).unwrap();
        assert!(html.contains("new@b.test") && !html.contains("from"), "{html}");
    }
}
