//! The `select` parameter: columns, casts, aliases, JSON paths, embedded resources and aggregates.

use super::{
    cursor::{Cursor, Parsed, Step, parse as parse_all},
    field::Field,
    names,
    parse_error::Message,
};

/// One item of a select list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum SelectItem {
    /// `*`
    All,
    /// `alias:column->path::cast`
    Column(SelectColumn),
    /// `alias:relation!hint!inner(...)`
    Embed(SelectEmbed),
    /// `alias:column->path::cast.sum()::cast` or `alias:count()::cast`
    Aggregate(SelectAggregate),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SelectColumn {
    pub(crate) field: Field,
    pub(crate) alias: Option<String>,
    pub(crate) cast: Option<String>,
}

/// A function of all rows of a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SelectAggregate {
    pub(crate) function: Aggregate,
    /// What is aggregated, and what that is cast to before; `None` for `count()`, which counts rows.
    pub(crate) of: Option<(Field, Option<String>)>,
    pub(crate) alias: Option<String>,
    /// What the result is cast to.
    pub(crate) cast: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Aggregate {
    Count,
    Sum,
    Avg,
    Max,
    Min,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SelectEmbed {
    pub(crate) target: String,
    pub(crate) alias: Option<String>,
    pub(crate) hint: Option<String>,
    /// `!inner`: parents without a match are left out.
    pub(crate) inner: bool,
    /// `...relation(...)`: its columns become the parent's.
    pub(crate) spread: bool,
    pub(crate) select: Vec<SelectItem>,
}

impl SelectEmbed {
    /// The name filters and the output use.
    pub(crate) fn name(&self) -> &str {
        self.alias.as_deref().unwrap_or(&self.target)
    }
}

/// Nesting of embedded resources at most.
const MAX_DEPTH: usize = 16;
/// Items of all lists of one parameter together at most.
const MAX_ITEMS: usize = 1600;

const AGGREGATES: [(&str, Aggregate); 5] = [
    ("sum()", Aggregate::Sum),
    ("avg()", Aggregate::Avg),
    ("count()", Aggregate::Count),
    ("max()", Aggregate::Max),
    ("min()", Aggregate::Min),
];

impl Aggregate {
    /// What it is called here, in SQL, and in the output if nothing else is said.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Count => "count",
            Self::Sum => "sum",
            Self::Avg => "avg",
            Self::Max => "max",
            Self::Min => "min",
        }
    }
}

/// Parses the whole parameter.
pub(crate) fn parse(input: &str) -> Parsed<Vec<SelectItem>> {
    parse_all("select parameter", input, |cursor| list(cursor, 0))
}

fn list(cursor: &mut Cursor<'_>, depth: usize) -> Step<Vec<SelectItem>> {
    let items = cursor.option(|cursor| cursor.separated(comma, |cursor| item(cursor, depth)))?;
    Ok(items.unwrap_or_default())
}

fn comma(cursor: &mut Cursor<'_>) -> Step<()> {
    cursor.string(",")?;
    cursor.take_while(|c| c == ' ');
    Ok(())
}

fn item(cursor: &mut Cursor<'_>, depth: usize) -> Step<SelectItem> {
    cursor.count(MAX_ITEMS, "no more than 1600 items")?;
    if let Some(name) = cursor.plain_word(&[',', ')']) {
        let field = Field { name: name.to_owned(), path: Vec::new() };
        return Ok(SelectItem::Column(SelectColumn { field, alias: None, cast: None }));
    }
    let relation = cursor.option(|cursor| {
        cursor.or(
            |cursor| cursor.attempt(|cursor| cursor.string("...").and_then(|()| relation(cursor, true))),
            |cursor| cursor.attempt(|cursor| relation(cursor, false)),
        )
    })?;
    let Some(mut relation) = relation else { return column(cursor) };
    if depth == MAX_DEPTH {
        return Err(cursor.limit("no more than 16 levels of embedding"));
    }
    cursor.string("(")?;
    relation.select = list(cursor, depth + 1)?;
    cursor.string(")")?;
    Ok(SelectItem::Embed(relation))
}

