//! Variables in a `compose.yaml`: `$NAME`, `${NAME}`, `${NAME:-default}`, `${NAME-default}`, `${NAME:?message}`, and `$$` for
//! a dollar sign, as the Compose specification has them.

use std::collections::BTreeMap;

/// What a variable stands for.
#[derive(Debug, Clone)]
pub(crate) enum Value {
    /// May be seen by anybody who may look at containers.
    Fact(String),
    /// May not: stands for a name by which the value is delivered.
    Secret,
}

/// Text with variables.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Filled {
    Plain(String),
    /// Contains secrets, by their names; each part is text or a secret.
    WithSecrets(Vec<Part>),
}

/// A part of a text that contains secrets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Part {
    Text(String),
    Secret(String),
}

/// Fills in the variables of a text.
///
/// # Errors
/// What is wrong, for a person: an unknown variable is named.
pub(crate) fn fill(text: &str, variables: &BTreeMap<String, Value>) -> Result<Filled, String> {
    let mut parts: Vec<Part> = Vec::new();
    let mut plain = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        plain.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        if let Some(after) = rest.strip_prefix('$') {
            plain.push('$');
            rest = after;
            continue;
        }
        let (expression, after) =
            expression(rest).ok_or_else(|| format!("{text:?} has a $ that begins no variable; write $$ for a dollar sign"))?;
        rest = after;
        let (name, fallback) = split(expression);
        match (variables.get(name), fallback) {
            (Some(Value::Fact(value)), Fallback::WhenEmpty(default)) if value.is_empty() => plain.push_str(default),
            (Some(Value::Fact(value)), Fallback::Refuse(message)) if value.is_empty() => {
                return Err(format!("{name}: {message}"));
            }
            (Some(Value::Fact(value)), _) => plain.push_str(value),
            (Some(Value::Secret), _) => {
                if !plain.is_empty() {
                    parts.push(Part::Text(std::mem::take(&mut plain)));
                }
                parts.push(Part::Secret(name.to_owned()));
            }
            (None, Fallback::WhenEmpty(default) | Fallback::WhenUnset(default)) => plain.push_str(default),
            (None, Fallback::Refuse(message)) => return Err(format!("{name}: {message}")),
            (None, Fallback::None) => {
                let known: Vec<&str> = variables.keys().map(String::as_str).collect();
                return Err(format!("the variable {name:?} in {text:?} is not known. There are {}", known.join(", ")));
            }
        }
    }
    plain.push_str(rest);
    if parts.is_empty() {
        return Ok(Filled::Plain(plain));
    }
    if !plain.is_empty() {
        parts.push(Part::Text(plain));
    }
    Ok(Filled::WithSecrets(parts))
}

/// The inside of a variable's braces, or its bare name, and what follows.
fn expression(text: &str) -> Option<(&str, &str)> {
    if let Some(inside) = text.strip_prefix('{') {
        let end = inside.find('}')?;
        return Some((&inside[..end], &inside[end + 1..])).filter(|(inside, _)| begins_a_name(inside));
    }
    let end = text.find(|letter: char| !is_of_name(letter)).unwrap_or(text.len());
    Some(text.split_at(end)).filter(|(name, _)| begins_a_name(name))
}

enum Fallback<'a> {
    None,
    WhenEmpty(&'a str),
    WhenUnset(&'a str),
    Refuse(&'a str),
}

fn split(expression: &str) -> (&str, Fallback<'_>) {
    let end = expression.find(|letter: char| !is_of_name(letter)).unwrap_or(expression.len());
    let (name, rest) = expression.split_at(end);
    let fallback = if let Some(default) = rest.strip_prefix(":-") {
        Fallback::WhenEmpty(default)
    } else if let Some(default) = rest.strip_prefix('-') {
        Fallback::WhenUnset(default)
    } else if let Some(message) = rest.strip_prefix(":?").or_else(|| rest.strip_prefix('?')) {
        Fallback::Refuse(message)
    } else {
        Fallback::None
    };
    (name, fallback)
}

fn begins_a_name(text: &str) -> bool {
    text.starts_with(|letter: char| letter.is_ascii_alphabetic() || letter == '_')
}

fn is_of_name(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || letter == '_'
}

#[cfg(test)]
mod tests {
    use super::*;

    fn variables() -> BTreeMap<String, Value> {
        let fact = |text: &str| Value::Fact(text.to_owned());
        [("REF", fact("abc")), ("EMPTY", fact("")), ("KEY", Value::Secret)].map(|(name, value)| (name.to_owned(), value)).into()
    }

    #[test]
    fn variables_are_filled_in() {
        for (text, expected) in [
            ("", ""),
            ("plain", "plain"),
            ("$REF", "abc"),
            ("a-${REF}-b", "a-abc-b"),
            ("$REF.x", "abc.x"),
            ("$$REF", "$REF"),
            ("${NONE:-x}", "x"),
            ("${NONE-x}", "x"),
            ("${EMPTY:-x}", "x"),
            ("${EMPTY-x}", ""),
            ("${REF:-x}", "abc"),
            ("${REF:?needed}", "abc"),
        ] {
            assert_eq!(fill(text, &variables()), Ok(Filled::Plain(expected.to_owned())), "{text}");
        }
    }

    #[test]
    fn secrets_stay_names() {
        let parts = vec![Part::Text("postgres://a:".into()), Part::Secret("KEY".into()), Part::Text("@db".into())];
        assert_eq!(fill("postgres://a:${KEY}@db", &variables()), Ok(Filled::WithSecrets(parts)));
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (text, expected) in
            [("${NONE}", "NONE"), ("${NONE:?set it}", "set it"), ("${EMPTY:?set it}", "set it"), ("a $ b", "$$"), ("${REF", "$$")]
        {
            let error = fill(text, &variables()).unwrap_err();
            assert!(error.contains(expected), "{text}: {error}");
        }
    }
}
