//! The `select` parameter: columns, casts, aliases, JSON paths, embedded resources and aggregates.

use super::{
    cursor::{Cursor, Parsed},
    field::Field,
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

const AGGREGATES: [Aggregate; 5] = [Aggregate::Count, Aggregate::Sum, Aggregate::Avg, Aggregate::Max, Aggregate::Min];

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

fn aggregate(name: &str) -> Option<Aggregate> {
    AGGREGATES.into_iter().find(|function| function.name() == name)
}

/// Parses the whole parameter.
pub(crate) fn parse(input: &str) -> Parsed<Vec<SelectItem>> {
    let mut parser = Parser { cursor: Cursor::new("select parameter", input), items: 0 };
    if parser.cursor.is_at_end() {
        return Ok(Vec::new());
    }
    let items = parser.list(0)?;
    parser.cursor.expect_end("\",\" or end of input")?;
    Ok(items)
}

struct Parser<'a> {
    cursor: Cursor<'a>,
    items: usize,
}

impl Parser<'_> {
    fn list(&mut self, depth: usize) -> Parsed<Vec<SelectItem>> {
        let mut items = Vec::new();
        loop {
            self.items += 1;
            if self.items > MAX_ITEMS {
                return Err(self.cursor.error("no more than 1600 items"));
            }
            items.push(self.item(depth)?);
            if !self.cursor.eat(",") {
                return Ok(items);
            }
        }
    }

    fn item(&mut self, depth: usize) -> Parsed<SelectItem> {
        if self.cursor.eat("*") {
            return Ok(SelectItem::All);
        }
        if self.cursor.eat("...") {
            let (alias, target) = self.name_and_alias()?;
            return self.embed(depth, alias, target, true);
        }
        let mut probe = self.cursor.clone();
        if probe.eat("count()") {
            self.cursor = probe;
            return self.count(None);
        }
        let (alias, target) = self.name_and_alias()?;
        if matches!(self.cursor.peek(), Some('(' | '!')) {
            if alias.is_some() && target == "count" && self.cursor.eat("()") {
                return self.count(alias);
            }
            return self.embed(depth, alias, target, false);
        }
        let field = self.column_path(target)?;
        let cast = self.cast()?;
        let mut probe = self.cursor.clone();
        if probe.eat(".") {
            let name = probe.take_while(|c| c.is_ascii_alphabetic());
            if let Some(function) = aggregate(name)
                && probe.eat("()")
            {
                self.cursor = probe;
                let of = Some((field, cast));
                return Ok(SelectItem::Aggregate(SelectAggregate { function, of, alias, cast: self.cast()? }));
            }
        }
        Ok(SelectItem::Column(SelectColumn { field, alias, cast }))
    }

    /// What follows `count()`.
    fn count(&mut self, alias: Option<String>) -> Parsed<SelectItem> {
        let cast = self.cast()?;
        Ok(SelectItem::Aggregate(SelectAggregate { function: Aggregate::Count, of: None, alias, cast }))
    }

    /// `alias:name` or `name`. A double colon is a cast and no alias.
    fn name_and_alias(&mut self) -> Parsed<(Option<String>, String)> {
        let first = self.cursor.field_name()?;
        if self.cursor.rest().starts_with(':') && !self.cursor.rest().starts_with("::") {
            self.cursor.next();
            let name = self.cursor.field_name()?;
            return Ok((Some(first), name));
        }
        Ok((None, first))
    }

    fn column_path(&mut self, name: String) -> Parsed<Field> {
        if !self.cursor.rest().starts_with("->") {
            return Ok(Field { name, path: Vec::new() });
        }
        let path = super::field::json_path(&mut self.cursor)?;
        Ok(Field { name, path })
    }

    fn cast(&mut self) -> Parsed<Option<String>> {
        if !self.cursor.eat("::") {
            return Ok(None);
        }
        type_name(&mut self.cursor).map(Some)
    }

    fn embed(&mut self, depth: usize, alias: Option<String>, target: String, spread: bool) -> Parsed<SelectItem> {
        if depth == MAX_DEPTH {
            return Err(self.cursor.error("no more than 16 levels of embedding"));
        }
        let mut hint = None;
        let mut inner = false;
        while self.cursor.eat("!") {
            match self.cursor.field_name()?.as_str() {
                "inner" => inner = true,
                "left" => inner = false,
                other => hint = Some(other.to_owned()),
            }
        }
        self.cursor.expect("(", "\"(\"")?;
        let select = if self.cursor.rest().starts_with(')') { Vec::new() } else { self.list(depth + 1)? };
        self.cursor.expect(")", "\")\" or \",\"")?;
        Ok(SelectItem::Embed(SelectEmbed { target, alias, hint, inner, spread, select }))
    }
}

/// The name of a type after `::`. It is written into the statement as it is, so only words, dots, a length and `[]` pass:
/// nothing of which an expression could be made.
fn type_name(cursor: &mut Cursor<'_>) -> Parsed<String> {
    let start = cursor.clone();
    let words = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | ' ' | '.');
    let mut name = cursor.take_while(words).to_owned();
    if cursor.rest().starts_with("()")
        && let Some((base, last)) = name.rsplit_once('.')
        && aggregate(last).is_some()
    {
        // An aggregate follows the cast, `amount::int.sum()`: it is not the cast's.
        let mut left = base.len();
        *cursor = start;
        let within = |_| {
            let wanted = left > 0;
            left = left.saturating_sub(1);
            wanted
        };
        name = cursor.take_while(within).to_owned();
    }
    if name.trim().is_empty() || name.starts_with('.') || name.ends_with('.') {
        return Err(cursor.error("a type name"));
    }
    if cursor.rest().starts_with('(') {
        cursor.next();
        let modifier = cursor.take_while(|c| c.is_ascii_digit() || c == ',');
        if modifier.is_empty() {
            return Err(cursor.error("digit"));
        }
        name = format!("{name}({modifier})");
        cursor.expect(")", "\")\"")?;
    }
    while cursor.eat("[]") {
        name.push_str("[]");
        if name.len() > 200 {
            return Err(cursor.error("a shorter type name"));
        }
    }
    Ok(name)
}

#[cfg(test)]
mod tests {
    use super::*;
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
        fn never_panics_on_its_own_alphabet(input in "[a-c(),.:!>\"*\\[\\]0-9-]{0,60}") {
            drop(parse(&input));
        }
    }
}
