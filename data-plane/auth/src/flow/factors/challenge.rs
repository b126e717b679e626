//! A challenge: what a factor's owner has to answer, and until when.

use std::time::Duration;

use serde::Serialize;
use serde_json::{Value, json};
use time::OffsetDateTime;
use uuid::Uuid;

use super::{Use, check_enabled, find, lock, note};
use crate::{
    caller::{Caller, SignedIn},
    error::{AuthError, ErrorCode},
    flow::{
        audit::Action,
        one_time::check_frequency,
        phone::{self, Channel},
        relying_party::{self, Wanted},
        undo::Undo,
    },
    model::{Challenge, Factor, FactorKind, User},
    passkey::{self, Credential},
    store::{self, Db},
};

/// So long challenges are kept: longer than a code of a time step is good, so that none is taken twice.
const KEPT: Duration = Duration::from_secs(3600);

/// What a client has to know of its challenge.
#[derive(Debug, Serialize)]
pub(crate) struct Challenged {
    id: Uuid,
    #[serde(rename = "type")]
    kind: FactorKind,
    /// Seconds since 1970.
    expires_at: i64,
    /// What the browser is to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    webauthn: Option<Value>,
}

/// `wanted`: whose credential a browser is asked for, where the project's settings do not say.
pub(crate) async fn challenge(
    signed_in: &SignedIn,
    factor_id: Uuid,
    channel: Channel,
    wanted: Option<&Wanted>,
) -> Result<Challenged, AuthError> {
    let tx = signed_in.caller.begin().await?;
    let outcome = within(signed_in, &tx, factor_id, channel, wanted).await;
    tx.end(outcome).await
}

async fn within(
    signed_in: &SignedIn,
    db: &Db,
    factor_id: Uuid,
    channel: Channel,
    wanted: Option<&Wanted>,
) -> Result<Challenged, AuthError> {
    let caller = &signed_in.caller;
    let mfa = &caller.live.settings.mfa;
    let (user, _) = lock(signed_in, db).await?;
    let mut factor = find(db, &user, factor_id).await?;
    check_enabled(caller, factor.kind, Use::Verify)?;
    let now = OffsetDateTime::now_utc();
    store::factors::delete_challenges_before(db, factor.id, now - mfa.challenge_expiry.max(KEPT)).await?;
    let mut challenge = Challenge {
        id: Uuid::new_v4(),
        factor_id: factor.id,
        created_at: now,
        verified_at: None,
        ip_address: caller.ip,
        otp_code: None,
        web_authn_session_data: None,
    };
    let mut webauthn = None;
    match factor.kind {
        FactorKind::Totp => {}
        FactorKind::Phone => {
            check_frequency(factor.last_challenged_at, mfa.phone.max_frequency, ErrorCode::OverSmsSendRateLimit)?;
            let undo = Undo::challenge(challenge.id, &factor);
            let phone = factor.phone.as_deref().unwrap_or_default();
            challenge.otp_code = Some(phone::send_factor_code(caller, db, &user, phone, channel, undo).await?);
        }
        FactorKind::WebAuthn => {
            let (options, state) = ceremony(caller, db, &user, &factor, wanted).await?;
            challenge.web_authn_session_data = Some(state);
            webauthn = Some(options);
        }
    }
    store::factors::insert_challenge(db, &challenge).await?;
    factor.last_challenged_at = Some(now);
    store::factors::update(db, &mut factor).await?;
    note(caller, db, &user, Action::ChallengeCreated, &factor).await?;
    let expires_at = (now + mfa.challenge_expiry).unix_timestamp();
    Ok(Challenged { id: challenge.id, kind: factor.kind, expires_at, webauthn })
}

/// A factor that was never used makes its credential; another uses it.
async fn ceremony(
    caller: &Caller,
    db: &Db,
    user: &User,
    factor: &Factor,
    wanted: Option<&Wanted>,
) -> Result<(Value, Value), AuthError> {
    let relying_party = relying_party::of_factors(caller, wanted)?;
    let stored = |factor: &Factor| factor.web_authn_credential.as_ref().map(Credential::from_json);
    let failed = |error: passkey::Error| AuthError::internal("Error making a WebAuthn challenge", format!("{error:?}"));
    let (kind, (options, state)) = if factor.is_verified() {
        let own = stored(factor).transpose().map_err(failed)?;
        let own = own.ok_or_else(|| AuthError::internal("Error making a WebAuthn challenge", "the factor has no credential"))?;
        ("request", passkey::begin_authentication(&relying_party, &[own]).map_err(failed)?)
    } else {
        let factors = store::factors::of_user(db, user.id).await?;
        let existing = factors.iter().filter_map(stored).collect::<Result<Vec<_>, _>>().map_err(failed)?;
        let owner = relying_party::user(user);
        ("create", passkey::begin_registration(&relying_party, &owner, &existing, false).map_err(failed)?)
    };
    Ok((json!({ "type": kind, "credential_options": { "publicKey": options } }), state))
}
