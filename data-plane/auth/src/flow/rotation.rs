//! Refresh tokens of a session: the first one, the next one, and what one that comes is worth.
//!
//! Version 1 has a row for each. Version 2 (supabase/auth's pull requests 2216 and 2356) has none: the session's row holds a key and the
//! number of the last token; see `mfa/refresh.rs`. Which one a session has is its own: new ones get the settings' version, and
//! those of version 1 go over to version 2 where the settings say so.

use rand::RngExt as _;
use time::OffsetDateTime;
use uuid::Uuid;

use super::sealed;
use crate::{
    caller::Caller,
    error::AuthError,
    mfa::{self, RefreshKey, SignedRefreshToken},
    model::{RefreshToken, Session, Signing},
    settings::RefreshTokens,
    store::{self, Db, StoreError},
};

/// A token that a session is given.
pub(crate) struct Given {
    pub(crate) token: String,
    /// The row that it takes the place of.
    replaces: Option<RefreshToken>,
    has_row: bool,
}

impl Given {
    /// Stores what is to be stored of it, besides the session.
    pub(crate) async fn store(&self, db: &Db, session: &Session) -> Result<(), StoreError> {
        if let Some(replaced) = &self.replaces {
            store::refresh_tokens::revoke(db, replaced.id).await?;
        }
        if !self.has_row {
            return Ok(());
        }
        let parent = self.replaces.as_ref().map(|replaced| replaced.token.as_str());
        store::refresh_tokens::insert(db, &self.token, session.user_id, session.id, parent).await
    }
}

/// The first of a session that is not stored yet.
pub(crate) fn first(caller: &Caller, session: &mut Session) -> Result<Given, AuthError> {
    match caller.live.settings.security.refresh_tokens {
        RefreshTokens::Stored => Ok(Given { token: mfa::refresh_token(), replaces: None, has_row: true }),
        RefreshTokens::Signed => sign_from_now_on(caller, session, None),
    }
}

fn sign_from_now_on(caller: &Caller, session: &mut Session, replaces: Option<RefreshToken>) -> Result<Given, AuthError> {
    let key = RefreshKey::generate();
    session.signing = Some(Signing { key: sealed::seal(caller, session.id, &key.to_base64())?, number: 0 });
    Ok(Given { token: key.token(session.id, 0), replaces, has_row: false })
}

/// The session's key, renewed in its row where it should be sealed anew. One that was not made here signs nothing here.
fn open_key(caller: &Caller, session: &mut Session) -> Result<Option<RefreshKey>, AuthError> {
    let id = session.id;
    let Some(signing) = &mut session.signing else { return Ok(None) };
    let opened = sealed::open(caller, id, &signing.key)?;
    if opened.is_stale {
        signing.key = sealed::seal(caller, id, &opened.value)?;
    }
    Ok(RefreshKey::from_base64(&opened.value))
}

/// A token that came, with its session, which nobody else refreshes until the transaction's end.
pub(crate) struct Came {
    pub(crate) session: Session,
    key: Option<RefreshKey>,
    form: Form,
}

enum Form {
    Stored(String),
    /// And signed by the session's key.
    Number(i64),
}

/// What a token is worth.
pub(crate) enum Worth {
    /// It is good, and used up now.
    Unused(Option<RefreshToken>),
    /// It was used, and this is the one that its client should have.
    Replaced { by: String, was_last: bool },
    /// Somebody tries it who should have another by now.
    Reused,
}

/// Looks up a token.
pub(crate) async fn find(caller: &Caller, db: &Db, token: &str) -> Result<Option<Came>, AuthError> {
    let signed = SignedRefreshToken::parse(token);
    let session = match &signed {
        Some(signed) => store::sessions::find_for_update(db, signed.session_id).await?,
        None => store::sessions::find_by_token_for_update(db, token).await?,
    };
    let Some(mut session) = session else { return Ok(None) };
    let key = open_key(caller, &mut session)?;
    let form = match signed {
        None => Form::Stored(token.to_owned()),
        Some(signed) if key.as_ref().is_some_and(|key| signed.is_signed_by(key)) => Form::Number(signed.number),
        Some(_) => return Ok(None),
    };
    Ok(Some(Came { session, key, form }))
}

