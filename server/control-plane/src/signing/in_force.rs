//! What of a project's keys its services and its gateway go by.

use auth_settings::ProjectKeys;
use control_plane_api::{ProjectRef, SigningAlgorithm, SigningKeyStatus};
use jsonwebtoken::{EncodingKey, Header};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Map, Value, json};
use time::OffsetDateTime;

use super::{Jwk, KeptKey, Signing, ThirdParty};
use crate::{
    error::{Error, SecretError},
    secrets::{ProjectSecrets, role_token},
};

/// A project's keys as they are in force.
#[derive(Debug, Clone)]
pub struct KeysInForce {
    /// For its services: what signs, and what verifies.
    pub signing: ProjectKeys,
    /// For its gateway, where the legacy keys are API keys no more: what the others stand for instead.
    pub instead_of_legacy: Option<RoleTokens>,
}

/// A token for each of the two roles that API keys stand for.
#[derive(Debug, Clone)]
pub struct RoleTokens {
    pub anon: SecretString,
    pub service_role: SecretString,
}

impl KeysInForce {
    /// Of this project. The tokens in the place of the legacy keys are signed by the key in use, so that revoking any other
    /// leaves them good.
    pub(crate) fn of(project_ref: &ProjectRef, secrets: &ProjectSecrets, signing: &Signing) -> Result<Self, Error> {
        let trusted = || signing.keys.iter().filter(|key| key.status != SigningKeyStatus::Revoked);
        let listed = trusted().filter_map(|key| Some(listed(key, key.jwk.as_ref()?))).collect::<Result<Vec<_>, _>>()?;
        let keys = ProjectKeys::parse(&Value::Array(listed).to_string(), trusted().any(|key| key.jwk.is_none()));
        let keys = keys.map_err(|error| Error::Corrupt(format!("signing keys: {error}")))?;
        let keys = keys.with_third_party(signing.third_parties.iter().map(ThirdParty::in_force).collect());
        let instead_of_legacy =
            (!signing.legacy_api_keys).then(|| RoleTokens::signed(project_ref, secrets, &keys)).transpose()?;
        Ok(Self { signing: keys, instead_of_legacy })
    }

    /// The token of who may do everything.
    #[must_use]
    pub fn service_role<'a>(&'a self, secrets: &'a ProjectSecrets) -> &'a SecretString {
        self.instead_of_legacy.as_ref().map_or(&secrets.service_role_key, |tokens| &tokens.service_role)
    }
}

impl RoleTokens {
    fn signed(project_ref: &ProjectRef, secrets: &ProjectSecrets, keys: &ProjectKeys) -> Result<Self, SecretError> {
        let (header, key) = match keys.listed.iter().find(|key| key.signs) {
            Some(key) => {
                let kid = Some(key.kid.clone());
                (Header { kid, ..Header::new(key.algorithm.of_signatures()) }, key.signer().ok_or(SecretError)?)
            }
            None => (Header::default(), EncodingKey::from_secret(secrets.jwt_secret.expose_secret().as_bytes())),
        };
        let now = OffsetDateTime::now_utc().unix_timestamp();
        let token = |role| role_token(project_ref, role, now, &header, &key);
        Ok(Self { anon: token("anon")?, service_role: token("service_role")? })
    }
}

/// As services get it: the private half only of the key that signs, and of a shared secret, which verifies by it.
fn listed(key: &KeptKey, jwk: &Jwk) -> Result<Value, Error> {
    let signs = key.status == SigningKeyStatus::InUse;
    let mut members: Map<String, Value> = match &jwk.public {
        Some(public) if !signs => public.clone(),
        Some(_) | None => serde_json::from_str(jwk.private.expose_secret()).map_err(|_| SecretError)?,
    };
    debug_assert!(jwk.public.is_some() || key.algorithm == SigningAlgorithm::Hs256);
    members.insert("key_ops".to_owned(), if signs { json!(["sign", "verify"]) } else { json!(["verify"]) });
    Ok(Value::Object(members))
}

#[cfg(test)]
mod tests {
    use super::{super::MadeKey, *};

    #[test]
    fn services_get_what_verifies_and_the_private_half_of_the_key_in_use() {
        use SigningKeyStatus::{InUse, PreviouslyUsed, Revoked, Standby};
        let project_ref = ProjectRef::from_letters([3; 20]);
        let secrets = ProjectSecrets::generate(&project_ref, &[], None, 0).unwrap();
        let kept = |algorithm, status| {
            let MadeKey { id, algorithm, jwk } = MadeKey::generate(algorithm).unwrap();
            KeptKey { id, algorithm, status, jwk: Some(jwk), created_at: 0 }
        };
        let mut signing = Signing::of_new_project(0);
        let of = |signing: &Signing| KeysInForce::of(&project_ref, &secrets, signing).unwrap();
        let new = of(&signing);
        assert!(new.signing.listed.is_empty() && new.signing.secret_verifies && new.instead_of_legacy.is_none());
        assert_eq!(new.service_role(&secrets).expose_secret(), secrets.service_role_key.expose_secret());

        signing.legacy_api_keys = false;
        signing.keys[0].status = Revoked;
        signing.keys.extend([
            kept(SigningAlgorithm::Es256, InUse),
            kept(SigningAlgorithm::EdDsa, Standby),
            kept(SigningAlgorithm::Hs256, PreviouslyUsed),
            kept(SigningAlgorithm::EdDsa, Revoked),
        ]);
        let keys = of(&signing);
        assert!(!keys.signing.secret_verifies);
        let told: Vec<_> = keys.signing.listed.iter().map(|key| (key.kid.clone(), key.signs, key.signer().is_some())).collect();
        let id = |at: usize| signing.keys[at].id.to_string();
        assert_eq!(told, [(id(1), true, true), (id(2), false, false), (id(3), false, true)]);
        let header = jsonwebtoken::decode_header(keys.service_role(&secrets).expose_secret()).unwrap();
        assert_eq!((header.kid, header.alg), (Some(id(1)), jsonwebtoken::Algorithm::ES256));
        assert!(!format!("{keys:?}").contains(keys.service_role(&secrets).expose_secret()));
    }
}
