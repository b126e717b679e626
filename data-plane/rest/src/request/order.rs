//! The `order` parameter.

use super::{
    cursor::{Cursor, Parsed, Step, parse as parse_all},
    field::Field,
    names,
};

/// One term of an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct OrderTerm {
    /// The embedded to-one resource the column is of: `relation(column)`.
    pub(crate) relation: Option<String>,
    pub(crate) field: Field,
    pub(crate) descending: Option<bool>,
    pub(crate) nulls_first: Option<bool>,
}

/// Terms at most.
const MAX_TERMS: usize = 100;

pub(crate) fn parse(input: &str) -> Parsed<Vec<OrderTerm>> {
    parse_all("order", input, |cursor| cursor.separated(|cursor| cursor.string(","), term))
}

fn term(cursor: &mut Cursor<'_>) -> Step<OrderTerm> {
    cursor.count(MAX_TERMS, "no more than 100 terms")?;
    cursor.or(|cursor| cursor.attempt(|cursor| column(cursor, true)), |cursor| column(cursor, false))
}

fn column(cursor: &mut Cursor<'_>, is_related: bool) -> Step<OrderTerm> {
    let relation = if is_related {
        let relation = names::name(cursor)?;
        cursor.string("(")?;
        Some(relation)
    } else {
        None
    };
    let field = Field::parse(cursor)?;
    if is_related {
        cursor.string(")")?;
    }
    let descending = cursor.option(|cursor| after_dot(cursor, &[("asc", false), ("desc", true)]))?;
    let nulls_first = cursor.option(|cursor| after_dot(cursor, &[("nullsfirst", true), ("nullslast", false)]))?;
    cursor.or(|cursor| cursor.before(","), Cursor::end)?;
    Ok(OrderTerm { relation, field, descending, nulls_first })
}

/// A dot and one of these words.
fn after_dot(cursor: &mut Cursor<'_>, words: &[(&'static str, bool)]) -> Step<bool> {
    cursor.attempt(|cursor| {
        names::delimiter(cursor)?;
        cursor.choice(words)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn parses_terms() {
        let terms = parse("a,b.desc,c.nullslast,d->>x.asc.nullsfirst,rel(e).desc").unwrap();
        let shown: Vec<_> =
            terms.iter().map(|t| (t.relation.as_deref(), t.field.name.as_str(), t.descending, t.nulls_first)).collect();
        assert_eq!(
            shown,
            [
                (None, "a", None, None),
                (None, "b", Some(true), None),
                (None, "c", None, Some(false)),
                (None, "d", Some(false), Some(true)),
                (Some("rel"), "e", Some(true), None),
            ]
        );
        for bad in ["", "a.", "a.up", "a,", "a.desc.asc", "a;drop", "rel(a"] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn says_what_is_wrong() {
        for (input, column, details) in [
            // What an unfinished order by a related column says; it was that of a whole one before there were any (PostgREST 2702).
            (
                "user(lastName",
                5,
                r#"unexpected '(' expecting letter, digit, "-", "->>", "->", delimiter (.), "," or end of input"#,
            ),
            ("", 1, "unexpected end of input expecting field name (* or [a..z0..9_$])"),
            ("a,", 3, "unexpected end of input expecting field name (* or [a..z0..9_$])"),
            ("a.up", 3, r#"unexpected "u" expecting "asc", "desc", "nullsfirst" or "nullslast""#),
            ("a.descx", 7, r#"unexpected 'x' expecting delimiter (.), "," or end of input"#),
            ("a.desc.asc", 8, r#"unexpected "a" expecting "nullsfirst" or "nullslast""#),
            ("a.nullslast.asc", 12, r#"unexpected '.' expecting "," or end of input"#),
        ] {
            let error = parse(input).unwrap_err();
            assert_eq!(
                (error.to_string(), error.details()),
                (format!("\"failed to parse order ({input})\" (line 1, column {column})"), details)
            );
        }
    }

    proptest! {
        #[test]
        fn never_panics(input in "\\PC*") {
            drop(parse(&input));
        }
    }
}
