//! The messages that Auth sends by mail: their names in settings, their subjects and their texts if no one wrote others.

use serde_json::{Map, Value};

/// A message by mail. The first six do something when they are answered; the others notify.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Message {
    Confirmation,
    Invite,
    MagicLink,
    Recovery,
    EmailChange,
    Reauthentication,
    PasswordChanged,
    EmailChanged,
    PhoneChanged,
    IdentityLinked,
    IdentityUnlinked,
    MfaFactorEnrolled,
    MfaFactorUnenrolled,
}

impl Message {
    pub const ALL: [Self; 13] = [
        Self::Confirmation,
        Self::Invite,
        Self::MagicLink,
        Self::Recovery,
        Self::EmailChange,
        Self::Reauthentication,
        Self::PasswordChanged,
        Self::EmailChanged,
        Self::PhoneChanged,
        Self::IdentityLinked,
        Self::IdentityUnlinked,
        Self::MfaFactorEnrolled,
        Self::MfaFactorUnenrolled,
    ];

    /// As in `GOTRUE_MAILER_SUBJECTS_<NAME>` and `mailer_subjects_<name>`, in lower case.
    pub fn name(self) -> &'static str {
        match self {
            Self::Confirmation => "confirmation",
            Self::Invite => "invite",
            Self::MagicLink => "magic_link",
            Self::Recovery => "recovery",
            Self::EmailChange => "email_change",
            Self::Reauthentication => "reauthentication",
            Self::PasswordChanged => "password_changed_notification",
            Self::EmailChanged => "email_changed_notification",
            Self::PhoneChanged => "phone_changed_notification",
            Self::IdentityLinked => "identity_linked_notification",
            Self::IdentityUnlinked => "identity_unlinked_notification",
            Self::MfaFactorEnrolled => "mfa_factor_enrolled_notification",
            Self::MfaFactorUnenrolled => "mfa_factor_unenrolled_notification",
        }
    }

    /// The subject of Supabase's documentation for the template.
    pub fn subject(self) -> &'static str {
        match self {
            Self::Confirmation => "Confirm Your Signup",
            Self::Invite => "You have been invited",
            Self::MagicLink => "Your Magic Link",
            Self::Recovery => "Reset Your Password",
            Self::EmailChange => "Confirm Email Change",
            Self::Reauthentication => "Confirm Reauthentication",
            Self::PasswordChanged => "Your password has been changed",
            Self::EmailChanged => "Your email address has been changed",
            Self::PhoneChanged => "Your phone number has been changed",
            Self::IdentityLinked => "A new identity has been linked",
            Self::IdentityUnlinked => "An identity has been unlinked",
            Self::MfaFactorEnrolled => "A new MFA factor has been enrolled",
            Self::MfaFactorUnenrolled => "An MFA factor has been unenrolled",
        }
    }

    /// The template of the body, HTML.
    pub fn content(self) -> &'static str {
        match self {
            Self::Confirmation => include_str!("standard/confirmation.html"),
            Self::Invite => include_str!("standard/invite.html"),
            Self::MagicLink => include_str!("standard/magic_link.html"),
            Self::Recovery => include_str!("standard/recovery.html"),
            Self::EmailChange => include_str!("standard/email_change.html"),
            Self::Reauthentication => include_str!("standard/reauthentication.html"),
            Self::PasswordChanged => include_str!("standard/password_changed.html"),
            Self::EmailChanged => include_str!("standard/email_changed.html"),
            Self::PhoneChanged => include_str!("standard/phone_changed.html"),
            Self::IdentityLinked => include_str!("standard/identity_linked.html"),
            Self::IdentityUnlinked => include_str!("standard/identity_unlinked.html"),
            Self::MfaFactorEnrolled => include_str!("standard/mfa_factor_enrolled.html"),
            Self::MfaFactorUnenrolled => include_str!("standard/mfa_factor_unenrolled.html"),
        }
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
    use super::{Message, Variables};
    use crate::message::template::Template;

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
        for message in Message::ALL {
            let html = Template::parse(message.content()).unwrap().html(&data).unwrap();
            let expected: &[&str] = match message {
                Message::Confirmation | Message::MagicLink | Message::Recovery => &[link, code],
                Message::Invite => &[link, code, "https://b.test"],
                Message::EmailChange => &[link, code, "jo@b.test", "new@b.test"],
                Message::Reauthentication => &["123456"],
                Message::PasswordChanged => &["jo@b.test"],
                Message::EmailChanged => &["old@b.test", "jo@b.test"],
                Message::PhoneChanged => &["4922", "4911", "jo@b.test"],
                Message::IdentityLinked | Message::IdentityUnlinked => &["github", "jo@b.test"],
                Message::MfaFactorEnrolled | Message::MfaFactorUnenrolled => &["totp", "jo@b.test"],
            };
            for part in expected {
                assert!(html.contains(part), "{}: {part} in {html}", message.name());
            }
            assert!(Template::parse(message.subject()).unwrap().text(&data).is_ok());
            assert!(!html.contains("ZgotmplZ"), "{html}");
        }
    }

    #[test]
    fn a_change_of_a_missing_address_reads_well() {
        let data = Variables { new_email: "new@b.test".to_owned(), ..Variables::default() };
        let html = Template::parse(Message::EmailChange.content()).unwrap().html(&data.into()).unwrap();
        assert!(html.contains("new@b.test") && !html.contains("from"), "{html}");
    }
}
