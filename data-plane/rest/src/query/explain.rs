//! A statement's plan in the place of its result.

use super::Sql;
use crate::request::{Explain, ExplainFormat};

/// What tells the plan of a statement, and runs it if `analyze` is asked for.
pub(crate) fn explained(explain: &Explain, statement: Sql) -> Sql {
    let mut options = vec![match explain.format {
        ExplainFormat::Text => "FORMAT TEXT",
        ExplainFormat::Json => "FORMAT JSON",
    }];
    options.extend(explain.options.iter().map(|option| option.name()));
    Sql { text: format!("EXPLAIN ({}) {}", options.join(", "), statement.text), parameters: statement.parameters }
}
