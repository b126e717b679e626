//! Messages are sent once what they are about is committed, because no connection waits for a mail server. Where one can't be
//! sent, its flow is taken back: its client is told that it failed, and asks again.

use std::future::Future;

use time::OffsetDateTime;
use uuid::Uuid;

use crate::{
    caller::Caller,
    error::AuthError,
    model::{Factor, TokenKind, User},
    store::{self, Db, StoreError},
};

/// What is taken back.
#[derive(Debug)]
pub(crate) enum Undo {
    /// Nothing: the message tells of what stays done, and nobody waits for it.
    Nothing,
    /// The account that was made, or else the token that was put in the place of another.
    Token { before: Box<User>, kind: TokenKind, hash: String },
    /// The challenge of a factor.
    Challenge { id: Uuid, factor: Uuid, user: Uuid, challenged_at: Option<OffsetDateTime> },
}

impl Undo {
    /// For a message with a token. `before`: the user without it.
    pub(crate) fn token(before: &User, kind: TokenKind, hash: &str) -> Self {
        Self::Token { before: Box::new(before.clone()), kind, hash: hash.to_owned() }
    }

    /// For a message with the code of a challenge. `before`: the factor without it.
    pub(crate) fn challenge(id: Uuid, before: &Factor) -> Self {
        Self::Challenge { id, factor: before.id, user: before.user_id, challenged_at: before.last_challenged_at }
    }

    async fn run(self, db: &Db) -> Result<(), StoreError> {
        match self {
            Self::Nothing => Ok(()),
            Self::Token { before, kind, hash } => take_token_back(db, *before, kind, &hash).await,
            Self::Challenge { id, factor, user, challenged_at } => {
                store::factors::delete_challenge(db, id).await?;
                if let Some(mut factor) = store::factors::find(db, user, factor).await? {
                    factor.last_challenged_at = challenged_at;
                    store::factors::update(db, &mut factor).await?;
                }
                Ok(())
            }
        }
    }
}

/// Has a message be sent once the transaction is committed. Who asked for it waits, unless it must not be seen that something is sent.
pub(crate) fn send_afterwards(
    caller: &Caller,
    db: &Db,
    undo: Undo,
    sending: impl Future<Output = Result<(), AuthError>> + Send + 'static,
) {
    if matches!(undo, Undo::Nothing) {
        return db.afterwards(async {
            tokio::spawn(async {
                if let Err(error) = sending.await {
                    tracing::warn!(?error, "a notification was not sent");
                }
            });
            Ok(())
        });
    }
    let sender = caller.clone();
    let sent = async move {
        let Err(error) = sending.await else { return Ok(()) };
        if let Err(failure) = take_back(&sender, undo).await {
            tracing::warn!(error = ?failure, "what a message was for was not taken back");
        }
        Err(error)
    };
    if !caller.is_told_nothing {
        return db.afterwards(sent);
    }
    db.afterwards(async {
        tokio::spawn(async {
            if let Err(error) = sent.await {
                tracing::warn!(?error, "a message was not sent");
            }
        });
        Ok(())
    });
}

async fn take_back(caller: &Caller, undo: Undo) -> Result<(), AuthError> {
    let tx = caller.begin().await?;
    let outcome = undo.run(&tx).await.map_err(AuthError::from);
    tx.end(outcome).await
}

/// Unless it was used or replaced in the meantime.
async fn take_token_back(db: &Db, mut before: User, kind: TokenKind, hash: &str) -> Result<(), StoreError> {
    let Some(mut user) = store::users::find_for_update(db, before.id).await? else { return Ok(()) };
    if user.token(kind).0 != hash {
        return Ok(());
    }
    if before.is_new {
        return store::users::delete(db, user.id).await;
    }
    let kinds: &[TokenKind] = match kind {
        TokenKind::Confirmation => {
            user.invited_at = before.invited_at;
            &[TokenKind::Confirmation]
        }
        TokenKind::EmailChangeNew | TokenKind::EmailChangeCurrent => {
            user.email_change.clone_from(&before.email_change);
            user.email_change_confirm_status = before.email_change_confirm_status;
            &[TokenKind::EmailChangeNew, TokenKind::EmailChangeCurrent]
        }
        TokenKind::PhoneChange => {
            user.phone_change.clone_from(&before.phone_change);
            &[TokenKind::PhoneChange]
        }
        TokenKind::Recovery => &[TokenKind::Recovery],
        TokenKind::Reauthentication => &[TokenKind::Reauthentication],
    };
    for kind in kinds {
        let (token, sent_at) = before.token(*kind);
        let (token, sent_at) = (std::mem::take(token), *sent_at);
        store::one_time_tokens::clear(db, user.id, *kind).await?;
        if !token.is_empty() {
            let relates_to = match kind {
                TokenKind::EmailChangeNew => &before.email_change,
                TokenKind::PhoneChange => &before.phone_change,
                _ if before.email().is_empty() => before.phone(),
                _ => before.email(),
            };
            store::one_time_tokens::put(db, user.id, *kind, &token, relates_to).await?;
        }
        let slot = user.token(*kind);
        *slot.0 = token;
        *slot.1 = sent_at;
    }
    store::users::update(db, &mut user).await
}
