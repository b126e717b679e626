//! What the page of a project's audit log is made from: what Auth answers, in words.

use serde_json::Value;
use time::OffsetDateTime;

use crate::{
    pages::auth::answers::{filled, pretty, text, time},
    snippets::percent_encode,
};

/// A page of the log.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct AuditLog {
    /// Newest first.
    pub(crate) entries: Vec<AuditLine>,
    /// Where to look on.
    pub(crate) next: Option<String>,
    /// The options of a select, made by the server.
    pub(crate) actions: String,
    /// So many entries were looked at, and there are more; where not all of them are shown.
    pub(crate) looked_at: Option<String>,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct AuditLine {
    pub(crate) at: OffsetDateTime,
    /// Who did it, and the user's id if it was one.
    pub(crate) who: String,
    pub(crate) who_id: Option<String>,
    /// What was done, as the rest of a sentence: `signed in by password`.
    pub(crate) did: String,
    /// Whom it was done to, if it was somebody else, with the id.
    pub(crate) whom: Option<(String, String)>,
    /// The action's own name.
    pub(crate) action: String,
    /// All of it, as JSON.
    pub(crate) details: String,
}

/// The actor of what an administrator does.
const NOBODY: &str = "00000000-0000-0000-0000-000000000000";

/// Actions with what a user does, and what an administrator does.
const ACTIONS: [(&str, &str, &str); 22] = [
    ("login", "signed in", "signed in"),
    ("logout", "signed out", "ended sessions of"),
    ("user_signedup", "signed up", "made the user"),
    ("user_invited", "was invited", "invited"),
    ("invite_accepted", "accepted an invitation", "accepted an invitation of"),
    ("user_confirmation_requested", "asked for a confirmation", "asked for a confirmation of"),
    ("user_repeated_signup", "signed up again", "signed up again"),
    ("user_recovery_requested", "asked for a link or code to sign in", "made a link for"),
    ("user_reauthenticate_requested", "asked for a code to reauthenticate", "asked for a code for"),
    ("user_modified", "changed their account", "changed the account of"),
    ("user_updated_password", "changed their password", "changed the password of"),
    ("user_deleted", "deleted their account", "deleted"),
    ("identity_unlinked", "unlinked an identity", "unlinked an identity of"),
    ("token_refreshed", "refreshed a session", "refreshed a session of"),
    ("token_revoked", "used up a refresh token", "revoked a token of"),
    ("factor_in_progress", "began to add a second factor", "began to add a second factor of"),
    ("factor_unenrolled", "removed a second factor", "removed a second factor of"),
    ("factor_updated", "had a second factor changed", "changed a second factor of"),
    ("factor_deleted", "had a second factor removed", "removed a second factor of"),
    ("challenge_created", "was asked for a second factor", "asked for a second factor of"),
    ("verification_attempted", "answered with a second factor", "answered with a second factor of"),
    ("mfa_code_login", "signed in by a recovery code", "signed in by a recovery code"),
];

impl AuditLog {
    /// `action` is the one that was asked for, `is_narrowed` whether anything was.
    pub(crate) fn of(log: &Value, action: &str, is_narrowed: bool) -> Self {
        let entries: Vec<AuditLine> = log["entries"].as_array().into_iter().flatten().map(AuditLine::from).collect();
        let next = filled(log, "next");
        let looked_at = crate::format::grouped(log["looked_at"].as_u64().unwrap_or_default());
        Self { looked_at: Some(looked_at).filter(|_| is_narrowed && next.is_some()), actions: options(action), entries, next }
    }
}

fn options(wanted: &str) -> String {
    let option = |value: &str, name: &str| {
        let selected = if value == wanted { " selected" } else { "" };
        format!("<option value=\"{value}\"{selected}>{name}</option>")
    };
    let named = ACTIONS.iter().map(|(action, ..)| option(action, &readable(action)));
    std::iter::once(option("", "Any action")).chain(named).collect()
}

fn readable(action: &str) -> String {
    let words = action.replace('_', " ").replace("signedup", "signed up");
    let mut letters = words.chars();
    letters.next().map(char::to_uppercase).into_iter().flatten().chain(letters).collect()
}

impl From<&Value> for AuditLine {
    fn from(entry: &Value) -> Self {
        let payload = &entry["payload"];
        let (traits, actor) = (&payload["traits"], text(payload, "actor_id"));
        let is_admin = actor == NOBODY;
        let action = text(payload, "action");
        let known = ACTIONS.iter().find(|(name, ..)| *name == action);
        let did = known.map_or_else(
            || readable(&action).to_lowercase(),
            |(_, user, admin)| (*if is_admin { admin } else { user }).to_owned(),
        );
        let by =
            filled(traits, "provider").filter(|_| matches!(action.as_str(), "login" | "identity_unlinked" | "user_signedup"));
        let username = filled(payload, "actor_username").unwrap_or_else(|| actor.clone());
        let whom = filled(traits, "user_id").filter(|id| is_admin && !id.is_empty()).map(|id| {
            let name = filled(traits, "user_email").or_else(|| filled(traits, "user_phone").map(|phone| format!("+{phone}")));
            (id.clone(), name.unwrap_or(id))
        });
        Self {
            at: time(entry, "created_at").unwrap_or(OffsetDateTime::UNIX_EPOCH),
            who: if is_admin { format!("An administrator ({username})") } else { username },
            who_id: (!is_admin && !actor.is_empty()).then(|| percent_encode(&actor)),
            did: by.map_or_else(|| did.clone(), |provider| format!("{did} ({provider})")),
            whom,
            action,
            details: pretty(entry),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn sentence(payload: Value) -> String {
        let line = AuditLine::from(&json!({ "payload": payload, "created_at": "2026-01-01T00:00:00Z" }));
        let whom = line.whom.map(|(_, name)| format!(" {name}")).unwrap_or_default();
        format!("{} {}{whom}", line.who, line.did)
    }

    #[test]
    fn entries_are_sentences() {
        let user = |action: &str, traits: Value| json!({ "actor_id": "1", "actor_username": "ann@example.com", "action": action, "traits": traits });
        let admin = |action: &str| {
            let traits = json!({ "user_id": "2", "user_email": "", "user_phone": "4915" });
            json!({ "actor_id": NOBODY, "actor_username": "service_role", "action": action, "traits": traits })
        };
        assert_eq!(sentence(user("login", json!({ "provider": "google" }))), "ann@example.com signed in (google)");
        assert_eq!(sentence(user("factor_deleted", json!({ "user_id": "1" }))), "ann@example.com had a second factor removed");
        assert_eq!(sentence(user("something_new", Value::Null)), "ann@example.com something new");
        assert_eq!(sentence(admin("user_deleted")), "An administrator (service_role) deleted +4915");
        assert_eq!(sentence(admin("logout")), "An administrator (service_role) ended sessions of +4915");
    }

    #[test]
    fn it_says_how_far_was_looked_only_where_something_may_be_left() {
        let log = json!({ "entries": [], "next": "x", "looked_at": 50_000 });
        assert_eq!(AuditLog::of(&log, "", true).looked_at.as_deref(), Some("50,000"));
        assert_eq!(AuditLog::of(&log, "", false).looked_at, None);
        let end = json!({ "entries": [], "next": null, "looked_at": 50_000 });
        assert_eq!(AuditLog::of(&end, "login", true).looked_at, None);
        assert!(AuditLog::of(&end, "login", true).actions.contains("<option value=\"login\" selected>Login</option>"));
    }
}
