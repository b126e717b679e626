//! Where Auth asks the project.

use super::super::field::{Field, Kind, Section};

/// A hook as the document and as people name it.
#[derive(Debug)]
pub(in super::super) struct Hook {
    pub(in super::super) name: &'static str,
    pub(in super::super) title: &'static str,
    pub(in super::super) intro: &'static str,
}

pub(in super::super) const HOOKS: [Hook; 7] = [
    Hook {
        name: "custom_access_token",
        title: "Custom access token",
        intro: "Before a token is made: adds claims to it, or takes some away.",
    },
    Hook { name: "before_user_created", title: "Before a user is created", intro: "Lets somebody new in, or refuses." },
    Hook {
        name: "after_user_created",
        title: "After a user is created",
        intro: "Is told of somebody new, once the account is there.",
    },
    Hook {
        name: "password_verification_attempt",
        title: "Password verification",
        intro: "Is told of each password that was tried, and may refuse the next.",
    },
    Hook {
        name: "mfa_verification_attempt",
        title: "MFA verification",
        intro: "Is told of each second factor that was tried, and may refuse the next.",
    },
    Hook { name: "send_email", title: "Send e-mail", intro: "Sends mails in the place of SMTP and its templates." },
    Hook { name: "send_sms", title: "Send SMS", intro: "Sends codes in the place of the SMS provider." },
];

impl Hook {
    pub(in super::super) fn key(&self, part: &str) -> String {
        format!("hook_{}_{part}", self.name)
    }

    /// Its keys; the page shows them in its own way.
    pub(in super::super) fn section(&self) -> Section {
        let fields = vec![
            Field::new(self.key("enabled"), Kind::Flag, "", ""),
            Field::new(self.key("uri"), Kind::Text, "", ""),
            Field::new(self.key("secrets"), Kind::Secret, "", ""),
        ];
        Section::new(self.name, self.title, self.intro, fields)
    }
}
