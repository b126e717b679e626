//! What the pages about a project's users are made from: what Auth answers, in words.

use serde_json::Value;
use time::OffsetDateTime;

use crate::pages::auth::answers::{filled, pretty, text, time};

/// A page of users.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct UserList {
    pub(crate) users: Vec<UserLine>,
    /// Cursors of the pages before and after.
    pub(crate) previous: Option<String>,
    pub(crate) next: Option<String>,
    /// How many are meant on all pages; empty where that is not known.
    pub(crate) count: String,
    /// Only beginnings were searched, because there are many users.
    pub(crate) by_beginning: bool,
    /// Ways in that anybody has, as the list is told of them and as people call them.
    pub(crate) providers: Vec<(String, String)>,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct UserLine {
    pub(crate) id: String,
    /// Address or number, or what there is instead.
    pub(crate) name: String,
    /// What the user is called besides.
    pub(crate) full_name: Option<String>,
    pub(crate) state: UserState,
    /// Ways in, with commas.
    pub(crate) providers: String,
    pub(crate) created_at: Option<OffsetDateTime>,
    pub(crate) last_sign_in_at: Option<OffsetDateTime>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum UserState {
    Confirmed,
    Waiting,
    Anonymous,
    Banned,
    /// Softly: the row is left.
    Deleted,
}

/// One user, with everything that is the user's.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct UserDetail {
    pub(crate) line: UserLine,
    /// What has to be typed to delete the user.
    pub(crate) to_type: String,
    pub(crate) email: String,
    /// With its `+`.
    pub(crate) phone: String,
    pub(crate) facts: Vec<Fact>,
    /// What could be confirmed: `email`, `phone`.
    pub(crate) unconfirmed: Vec<&'static str>,
    pub(crate) banned_until: Option<OffsetDateTime>,
    pub(crate) has_password: bool,
    pub(crate) identities: Vec<IdentityLine>,
    /// Newest first.
    pub(crate) sessions: Vec<SessionLine>,
    pub(crate) more_sessions: bool,
    pub(crate) factors: Vec<FactorLine>,
    /// JSON, to be read by people.
    pub(crate) user_metadata: String,
    pub(crate) app_metadata: String,
}

/// Something about a user: a text, or a time.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Fact {
    pub(crate) label: &'static str,
    pub(crate) text: String,
    pub(crate) at: Option<OffsetDateTime>,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct IdentityLine {
    pub(crate) id: String,
    pub(crate) provider: String,
    /// Who the user is there.
    pub(crate) account: String,
    pub(crate) last_sign_in_at: Option<OffsetDateTime>,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct SessionLine {
    pub(crate) id: String,
    /// `Firefox on Windows`
    pub(crate) device: String,
    pub(crate) user_agent: String,
    pub(crate) address: String,
    /// `AAL1 by password`
    pub(crate) assurance: String,
    pub(crate) created_at: Option<OffsetDateTime>,
    pub(crate) refreshed_at: Option<OffsetDateTime>,
}

/// A second factor, or a passkey.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct FactorLine {
    pub(crate) id: String,
    pub(crate) is_passkey: bool,
    /// `Authenticator app`
    pub(crate) kind: String,
    pub(crate) name: String,
    pub(crate) is_verified: bool,
    pub(crate) created_at: Option<OffsetDateTime>,
}

/// Names that several users have.
const DELETED: &str = "Deleted user";
const ANONYMOUS: &str = "Anonymous user";

fn members<'a>(value: &'a Value, name: &str) -> impl Iterator<Item = &'a Value> {
    value[name].as_array().into_iter().flatten()
}

/// What people call a way in.
fn provider_name(provider: &str) -> String {
    match provider {
        "email" => "E-mail".to_owned(),
        "github" => "GitHub".to_owned(),
        "gitlab" => "GitLab".to_owned(),
        "linkedin" | "linkedin_oidc" => "LinkedIn".to_owned(),
        "slack_oidc" => "Slack".to_owned(),
        "workos" => "WorkOS".to_owned(),
        "x" => "X".to_owned(),
        other if other.starts_with("sso:") => "Single sign-on".to_owned(),
        other => {
            let mut letters = other.chars();
            letters.next().map(char::to_uppercase).into_iter().flatten().chain(letters).collect()
        }
    }
}

