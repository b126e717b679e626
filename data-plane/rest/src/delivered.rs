//! Rows that come one by one, joined to a body as they come.

use std::{pin::pin, sync::Arc};

use futures::{TryStream, TryStreamExt as _};
use tokio_postgres::{
    Error, Row,
    types::{FromSql, Type},
};

use crate::{
    error::RestError,
    query::Joined,
    request::RowRange,
    spool::{Payload, Space, Spool},
};

/// How rows are taken that come one by one.
#[derive(Debug)]
pub(crate) struct Singly {
    pub(crate) joined: &'static Joined,
    /// The page that these are, if the total is wanted.
    pub(crate) counted: Option<RowRange>,
}

/// What the statement gave, in the terms of one that gives all at once.
#[derive(Debug, Default)]
pub(crate) struct Delivered {
    pub(crate) counted: Option<i64>,
    pub(crate) rows: i64,
    pub(crate) body: Payload,
    pub(crate) response_headers: Option<String>,
    pub(crate) response_status: Option<String>,
}

/// A body in the making.
#[derive(Debug)]
pub(crate) struct Joining<'a> {
    singly: &'a Singly,
    spool: Spool,
    delivered: Delivered,
}

impl<'a> Joining<'a> {
    pub(crate) fn new(singly: &'a Singly, space: &Arc<Space>) -> Self {
        Self { singly, spool: Spool::new(space), delivered: Delivered::default() }
    }

    pub(crate) async fn row(&mut self, text: &[u8]) -> Result<(), RestError> {
        let Joined { before, between, .. } = self.singly.joined;
        self.spool.push(if self.delivered.rows == 0 { before } else { between }.as_bytes());
        self.spool.push(text);
        self.delivered.rows += 1;
        self.spool.settle().await
    }

    /// What the row that is none tells of all others.
    pub(crate) fn rest(&mut self, counted: Option<i64>, response_headers: Option<String>, response_status: Option<String>) {
        self.delivered = Delivered { counted, response_headers, response_status, ..std::mem::take(&mut self.delivered) };
    }

    pub(crate) async fn finish(mut self) -> Result<Delivered, RestError> {
        let Joined { after, of_none, .. } = self.singly.joined;
        let rows = self.delivered.rows;
        self.spool.push(if rows == 0 { of_none } else { after }.as_bytes());
        let told = self.singly.counted.and_then(|page| told_by_page(page, rows));
        let counted = told.or(self.delivered.counted);
        Ok(Delivered { counted, body: self.spool.finish().await?, ..self.delivered })
    }
}

/// The outer error is ours: the rest of the rows is not wanted any more.
pub(crate) async fn collect(
    stream: impl TryStream<Ok = Row, Error = Error>,
    singly: &Singly,
    space: &Arc<Space>,
) -> Result<Result<Delivered, Error>, RestError> {
    let mut stream = pin!(stream.into_stream());
    let mut joining = Joining::new(singly, space);
    loop {
        let row = match stream.try_next().await {
            Ok(Some(row)) => row,
            Ok(None) => return joining.finish().await.map(Ok),
            Err(error) => return Ok(Err(error)),
        };
        match row.try_get::<_, Option<Utf8<'_>>>(0) {
            Ok(Some(Utf8(text))) => joining.row(text).await?,
            Ok(None) => match rest(&row) {
                Ok((counted, headers, status)) => joining.rest(counted, headers, status),
                Err(error) => return Ok(Err(error)),
            },
            Err(error) => return Ok(Err(error)),
        }
    }
}

type Rest = (Option<i64>, Option<String>, Option<String>);

fn rest(row: &Row) -> Result<Rest, Error> {
    Ok((row.try_get(1)?, row.try_get(2)?, row.try_get(3)?))
}

/// The total, where the page has the last row.
fn told_by_page(page: RowRange, rows: i64) -> Option<i64> {
    let RowRange { offset, limit } = page;
    let is_full = limit.is_some_and(|limit| u64::try_from(rows).is_ok_and(|rows| rows >= limit));
    let offset = i64::try_from(offset).unwrap_or(i64::MAX);
    (!is_full && (offset == 0 || rows > 0)).then(|| rows.saturating_add(offset))
}

/// Text that PostgreSQL has checked.
struct Utf8<'a>(&'a [u8]);

impl<'a> FromSql<'a> for Utf8<'a> {
    fn from_sql(_: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn std::error::Error + Sync + Send>> {
        Ok(Self(raw))
    }

    fn accepts(of: &Type) -> bool {
        *of == Type::TEXT
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_with_the_last_row_tells_the_total() {
        let page = |offset, limit| RowRange { offset, limit };
        assert_eq!(told_by_page(page(0, None), 0), Some(0));
        assert_eq!(told_by_page(page(0, None), 7), Some(7));
        assert_eq!(told_by_page(page(3, Some(10)), 7), Some(10));
        assert_eq!(told_by_page(page(3, Some(7)), 7), None);
        assert_eq!(told_by_page(page(3, None), 0), None);
    }
}
