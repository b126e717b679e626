//! Functions of the project's that are asked as hooks.

use serde::Serialize;
use serde_json::Value;
use tokio_postgres::{
    Row,
    types::{Json, Type},
};

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

/// A function that can be a hook by what it takes and answers.
#[derive(Debug, Serialize)]
pub struct HookFunction {
    pub schema: String,
    pub name: String,
    /// Auth's role may call it.
    pub callable: bool,
}

/// Functions of one `jsonb` that answer `jsonb` or nothing, with names that a hook's address may have; none of Auth's own, of the
/// system's or of an extension's.
///
/// # Errors
/// [`StoreError`]
pub async fn functions(db: &Db) -> Result<Vec<HookFunction>, StoreError> {
    let sql = "select n.nspname, p.proname, \
         has_schema_privilege(n.oid, 'usage') and has_function_privilege(p.oid, 'execute') \
         from pg_proc p join pg_namespace n on n.oid = p.pronamespace \
         where p.prokind = 'f' and p.pronargs >= 1 and p.pronargs - p.pronargdefaults <= 1 \
         and p.proargtypes[0] = 'jsonb'::regtype and p.prorettype in ('jsonb'::regtype, 'void'::regtype) \
         and n.nspname not in ('auth', '_auth', 'information_schema') and n.nspname !~ '^pg_' \
         and n.nspname ~ '^[A-Za-z_][A-Za-z0-9_]*$' and p.proname ~ '^[A-Za-z_][A-Za-z0-9_]*$' \
         and not exists (select from pg_depend d where d.classid = 'pg_proc'::regclass and d.objid = p.oid and d.deptype = 'e') \
         order by 1, 2 limit 200";
    let function = |row: &Row| HookFunction { schema: row.get(0), name: row.get(1), callable: row.get(2) };
    Ok(db.rows(sql, &[]).await?.iter().map(function).collect())
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
