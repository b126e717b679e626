//! What Auth would have sent if there were a mail server, to be read here.

use control_plane_api::ProjectRef;
use leptos::prelude::*;

use super::{asked_for, loaded};
use crate::{
    auth_pages::{Mailbox, MessageLine, OpenMessage},
    components::{Copied, CopyButton, RelativeTime, Sheet},
    server_fns::load_mailbox,
};

/// The list, and beside it the message that the address names.
#[component]
pub(crate) fn MailboxPage() -> impl IntoView {
    let (open, before) = (asked_for("message"), asked_for("before"));
    loaded("mailbox", move |project_ref| load_mailbox(project_ref, open.clone(), before.clone()), shown)
}

fn shown(project_ref: ProjectRef, mailbox: Mailbox) -> AnyView {
    let Mailbox { messages, open, more } = mailbox;
    if messages.is_empty() {
        return view! {
            <div class="empty">
                <h2>"No messages"</h2>
                <p>
                    "Without a mail server, what this project sends to its users is kept here: confirmations, invitations, links and codes. \
                     Set up SMTP under Settings, Messages, to have it delivered."
                </p>
            </div>
        }
        .into_any();
    }
    let address = format!("/project/{project_ref}/auth/mailbox");
    let older = messages.last().filter(|_| more).map(|last| format!("{address}?before={}", last.id));
    let opened = open.as_ref().map(|open| open.line.id.clone());
    let lines = messages.into_iter().map(|line| line_of(&address, line, opened.as_deref())).collect_view();
    view! {
        <div class="mailbox" class:mailbox-open=opened.is_some()>
            <div class="mailbox-list">
                <ol class="ledger" aria-label="Messages, newest first">
                    {lines}
                </ol>
                <div class="pages">
                    <form method="post" action="/api/clear_mailbox">
                        <input type="hidden" name="project_ref" value=project_ref.to_string() />
                        <button class="button" type="submit">
                            "Empty the mailbox"
                        </button>
                    </form>
                    {older.map(|older| view! { <a class="button" href=older rel="external">"Older"</a> })}
                </div>
            </div>
            {match open {
                Some(open) => opened_message(&address, open),
                None => view! { <p class="mailbox-hint soft">"Choose a message to read it."</p> }.into_any(),
            }}
        </div>
    }
    .into_any()
}

fn line_of(address: &str, line: MessageLine, opened: Option<&str>) -> AnyView {
    let MessageLine { id, kind, recipient, subject, at } = line;
    let current = (opened == Some(id.as_str())).then_some("true");
    let subject = if subject.is_empty() { kind.clone() } else { subject };
    view! {
        <li class="message-line" data-current=current>
            <a class="ledger-name" href=format!("{address}?message={id}") rel="external" aria-current=current>
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
                                    <CopyButton what=Copied::Text(code) label="Copy code" word="" />
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
                                    <CopyButton what=Copied::Text(link) label="Copy link" word="" />
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
