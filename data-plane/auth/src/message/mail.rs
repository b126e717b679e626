//! A mail: what it is made of, and its form on the wire. Nothing in it can add a header or a recipient.

use std::str::FromStr as _;
use std::time::SystemTime;

use lettre::message::header::{HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPart};
use lettre::{Address, Message};
use uuid::Uuid;

use super::smtp::{Smtp, SmtpError};

/// Enough for every template, and less than what servers take.
const MAX_BODY: usize = 4 * 1024 * 1024;

/// Written by us; settings add others.
const OURS: [&str; 13] = [
    "from",
    "to",
    "cc",
    "bcc",
    "subject",
    "date",
    "sender",
    "reply-to",
    "message-id",
    "mime-version",
    "content-type",
    "content-transfer-encoding",
    "return-path",
];

/// Whom a mail is from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sender {
    pub name: String,
    pub address: String,
}

/// A mail to one address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mail {
    pub from: Sender,
    pub to: String,
    pub subject: String,
    pub html: String,
    /// Beside the usual ones, as `GOTRUE_SMTP_HEADERS` has them.
    pub headers: Vec<(String, String)>,
}

/// What the built-in mailbox keeps of a mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MailboxMessage {
    pub id: Uuid,
    pub from: Sender,
    pub to: String,
    pub subject: String,
    pub html: String,
    pub text: String,
    pub headers: Vec<(String, String)>,
}

/// Where mail goes.
#[derive(Debug, Clone)]
pub enum Delivery {
    Smtp(Smtp),
    /// The project has no mail server: mail is kept in the project.
    Mailbox,
}

/// What has become of a mail.
#[derive(Debug, PartialEq, Eq)]
pub enum Delivered {
    /// A server took it, with this `Message-ID`.
    Sent(String),
    /// It is still to be kept.
    Keep(Box<MailboxMessage>),
}