impl UserList {
    pub(crate) fn of(listed: &Value, now: OffsetDateTime) -> Self {
        let total = &listed["total"];
        let number = crate::format::grouped(total["count"].as_u64().unwrap_or_default());
        let users = if total["count"] == 1 { "user" } else { "users" };
        Self {
            users: members(listed, "users").map(|user| UserLine::of(user, now)).collect(),
            previous: filled(listed, "previous"),
            next: filled(listed, "next"),
            count: match total["kind"].as_str() {
                Some("exact") => format!("{number} {users}"),
                Some("estimate") => format!("About {number} {users}"),
                Some("more_than") => format!("More than {number} {users}"),
                Some(_) | None => String::new(),
            },
            by_beginning: listed["match"] == "beginning",
            providers: members(listed, "providers")
                .filter_map(Value::as_str)
                .map(|provider| (provider.to_owned(), provider_name(provider)))
                .collect(),
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
        let id = text(user, "id");
        let providers = members(&user["app_metadata"], "providers").filter_map(Value::as_str).map(provider_name);
        let names = ["full_name", "name", "display_name"];
        Self {
            name: match name {
                _ if user["deleted_at"].is_string() => DELETED.to_owned(),
                Some(name) => name,
                None if anonymous => ANONYMOUS.to_owned(),
                None => id.clone(),
            },
            full_name: names.iter().find_map(|name| filled(&user["user_metadata"], name)),
            state: if user["deleted_at"].is_string() {
                UserState::Deleted
            } else if banned {
                UserState::Banned
            } else if anonymous {
                UserState::Anonymous
            } else if confirmed {
                UserState::Confirmed
            } else {
                UserState::Waiting
            },
            providers: providers.collect::<Vec<_>>().join(", "),
            created_at: time(user, "created_at"),
            last_sign_in_at: time(user, "last_sign_in_at"),
            id,
        }
    }
}

/// What has to be typed to delete a user: what the page calls the user, or the id where others are called the same.
pub(crate) fn to_type(user: &Value) -> String {
    let line = UserLine::of(user, OffsetDateTime::UNIX_EPOCH);
    if matches!(line.name.as_str(), DELETED | ANONYMOUS) { line.id } else { line.name }
}

impl UserDetail {
    /// Of an entry of the directory.
    pub(crate) fn of(entry: &Value, now: OffsetDateTime) -> Self {
        let user = &entry["user"];
        let has_password = entry["has_password"] == true;
        let phone = filled(user, "phone").map(|phone| format!("+{phone}")).unwrap_or_default();
        let unconfirmed = [("email", "email_confirmed_at"), ("phone", "phone_confirmed_at")]
            .into_iter()
            .filter(|(name, at)| filled(user, name).is_some() && !user[*at].is_string())
            .map(|(name, _)| name);
        let factors = members(user, "factors").map(FactorLine::of_factor);
        Self {
            facts: facts(user, has_password),
            unconfirmed: unconfirmed.collect(),
            banned_until: time(user, "banned_until").filter(|until| *until > now),
            has_password,
            identities: members(user, "identities").map(IdentityLine::from).collect(),
            sessions: members(entry, "sessions").map(SessionLine::from).collect(),
            more_sessions: entry["more_sessions"] == true,
            factors: factors.chain(members(entry, "passkeys").map(FactorLine::of_passkey)).collect(),
            user_metadata: pretty(&user["user_metadata"]),
            app_metadata: pretty(&user["app_metadata"]),
            to_type: to_type(user),
            email: text(user, "email"),
            phone,
            line: UserLine::of(user, now),
        }
    }
}

fn facts(user: &Value, has_password: bool) -> Vec<Fact> {
    let said = |label: &'static str, text: String| Fact { label, text, at: None };
    let at = |label: &'static str, name: &str| time(user, name).map(|at| Fact { label, text: String::new(), at: Some(at) });
    let mut facts = vec![said("Id", text(user, "id"))];
    facts.extend(filled(user, "email").map(|email| said("E-mail", email)));
    facts.extend(at("E-mail confirmed", "email_confirmed_at"));
    facts.extend(filled(user, "new_email").map(|email| said("Wants to change to", email)));
    facts.extend(filled(user, "phone").map(|phone| said("Phone", format!("+{phone}"))));
    facts.extend(at("Phone confirmed", "phone_confirmed_at"));
    facts.extend(filled(user, "new_phone").map(|phone| said("Wants to change to", format!("+{phone}"))));
    facts.push(said("Password", if has_password { "Set" } else { "None" }.to_owned()));
    facts.push(said("Role", text(user, "role")));
    for (label, name) in [
        ("Created", "created_at"),
        ("Invited", "invited_at"),
        ("Confirmation sent", "confirmation_sent_at"),
        ("Recovery sent", "recovery_sent_at"),
        ("Last sign-in", "last_sign_in_at"),
        ("Changed", "updated_at"),
        ("Deleted", "deleted_at"),
    ] {
        facts.extend(at(label, name));
    }
    facts
}

impl From<&Value> for IdentityLine {
    fn from(identity: &Value) -> Self {
        let data = &identity["identity_data"];
        let names = ["email", "preferred_username", "user_name", "name"];
        let account = names.iter().find_map(|name| filled(data, name));
        let account = account.or_else(|| filled(data, "phone").map(|phone| format!("+{phone}")));
        Self {
            id: text(identity, "identity_id"),
            provider: provider_name(&text(identity, "provider")),
            account: account.unwrap_or_else(|| text(identity, "id")),
            last_sign_in_at: time(identity, "last_sign_in_at"),
        }
    }
}

impl From<&Value> for SessionLine {
    fn from(session: &Value) -> Self {
        let user_agent = text(session, "user_agent");
        let methods: Vec<_> =
            members(session, "methods").filter_map(Value::as_str).map(|method| method.replace('_', " ")).collect();
        let aal = text(session, "aal").to_uppercase();
        Self {
            id: text(session, "id"),
            device: device(&user_agent),
            user_agent,
            address: text(session, "ip"),
            assurance: if methods.is_empty() { aal } else { format!("{aal} by {}", methods.join(", ")) },
            created_at: time(session, "created_at"),
            refreshed_at: time(session, "refreshed_at"),
        }
    }
}

/// What a person would call the program and its system; its own first word where it is no browser.
fn device(user_agent: &str) -> String {
    // A browser also says that it is those that came before it.
    const BROWSERS: [(&str, &str); 7] = [
        ("Edg", "Edge"),
        ("OPR/", "Opera"),
        ("SamsungBrowser/", "Samsung Internet"),
        ("Firefox/", "Firefox"),
        ("CriOS/", "Chrome"),
        ("Chrome/", "Chrome"),
        ("Safari/", "Safari"),
    ];
    const SYSTEMS: [(&str, &str); 7] = [
        ("Windows", "Windows"),
        ("Android", "Android"),
        ("iPhone", "iPhone"),
        ("iPad", "iPad"),
        ("Mac OS X", "macOS"),
        ("CrOS", "ChromeOS"),
        ("Linux", "Linux"),
    ];
    let found = |names: &[(&str, &'static str)]| names.iter().find(|(sign, _)| user_agent.contains(sign)).map(|(_, name)| *name);
    match (found(&BROWSERS), found(&SYSTEMS)) {
        (Some(browser), Some(system)) => format!("{browser} on {system}"),
        (Some(browser), None) => browser.to_owned(),
        (None, _) => user_agent.split_whitespace().next().unwrap_or("Unknown program").to_owned(),
    }
}

impl FactorLine {
    fn of_factor(factor: &Value) -> Self {
        let kind = match factor["factor_type"].as_str() {
            Some("totp") => "Authenticator app",
            Some("phone") => "Phone",
            Some(_) | None => "Security key",
        };
        let name = filled(factor, "friendly_name").or_else(|| filled(factor, "phone").map(|phone| format!("+{phone}")));
        Self {
            id: text(factor, "id"),
            is_passkey: false,
            kind: kind.to_owned(),
            name: name.unwrap_or_default(),
            is_verified: factor["status"] == "verified",
            created_at: time(factor, "created_at"),
        }
    }

    fn of_passkey(passkey: &Value) -> Self {
        Self {
            id: text(passkey, "id"),
            is_passkey: true,
            kind: "Passkey".to_owned(),
            name: text(passkey, "friendly_name"),
            is_verified: true,
            created_at: time(passkey, "created_at"),
        }
    }
}

#[cfg(test)]
mod tests;
