//! How often.

use super::super::field::{Field, Kind, Section};

pub(super) fn sections() -> Vec<Section> {
    let limit = |key: &'static str, unit: &'static str, label: &'static str, hint: &'static str| {
        Field::new(key, Kind::Number(unit), label, hint)
    };
    let project = vec![
        limit("rate_limit_email_sent", "an hour", "Mails", "By SMTP or by the hook; what stays in the mailbox does not count."),
        limit("rate_limit_sms_sent", "an hour", "SMS", ""),
    ];
    let address = vec![
        limit("rate_limit_anonymous_users", "an hour", "Anonymous sign-ins", ""),
        limit("rate_limit_otp", "in 5 minutes", "Requests for links and codes", "Magic links, codes, recovery and resending."),
        limit("rate_limit_verify", "in 5 minutes", "Codes and links that are tried", ""),
        limit(
            "rate_limit_token_refresh",
            "in 5 minutes",
            "Sign-ins and refreshes of sessions",
            "Everything that asks for a token.",
        ),
        limit("rate_limit_web3", "in 5 minutes", "Sign-ins by wallet", ""),
    ];
    vec![
        Section::new("messages", "Of the project", "Counted for the project as a whole.", project),
        Section::new("addresses", "Of one address", "Counted for each address that requests come from.", address),
    ]
}
