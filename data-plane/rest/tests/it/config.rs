//! What settings in the database make of the service.

#![expect(clippy::unwrap_used, reason = "a failure here is the test's failure")]

use serde_json::json;

use crate::{
    faults::eventually,
    support::{Project, SECRET, program::Variables, project, project_with, service_role, token},
};

const SQL: &str = "create table a (id int primary key); insert into a values (1), (2), (3)";

#[tokio::test]
async fn settings_in_the_database_count() {
    let address = ("openapi_server_proxy_uri", "https://api.example.com/v1/");
    let p = project_with(SQL, &[("db_max_rows", "2"), address]).await;
    assert_eq!(p.send("GET /a?select=id&order=id").await.json(), json!([{"id": 1}, {"id": 2}]));
    assert_eq!(p.send("GET /").await.json()["host"], "api.example.com:443");
}

#[tokio::test]
async fn what_can_not_be_used_leaves_the_rest_as_it_is() {
    let p = project_with(SQL, &[("db_schemas", ""), ("db_tx_end", "later"), ("db_max_rows", "many"), ("nothing", "x")]).await;
    assert_eq!(p.send("GET /a?select=id&order=id").await.json(), json!([{"id": 1}, {"id": 2}, {"id": 3}]));
}

#[tokio::test]
async fn errors_say_as_much_as_they_are_told_to() {
    let p = project(SQL).await;
    let verbose = r#"404 {"code":"PGRST205","details":null,"hint":null,"message":"Could not find the table 'public.zzzzzz' in the schema cache"}"#;
    assert_eq!(p.body("GET /zzzzzz").await, verbose);
    // The first request as well, which loads the settings.
    let p = project_with(SQL, &[("client_error_verbosity", "minimal")]).await;
    for _ in 0..2 {
        let minimal = r#"404 {"code":"PGRST205","message":"Could not find the table 'public.zzzzzz' in the schema cache"}"#;
        assert_eq!(p.body("GET /zzzzzz").await, minimal);
    }
}

/// A function for `db-pre-config` where no client sees it.
fn configure(statement: &str) -> String {
    format!(
        "create or replace function conf.configure() returns void language plpgsql as $$ begin {statement}; end $$;
         grant usage on schema conf to authenticator; grant execute on function conf.configure() to authenticator;"
    )
}

async fn run(p: &Project, sql: &str) {
    p.database.connect("postgres").await.batch_execute(sql).await.unwrap();
}

async fn rows(p: &Project) -> usize {
    p.send("GET /a?select=id").await.json().as_array().map_or(0, Vec::len)
}

#[tokio::test]
async fn every_payload_makes_settings_count() {
    let p = project(SQL).await;
    assert_eq!(rows(&p).await, 3);
    for (payload, count) in [("reload config", 1), ("reload schema", 2), ("", 1)] {
        p.set(&[("db_max_rows", &count.to_string())]).await;
        run(&p, &format!("notify pgrst, 'something else'; notify pgrst, '{payload}'")).await;
        eventually(|| async { rows(&p).await == count }).await;
    }
}

#[tokio::test]
async fn what_can_not_be_used_leaves_what_was_used_before() {
    let p = project_with(SQL, &[("db_max_rows", "2")]).await;
    assert_eq!(rows(&p).await, 2);
    p.set(&[("db_max_rows", "many"), ("openapi_server_proxy_uri", "https://api.example.com/")]).await;
    run(&p, "notify pgrst, 'reload config'").await;
    eventually(|| async { p.send("GET /").await.json()["host"] == "api.example.com:443" }).await;
    assert_eq!(rows(&p).await, 2);
}

#[tokio::test]
async fn a_function_may_configure_the_service() {
    let sql = format!("{SQL}; create schema conf; {}", configure("perform set_config('pgrst.db_max_rows', '1', true)"));
    let p = project_with(&sql, &[("db_max_rows", "2"), ("db_pre_config", "conf.\"configure\"")]).await;
    assert_eq!(rows(&p).await, 1, "its word counts more than the role's");

    // As long as it fails, all goes on as before.
    run(&p, &configure("raise 'not now'")).await;
    run(&p, "create table b (id int)").await;
    assert_eq!(p.send("GET /b").await.json()["code"], "PGRST205");
    assert_eq!(rows(&p).await, 1);
    run(&p, &configure("null")).await;
    eventually(|| async { p.send("GET /b").await.status == 200 }).await;
    assert_eq!(rows(&p).await, 2, "nothing is left of what it set before");

    // Whatever it tries, it changes nothing but settings.
    run(&p, &configure("delete from public.a")).await;
    run(&p, "create table c (id int)").await;
    assert_eq!(p.send("GET /c").await.json()["code"], "PGRST205");
    assert_eq!(rows(&p).await, 2);
}

