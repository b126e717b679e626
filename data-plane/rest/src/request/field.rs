//! A column with an optional JSON path, as it appears in select, filters and order.

use super::cursor::{Cursor, Parsed};

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
    pub(crate) fn parse(cursor: &mut Cursor<'_>) -> Parsed<Self> {
        let name = cursor.field_name()?;
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

pub(crate) fn json_path(cursor: &mut Cursor<'_>) -> Parsed<Vec<JsonStep>> {
    let mut path = Vec::new();
    loop {
        let as_text = if cursor.eat("->>") {
            true
        } else if cursor.eat("->") {
            false
        } else {
            return Ok(path);
        };
        if path.len() == MAX_STEPS {
            return Err(cursor.error("no more than 64 arrows"));
        }
        path.push(JsonStep { as_text, key: json_key(cursor)? });
    }
}

fn json_key(cursor: &mut Cursor<'_>) -> Parsed<JsonKey> {
    if let Some(name) = cursor.quoted()? {
        return Ok(JsonKey::Name(name));
    }
    let mut probe = cursor.clone();
    let sign = if probe.eat("-") { "-" } else { "" };
    let digits = probe.take_while(|c| c.is_ascii_digit());
    let ends = probe.is_at_end() || probe.rest().starts_with("->") || matches!(probe.peek(), Some(':' | '.' | ',' | ')'));
    if !digits.is_empty() && ends {
        if let Ok(index) = format!("{sign}{digits}").parse() {
            *cursor = probe;
            return Ok(JsonKey::Index(index));
        }
        return Err(cursor.error("an array index that fits 32 bits"));
    }
    let mut name = String::new();
    loop {
        name.push_str(cursor.take_while(|c| !matches!(c, '(' | '-' | ':' | '.' | ',' | '>' | ')' | '"')));
        if cursor.rest().starts_with('-') && !cursor.rest().starts_with("->") {
            cursor.next();
            name.push('-');
        } else {
            break;
        }
    }
    if name.is_empty() {
        Err(cursor.error("any non reserved character different from: .,>()\""))
    } else {
        Ok(JsonKey::Name(name))
    }
}
