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

#[cfg(feature = "ssr")]
mod from_answers {
    use serde_json::Value;
    use time::format_description::well_known::Rfc3339;

    use super::{MessageLine, OffsetDateTime, OpenMessage};

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
pub(crate) use from_answers::{filled, text, time};