#[tokio::test]
async fn nothing_is_answered_before_the_schema_was_loaded() {
    let sql = format!("{SQL}; create schema conf; {}", configure("raise 'not now'"));
    let p = project_with(&sql, &[("db_pre_config", "conf.configure")]).await;
    insta::assert_snapshot!(p.show("GET /a").await, @r#"
    503
    retry-after: 1
    {"code":"PGRST002","details":null,"hint":null,"message":"Could not query the database for the schema cache. Retrying."}
    "#);
    assert_eq!(p.send("GET /a").await.json()["code"], "PGRST002");
    run(&p, &configure("null")).await;
    assert_eq!(rows(&p).await, 3);
}

#[tokio::test]
async fn a_schema_that_is_not_there_is_waited_for() {
    let p = project_with(SQL, &[("db_schemas", "public, later")]).await;
    assert_eq!(p.send("GET /a").await.json()["code"], "PGRST002");
    run(&p, "create schema later").await;
    assert_eq!(p.send("GET /a").await.status, 200);

    p.set(&[("db_schemas", "public, never")]).await;
    run(&p, "notify pgrst, 'reload config'; create table b (id int)").await;
    assert_eq!(p.send("GET /b").await.json()["code"], "PGRST205", "what was known before is known still");
    assert_eq!(p.send("GET /a\nAccept-Profile: later").await.json()["code"], "PGRST205");
    run(
        &p,
        "create schema never; create table never.c (id int); grant usage on schema never to anon; grant all on never.c to anon",
    )
    .await;
    eventually(|| async { p.send("GET /c\nAccept-Profile: never").await.status == 200 }).await;
}

const WHO: &str = "create function who() returns text language sql stable as $$ select current_user::text $$";

#[tokio::test]
async fn a_project_has_its_own_secret() {
    let secret = ("jwt_secret", "another secret that is long enough to be used");
    let p = project_with(WHO, &[("db_anon_role", "authenticated"), secret, ("jwt_role_claim_key", ".nothing")]).await;
    assert_eq!(p.body("GET /rpc/who").await, "200 \"authenticated\"");
    assert_eq!(p.body(&format!("GET /rpc/who\n{}", service_role())).await, "200 \"service_role\"");
    // A token that is not good does not need the database.
    p.context.close();
    assert_eq!(p.send("GET /rpc/who\nAuthorization: Bearer a.b.c").await.json()["code"], "PGRST301");
    assert_eq!(p.send("GET /rpc/who").await.json()["code"], "PGRST000");
}

/// The program for a project's database.
fn program(p: &Project) -> Variables {
    Variables::for_database(&p.database, "authenticator", p.database.port()).with("PGRST_DB_ANON_ROLE", "anon")
}

#[tokio::test]
async fn the_program_checks_tokens_as_the_database_says() {
    let p = project_with(WHO, &[("jwt_secret", SECRET), ("jwt_role_claim_key", ".app.role"), ("jwt_aud", "us")]).await;
    let started = program(&p).with("PGRST_JWT_SECRET", "").start().await;
    let ask = async |aud: &str| {
        let token = token(json!({"app": {"role": "service_role"}, "aud": aud}));
        started.body(&format!("GET /rpc/who\nAuthorization: Bearer {token}")).await
    };
    assert_eq!(ask("us").await, "200 \"service_role\"");
    assert!(ask("them").await.contains("PGRST303"));
    // Tokens that were found good are checked again.
    p.set(&[("jwt_secret", "another secret that is long enough to be used")]).await;
    run(&p, "notify pgrst, 'reload config'").await;
    eventually(|| async { ask("us").await.contains("PGRST301") }).await;
    // What can't be used changes nothing.
    p.set(&[("jwt_secret", "short"), ("db_anon_role", "authenticated")]).await;
    run(&p, "notify pgrst, 'reload config'").await;
    eventually(|| async { started.body("GET /rpc/who").await == "200 \"authenticated\"" }).await;
    assert!(ask("us").await.contains("PGRST301"));
}

#[tokio::test]
async fn the_channel_is_where_the_settings_say() {
    let p = project(SQL).await;
    let started = program(&p).with("PGRST_DB_CHANNEL", "Other").start().await;
    let rows = async || started.body("GET /a?select=id").await.matches("id").count();
    assert_eq!(rows().await, 3);
    p.set(&[("db_max_rows", "1")]).await;
    run(&p, "notify pgrst, 'reload config'").await;
    assert_eq!(rows().await, 3, "nobody listens there");
    run(&p, "notify \"Other\", 'reload config'").await;
    eventually(|| async { rows().await == 1 }).await;
}

#[tokio::test]
async fn without_a_channel_what_is_missing_is_looked_for() {
    let p = project(SQL).await;
    let mut started = program(&p).with("PGRST_DB_CHANNEL_ENABLED", "false").with("PGRST_LOG_LEVEL", "debug").start().await;
    for _ in 0..3 {
        assert!(started.body("GET /a").await.starts_with("200 "));
    }
    run(&p, "create table b (id int); notify pgrst").await;
    assert_eq!(started.body("GET /b").await, "200 []");
    started.logs("schema cache loaded again").await;
    assert_eq!(started.log().matches("schema cache loaded").count(), 2, "{}", started.log());
}

#[tokio::test]
async fn a_burst_of_notifications_causes_few_loads() {
    let sql = "create function fail() returns int language plpgsql as $$ begin raise sqlstate 'PT500'; end $$";
    let p = project(&format!("{SQL}; {sql}")).await;
    let mut started = program(&p).with("PGRST_LOG_LEVEL", "debug").start().await;
    assert!(started.body("GET /a").await.starts_with("200 "));
    run(&p, &"begin; notify pgrst; commit; ".repeat(20)).await;
    started.logs("schema cache loaded again").await;
    p.set(&[("db_max_rows", "1")]).await;
    run(&p, "notify pgrst").await;
    eventually(|| async { started.body("GET /a?select=id").await == "200 [{\"id\":1}]" }).await;
    assert!(started.body("POST /rpc/fail").await.starts_with("500 "));
    started.logs("request failed").await;
    let loads = started.log().matches("schema cache loaded again").count();
    assert!(loads <= 4, "two for each burst at most, not {loads}");
}
