//! The query string: decoded, sorted into what it is about, and each part parsed.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

use super::{
    filter::{self, Condition, Filter},
    names,
    order::{self, OrderTerm},
    payload::{MAX_DEPTH, nesting},
    range::{self, RowRange},
    select::{self, SelectItem},
};
use crate::error::{DatabaseError, RestError};

/// The names of the embedded resources that lead to what a parameter is about; empty for the root.
pub(crate) type Path = Vec<String>;

#[derive(Debug, Default)]
pub(crate) struct QueryString {
    pub(crate) select: Option<Vec<SelectItem>>,
    pub(crate) filters: Vec<(Path, Condition)>,
    pub(crate) orders: Vec<(Path, Vec<OrderTerm>)>,
    /// Limits and offsets of embedded resources, and of the root by the empty path.
    pub(crate) ranges: Vec<(Path, RowRange)>,
    pub(crate) columns: Option<Vec<String>>,
    pub(crate) on_conflict: Option<Vec<String>>,
    /// Arguments of a function called by GET.
    pub(crate) arguments: Vec<(String, String)>,
    /// The parameters sorted and encoded again, for `Content-Location`.
    pub(crate) canonical: String,
}

/// Bytes of a query string at most.
const MAX_LENGTH: usize = 64 * 1024;
/// Parameters at most.
const MAX_PARAMETERS: usize = 1000;

/// What is percent-encoded in addresses that we make: everything but RFC 3986's unreserved characters.
pub(crate) const ALL_BUT_UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

impl QueryString {
    /// `calls_function`: parameters that are no filters are arguments.
    pub(crate) fn parse(raw: &str, calls_function: bool) -> Result<Self, RestError> {
        let pairs = decode(raw)?;
        let mut found = Self { canonical: canonical(&pairs), ..Self::default() };
        for (key, value) in pairs {
            found.take(key, value, calls_function)?;
        }
        Ok(found)
    }

    fn take(&mut self, key: String, value: String, calls_function: bool) -> Result<(), RestError> {
        match key.as_str() {
            // The first of several counts; the others are not looked at.
            "select" if self.select.is_some() => {}
            "columns" if self.columns.is_some() => {}
            "on_conflict" if self.on_conflict.is_some() => {}
            "select" => self.select = Some(select::parse(&value)?),
            "columns" => self.columns = Some(names::list("columns parameter", &value)?),
            "on_conflict" => self.on_conflict = Some(names::list("on_conflict parameter", &value)?),
            _ => {
                let (mut path, last) = split_path(&key);
                match last.as_str() {
                    "order" => self.orders.push((path, order::parse(&value)?)),
                    "limit" => {
                        let limit = range::limit(&value)?;
                        self.range_of(path).limit = limit;
                    }
                    "offset" => {
                        let offset = range::offset(&value).unwrap_or(0);
                        self.range_of(path).offset = offset;
                    }
                    "and" | "or" => {
                        let negated = path.last().is_some_and(|name| name == "not");
                        if negated {
                            path.pop();
                        }
                        self.filters.push((path, filter::parse_group(&value, negated, last == "or")?));
                    }
                    _ => self.take_filter(key, value, calls_function)?,
                }
            }
        }
        Ok(())
    }

    /// A filter, or an argument of a function: a value that does not even begin like a filter.
    fn take_filter(&mut self, key: String, value: String, calls_function: bool) -> Result<(), RestError> {
        let (path, field) = filter::parse_key(&key)?;
        match filter::parse_operation(&value) {
            Ok((negated, operation)) => {
                self.filters.push((path, Condition::Filter(Filter { field, negated, operation })));
            }
            Err(error) if calls_function && !error.began() => {
                let is_name = path.is_empty() && field.path.is_empty();
                self.arguments.push((if is_name { field.name } else { key }, value));
            }
            Err(error) => return Err(error.into()),
        }
        Ok(())
    }

    fn range_of(&mut self, path: Path) -> &mut RowRange {
        let index = self.ranges.iter().position(|(known, _)| *known == path).unwrap_or_else(|| {
            self.ranges.push((path, RowRange::default()));
            self.ranges.len() - 1
        });
        &mut self.ranges[index].1
    }

    /// The range of the resource itself.
    pub(crate) fn root_range(&self) -> RowRange {
        self.ranges.iter().find(|(path, _)| path.is_empty()).map(|(_, range)| *range).unwrap_or_default()
    }
}

/// Decodes `application/x-www-form-urlencoded` text.
pub(crate) fn decode(raw: &str) -> Result<Vec<(String, String)>, RestError> {
    let invalid = |what: &str| RestError::InvalidInput { message: format!("invalid query string: {what}"), details: None };
    if raw.len() > MAX_LENGTH {
        return Err(invalid("longer than 65536 bytes"));
    }
    let mut pairs = Vec::new();
    for pair in raw.split('&').filter(|pair| !pair.is_empty()) {
        if pairs.len() == MAX_PARAMETERS {
            return Err(invalid("more than 1000 parameters"));
        }
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        pairs.push((decode_text(key)?, decode_text(value)?));
    }
    Ok(pairs)
}