/// `alias:relation!hint!inner`, if a parenthesis follows. What it embeds is not read yet.
fn relation(cursor: &mut Cursor<'_>, spread: bool) -> Step<SelectEmbed> {
    let alias = names::alias(cursor)?;
    let target = names::name(cursor)?;
    let is_plain = !cursor.rest().starts_with('!');
    let mut embed = SelectEmbed { target, alias, hint: None, inner: false, spread, select: Vec::new() };
    let parameters = cursor.many(|cursor| {
        cursor.string("!")?;
        names::name(cursor)
    })?;
    for parameter in parameters {
        match parameter.as_str() {
            "inner" => embed.inner = true,
            "left" => embed.inner = false,
            _ => embed.hint = Some(parameter),
        }
    }
    cursor.before("(")?;
    if !spread && is_plain && embed.target == Aggregate::Count.name() && cursor.rest().starts_with("()") {
        return Err(cursor.fail(&[]));
    }
    Ok(embed)
}

fn column(cursor: &mut Cursor<'_>) -> Step<SelectItem> {
    cursor.or(
        |cursor| {
            cursor.attempt(|cursor| {
                cursor.string("*")?;
                item_ends(cursor)?;
                Ok(SelectItem::All)
            })
        },
        |cursor| cursor.or(|cursor| cursor.attempt(count), field),
    )
}

/// `alias:count()::cast`
fn count(cursor: &mut Cursor<'_>) -> Step<SelectItem> {
    let alias = names::alias(cursor)?;
    cursor.string("count()")?;
    let cast = cast(cursor)?;
    item_ends(cursor)?;
    Ok(SelectItem::Aggregate(SelectAggregate { function: Aggregate::Count, of: None, alias, cast }))
}

/// `alias:column->path::cast.sum()::cast`
fn field(cursor: &mut Cursor<'_>) -> Step<SelectItem> {
    let alias = names::alias(cursor)?;
    let field = Field::parse(cursor)?;
    let before = cast(cursor)?;
    let function = cursor.option(|cursor| {
        cursor.string(".")?;
        cursor.choice(&AGGREGATES)
    })?;
    let item = match function {
        Some(function) => {
            let of = Some((field, before));
            SelectItem::Aggregate(SelectAggregate { function, of, alias, cast: cast(cursor)? })
        }
        None => SelectItem::Column(SelectColumn { field, alias, cast: before }),
    };
    item_ends(cursor)?;
    Ok(item)
}

fn item_ends(cursor: &mut Cursor<'_>) -> Step<()> {
    cursor.or(|cursor| cursor.before(")"), |cursor| cursor.or(|cursor| cursor.before(","), Cursor::end))
}

fn cast(cursor: &mut Cursor<'_>) -> Step<Option<String>> {
    cursor.option(|cursor| {
        cursor.string("::")?;
        type_name(cursor)
    })
}

