//! What a new project's secrets are made of. Everything comes from the system's random source.

use std::collections::BTreeMap;

use base64::{
    Engine as _,
    prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD},
};
use control_plane_api::ProjectRef;
use jsonwebtoken::{EncodingKey, Header};
use rand::{RngExt as _, TryRng as _, rngs::SysRng};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Serialize;
use sha2::{Digest as _, Sha256};

use crate::error::SecretError;

/// Lifetime of the legacy keys: ten years, as upstream.
const LEGACY_KEY_SECONDS: i64 = 10 * 365 * 24 * 60 * 60;

/// Name of a secret within its project; part of what it is sealed with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Field {
    JwtSecret,
    AnonKey,
    ServiceRoleKey,
    RolePassword(String),
    ApiKey(uuid::Uuid),
    AuthSetting(String),
    SigningKey(uuid::Uuid),
}

impl Field {
    /// The stored name.
    pub(crate) fn name(&self) -> String {
        match self {
            Self::JwtSecret => "jwt_secret".into(),
            Self::AnonKey => "anon_key".into(),
            Self::ServiceRoleKey => "service_role_key".into(),
            Self::RolePassword(role) => format!("password:{role}"),
            Self::ApiKey(id) => format!("api_key:{id}"),
            Self::AuthSetting(key) => format!("auth_config:{key}"),
            Self::SigningKey(id) => format!("signing_key:{id}"),
        }
    }

    pub(crate) fn from_name(name: &str) -> Option<Self> {
        match name {
            "jwt_secret" => Some(Self::JwtSecret),
            "anon_key" => Some(Self::AnonKey),
            "service_role_key" => Some(Self::ServiceRoleKey),
            other => other.strip_prefix("password:").map(|role| Self::RolePassword(role.to_owned())),
        }
    }
}

/// The secrets of one project, in the clear. Handed to a driver and to the project's services, never serialized.
#[derive(Clone)]
pub struct ProjectSecrets {
    /// Signs and verifies the project's JWTs.
    pub jwt_secret: SecretString,
    /// Legacy JWT key of role `anon`.
    pub anon_key: SecretString,
    /// Legacy JWT key of role `service_role`.
    pub service_role_key: SecretString,
    /// Password by login role.
    pub passwords: BTreeMap<String, SecretString>,
    /// `sb_publishable_…` keys.
    pub publishable_keys: Vec<SecretString>,
    /// `sb_secret_…` keys.
    pub secret_keys: Vec<SecretString>,
}

impl std::fmt::Debug for ProjectSecrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ProjectSecrets(..)")
    }
}

impl ProjectSecrets {
    /// Makes the secrets of a new project. `login_roles` are the database roles that get a password; `issued_at` is Unix time
    /// in seconds; `database_password` is the caller's for role `postgres`, if one was chosen.
    pub(crate) fn generate(
        project_ref: &ProjectRef,
        login_roles: &[&str],
        database_password: Option<SecretString>,
        issued_at: i64,
    ) -> Result<Self, SecretError> {
        let jwt_secret = SecretString::from(random_text(64)?);
        let mut passwords = BTreeMap::new();
        for role in login_roles {
            passwords.insert((*role).to_owned(), SecretString::from(random_text(32)?));
        }
        if let Some(password) = database_password {
            passwords.insert("postgres".into(), password);
        }
        Ok(Self {
            anon_key: legacy_key(project_ref, "anon", issued_at, &jwt_secret)?,
            service_role_key: legacy_key(project_ref, "service_role", issued_at, &jwt_secret)?,
            jwt_secret,
            passwords,
            publishable_keys: vec![api_key("sb_publishable_")?],
            secret_keys: vec![api_key("sb_secret_")?],
        })
    }
}

/// A new project reference, from the system's random source.
pub(crate) fn made_up_ref() -> Result<ProjectRef, SecretError> {
    let mut letters = [0; ProjectRef::LENGTH];
    for letter in &mut letters {
        *letter = system_number(26)?;
    }
    Ok(ProjectRef::from_letters(letters))
}

/// A number below `limit`, each equally likely: bytes past the last whole multiple of `limit` are drawn again.
fn system_number(limit: u8) -> Result<u8, SecretError> {
    let whole = u8::MAX - u8::MAX % limit;
    loop {
        let mut byte = [0];
        SysRng.try_fill_bytes(&mut byte).map_err(|_| SecretError)?;
        if byte[0] < whole {
            return Ok(byte[0] % limit);
        }
    }
}

/// Letters and digits only, so that the text fits a URL, a shell and a connection string without quoting.
fn random_text(length: usize) -> Result<String, SecretError> {
    const ALPHABET: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    (0..length).map(|_| Ok(char::from(ALPHABET[usize::from(system_number(62)?)]))).collect()
}

