//! What a request's transaction is like: its settings, its isolation, and its end.

#![expect(clippy::unwrap_used, reason = "a failure here is the test's failure")]

use http::header::HeaderMap;
use serde_json::json;

use crate::support::{Project, project, project_with, service_role};

const SQL: &str = "
create table moments (id int primary key, at timestamptz not null default '2023-10-18 11:37:59Z');
insert into moments (id) values (1);
create function of_transaction(moments) returns json language sql stable as $$ select json_build_object(
  'timeout', current_setting('statement_timeout'), 'memory', current_setting('work_mem'), 'zone', current_setting('timezone'),
  'cost', nullif(current_setting('plan_filter.statement_cost_limit', true), ''), 'isolation', current_setting('transaction_isolation')) $$;
create function plain() returns setof moments language sql stable as $$ select * from moments $$;
create function changed() returns setof moments language sql stable
  set statement_timeout = '4s' set work_mem = '5MB' set \"TimeZone\" = 'Asia/Tokyo'
  set default_transaction_isolation = 'serializable' as $$ select * from moments $$;
create function add(i int) returns int language sql as $$ insert into moments values (i) returning id $$;
create table parents (id int primary key);
create table children (id int primary key, parent int references parents deferrable initially deferred);
";

fn applied(headers: &HeaderMap) -> Option<&str> {
    headers.get("preference-applied").map(|value| value.to_str().unwrap())
}

async fn moments(p: &Project) -> i64 {
    let client = p.database.connect("postgres").await;
    client.query_one("select count(*) from moments", &[]).await.unwrap().get(0)
}

/// Sets something for a role in this database, before the schema is loaded.
async fn of_role(p: &Project, role: &str, setting: &str) {
    let sql = format!("alter role {role} in database \"{}\" set {setting}", p.database.name());
    p.database.connect("supabase_admin").await.batch_execute(&sql).await.unwrap();
}

