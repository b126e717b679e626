//! DDL reloads the API's schema cache.

use std::time::Duration;

use tokio::sync::mpsc;
use tokio_postgres::{AsyncMessage, NoTls};

use crate::support::{database, rows};

#[tokio::test]
async fn ddl_notifies_pgrst() {
    let database = database().await;
    let (send, mut received) = mpsc::unbounded_channel();
    let (client, mut connection) = tokio_postgres::connect(&database.url("authenticator"), NoTls).await.unwrap();
    tokio::spawn(async move {
        while let Some(Ok(message)) = std::future::poll_fn(|context| connection.poll_message(context)).await {
            if let AsyncMessage::Notification(notification) = message {
                send.send((notification.channel().to_owned(), notification.payload().to_owned())).unwrap();
            }
        }
    });
    client.batch_execute("listen pgrst").await.unwrap();
    let owner = database.connect("postgres").await;
    for ddl in [
        "create table t (id int)",
        "alter table t add column v text",
        "create view v as select * from t",
        "create function f() returns int language sql as 'select 1'",
        "comment on table t is 'c'",
        "grant select on t to anon",
        "drop view v",
        "drop table t",
    ] {
        owner.batch_execute(ddl).await.unwrap();
        let notified = tokio::time::timeout(Duration::from_secs(5), received.recv()).await;
        assert_eq!(
            notified.unwrap_or_else(|_| panic!("no notification after {ddl}")).unwrap(),
            ("pgrst".into(), "reload schema".into())
        );
    }
    owner.batch_execute("create temp table x (id int); drop table x").await.unwrap();
    assert!(tokio::time::timeout(Duration::from_millis(200), received.recv()).await.is_err(), "temporary tables are not exposed");
}

#[tokio::test]
async fn event_triggers_and_publication_are_those_of_supabase() {
    let database = database().await;
    let client = database.connect("postgres").await;
    let expected = [
        "issue_graphql_placeholder",
        "issue_pg_cron_access",
        "issue_pg_graphql_access",
        "issue_pg_net_access",
        "issue_postgres_fdw_access",
        "pgrst_ddl_watch",
        "pgrst_drop_watch",
    ];
    assert_eq!(rows(&client, "select evtname from pg_event_trigger order by 1").await, expected);
    let sql = "select pubname, pubowner::regrole, puballtables from pg_publication";
    assert_eq!(rows(&client, sql).await, ["supabase_realtime|postgres|f"]);
}
