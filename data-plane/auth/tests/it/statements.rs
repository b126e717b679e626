//! Statements that are awaited together take one round trip, and stay in their order.

#![expect(clippy::unwrap_used, reason = "a failure here is the test's failure")]

use auth::{
    error::AuthError,
    model::{Aal, Method, Session},
    store::{self, Db},
};
use project_context::Pool;
use serde_json::Value;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::support::{Project, project, text};

/// A project with somebody in it, and the only connection to its database.
async fn begun() -> (Project, Pool, Value) {
    let project = project(|settings| settings.mailer.autoconfirm = true).await;
    let session = project.signed_up("ann@example.com").await;
    let pool = project.pool(1);
    (project, pool, session)
}

fn another(of: &Value) -> Session {
    Session {
        id: Uuid::new_v4(),
        user_id: text(of, "/user/id").parse().unwrap(),
        factor_id: None,
        aal: Aal::Aal1,
        not_after: None,
        refreshed_at: None,
        created_at: OffsetDateTime::now_utc(),
        user_agent: None,
        ip: None,
        tag: None,
        oauth_client_id: None,
        scopes: None,
        signing: None,
    }
}

#[tokio::test]
async fn what_is_prepared_already_does_not_overtake_what_is_not() {
    let (project, pool, session) = begun().await;
    let first = another(&session);
    let tx = Db::begin(&pool).await.unwrap();
    let without_session = store::sessions::add_amr(&tx, first.id, Method::Password).await;
    tx.end(without_session.map_err(AuthError::from)).await.unwrap_err();
    // The claim's statement is prepared by now; it refers to the session.
    let tx = Db::begin(&pool).await.unwrap();
    let outcome = futures::try_join!(
        store::sessions::insert(&tx, &first),
        store::sessions::add_amr(&tx, first.id, Method::Password),
        store::sessions::amr(&tx, first.id),
    );
    let ((), (), amr) = tx.end(outcome.map_err(AuthError::from)).await.unwrap();
    assert_eq!(amr.len(), 1);
    assert_eq!(project.count("select count(*) from auth.sessions").await, 2);
}

#[tokio::test]
async fn one_that_fails_undoes_those_beside_it() {
    let (project, pool, session) = begun().await;
    let next = another(&session);
    for _ in 0..2 {
        let tx = Db::begin(&pool).await.unwrap();
        let outcome = futures::try_join!(
            store::sessions::insert(&tx, &next),
            store::sessions::insert(&tx, &next),
            store::sessions::amr(&tx, next.id),
        );
        assert_eq!(outcome.as_ref().unwrap_err().violated_unique(), Some("sessions_pkey"));
        tx.end(outcome.map_err(AuthError::from)).await.unwrap_err();
    }
    assert_eq!(project.count("select count(*) from auth.sessions").await, 1);
    // The connection is none the worse.
    let db = Db::open(&pool).await.unwrap();
    let found = futures::try_join!(store::sessions::find(&db, next.id), store::sessions::of_user(&db, next.user_id));
    let (none, sessions) = found.unwrap();
    assert!(none.is_none() && sessions.len() == 1);
}

#[tokio::test]
async fn a_transaction_without_statements_is_nothing() {
    let (_project, pool, session) = begun().await;
    for _ in 0..2 {
        Db::begin(&pool).await.unwrap().end(Ok(())).await.unwrap();
    }
    let db = Db::open(&pool).await.unwrap();
    assert_eq!(store::sessions::of_user(&db, another(&session).user_id).await.unwrap().len(), 1);
}

#[tokio::test]
async fn what_nobody_waits_for_any_more_leaves_the_connection_as_it_was() {
    let (project, pool, session) = begun().await;
    let next = another(&session);
    let holder = project.database.connect("supabase_auth_admin").await;
    holder.batch_execute("begin; lock auth.sessions").await.unwrap();
    let together = async |db: &Db| futures::try_join!(store::sessions::insert(db, &next), store::sessions::find(db, next.id));
    let locked = async || while project.count("select count(*) from pg_locks where not granted").await == 0 {};
    // Each time the connection is there again, with nothing that waits.
    for _ in 0..2 {
        let tx = Db::begin(&pool).await.unwrap();
        tokio::select! { _ = together(&tx) => panic!("nobody could lock it"), () = locked() => {} }
        drop(tx);
        let db = Db::open(&pool).await.unwrap();
        tokio::select! { _ = together(&db) => panic!("nobody could lock it"), () = locked() => {} }
    }
    holder.batch_execute("rollback").await.unwrap();
    let db = Db::open(&pool).await.unwrap();
    assert!(store::sessions::find(&db, next.id).await.unwrap().is_none());
}
