//! Where in a token's claims the role is: PostgREST's `jwt-role-claim-key`, a JSON Path as RFC 9535 has it, such as
//! `$.app.roles[0]`, or, deprecated, the older form, such as `.app.roles[0]`, which is read as the JSON Path that it stands
//! for.
//!
//! Source: PostgREST's documentation, "JWT Role Extraction" of v16 and of v14.

use std::{borrow::Cow, str::FromStr};

use serde_json::Value;
use serde_json_path::JsonPath;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RoleClaim {
    path: JsonPath,
    /// The JSON Path to write instead, if the older form was given.
    instead: Option<String>,
}

impl Default for RoleClaim {
    fn default() -> Self {
        let path = JsonPath::parse("$.role").expect("a JSON Path");
        Self { path, instead: None }
    }
}

impl RoleClaim {
    /// The role: the first thing that the path leads to, which is refused by the database if it is no text. Who says that he is
    /// somebody is not to go on as nobody.
    pub(crate) fn find<'a>(&self, claims: &'a Value) -> Option<Cow<'a, str>> {
        Some(match self.path.query(claims).first()? {
            Value::String(role) => Cow::Borrowed(role),
            other => Cow::Owned(other.to_string()),
        })
    }

    /// What to say about the form it was given in.
    pub(crate) fn deprecation(&self) -> Option<String> {
        let instead = self.instead.as_ref()?;
        Some(format!("is given in a form that is deprecated, and will not be understood some day; set it to {instead}"))
    }
}

impl FromStr for RoleClaim {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let instead = if text.starts_with('.') { Some(json_path(text)?) } else { None };
        let path = JsonPath::parse(instead.as_deref().unwrap_or(text)).map_err(drop)?;
        Ok(Self { path, instead })
    }
}

/// What the older form stands for.
fn json_path(mut text: &str) -> Result<String, ()> {
    let mut path = "$".to_owned();
    while !text.is_empty() {
        let (segment, rest) = if let Some(quoted) = text.strip_prefix(".\"") {
            let (key, rest) = quoted.split_once('"').ok_or(())?;
            (format!("[{}]", quote(key)?), rest)
        } else if let Some(key) = text.strip_prefix('.') {
            let end = key.find(|c: char| !(c.is_alphanumeric() || "_$@-".contains(c))).unwrap_or(key.len());
            let (key, rest) = key.split_at(end);
            (if is_plain(key) { format!(".{key}") } else { format!("[{}]", quote(key)?) }, rest)
        } else if let Some(filter) = text.strip_prefix("[?(@") {
            let (condition, rest) = condition(filter)?;
            (format!("[?{condition}]"), rest)
        } else {
            let (index, rest) = text.strip_prefix('[').and_then(|index| index.split_once(']')).ok_or(())?;
            (format!("[{}]", index.parse::<usize>().map_err(drop)?), rest)
        };
        path.push_str(&segment);
        text = rest;
    }
    Ok(path)
}

/// A key that needs no quotes in a JSON Path.
fn is_plain(key: &str) -> bool {
    let is_word = key.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    is_word && !key.starts_with(|c: char| c.is_ascii_digit()) && !key.is_empty()
}

/// As the JSON Path has a text. No key is empty.
fn quote(text: &str) -> Result<String, ()> {
    if text.is_empty() { Err(()) } else { Ok(Value::from(text).to_string()) }
}

