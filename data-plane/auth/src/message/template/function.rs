//! The functions of templates, as Go's `text/template` has them.

use std::borrow::Cow;
use std::cmp::Ordering;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;

use super::{Output, html};

/// What a query's value may hold as it is (RFC 3986, unreserved).
const QUERY: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The widest field and the most digits that `printf` makes.
const MAX_WIDTH: usize = 1000;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Function {
    And,
    Or,
    Not,
    Eq,
    Ne,
    Lt,
    Le,
    Gt,
    Ge,
    Len,
    Index,
    Slice,
    Print,
    Println,
    Printf,
    Html,
    Js,
    Urlquery,
}

impl Function {
    pub(super) const NAMES: &str =
        "and, or, not, eq, ne, lt, le, gt, ge, len, index, slice, print, println, printf, html, js, urlquery";

    pub(super) fn named(name: &str) -> Option<Self> {
        Some(match name {
            "and" => Self::And,
            "or" => Self::Or,
            "not" => Self::Not,
            "eq" => Self::Eq,
            "ne" => Self::Ne,
            "lt" => Self::Lt,
            "le" => Self::Le,
            "gt" => Self::Gt,
            "ge" => Self::Ge,
            "len" => Self::Len,
            "index" => Self::Index,
            "slice" => Self::Slice,
            "print" => Self::Print,
            "println" => Self::Println,
            "printf" => Self::Printf,
            "html" => Self::Html,
            "js" => Self::Js,
            "urlquery" => Self::Urlquery,
            _ => return None,
        })
    }

    /// Calls it. `and` and `or` are not here: they do not read all of their arguments.
    pub(super) fn call<'a>(self, arguments: Vec<Cow<'a, Value>>, output: Output) -> Result<Cow<'a, Value>, String> {
        let text = |text: String| Ok(Cow::Owned(Value::String(text)));
        let truth = |truth: bool| Ok(Cow::Owned(Value::Bool(truth)));
        match self {
            Self::And | Self::Or => arguments.into_iter().next_back().ok_or_else(|| self.missing()),
            Self::Not => truth(!is_true(&*self.only(arguments)?)),
            Self::Eq => match arguments.split_first() {
                Some((first, others)) if !others.is_empty() => truth(others.iter().any(|other| equal(first, other))),
                _ => Err(self.missing()),
            },
            Self::Ne => self.two(arguments).and_then(|(a, b)| truth(!equal(&a, &b))),
            Self::Lt => self.order(arguments).and_then(|order| truth(order.is_lt())),
            Self::Le => self.order(arguments).and_then(|order| truth(order.is_le())),
            Self::Gt => self.order(arguments).and_then(|order| truth(order.is_gt())),
            Self::Ge => self.order(arguments).and_then(|order| truth(order.is_ge())),
            Self::Len => {
                let length = match &*self.only(arguments)? {
                    Value::Null => 0,
                    Value::String(text) => text.len(),
                    Value::Array(list) => list.len(),
                    Value::Object(map) => map.len(),
                    Value::Bool(_) | Value::Number(_) => return Err("len is of a text, a list or a map".into()),
                };
                Ok(Cow::Owned(length.into()))
            }
            Self::Index => {
                let mut arguments = arguments.into_iter();
                let first = arguments.next().ok_or_else(|| self.missing())?;
                arguments.try_fold(first, |value, key| index(value, &key))
            }
            Self::Slice => slice(arguments),
            Self::Print => text(print(&arguments, false)),
            Self::Println => text(print(&arguments, true) + "\n"),
            Self::Printf => printf(&arguments).and_then(text),
            // What stands in HTML is escaped in any case, once.
            Self::Html => {
                text(if output == Output::Html { print(&arguments, false) } else { html::escape(&print(&arguments, false)) })
            }
            Self::Js => text(html::escape_script(&print(&arguments, false))),
            Self::Urlquery => text(utf8_percent_encode(&print(&arguments, false), QUERY).to_string()),
        }
    }

    fn missing(self) -> String {
        format!("{} lacks an argument", format!("{self:?}").to_lowercase())
    }

    fn only(self, mut arguments: Vec<Cow<'_, Value>>) -> Result<Cow<'_, Value>, String> {
        match arguments.len() {
            1 => arguments.pop().ok_or_else(|| self.missing()),
            0 => Err(self.missing()),
            _ => Err(format!("{} has one argument; put parentheses around a call", format!("{self:?}").to_lowercase())),
        }
    }

    fn two<'a>(self, arguments: Vec<Cow<'a, Value>>) -> Result<(Cow<'a, Value>, Cow<'a, Value>), String> {
        <[_; 2]>::try_from(arguments)
            .map(|[a, b]| (a, b))
            .map_err(|_| format!("{} has two arguments", format!("{self:?}").to_lowercase()))
    }

    fn order(self, arguments: Vec<Cow<'_, Value>>) -> Result<Ordering, String> {
        let (a, b) = self.two(arguments)?;
        match (&*a, &*b) {
            (Value::String(a), Value::String(b)) => Ok(a.cmp(b)),
            (Value::Number(a), Value::Number(b)) => {
                let integers = a.as_i64().zip(b.as_i64()).map(|(a, b)| a.cmp(&b));
                integers
                    .or_else(|| a.as_f64().zip(b.as_f64()).and_then(|(a, b)| a.partial_cmp(&b)))
                    .ok_or_else(|| "the numbers can't be compared".into())
            }
            (a, b) => Err(format!("{} and {} can't be compared by size", kind(a), kind(b))),
        }
    }
}

