//! Where in a token's claims the role is: PostgREST's `jwt-role-claim-key`, such as `.roles[0]` or `."https://a.b/role".name`.

use std::str::FromStr;

use serde_json::{Map, Value};

/// A path through objects and arrays.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RoleClaim(Vec<Step>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Step {
    Key(String),
    Index(usize),
}

impl Default for RoleClaim {
    fn default() -> Self {
        Self(vec![Step::Key("role".to_owned())])
    }
}

impl RoleClaim {
    /// The role, if there is a text where it should be.
    pub(crate) fn find<'a>(&self, claims: &'a Map<String, Value>) -> Option<&'a str> {
        let mut steps = self.0.iter();
        let Some(Step::Key(first)) = steps.next() else { return None };
        let found = steps.try_fold(claims.get(first)?, |value, step| match step {
            Step::Key(key) => value.get(key),
            Step::Index(index) => value.get(index),
        });
        found?.as_str()
    }
}

impl FromStr for RoleClaim {
    type Err = ();

    fn from_str(mut text: &str) -> Result<Self, ()> {
        let mut steps = Vec::new();
        while !text.is_empty() {
            let (step, rest) = if let Some(quoted) = text.strip_prefix(".\"") {
                let (key, rest) = quoted.split_once('"').ok_or(())?;
                (Step::Key(key.to_owned()), rest)
            } else if let Some(key) = text.strip_prefix('.') {
                let end = key.find(|c: char| !(c.is_alphanumeric() || "_$@".contains(c))).unwrap_or(key.len());
                let (key, rest) = key.split_at(end);
                (Step::Key(key.to_owned()), rest)
            } else {
                let (index, rest) = text.strip_prefix('[').and_then(|index| index.split_once(']')).ok_or(())?;
                (Step::Index(index.parse().map_err(drop)?), rest)
            };
            if step == Step::Key(String::new()) {
                return Err(());
            }
            steps.push(step);
            text = rest;
        }
        if matches!(steps.first(), Some(Step::Key(_))) { Ok(Self(steps)) } else { Err(()) }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn finds_the_role() {
        let claims = json!({"role": "r", "app": {"roles": ["other", "author"]}, "https://a.b/role": {"$name": "x"}, "n": 5});
        let claims = claims.as_object().unwrap();
        for (path, expected) in [
            (".role", Some("r")),
            (".app.roles[1]", Some("author")),
            (".app.roles[2]", None),
            (".\"https://a.b/role\".$name", Some("x")),
            (".n", None),
            (".app", None),
            (".nothing.at.all", None),
        ] {
            assert_eq!(path.parse::<RoleClaim>().unwrap().find(claims), expected, "{path}");
        }
    }

    #[test]
    fn refuses_what_is_no_path() {
        for path in ["", "role", ".", "..a", "[0]", ".a[", ".a[x]", ".a[?(@ == \"b\")]", ".\"a", ".a b"] {
            assert!(path.parse::<RoleClaim>().is_err(), "{path}");
        }
    }
}
