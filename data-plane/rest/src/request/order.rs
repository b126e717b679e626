//! The `order` parameter.

use super::{
    cursor::{Cursor, Parsed},
    field::Field,
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
    let mut cursor = Cursor::new("order", input);
    let mut terms = Vec::new();
    loop {
        if terms.len() == MAX_TERMS {
            return Err(cursor.error("no more than 100 terms"));
        }
        terms.push(term(&mut cursor)?);
        if !cursor.eat(",") {
            break;
        }
    }
    cursor.expect_end("\",\" or end of input")?;
    Ok(terms)
}

fn term(cursor: &mut Cursor<'_>) -> Parsed<OrderTerm> {
    let mut probe = cursor.clone();
    let relation = match probe.field_name() {
        Ok(name) if probe.eat("(") => {
            *cursor = probe;
            Some(name)
        }
        Ok(_) | Err(_) => None,
    };
    let field = Field::parse(cursor)?;
    if relation.is_some() {
        cursor.expect(")", "\")\"")?;
    }
    let mut term = OrderTerm { relation, field, descending: None, nulls_first: None };
    while cursor.eat(".") {
        let start = cursor.clone();
        match cursor.take_while(|c| c.is_ascii_lowercase()) {
            "asc" if term.descending.is_none() && term.nulls_first.is_none() => term.descending = Some(false),
            "desc" if term.descending.is_none() && term.nulls_first.is_none() => term.descending = Some(true),
            "nullsfirst" if term.nulls_first.is_none() => term.nulls_first = Some(true),
            "nullslast" if term.nulls_first.is_none() => term.nulls_first = Some(false),
            _ => return Err(start.error("\"asc\", \"desc\", \"nullsfirst\" or \"nullslast\"")),
        }
    }
    Ok(term)
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

    proptest! {
        #[test]
        fn never_panics(input in "\\PC*") {
            drop(parse(&input));
        }
    }
}
