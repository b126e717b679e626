//! Filters: `column=op.value`, and the trees of `and`, `or` and their negations.

use super::{
    cursor::{Cursor, Parsed},
    field::Field,
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
    fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "eq" => Self::Eq,
            "neq" => Self::Neq,
            "gt" => Self::Gt,
            "gte" => Self::Gte,
            "lt" => Self::Lt,
            "lte" => Self::Lte,
            "like" => Self::Like,
            "ilike" => Self::Ilike,
            "match" => Self::Match,
            "imatch" => Self::Imatch,
            "cs" => Self::Contains,
            "cd" => Self::Contained,
            "ov" => Self::Overlaps,
            "sl" => Self::StrictlyLeft,
            "sr" => Self::StrictlyRight,
            "nxr" => Self::NotRight,
            "nxl" => Self::NotLeft,
            "adj" => Self::Adjacent,
            _ => return None,
        })
    }

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

    fn takes_quantifier(self) -> bool {
        match self {
            Self::Eq | Self::Gt | Self::Gte | Self::Lt | Self::Lte | Self::Like | Self::Ilike | Self::Match | Self::Imatch => {
                true
            }
            Self::Neq
            | Self::Contains
            | Self::Contained
            | Self::Overlaps
            | Self::StrictlyLeft
            | Self::StrictlyRight
            | Self::NotRight
            | Self::NotLeft
            | Self::Adjacent => false,
        }
    }
}

const OPERATORS: &str = "\"not\" or operator (eq, gt, ...)";

/// Nesting of logical trees at most.
const MAX_DEPTH: usize = 32;
/// Members of one tree at most, all levels together.
const MAX_MEMBERS: usize = 2000;

/// `op.value`, where the value is everything after the operator.
pub(crate) fn parse_operation(input: &str) -> Parsed<(bool, Operation)> {
    let mut cursor = Cursor::new("filter", input);
    operation(&mut cursor, Value::ToEnd)
}

/// The column of a filter whose key, without its embed path, is `input`.
pub(crate) fn parse_field(input: &str) -> Parsed<Field> {
    let mut cursor = Cursor::new("tree path", input);
    let field = Field::parse(&mut cursor)?;
    cursor.expect_end("end of input")?;
    Ok(field)
}