impl Came {
    /// `None`: there is no such token.
    pub(crate) async fn worth(&self, caller: &Caller, db: &Db) -> Result<Option<Worth>, StoreError> {
        let id = self.session.id;
        match (&self.form, &self.key) {
            (Form::Number(number), Some(key)) => Ok(self.by_number(caller, key, *number)),
            (Form::Number(_), None) => Ok(None),
            (Form::Stored(token), None) => {
                let (found, active) = futures::try_join!(
                    store::refresh_tokens::find_for_update(db, token),
                    store::refresh_tokens::active_of_session(db, id),
                )?;
                Ok(found.map(|found| by_row(caller, found, active)))
            }
            (Form::Stored(token), Some(key)) => {
                let (found, newest) = futures::try_join!(
                    store::refresh_tokens::find_for_update(db, token),
                    store::refresh_tokens::newest_of_session(db, id),
                )?;
                // The last one of version 1 is the one before number 0.
                let number = |found: RefreshToken| if newest == Some(found.id) { -1 } else { -2 };
                Ok(found.and_then(|found| self.by_number(caller, key, number(found))))
            }
        }
    }

    fn by_number(&self, caller: &Caller, key: &RefreshKey, number: i64) -> Option<Worth> {
        let last = self.session.signing.as_ref()?.number;
        let replaced = |was_last| Worth::Replaced { by: key.token(self.session.id, last), was_last };
        if number > last {
            // Of a time that the database does not know any more: it was restored from a backup.
            return None;
        }
        Some(match last - number {
            0 => Worth::Unused(None),
            1 => replaced(true),
            _ if is_forgiven(caller, self.session.refreshed_at) => replaced(false),
            _ => Worth::Reused,
        })
    }

    /// The one after a token that is unused, for the session as it is to be stored.
    pub(crate) fn next(&mut self, caller: &Caller, unused: Option<RefreshToken>) -> Result<Given, AuthError> {
        if let (Some(key), Some(signing)) = (&self.key, &mut self.session.signing) {
            return Ok(signed_next(key, self.session.id, signing));
        }
        let security = &caller.live.settings.security;
        let goes_over = security.refresh_tokens == RefreshTokens::Signed
            && rand::rng().random_range(0..100) < security.refresh_token_upgrade_percentage;
        if goes_over {
            return sign_from_now_on(caller, &mut self.session, unused);
        }
        Ok(Given { token: mfa::refresh_token(), replaces: unused, has_row: true })
    }
}

fn signed_next(key: &RefreshKey, session: Uuid, signing: &mut Signing) -> Given {
    signing.number += 1;
    Given { token: key.token(session, signing.number), replaces: None, has_row: false }
}

fn by_row(caller: &Caller, found: RefreshToken, active: Option<RefreshToken>) -> Worth {
    if !found.revoked {
        return Worth::Unused(Some(found));
    }
    let Some(active) = active else { return Worth::Reused };
    let was_last = active.parent.as_deref() == Some(found.token.as_str());
    if was_last || is_forgiven(caller, Some(found.updated_at)) {
        return Worth::Replaced { by: active.token, was_last };
    }
    Worth::Reused
}

/// Whether an older token is taken, too: its client and another of the same session do not know of each other yet.
fn is_forgiven(caller: &Caller, used_at: Option<OffsetDateTime>) -> bool {
    let security = &caller.live.settings.security;
    let is_recent = |used_at| OffsetDateTime::now_utc() - used_at <= security.refresh_token_reuse_interval;
    security.refresh_token_allow_reuse || used_at.is_some_and(is_recent)
}

/// Ends what a token that was tried again is part of: of version 1 all its tokens, of version 2 the session.
pub(crate) async fn end(db: &Db, session: &Session) -> Result<(), StoreError> {
    match session.signing {
        None => store::refresh_tokens::revoke_of_session(db, session.id).await,
        Some(_) => store::sessions::delete(db, session.id).await,
    }
}

/// Another token for a session whose user has shown more, in the place of the last; stored. `None`: the session has none any more.
pub(crate) async fn replace(caller: &Caller, db: &Db, session: &mut Session) -> Result<Option<String>, AuthError> {
    let key = open_key(caller, session)?;
    if let (Some(key), Some(signing)) = (&key, &mut session.signing) {
        let given = signed_next(key, session.id, signing);
        store::sessions::set_signing(db, session).await?;
        return Ok(Some(given.token));
    }
    // A session whose tokens were all taken back, because somebody tried one twice, is not given another.
    let Some(active) = store::refresh_tokens::active_of_session(db, session.id).await? else { return Ok(None) };
    let given = Given { token: mfa::refresh_token(), replaces: Some(active), has_row: true };
    given.store(db, session).await?;
    Ok(Some(given.token))
}
