//! E-mail: what is sent, how it reads, and by which server.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use secrecy::SecretString;
use time::OffsetDateTime;

use super::sms::TestOtps;

/// One message that Auth sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum MailKind {
    Invite,
    Confirmation,
    Recovery,
    EmailChange,
    MagicLink,
    Reauthentication,
    PasswordChanged,
    EmailChanged,
    PhoneChanged,
    IdentityLinked,
    IdentityUnlinked,
    MfaFactorEnrolled,
    MfaFactorUnenrolled,
}

impl MailKind {
    pub const ALL: [Self; 13] = [
        Self::Invite,
        Self::Confirmation,
        Self::Recovery,
        Self::EmailChange,
        Self::MagicLink,
        Self::Reauthentication,
        Self::PasswordChanged,
        Self::EmailChanged,
        Self::PhoneChanged,
        Self::IdentityLinked,
        Self::IdentityUnlinked,
        Self::MfaFactorEnrolled,
        Self::MfaFactorUnenrolled,
    ];

    /// As it is called in settings: `magic_link`, `password_changed_notification`, ….
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Invite => "invite",
            Self::Confirmation => "confirmation",
            Self::Recovery => "recovery",
            Self::EmailChange => "email_change",
            Self::MagicLink => "magic_link",
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

    /// What a notification tells of (`password_changed`, …); `None` for messages that ask for something.
    #[must_use]
    pub fn event(self) -> Option<&'static str> {
        self.name().strip_suffix("_notification")
    }

    /// Tells of what has happened, instead of asking for something. Sent only where it is switched on.
    #[must_use]
    pub fn is_notification(self) -> bool {
        self.event().is_some()
    }
}

/// A message's text as given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Template {
    /// To be fetched. A path is relative to the site's URL.
    Url(String),
    Body(String),
}

impl From<String> for Template {
    /// An address or a path is fetched; anything else is the text itself.
    fn from(given: String) -> Self {
        let address = given.starts_with("http://") || given.starts_with("https://") || given.starts_with('/');
        if address && !given.contains(char::is_whitespace) { Self::Url(given) } else { Self::Body(given) }
    }
}

/// What is sent by e-mail, and when.
#[derive(Clone, Debug)]
pub struct Mailer {
    /// Addresses count as confirmed without a message.
    pub autoconfirm: bool,
    /// Who has not confirmed may sign in, as an account without a confirmed address.
    pub allow_unverified_email_sign_ins: bool,
    /// How long a link or code is valid.
    pub otp_exp: Duration,
    /// 6 to 10 digits.
    pub otp_length: usize,
    /// A change of address is confirmed at the old address, too.
    pub secure_email_change_enabled: bool,
    /// Two messages to one account are at least so far apart.
    pub max_frequency: Duration,
    /// Where a message's link leads, under the API's external URL. Use [`Mailer::url_path`].
    pub url_paths: BTreeMap<MailKind, String>,
    /// Only those that were given; `message` has the defaults.
    pub subjects: BTreeMap<MailKind, String>,
    /// Only those that were given; `message` has the defaults.
    pub templates: BTreeMap<MailKind, Template>,
    /// Which notifications are sent.
    pub notifications: BTreeSet<MailKind>,
    /// Hosts that a link may have instead of the API's (`X-Forwarded-Host`).
    pub external_hosts: Vec<String>,
    /// Addresses that nobody can have are refused before they are written to.
    pub email_validation_extended: bool,
    /// Addresses with a fixed code, to which nothing is sent.
    pub test_otp: TestOtps,
}

impl Mailer {
    /// Path of this message's link.
    #[must_use]
    pub fn url_path(&self, kind: MailKind) -> &str {
        self.url_paths.get(&kind).map_or("/verify", String::as_str)
    }

    #[must_use]
    pub fn notifies(&self, kind: MailKind) -> bool {
        self.notifications.contains(&kind)
    }

    /// The fixed code of this address, if it has one now. Addresses are compared without case.
    #[must_use]
    pub fn test_code(&self, address: &str, now: OffsetDateTime) -> Option<&str> {
        self.test_otp.code(&address.to_lowercase(), now)
    }
}

impl Default for Mailer {
    fn default() -> Self {
        Self {
            autoconfirm: false,
            allow_unverified_email_sign_ins: false,
            otp_exp: Duration::from_secs(86_400),
            otp_length: 6,
            secure_email_change_enabled: true,
            max_frequency: Duration::from_secs(60),
            url_paths: BTreeMap::new(),
            subjects: BTreeMap::new(),
            templates: BTreeMap::new(),
            notifications: BTreeSet::new(),
            external_hosts: Vec::new(),
            email_validation_extended: false,
            test_otp: TestOtps::default(),
        }
    }
}

/// The server that sends. Without a host, messages go into the built-in mailbox.
#[derive(Clone, Debug)]
pub struct Smtp {
    pub host: Option<String>,
    pub port: u16,
    pub user: String,
    pub pass: Option<SecretString>,
    /// Sender's address.
    pub admin_email: String,
    /// Sender's name; empty: the address alone.
    pub sender_name: String,
    /// Headers added to each message.
    pub headers: BTreeMap<String, Vec<String>>,
}

impl Default for Smtp {
    fn default() -> Self {
        Self {
            host: None,
            port: 587,
            user: String::new(),
            pass: None,
            admin_email: String::new(),
            sender_name: String::new(),
            headers: BTreeMap::new(),
        }
    }
}
