//! The query stage: plans in, SQL text and parameters out. Pure.
//!
//! Every name is quoted, every value is a parameter. Parameters are sent as text and without a type, so that PostgreSQL
//! reads them as it reads literals: `"id" = $1` takes the column's type, and its index.
//!
//! The one exception are keys of JSON paths, which are quoted literals: an index on `(data->>'a')` matches only those.

mod call;
mod conditions;
mod explain;
mod outputs;
mod read;
mod session;
mod singly;
mod write;

use std::{error::Error, fmt::Write as _, sync::Arc};

use bytes::BytesMut;
use postgres_protocol::escape::escape_identifier;
use tokio_postgres::types::{Format, IsNull, ToSql, Type, to_sql_checked};

use crate::schema::Handler;

pub(crate) use call::call;
pub(crate) use explain::explained;
pub(crate) use read::{explain, read};
pub(crate) use session::{READ_ONLY, READ_WRITE, SessionScope, SessionSettings, begin, pre_request, session};
pub(crate) use singly::Joined;
pub(crate) use write::write;

/// Room that few statements grow out of.
const USUAL_LENGTH: usize = 768;
const USUAL_PARAMETERS: usize = 8;

/// A statement in the making.
#[derive(Debug, Default, Clone)]
pub(crate) struct Sql {
    pub(crate) text: String,
    pub(crate) parameters: Vec<Text>,
}

/// A parameter in text format, of whatever type its place has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Text {
    Own(String),
    /// A body, which is not copied for that.
    Shared(Arc<String>),
}

impl Text {
    pub(crate) fn as_str(&self) -> &str {
        match self {
            Self::Own(text) => text,
            Self::Shared(text) => text,
        }
    }
}

impl From<String> for Text {
    fn from(text: String) -> Self {
        Self::Own(text)
    }
}

impl From<&str> for Text {
    fn from(text: &str) -> Self {
        Self::Own(text.to_owned())
    }
}

impl From<&String> for Text {
    fn from(text: &String) -> Self {
        Self::Own(text.clone())
    }
}

impl From<Arc<String>> for Text {
    fn from(text: Arc<String>) -> Self {
        Self::Shared(text)
    }
}

impl ToSql for Text {
    fn to_sql(&self, _: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        out.extend_from_slice(self.as_str().as_bytes());
        Ok(IsNull::No)
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    fn encode_format(&self, _: &Type) -> Format {
        Format::Text
    }

    to_sql_checked!();
}

impl Sql {
    pub(crate) fn new(text: &str) -> Self {
        let mut sql = Self { text: String::with_capacity(USUAL_LENGTH), parameters: Vec::with_capacity(USUAL_PARAMETERS) };
        sql.push(text);
        sql
    }

    /// Appends SQL of our own making.
    pub(crate) fn push(&mut self, text: &str) -> &mut Self {
        self.text.push_str(text);
        self
    }

    /// Appends a quoted identifier.
    pub(crate) fn name(&mut self, name: &str) -> &mut Self {
        self.text.push_str(&escape_identifier(name));
        self
    }

    /// Appends `"a"."b"`.
    pub(crate) fn qualified(&mut self, first: &str, second: &str) -> &mut Self {
        self.name(first).push(".").name(second)
    }

    /// Appends a placeholder for a value.
    pub(crate) fn value(&mut self, value: impl Into<Text>) -> &mut Self {
        self.parameters.push(value.into());
        let number = self.parameters.len();
        // Writing to a String can't fail.
        let _ = write!(self.text, "${number}");
        self
    }

    /// Appends a quoted literal.
    pub(crate) fn literal(&mut self, value: &str) -> &mut Self {
        if value.contains('\\') {
            self.text.push_str(" E");
        }
        self.text.push('\'');
        for c in value.chars() {
            if matches!(c, '\'' | '\\') {
                self.text.push(c);
            }
            self.text.push(c);
        }
        self.text.push('\'');
        self
    }

    /// Appends items with a separator between them.
    pub(crate) fn separated<T>(
        &mut self,
        separator: &str,
        items: impl IntoIterator<Item = T>,
        mut each: impl FnMut(&mut Self, T),
    ) {
        for (index, item) in items.into_iter().enumerate() {
            if index > 0 {
                self.push(separator);
            }
            each(self, item);
        }
    }
}

/// How the rows become the body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Shape {
    Array {
        nulls_stripped: bool,
    },
    Object {
        nulls_stripped: bool,
    },
    Csv,
    GeoJson,
    /// One unnamed value per row, of a function that returns scalars.
    Scalar {
        set: bool,
    },
    /// What a media type handler's aggregate makes of the rows, or of the values of a function that returns scalars.
    Handled {
        handler: Arc<Handler>,
        scalars: bool,
    },
    /// The only value, as it is.
    Value {
        is_bytes: bool,
    },
    /// No body is wanted; rows are counted only.
    None,
}

