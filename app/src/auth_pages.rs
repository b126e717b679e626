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

/// A page of users.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Users {
    /// Newest first.
    pub(crate) users: Vec<UserLine>,
    pub(crate) more: bool,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct UserLine {
    pub(crate) id: String,
    /// Address or number, or what there is instead.
    pub(crate) name: String,
    pub(crate) state: UserState,
    #[serde(with = "time::serde::timestamp")]
    pub(crate) created_at: OffsetDateTime,
    #[serde(with = "time::serde::timestamp::option")]
    pub(crate) last_sign_in_at: Option<OffsetDateTime>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum UserState {
    Confirmed,
    Unconfirmed,
    Banned,
}

#[cfg(feature = "ssr")]
mod from_answers {
    use serde_json::Value;
    use time::format_description::well_known::Rfc3339;

    use super::{MessageLine, OffsetDateTime, OpenMessage, UserLine, UserState};

    fn text(value: &Value, name: &str) -> String {
        value[name].as_str().unwrap_or_default().to_owned()
    }

    fn filled(value: &Value, name: &str) -> Option<String> {
        value[name].as_str().filter(|text| !text.is_empty()).map(str::to_owned)
    }

    fn time(value: &Value, name: &str) -> Option<OffsetDateTime> {
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

    impl UserLine {
        /// Of a user as GoTrue shows it.
        pub(crate) fn of(user: &Value, now: OffsetDateTime) -> Self {
            let banned = time(user, "banned_until").is_some_and(|until| until > now);
            let confirmed = ["email_confirmed_at", "phone_confirmed_at"].iter().any(|name| user[*name].is_string());
            let anonymous = user["is_anonymous"] == true;
            let name = filled(user, "email").or_else(|| filled(user, "phone").map(|phone| format!("+{phone}")));
            Self {
                id: text(user, "id"),
                name: name.unwrap_or_else(|| if anonymous { "Anonymous user".to_owned() } else { text(user, "id") }),
                state: match (banned, confirmed || anonymous) {
                    (true, _) => UserState::Banned,
                    (false, true) => UserState::Confirmed,
                    (false, false) => UserState::Unconfirmed,
                },
                created_at: time(user, "created_at").unwrap_or(OffsetDateTime::UNIX_EPOCH),
                last_sign_in_at: time(user, "last_sign_in_at"),
            }
        }
    }

    #[cfg(test)]
    mod tests {
        use serde_json::json;

        use super::*;

        #[test]
        fn users_are_named_by_what_they_have() {
            let now = OffsetDateTime::from_unix_timestamp(1_800_000_000).unwrap();
            let of = |user: Value| {
                let line = UserLine::of(&user, now);
                (line.name, line.state)
            };
            let confirmed = json!({ "email": "a@b.c", "email_confirmed_at": "2026-01-01T00:00:00Z" });
            assert_eq!(of(confirmed), ("a@b.c".to_owned(), UserState::Confirmed));
            assert_eq!(of(json!({ "email": "", "phone": "4915" })), ("+4915".to_owned(), UserState::Unconfirmed));
            assert_eq!(of(json!({ "is_anonymous": true, "email": "" })), ("Anonymous user".to_owned(), UserState::Confirmed));
            let banned = json!({ "id": "x", "banned_until": "2100-01-01T00:00:00Z" });
            assert_eq!(of(banned), ("x".to_owned(), UserState::Banned));
            assert_eq!(of(json!({ "id": "x", "banned_until": "2020-01-01T00:00:00Z" })).1, UserState::Unconfirmed);
        }

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
