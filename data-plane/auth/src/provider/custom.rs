//! A provider of an administrator's own: a row of `auth.custom_oauth_providers`, but for its credentials, which are settings.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::{
    Email, Profile, ProviderError,
    claims::{is_true, profile, text},
};

/// A row of `auth.custom_oauth_providers`.
#[derive(Debug, Clone)]
pub struct CustomProvider {
    /// `custom:…`
    pub identifier: String,
    /// Where it is.
    pub kind: CustomKind,
    /// Asked for always; `openid` is added where the protocol is OpenID Connect.
    pub scopes: Vec<String>,
    /// The code is bound to a verifier.
    pub pkce_enabled: bool,
    /// For each claim that GoTrue stores, which of the provider's it is; what is no text is the value itself.
    pub attribute_mapping: Map<String, Value>,
    /// Added to the authorization; reserved ones are left out.
    pub authorization_params: BTreeMap<String, String>,
    /// The provider's claims that go into `custom_claims`.
    pub custom_claims_allowlist: Vec<String>,
}

/// `provider_type`
#[derive(Debug, Clone)]
pub enum CustomKind {
    /// Its addresses are discovered.
    Oidc {
        /// Which must sign.
        issuer: String,
        /// Where the document is, if not where the protocol has it.
        discovery_url: Option<String>,
    },
    /// Its addresses are given.
    Oauth2 {
        /// Where the browser is sent.
        authorization_url: String,
        /// Where the code becomes tokens.
        token_url: String,
        /// The profile.
        userinfo_url: String,
    },
}

/// Standard claims (OpenID Connect Core 1.0, 5.1) that GoTrue stores under the same name.
const STANDARD: &[&str] = &[
    "name",
    "family_name",
    "given_name",
    "middle_name",
    "nickname",
    "preferred_username",
    "profile",
    "picture",
    "website",
    "gender",
    "birthdate",
    "zoneinfo",
    "locale",
    "updated_at",
    "phone",
];

/// What no mapping may set: who the user is, and what only a verified source may say.
const PROTECTED: &[&str] = &[
    "id",
    "iss",
    "sub",
    "aud",
    "exp",
    "iat",
    "role",
    "provider_id",
    "custom_claims",
    "app_metadata",
    "user_metadata",
    "is_anonymous",
    "email_verified",
    "phone_verified",
];

/// Whether no mapping may set this claim.
#[must_use]
pub fn is_protected(claim: &str) -> bool {
    PROTECTED.contains(&claim)
}

impl CustomProvider {
    /// The profile that the provider's document gives.
    pub(super) fn read(&self, issuer: &str, document: &Value) -> Result<Profile, ProviderError> {
        let subject = ["/sub", "/id"].into_iter().filter_map(|at| document.pointer(at)).find_map(text);
        let subject = subject.ok_or(ProviderError::NoSubject)?;
        let mut claims = self.standard(document);
        // What applications of older versions read.
        for (older, claim) in [("full_name", "name"), ("avatar_url", "picture"), ("user_name", "preferred_username")] {
            if let Some(value) = claims.get(claim).cloned() {
                claims.entry(older).or_insert(value);
            }
        }
        let allowed = self.custom_claims_allowlist.iter().filter_map(|name| Some((name.clone(), document.get(name)?.clone())));
        let custom: Map<String, Value> = allowed.collect();
        if !custom.is_empty() {
            claims.insert("custom_claims".to_owned(), Value::Object(custom));
        }
        let email = self.mapped("email", document).and_then(|email| text(&email));
        // The provider vouches for the address that it calls `email` only.
        let of_provider = document.get("email").and_then(text);
        let verified = email == of_provider && document.get("email_verified").is_some_and(is_true);
        let emails = email.map(|email| Email { email, verified, primary: true }).into_iter().collect();
        Ok(profile(subject, issuer, emails, claims))
    }

    fn standard(&self, document: &Value) -> Map<String, Value> {
        let mut claims = Map::new();
        let others =
            self.attribute_mapping.keys().map(String::as_str).filter(|claim| !STANDARD.contains(claim) && *claim != "email");
        for claim in STANDARD.iter().copied().chain(others).filter(|claim| !PROTECTED.contains(claim)) {
            if let Some(value) = self.mapped(claim, document).filter(|value| !value.is_null() && *value != json!("")) {
                claims.insert(claim.to_owned(), value);
            }
        }
        claims
    }

    fn mapped(&self, claim: &str, document: &Value) -> Option<Value> {
        match self.attribute_mapping.get(claim) {
            None => document.get(claim).cloned(),
            Some(Value::String(source)) => document.get(source).cloned(),
            Some(value) => Some(value.clone()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn provider(mapping: Value, allowed: &[&str]) -> CustomProvider {
        CustomProvider {
            identifier: "custom:mine".to_owned(),
            kind: CustomKind::Oidc { issuer: "https://id.example.com".to_owned(), discovery_url: None },
            scopes: Vec::new(),
            pkce_enabled: true,
            attribute_mapping: mapping.as_object().cloned().unwrap_or_default(),
            authorization_params: BTreeMap::new(),
            custom_claims_allowlist: allowed.iter().map(|name| (*name).to_owned()).collect(),
        }
    }

    #[test]
    fn claims_are_taken_by_name_or_as_mapped() {
        let document = json!({"sub": "7", "mail": "a@example.com", "name": "Ann", "picture": "p", "groups": ["x"], "secret": 1,
            "email_verified": true, "login": "ann"});
        let mapping = json!({"email": "mail", "preferred_username": "login", "department": "missing", "level": 3});
        let read = provider(mapping, &["groups", "missing"]).read("https://id.example.com", &document).unwrap();
        assert_eq!(
            Value::Object(read.claims),
            json!({"iss": "https://id.example.com", "sub": "7", "provider_id": "7", "email": "a@example.com", "email_verified": false,
                "phone_verified": false, "name": "Ann", "full_name": "Ann", "picture": "p", "avatar_url": "p",
                "preferred_username": "ann", "user_name": "ann", "level": 3, "custom_claims": {"groups": ["x"]}})
        );
    }

    #[test]
    fn no_mapping_says_who_the_user_is_or_vouches() {
        let document = json!({"id": 7, "email": "a@example.com", "victim": "1", "yes": true, "role": "service_role"});
        let mapping = json!({"sub": "victim", "provider_id": "victim", "email_verified": "yes", "role": "role", "iss": "victim"});
        let read = provider(mapping, &[]).read("https://id.example.com", &document).unwrap();
        assert_eq!(read.subject, "7");
        assert_eq!(
            Value::Object(read.claims),
            json!({"iss": "https://id.example.com", "sub": "7", "provider_id": "7", "email": "a@example.com", "email_verified": false,
                "phone_verified": false})
        );
    }
}
