//! Functions that can be called, and what their results are.

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

impl Function {
    /// The only parameter, if it has no name: it takes the whole body.
    pub(crate) fn single_unnamed(&self) -> Option<&Parameter> {
        match self.parameters.as_slice() {
            [only] if only.name.is_empty() => Some(only),
            _ => None,
        }
    }
}
