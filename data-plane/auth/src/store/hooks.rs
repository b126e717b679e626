//! Functions of the project's that are asked as hooks.

use serde_json::Value;
use tokio_postgres::types::{Json, Type};

use super::{Db, StoreError};

/// Calls a function with an event, within the transaction that is open; its answer is text, empty where it was null.
///
/// What fails or takes longer than two seconds is undone by itself: the transaction goes on.
///
/// # Errors
/// [`StoreError`]; `query_canceled` where its time is over.
pub async fn call(db: &Db, schema: &str, function: &str, event: &Value) -> Result<String, StoreError> {
    db.batch("savepoint hook; set local statement_timeout to '2s'").await?;
    let sql = format!("select {}.{}($1)::text", quoted(schema), quoted(function));
    match db.ask(Box::pin(db.client().query_typed(&sql, &[(&Json(event), Type::JSONB)]))).await {
        Ok(rows) => {
            db.batch("set local statement_timeout to default; release savepoint hook").await?;
            Ok(rows.first().and_then(|row| row.get::<_, Option<String>>(0)).unwrap_or_default())
        }
        Err(error) => {
            db.batch("rollback to savepoint hook; release savepoint hook").await?;
            Err(error)
        }
    }
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_name_stays_a_name() {
        assert_eq!(super::quoted("hook"), "\"hook\"");
        assert_eq!(super::quoted("a\"; drop table x; --"), "\"a\"\"; drop table x; --\"");
    }
}