/// `(a.eq.1,or(b.is.null,c.not.gt.3))`, the value of `and`, `or` and their negations.
pub(crate) fn parse_group(input: &str, negated: bool, any: bool) -> Parsed<Condition> {
    let mut cursor = Cursor::new("logic tree", input);
    let mut budget = MAX_MEMBERS;
    let members = group_members(&mut cursor, 0, &mut budget)?;
    cursor.expect_end("end of input")?;
    Ok(Condition::Group { negated, any, members })
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Value {
    /// A filter of its own: commas and parentheses belong to the value.
    ToEnd,
    /// A member of a tree: quoted, or up to a comma or parenthesis.
    Delimited,
}

fn group_members(cursor: &mut Cursor<'_>, depth: usize, budget: &mut usize) -> Parsed<Vec<Condition>> {
    if depth == MAX_DEPTH {
        return Err(cursor.error("no more than 32 levels of logic"));
    }
    cursor.expect("(", "\"(\"")?;
    let mut members = Vec::new();
    loop {
        cursor.take_while(|c| c == ' ');
        *budget = budget.checked_sub(1).ok_or_else(|| cursor.error("no more than 2000 conditions"))?;
        members.push(member(cursor, depth, budget)?);
        cursor.take_while(|c| c == ' ');
        if !cursor.eat(",") {
            break;
        }
    }
    cursor.expect(")", "\",\" or \")\"")?;
    Ok(members)
}

fn member(cursor: &mut Cursor<'_>, depth: usize, budget: &mut usize) -> Parsed<Condition> {
    let mut probe = cursor.clone();
    let negated = probe.eat("not.");
    let any = if probe.eat("and") {
        Some(false)
    } else if probe.eat("or") {
        Some(true)
    } else {
        None
    };
    if let Some(any) = any
        && probe.peek() == Some('(')
    {
        *cursor = probe;
        let members = group_members(cursor, depth + 1, budget)?;
        return Ok(Condition::Group { negated, any, members });
    }
    let field = Field::parse(cursor)?;
    cursor.expect(".", "\".\"")?;
    let (negated, operation) = operation(cursor, Value::Delimited)?;
    Ok(Condition::Filter(Filter { field, negated, operation }))
}

fn operation(cursor: &mut Cursor<'_>, value: Value) -> Parsed<(bool, Operation)> {
    let negated = cursor.eat("not.");
    let start = cursor.clone();
    let name = cursor.take_while(|c| c.is_ascii_lowercase());
    let operation = match name {
        "in" => {
            cursor.expect(".", "\".\"")?;
            Operation::In(list(cursor, value)?)
        }
        "is" => {
            cursor.expect(".", "\".\"")?;
            Operation::Is(is_value(cursor, value)?)
        }
        "isdistinct" => {
            cursor.expect(".", "\".\"")?;
            Operation::IsDistinct(scalar(cursor, value)?)
        }
        "fts" => search(cursor, value, "to_tsquery")?,
        "plfts" => search(cursor, value, "plainto_tsquery")?,
        "phfts" => search(cursor, value, "phraseto_tsquery")?,
        "wfts" => search(cursor, value, "websearch_to_tsquery")?,
        other => {
            let operator = Operator::parse(other).ok_or_else(|| start.error(OPERATORS))?;
            let quantifier = if operator.takes_quantifier() { quantifier(cursor) } else { None };
            cursor.expect(".", "\".\"")?;
            Operation::Compare { operator, quantifier, value: scalar(cursor, value)? }
        }
    };
    Ok((negated, operation))
}

fn quantifier(cursor: &mut Cursor<'_>) -> Option<Quantifier> {
    if cursor.eat("(any)") {
        Some(Quantifier::Any)
    } else if cursor.eat("(all)") {
        Some(Quantifier::All)
    } else {
        None
    }
}

fn search(cursor: &mut Cursor<'_>, value: Value, function: &'static str) -> Parsed<Operation> {
    let language = if cursor.eat("(") {
        let language = cursor.take_while(|c| c.is_alphanumeric() || c == '_');
        if language.is_empty() {
            return Err(cursor.error("letter, digit or \"_\""));
        }
        cursor.expect(")", "\")\"")?;
        Some(language.to_owned())
    } else {
        None
    };
    cursor.expect(".", "\".\"")?;
    Ok(Operation::Search { function, language, value: scalar(cursor, value)? })
}

fn is_value(cursor: &mut Cursor<'_>, value: Value) -> Parsed<IsValue> {
    const EXPECTING: &str = "isVal: (null, not_null, true, false, unknown)";
    let start = cursor.clone();
    let word = cursor.take_while(|c| c.is_ascii_alphabetic() || c == '_').to_ascii_lowercase();
    let found = match word.as_str() {
        "null" => IsValue::Null,
        "not_null" => IsValue::NotNull,
        "true" => IsValue::True,
        "false" => IsValue::False,
        "unknown" => IsValue::Unknown,
        _ => return Err(start.error(EXPECTING)),
    };
    if value == Value::ToEnd {
        cursor.expect_end("end of input")?;
    }
    Ok(found)
}

fn scalar(cursor: &mut Cursor<'_>, value: Value) -> Parsed<String> {
    if value == Value::ToEnd {
        return Ok(cursor.take_rest().to_owned());
    }
    if cursor.peek() == Some('"') {
        // A value that merely begins with a quote is taken as it is.
        let mut probe = cursor.clone();
        if let Ok(Some(text)) = probe.quoted()
            && matches!(probe.peek(), None | Some(',' | ')'))
        {
            *cursor = probe;
            return Ok(text);
        }
    }
    if cursor.peek() == Some('{') {
        let mut probe = cursor.clone();
        let inside = probe.take_while(|c| c != '}').to_owned();
        if probe.eat("}") {
            *cursor = probe;
            return Ok(format!("{inside}}}"));
        }
    }
    Ok(cursor.take_while(|c| !matches!(c, ',' | ')')).to_owned())
}

fn list(cursor: &mut Cursor<'_>, value: Value) -> Parsed<Vec<String>> {
    cursor.expect("(", "\"(\"")?;
    cursor.take_while(|c| c == ' ');
    let mut values = Vec::new();
    loop {
        let mut probe = cursor.clone();
        let quoted = match probe.quoted() {
            Ok(Some(text)) if matches!(probe.peek(), Some(',' | ')')) => Some(text),
            Ok(_) | Err(_) => None,
        };
        if let Some(text) = quoted {
            *cursor = probe;
            values.push(text);
        } else {
            values.push(cursor.take_while(|c| !matches!(c, ',' | ')')).to_owned());
        }
        if !cursor.eat(",") {
            break;
        }
    }
    cursor.expect(")", "\",\" or \")\"")?;
    if value == Value::ToEnd {
        cursor.expect_end("end of input")?;
    }
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
            drop(parse_field(&input));
        }

        #[test]
        fn never_panics_on_its_own_alphabet(input in "\\(([a-b.(),{}\"\\\\ ]|not|or|and|eq|in|is|null){0,40}") {
            drop(parse_operation(&input));
            drop(parse_group(&input, false, true));
        }
    }
}
