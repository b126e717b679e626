//! Mails of the flows: made from the project's templates and sent by its server, or kept in its mailbox.

use serde_json::{Value, json};
use time::OffsetDateTime;
use uuid::Uuid;

use super::{
    address, hooks,
    one_time::{self, Code, check_frequency},
    undo::{Undo, send_afterwards},
};
use crate::{
    caller::Caller,
    error::{AuthError, ErrorCode},
    limits::Limited,
    message::{
        links::{self, LinkType},
        mail::{Delivered, Delivery, Mail, MailboxMessage, Sender},
        standard::{self, Variables},
        template::{Template, TemplateError},
    },
    mfa::CodeChallenge,
    model::{TokenKind, User},
    outgoing::http::Request,
    settings::{self, MailKind},
    store::{self, Db, messages::KeptMessage},
};

/// What one mail says besides what all do.
#[derive(Debug, Default)]
pub(crate) struct Content<'a> {
    pub(crate) to: &'a str,
    pub(crate) code: Option<&'a Code>,
    /// For the address that there is now, where both have to agree to a change; only the hook sends both at once.
    pub(crate) current_code: Option<&'a Code>,
    pub(crate) link: Option<LinkType>,
    pub(crate) new_email: &'a str,
    pub(crate) old_email: &'a str,
    pub(crate) old_phone: &'a str,
    pub(crate) provider: &'a str,
    pub(crate) factor_type: &'a str,
}

/// A mail that asks whether an address is the user's.
pub(crate) async fn confirmation(
    caller: &Caller,
    db: &Db,
    user: &mut User,
    challenge: Option<&CodeChallenge>,
) -> Result<(), AuthError> {
    send_code(caller, db, user, CONFIRMATION, challenge).await
}

/// An invitation of an administrator's, who may send it as often as needed.
pub(crate) async fn invite(caller: &Caller, db: &Db, user: &mut User) -> Result<(), AuthError> {
    send_code(caller, db, user, INVITE, None).await
}

/// A mail by which a user who knows no password comes in to set another.
pub(crate) async fn recovery(
    caller: &Caller,
    db: &Db,
    user: &mut User,
    challenge: Option<&CodeChallenge>,
) -> Result<(), AuthError> {
    send_code(caller, db, user, RECOVERY, challenge).await
}

/// A mail by which a user comes in without a password.
pub(crate) async fn magic_link(
    caller: &Caller,
    db: &Db,
    user: &mut User,
    challenge: Option<&CodeChallenge>,
) -> Result<(), AuthError> {
    send_code(caller, db, user, MAGIC_LINK, challenge).await
}

/// A code that shows that it is still the user who is signed in.
pub(crate) async fn reauthentication(caller: &Caller, db: &Db, user: &mut User) -> Result<(), AuthError> {
    send_code(caller, db, user, REAUTHENTICATION, None).await
}

/// Refuses a mail that a user asks for too soon after the last one with a token of the same kind.
fn check_not_too_soon(caller: &Caller, sent_at: Option<OffsetDateTime>) -> Result<(), AuthError> {
    check_frequency(sent_at, caller.live.settings.mailer.max_frequency, ErrorCode::OverEmailSendRateLimit)
}

/// Mails with a code to the user's address.
struct Sort {
    kind: MailKind,
    token: TokenKind,
    link: Option<LinkType>,
}

const CONFIRMATION: Sort = Sort { kind: MailKind::Confirmation, token: TokenKind::Confirmation, link: Some(LinkType::Signup) };
const INVITE: Sort = Sort { kind: MailKind::Invite, token: TokenKind::Confirmation, link: Some(LinkType::Invite) };
const RECOVERY: Sort = Sort { kind: MailKind::Recovery, token: TokenKind::Recovery, link: Some(LinkType::Recovery) };
const MAGIC_LINK: Sort = Sort { kind: MailKind::MagicLink, token: TokenKind::Recovery, link: Some(LinkType::Magiclink) };
const REAUTHENTICATION: Sort = Sort { kind: MailKind::Reauthentication, token: TokenKind::Reauthentication, link: None };

