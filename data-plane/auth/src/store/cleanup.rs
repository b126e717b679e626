//! What has expired and serves nobody any longer.

use std::time::Duration;

use super::{Db, StoreError};

/// Each removes a bounded number of rows that are older by so many seconds than what they are for, and waits for nobody.
const STATEMENTS: [&str; 6] = [
    "delete from auth.flow_state where id in (select id from auth.flow_state \
     where created_at < now() - make_interval(secs => $1) limit 100 for update skip locked)",
    "delete from auth.one_time_tokens where id in (select id from auth.one_time_tokens \
     where created_at < (now() at time zone 'utc') - make_interval(secs => $1) limit 100 for update skip locked)",
    "delete from auth.mfa_challenges where id in (select id from auth.mfa_challenges \
     where created_at < now() - make_interval(secs => $1) limit 100 for update skip locked)",
    "delete from auth.mfa_factors where id in (select id from auth.mfa_factors \
     where status = 'unverified' and created_at < now() - make_interval(secs => $1) limit 100 for update skip locked)",
    "delete from _auth.limits where bucket in (select bucket from _auth.limits \
     where theoretical_arrival < now() - make_interval(secs => $1) limit 100 for update skip locked)",
    "delete from auth.oauth_client_states where id in (select id from auth.oauth_client_states \
     where created_at < now() - make_interval(secs => $1) limit 100 for update skip locked)",
];

/// Which of them is about a table that only this Auth has.
pub(crate) const LIMITS: usize = 4;

/// A day, in which nobody wonders where a row is.
const KEPT: Duration = Duration::from_secs(86_400);

/// Removes some rows of one kind, counted on and on. `longest`: how long a code is good.
///
/// # Errors
/// [`StoreError`]
pub async fn clean(db: &Db, kind: usize, longest: Duration) -> Result<u64, StoreError> {
    let sql = STATEMENTS[kind % STATEMENTS.len()];
    db.execute(sql, &[&(KEPT + longest).as_secs_f64()]).await
}
