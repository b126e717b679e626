//! The database's clock.

use sea_orm::{ConnectionTrait, DbBackend, DbErr, FromQueryResult, Statement, sea_query::Expr};

/// SQL for the current Unix time in milliseconds.
fn now_sql(backend: DbBackend) -> &'static str {
    if backend == DbBackend::Sqlite {
        "CAST(unixepoch('subsec') * 1000 AS INTEGER)"
    } else {
        // Of the statement, not of the transaction: a transaction may wait for a lock.
        "CAST(extract(epoch FROM clock_timestamp()) * 1000 AS BIGINT)"
    }
}

/// The time so many milliseconds from now, as an expression within a statement.
pub(super) fn now_expr(db: &impl ConnectionTrait, offset_ms: i64) -> Expr {
    Expr::cust(format!("{} + {offset_ms}", now_sql(db.get_database_backend())))
}

#[derive(Debug, FromQueryResult)]
struct Now {
    now: i64,
}

/// The current time, Unix milliseconds.
pub(super) async fn now(db: &impl ConnectionTrait) -> Result<i64, DbErr> {
    let backend = db.get_database_backend();
    let statement = Statement::from_string(backend, format!("SELECT {} AS now", now_sql(backend)));
    let row = Now::find_by_statement(statement).one(db).await?;
    row.map(|row| row.now).ok_or_else(|| DbErr::RecordNotFound("the database's clock".into()))
}