async fn send_code(
    caller: &Caller,
    db: &Db,
    user: &mut User,
    sort: Sort,
    challenge: Option<&CodeChallenge>,
) -> Result<(), AuthError> {
    let Sort { kind, token, link } = sort;
    if kind != MailKind::Invite {
        check_not_too_soon(caller, *user.token(token).1)?;
    }
    let to = user.email().to_owned();
    let code = code_for(caller, &to, challenge)?;
    let undo = Undo::token(user, token, &code.link);
    let now = OffsetDateTime::now_utc();
    user.token(token).0.clone_from(&code.link);
    let content = Content { to: &to, code: Some(&code), link, ..Content::default() };
    send(caller, db, user, kind, content, undo).await?;
    *user.token(token).1 = Some(now);
    if kind == MailKind::Invite {
        user.invited_at = Some(now);
    }
    store::users::update(db, user).await?;
    one_time::put(db, user, token, &code.link, &to).await
}

/// Mails to the new address and, where both have to agree, to the old one.
pub(crate) async fn email_change(
    caller: &Caller,
    db: &Db,
    user: &mut User,
    new_email: &str,
    challenge: Option<&CodeChallenge>,
) -> Result<(), AuthError> {
    check_not_too_soon(caller, user.email_change_sent_at)?;
    let mailer = &caller.live.settings.mailer;
    let current = user.email().to_owned();
    let for_new = code_for(caller, new_email, challenge)?;
    let for_current = if mailer.secure_email_change_enabled && !current.is_empty() {
        Some(code_for(caller, &current, challenge)?)
    } else {
        None
    };
    let before = user.clone();
    new_email.clone_into(&mut user.email_change);
    user.email_change_token_new.clone_from(&for_new.link);
    user.email_change_token_current = for_current.as_ref().map(|code| code.link.clone()).unwrap_or_default();
    user.email_change_confirm_status = 0;
    let content = |to, code| Content {
        to,
        code: Some(code),
        link: Some(LinkType::EmailChange),
        new_email,
        old_email: &current,
        ..Content::default()
    };
    let hooked = caller.live.settings.hooks.send_email.enabled;
    let content_of_new = Content { current_code: for_current.as_ref(), ..content(new_email, &for_new) };
    let undo = || Undo::token(&before, TokenKind::EmailChangeNew, &for_new.link);
    send(caller, db, user, MailKind::EmailChange, content_of_new, undo()).await?;
    if let Some(code) = for_current.as_ref().filter(|_| !hooked) {
        send(caller, db, user, MailKind::EmailChange, content(&current, code), undo()).await?;
    }
    user.email_change_sent_at = Some(OffsetDateTime::now_utc());
    store::users::update(db, user).await?;
    one_time::put(db, user, TokenKind::EmailChangeNew, &for_new.link, new_email).await?;
    if let Some(code) = &for_current {
        one_time::put(db, user, TokenKind::EmailChangeCurrent, &code.link, &current).await?;
    }
    Ok(())
}

/// Tells a user what was done to the account, where the project wants that. That such a mail can't be sent undoes nothing.
pub(crate) async fn notify(caller: &Caller, db: &Db, user: &User, kind: MailKind, content: Content<'_>) {
    if !caller.live.settings.mailer.notifies(kind) || content.to.is_empty() {
        return;
    }
    if let Err(error) = send(caller, db, user, kind, content, Undo::Nothing).await {
        tracing::warn!(?error, kind = kind.name(), "a notification was not sent");
    }
}

pub(crate) fn code_for(caller: &Caller, to: &str, challenge: Option<&CodeChallenge>) -> Result<Code, AuthError> {
    let mailer = &caller.live.settings.mailer;
    let digits = one_time::digits(mailer.otp_length, mailer.test_code(to, OffsetDateTime::now_utc()))?;
    Ok(Code::new(caller, to, digits, challenge))
}

/// The link of a mail.
pub(crate) fn link(caller: &Caller, kind: MailKind, link: LinkType, token_hash: &str) -> Result<String, AuthError> {
    let settings = &caller.live.settings;
    let path = settings.mailer.url_paths.get(&kind).map(String::as_str);
    let base = links::base(&settings.api.external_url, path)
        .map_err(|error| AuthError::internal("Error making the link of a mail", error))?;
    Ok(links::confirmation_url(&base, token_hash, link, &caller.redirect_to))
}

