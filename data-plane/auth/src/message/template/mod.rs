//! Go's templates as Supabase's users write them: the language of `text/template`, and for HTML the escaping by place
//! of `html/template`.
//!
//! A tenant writes templates and a user's metadata fills them, so that both are bounded: the source, the nesting, the
//! steps, and every byte that is made on the way. Not there: `define`, `template`, `block` and methods.

mod function;
mod html;
mod lex;
mod parse;
mod run;

use serde_json::Value;

/// The longest source of a template, in bytes.
pub const MAX_SOURCE: usize = 256 * 1024;

/// A template that has been read; see [`Template::parse`].
#[derive(Debug, Clone)]
pub struct Template {
    nodes: Vec<parse::Node>,
}

/// What is wrong with a template: the line (from 1) and what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {problem}")]
pub struct TemplateError {
    pub line: usize,
    pub problem: String,
}

impl TemplateError {
    fn new(line: usize, problem: impl Into<String>) -> Self {
        Self { line, problem: problem.into() }
    }
}

/// What becomes of values on their way into the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Output {
    Html,
    Text,
}

impl Template {
    /// Reads a template. Names of functions are checked here, names of variables when it is filled.
    pub fn parse(source: &str) -> Result<Self, TemplateError> {
        if source.len() > MAX_SOURCE {
            return Err(TemplateError::new(
                1,
                format!("the template has {} bytes, more than {MAX_SOURCE}; shorten it", source.len()),
            ));
        }
        Ok(Self { nodes: parse::parse(lex::lex(source)?)? })
    }

    /// Fills the template for HTML: values are escaped for where they stand, as `html/template` does.
    pub fn html(&self, data: &Value) -> Result<String, TemplateError> {
        run::run(&self.nodes, data, Output::Html)
    }

    /// Fills the template as it is, for subjects and SMS.
    pub fn text(&self, data: &Value) -> Result<String, TemplateError> {
        run::run(&self.nodes, data, Output::Text)
    }
}

#[cfg(test)]
mod tests;