/// The name of a type after `::`. It is written into the statement as it is, so only words, dots, a length and `[]` pass:
/// nothing of which an expression could be made.
fn type_name(cursor: &mut Cursor<'_>) -> Step<String> {
    let rest = cursor.rest();
    let words = rest.find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '_' | ' ' | '.'))).unwrap_or(rest.len());
    let mut name = rest.get(..words).unwrap_or_default();
    if rest.get(words..).is_some_and(|after| after.starts_with("()"))
        && let Some((base, last)) = name.rsplit_once('.')
        && AGGREGATES.iter().any(|(_, function)| function.name() == last)
    {
        // An aggregate follows the cast, `amount::int.sum()`: it is not the cast's.
        name = base;
    }
    let name = name.trim_end_matches('.');
    if name.trim().is_empty() || name.starts_with('.') {
        return Err(cursor.fail(&names::OF_IDENTIFIER));
    }
    let mut name = cursor.take_bytes(name.len()).to_owned();
    cursor.could_be(&names::OF_IDENTIFIER);
    // Upstream knows neither lengths nor brackets, and expects none.
    if cursor.rest().starts_with('(') {
        cursor.string("(")?;
        let modifier = cursor.take_some(&[Message::Label("digit")], |c| c.is_ascii_digit() || c == ',')?;
        name = format!("{name}({modifier})");
        cursor.string(")")?;
    }
    while cursor.rest().starts_with("[]") {
        cursor.string("[]")?;
        name.push_str("[]");
        if name.len() > 200 {
            return Err(cursor.limit("a shorter type name"));
        }
    }
    Ok(name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::request::cursor::apply;
    use proptest::prelude::*;

    fn shown(input: &str) -> String {
        match parse(input) {
            Ok(items) => items.iter().map(show).collect::<Vec<_>>().join(" | "),
            Err(error) => format!("{error}: {}", error.details()),
        }
    }

    fn show(item: &SelectItem) -> String {
        match item {
            SelectItem::All => "*".to_owned(),
            SelectItem::Aggregate(a) => {
                let of = a.of.as_ref().map(|(field, cast)| (field.name.as_str(), field.path.len(), cast.as_deref()));
                format!("{:?} {:?} of {of:?} {:?}", a.alias, a.function, a.cast)
            }
            SelectItem::Column(c) => format!("{:?} {:?} {:?} {:?}", c.alias, c.field.name, c.field.path.len(), c.cast),
            SelectItem::Embed(e) => format!(
                "{:?}={}!{:?} inner={} spread={} [{}]",
                e.alias,
                e.target,
                e.hint,
                e.inner,
                e.spread,
                e.select.iter().map(show).collect::<Vec<_>>().join(" | ")
            ),
        }
    }

    #[test]
    fn parses_every_form() {
        for (input, expected) in [
            ("*", "*"),
            ("id,name", r#"None "id" 0 None | None "name" 0 None"#),
            ("a:b::text", r#"Some("a") "b" 0 Some("text")"#),
            ("b::double precision", r#"None "b" 0 Some("double precision")"#),
            ("b::int[]", r#"None "b" 0 Some("int[]")"#),
            ("data->a->0->>b", r#"None "data" 3 None"#),
            ("x:data->>a::int", r#"Some("x") "data" 1 Some("int")"#),
            ("clients(*)", r"None=clients!None inner=false spread=false [*]"),
            (
                "c:clients!fk!inner(id,p(*))",
                r#"Some("c")=clients!Some("fk") inner=true spread=false [None "id" 0 None | None=p!None inner=false spread=false [*]]"#,
            ),
            ("...clients(name)", r#"None=clients!None inner=false spread=true [None "name" 0 None]"#),
            ("clients()", r"None=clients!None inner=false spread=false []"),
            ("count()", "None Count of None None"),
            ("rows:count()::text", r#"Some("rows") Count of None Some("text")"#),
            ("id.count()", r#"None Count of Some(("id", 0, None)) None"#),
            ("total:amount.sum()", r#"Some("total") Sum of Some(("amount", 0, None)) None"#),
            ("amount::int.avg()::text", r#"None Avg of Some(("amount", 0, Some("int"))) Some("text")"#),
            (
                "x:data->a->>b::numeric(10,2).max(),min.min()",
                r#"Some("x") Max of Some(("data", 2, Some("numeric(10,2)"))) None | None Min of Some(("min", 0, None)) None"#,
            ),
            ("t(count())", r"None=t!None inner=false spread=false [None Count of None None]"),
            ("a, *, count()", r#"None "a" 0 None | * | None Count of None None"#),
            ("\"my col\",a-b", r#"None "my col" 0 None | None "a-b" 0 None"#),
        ] {
            assert_eq!(shown(input), expected, "{input}");
        }
    }

    #[test]
    fn refuses_what_is_no_select() {
        for input in [
            "id,",
            "a b(",
            "x::",
            "x::int) from t--",
            "x::text;",
            "a->",
            "a!(",
            "a(b",
            "a)b",
            "\"open",
            "x::(1)",
            "a.sum",
            "a.sum(b)",
            "a.median()",
            "a.sum().avg()",
            "sum()x",
        ] {
            assert!(parse(input).is_err(), "{input}");
        }
        let deep = format!("{}*{}", "a(".repeat(17), ")".repeat(17));
        assert!(parse(&deep).is_err());
    }

    proptest! {
        #[test]
        fn never_panics(input in "\\PC*") {
            drop(parse(&input));
        }

        #[test]
        fn the_short_way_finds_what_the_long_one_finds(input in "[a-b(),.:!>*-]{0,12}") {
            let found = |is_quiet| apply(&input, is_quiet, |cursor| list(cursor, 0)).ok();
            prop_assert_eq!(found(true), found(false));
        }

        #[test]
        fn never_panics_on_its_own_alphabet(input in "[a-c(),.:!>\"*\\[\\]0-9-]{0,60}") {
            drop(parse(&input));
        }
    }
}
