//! PostgREST's configuration file: lines of `key = value`. A key is a variable's name in its own spelling, `db-uri` for
//! `PGRST_DB_URI`; a value is a text in quotes, or a word.
//!
//! Source: PostgREST's documentation, "Configuration file".

use std::collections::{BTreeMap, HashMap};

use super::variables::PREFIX;

/// A value of the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Line {
    /// Where it is, from 1.
    pub(super) number: usize,
    /// As it is written there.
    pub(super) key: String,
    pub(super) value: String,
}

/// What is wrong, and in which line.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Malformed {
    pub(super) number: usize,
    pub(super) problem: &'static str,
}

const NO_KEY: &str = "a line is `key = value`, such as `db-schemas = \"public\"`";
const OPEN: &str = "a text has no closing quote";
const AFTER: &str = "something follows the value; text with spaces belongs in quotes";
const ESCAPE: &str = "after a backslash comes \\, \", n or t";
const INTERPOLATION: &str = "$ begins $(NAME), for a variable of the environment that is set; a dollar sign itself is $$";

/// The values by the variables that they stand for. Of a key that is there twice, the last one counts.
pub(super) fn parse(text: &str, environment: &HashMap<String, String>) -> Result<BTreeMap<String, Line>, Malformed> {
    let mut found = BTreeMap::new();
    for (index, line) in text.lines().enumerate() {
        let number = index + 1;
        let malformed = |problem| Malformed { number, problem };
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let (key, rest) = line.split_once('=').ok_or(malformed(NO_KEY))?;
        let key = key.trim();
        let is_key = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        if key.is_empty() || !key.chars().all(is_key) {
            return Err(malformed(NO_KEY));
        }
        let value = value(rest.trim(), environment).map_err(malformed)?;
        found.insert(variable(key), Line { number, key: key.to_owned(), value });
    }
    Ok(found)
}

/// The variable that a key stands for.
fn variable(key: &str) -> String {
    match key.strip_prefix("app.settings.") {
        Some(name) => format!("{PREFIX}APP_SETTINGS_{name}"),
        None => format!("{PREFIX}{}", key.to_ascii_uppercase().replace(['-', '.'], "_")),
    }
}

fn value(text: &str, environment: &HashMap<String, String>) -> Result<String, &'static str> {
    let Some(quoted) = text.strip_prefix('"') else {
        let word = text.split('#').next().unwrap_or_default().trim();
        return if word.contains(char::is_whitespace) { Err(AFTER) } else { Ok(word.to_owned()) };
    };
    let mut value = String::new();
    let mut rest = quoted.chars();
    loop {
        match rest.next().ok_or(OPEN)? {
            '"' => break,
            '\\' => value.push(match rest.next() {
                Some('n') => '\n',
                Some('t') => '\t',
                Some(escaped @ ('\\' | '"')) => escaped,
                Some(_) | None => return Err(ESCAPE),
            }),
            '$' => match rest.next() {
                Some('$') => value.push('$'),
                Some('(') => {
                    let (name, after) = rest.as_str().split_once(')').ok_or(INTERPOLATION)?;
                    value.push_str(environment.get(name).ok_or(INTERPOLATION)?);
                    rest = after.chars();
                }
                Some(_) | None => return Err(INTERPOLATION),
            },
            other => value.push(other),
        }
    }
    let rest = rest.as_str().trim();
    if rest.is_empty() || rest.starts_with('#') { Ok(value) } else { Err(AFTER) }
}

/// A text as a value of the file.
pub(super) fn quoted(text: &str) -> String {
    let mut quoted = String::from('"');
    for letter in text.chars() {
        match letter {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\t' => quoted.push_str("\\t"),
            '$' => quoted.push_str("$$"),
            other => quoted.push(other),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parsed(text: &str) -> Result<Vec<(String, String)>, Malformed> {
        let environment = HashMap::from([("PASSWORD".to_owned(), "p$w".to_owned())]);
        let lines = parse(text, &environment)?;
        Ok(lines.into_iter().map(|(variable, line)| (variable, line.value)).collect())
    }

    #[test]
    fn keys_stand_for_variables() {
        let text = "# all of it\n\ndb-uri = \"postgres://a:$(PASSWORD)@h/d\" # here\n db-pool=7 # a number\n\
            app.settings.My_Key = \"a \\\"b\\\" $$\"\nserver-host = \"!4\"\ndb-pool = 8\nopenapi-server-proxy-uri = \"\"\n";
        let expected = [
            ("PGRST_APP_SETTINGS_My_Key", "a \"b\" $"),
            ("PGRST_DB_POOL", "8"),
            ("PGRST_DB_URI", "postgres://a:p$w@h/d"),
            ("PGRST_OPENAPI_SERVER_PROXY_URI", ""),
            ("PGRST_SERVER_HOST", "!4"),
        ];
        assert_eq!(parsed(text).unwrap(), expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
    }

    #[test]
    fn what_is_wrong_is_told_with_its_line() {
        for (line, problem) in [
            ("db-uri", NO_KEY),
            ("= 1", NO_KEY),
            ("db uri = 1", NO_KEY),
            ("db-uri = \"a", OPEN),
            ("db-uri = \"a\" b", AFTER),
            ("db-uri = a b", AFTER),
            ("db-uri = \"\\x\"", ESCAPE),
            ("db-uri = \"$x\"", INTERPOLATION),
            ("db-uri = \"$(NONE)\"", INTERPOLATION),
            ("db-uri = \"$(PASSWORD\"", INTERPOLATION),
        ] {
            assert_eq!(parsed(&format!("\n{line}\n")).unwrap_err(), Malformed { number: 2, problem }, "{line}");
        }
    }

    proptest! {
        #[test]
        fn what_is_quoted_is_read_as_it_was(text in "[^\r]*") {
            let lines = parsed(&format!("k = {}", quoted(&text))).unwrap();
            prop_assert_eq!(lines, [("PGRST_K".to_owned(), text)]);
        }

        #[test]
        fn never_panics(text in any::<String>()) {
            drop(parsed(&text));
        }
    }
}
