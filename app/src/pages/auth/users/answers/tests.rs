use serde_json::json;

use super::*;

fn now() -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp(1_800_000_000).unwrap()
}

#[test]
fn users_are_named_by_what_they_have() {
    let of = |user: Value| {
        let line = UserLine::of(&user, now());
        (line.name, line.state)
    };
    let confirmed = json!({ "email": "a@b.c", "email_confirmed_at": "2026-01-01T00:00:00Z" });
    assert_eq!(of(confirmed), ("a@b.c".to_owned(), UserState::Confirmed));
    assert_eq!(of(json!({ "email": "", "phone": "4915" })), ("+4915".to_owned(), UserState::Waiting));
    assert_eq!(of(json!({ "is_anonymous": true, "email": "" })), ("Anonymous user".to_owned(), UserState::Anonymous));
    let banned = json!({ "id": "x", "banned_until": "2100-01-01T00:00:00Z" });
    assert_eq!(of(banned), ("x".to_owned(), UserState::Banned));
    assert_eq!(of(json!({ "id": "x", "banned_until": "2020-01-01T00:00:00Z" })).1, UserState::Waiting);
    let deleted = json!({ "email": "x9f", "deleted_at": "2026-01-01T00:00:00Z" });
    assert_eq!(of(deleted), ("Deleted user".to_owned(), UserState::Deleted));
}

#[test]
fn totals_say_how_sure_they_are() {
    let of = |total: Value| UserList::of(&json!({ "users": [], "total": total }), now()).count;
    assert_eq!(of(json!({ "count": 1, "kind": "exact" })), "1 user");
    assert_eq!(of(json!({ "count": 1_000_000, "kind": "estimate" })), "About 1,000,000 users");
    assert_eq!(of(json!({ "count": 10_000, "kind": "more_than" })), "More than 10,000 users");
    assert_eq!(of(Value::Null), "");
}

#[test]
fn devices_are_called_as_people_call_them() {
    for (user_agent, expected) in [
        (
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0 Safari/537.36 Edg/140.0",
            "Edge on Windows",
        ),
        (
            "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1 (KHTML, like Gecko) Version/18.0 Safari/604.1",
            "Safari on iPhone",
        ),
        ("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", "Firefox on Linux"),
        ("supabase-py/2.3 httpx", "supabase-py/2.3"),
        ("", "Unknown program"),
    ] {
        assert_eq!(device(user_agent), expected);
    }
}

#[test]
fn a_user_is_told_with_everything_that_there_is() {
    let entry = json!({
        "user": {
            "id": "x", "email": "ann@example.com", "phone": "4915", "email_confirmed_at": "2026-01-01T00:00:00Z",
            "app_metadata": { "providers": ["email", "github"] }, "user_metadata": { "full_name": "Ann" },
            "factors": [{ "id": "f", "factor_type": "totp", "status": "verified", "friendly_name": "Phone" }],
            "identities": [{ "identity_id": "i", "provider": "github", "id": "42", "identity_data": { "user_name": "ann" } }],
        },
        "has_password": true,
        "sessions": [{ "id": "s", "aal": "aal2", "methods": ["password", "totp"], "user_agent": null, "ip": "203.0.113.7" }],
        "passkeys": [{ "id": "p", "friendly_name": "Key" }],
    });
    let user = UserDetail::of(&entry, now());
    assert_eq!((user.line.providers.as_str(), user.line.full_name.as_deref()), ("E-mail, GitHub", Some("Ann")));
    assert_eq!((user.phone.as_str(), user.unconfirmed), ("+4915", vec!["phone"]));
    assert_eq!(user.identities[0].account, "ann");
    assert_eq!(user.sessions[0].assurance, "AAL2 by password, totp");
    let kinds: Vec<_> = user.factors.iter().map(|factor| (factor.kind.as_str(), factor.is_verified)).collect();
    assert_eq!(kinds, [("Authenticator app", true), ("Passkey", true)]);
    assert_eq!(user.user_metadata, "{\n  \"full_name\": \"Ann\"\n}");
}