/// Go's truth: not empty and not zero.
pub(super) fn is_true(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(truth) => *truth,
        Value::Number(number) => number.as_f64() != Some(0.0),
        Value::String(text) => !text.is_empty(),
        Value::Array(list) => !list.is_empty(),
        Value::Object(map) => !map.is_empty(),
    }
}

/// Values of different kinds are unequal; Go calls them an error, which would lose the mail.
fn equal(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => a == b || a.as_f64() == b.as_f64(),
        (a, b) => a == b,
    }
}

pub(super) fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "nothing",
        Value::Bool(_) => "a truth value",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "a map",
    }
}

/// A member without a copy of the rest where the value is the template's or the data's own.
pub(super) fn member<'a>(value: Cow<'a, Value>, key: &str) -> Option<Cow<'a, Value>> {
    match value {
        Cow::Borrowed(value) => value.get(key).map(Cow::Borrowed),
        Cow::Owned(mut value) => value.get_mut(key).map(Value::take).map(Cow::Owned),
    }
}

fn index<'a>(value: Cow<'a, Value>, key: &Value) -> Result<Cow<'a, Value>, String> {
    match (&*value, key) {
        (Value::Null, _) => Ok(Cow::Owned(Value::Null)),
        (Value::Object(_), Value::String(key)) => Ok(member(value, key).unwrap_or(Cow::Owned(Value::Null))),
        (Value::Array(list), Value::Number(number)) => {
            let at = number.as_u64().and_then(|at| usize::try_from(at).ok()).filter(|at| *at < list.len());
            let at = at.ok_or_else(|| format!("index {number} is out of a list of {}; ask for its len first", list.len()))?;
            Ok(match value {
                Cow::Borrowed(value) => Cow::Borrowed(&value[at]),
                Cow::Owned(mut value) => Cow::Owned(value[at].take()),
            })
        }
        (value, key) => Err(format!("index of {} by {}; a list has numbers, a map has texts", kind(value), kind(key))),
    }
}

fn slice<'a>(arguments: Vec<Cow<'a, Value>>) -> Result<Cow<'a, Value>, String> {
    let number = |at: usize, default: usize| match arguments.get(at).map(|value| &**value) {
        None => Ok(default),
        Some(value) => value.as_u64().and_then(|n| usize::try_from(n).ok()).ok_or_else(|| "slice counts from 0".to_owned()),
    };
    let outside = || "slice reaches out of its value; ask for its len first".to_owned();
    match arguments.first().map(|value| &**value) {
        Some(Value::String(text)) => {
            let part = text.get(number(1, 0)?..number(2, text.len())?).ok_or_else(outside)?;
            Ok(Cow::Owned(Value::String(part.to_owned())))
        }
        Some(Value::Array(list)) => {
            let part = list.get(number(1, 0)?..number(2, list.len())?).ok_or_else(outside)?;
            Ok(Cow::Owned(Value::Array(part.to_vec())))
        }
        _ => Err("slice is of a text or a list".into()),
    }
}

