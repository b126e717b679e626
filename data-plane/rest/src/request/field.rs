//! A column with an optional JSON path, as it appears in select, filters and order.

use super::{
    cursor::{Cursor, Step},
    names,
    parse_error::Message,
};

/// `column->a->0->>b`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Field {
    pub(crate) name: String,
    pub(crate) path: Vec<JsonStep>,
}

/// One arrow and its operand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct JsonStep {
    /// `->>` rather than `->`.
    pub(crate) as_text: bool,
    pub(crate) key: JsonKey,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum JsonKey {
    Name(String),
    Index(i32),
}

/// Arrows in one path at most.
const MAX_STEPS: usize = 64;

impl Field {
    pub(super) fn parse(cursor: &mut Cursor<'_>) -> Step<Self> {
        let name = names::name(cursor)?;
        let path = json_path(cursor)?;
        Ok(Self { name, path })
    }

    /// The key a JSON path's value gets in the output: its last name, or nothing for a path of indexes only.
    pub(crate) fn default_alias(&self) -> Option<&str> {
        if self.path.is_empty() {
            return None;
        }
        let named = self.path.iter().rev().find_map(|step| match &step.key {
            JsonKey::Name(name) => Some(name.as_str()),
            JsonKey::Index(_) => None,
        });
        Some(named.unwrap_or(&self.name))
    }
}

/// The arrows after a name, if there are any.
pub(super) fn json_path(cursor: &mut Cursor<'_>) -> Step<Vec<JsonStep>> {
    let mut steps = 0;
    cursor.many(|cursor| {
        let as_text = cursor.choice(&[("->>", true), ("->", false)])?;
        steps += 1;
        if steps > MAX_STEPS {
            return Err(cursor.limit("no more than 64 arrows"));
        }
        let key = cursor.or(|cursor| cursor.attempt(json_index), |cursor| cursor.attempt(json_name))?;
        Ok(JsonStep { as_text, key })
    })
}

fn json_index(cursor: &mut Cursor<'_>) -> Step<JsonKey> {
    let negative = cursor.is(|cursor| cursor.string("-"))?;
    let digits = cursor.take_some(&[Message::Label("digit")], |c| c.is_ascii_digit())?;
    let ends = cursor.peek().is_none_or(|c| matches!(c, ':' | '.' | ',' | ')')) || cursor.rest().starts_with("->");
    if !ends {
        return Err(cursor.fail(&[]));
    }
    let index = format!("{}{digits}", if negative { "-" } else { "" });
    index.parse().map(JsonKey::Index).map_err(|_| cursor.limit("an array index that fits 32 bits"))
}

fn json_name(cursor: &mut Cursor<'_>) -> Step<JsonKey> {
    const RESERVED: &str = "any non reserved character different from: .,>()";
    cursor
        .label(RESERVED, |cursor| {
            cursor.or(names::quoted, |cursor| {
                let mut name = String::new();
                loop {
                    name.push_str(cursor.take_while(|c| !matches!(c, '(' | '-' | ':' | '.' | ',' | '>' | ')' | '"')));
                    if !cursor.rest().starts_with('-') || cursor.rest().starts_with("->") {
                        break;
                    }
                    name.push_str(cursor.take_bytes(1));
                }
                if name.is_empty() { Err(cursor.fail(&[])) } else { Ok(name) }
            })
        })
        .map(JsonKey::Name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::request::cursor::parse;

    #[test]
    fn reads_paths() {
        let shown = |input: &str| {
            let field = parse("x", input, Field::parse).unwrap();
            let path: String = field
                .path
                .iter()
                .map(|step| match &step.key {
                    JsonKey::Name(name) => format!("{}{name}", if step.as_text { "=" } else { "-" }),
                    JsonKey::Index(index) => format!("[{index}]"),
                })
                .collect();
            format!("{}{path}", field.name)
        };
        assert_eq!(shown("a->b->>c"), "a-b=c");
        assert_eq!(shown("a->0->-1->>2x"), "a[0][-1]=2x");
        assert_eq!(shown("a b->@type->>\"x.y\""), "a b-@type=x.y");
        assert_eq!(shown("a->b-c->>d"), "a-b-c=d");
    }

    #[test]
    fn says_what_is_wrong_with_paths() {
        for (input, column, details) in [
            ("a->", 4, "unexpected end of input expecting \"-\", digit or any non reserved character different from: .,>()"),
            ("a->>)", 5, "unexpected \")\" expecting \"-\", digit or any non reserved character different from: .,>()"),
            ("a->b(", 5, "unexpected '(' expecting \"->>\", \"->\" or end of input"),
            ("a->99999999999", 15, "unexpected end of input expecting an array index that fits 32 bits"),
        ] {
            let error = parse("x", input, Field::parse).unwrap_err();
            assert_eq!(
                (error.to_string(), error.details()),
                (format!("\"failed to parse x ({input})\" (line 1, column {column})"), details)
            );
        }
        let long = format!("a{}", "->b".repeat(65));
        assert!(parse("x", &long, Field::parse).unwrap_err().details().ends_with("no more than 64 arrows"));
    }
}
