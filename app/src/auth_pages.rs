//! What the pages about a project's Auth are made from, and how it travels. Made by the server from what Auth answers.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

/// A page about the Auth of a project.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct AuthPage<T> {
    pub(crate) project_name: String,
    pub(crate) content: T,
}

/// The mailbox: messages that were kept in the project, and the one that is read.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Mailbox {
    /// Newest first.
    pub(crate) messages: Vec<MessageLine>,
    pub(crate) open: Option<OpenMessage>,
    /// There are older ones.
    pub(crate) more: bool,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct MessageLine {
    pub(crate) id: String,
    pub(crate) kind: String,
    pub(crate) recipient: String,
    pub(crate) subject: String,
    #[serde(with = "time::serde::timestamp")]
    pub(crate) at: OffsetDateTime,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct OpenMessage {
    pub(crate) line: MessageLine,
    pub(crate) link: Option<String>,
    pub(crate) code: Option<String>,
    /// Of a mail; a document of its own.
    pub(crate) html: Option<String>,
    pub(crate) text: String,
}

/// What the settings' form shows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct AuthSettings {
    pub(crate) site_url: String,
    pub(crate) uri_allow_list: String,
    pub(crate) allow_signup: bool,
    pub(crate) autoconfirm: bool,
    pub(crate) anonymous: bool,
    pub(crate) password_min_length: i64,
    /// The options of a select, made by the server.
    pub(crate) password_characters: String,
    pub(crate) smtp_host: String,
    pub(crate) smtp_port: String,
    pub(crate) smtp_user: String,
    /// There is one; it is never shown.
    pub(crate) has_smtp_pass: bool,
    pub(crate) smtp_admin_email: String,
    pub(crate) smtp_sender_name: String,
}

#[cfg(feature = "ssr")]
mod from_answers {
    use serde_json::{Map, Value};
    use time::format_description::well_known::Rfc3339;

    use super::{AuthSettings, MessageLine, OffsetDateTime, OpenMessage};

    pub(crate) fn text(value: &Value, name: &str) -> String {
        value[name].as_str().unwrap_or_default().to_owned()
    }

    pub(crate) fn filled(value: &Value, name: &str) -> Option<String> {
        value[name].as_str().filter(|text| !text.is_empty()).map(str::to_owned)
    }

    pub(crate) fn time(value: &Value, name: &str) -> Option<OffsetDateTime> {
        OffsetDateTime::parse(value[name].as_str()?, &Rfc3339).ok()
    }

    impl From<&Value> for MessageLine {
        fn from(message: &Value) -> Self {
            Self {
                id: text(message, "id"),
                kind: text(message, "kind").replace('_', " "),
                recipient: text(message, "recipient"),
                subject: text(message, "subject"),
                at: time(message, "created_at").unwrap_or(OffsetDateTime::UNIX_EPOCH),
            }
        }
    }

    impl From<&Value> for OpenMessage {
        fn from(message: &Value) -> Self {
            let (data, body) = (&message["data"], text(message, "body"));
            let is_mail = message["channel"] == "email";
            Self {
                line: message.into(),
                link: filled(data, "link"),
                code: filled(data, "token"),
                text: filled(data, "text").unwrap_or_else(|| if is_mail { String::new() } else { body.clone() }),
                html: is_mail.then_some(body),
            }
        }
    }

    /// Sets of characters that a password needs, and what they are called. The Management API has no others.
    pub(crate) const CHARACTERS: [(&str, &str); 4] = [
        ("", "No requirements"),
        ("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ:0123456789", "Letters and digits"),
        ("abcdefghijklmnopqrstuvwxyz:ABCDEFGHIJKLMNOPQRSTUVWXYZ:0123456789", "Lowercase and uppercase letters, digits"),
        (
            r#"abcdefghijklmnopqrstuvwxyz:ABCDEFGHIJKLMNOPQRSTUVWXYZ:0123456789:!@#$%^&*()_+-=[]{};'\\:"|<>?,./`~"#,
            "Lowercase and uppercase letters, digits, symbols",
        ),
    ];

    impl From<Map<String, Value>> for AuthSettings {
        fn from(config: Map<String, Value>) -> Self {
            let config = Value::Object(config);
            let flag = |name: &str| config[name] == true;
            let needed = text(&config, "password_required_characters");
            let option = |(index, (characters, name)): (usize, &(&str, &str))| {
                let selected = if *characters == needed { " selected" } else { "" };
                format!("<option value=\"{index}\"{selected}>{name}</option>")
            };
            Self {
                site_url: text(&config, "site_url"),
                uri_allow_list: text(&config, "uri_allow_list").replace(',', "\n"),
                allow_signup: !flag("disable_signup"),
                autoconfirm: flag("mailer_autoconfirm"),
                anonymous: flag("external_anonymous_users_enabled"),
                password_min_length: config["password_min_length"].as_i64().unwrap_or_default(),
                password_characters: CHARACTERS.iter().enumerate().map(option).collect(),
                smtp_host: text(&config, "smtp_host"),
                smtp_port: text(&config, "smtp_port"),
                smtp_user: text(&config, "smtp_user"),
                has_smtp_pass: filled(&config, "smtp_pass").is_some(),
                smtp_admin_email: text(&config, "smtp_admin_email"),
                smtp_sender_name: text(&config, "smtp_sender_name"),
            }
        }
    }

    #[cfg(test)]
    mod tests {
        use serde_json::json;

        use super::*;

        #[test]
        fn a_message_without_html_is_its_text() {
            let sms = OpenMessage::from(&json!({ "channel": "sms", "body": "Your code is 1", "data": { "token": "1" } }));
            assert_eq!((sms.html, sms.text.as_str(), sms.code.as_deref()), (None, "Your code is 1", Some("1")));
            let mail = json!({ "channel": "email", "body": "<p>Hi</p>", "data": { "link": "", "text": "Hi" } });
            let mail = OpenMessage::from(&mail);
            assert_eq!((mail.html.as_deref(), mail.text.as_str(), mail.link), (Some("<p>Hi</p>"), "Hi", None));
        }
    }
}

#[cfg(feature = "ssr")]
pub(crate) use from_answers::{CHARACTERS, filled, text, time};