/// How a result is delivered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Delivery {
    /// As a single row with everything: see [`GUCS`].
    AtOnce(Shape),
    /// Row by row, and what is known of them together in a last one.
    Singly(&'static Joined),
}

/// Columns of the only row of a statement that delivers at once, in this order:
/// total (int8, null if not counted), rows (int8), body (text; bytea of a handler), response.headers, response.status (text
/// or null), location (JSON text or null), inserted (text or null).
pub(crate) const GUCS: &str =
    "nullif(current_setting('response.headers', true), ''), nullif(current_setting('response.status', true), '')";

/// The body over the rows `_r`.
fn body(sql: &mut Sql, shape: Shape) {
    let built = match shape {
        Shape::Array { nulls_stripped: false } => "coalesce(json_agg(_r.*), '[]')::text",
        Shape::Array { nulls_stripped: true } => "coalesce(json_strip_nulls(json_agg(_r.*)), '[]')::text",
        Shape::Object { nulls_stripped: false } => "coalesce(json_agg(_r.*)->0, 'null')::text",
        Shape::Object { nulls_stripped: true } => "coalesce(json_strip_nulls(json_agg(_r.*)->0), 'null')::text",
        Shape::Csv => {
            "coalesce((SELECT string_agg(k, ',') FROM json_object_keys(json_agg(_r.*)->0) k), '') \
             || E'\\n' || coalesce(string_agg(substring((_r.*)::text, 2, length((_r.*)::text) - 2), E'\\n'), '')"
        }
        Shape::Scalar { set: false } => "coalesce(json_agg(_r.pgrst_scalar)->0, 'null')::text",
        Shape::Scalar { set: true } => "coalesce(json_agg(_r.pgrst_scalar), '[]')::text",
        Shape::GeoJson => {
            "json_build_object('type', 'FeatureCollection', 'features', coalesce(json_agg(st_asgeojson(_r.*)::json), '[]'))::text"
        }
        Shape::None => "''",
        Shape::Handled { handler, scalars } => {
            as_bytes(sql, handler.media.is_bytes, |sql| handled(sql, &handler, scalars));
            return;
        }
        Shape::Value { is_bytes } => {
            // There is only one, but beside `count(*)` there has to be an aggregate.
            let value = if is_bytes { "string_agg(_r.pgrst_scalar::bytea, '')" } else { "string_agg(_r.pgrst_scalar::text, '')" };
            as_bytes(sql, is_bytes, |sql| {
                sql.push(value);
            });
            return;
        }
    };
    sql.push(built);
}

/// A handler called with the rows. One of a relation takes rows of exactly its type, which those of a subquery can become.
fn handled(sql: &mut Sql, handler: &Handler, scalars: bool) {
    sql.qualified(&handler.schema, &handler.name).push("(");
    match &handler.of {
        None if scalars => sql.push("_r.pgrst_scalar"),
        None => sql.push("_r.*"),
        Some((schema, name)) => sql.push("(_r.*)::").qualified(schema, name),
    };
    sql.push(")");
}

/// A value as the bytes that are sent: null is none.
fn as_bytes(sql: &mut Sql, is_bytes: bool, value: impl FnOnce(&mut Sql)) {
    sql.push(if is_bytes { "coalesce((" } else { "convert_to(coalesce((" });
    value(sql);
    sql.push(if is_bytes { ")::bytea, '')" } else { ")::text, ''), 'UTF8')" });
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn quotes_names_and_literals() {
        let mut sql = Sql::default();
        sql.name("a\"b").push(" ").literal("it's").literal("\\'; drop").push(" ").value("x'y");
        assert_eq!(sql.text, r#""a""b" 'it''s' E'\\''; drop' $1"#);
    }

    proptest! {
        #[test]
        fn a_name_never_ends_its_quotes(name in "\\PC*") {
            let mut sql = Sql::default();
            sql.name(&name);
            let inner = &sql.text[1..sql.text.len() - 1];
            prop_assert!(!inner.replace("\"\"", "").contains('"'));
        }
    }
}
