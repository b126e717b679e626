//! From a provider's document to the claims that are stored.

use serde_json::{Map, Value, json};

use super::{
    Email, Profile, ProviderError,
    description::{Custom, Emails, Field, List, Mapping, Verified},
};

/// Claims of the protocol, which are not custom: RFC 7519, OpenID Connect Core 1.0 (2, 5.1) and what Microsoft adds for itself.
const OF_THE_PROTOCOL: &[&str] = &[
    "iss",
    "sub",
    "aud",
    "exp",
    "iat",
    "nbf",
    "jti",
    "azp",
    "nonce",
    "at_hash",
    "c_hash",
    "auth_time",
    "acr",
    "amr",
    "sid",
    "name",
    "given_name",
    "family_name",
    "middle_name",
    "nickname",
    "preferred_username",
    "profile",
    "picture",
    "website",
    "email",
    "email_verified",
    "gender",
    "birthdate",
    "zoneinfo",
    "locale",
    "phone_number",
    "phone_number_verified",
    "address",
    "updated_at",
    "aio",
    "rh",
    "uti",
    "ver",
    "xms_edov",
];

/// The profile that a document gives.
///
/// # Errors
/// It names no user.
pub(super) fn read(mapping: &Mapping, issuer: &str, document: &Value) -> Result<Profile, ProviderError> {
    let subject = value(&mapping.subject, document).and_then(|id| text(&id)).ok_or(ProviderError::NoSubject)?;
    let mut claims = Map::new();
    for (claim, field) in mapping.claims {
        if let Some(value) = value(field, document) {
            claims.insert((*claim).to_owned(), value);
        }
    }
    let custom = custom(&mapping.custom, document);
    if !custom.is_empty() {
        claims.insert("custom_claims".to_owned(), Value::Object(custom));
    }
    let issuer = match document.get("iss").and_then(Value::as_str) {
        Some(of_document) if issuer.is_empty() => of_document,
        _ => issuer,
    };
    Ok(profile(subject, issuer, emails(&mapping.emails, document), claims))
}

/// A profile with the claims that all have.
pub(super) fn profile(subject: String, issuer: &str, emails: Vec<Email>, mut claims: Map<String, Value>) -> Profile {
    claims.insert("sub".to_owned(), json!(subject));
    claims.insert("provider_id".to_owned(), json!(subject));
    if !issuer.is_empty() {
        claims.insert("iss".to_owned(), json!(issuer));
    }
    let mut profile = Profile { subject, emails, claims };
    // Sorted so that the primary one is first; the order is otherwise the provider's.
    profile.emails.sort_by_key(|email| !email.primary);
    let (address, verified) = profile.email().map_or((None, false), |email| (Some(email.email.clone()), email.verified));
    if let Some(address) = address {
        profile.claims.insert("email".to_owned(), json!(address));
    }
    profile.claims.insert("email_verified".to_owned(), json!(verified));
    profile.claims.entry("phone_verified").or_insert(json!(false));
    profile
}

/// A user's name as text: some providers have numbers.
pub(super) fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.trim().to_owned()).filter(|text| !text.is_empty()),
        Value::Number(number) => Some(number.to_string()),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

/// True, 1, or either as text: providers differ.
pub(super) fn is_true(value: &Value) -> bool {
    match value {
        Value::Bool(value) => *value,
        Value::Number(number) => number.as_u64() == Some(1),
        Value::String(text) => text == "1" || text.eq_ignore_ascii_case("true"),
        Value::Null | Value::Array(_) | Value::Object(_) => false,
    }
}

fn is_something(value: &Value) -> bool {
    !matches!(value, Value::Null) && value.as_str() != Some("")
}

fn value(field: &Field, document: &Value) -> Option<Value> {
    match field {
        Field::At(pointers) => pointers.iter().filter_map(|at| document.pointer(at)).find(|value| is_something(value)).cloned(),
        Field::Joined(pointers) => {
            let parts: Vec<String> = pointers.iter().filter_map(|at| document.pointer(at)).filter_map(text).collect();
            Some(parts.join(" ")).filter(|name| !name.is_empty()).map(Value::String)
        }
        Field::Computed(compute) => compute(document).filter(is_something),
    }
}

