//! Measures the service against a throw-away cluster: cold first request, schema cache, warm reads in process, and the
//! floor, which is `pgbench` with the same statements and the same session set-up on as many connections.
//!
//! `cargo run --release -p rest --example measure`

#![expect(clippy::print_stdout, clippy::unwrap_used, reason = "a measuring tool, run by hand")]

use std::{
    fmt::Write as _,
    sync::Arc,
    time::{Duration, Instant},
};

use axum::{Router, body::Body};
use http::Request;
use http_body_util::BodyExt;
use project_context::{ApiKeys, ContextSettings, DatabaseAddress, ProjectContext};
use secrecy::SecretString;
use test_postgres::{TestCluster, TestDatabase};
use tower::ServiceExt;

const CONNECTIONS: usize = 8;
const DURATION: Duration = Duration::from_secs(5);

fn project(database: &TestDatabase) -> (Arc<ProjectContext>, Router) {
    let secret = |text: &str| SecretString::from(text.to_owned());
    let context = ProjectContext::new(ContextSettings {
        project_ref: "abcdefghijklmnopqrst".parse().unwrap(),
        api_url: "http://localhost".to_owned(),
        database: DatabaseAddress {
            host: database.socket_dir().to_str().unwrap().to_owned(),
            port: database.port(),
            name: database.name().to_owned(),
        },
        authenticator_password: secret(database.password()),
        jwt_secret: secret("s"),
        keys: ApiKeys::new(secret("a"), secret("b"), vec![], vec![]),
        max_connections: CONNECTIONS,
        idle_after: project_context::IDLE_AFTER,
    });
    let router = rest::router(Arc::clone(&context));
    (context, router)
}

async fn get(router: &Router, target: &str) -> usize {
    let response = router.clone().oneshot(Request::get(target).body(Body::empty()).unwrap()).await.unwrap();
    assert_eq!(response.status(), 200);
    response.into_body().collect().await.unwrap().to_bytes().len()
}

#[tokio::main(worker_threads = 2)]
async fn main() {
    let cluster = TestCluster::shared().await;
    let mut cold = Vec::new();
    for _ in 0..9 {
        let database = cluster.database().await;
        let client = database.connect("postgres").await;
        client.batch_execute("create table t (id int primary key, name text); insert into t select i, 'name ' || i from generate_series(1, 10000) i").await.unwrap();
        drop(client);
        let (context, router) = project(&database);
        let started = Instant::now();
        drop(context.connection().await.unwrap());
        let connected = started.elapsed();
        get(&router, "/t?select=id,name&id=eq.1").await;
        let answered = started.elapsed();
        get(&router, "/t?select=id,name&id=eq.2").await;
        cold.push((answered, connected, started.elapsed() - answered));
    }
    cold.sort();
    for (answered, connected, second) in cold {
        println!("cold first request: {answered:?}, of which connecting {connected:?}; the second: {second:?}");
    }

    let database = cluster.database().await;
    let client = database.connect("postgres").await;
    client.batch_execute("create table t (id int primary key, name text); insert into t select i, 'name ' || i from generate_series(1, 10000) i; analyze t").await.unwrap();
    let (_context, router) = project(&database);
    for (name, target) in [("single row", "/t?select=id,name&id=eq.42"), ("100 rows", "/t?select=id,name&limit=100")] {
        get(&router, target).await;
        let started = Instant::now();
        let workers: Vec<_> = (0..CONNECTIONS)
            .map(|_| {
                let router = router.clone();
                tokio::spawn(async move {
                    let mut done = 0_u64;
                    while started.elapsed() < DURATION {
                        get(&router, target).await;
                        done += 1;
                    }
                    done
                })
            })
            .collect();
        let mut done = 0;
        for worker in workers {
            done += worker.await.unwrap();
        }
        println!("{name}: {:.0} requests/s", done as f64 / started.elapsed().as_secs_f64());
    }
    pgbench(&database).await;
}

async fn pgbench(database: &TestDatabase) {
    let scripts = [
        (
            "single row",
            "SELECT null::int8, count(*), coalesce(json_agg(_r), '[]')::text, nullif(current_setting('response.headers', true), ''), nullif(current_setting('response.status', true), ''), null::text, null::text FROM (SELECT \"t\".\"id\" AS \"id\", \"t\".\"name\" AS \"name\" FROM \"public\".\"t\" WHERE \"t\".\"id\" = 42 LIMIT 1000) _r;",
        ),
        (
            "100 rows",
            "SELECT null::int8, count(*), coalesce(json_agg(_r), '[]')::text, nullif(current_setting('response.headers', true), ''), nullif(current_setting('response.status', true), ''), null::text, null::text FROM (SELECT \"t\".\"id\" AS \"id\", \"t\".\"name\" AS \"name\" FROM \"public\".\"t\" LIMIT 100) _r;",
        ),
    ];
    for (name, main) in scripts {
        let mut script = String::from("BEGIN READ ONLY;\n");
        writeln!(
            script,
            "SELECT set_config('search_path', '\"public\", \"extensions\"', true), set_config('statement_timeout', '3s', true), \
             set_config('role', 'anon', true), set_config('request.jwt.claims', '{{\"role\":\"anon\"}}', true), \
             set_config('request.method', 'GET', true), set_config('request.path', '/t', true), \
             set_config('request.headers', '{{}}', true), set_config('request.cookies', '{{}}', true);\n{main}\nCOMMIT;"
        )
        .unwrap();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("script.sql");
        std::fs::write(&path, script).unwrap();
        let output = tokio::process::Command::new("/usr/lib/postgresql/15/bin/pgbench")
            .args(["-n", "-M", "prepared", "-j", "2", "-T", "5", "-c", &CONNECTIONS.to_string(), "-U", "authenticator"])
            .args(["-h", database.socket_dir().to_str().unwrap(), "-p", &database.port().to_string(), "-f"])
            .arg(&path)
            .arg(database.name())
            .env("PGPASSWORD", database.password())
            .output()
            .await
            .unwrap();
        let text = String::from_utf8_lossy(&output.stdout);
        let tps = text
            .lines()
            .find(|line| line.starts_with("tps"))
            .map_or_else(|| String::from_utf8_lossy(&output.stderr).into_owned(), str::to_owned);
        println!("pgbench, {name}: {tps}");
    }
}
