//! Statements put together from parts, where what is asked for has more forms than one would write down.

use super::Parameter;

/// A statement and its parameters. Its text is made of parts that are written in the program: nothing of a request gets into it.
#[derive(Debug, Default)]
pub(super) struct Query<'a> {
    pub(super) sql: String,
    pub(super) parameters: Vec<Parameter<'a>>,
}

impl<'a> Query<'a> {
    pub(super) fn of(part: &'static str) -> Self {
        Self { sql: part.to_owned(), parameters: Vec::new() }
    }

    /// Adds a part; each `$?` in it is one of `values`, in their order.
    pub(super) fn and(mut self, part: &'static str, values: &[Parameter<'a>]) -> Self {
        let mut pieces = part.split("$?");
        self.sql.push(' ');
        self.sql.push_str(pieces.next().unwrap_or_default());
        for (piece, value) in pieces.zip(values) {
            self.parameters.push(*value);
            self.sql.push_str(&format!("${}", self.parameters.len()));
            self.sql.push_str(piece);
        }
        self
    }

    /// As a part of another: between the two.
    pub(super) fn within(mut self, before: &'static str, after: &'static str) -> Self {
        self.sql = format!("{before}{}{after}", self.sql);
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_counted_over_all_parts() {
        let (one, two, three) = (1_i64, "two", 3_i64);
        let query = Query::of("select 1 where").and("a = $? and b = $?", &[&one, &two]).and("limit $?", &[&three]);
        assert_eq!(query.sql, "select 1 where a = $1 and b = $2 limit $3");
        assert_eq!(query.parameters.len(), 3);
        let query = query.within("select * from (", ") as it").and("where d = $?", &[&one]);
        assert_eq!(query.sql, "select * from (select 1 where a = $1 and b = $2 limit $3) as it where d = $4");
    }
}