/// A value as `{{ . }}` writes it.
pub(super) fn written(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Bool(_) | Value::Number(_) => value.to_string().trim_end_matches(".0").to_owned(),
        Value::Array(list) => format!("[{}]", list.iter().map(written).collect::<Vec<_>>().join(" ")),
        Value::Object(map) => {
            let mut members: Vec<_> = map.iter().map(|(key, value)| format!("{key}:{}", written(value))).collect();
            members.sort();
            format!("map[{}]", members.join(" "))
        }
    }
}

/// `print` has spaces between values of which neither is a text; `println` between all.
fn print(values: &[Cow<'_, Value>], spaced: bool) -> String {
    let mut text = String::new();
    for (at, value) in values.iter().enumerate() {
        if at > 0 && (spaced || !(value.is_string() || values[at - 1].is_string())) {
            text.push(' ');
        }
        text.push_str(&written(value));
    }
    text
}

fn printf(arguments: &[Cow<'_, Value>]) -> Result<String, String> {
    let Some((Value::String(format), values)) = arguments.split_first().map(|(format, values)| (&**format, values)) else {
        return Err("printf begins with a text: printf \"%s\" .Email".into());
    };
    let mut values = values.iter();
    let mut text = String::new();
    let mut chars = format.chars().peekable();
    while let Some(c) = chars.next() {
        if c != '%' {
            text.push(c);
            continue;
        }
        let mut flags = String::new();
        while let Some(flag) = chars.next_if(|c| matches!(c, '-' | '+' | '0' | ' ' | '#')) {
            flags.push(flag);
        }
        let mut digits = String::new();
        while let Some(digit) = chars.next_if(|c| c.is_ascii_digit() || *c == '.') {
            digits.push(digit);
        }
        let (width, precision) =
            digits.split_once('.').map_or((digits.as_str(), None), |(width, precision)| (width, Some(precision)));
        let bounded = |digits: &str| match digits.parse::<usize>() {
            Ok(number) if number > MAX_WIDTH => Err(format!("printf makes fields of at most {MAX_WIDTH} characters")),
            number => Ok(number.unwrap_or(0)),
        };
        let (width, precision) = (bounded(width)?, precision.map(bounded).transpose()?);
        let Some(verb) = chars.next() else {
            return Err("printf's text ends within a %; write %% for a percent sign".into());
        };
        if verb == '%' {
            text.push('%');
            continue;
        }
        let Some(value) = values.next() else {
            return Err("printf has fewer values than its text has %".into());
        };
        let piece = verb_of(verb, value, precision, flags.contains('+'))?;
        let padding = width.saturating_sub(piece.chars().count());
        let (left, right) = if flags.contains('-') { (0, padding) } else { (padding, 0) };
        let fill = if flags.contains('0') && value.is_number() { "0" } else { " " };
        text.push_str(&fill.repeat(left));
        text.push_str(&piece);
        text.push_str(&" ".repeat(right));
    }
    if values.next().is_some() {
        return Err("printf has more values than its text has %".into());
    }
    Ok(text)
}

fn verb_of(verb: char, value: &Value, precision: Option<usize>, plus: bool) -> Result<String, String> {
    let wrong = || format!("%{verb} of printf isn't for {}", kind(value));
    Ok(match verb {
        'v' | 's' => {
            let text = written(value);
            precision.map_or(text.clone(), |precision| text.chars().take(precision).collect())
        }
        'q' => format!("{:?}", written(value)),
        't' => value.as_bool().ok_or_else(wrong)?.to_string(),
        'd' => {
            let float = value.as_f64().filter(|float| float.fract() == 0.0).ok_or_else(wrong)?;
            let number = value.as_i64().map_or_else(|| format!("{float:.0}"), |number| number.to_string());
            if plus && float >= 0.0 { format!("+{number}") } else { number }
        }
        'x' => match value {
            Value::String(text) => hex::encode(text),
            value => format!("{:x}", value.as_i64().ok_or_else(wrong)?),
        },
        'f' => format!("{:.*}", precision.unwrap_or(6), value.as_f64().ok_or_else(wrong)?),
        _ => return Err(format!("printf knows %v %s %q %t %d %x %f, not %{verb}")),
    })
}
