//! Statements that would run for ever: they end by their role's time-out, or with the client that asked for them. The
//! connection is the same afterwards, and clean.

#![expect(clippy::unwrap_used, reason = "a failure here is the test's failure")]

use serde_json::json;
use test_postgres::TestCluster;
use tokio_postgres::Client;

use crate::{
    faults::eventually,
    support::{Project, on, service_role, token},
};

const SQL: &str = "
create table a (id int primary key, note text); insert into a values (1, 'as it was'), (2, 'as it was');
create function nap() returns int language sql as 'select 1 from pg_sleep(60)';
create function nap_first() returns trigger language plpgsql as $$ begin perform pg_sleep(60); return coalesce(new, old); end $$;
create table slow (id int primary key); insert into slow values (1);
create trigger nap before insert or update or delete on slow for each row execute function nap_first();
create view dreams as select 1 as id from pg_sleep(60);
create function limits() returns text language sql stable as $$ select current_setting('statement_timeout') || ' ' || current_user $$;
";

/// A service with a single connection, and a look at the backend behind it.
struct Watched {
    project: Project,
    watcher: Client,
}

impl Watched {
    async fn over(sql: &str) -> Self {
        let database = TestCluster::shared().await.database().await;
        database.connect("postgres").await.batch_execute(sql).await.unwrap();
        let project = on(database, 1, project_context::IDLE_AFTER);
        assert_eq!(project.send("GET /a").await.status, 200);
        let watcher = project.database.connect("supabase_admin").await;
        Self { project, watcher }
    }

    /// Process and state of every backend of the service.
    async fn backends(&self) -> Vec<(i32, String)> {
        let sql = "select pid, state from pg_stat_activity where usename = 'authenticator' and datname = current_database()";
        self.watcher.query(sql, &[]).await.unwrap().iter().map(|row| (row.get(0), row.get(1))).collect()
    }

    async fn is(&self, state: &str) -> bool {
        self.backends().await.iter().any(|(_, found)| found == state)
    }

    /// Sends a request, goes away while it runs, and finds everything as it was.
    async fn survives_a_client_that_goes_away_from(&self, request: &str) {
        let before = self.backends().await;
        tokio::select! {
            answer = self.project.send(request) => panic!("{request}: {} {}", answer.status, answer.body),
            () = eventually(|| self.is("active")) => {}
        }
        // The only connection: it waits until this is back.
        assert_eq!(self.project.body("GET /rpc/limits").await, "200 \"3s anon\"", "{request}");
        assert_eq!(self.backends().await, before, "{request}");
        assert_eq!(self.project.context.open_connections(), 1, "{request}");
        let unchanged = "200 [{\"id\":1,\"note\":\"as it was\"}, \n {\"id\":2,\"note\":\"as it was\"}]";
        assert_eq!(self.project.body("GET /a?order=id").await, unchanged, "{request}");
        assert_eq!(self.project.body("GET /slow").await, r#"200 [{"id":1}]"#, "{request}");
    }
}

#[tokio::test]
async fn a_client_may_go_away_from_anything() {
    let watched = Watched::over(SQL).await;
    // A role without a time-out of its own.
    let role = service_role();
    for request in [
        format!("GET /dreams\n{role}"),
        format!("GET /dreams\n{role}\nPrefer: count=exact"),
        format!("HEAD /dreams\n{role}"),
        format!("POST /rpc/nap\n{role}"),
        format!("POST /slow\n{role}\n\n{{\"id\":2}}"),
        format!("PUT /slow?id=eq.1\n{role}\n\n{{\"id\":1}}"),
        format!("PATCH /slow?id=eq.1\n{role}\nPrefer: return=representation\n\n{{\"id\":3}}"),
        format!("DELETE /slow?id=eq.1\n{role}"),
    ] {
        // More than once, as a statement is prepared when it comes again.
        for _ in 0..3 {
            watched.survives_a_client_that_goes_away_from(&request).await;
        }
    }
}

#[tokio::test]
async fn a_client_may_go_away_while_its_write_waits_for_another() {
    let watched = Watched::over(SQL).await;
    let other = watched.project.database.connect("postgres").await;
    other.batch_execute("begin; update a set note = 'locked' where id = 1").await.unwrap();
    // The first row is changed, the second one of the statement waits.
    let write = format!("PATCH /a?order=id.desc&limit=2\n{}\n\n{{\"note\":\"x\"}}", service_role());
    watched.survives_a_client_that_goes_away_from(&write).await;
    other.batch_execute("rollback").await.unwrap();
    assert_eq!(watched.project.send("PATCH /a?id=eq.1\n\n{\"note\":\"y\"}").await.status, 204);
}

#[tokio::test]
async fn the_time_out_of_a_role_ends_what_it_runs() {
    // Roles are the cluster's: no other test has this one.
    let hurried = "create role hurried nologin; grant hurried to authenticator; grant anon to hurried;
        alter role hurried set statement_timeout = '1s'";
    let watched = Watched::over(&format!("{SQL} {hurried}")).await;
    let p = &watched.project;
    let role = format!("Authorization: Bearer {}", token(json!({"role": "hurried"})));
    let before = watched.backends().await;
    for request in [
        format!("GET /dreams\n{role}"),
        format!("POST /rpc/nap\n{role}"),
        format!("POST /slow\n{role}\n\n{{\"id\":2}}"),
        format!("DELETE /slow?id=eq.1\n{role}"),
    ] {
        for _ in 0..3 {
            assert_eq!(
                p.body(&request).await,
                r#"500 {"code":"57014","details":null,"hint":null,"message":"canceling statement due to statement timeout"}"#,
                "{request}"
            );
            assert_eq!(p.body(&format!("GET /rpc/limits\n{role}")).await, "200 \"1s hurried\"");
            assert_eq!(p.body("GET /rpc/limits").await, "200 \"3s anon\"", "it is that request's only");
        }
    }
    assert_eq!(watched.backends().await, before);
    assert_eq!(p.body("GET /slow").await, r#"200 [{"id":1}]"#);

    let client = p.database.connect("postgres").await;
    client.batch_execute("alter role hurried set statement_timeout = '7s'; notify pgrst, 'reload config'").await.unwrap();
    eventually(|| async { p.body(&format!("GET /rpc/limits\n{role}")).await == "200 \"7s hurried\"" }).await;
}
