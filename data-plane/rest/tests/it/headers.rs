//! Headers that every answer has, that settings add, and that functions replace.

#![expect(clippy::unwrap_used, reason = "a failure here is the test's failure")]

use serde_json::json;

use crate::support::{Answer, program::Variables, project, project_with};

const SQL: &str = "
create table keyed (id int primary key, name text);
insert into keyed values (1, 'a'), (2, 'b');
create table keyless (name text);
create view shown as select id, name from keyed;
create view partial as select name from keyed;
create view counted as select count(*) from keyed;
create view triggered as select id, count(*) as times from keyed group by id;
create materialized view stored as select id from keyed;
create function on_insert() returns trigger language plpgsql as 'begin return new; end';
create trigger inserts instead of insert on triggered for each row execute function on_insert();
create function stable_one() returns int language sql stable as 'select 1';
create function volatile_one() returns int language sql as 'select 1';
create function nothing() returns void language sql as 'select';
create function says(headers text) returns int language sql stable as $$
  select 1 from set_config('response.headers', headers, true) $$;
";

fn values(answer: &Answer, name: &str) -> Vec<String> {
    answer.headers.get_all(name).iter().map(|value| value.to_str().unwrap().to_owned()).collect()
}

fn value(answer: &Answer, name: &str) -> String {
    values(answer, name).join(" | ")
}

#[tokio::test]
async fn every_answer_says_who_made_it_and_on_what_it_depends() {
    let p = project(SQL).await;
    for request in [
        "GET /keyed",
        "HEAD /keyed",
        "GET /",
        "OPTIONS /keyed",
        "POST /keyed\n\n{\"id\":3}",
        "PATCH /keyed?id=eq.3\n\n{\"name\":\"c\"}",
        "DELETE /keyed?id=eq.3",
        "POST /rpc/nothing",
        "GET /nowhere",
        "GET /a/b",
        "GET /keyed?id=eq.x",
        "GET /keyed\nAuthorization: Bearer a.b.c",
        "BREW /keyed",
    ] {
        let answer = p.send(request).await;
        assert_eq!(value(&answer, "vary"), "Accept, Prefer, Range", "{request}");
        assert_eq!(value(&answer, "server"), "postgrest/16.2", "{request}");
        assert_eq!(value(&answer, "server-timing"), "", "{request}");
    }
}

#[tokio::test]
async fn a_function_has_the_last_word() {
    let p = project(SQL).await;
    let says = async |headers: serde_json::Value| {
        let headers = headers.to_string();
        p.send(&format!("POST /rpc/says\n\n{}", json!({ "headers": headers }))).await
    };
    let answer = says(json!([{"Vary": "Cookie"}, {"Server": "mine"}, {"Content-Type": "text/x"}, {"X-Own": "1"}])).await;
    assert_eq!((answer.status, answer.body.as_str()), (200, "1"));
    for (name, expected) in [("vary", "Cookie"), ("server", "mine"), ("content-type", "text/x"), ("x-own", "1")] {
        assert_eq!(value(&answer, name), expected, "{name}");
    }
    // Each name of ours gives way once; what is said under one name stays together.
    let answer = says(json!([
        {"Cache-Control": "public"}, {"Content-Range": "a"}, {"cache-control": "max-age=259200"}, {"Set-Cookie": "a=1"},
        {"Content-Range": "b"}, {"Set-Cookie": "b=2"}, {"Vary": "Cookie"}, {"Vary": "Accept"}
    ]))
    .await;
    for (name, expected) in [
        ("cache-control", "public | max-age=259200"),
        ("content-range", "a | b"),
        ("set-cookie", "a=1 | b=2"),
        ("vary", "Cookie | Accept"),
    ] {
        assert_eq!(value(&answer, name), expected, "{name}");
    }
    // The length is not a matter of opinion.
    let answer = says(json!([{"Content-Length": "77"}])).await;
    assert_eq!((value(&answer, "content-length").as_str(), answer.body.as_str()), ("1", "1"));
    for wrong in [json!({"X-Own": "1"}), json!([{"X-Own": 1}]), json!([{"X-Own": "1", "X-Other": "2"}]), json!([{"X Own": "1"}])]
    {
        let answer = says(wrong.clone()).await;
        assert_eq!((answer.status, &answer.json()["code"]), (500, &json!("PGRST111")), "{wrong}");
    }
}

#[tokio::test]
async fn head_says_no_length() {
    let p = project(SQL).await;
    let requests = ["/keyed", "/keyed?id=eq.9", "/", "/rpc/stable_one", "/rpc/nothing?x=1", "/nowhere", "/keyed?id=eq.x", "/a/b"];
    for path in requests {
        let answer = p.send(&format!("HEAD {path}")).await;
        let got = p.send(&format!("GET {path}")).await;
        assert_eq!((answer.status, answer.body.as_str()), (got.status, ""), "{path}");
        assert_eq!(values(&answer, "content-length"), Vec::<String>::new(), "{path}");
        assert_eq!(value(&got, "content-length"), got.body.len().to_string(), "{path}");
        for name in ["content-type", "content-range", "proxy-status"] {
            assert_eq!(value(&answer, name), value(&got, name), "{path} {name}");
        }
    }
    // Nor over the network.
    let database = &p.database;
    let program = Variables::for_database(database, "authenticator", database.port()).with("PGRST_DB_ANON_ROLE", "anon");
    let program = program.start().await;
    for path in ["/keyed", "/", "/nowhere"] {
        let answer = program.answer(&format!("HEAD {path}")).await.to_lowercase();
        for line in ["server: postgrest/16.2", "vary: accept, prefer, range"] {
            assert!(answer.contains(&format!("\r\n{line}\r\n")), "{line} in {answer}");
        }
        assert_eq!(answer.matches("\r\nvary:").count(), 1, "{answer}");
        assert!(!answer.contains("content-length") && answer.ends_with("\r\n\r\n"), "{answer}");
    }
}