/// What comes after `[?(@`: the condition in a JSON Path, and the rest after the closing bracket.
fn condition(filter: &str) -> Result<(String, &str), ()> {
    let (operator, value) = filter.split_once('"').ok_or(())?;
    let (value, rest) = value.split_once('"').ok_or(())?;
    let rest = rest.trim_start().strip_prefix(")]").ok_or(())?;
    let search = |before: &str, after: &str| {
        let pattern = format!("{before}{}{after}", regex::escape(value));
        format!("search(@, {})", Value::from(pattern))
    };
    let condition = match operator.trim() {
        compared @ ("==" | "!=") => format!("@ {compared} {}", Value::from(value)),
        "^==" => search("^", ""),
        "==^" => search("", "$"),
        "*==" => search("", ""),
        _ => return Err(()),
    };
    Ok((condition, rest))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn find(path: &str) -> Option<String> {
        let claims = json!({
            "role": "r",
            "app": {"roles": ["other", "author", "a.b"], "write-role": "w"},
            "https://a.b/role": {"$name": "x", "key": "k"},
            "mixed": [5, "five"],
            "n": 5,
        });
        let claim: RoleClaim = path.parse().unwrap_or_else(|()| panic!("{path}"));
        claim.find(&claims).map(Cow::into_owned)
    }

    #[test]
    fn finds_the_role() {
        for (path, expected) in [
            ("$.role", Some("r")),
            ("$['role']", Some("r")),
            ("$.app.roles[1]", Some("author")),
            ("$.app.roles[-1]", Some("a.b")),
            ("$.app.roles[3]", None),
            ("$['https://a.b/role'].key", Some("k")),
            (r#"$["https://a.b/role"]['$name']"#, Some("x")),
            ("$.app.roles[?(@ == 'author')]", Some("author")),
            ("$.app.roles[?@ != 'other']", Some("author")),
            ("$.app.roles[?search(@, '^au')]", Some("author")),
            ("$.app.roles[?search(@, 'x')]", None),
            // The first of several.
            ("$.app.roles[*]", Some("other")),
            ("$['none', 'role']", Some("r")),
            // Nobody has such a role.
            ("$.mixed[*]", Some("5")),
            ("$.n", Some("5")),
            ("$.app", Some(r#"{"roles":["other","author","a.b"],"write-role":"w"}"#)),
            ("$.nothing.at.all", None),
        ] {
            assert_eq!(find(path).as_deref(), expected, "{path}");
            assert_eq!(path.parse::<RoleClaim>().unwrap().deprecation(), None, "{path}");
        }
    }

    #[test]
    fn the_older_form_stands_for_a_json_path() {
        for (path, instead, expected) in [
            (".role", "$.role", Some("r")),
            (".app.roles[1]", "$.app.roles[1]", Some("author")),
            (".app.roles[3]", "$.app.roles[3]", None),
            (".app.write-role", r#"$.app["write-role"]"#, Some("w")),
            (r#"."https://a.b/role".$name"#, r#"$["https://a.b/role"]["$name"]"#, Some("x")),
            (r#".app.roles[?(@ == "author")]"#, r#"$.app.roles[?@ == "author"]"#, Some("author")),
            (r#".app.roles[?(@ != "other")]"#, r#"$.app.roles[?@ != "other"]"#, Some("author")),
            (r#".app.roles[?(@ ^== "aut")]"#, r#"$.app.roles[?search(@, "^aut")]"#, Some("author")),
            (r#".app.roles[?(@ ==^ "hor")]"#, r#"$.app.roles[?search(@, "hor$")]"#, Some("author")),
            (r#".app.roles[?(@ *== "utho")]"#, r#"$.app.roles[?search(@, "utho")]"#, Some("author")),
            // What is asked for is a text, not a pattern.
            (r#".app.roles[?(@ ==^ ".b")]"#, r#"$.app.roles[?search(@, "\\.b$")]"#, Some("a.b")),
            (r#".app.roles[?(@ *== "uth|x")]"#, r#"$.app.roles[?search(@, "uth\\|x")]"#, None),
            (r#".app.roles[?(@=="author")]"#, r#"$.app.roles[?@ == "author"]"#, Some("author")),
            (".n", "$.n", Some("5")),
        ] {
            assert_eq!(find(path).as_deref(), expected, "{path}");
            let deprecation = path.parse::<RoleClaim>().unwrap().deprecation().unwrap();
            assert!(deprecation.ends_with(&format!("; set it to {instead}")), "{deprecation}");
            assert_eq!(find(instead).as_deref(), expected, "{instead}");
        }
    }

    #[test]
    fn refuses_what_is_no_path() {
        for path in [
            "",
            "role",
            "$role",
            "$.",
            "$.a[",
            "$.a b",
            "$.a[?@ ==]",
            "$.a[?(@ ^== 'b')]",
            "$.write-role",
            ".",
            "..a",
            "[0]",
            ".a[",
            ".a[x]",
            ".a[1:]",
            ".a[-1]",
            ".\"a",
            ".\"\"",
            ".a b",
            ".a[?(@ == b)]",
            ".a[?(@ = \"b\")]",
            ".a[?(@ == \"b\")",
        ] {
            assert_eq!(path.parse::<RoleClaim>(), Err(()), "{path}");
        }
    }

    #[test]
    fn the_role_is_where_postgrest_has_it() {
        assert_eq!(Ok(RoleClaim::default()), "$.role".parse());
    }
}
