//! How mail leaves, and what it says.

use auth_settings::MailKind;

use super::super::field::{Field, Kind, Section};

/// The section with the test message.
pub(in super::super) const SMTP: &str = "smtp";

pub(super) fn sections() -> Vec<Section> {
    let smtp = vec![
        Field::new("smtp_host", Kind::Text, "Host", "Empty: messages are kept in the mailbox."),
        Field::new("smtp_port", Kind::Text, "Port", "587 unless said; 465 is encrypted from the start."),
        Field::new("smtp_user", Kind::Text, "User name", ""),
        Field::new("smtp_pass", Kind::Secret, "Password", ""),
        Field::new("smtp_admin_email", Kind::Text, "Sender's address", ""),
        Field::new("smtp_sender_name", Kind::Text, "Sender's name", ""),
        Field::new("smtp_max_frequency", Kind::Number("seconds"), "Between two mails to one user", "At least so long."),
    ];
    let events = MailKind::ALL.into_iter().filter_map(|kind| Some((kind, kind.event()?)));
    let notifications =
        events.map(|(kind, event)| Field::new(format!("mailer_notifications_{event}_enabled"), Kind::Flag, mail_title(kind), ""));
    vec![
        Section::new(SMTP, "Mail server (SMTP)", "", smtp),
        Section::new(
            "notifications",
            "Notifications",
            "Mails that tell a user of a change to the account.",
            notifications.collect(),
        ),
    ]
}

/// The texts of one mail.
pub(in super::super) fn template(kind: MailKind) -> Section {
    let name = kind.name();
    let fields = vec![
        Field::new(format!("mailer_subjects_{name}"), Kind::Text, "Subject", ""),
        Field::new(format!("mailer_templates_{name}_content"), Kind::Area, "Text (HTML)", ""),
    ];
    Section::new("template", mail_title(kind), "", fields)
}

pub(in super::super) fn mail_named(name: &str) -> Option<MailKind> {
    MailKind::ALL.into_iter().find(|kind| kind.name() == name)
}

pub(in super::super) const fn mail_title(kind: MailKind) -> &'static str {
    match kind {
        MailKind::Invite => "Invitation",
        MailKind::Confirmation => "Confirmation of a sign-up",
        MailKind::Recovery => "Password recovery",
        MailKind::EmailChange => "Change of address",
        MailKind::MagicLink => "Magic link",
        MailKind::Reauthentication => "Reauthentication",
        MailKind::PasswordChanged => "Password was changed",
        MailKind::EmailChanged => "Address was changed",
        MailKind::PhoneChanged => "Phone number was changed",
        MailKind::IdentityLinked => "Identity was linked",
        MailKind::IdentityUnlinked => "Identity was unlinked",
        MailKind::MfaFactorEnrolled => "Second factor was added",
        MailKind::MfaFactorUnenrolled => "Second factor was removed",
    }
}