fn emails(emails: &Emails, document: &Value) -> Vec<Email> {
    match emails {
        Emails::None => Vec::new(),
        Emails::One { email, verified } => one(document, email, |document| holds(verified, document)).into_iter().collect(),
        Emails::OneAndList { list, one: (email, confirmed) } => {
            let first = one(document, email, |document| holds(&Verified::Present(confirmed), document));
            let others =
                listed(list, document).into_iter().filter(|other| Some(&other.email) != first.as_ref().map(|one| &one.email));
            let others: Vec<Email> = others.collect();
            first.into_iter().chain(others).collect()
        }
        Emails::List(list) => listed(list, document),
    }
}

fn one(document: &Value, email: &str, verified: impl Fn(&Value) -> bool) -> Option<Email> {
    let email = document.pointer(email).and_then(text)?;
    Some(Email { email, verified: verified(document), primary: true })
}

fn listed(list: &List, document: &Value) -> Vec<Email> {
    let items = document.pointer(list.at).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let email = |item: &Value| {
        let primary = item.pointer(list.primary).is_some_and(is_true);
        Some(Email { email: item.pointer(list.email).and_then(text)?, verified: holds(&list.verified, item), primary })
    };
    items.iter().filter_map(email).collect()
}

fn holds(verified: &Verified, document: &Value) -> bool {
    match verified {
        Verified::Always => true,
        Verified::Never => false,
        Verified::True(pointers) => pointers.iter().all(|at| document.pointer(at).is_some_and(is_true)),
        Verified::Present(at) => document.pointer(at).is_some_and(is_something),
        Verified::UnlessFalse(at) => document.pointer(at).is_none_or(is_true),
    }
}

fn custom(custom: &Custom, document: &Value) -> Map<String, Value> {
    match custom {
        Custom::None => Map::new(),
        Custom::Fields(fields) => {
            let found = fields.iter().filter_map(|(name, at)| Some(((*name).to_owned(), document.pointer(at)?.clone())));
            found.filter(|(_, value)| !value.is_null()).collect()
        }
        Custom::Rest => {
            let fields = document.as_object().into_iter().flatten();
            let rest = fields.filter(|(name, _)| !OF_THE_PROTOCOL.contains(&name.as_str()));
            rest.map(|(name, value)| (name.clone(), value.clone())).collect()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIST: List = List { at: "/emails", email: "/email", verified: Verified::True(&["/verified"]), primary: "/primary" };

    #[test]
    fn the_primary_address_is_taken_else_a_verified_one() {
        let document = json!({"emails": [
            {"email": "b@example.com", "verified": true, "primary": false},
            {"email": "a@example.com", "verified": false, "primary": true},
            {"email": "", "verified": true, "primary": true},
        ]});
        let emails = emails(&Emails::List(LIST), &document);
        let profile = super::profile("1".to_owned(), "", emails, Map::new());
        assert_eq!(
            profile.emails.iter().map(|email| email.email.as_str()).collect::<Vec<_>>(),
            ["a@example.com", "b@example.com"]
        );
        assert_eq!((&profile.claims["email"], &profile.claims["email_verified"]), (&json!("a@example.com"), &json!(false)));
        assert_eq!(profile.claims.get("iss"), None);
        let email = |email: &str, verified| Email { email: email.to_owned(), verified, primary: false };
        let emails = vec![email("c@example.com", false), email("d@example.com", true)];
        assert_eq!(super::profile("1".to_owned(), "", emails, Map::new()).claims["email"], "d@example.com");
    }

    #[test]
    fn truth_has_many_forms() {
        for yes in [json!(true), json!(1), json!("true"), json!("True"), json!("1")] {
            assert!(is_true(&yes), "{yes}");
        }
        for no in [json!(false), json!(0), json!(2), json!("0"), json!("yes"), json!(null), json!([true]), json!({})] {
            assert!(!is_true(&no), "{no}");
        }
    }

    #[test]
    fn a_user_id_is_text_or_a_number() {
        assert_eq!(text(&json!(18446744073709551615_u64)).as_deref(), Some("18446744073709551615"));
        assert_eq!(text(&json!("x")).as_deref(), Some("x"));
        for none in [json!(""), json!(" "), json!(null), json!(true), json!(["1"])] {
            assert_eq!(text(&none), None, "{none}");
        }
    }
}