#[tokio::test]
async fn times_are_shown_in_the_preferred_zone() {
    let p = project(SQL).await;
    of_role(&p, "anon", "timezone = 'Asia/Tokyo'").await;
    assert_eq!(p.body("GET /moments?select=at").await, r#"200 [{"at":"2023-10-18T20:37:59+09:00"}]"#);
    for (zone, at) in [
        ("America/Los_Angeles", "2023-10-18T04:37:59-07:00"),
        ("05:30", "2023-10-18T17:07:59+05:30"),
        ("-03:00", "2023-10-18T08:37:59-03:00"),
        ("-3", "2023-10-18T08:37:59-03:00"),
        ("UTC", "2023-10-18T11:37:59+00:00"),
    ] {
        let answer = p.send(&format!("GET /moments?select=at\nPrefer: timezone={zone}")).await;
        assert_eq!((answer.status, answer.json()), (200, json!([{"at": at}])), "{zone}");
        assert_eq!(applied(&answer.headers), Some(format!("timezone={zone}").as_str()));
    }
    // Writes and calls as well, and nothing of it stays with the connection.
    let prefer = "Prefer: return=representation, timezone=Asia/Kolkata, handling=strict";
    insta::assert_snapshot!(p.show(&format!("POST /moments?select=at\n{prefer}\n\n{{\"id\":2}}")).await, @r#"
    201
    content-range: */*
    preference-applied: return=representation, handling=strict, timezone=Asia/Kolkata
    [{"at":"2023-10-18T17:07:59+05:30"}]
    "#);
    let call = "POST /rpc/plain?select=at&limit=1\nPrefer: timezone=UTC";
    assert_eq!(p.body(call).await, r#"200 [{"at":"2023-10-18T11:37:59+00:00"}]"#);
    assert_eq!(p.body("GET /moments?select=at&id=eq.1").await, r#"200 [{"at":"2023-10-18T20:37:59+09:00"}]"#);
}

#[tokio::test]
async fn a_zone_that_is_none_is_an_error() {
    let p = project(SQL).await;
    // The third is sent as a prepared statement.
    for handling in ["lenient", "strict", "lenient"] {
        let request = format!("GET /moments\nPrefer: timezone=Jupiter/Red_Spot, handling={handling}");
        let shown = p.show(&request).await;
        insta::allow_duplicates! {
            insta::assert_snapshot!(shown, @r#"
            400
            {"code":"22023","details":null,"hint":null,"message":"invalid value for parameter \"TimeZone\": \"Jupiter/Red_Spot\""}
            "#);
        }
    }
    let write = "POST /moments\nPrefer: timezone=99:99\n\n{\"id\":2}";
    assert_eq!(p.send(write).await.status, 400);
    assert_eq!(moments(&p).await, 1);
}

#[tokio::test]
async fn settings_of_a_function_apply_to_its_transaction() {
    // Of an extension that is not there: only a superuser may say it.
    let limit_cost = async |p: &Project| {
        let sql = "alter function public.changed set plan_filter.statement_cost_limit = '1000'";
        p.database.connect("supabase_admin").await.batch_execute(sql).await.unwrap();
    };
    let p = project(SQL).await;
    limit_cost(&p).await;
    let shown = async |p: &Project, request: &str| p.send(request).await.json()[0]["of_transaction"].clone();
    let by_role = json!({"timeout": "3s", "memory": "4MB", "zone": "UTC", "cost": null, "isolation": "read committed"});
    let hoisted = json!({"timeout": "4s", "memory": "4MB", "zone": "UTC", "cost": "1000", "isolation": "serializable"});
    let select = "select=of_transaction&limit=1";
    for method in ["GET", "POST"] {
        assert_eq!(shown(&p, &format!("{method} /rpc/plain?{select}")).await, by_role);
        assert_eq!(shown(&p, &format!("{method} /rpc/changed?{select}")).await, hoisted);
    }
    // No role's time-out is in the way either.
    let call = format!("GET /rpc/changed?{select}\n{}", service_role());
    assert_eq!(shown(&p, &call).await["timeout"], "4s");

    let p = project_with(SQL, &[("db_hoisted_tx_settings", "work_mem,timezone")]).await;
    limit_cost(&p).await;
    let other = json!({"timeout": "3s", "memory": "5MB", "zone": "Asia/Tokyo", "cost": null, "isolation": "serializable"});
    assert_eq!(shown(&p, &format!("GET /rpc/changed?{select}\nPrefer: timezone=UTC")).await, other);
}

#[tokio::test]
async fn a_transaction_is_as_isolated_as_its_role_and_its_function_say() {
    let p = project(SQL).await;
    of_role(&p, "anon", "default_transaction_isolation = 'repeatable read'").await;
    for (request, isolation) in [
        ("GET /moments", "repeatable read"),
        ("GET /rpc/plain", "repeatable read"),
        ("GET /rpc/changed", "serializable"),
        ("POST /rpc/changed", "serializable"),
    ] {
        let answer = p.send(&format!("{request}?select=of_transaction")).await;
        assert_eq!(answer.json()[0]["of_transaction"]["isolation"], isolation, "{request}");
    }
    let answer = p.send(&format!("GET /moments?select=of_transaction\n{}", service_role())).await;
    assert_eq!(answer.json()[0]["of_transaction"]["isolation"], "read committed");
}

#[tokio::test]
async fn transactions_end_as_they_are_told() {
    for (mode, cases) in [
        ("", [("", true, false), ("tx=commit", true, false), ("tx=rollback", true, false)]),
        ("commit", [("", true, false), ("tx=commit", true, false), ("tx=rollback", true, false)]),
        ("commit-allow-override", [("", true, false), ("tx=commit", true, true), ("tx=rollback", false, true)]),
        ("rollback", [("", false, false), ("tx=commit", false, false), ("tx=rollback", false, false)]),
        ("rollback-allow-override", [("", false, false), ("tx=commit", true, true), ("tx=rollback", false, true)]),
    ] {
        let p = if mode.is_empty() { project(SQL).await } else { project_with(SQL, &[("db_tx_end", mode)]).await };
        let (mut id, mut rows) = (1, 1);
        for (prefer, is_kept, is_shown) in cases {
            let said = Some(prefer).filter(|_| is_shown);
            let header = if prefer.is_empty() { String::new() } else { format!("\nPrefer: {prefer}") };
            // The first, and those that follow as prepared statements.
            for _ in 0..3 {
                let read = p.send(&format!("GET /moments?select=id&id=eq.1{header}")).await;
                assert_eq!((read.status, read.body.as_str()), (200, r#"[{"id":1}]"#), "{mode} {prefer}");
                assert_eq!(applied(&read.headers), said, "{mode} {prefer}");

                id += 2;
                let insert = format!("POST /moments?select=id{header}\nPrefer: return=representation\n\n{{\"id\":{id}}}");
                let write = p.send(&insert).await;
                assert_eq!((write.status, write.json()), (201, json!([{"id": id}])), "{mode} {prefer}");
                let both =
                    said.map_or_else(|| "return=representation".to_owned(), |said| format!("return=representation, {said}"));
                assert_eq!(applied(&write.headers), Some(both.as_str()), "{mode} {prefer}");

                let call = p.send(&format!("POST /rpc/add{header}\n\n{{\"i\":{}}}", id + 1)).await;
                assert_eq!((call.status, call.json()), (200, json!(id + 1)), "{mode} {prefer}");
                assert_eq!(applied(&call.headers), said, "{mode} {prefer}");
                rows += if is_kept { 2 } else { 0 };
                assert_eq!(moments(&p).await, rows, "{mode} {prefer}");
            }
        }
    }
}

#[tokio::test]
async fn constraints_are_checked_even_if_nothing_is_kept() {
    let p = project_with(SQL, &[("db_tx_end", "commit-allow-override")]).await;
    for end in ["commit", "rollback"] {
        let answer = p.send(&format!("POST /children\nPrefer: tx={end}\n\n{{\"id\":1,\"parent\":7}}")).await;
        assert_eq!((answer.status, answer.json()["code"].as_str().unwrap()), (409, "23503"), "{end}: {}", answer.body);
        assert_eq!(p.body("GET /children").await, "200 []", "{end}");
    }
    // Refused by the request itself.
    let request = "PATCH /moments?id=eq.1\nPrefer: tx=commit, max-affected=0, handling=strict\n\n{\"id\":5}";
    assert_eq!(p.send(request).await.json()["code"], "PGRST124");
    assert_eq!(p.body("GET /moments?select=id").await, r#"200 [{"id":1}]"#);
}

#[tokio::test]
async fn the_function_before_each_request_may_have_any_name() {
    let sql = "
        create schema \"My.Schema\"; grant usage on schema \"My.Schema\" to anon; create table a (id int);
        create function \"My.Schema\".\"Be \"\"fore\"\"\"() returns void language sql as $$
          select set_config('response.headers', '[{\"X-Zone\": \"' || current_setting('timezone') || '\"}]', true) $$;
        grant execute on function \"My.Schema\".\"Be \"\"fore\"\"\"() to anon;";
    let p = project_with(sql, &[("db_pre_request", "\"My.Schema\".\"Be \"\"fore\"\"\"")]).await;
    let answer = p.send("GET /a\nPrefer: timezone=Asia/Tokyo").await;
    assert_eq!((answer.status, answer.headers["x-zone"].to_str().unwrap()), (200, "Asia/Tokyo"), "{}", answer.body);
}
