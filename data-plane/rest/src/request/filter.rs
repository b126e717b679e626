//! Filters: `column=op.value`, and the trees of `and`, `or` and their negations.

use super::{
    cursor::{Cursor, Parsed, Step, parse, parse_after},
    field::{self, Field},
    names,
};

/// A condition on one column, or a tree of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Condition {
    Filter(Filter),
    Group { negated: bool, any: bool, members: Vec<Condition> },
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Filter {
    pub(crate) field: Field,
    pub(crate) negated: bool,
    pub(crate) operation: Operation,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Operation {
    Compare { operator: Operator, quantifier: Option<Quantifier>, value: String },
    In(Vec<String>),
    Is(IsValue),
    IsDistinct(String),
    Search { function: &'static str, language: Option<String>, value: String },
}

/// Operators written between column and value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Operator {
    Eq,
    Neq,
    Gt,
    Gte,
    Lt,
    Lte,
    Like,
    Ilike,
    Match,
    Imatch,
    Contains,
    Contained,
    Overlaps,
    StrictlyLeft,
    StrictlyRight,
    NotRight,
    NotLeft,
    Adjacent,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Quantifier {
    Any,
    All,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum IsValue {
    Null,
    NotNull,
    True,
    False,
    Unknown,
}

impl Operator {
    /// As SQL.
    pub(crate) fn sql(self) -> &'static str {
        match self {
            Self::Eq => "=",
            Self::Neq => "<>",
            Self::Gt => ">",
            Self::Gte => ">=",
            Self::Lt => "<",
            Self::Lte => "<=",
            Self::Like => "LIKE",
            Self::Ilike => "ILIKE",
            Self::Match => "~",
            Self::Imatch => "~*",
            Self::Contains => "@>",
            Self::Contained => "<@",
            Self::Overlaps => "&&",
            Self::StrictlyLeft => "<<",
            Self::StrictlyRight => ">>",
            Self::NotRight => "&<",
            Self::NotLeft => "&>",
            Self::Adjacent => "-|-",
        }
    }

    /// Whether `*` stands for `%` in the value.
    pub(crate) fn is_pattern(self) -> bool {
        matches!(self, Self::Like | Self::Ilike)
    }
}

/// Operators that a quantifier may follow. Where one is the beginning of another, the longer one comes first.
const QUANTIFIED: [(&str, Operator); 9] = [
    ("eq", Operator::Eq),
    ("gte", Operator::Gte),
    ("gt", Operator::Gt),
    ("lte", Operator::Lte),
    ("lt", Operator::Lt),
    ("like", Operator::Like),
    ("ilike", Operator::Ilike),
    ("match", Operator::Match),
    ("imatch", Operator::Imatch),
];

const PLAIN: [(&str, Operator); 9] = [
    ("neq", Operator::Neq),
    ("cs", Operator::Contains),
    ("cd", Operator::Contained),
    ("ov", Operator::Overlaps),
    ("sl", Operator::StrictlyLeft),
    ("sr", Operator::StrictlyRight),
    ("nxr", Operator::NotRight),
    ("nxl", Operator::NotLeft),
    ("adj", Operator::Adjacent),
];

const SEARCHES: [(&str, &str); 4] =
    [("fts", "to_tsquery"), ("plfts", "plainto_tsquery"), ("phfts", "phraseto_tsquery"), ("wfts", "websearch_to_tsquery")];

/// Nesting of logical trees at most.
const MAX_DEPTH: usize = 32;
/// Members of one tree at most, all levels together.
const MAX_MEMBERS: usize = 2000;

/// `op.value`, where the value is everything after the operator.
pub(crate) fn parse_operation(input: &str) -> Parsed<(bool, Operation)> {
    parse("filter", input, |cursor| operation(cursor, Value::ToEnd))
}

/// `relation.column->key`, the key of a filter: the embedded resources that lead to the column, and the column.
pub(crate) fn parse_key(input: &str) -> Parsed<(Vec<String>, Field)> {
    parse("tree path", input, |cursor| {
        let mut names = cursor.separated(names::delimiter, names::name)?;
        let path = field::json_path(cursor)?;
        // There is at least one.
        let name = names.pop().unwrap_or_default();
        Ok((names, Field { name, path }))
    })
}

/// `(a.eq.1,or(b.is.null,c.not.gt.3))`, the value of `and`, `or` and their negations.
pub(crate) fn parse_group(input: &str, negated: bool, any: bool) -> Parsed<Condition> {
    let key = match (negated, any) {
        (false, false) => "and",
        (false, true) => "or",
        (true, false) => "not.and",
        (true, true) => "not.or",
    };
    parse_after(key.len(), "logic tree", input, |cursor| {
        let members = members(cursor, 0)?;
        Ok(Condition::Group { negated, any, members })
    })
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Value {
    /// A filter of its own: commas and parentheses belong to the value.
    ToEnd,
    /// A member of a tree: quoted, or up to a comma or parenthesis.
    Delimited,
}

fn members(cursor: &mut Cursor<'_>, depth: usize) -> Step<Vec<Condition>> {
    if depth == MAX_DEPTH {
        return Err(cursor.limit("no more than 32 levels of logic"));
    }
    spaced(cursor, "(")?;
    let members = cursor.separated(|cursor| spaced(cursor, ","), |cursor| member(cursor, depth))?;
    spaced(cursor, ")")?;
    Ok(members)
}

/// This text with spaces around it.
fn spaced(cursor: &mut Cursor<'_>, token: &'static str) -> Step<()> {
    cursor.attempt(|cursor| {
        cursor.take_while(|c| c == ' ');
        cursor.string(token)?;
        cursor.take_while(|c| c == ' ');
        Ok(())
    })
}

fn member(cursor: &mut Cursor<'_>, depth: usize) -> Step<Condition> {
    cursor.count(MAX_MEMBERS, "no more than 2000 conditions")?;
    cursor.or(
        |cursor| cursor.attempt(filter),
        |cursor| {
            let negated = cursor.label("negation operator (not)", not)?;
            let any = cursor.label("logic operator (and, or)", |cursor| {
                cursor.or(
                    |cursor| cursor.attempt(|cursor| cursor.string("and")).map(|()| false),
                    |cursor| cursor.string("or").map(|()| true),
                )
            })?;
            let members = members(cursor, depth + 1)?;
            Ok(Condition::Group { negated, any, members })
        },
    )
}

fn filter(cursor: &mut Cursor<'_>) -> Step<Condition> {
    let field = Field::parse(cursor)?;
    names::delimiter(cursor)?;
    let (negated, operation) = operation(cursor, Value::Delimited)?;
    Ok(Condition::Filter(Filter { field, negated, operation }))
}

fn not(cursor: &mut Cursor<'_>) -> Step<bool> {
    cursor.is(|cursor| word(cursor, "not"))
}

/// This word and a dot.
fn word(cursor: &mut Cursor<'_>, word: &'static str) -> Step<()> {
    cursor.attempt(|cursor| {
        cursor.string(word)?;
        names::delimiter(cursor)
    })
}

fn operation(cursor: &mut Cursor<'_>, value: Value) -> Step<(bool, Operation)> {
    let negated = not(cursor)?;
    let operation = cursor.label("operator (eq, gt, ...)", |cursor| {
        if cursor.is(|cursor| word(cursor, "in"))? {
            return list(cursor).map(Operation::In);
        }
        if cursor.is(|cursor| word(cursor, "is"))? {
            return is_value(cursor).map(Operation::Is);
        }
        if cursor.is(|cursor| word(cursor, "isdistinct"))? {
            return scalar(cursor, value).map(Operation::IsDistinct);
        }
        cursor.or(
            |cursor| cursor.attempt(|cursor| search(cursor, value)),
            |cursor| {
                cursor.or(
                    |cursor| cursor.attempt(|cursor| compare(cursor, value, &PLAIN, false)),
                    |cursor| cursor.attempt(|cursor| compare(cursor, value, &QUANTIFIED, true)),
                )
            },
        )
    })?;
    Ok((negated, operation))
}

fn compare(
    cursor: &mut Cursor<'_>,
    value: Value,
    operators: &[(&'static str, Operator)],
    is_quantified: bool,
) -> Step<Operation> {
    let operator = cursor.choice(operators)?;
    let quantifier = if is_quantified { quantifier(cursor)? } else { None };
    names::delimiter(cursor)?;
    Ok(Operation::Compare { operator, quantifier, value: scalar(cursor, value)? })
}

fn quantifier(cursor: &mut Cursor<'_>) -> Step<Option<Quantifier>> {
    cursor.option(|cursor| {
        cursor.attempt(|cursor| {
            cursor.string("(")?;
            let quantifier = cursor.choice(&[("any", Quantifier::Any), ("all", Quantifier::All)])?;
            cursor.string(")")?;
            Ok(quantifier)
        })
    })
}

fn search(cursor: &mut Cursor<'_>, value: Value) -> Step<Operation> {
    let function = cursor.choice(&SEARCHES)?;
    let language = cursor.option(|cursor| {
        cursor.attempt(|cursor| {
            cursor.string("(")?;
            let language = cursor.take_some(&[], |c| c.is_alphanumeric() || c == '_')?;
            cursor.string(")")?;
            Ok(language.to_owned())
        })
    })?;
    names::delimiter(cursor)?;
    Ok(Operation::Search { function, language, value: scalar(cursor, value)? })
}

fn is_value(cursor: &mut Cursor<'_>) -> Step<IsValue> {
    const WORDS: [(&str, IsValue); 5] = [
        ("null", IsValue::Null),
        ("not_null", IsValue::NotNull),
        ("true", IsValue::True),
        ("false", IsValue::False),
        ("unknown", IsValue::Unknown),
    ];
    cursor.label("isVal: (null, not_null, true, false, unknown)", |cursor| cursor.choice_of_any_case(&WORDS))
}

fn scalar(cursor: &mut Cursor<'_>, value: Value) -> Step<String> {
    if value == Value::ToEnd {
        return Ok(cursor.take_while(|_| true).to_owned());
    }
    if let Some(text) = cursor.option(quoted_element)? {
        return Ok(text);
    }
    let array = cursor.option(|cursor| {
        cursor.attempt(|cursor| {
            cursor.string("{")?;
            let inside = cursor.take_while(|c| c != '}');
            cursor.string("}")?;
            Ok(format!("{{{inside}}}"))
        })
    })?;
    Ok(array.unwrap_or_else(|| cursor.take_while(|c| !matches!(c, ',' | ')')).to_owned()))
}

/// A quoted text that is the whole element. What merely begins with a quote is taken as it is.
fn quoted_element(cursor: &mut Cursor<'_>) -> Step<String> {
    cursor.attempt(|cursor| {
        let text = names::quoted(cursor)?;
        if cursor.peek().is_none_or(|c| matches!(c, ',' | ')')) { Ok(text) } else { Err(cursor.fail(&[])) }
    })
}

fn list(cursor: &mut Cursor<'_>) -> Step<Vec<String>> {
    spaced(cursor, "(")?;
    let mut values = cursor.separated(
        |cursor| cursor.string(","),
        |cursor| {
            let quoted = cursor.option(quoted_element)?;
            Ok(quoted.unwrap_or_else(|| cursor.take_while(|c| !matches!(c, ',' | ')')).to_owned()))
        },
    )?;
    cursor.string(")")?;
    // `in.()` is the empty list, not a list with one empty text.
    if values.len() == 1 && values.first().is_some_and(String::is_empty) {
        values.clear();
    }
    Ok(values)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn parses_operations() {
        let compare = |operator, value: &str| Operation::Compare { operator, quantifier: None, value: value.to_owned() };
        for (input, negated, expected) in [
            ("eq.a,b)", false, compare(Operator::Eq, "a,b)")),
            ("not.gte.5", true, compare(Operator::Gte, "5")),
            (
                "like(any).{a*,b*}",
                false,
                Operation::Compare { operator: Operator::Like, quantifier: Some(Quantifier::Any), value: "{a*,b*}".into() },
            ),
            (r#"in.(1,"a,b","c\"d")"#, false, Operation::In(vec!["1".into(), "a,b".into(), "c\"d".into()])),
            ("in.()", false, Operation::In(vec![])),
            ("is.null", false, Operation::Is(IsValue::Null)),
            ("is.not_null", false, Operation::Is(IsValue::NotNull)),
            (
                "wfts(english).a b",
                false,
                Operation::Search { function: "websearch_to_tsquery", language: Some("english".into()), value: "a b".into() },
            ),
            ("isdistinct.3", false, Operation::IsDistinct("3".into())),
            ("eq.", false, compare(Operator::Eq, "")),
        ] {
            assert_eq!(parse_operation(input), Ok((negated, expected)), "{input}");
        }
        for input in ["", "5", "wrong.1", "eq", "is.nil", "in.1", "in.(1", "neq(any).{1}", "fts().a", "is.nullx"] {
            assert!(parse_operation(input).is_err(), "{input}");
        }
    }

    #[test]
    fn parses_trees() {
        let tree = parse_group("(a.eq.1,not.or(b.is.null,c.not.in.(1,2)),d.cs.{1,2})", false, true).unwrap();
        insta::assert_debug_snapshot!(tree_shape(&tree), @r#""or(a,!or(b,c),d)""#);
        for input in ["", "()", "(a)", "(a.eq.1", "(a.eq.1))", "(a.eq.1,)"] {
            assert!(parse_group(input, false, false).is_err(), "{input}");
        }
        let deep = format!("{}a.eq.1{}", "(and".repeat(40), ")".repeat(40));
        assert!(parse_group(&deep, false, false).is_err());
    }

    fn tree_shape(condition: &Condition) -> String {
        match condition {
            Condition::Filter(filter) => filter.field.name.clone(),
            Condition::Group { negated, any, members } => format!(
                "{}{}({})",
                if *negated { "!" } else { "" },
                if *any { "or" } else { "and" },
                members.iter().map(tree_shape).collect::<Vec<_>>().join(",")
            ),
        }
    }

    proptest! {
        #[test]
        fn never_panics(input in "\\PC*") {
            drop(parse_operation(&input));
            drop(parse_group(&input, false, true));
            drop(parse_key(&input));
        }

        #[test]
        fn never_panics_on_its_own_alphabet(input in "\\(([a-b.(),{}\"\\\\ ]|not|or|and|eq|in|is|null){0,40}") {
            drop(parse_operation(&input));
            drop(parse_group(&input, false, true));
        }
    }
}