#[tokio::test]
async fn options_lists_what_may_be_done() {
    let p = project(SQL).await;
    for (path, expected) in [
        ("/", "OPTIONS,GET,HEAD"),
        ("/keyed", "OPTIONS,GET,HEAD,POST,PUT,PATCH,DELETE"),
        ("/keyless", "OPTIONS,GET,HEAD,POST,PATCH,DELETE"),
        ("/shown", "OPTIONS,GET,HEAD,POST,PUT,PATCH,DELETE"),
        ("/partial", "OPTIONS,GET,HEAD,POST,PATCH,DELETE"),
        ("/counted", "OPTIONS,GET,HEAD"),
        ("/triggered", "OPTIONS,GET,HEAD,POST"),
        ("/stored", "OPTIONS,GET,HEAD"),
        ("/rpc/stable_one", "OPTIONS,GET,HEAD,POST"),
        ("/rpc/volatile_one", "OPTIONS,POST"),
        ("/rpc/says", "OPTIONS,GET,HEAD,POST"),
    ] {
        let answer = p.send(&format!("OPTIONS {path}")).await;
        assert_eq!((answer.status, value(&answer, "allow").as_str()), (200, expected), "{path}");
    }
    insta::assert_snapshot!(p.body("OPTIONS /rpc/stable_on").await, @r#"404 {"code":"PGRST202","details":"Searched for the function public.stable_on without parameters, but no matches were found in the schema cache.","hint":"Perhaps you meant to call the function public.stable_one","message":"Could not find the function public.stable_on without parameters in the schema cache"}"#);
    assert_eq!(p.send("OPTIONS /nowhere").await.json()["code"], "PGRST205");
    // What a view may be asked for by PUT, it does.
    assert_eq!(p.send("PUT /shown?id=eq.7\n\n{\"id\":7,\"name\":\"g\"}").await.status, 204);
}

#[tokio::test]
async fn the_schema_is_told_if_there_are_several() {
    let sql = "create schema other; create table other.things (id int); grant usage on schema other to anon;
               grant select on all tables in schema other to anon;";
    let p = project_with(&format!("{SQL} {sql}"), &[("db_schemas", "public, other")]).await;
    for (request, expected) in [
        ("GET /keyed", "public"),
        ("GET /things\nAccept-Profile: other", "other"),
        ("HEAD /things\nAccept-Profile: other", "other"),
        ("GET /", "public"),
        ("GET /\nAccept-Profile: other", "other"),
        ("HEAD /\nAccept-Profile: other", "other"),
        ("POST /rpc/nothing\nContent-Profile: public", "public"),
        ("GET /nowhere", ""),
    ] {
        assert_eq!(value(&p.send(request).await, "content-profile"), expected, "{request}");
    }
    let of_other = p.send("GET /\nAccept-Profile: other").await.json();
    assert_eq!(of_other["definitions"].as_object().unwrap().keys().collect::<Vec<_>>(), ["things"]);
    // Only what writes reads the other header.
    for (profile, status) in [("Accept-Profile", 200), ("Content-Profile", 404)] {
        assert_eq!(p.send(&format!("OPTIONS /things\n{profile}: other")).await.status, status, "{profile}");
    }
    let p = project_with(SQL, &[("db_schemas", "public")]).await;
    assert_eq!(value(&p.send("GET /").await, "content-profile"), "");
}

#[tokio::test]
async fn stages_are_timed_if_that_is_wanted() {
    let p = project_with(SQL, &[("server_timing_enabled", "true")]).await;
    for request in ["GET /keyed", "POST /keyed\n\n{\"id\":3}", "POST /rpc/nothing", "GET /", "OPTIONS /keyed", "HEAD /keyed"] {
        let told = value(&p.send(request).await, "server-timing");
        let stages: Vec<(&str, f64)> = told
            .split(", ")
            .map(|stage| {
                let (name, took) = stage.split_once(";dur=").unwrap();
                assert_eq!(took.split_once('.').unwrap().1.len(), 1, "{told}");
                (name, took.parse().unwrap())
            })
            .collect();
        let names: Vec<&str> = stages.iter().map(|(name, _)| *name).collect();
        assert_eq!(names, ["jwt", "parse", "plan", "transaction", "response"], "{request}");
        let transaction = stages[3].1;
        assert_eq!(transaction > 0.0, request != "OPTIONS /keyed", "{request}: {told}");
    }
    assert_eq!(value(&p.send("GET /nowhere").await, "server-timing"), "", "an error has not been through all stages");
}

#[tokio::test]
async fn a_header_of_the_request_comes_back_if_that_is_wanted() {
    let p = project_with(SQL, &[("server_trace_header", "X-Trace")]).await;
    for request in ["GET /keyed", "HEAD /keyed", "OPTIONS /keyed", "POST /rpc/nothing", "GET /nowhere", "GET /a/b", "BREW /keyed"]
    {
        assert_eq!(value(&p.send(&format!("{request}\nX-Trace: 1 2")).await, "x-trace"), "1 2", "{request}");
        assert_eq!(value(&p.send(request).await, "x-trace"), "", "{request}");
    }
    // Whatever is set, an answer ends where it ends.
    let p = project_with(SQL, &[("server_trace_header", "Content-Length")]).await;
    let answer = p.send("GET /keyed?select=id&id=eq.1\nContent-Length: 0").await;
    assert_eq!((value(&answer, "content-length").as_str(), answer.body.as_str()), ("10", r#"[{"id":1}]"#));
}
