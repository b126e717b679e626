//! Functions that can be called, and what their results are.

use postgres_protocol::escape::escape_identifier;

use super::MediaDomain;

#[derive(Debug, Clone)]
pub(crate) struct Function {
    /// Of `pg_proc`.
    pub(crate) id: u32,
    pub(crate) schema: String,
    pub(crate) name: String,
    /// Input parameters, in order.
    pub(crate) parameters: Vec<Parameter>,
    pub(crate) returns: Returns,
    /// The media type that its only result is.
    pub(crate) media: Option<MediaDomain>,
    /// `RETURNS SETOF` or `RETURNS TABLE`.
    pub(crate) is_set: bool,
    pub(crate) volatility: Volatility,
    /// Planner's estimate; 1 makes a computed relationship to-one.
    pub(crate) rows: f32,
    /// Names and values of its `SET` clauses.
    pub(crate) settings: Vec<(String, String)>,
}

#[derive(Debug, Clone)]
pub(crate) struct Parameter {
    /// Empty if it has none.
    pub(crate) name: String,
    /// As `format_type` writes it.
    pub(crate) type_name: String,
    pub(crate) required: bool,
    pub(crate) variadic: bool,
}

/// What one result is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Returns {
    Void,
    Scalar,
    /// Rows of a relation, so that its relationships apply.
    Relation {
        schema: String,
        name: String,
    },
    /// Rows of a composite type, `TABLE(...)`, `OUT` parameters or `record`.
    Composite,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Volatility {
    Immutable,
    Stable,
    Volatile,
}

impl Parameter {
    /// The type for a value. As types, `character` and `bit` are of one place, and would cut it; a parameter's length is not known.
    pub(crate) fn value_type(&self) -> &str {
        match self.type_name.as_str() {
            "character" => "character varying",
            "character[]" => "character varying[]",
            "bit" => "bit varying",
            "bit[]" => "bit varying[]",
            other => other,
        }
    }
}

impl Function {
    /// Whether a request can say what each argument is: by its name, or as the body.
    pub(crate) fn is_callable(&self) -> bool {
        match self.single_unnamed() {
            Some(only) => matches!(only.type_name.as_str(), "bytea" | "json" | "jsonb" | "text" | "xml"),
            None => self.parameters.iter().all(|parameter| !parameter.name.is_empty()),
        }
    }

    /// The only parameter, if it has no name: it takes the whole body.
    pub(crate) fn single_unnamed(&self) -> Option<&Parameter> {
        match self.parameters.as_slice() {
            [only] if only.name.is_empty() => Some(only),
            _ => None,
        }
    }
}

/// The parts of a function's name as a setting writes it, `name` or `schema.name`. Quotes keep a dot, and are not needed for
/// capitals.
pub(crate) fn function_name(written: &str) -> Vec<String> {
    let (mut parts, mut part, mut quoted) = (Vec::new(), String::new(), false);
    let mut chars = written.trim().chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '"' if quoted && chars.next_if_eq(&'"').is_some() => part.push('"'),
            '"' => quoted = !quoted,
            '.' if !quoted => parts.push(std::mem::take(&mut part)),
            _ => part.push(c),
        }
    }
    parts.push(part);
    parts
}

/// The same as SQL.
pub(crate) fn quoted_function_name(written: &str) -> String {
    let parts: Vec<String> = function_name(written).iter().map(|part| escape_identifier(part)).collect();
    parts.join(".")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_written_name_has_a_schema_or_none() {
        for (written, parts) in [
            ("root", vec!["root"]),
            (" Api.Root ", vec!["Api", "Root"]),
            (r#""My ""Schema".root"#, vec![r#"My "Schema"#, "root"]),
            (r#""the.root""#, vec!["the.root"]),
        ] {
            assert_eq!(function_name(written), parts, "{written}");
        }
    }

    #[test]
    fn names_are_quoted_by_parts() {
        for (name, expected) in [
            ("configure", r#""configure""#),
            ("api.configure", r#""api"."configure""#),
            (r#""My.Schema"."F""#, r#""My.Schema"."F""#),
            ("a; drop table b", r#""a; drop table b""#),
        ] {
            assert_eq!(quoted_function_name(name), expected);
        }
    }
}
