//! The function that answers `/` instead of the description, by the setting `db-root-spec`.

/// Schema and name, as the setting writes them; the schema is the request's unless it is written. A name may be in quotes,
/// and a dot in them separates nothing.
pub(crate) fn root_function(setting: &str, schema: &str) -> (String, String) {
    let (mut parts, mut part, mut quoted) = (Vec::new(), String::new(), false);
    for c in setting.trim().chars() {
        match c {
            '"' => quoted = !quoted,
            '.' if !quoted => parts.push(std::mem::take(&mut part)),
            other => part.push(other),
        }
    }
    (parts.pop().unwrap_or_else(|| schema.to_owned()), part)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_function_is_named_with_or_without_its_schema() {
        for (setting, schema, name) in [
            ("root", "api", "root"),
            (" other.root ", "other", "root"),
            (r#""My Schema"."the.root""#, "My Schema", "the.root"),
            (r#""the.root""#, "api", "the.root"),
        ] {
            assert_eq!(root_function(setting, "api"), (schema.to_owned(), name.to_owned()), "{setting}");
        }
    }
}