/// Refuses an address that the project sends nothing to.
pub(super) fn check_address(settings: &settings::Settings, to: &str) -> Result<(), AuthError> {
    address::check_authorized(&settings.signup.authorized_addresses, to)?;
    if settings.mailer.email_validation_extended { address::check_deliverable(to) } else { Ok(()) }
}

/// Sends a mail: through the hook; or by the mail server, once the transaction is committed; or into the mailbox, with it.
async fn send(caller: &Caller, db: &Db, user: &User, kind: MailKind, content: Content<'_>, undo: Undo) -> Result<(), AuthError> {
    let settings = &caller.live.settings;
    check_address(settings, content.to)?;
    let hooked = settings.hooks.send_email.enabled;
    // What stays in the project's own mailbox bothers nobody.
    if settings.smtp.host.is_some() || hooked {
        caller.context.count_message(db, Limited::EmailSent, settings.rate_limits.email_sent).await?;
    }
    if hooked {
        return hooks::send_email(caller, db, user, kind, &content, undo).await;
    }
    let letter = Letter::new(caller, user, kind, &content)?;
    let waits = matches!(settings.mailer.templates.get(&kind), Some(settings::Template::Url(_)));
    if settings.smtp.host.is_none() && !waits {
        return letter.deliver(caller, Some(db)).await;
    }
    let sender = caller.clone();
    send_afterwards(caller, db, undo, async move { letter.deliver(&sender, None).await });
    Ok(())
}

/// Has the client wait for the mail server, once the transaction is committed, as if it were given a confirmation. What it would say
/// of a server that takes no mail is said, too.
pub(crate) fn rehearse(caller: &Caller, db: &Db) {
    let Delivery::Smtp(smtp) = &caller.live.delivery else { return };
    if caller.live.settings.hooks.send_email.enabled {
        return;
    }
    let smtp = smtp.clone();
    db.afterwards(async move { smtp.check().await.map_err(|error| not_sent(MailKind::Confirmation, &error)) });
}

fn not_sent(kind: MailKind, error: &dyn std::fmt::Display) -> AuthError {
    AuthError::internal(format!("Error sending {} email", kind.name().replace('_', " ")), error)
}

/// A mail that is to be written.
struct Letter {
    kind: MailKind,
    user_id: Uuid,
    to: String,
    variables: Value,
}

impl Letter {
    fn new(caller: &Caller, user: &User, kind: MailKind, content: &Content<'_>) -> Result<Self, AuthError> {
        let variables = Variables {
            confirmation_url: match (content.link, content.code) {
                (Some(of), Some(code)) => link(caller, kind, of, &code.link)?,
                _ => String::new(),
            },
            site_url: caller.live.settings.api.site_url.clone(),
            redirect_to: caller.redirect_to.clone(),
            token: content.code.map(|code| code.digits.clone()).unwrap_or_default(),
            token_hash: content.code.map(|code| code.link.clone()).unwrap_or_default(),
            email: user.email().to_owned(),
            new_email: content.new_email.to_owned(),
            old_email: content.old_email.to_owned(),
            sending_to: content.to.to_owned(),
            phone: user.phone().to_owned(),
            old_phone: content.old_phone.to_owned(),
            provider: content.provider.to_owned(),
            factor_type: content.factor_type.to_owned(),
            data: Value::Object(user.user_metadata.clone()),
        };
        Ok(Self { kind, user_id: user.id, to: content.to.to_owned(), variables: variables.into() })
    }

    fn failed(&self, error: &dyn std::fmt::Display) -> AuthError {
        not_sent(self.kind, error)
    }

    /// `db`: where the mailbox is written, unless by a connection of its own.
    async fn deliver(&self, caller: &Caller, db: Option<&Db>) -> Result<(), AuthError> {
        let mail = self.write(caller).await?;
        match caller.live.delivery.deliver(&mail).await.map_err(|error| self.failed(&error))? {
            Delivered::Sent(_) => Ok(()),
            Delivered::Keep(kept) => match db {
                Some(db) => self.keep(db, &kept).await,
                None => self.keep(&caller.db().await?, &kept).await,
            },
        }
    }

