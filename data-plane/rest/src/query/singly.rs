//! Rows one by one, for results of any size: PostgreSQL holds none of them longer than it takes to send it, and neither the
//! body nor a part of it is built there. What is around and between the rows is put there when they have come.

use super::{Delivery, GUCS, Shape, Sql};

/// Rows up to which the body is built by PostgreSQL, which is faster for few.
const FEW: u64 = 10_000;

/// How rows that come one by one become a body, to the byte what [`super::body`] makes of them at once.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Joined {
    /// The text of a row `_r`, in SQL; never null.
    row: &'static str,
    pub(crate) before: &'static str,
    pub(crate) between: &'static str,
    pub(crate) after: &'static str,
    /// The body that there is without any row.
    pub(crate) of_none: &'static str,
}

/// `json_agg` gives each row a line of its own.
static ARRAY: Joined = Joined { row: "row_to_json(_r.*)::text", before: "[", between: ", \n ", after: "]", of_none: "[]" };

static ARRAY_WITHOUT_NULLS: Joined =
    Joined { row: "json_strip_nulls(row_to_json(_r.*))::text", before: "[", between: ",", after: "]", of_none: "[]" };

/// The first row has the names before it.
static CSV: Joined = Joined {
    row: "CASE WHEN row_number() OVER () = 1 \
          THEN coalesce((SELECT string_agg(k, ',') FROM json_object_keys(row_to_json(_r.*)) k), '') || E'\\n' ELSE '' END \
          || substring((_r.*)::text, 2, length((_r.*)::text) - 2)",
    before: "",
    between: "\n",
    after: "",
    of_none: "\n",
};

static GEO_JSON: Joined = Joined {
    row: "coalesce(st_asgeojson(_r.*)::json::text, 'null')",
    before: r#"{"type" : "FeatureCollection", "features" : ["#,
    between: ", ",
    after: "]}",
    of_none: r#"{"type" : "FeatureCollection", "features" : []}"#,
};

impl Delivery {
    /// What fits a result of this shape that has so many rows at most.
    pub(crate) fn of(shape: Shape, limit: Option<u64>) -> Self {
        if limit.is_some_and(|limit| limit <= FEW) {
            return Self::AtOnce(shape);
        }
        match shape {
            Shape::Array { nulls_stripped: false } => Self::Singly(&ARRAY),
            Shape::Array { nulls_stripped: true } => Self::Singly(&ARRAY_WITHOUT_NULLS),
            Shape::Csv => Self::Singly(&CSV),
            Shape::GeoJson => Self::Singly(&GEO_JSON),
            Shape::Object { .. } | Shape::Scalar { .. } | Shape::Handled { .. } | Shape::Value { .. } | Shape::None => {
                Self::AtOnce(shape)
            }
        }
    }
}

/// Appends a statement whose columns are: the row (text), total (int8), response.headers, response.status. One row more than
/// `rows` has, by its null in the place of a row, tells the others, which are null in all rows before. Being part of the same
/// statement, it sees the same data; being restricted to the process that leads, it is never run beside the rows but after.
pub(super) fn singly(sql: &mut Sql, joined: &Joined, rows: impl FnOnce(&mut Sql), total: impl FnOnce(&mut Sql)) {
    sql.push("SELECT ").push(joined.row).push(", null::int8, null::text, null::text FROM (");
    rows(sql);
    sql.push(") _r UNION ALL SELECT null::text, ");
    total(sql);
    sql.push(", ").push(GUCS).push(" WHERE pg_backend_pid() > 0");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_may_be_large_comes_row_by_row() {
        let array = Shape::Array { nulls_stripped: false };
        assert_eq!(Delivery::of(array.clone(), Some(FEW)), Delivery::AtOnce(array.clone()));
        assert_eq!(Delivery::of(array.clone(), Some(FEW + 1)), Delivery::Singly(&ARRAY));
        assert_eq!(Delivery::of(array, None), Delivery::Singly(&ARRAY));
        assert_eq!(Delivery::of(Shape::None, None), Delivery::AtOnce(Shape::None));
        let object = Shape::Object { nulls_stripped: false };
        assert_eq!(Delivery::of(object.clone(), None), Delivery::AtOnce(object));
    }
}