fn decode_text(text: &str) -> Result<String, RestError> {
    let spaced = text.replace('+', " ");
    let decoded = percent_decode_str(&spaced)
        .decode_utf8()
        .map_err(|_| RestError::InvalidInput { message: "invalid query string: not UTF-8".to_owned(), details: None })?;
    if decoded.contains('\0') {
        // As PostgreSQL says it of a value; it is not asked.
        return Err(RestError::Database(DatabaseError {
            sqlstate: "22021".to_owned(),
            message: "invalid byte sequence for encoding \"UTF8\": 0x00".to_owned(),
            detail: None,
            hint: None,
            authenticated: false,
        }));
    }
    if decoded.len() > MAX_DEPTH && nesting(&decoded) > MAX_DEPTH {
        return Err(RestError::InvalidInput {
            message: format!("invalid query string: nested deeper than {MAX_DEPTH} levels"),
            details: None,
        });
    }
    Ok(decoded.into_owned())
}

fn canonical(pairs: &[(String, String)]) -> String {
    let mut sorted: Vec<&(String, String)> = pairs.iter().collect();
    // Several values of one name keep their order.
    sorted.sort_by(|a, b| a.0.cmp(&b.0));
    let mut canonical = String::new();
    for (index, (key, value)) in sorted.into_iter().enumerate() {
        if index > 0 {
            canonical.push('&');
        }
        canonical.extend(utf8_percent_encode(key, ALL_BUT_UNRESERVED));
        canonical.push('=');
        canonical.extend(utf8_percent_encode(value, ALL_BUT_UNRESERVED));
    }
    canonical
}

/// `a.b.column->x.y` into the path `a`, `b` and the rest. Dots after an arrow or in quotes do not split.
fn split_path(key: &str) -> (Path, String) {
    let mut path = Vec::new();
    let mut current = String::new();
    let mut quoted = false;
    let mut characters = key.chars().peekable();
    while let Some(c) = characters.next() {
        match c {
            '"' => {
                quoted = !quoted;
                current.push(c);
            }
            '-' if !quoted && characters.peek() == Some(&'>') => {
                current.push(c);
                current.extend(characters.by_ref());
            }
            '.' if !quoted => path.push(std::mem::take(&mut current)),
            other => current.push(other),
        }
    }
    let unquoted = path.into_iter().map(|name| name.trim().trim_matches('"').to_owned()).collect();
    (unquoted, current)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn sorts_parameters_into_what_they_are_about() {
        let found =
            QueryString::parse("select=*,a(*)&a.b.order=x&a.limit=3&id=eq.1&a.not.or=(x.eq.1)&offset=2&d-%3E%3Ea=eq.3", false)
                .unwrap();
        assert_eq!(found.orders[0].0, ["a", "b"]);
        assert_eq!(found.ranges[0], (vec!["a".to_owned()], RowRange { offset: 0, limit: Some(3) }));
        assert_eq!(found.root_range().offset, 2);
        assert_eq!(found.filters.len(), 3);
        assert_eq!(found.filters[1].0, ["a"]);
        assert!(matches!(found.filters[1].1, Condition::Group { negated: true, any: true, .. }));
    }

    #[test]
    fn only_functions_take_arguments() {
        assert_eq!(QueryString::parse("a=5&b=eq.5", true).unwrap().arguments, [("a".to_owned(), "5".to_owned())]);
        assert!(QueryString::parse("a=5", false).is_err());
        for (raw, name) in [("a=is", "a"), ("%22a.b%22=c", "a.b"), ("a.b=c", "a.b"), ("a-%3Eb=c", "a->b"), ("a=eq(any)", "a")] {
            let found = QueryString::parse(raw, true).unwrap();
            assert_eq!((found.arguments[0].0.as_str(), found.filters.len()), (name, 0), "{raw}");
        }
        for broken in ["a=is.x", "a=in.5", "a=not.x", "a@b=5", "a.=5"] {
            assert!(matches!(QueryString::parse(broken, true), Err(RestError::Parse(_))), "{broken}");
        }
    }

    #[test]
    fn a_filters_key_is_a_path() {
        let found = QueryString::parse("a.%22b.c%22.d-%3E%3Ee=eq.1", false).unwrap();
        assert_eq!(found.filters[0].0, ["a", "b.c"]);
        assert!(
            matches!(&found.filters[0].1, Condition::Filter(filter) if filter.field.name == "d" && filter.field.path.len() == 1)
        );
    }

    #[test]
    fn canonical_form_is_sorted() {
        let found = QueryString::parse("select=id&id=in.(1,2)", false).unwrap();
        assert_eq!(found.canonical, "id=in.%281%2C2%29&select=id");
    }

    #[test]
    fn refuses_what_is_no_text() {
        for bad in ["a=eq.%00", "a=eq.%ff", "%00=eq.1"] {
            assert_eq!(QueryString::parse(bad, false).unwrap_err().status().as_u16(), 400, "{bad}");
        }
    }

    proptest! {
        #[test]
        fn never_panics_and_fails_with_a_client_error(input in "[ -~]*", rpc: bool) {
            if let Err(error) = QueryString::parse(&input, rpc) {
                prop_assert!(error.status().is_client_error());
            }
        }

        #[test]
        fn never_panics_on_its_own_alphabet(input in "(select|order|limit|and|a|=|&|\\.|not|\\(|\\)|,|->|%22|\"|eq|in){0,30}") {
            if let Err(error) = QueryString::parse(&input, false) {
                prop_assert!(error.status().is_client_error());
            }
        }
    }
}
