//! Pages: which one a request wants, and the headers that tell of the others.

use std::collections::BTreeMap;

use http::{HeaderMap, HeaderName, HeaderValue, Uri, header::LINK};

use super::redirect::form;
use crate::{
    error::AuthError,
    store::listing::{Listing, Range},
};

const TOTAL: HeaderName = HeaderName::from_static("x-total-count");

/// Rows of a page where nothing is said.
const USUAL: i64 = 50;

/// Rows of a page at most; the headers count in such pages then.
const MOST: i64 = 10_000;

/// A request's query: its last value of each name, in the order of the names.
pub(super) type Parameters = BTreeMap<String, String>;

/// A page, counted from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Page {
    number: i64,
    size: i64,
}

impl Page {
    pub(super) fn of(parameters: &Parameters) -> Result<Self, AuthError> {
        let number = |name: &str, usual: i64| match parameters.get(name).map(String::as_str).unwrap_or_default() {
            "" => Ok(usual),
            text => text
                .parse()
                .ok()
                .filter(|number| *number >= 0)
                .ok_or_else(|| AuthError::validation(format!("Bad Pagination Parameters: {name} is no number: {text:?}"))),
        };
        let size = number("per_page", USUAL)?.min(MOST);
        if size == 0 {
            return Err(AuthError::validation("Bad Pagination Parameters: per_page is at least 1"));
        }
        Ok(Self { number: number("page", 1)?.max(1), size })
    }

    pub(super) fn range(self) -> Range {
        Range { offset: (self.number - 1).saturating_mul(self.size), limit: self.size }
    }

    /// Where the next page and the last one are, and how many rows there are in all.
    pub(super) fn headers<T>(self, uri: &Uri, parameters: &Parameters, listing: &Listing<T>) -> HeaderMap {
        let at = |number: i64, relation: &str| {
            let mut parameters = parameters.clone();
            parameters.insert("page".to_owned(), number.to_string());
            let members: Vec<_> = parameters.iter().map(|(name, value)| (name.as_str(), value.clone())).collect();
            format!("<{}?{}>; rel=\"{relation}\"", uri.path(), form(&members))
        };
        let last = listing.total.saturating_add(self.size - 1) / self.size;
        let mut links = Vec::new();
        if listing.has_next {
            links.push(at(self.number + 1, "next"));
        }
        links.push(at(last, "last"));
        let mut headers = HeaderMap::new();
        headers.insert(TOTAL, HeaderValue::from(listing.total));
        // A path and a query that are escaped.
        if let Ok(links) = HeaderValue::from_str(&links.join(", ")) {
            headers.insert(LINK, links);
        }
        headers
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parameters(query: &[(&str, &str)]) -> Parameters {
        query.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn clients_leave_empty_what_they_do_not_say() {
        let usual = Page { number: 1, size: 50 };
        assert_eq!(Page::of(&parameters(&[("page", ""), ("per_page", "")])).unwrap(), usual);
        assert_eq!(Page::of(&parameters(&[("page", "0")])).unwrap(), usual);
        assert_eq!(Page::of(&parameters(&[("per_page", "99999999")])).unwrap().size, MOST);
        assert_eq!(Page { number: i64::MAX, size: 50 }.range().offset, i64::MAX);
        for wrong in [("page", "x"), ("page", "-1"), ("per_page", "1.5"), ("per_page", "0")] {
            assert!(Page::of(&parameters(&[wrong])).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn links_keep_what_was_asked_for() {
        let listing = Listing { rows: Vec::<()>::new(), total: 101, has_next: true };
        let parameters = parameters(&[("per_page", "10"), ("page", "2"), ("filter", "a&b")]);
        let page = Page::of(&parameters).unwrap();
        let headers = page.headers(&Uri::from_static("/admin/users?page=2"), &parameters, &listing);
        assert_eq!(headers["x-total-count"], "101");
        let expected = "</admin/users?filter=a%26b&page=3&per_page=10>; rel=\"next\", \
                        </admin/users?filter=a%26b&page=11&per_page=10>; rel=\"last\"";
        assert_eq!(headers["link"], expected);
    }
}