#[derive(Serialize)]
struct LegacyClaims<'a> {
    iss: &'static str,
    #[serde(rename = "ref")]
    project_ref: &'a str,
    role: &'a str,
    iat: i64,
    exp: i64,
}

fn legacy_key(project_ref: &ProjectRef, role: &str, iat: i64, secret: &SecretString) -> Result<SecretString, SecretError> {
    let key = EncodingKey::from_secret(secret.expose_secret().as_bytes());
    role_token(project_ref, role, iat, &Header::default(), &key)
}

/// What an API key of a role is, or stands for.
pub(crate) fn role_token(
    project_ref: &ProjectRef,
    role: &str,
    iat: i64,
    header: &Header,
    key: &EncodingKey,
) -> Result<SecretString, SecretError> {
    let claims = LegacyClaims { iss: "supabase", project_ref: project_ref.as_str(), role, iat, exp: iat + LEGACY_KEY_SECONDS };
    jsonwebtoken::encode(header, &claims, key).map(SecretString::from).map_err(|_| SecretError)
}

/// A key in the new format: prefix, 22 base64url characters of randomness, `_`, and 8 characters that are a checksum of
/// what stands before them, so that a mistyped key can be told from a revoked one.
fn api_key(prefix: &str) -> Result<SecretString, SecretError> {
    let mut random = [0; 16];
    SysRng.try_fill_bytes(&mut random).map_err(|_| SecretError)?;
    let body = format!("{prefix}{}", BASE64_URL_SAFE_NO_PAD.encode(random));
    let checksum = BASE64_URL_SAFE_NO_PAD.encode(&Sha256::digest(body.as_bytes())[..6]);
    Ok(SecretString::from(format!("{body}_{checksum}")))
}

/// A secret of Standard Webhooks for one of Auth's hooks: 32 random bytes.
pub fn new_hook_secret() -> Result<SecretString, SecretError> {
    let mut random = [0; 32];
    SysRng.try_fill_bytes(&mut random).map_err(|_| SecretError)?;
    Ok(SecretString::from(format!("v1,whsec_{}", BASE64_STANDARD.encode(random))))
}

/// A readable name for a project whose creator gave none, such as `brave-otter`.
pub(crate) fn made_up_name() -> String {
    petname::petname(2, "-").unwrap_or_else(|| format!("project-{}", rand::rng().random_range(1000..10_000)))
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn a_hook_s_secret_is_one_that_the_settings_take() {
        let (one, two) = (new_hook_secret().unwrap(), new_hook_secret().unwrap());
        assert!(auth_settings::hooks::is_hook_secret(one.expose_secret()), "{}", one.expose_secret());
        assert_ne!(one.expose_secret(), two.expose_secret());
    }

    #[test]
    fn secrets_have_the_documented_forms() {
        let project_ref = made_up_ref().unwrap();
        let secrets =
            ProjectSecrets::generate(&project_ref, &["authenticator", "postgres"], Some("my own".into()), 1_700_000_000).unwrap();
        assert_eq!(secrets.passwords["postgres"].expose_secret(), "my own");
        assert_eq!(secrets.passwords.len(), 2);
        for (key, prefix) in [(&secrets.publishable_keys[0], "sb_publishable_"), (&secrets.secret_keys[0], "sb_secret_")] {
            let rest = key.expose_secret().strip_prefix(prefix).unwrap();
            assert_eq!((rest.len(), rest.as_bytes()[22]), (31, b'_'), "22 characters, an underscore, 8 characters");
        }
        let claims: serde_json::Value = {
            let payload = secrets.anon_key.expose_secret().split('.').nth(1).unwrap();
            serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap()
        };
        assert_eq!(claims["role"], "anon");
        assert_eq!(claims["iss"], "supabase");
        assert_eq!(claims["ref"], project_ref.as_str());
        assert_eq!(claims["exp"], 1_700_000_000_i64 + LEGACY_KEY_SECONDS);
        assert_eq!(format!("{secrets:?}"), "ProjectSecrets(..)");
    }

    #[test]
    fn refs_and_names_vary() {
        let refs: HashSet<_> = (0..1000).map(|_| made_up_ref().unwrap()).collect();
        assert_eq!(refs.len(), 1000);
        let letters: HashSet<char> = refs.iter().flat_map(|r| r.as_str().chars().collect::<Vec<_>>()).collect();
        assert_eq!(letters.len(), 26);
        assert!(made_up_name().len() >= 3);
    }

    #[test]
    fn field_names_survive() {
        for field in [Field::JwtSecret, Field::AnonKey, Field::ServiceRoleKey, Field::RolePassword("postgres".into())] {
            assert_eq!(Field::from_name(&field.name()), Some(field));
        }
    }
}
