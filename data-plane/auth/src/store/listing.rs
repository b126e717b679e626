//! Pages of tables that may be long.
//!
//! A page's ids are found first, from an index alone where nothing is searched for, and the rows then by id: a far page costs
//! the entries of the index before it, and no row.

use uuid::Uuid;

use super::{Db, Parameter, StoreError};

/// Which rows: so many after so many.
#[derive(Debug, Clone, Copy)]
pub struct Range {
    pub offset: i64,
    pub limit: i64,
}

/// One page.
#[derive(Debug)]
pub struct Listing<T> {
    pub rows: Vec<T>,
    /// How many there are on all pages: exact up to [`EXACT`], where something is searched for, and on the last page; from the
    /// table's statistics otherwise.
    pub total: i64,
    /// Whether this page is not the last.
    pub has_next: bool,
}

/// Up to so many rows are counted one by one.
pub(crate) const EXACT: i64 = 100_000;

/// How many rows a table has, counted in the index of its pages up to `$1`.
macro_rules! size {
    ($table:literal) => {
        concat!(
            "select case when counted <= $1::bigint then counted else greatest(counted, (select reltuples::bigint from pg_class ",
            "where oid = '",
            $table,
            "'::regclass)) end from (select count(*) as counted from (select id from ",
            $table,
            " order by created_at desc, id desc limit $1::bigint + 1) as beginning) as size"
        )
    };
}
pub(super) use size;

/// The ids of a page that `sql` finds: `$1` is how many, `$2` after how many. Its second column is the number of all, or null where
/// that is not found on the way; `size` then tells it (see [`size!`]).
pub(super) async fn ids(
    db: &Db,
    sql: &'static str,
    filter: &[Parameter<'_>],
    range: Range,
    size: &'static str,
) -> Result<Listing<Uuid>, StoreError> {
    // One more tells whether there is another page.
    let limit = range.limit.saturating_add(1);
    let mut rows = db.rows(sql, &[&[&limit as Parameter<'_>, &range.offset], filter].concat()).await?;
    let has_next = i64::try_from(rows.len()).is_ok_and(|found| found == limit);
    let mut total = rows.first().and_then(|row| row.get(1));
    if has_next {
        rows.pop();
    }
    let is_after_the_end = rows.is_empty() && range.offset > 0;
    let seen = range.offset.saturating_add(i64::try_from(rows.len()).unwrap_or(i64::MAX));
    if !has_next && !is_after_the_end {
        total = Some(seen);
    }
    if is_after_the_end {
        let first = db.row(sql, &[&[&1_i64 as Parameter<'_>, &0_i64], filter].concat()).await?;
        total = first.map_or(Some(0), |row| row.get(1));
    }
    let total = match total {
        Some(total) => total,
        None => {
            let counted: i64 = db.row(size, &[&EXACT]).await?.map_or(0, |row| row.get(0));
            if has_next { counted.max(seen + 1) } else { counted }
        }
    };
    Ok(Listing { rows: rows.iter().map(|row| row.get(0)).collect(), total, has_next })
}

impl<T> Listing<T> {
    /// With other rows for the same page.
    pub(crate) fn with<R>(self, rows: Vec<R>) -> Listing<R> {
        Listing { rows, total: self.total, has_next: self.has_next }
    }
}
