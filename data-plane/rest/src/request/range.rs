//! Which rows are asked for: `limit`, `offset` and the `Range` header.

use http::HeaderMap;

use crate::error::RestError;

/// A window over the rows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct RowRange {
    pub(crate) offset: u64,
    pub(crate) limit: Option<u64>,
}

impl RowRange {
    /// Both windows hold: `other` is taken as an upper bound of this one.
    pub(crate) fn intersect(self, other: Self) -> Self {
        let offset = self.offset.max(other.offset);
        let end = |range: Self| range.limit.map(|limit| range.offset.saturating_add(limit));
        let end = match (end(self), end(other)) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        };
        Self { offset, limit: end.map(|end| end.saturating_sub(offset)) }
    }

    /// The part of it that is in the `Range` header's window, too. Where there is none, there would be nothing to answer;
    /// PostgREST takes that for a limit that can't be, unless it was asked for by a limit of 0.
    pub(crate) fn within(self, window: Self) -> Result<Self, RestError> {
        let both = self.intersect(window);
        if both.limit == Some(0) && self.limit != Some(0) { Err(bad_limit()) } else { Ok(both) }
    }

    pub(crate) fn capped(self, max_rows: Option<u64>) -> Self {
        Self {
            limit: match (self.limit, max_rows) {
                (Some(a), Some(b)) => Some(a.min(b)),
                (a, b) => a.or(b),
            },
            ..self
        }
    }
}

/// The value of `limit`. What is no number is ignored, as PostgREST does; what is negative is an error.
pub(crate) fn limit(value: &str) -> Result<Option<u64>, RestError> {
    match value.parse::<i64>() {
        Ok(number) => u64::try_from(number).map(Some).map_err(|_| bad_limit()),
        Err(_) => Ok(None),
    }
}

fn bad_limit() -> RestError {
    RestError::Range { details: "Limit should be greater than or equal to zero.".to_owned(), total: None }
}

/// The value of `offset`. What is no number, or negative, is ignored, as PostgREST does.
pub(crate) fn offset(value: &str) -> Option<u64> {
    value.parse().ok()
}

/// The `Range` header, whose unit is `items`, with or without the unit. What is no range is ignored.
pub(crate) fn header(headers: &HeaderMap) -> Result<RowRange, RestError> {
    let value = headers.get(http::header::RANGE).and_then(|value| value.to_str().ok());
    let Some((first, last)) =
        value.map(|value| value.trim().trim_start_matches("items=")).and_then(|value| value.split_once('-'))
    else {
        return Ok(RowRange::default());
    };
    match (first.parse::<u64>(), last.parse::<u64>()) {
        (Ok(first), Ok(last)) if last < first => Err(RestError::Range {
            details: "The lower boundary must be lower than or equal to the upper boundary in the Range header.".to_owned(),
            total: None,
        }),
        (Ok(first), Ok(last)) => Ok(RowRange { offset: first, limit: Some((last - first).saturating_add(1)) }),
        (Ok(first), Err(_)) if last.is_empty() => Ok(RowRange { offset: first, limit: None }),
        (Ok(_) | Err(_), Ok(_) | Err(_)) => Ok(RowRange::default()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn range(value: &str) -> Result<RowRange, RestError> {
        let mut headers = HeaderMap::new();
        headers.insert("range", value.parse().unwrap());
        header(&headers)
    }

    #[test]
    fn reads_the_header() {
        assert_eq!(range("0-9").unwrap(), RowRange { offset: 0, limit: Some(10) });
        assert_eq!(range("items=5-").unwrap(), RowRange { offset: 5, limit: None });
        assert_eq!(range("bytes").unwrap(), RowRange::default());
        assert!(range("9-0").is_err());
    }

    #[test]
    fn windows_intersect() {
        let a = RowRange { offset: 2, limit: Some(10) };
        let b = RowRange { offset: 5, limit: Some(100) };
        assert_eq!(a.intersect(b), RowRange { offset: 5, limit: Some(7) });
        assert_eq!(a.capped(Some(3)).limit, Some(3));
        assert_eq!(a.within(b).unwrap(), a.intersect(b));
    }

    #[test]
    fn windows_that_have_nothing_in_common_are_refused() {
        let range = |offset, limit| RowRange { offset, limit };
        for (asked, window) in [(range(0, Some(1)), range(2, Some(2))), (range(5, None), range(0, Some(1)))] {
            assert!(matches!(asked.within(window), Err(RestError::Range { .. })), "{asked:?} {window:?}");
        }
        assert_eq!(range(0, Some(0)).within(range(2, Some(2))).unwrap().limit, Some(0));
        assert_eq!(range(0, Some(3)).within(range(2, Some(2))).unwrap(), range(2, Some(1)));
    }

    proptest! {
        #[test]
        fn never_panics(input in "[ -~]*", number in "-?[0-9]{0,30}-?[0-9]{0,30}") {
            drop(range(&input));
            drop(range(&number));
            drop((limit(&number), offset(&number)));
        }
    }
}