    async fn write(&self, caller: &Caller) -> Result<Mail, AuthError> {
        let settings = &caller.live.settings;
        let subject = settings.mailer.subjects.get(&self.kind).map_or(standard::subject(self.kind), String::as_str);
        let body = match settings.mailer.templates.get(&self.kind) {
            Some(settings::Template::Body(body)) => body.clone(),
            Some(settings::Template::Url(url)) => template_at(caller, url).await.unwrap_or_else(|error| {
                tracing::warn!(%error, url, "a mail's template can't be had; the standard one is sent");
                standard::content(self.kind).to_owned()
            }),
            None => standard::content(self.kind).to_owned(),
        };
        let own_subject = filled_subject(subject, &self.variables);
        let own_body = filled_body(&body, &self.variables);
        Ok(Mail {
            from: sender(settings),
            to: self.to.clone(),
            subject: self.or_standard(own_subject, || filled_subject(standard::subject(self.kind), &self.variables))?,
            html: self.or_standard(own_body, || filled_body(standard::content(self.kind), &self.variables))?,
            headers: settings
                .smtp
                .headers
                .iter()
                .flat_map(|(name, values)| values.iter().map(|value| (name.clone(), value.clone())))
                .collect(),
        })
    }

    /// What the project's own template made or, where that can't be filled in, the standard one: a slip in a template keeps nobody out.
    fn or_standard(
        &self,
        own: Result<String, TemplateError>,
        standard: impl FnOnce() -> Result<String, TemplateError>,
    ) -> Result<String, AuthError> {
        let own = own.inspect_err(|error| {
            tracing::warn!(mail = self.kind.name(), %error, "a mail's template can't be filled in; the standard one is sent");
        });
        own.or_else(|_| standard()).map_err(|error| self.failed(&error))
    }

    async fn keep(&self, db: &Db, kept: &MailboxMessage) -> Result<(), AuthError> {
        let data = json!({
            "link": self.variables["ConfirmationURL"],
            "token": self.variables["Token"],
            "token_hash": self.variables["TokenHash"],
        });
        keep(db, Some(self.user_id), self.kind.name(), kept, data).await
    }
}

/// A subject with its variables filled in.
pub(super) fn filled_subject(template: &str, variables: &Value) -> Result<String, TemplateError> {
    Template::parse(template).and_then(|template| template.text(variables))
}

/// A body with its variables filled in.
pub(super) fn filled_body(template: &str, variables: &Value) -> Result<String, TemplateError> {
    Template::parse(template).and_then(|template| template.html(variables))
}

/// Puts a mail into the mailbox. `data` is what it was made from.
pub(super) async fn keep(
    db: &Db,
    user_id: Option<Uuid>,
    kind: &str,
    kept: &MailboxMessage,
    mut data: Value,
) -> Result<(), AuthError> {
    data["text"] = kept.text.clone().into();
    let message = KeptMessage {
        user_id,
        channel: "email",
        kind,
        recipient: &kept.to,
        subject: &kept.subject,
        body: &kept.html,
        data: &data,
    };
    Ok(store::messages::insert(db, &message).await?)
}

/// The project's sender; for the mailbox any will do.
pub(super) fn sender(settings: &settings::Settings) -> Sender {
    let address = match settings.smtp.admin_email.as_str() {
        "" => "noreply@localhost".to_owned(),
        address => address.to_owned(),
    };
    Sender { name: settings.smtp.sender_name.clone(), address }
}

async fn template_at(caller: &Caller, url: &str) -> Result<String, String> {
    let answer = caller.context.http().send(Request::get(url)).await.map_err(|error| error.to_string())?;
    // What a server says of a file that is not there is no template.
    if !answer.status.is_success() {
        return Err(format!("the answer has the status {}", answer.status));
    }
    Ok(String::from_utf8_lossy(&answer.body).into_owned())
}
