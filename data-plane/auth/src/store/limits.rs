//! `_auth.limits`: how often somebody has asked, whatever restarts (the generic cell rate algorithm).

use std::time::Duration;

use super::{Db, StoreError};
use crate::settings::Rate;

/// Counts one event of a bucket, or answers how long to wait for the next. A bucket may be emptied at once.
///
/// # Errors
/// [`StoreError`]
pub async fn count(db: &Db, bucket: &str, rate: Rate) -> Result<Option<Duration>, StoreError> {
    // Not `now()`: whoever has waited for another one to count would go by a time before that one's.
    let sql = "with counted as ( \
               insert into _auth.limits as l (bucket, theoretical_arrival) \
               values ($1, clock_timestamp() + make_interval(secs => $2)) \
               on conflict (bucket) do update \
               set theoretical_arrival = greatest(l.theoretical_arrival, clock_timestamp()) + make_interval(secs => $2) \
               where l.theoretical_arrival <= clock_timestamp() + make_interval(secs => $3) returning 1) \
               select exists (select from counted), coalesce(extract(epoch from \
               (select theoretical_arrival from _auth.limits where bucket = $1) - clock_timestamp())::float8 - $3, 0)";
    let row = db.row(sql, &[&bucket, &interval(rate), &tolerance(rate)]).await?;
    Ok(row.filter(|row| !row.get::<_, bool>(0)).map(|row| wait(row.get(1))))
}

/// How long to wait for the next event of a bucket, if it is empty; counts nothing.
///
/// # Errors
/// [`StoreError`]
pub async fn look(db: &Db, bucket: &str, rate: Rate) -> Result<Option<Duration>, StoreError> {
    let sql = "select extract(epoch from theoretical_arrival - now())::float8 - $2 from _auth.limits \
               where bucket = $1 and theoretical_arrival > now() + make_interval(secs => $2)";
    Ok(db.row(sql, &[&bucket, &tolerance(rate)]).await?.map(|row| wait(row.get(0))))
}

/// Seconds between two events, were they even.
fn interval(rate: Rate) -> f64 {
    rate.over.as_secs_f64() / f64::from(rate.events.max(1))
}

/// How far ahead of that events may be.
fn tolerance(rate: Rate) -> f64 {
    interval(rate) * f64::from(rate.events.saturating_sub(1))
}

fn wait(seconds: f64) -> Duration {
    Duration::try_from_secs_f64(seconds.max(0.0)).unwrap_or_default()
}
