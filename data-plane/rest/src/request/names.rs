//! Names as they are written in every parameter, and what stands between them.

use super::{
    cursor::{Cursor, Parsed, Step, parse},
    parse_error::Message,
};

/// A comma-separated list of names: the value of `columns` and `on_conflict`.
pub(super) fn list(what: &'static str, value: &str) -> Parsed<Vec<String>> {
    parse(what, value, |cursor| cursor.separated(|cursor| cursor.string(","), name))
}

/// Quoted, or letters, digits, `_`, `$`, spaces, and dashes that do not begin an arrow.
pub(super) fn name(cursor: &mut Cursor<'_>) -> Step<String> {
    cursor.label("field name (* or [a..z0..9_$])", |cursor| cursor.or(quoted, plain))
}

fn plain(cursor: &mut Cursor<'_>) -> Step<String> {
    let after_spaces = cursor.rest().trim_start_matches(' ');
    let goes_on = after_spaces.starts_with(is_of_identifier) || after_spaces.starts_with('-') && !after_spaces.starts_with("->");
    if cursor.peek() == Some(' ') && !goes_on {
        // Spaces alone are no name.
        return Err(cursor.fail(&[]));
    }
    let parts = cursor.separated(dash, |cursor| cursor.take_some(&OF_IDENTIFIER, is_of_identifier))?;
    Ok(parts.join("-").trim().to_owned())
}

/// What the characters of names that are not quoted are called.
pub(super) const OF_IDENTIFIER: [Message; 2] = [Message::Label("letter"), Message::Label("digit")];

fn is_of_identifier(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '_' | ' ' | '$')
}

/// A dash that does not begin an arrow.
fn dash(cursor: &mut Cursor<'_>) -> Step<()> {
    cursor.attempt(|cursor| {
        cursor.string("-")?;
        cursor.not_before('>', ">")
    })
}

/// `"…"` with backslash escapes.
pub(super) fn quoted(cursor: &mut Cursor<'_>) -> Step<String> {
    cursor.string("\"")?;
    let mut value = String::new();
    loop {
        value.push_str(cursor.take_while(|c| !matches!(c, '"' | '\\')));
        if cursor.rest().starts_with('"') {
            break;
        }
        if !cursor.is(|cursor| cursor.string("\\"))? {
            break;
        }
        let Some(c) = cursor.peek() else { return Err(cursor.fail(&[])) };
        value.push_str(cursor.take_bytes(c.len_utf8()));
    }
    cursor.string("\"")?;
    Ok(value)
}

/// The dot between the parts of a filter, a path or an order.
pub(super) fn delimiter(cursor: &mut Cursor<'_>) -> Step<()> {
    cursor.label("delimiter (.)", |cursor| cursor.string("."))
}

/// A name and the colon that makes it an alias. Two colons are a cast.
pub(super) fn alias(cursor: &mut Cursor<'_>) -> Step<Option<String>> {
    cursor.option(|cursor| {
        cursor.attempt(|cursor| {
            let alias = name(cursor)?;
            cursor.string(":")?;
            cursor.not_before(':', ":")?;
            Ok(alias)
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_names() {
        for (value, expected) in [
            ("a,b", vec!["a", "b"]),
            ("a b, c ", vec!["a b", "c"]),
            ("a-b_c$1", vec!["a-b_c$1"]),
            (r#""a,b\"\\c",é"#, vec!["a,b\"\\c", "é"]),
            (r#""""#, vec![""]),
        ] {
            assert_eq!(list("x", value).unwrap(), expected, "{value}");
        }
    }

    #[test]
    fn says_what_is_wrong_with_names() {
        for (value, column, details) in [
            ("", 1, "unexpected end of input expecting field name (* or [a..z0..9_$])"),
            ("a,", 3, "unexpected end of input expecting field name (* or [a..z0..9_$])"),
            ("a,  ", 3, "unexpected \" \" expecting field name (* or [a..z0..9_$])"),
            ("a@", 2, "unexpected '@' expecting letter, digit, \"-\", \",\" or end of input"),
            // Only what would have begun another name is known after the second one.
            ("a,b@", 4, "unexpected '@' expecting \",\" or end of input"),
            ("a-", 3, "unexpected end of input expecting \">\", letter or digit"),
            ("a->b", 4, "unexpected '>'"),
            ("\"a", 3, "unexpected end of input expecting \"\\\\\" or \"\\\"\""),
            ("\"a\\", 4, "unexpected end of input"),
            ("\"a\"b", 4, "unexpected 'b' expecting \",\" or end of input"),
        ] {
            let error = list("columns parameter", value).unwrap_err();
            assert_eq!(
                (error.to_string(), error.details()),
                (format!("\"failed to parse columns parameter ({value})\" (line 1, column {column})"), details)
            );
        }
    }
}
