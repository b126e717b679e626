//! What may become of a key. Source: Supabase's guide "JWT Signing Keys", and its Management API.

use std::collections::HashSet;

use control_plane_api::{SigningAlgorithm, SigningKeyStatus};

use super::{KeptKey, MAX_THIRD_PARTIES, Signing, ThirdParty};

/// Keys of one project at most, so that what checks a token stays short.
pub(crate) const MAX_KEYS: usize = 20;

/// What is known of a key when something is to become of it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Standing {
    pub(crate) status: SigningKeyStatus,
    /// It is the JWT secret.
    pub(crate) is_legacy: bool,
    /// The keys `anon` and `service_role` are API keys.
    pub(crate) legacy_api_keys: bool,
}

/// Whether the key may become this, or else why not and what to do. Taking one into use moves the one that was to
/// `previously_used`; nothing else takes a key out of use.
pub(crate) fn check_move(key: Standing, to: SigningKeyStatus) -> Result<(), &'static str> {
    use SigningKeyStatus::{InUse, PreviouslyUsed, Revoked, Standby};
    match (key.status, to) {
        (from, to) if from == to => Ok(()),
        (InUse, _) => Err("The key is in use: new tokens are signed with it. Take another key into use first."),
        (Revoked, InUse) => Err("The key is revoked. Move it to standby first, so that its tokens are known when it signs."),
        (_, Revoked) if key.is_legacy && key.legacy_api_keys => Err(
            "The API keys anon and service_role are signed with the JWT secret: revoking it would cut off every client that uses them. Give clients publishable and secret keys, disable the two (PUT /v1/projects/{ref}/api-keys/legacy?enabled=false), and revoke it then.",
        ),
        (Standby | PreviouslyUsed | Revoked, InUse | Standby | PreviouslyUsed | Revoked) => Ok(()),
    }
}

/// Whether the key may go for good, or else why not.
pub(crate) fn check_removal(key: Standing) -> Result<(), &'static str> {
    match key.status {
        _ if key.is_legacy => {
            Err("The project's JWT secret can't be removed, so that there is a way back to it. It can be revoked.")
        }
        SigningKeyStatus::Revoked => Ok(()),
        SigningKeyStatus::InUse | SigningKeyStatus::PreviouslyUsed | SigningKeyStatus::Standby => {
            Err("Only a revoked key can be removed: tokens that it has signed are still taken. Revoke it first.")
        }
    }
}

/// Whether these are all keys of one project. What comes in an archive was written by anybody.
pub(crate) fn is_whole(signing: &Signing) -> bool {
    let keys = &signing.keys;
    let count = |is_so: fn(&KeptKey) -> bool| keys.iter().filter(|key| is_so(key)).count();
    let is_revoked_legacy = |key: &KeptKey| key.jwk.is_none() && key.status == SigningKeyStatus::Revoked;
    keys.len() <= MAX_KEYS
        && count(|key| key.status == SigningKeyStatus::InUse) == 1
        && count(|key| key.jwk.is_none() && key.algorithm == SigningAlgorithm::Hs256) == 1
        && count(|key| key.jwk.is_none()) == 1
        && keys.iter().map(|key| key.id).collect::<HashSet<_>>().len() == keys.len()
        && !(signing.legacy_api_keys && keys.iter().any(is_revoked_legacy))
        && signing.third_parties.len() <= MAX_THIRD_PARTIES
        && signing.third_parties.iter().all(ThirdParty::is_sound)
        && signing.third_parties.iter().map(|one| one.id).collect::<HashSet<_>>().len() == signing.third_parties.len()
}

#[cfg(test)]
mod tests {
    use SigningKeyStatus::{InUse, PreviouslyUsed, Revoked, Standby};

    use super::{super::MadeKey, *};

    fn may(from: SigningKeyStatus, to: SigningKeyStatus) -> bool {
        check_move(Standing { status: from, is_legacy: false, legacy_api_keys: true }, to).is_ok()
    }

    #[test]
    fn each_move_is_reversible_and_the_key_in_use_stays_so_until_another_is() {
        for (from, allowed) in [
            (InUse, &[InUse][..]),
            (PreviouslyUsed, &[InUse, PreviouslyUsed, Revoked, Standby]),
            (Revoked, &[PreviouslyUsed, Revoked, Standby]),
            (Standby, &[InUse, PreviouslyUsed, Revoked, Standby]),
        ] {
            for to in SigningKeyStatus::ALL {
                assert_eq!(may(from, to), allowed.contains(&to), "{from} to {to}");
            }
        }
    }

    #[test]
    fn the_jwt_secret_is_revoked_only_after_the_api_keys_that_it_has_signed() {
        let legacy = |status, legacy_api_keys| Standing { status, is_legacy: true, legacy_api_keys };
        assert!(check_move(legacy(PreviouslyUsed, true), Revoked).is_err());
        assert!(check_move(legacy(PreviouslyUsed, false), Revoked).is_ok());
        assert!(check_removal(legacy(Revoked, false)).is_err());
        for status in SigningKeyStatus::ALL {
            let key = Standing { status, is_legacy: false, legacy_api_keys: true };
            assert_eq!(check_removal(key).is_ok(), status == Revoked);
        }
    }

    #[test]
    fn a_project_has_one_key_in_use_and_its_jwt_secret() {
        let kept = |algorithm, status| {
            let MadeKey { id, algorithm, jwk } = MadeKey::generate(algorithm).unwrap();
            KeptKey { id, algorithm, status, jwk: Some(jwk), created_at: 0 }
        };
        let good = Signing { keys: vec![kept(SigningAlgorithm::Es256, Standby)], ..Signing::of_new_project(0) };
        let good = Signing { keys: [Signing::of_new_project(0).keys, good.keys].concat(), ..good };
        assert!(is_whole(&good));
        let with = |change: fn(&mut Signing)| {
            let mut changed = good.clone();
            change(&mut changed);
            is_whole(&changed)
        };
        assert!(!with(|signing| signing.keys[1].status = InUse), "two in use");
        assert!(!with(|signing| signing.keys[0].status = PreviouslyUsed), "none in use");
        assert!(!with(|signing| drop(signing.keys.remove(0))), "no JWT secret");
        assert!(!with(|signing| signing.keys[1].id = signing.keys[0].id), "one id twice");
        assert!(!with(|signing| signing.keys[0].algorithm = SigningAlgorithm::EdDsa), "no such JWT secret");
        assert!(!with(|signing| {
            signing.keys[0].status = Revoked;
            signing.keys[1].status = InUse;
        }));
    }
}
