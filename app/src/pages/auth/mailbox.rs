//! What Auth would have sent if there were a mail server, to be read here.

use control_plane::Error;
use leptos::prelude::*;
use serde_json::Value;
use time::OffsetDateTime;

use super::{
    answers::{filled, text, time},
    load::Content,
    markup,
    visit::{Visit, query_of},
};
use crate::{
    components::{RelativeTime, Sheet},
    server_fns::ClearMailbox,
    shell::allow_styles_of_mails,
    snippets::percent_encode,
    submission::Submission,
};

/// Messages on one page.
const PAGE: usize = 50;

struct MessageLine {
    id: String,
    kind: String,
    recipient: String,
    subject: String,
    at: OffsetDateTime,
}

struct OpenMessage {
    line: MessageLine,
    link: Option<String>,
    code: Option<String>,
    /// Of a mail; a document of its own.
    html: Option<String>,
    text: String,
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

/// The newest messages, or those before the one that the address names; beside them the one that it says to open.
pub(super) async fn page(visit: &Visit) -> Result<Content, Error> {
    let before = visit.asked_for("before").unwrap_or_default();
    let path = format!("/admin/messages?{}", query_of(&[("limit", &(PAGE + 1).to_string()), ("before", &before)]));
    let listed = visit.ask(&path).await?;
    let mut messages: Vec<MessageLine> = listed["messages"].as_array().into_iter().flatten().map(MessageLine::from).collect();
    let more = messages.len() > PAGE;
    messages.truncate(PAGE);
    let open = match visit.asked_for("message") {
        Some(id) => Opened::of(visit.ask(&format!("/admin/messages/{}", percent_encode(&id))).await),
        None => Opened::None,
    };
    if matches!(open, Opened::Mail(_)) {
        allow_styles_of_mails();
    }
    Ok(Content::new("Mailbox", shown(visit, messages, open, more)))
}

/// The message that the address names.
enum Opened {
    None,
    Gone,
    Mail(Box<OpenMessage>),
}

impl Opened {
    fn of(answer: Result<Value, Error>) -> Self {
        answer.map_or(Self::Gone, |message| Self::Mail(Box::new(OpenMessage::from(&message))))
    }
}

fn shown(visit: &Visit, messages: Vec<MessageLine>, open: Opened, more: bool) -> AnyView {
    let address = visit.address("mailbox");
    let before = visit.asked_for("before");
    if messages.is_empty() && before.is_none() {
        let set_up = markup::button_to(visit.address("settings/messages#smtp"), "Set up a mail server");
        return markup::empty("No messages", NOTHING_KEPT, set_up);
    }
    let older = messages.last().filter(|_| more).map(|last| format!("{address}?before={}", last.id));
    let newest = before.is_some().then(|| address.clone());
    let opened = match &open {
        Opened::Mail(open) => Some(open.line.id.clone()),
        Opened::None | Opened::Gone => None,
    };
    let lines = messages.into_iter().map(|line| line_of(&address, before.as_deref(), line, opened.as_deref())).collect_view();
    view! {
        <div class="mailbox" class:mailbox-open=opened.is_some()>
            <div class="mailbox-list">
                <ol class="ledger" aria-label="Messages, newest first">
                    {lines}
                </ol>
                <nav class="pages" aria-label="Pages">
                    {newest.map(|newest| markup::button_to(newest, "Newest"))} {older.map(|older| markup::button_to(older, "Older"))}
                </nav>
                {clear(visit)}
            </div>
            {match open {
                Opened::Mail(open) => opened_message(&address, *open),
                Opened::Gone => view! { <p class="mailbox-hint" role="status">"This message is no longer kept."</p> }.into_any(),
                Opened::None => view! { <p class="mailbox-hint soft">"Choose a message to read it."</p> }.into_any(),
            }}
        </div>
    }
    .into_any()
}

/// Said where nothing is kept.
const NOTHING_KEPT: &str = "Without a mail server, what this project sends to its users is kept here: confirmations, invitations, links \
                            and codes.";

fn clear(visit: &Visit) -> AnyView {
    let submission = Submission::to::<ClearMailbox>();
    let form = view! {
        <form method="post" action=submission.url>
            {markup::hidden("project_ref", visit.project_ref())}
            <button class="button button-danger" type="submit">
                "Empty the mailbox"
            </button>
        </form>
    };
    let asked = "Links and codes that nobody has read are gone then.";
    view! {
        {markup::refused([submission])}
        {markup::ask_first(asked, "Empty the mailbox…", "Empty the mailbox…".to_owned(), form.into_any())}
    }
    .into_any()
}

fn line_of(address: &str, before: Option<&str>, line: MessageLine, opened: Option<&str>) -> AnyView {
    let MessageLine { id, kind, recipient, subject, at } = line;
    let current = (opened == Some(id.as_str())).then_some("true");
    let href = format!("{address}?{}", query_of(&[("message", &id), ("before", before.unwrap_or_default())]));
    let subject = if subject.is_empty() { kind.clone() } else { subject };
    view! {
        <li class="message-line" data-current=current>
            <a class="ledger-name" href=href rel="external" aria-current=current>
                {subject}
            </a>
            <span class="text-sm soft">
                <RelativeTime at />
            </span>
            <span class="text-sm wrap-anywhere">{recipient}</span>
            <span class="text-sm soft">{kind}</span>
        </li>
    }
    .into_any()
}

fn opened_message(address: &str, message: OpenMessage) -> AnyView {
    let OpenMessage { line, link, code, html, text } = message;
    let title = format!("Message to {}", line.recipient);
    view! {
        <div class="mailbox-message">
            <a class="mailbox-back" href=address.to_owned() rel="external">
                "All messages"
            </a>
            <Sheet id="message" title="Message">
                <div class="sheet-body message-head">
                    <h3>{line.subject}</h3>
                    <p class="text-sm soft wrap-anywhere">"To " {line.recipient} ", " <RelativeTime at=line.at /></p>
                    {code
                        .map(|code| {
                            view! {
                                <p class="message-fact">
                                    <span class="label">"Code"</span>
                                    <code>{code.clone()}</code>
                                    {markup::copy(code, "Copy code")}
                                </p>
                            }
                        })}
                    {link
                        .map(|link| {
                            view! {
                                <p class="message-fact">
                                    <span class="label">"Link"</span>
                                    <a class="wrap-anywhere" href=link.clone() target="_blank" rel="noopener noreferrer">
                                        {link.clone()}
                                    </a>
                                    {markup::copy(link, "Copy link")}
                                </p>
                            }
                        })}
                </div>
                {match html {
                    // Nothing in it runs, is loaded or leads anywhere.
                    Some(html) => view! { <iframe class="message-body" sandbox="" srcdoc=html title=title></iframe> }.into_any(),
                    None => view! { <p class="sheet-body message-text">{text}</p> }.into_any(),
                }}
            </Sheet>
        </div>
    }
    .into_any()
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
