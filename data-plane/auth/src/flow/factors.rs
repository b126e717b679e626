//! Second factors: enrolled by a signed-in user, challenged, verified, and removed.
//!
//! What a session may do is read from its row, never from its token: a token tells how sure a session was when it was made.

mod challenge;
mod verify;

use serde::Serialize;
use serde_json::json;
use time::OffsetDateTime;
use uuid::Uuid;

pub(crate) use challenge::{Challenged, challenge};
pub(crate) use verify::{Attempt, Proof, verify};

use super::{audit, audit::Action, mail, oauth_server::consent::refuse_clients, sealed};
use crate::{
    caller::{Caller, SignedIn, no_session},
    error::{AuthError, ErrorCode},
    mfa::{self, TotpKey},
    model::{Aal, Factor, FactorKind, FactorStatus, Session, User},
    settings::{MailKind, MfaFactor},
    store::{self, Db},
};

/// A factor that somebody wants.
#[derive(Debug)]
pub(crate) struct Enrolment {
    pub(crate) friendly_name: String,
    pub(crate) kind: EnrolmentKind,
}

#[derive(Debug)]
pub(crate) enum EnrolmentKind {
    /// With the name of the application, if it is another than the site's host.
    Totp {
        issuer: String,
    },
    /// With the number, as it is kept.
    Phone(String),
    WebAuthn,
}

/// A factor that is there now, and waits for its first use.
#[derive(Serialize)]
pub(crate) struct Enrolled {
    id: Uuid,
    #[serde(rename = "type")]
    kind: FactorKind,
    friendly_name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    totp: Option<Totp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    phone: Option<String>,
}

/// What an authenticator app has to know.
#[derive(Serialize)]
struct Totp {
    qr_code: String,
    secret: String,
    uri: String,
}

pub(crate) async fn enroll(signed_in: &SignedIn, wanted: Enrolment) -> Result<Enrolled, AuthError> {
    let kind = wanted.kind.of();
    check_enabled(&signed_in.caller, kind, Use::Enroll)?;
    refuse_clients(signed_in)?;
    let tx = signed_in.caller.begin().await?;
    let outcome = enroll_within(signed_in, &tx, wanted).await;
    tx.end(outcome).await
}

async fn enroll_within(signed_in: &SignedIn, db: &Db, wanted: Enrolment) -> Result<Enrolled, AuthError> {
    let caller = &signed_in.caller;
    let (user, session) = lock(signed_in, db).await?;
    let expiry = caller.live.settings.mfa.factor_expiry;
    store::factors::delete_stale(db, user.id, OffsetDateTime::now_utc() - expiry).await?;
    let mut factors = store::factors::of_user(db, user.id).await?;
    if let EnrolmentKind::Phone(phone) = &wanted.kind
        && let Some(at) = factors.iter().position(|factor| factor.phone.as_ref() == Some(phone))
    {
        if factors[at].is_verified() {
            let message = "A verified phone factor already exists, unenroll the existing factor to continue";
            return Err(AuthError::unprocessable(ErrorCode::MfaVerifiedFactorExists, message));
        }
        store::factors::delete(db, factors.remove(at).id).await?;
    }
    check_room(caller, &factors, &session, &wanted.friendly_name)?;
    let mut factor = Factor {
        id: Uuid::new_v4(),
        user_id: user.id,
        created_at: OffsetDateTime::now_utc(),
        updated_at: OffsetDateTime::now_utc(),
        status: FactorStatus::Unverified,
        friendly_name: Some(wanted.friendly_name.clone()),
        kind: wanted.kind.of(),
        secret: None,
        phone: None,
        last_challenged_at: None,
        web_authn_credential: None,
        web_authn_aaguid: None,
    };
    let mut totp = None;
    match wanted.kind {
        EnrolmentKind::Totp { issuer } => {
            let key = TotpKey::generate();
            factor.secret = Some(sealed::seal(caller, factor.id, key.base32())?);
            totp = Some(describe(caller, &user, &key, &issuer)?);
        }
        EnrolmentKind::Phone(phone) => factor.phone = Some(phone),
        EnrolmentKind::WebAuthn => {}
    }
    store::factors::insert(db, &factor).await?;
    note(caller, db, &user, Action::FactorInProgress, &factor).await?;
    Ok(Enrolled { id: factor.id, kind: factor.kind, friendly_name: wanted.friendly_name, totp, phone: factor.phone })
}

impl EnrolmentKind {
    fn of(&self) -> FactorKind {
        match self {
            Self::Totp { .. } => FactorKind::Totp,
            Self::Phone(_) => FactorKind::Phone,
            Self::WebAuthn => FactorKind::WebAuthn,
        }
    }
}

/// That the user may have one more, of that name.
fn check_room(caller: &Caller, factors: &[Factor], session: &Session, name: &str) -> Result<(), AuthError> {
    let mfa = &caller.live.settings.mfa;
    // Two without a name are of the same name, too: applications know by this that an enrolment was left half done.
    if factors.iter().any(|factor| factor.friendly_name.as_deref().unwrap_or_default() == name) {
        let message = format!("A factor with the friendly name \"{name}\" for this user already exists");
        return Err(AuthError::unprocessable(ErrorCode::MfaFactorNameConflict, message));
    }
    let verified = factors.iter().filter(|factor| factor.is_verified()).count();
    if factors.len() >= mfa.max_enrolled_factors || verified >= mfa.max_verified_factors {
        return Err(too_many());
    }
    if verified > 0 && session.aal < Aal::Aal2 {
        return Err(AuthError::forbidden(ErrorCode::InsufficientAal, "AAL2 required to enroll a new factor"));
    }
    Ok(())
}