#[derive(Debug, thiserror::Error)]
pub enum MailError {
    #[error("the sender's address {0:?} is none; correct it in the SMTP settings")]
    From(String),
    #[error("the address {0:?} is none")]
    To(String),
    #[error("the header {0:?} can't be set; choose another name and a value of one line")]
    Header(String),
    #[error("the mail has {0} bytes, more than {MAX_BODY}; shorten its template")]
    Size(usize),
    #[error("the mail could not be written")]
    Written(#[source] lettre::error::Error),
    #[error(transparent)]
    Smtp(#[from] SmtpError),
}

impl Delivery {
    /// Sends a mail, or hands it back checked for the mailbox.
    pub async fn deliver(&self, mail: &Mail) -> Result<Delivered, MailError> {
        match self {
            Self::Smtp(smtp) => {
                let (message, id) = mail.message()?;
                smtp.send(&message).await?;
                Ok(Delivered::Sent(id))
            }
            Self::Mailbox => {
                mail.message()?;
                Ok(Delivered::Keep(Box::new(MailboxMessage {
                    id: Uuid::new_v4(),
                    from: mail.from.clone(),
                    to: mail.to.clone(),
                    subject: one_line(&mail.subject),
                    html: mail.html.clone(),
                    text: text_of(&mail.html),
                    headers: mail.headers.clone(),
                })))
            }
        }
    }
}

impl Mail {
    /// What the dashboard's "send a test mail" sends.
    pub fn test(from: Sender, to: String) -> Self {
        Self {
            from,
            to,
            subject: "A test of your SMTP settings".to_owned(),
            html: "<p>Your SMTP settings work: this mail arrived.</p>".to_owned(),
            headers: Vec::new(),
        }
    }

    /// The mail as MIME, and its `Message-ID`.
    pub(super) fn message(&self) -> Result<(Message, String), MailError> {
        if self.html.len() > MAX_BODY {
            return Err(MailError::Size(self.html.len()));
        }
        let from = address(&self.from.address).ok_or_else(|| MailError::From(self.from.address.clone()))?;
        let to = address(&self.to).ok_or_else(|| MailError::To(self.to.clone()))?;
        let id = format!("<{}@{}>", Uuid::new_v4(), from.domain());
        let name = Some(one_line(&self.from.name)).filter(|name| !name.is_empty());
        let mut builder = Message::builder()
            .from(Mailbox::new(name, from))
            .to(Mailbox::new(None, to))
            .subject(one_line(&self.subject))
            .date(SystemTime::now())
            .message_id(Some(id.clone()));
        for (name, value) in &self.headers {
            builder = builder.raw_header(header(name, value).ok_or_else(|| MailError::Header(name.clone()))?);
        }
        let body = MultiPart::alternative_plain_html(text_of(&self.html), self.html.clone());
        Ok((builder.multipart(body).map_err(MailError::Written)?, id))
    }
}

/// An address of a mailbox alone: no name, no list, no line's end.
fn address(text: &str) -> Option<Address> {
    if text.len() > 320 || text.contains(|c: char| c.is_control() || c.is_whitespace()) {
        return None;
    }
    Address::from_str(text).ok()
}

fn header(name: &str, value: &str) -> Option<HeaderValue> {
    let named = !name.is_empty() && name.len() < 64 && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    let ours = OURS.iter().any(|ours| name.eq_ignore_ascii_case(ours));
    if !named || ours || value.contains(char::is_control) {
        return None;
    }
    let name = HeaderName::new_from_ascii(name.to_owned()).ok()?;
    Some(HeaderValue::new(name, value.to_owned()))
}

/// A template's text may span lines, a header may not.
fn one_line(text: &str) -> String {
    text.split(|c: char| c.is_control() || c.is_whitespace()).filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
}

/// The alternative for readers without HTML.
fn text_of(html: &str) -> String {
    nanohtml2text::html2text(html).trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::{Delivered, Delivery, Mail, MailError, Sender};

    fn mail() -> Mail {
        Mail {
            from: Sender { name: "Jörg, \"Co\"".to_owned(), address: "no-reply@a.test".to_owned() },
            to: "jo@b.test".to_owned(),
            subject: "Hällo".to_owned(),
            html: "<h2>Hi &amp; welcome</h2><p><a href=\"https://a.test/verify?a=1&amp;b=2\">Confirm</a></p>".to_owned(),
            headers: vec![("X-Type".to_owned(), "signup".to_owned())],
        }
    }

    fn written(mail: &Mail) -> String {
        String::from_utf8(mail.message().unwrap().0.formatted()).unwrap()
    }

    #[test]
    fn is_written_with_both_bodies() {
        let (message, id) = mail().message().unwrap();
        let text = String::from_utf8(message.formatted()).unwrap();
        assert!(text.contains(&format!("Message-ID: {id}\r\n")), "{text}");
        assert!(id.ends_with("@a.test>"));
        for part in
            ["To: jo@b.test\r\n", "X-Type: signup\r\n", "multipart/alternative", "text/plain", "text/html", "MIME-Version: 1.0"]
        {
            assert!(text.contains(part), "{part} in {text}");
        }
        assert_ne!(id, mail().message().unwrap().1);
        assert_eq!(message.envelope().to().len(), 1);
    }

    #[tokio::test]
    async fn the_mailbox_keeps_what_can_be_read() {
        let Delivered::Keep(kept) = Delivery::Mailbox.deliver(&mail()).await.unwrap() else { panic!("not kept") };
        assert_eq!(kept.subject, "Hällo");
        assert!(kept.text.contains("Hi & welcome") && kept.text.contains("https://a.test/verify?a=1&b=2"), "{}", kept.text);
    }

    #[test]
    fn text_of_users_adds_no_header() {
        let evil = "a\r\nBcc: evil@c.test\r\n\r\nbody".to_owned();
        let from = Sender { name: evil.clone(), ..mail().from };
        let text = written(&Mail { subject: evil.clone(), from, ..mail() });
        assert!(!text.lines().any(|line| line.to_lowercase().starts_with("bcc:")), "{text}");
        for to in [
            evil.as_str(),
            "a@b.test\r\nBcc: c@d.test",
            "a@b.test, c@d.test",
            "a@b.test c@d.test",
            "Jo <a@b.test>",
            "a",
            "",
            "a@b\0.test",
        ] {
            let error = Mail { to: to.to_owned(), ..mail() }.message().unwrap_err();
            assert!(matches!(error, MailError::To(_)), "{to:?}");
        }
        let from = Sender { address: evil.clone(), ..mail().from };
        assert!(matches!(Mail { from, ..mail() }.message(), Err(MailError::From(_))));
        for (name, value) in
            [("X-A", evil.as_str()), ("X-A\r\nBcc", "b"), ("Bcc", "c@d.test"), ("to", "c@d.test"), ("X A", "b"), ("", "b")]
        {
            let headers = vec![(name.to_owned(), value.to_owned())];
            assert!(matches!(Mail { headers, ..mail() }.message(), Err(MailError::Header(_))), "{name:?}");
        }
    }

    #[test]
    fn a_subject_of_several_lines_becomes_one() {
        let text = written(&Mail { subject: "\n  Confirm\n\tyour  signup\n".to_owned(), ..mail() });
        assert!(text.contains("Subject: Confirm your signup\r\n"), "{text}");
    }
}