fn too_many() -> AuthError {
    let message = "Maximum number of verified factors reached, unenroll to continue";
    AuthError::unprocessable(ErrorCode::TooManyEnrolledMfaFactors, message)
}

/// The key as an app takes it: the site's host and the user's address tell which account it is.
fn describe(caller: &Caller, user: &User, key: &TotpKey, issuer: &str) -> Result<Totp, AuthError> {
    let issuer = if issuer.is_empty() { super::relying_party::site_host(caller) } else { issuer.to_owned() };
    let id = user.id.to_string();
    let account = [user.email(), user.phone()].into_iter().find(|name| !name.is_empty()).unwrap_or(&id);
    let uri = key.uri(&issuer, account);
    let qr_code = mfa::qr_code(&uri).map_err(|error| AuthError::validation(error.to_string()))?;
    Ok(Totp { qr_code, secret: key.base32().to_owned(), uri })
}

pub(crate) async fn unenroll(signed_in: &SignedIn, id: Uuid) -> Result<(), AuthError> {
    refuse_clients(signed_in)?;
    let caller = &signed_in.caller;
    let tx = caller.begin().await?;
    let outcome = async {
        let (user, session) = lock(signed_in, &tx).await?;
        let factor = find(&tx, &user, id).await?;
        if factor.is_verified() && session.aal < Aal::Aal2 {
            return Err(AuthError::unprocessable(ErrorCode::InsufficientAal, "AAL2 required to unenroll verified factor"));
        }
        store::sessions::downgrade_of_factor(&tx, factor.id).await?;
        store::factors::delete(&tx, factor.id).await?;
        note(caller, &tx, &user, Action::FactorUnenrolled, &factor).await?;
        if factor.is_verified() {
            tell(caller, &tx, &user, MailKind::MfaFactorUnenrolled, &factor).await;
        }
        Ok(())
    }
    .await;
    tx.end(outcome).await
}

/// User and session as they are now; nobody else changes the user's factors until the transaction's end.
pub(super) async fn lock(signed_in: &SignedIn, db: &Db) -> Result<(User, Session), AuthError> {
    if signed_in.user.is_anonymous {
        let message = "Anonymous user not allowed to perform these actions";
        return Err(AuthError::forbidden(ErrorCode::NoAuthorization, message));
    }
    let id = signed_in.session()?.id;
    let user = super::lock(db, signed_in.user.id).await?;
    match store::sessions::find_for_update(db, id).await? {
        Some(session) => Ok((user, session)),
        None => Err(no_session()),
    }
}

async fn find(db: &Db, user: &User, id: Uuid) -> Result<Factor, AuthError> {
    store::factors::find(db, user.id, id)
        .await?
        .ok_or_else(|| AuthError::not_found(ErrorCode::MfaFactorNotFound, "Factor not found"))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Use {
    Enroll,
    Verify,
}

/// That the project has factors of this kind.
fn check_enabled(caller: &Caller, kind: FactorKind, what: Use) -> Result<(), AuthError> {
    let mfa = &caller.live.settings.mfa;
    let (MfaFactor { enroll_enabled, verify_enabled }, name, enroll, verify) = match kind {
        FactorKind::Totp => (mfa.totp, "TOTP", ErrorCode::MfaTotpEnrollNotEnabled, ErrorCode::MfaTotpVerifyNotEnabled),
        FactorKind::Phone => {
            (mfa.phone.factor, "Phone", ErrorCode::MfaPhoneEnrollNotEnabled, ErrorCode::MfaPhoneVerifyNotEnabled)
        }
        FactorKind::WebAuthn => {
            (mfa.web_authn, "WebAuthn", ErrorCode::MfaWebAuthnEnrollNotEnabled, ErrorCode::MfaWebAuthnVerifyNotEnabled)
        }
    };
    match what {
        Use::Enroll if !enroll_enabled => Err(AuthError::unprocessable(enroll, format!("MFA enroll is disabled for {name}"))),
        Use::Verify if !verify_enabled => {
            Err(AuthError::unprocessable(verify, format!("MFA verification is disabled for {name}")))
        }
        Use::Enroll | Use::Verify => Ok(()),
    }
}

async fn note(caller: &Caller, db: &Db, user: &User, action: Action, factor: &Factor) -> Result<(), AuthError> {
    let traits = json!({ "factor_id": factor.id, "factor_type": factor.kind, "factor_status": factor.status });
    Ok(audit::note(caller, db, user, action, traits).await?)
}

/// Tells the user of a factor that came or went.
async fn tell(caller: &Caller, db: &Db, user: &User, kind: MailKind, factor: &Factor) {
    let content = mail::Content { to: user.email(), factor_type: factor.kind.as_str(), ..Default::default() };
    mail::notify(caller, db, user, kind, content).await;
}
