//! Plans in the place of results.

#![expect(clippy::unwrap_used, reason = "a failure here is the test's failure")]

use serde_json::json;

use crate::support::{Answer, Project, project, project_with};

const SQL: &str = "
create table authors (id int primary key, name text);
create table books (id int primary key, title text, author int references authors);
insert into authors values (1, 'Woolf'); insert into books values (1, 'Orlando', 1), (2, 'Flush', 1);
create function by_author(a int) returns setof books language sql stable as $$ select * from books where author = a $$;
create function one() returns int language sql stable as $$ select 1 $$;
create function add(i int) returns void language sql as $$ insert into books values (i) $$;
";
const TEXT: &str = "Accept: application/vnd.pgrst.plan";
const JSON: &str = "Accept: application/vnd.pgrst.plan+json";

async fn planned(sql: &str) -> Project {
    project_with(sql, &[("db_plan_enabled", "true"), ("db_tx_end", "commit-allow-override")]).await
}

fn content_type(answer: &Answer) -> &str {
    answer.headers["content-type"].to_str().unwrap()
}

/// Whether some node of the plan has this.
fn has(plan: &serde_json::Value, key: &str, value: &str) -> bool {
    match plan {
        serde_json::Value::Object(members) => {
            members.get(key).is_some_and(|found| found == value) || members.values().any(|member| has(member, key, value))
        }
        serde_json::Value::Array(items) => items.iter().any(|item| has(item, key, value)),
        _ => false,
    }
}

#[tokio::test]
async fn plans_are_shown_where_they_are_enabled_only() {
    let p = project(SQL).await;
    insta::assert_snapshot!(p.show(&format!("GET /books\n{JSON}; options=analyze")).await, @r#"
    406
    {"code":"PGRST107","details":null,"hint":null,"message":"None of these media types are available: application/vnd.pgrst.plan+json"}
    "#);
    assert_eq!(p.body(&format!("GET /rpc/one\n{TEXT}, application/json")).await, "200 1");

    let p = planned(SQL).await;
    let answer = p.send(&format!("GET /books?select=title&id=eq.1\n{TEXT}")).await;
    assert_eq!(
        (answer.status, content_type(&answer)),
        (200, r#"application/vnd.pgrst.plan+text; for="application/json"; charset=utf-8"#)
    );
    assert!(
        answer.body.starts_with("Aggregate  (cost=")
            && answer.body.contains("\n        ->  Index Scan using books_pkey on books"),
        "{}",
        answer.body
    );
    assert!(!answer.body.ends_with('\n'));
    assert_eq!(answer.headers["content-length"], answer.body.len().to_string().as_str());
    for absent in ["content-range", "content-location", "preference-applied"] {
        assert!(!answer.headers.contains_key(absent), "{absent}");
    }
    assert_eq!(p.send(&format!("GET /books\n{TEXT}; for=\"image/png\"")).await.status, 406);
    assert_eq!(p.send(&format!("GET /\n{TEXT}")).await.status, 406);
    assert_eq!(p.send(&format!("GET /nothing\n{TEXT}")).await.status, 404);
    // What is not the first choice is none.
    assert_eq!(p.body(&format!("GET /rpc/one\nAccept: application/json, {}", &TEXT[8..])).await, "200 1");
}

#[tokio::test]
async fn plans_tell_of_every_kind_of_request() {
    let p = planned(SQL).await;
    for (request, key, value) in [
        ("GET /books?id=eq.1", "Index Cond", "(id = 1)"),
        ("GET /books?select=title,authors(name)", "Relation Name", "authors"),
        ("GET /rpc/by_author?a=1", "Relation Name", "books"),
        ("POST /rpc/by_author\n\n{\"a\":1}", "Node Type", "Aggregate"),
        ("POST /books\n\n{\"id\":3}", "Operation", "Insert"),
        ("POST /books?on_conflict=id\nPrefer: resolution=merge-duplicates\n\n{\"id\":1}", "Conflict Resolution", "UPDATE"),
        ("PATCH /books?id=eq.1\n\n{\"title\":\"x\"}", "Operation", "Update"),
        ("DELETE /books?id=eq.1\nPrefer: max-affected=0, handling=strict", "Operation", "Delete"),
    ] {
        // More than once: a plan is never a prepared statement.
        for _ in 0..3 {
            let (head, body) = request.split_once("\n\n").unwrap_or((request, ""));
            let answer = p.send(&format!("{head}\n{JSON}\n\n{body}")).await;
            assert_eq!(
                (answer.status, content_type(&answer)),
                (200, r#"application/vnd.pgrst.plan+json; for="application/json"; charset=utf-8"#),
                "{request}: {}",
                answer.body
            );
            assert!(has(&answer.json(), key, value), "{request}: {}", answer.body);
        }
    }
    let counted = p.send(&format!("GET /books?limit=1\n{JSON}\nPrefer: count=exact")).await.json();
    assert!(has(&counted, "Parent Relationship", "InitPlan"), "{counted}");
    assert_eq!(p.send(&format!("GET /books\n{JSON}\nPrefer: count=planned")).await.status, 200);
    let head = p.send(&format!("HEAD /books\n{JSON}")).await;
    assert_eq!((head.status, head.body.as_str()), (200, ""));
    assert!(content_type(&head).starts_with("application/vnd.pgrst.plan+json"));
    // Nothing was done.
    assert_eq!(
        p.send("GET /books?order=id").await.json(),
        json!([{"id": 1, "title": "Orlando", "author": 1}, {"id": 2, "title": "Flush", "author": 1}])
    );
}

#[tokio::test]
async fn options_are_those_of_postgresql() {
    let p = planned(SQL).await;
    for (option, key) in [
        ("verbose", "Output"),
        ("analyze", "Actual Rows"),
        ("settings", "Settings"),
        ("buffers", "Planning"),
        ("analyze|wal", "WAL Records"),
    ] {
        for (options, is_there) in [("", false), (option, true)] {
            let answer = p.send(&format!("GET /books\n{JSON}; for=\"text/csv\"; options={options};")).await;
            let shown = if options.is_empty() { String::new() } else { format!("; options={options}") };
            assert_eq!(content_type(&answer), format!("application/vnd.pgrst.plan+json; for=\"text/csv\"{shown}; charset=utf-8"));
            assert_eq!(answer.body.contains(&format!("\"{key}\"")), is_there, "{options}: {}", answer.body);
        }
    }
    insta::assert_snapshot!(p.show(&format!("GET /books\n{TEXT}; options=wal")).await, @r#"
    400
    {"code":"22023","details":null,"hint":null,"message":"EXPLAIN option WAL requires ANALYZE"}
    "#);
    // The representation decides what there is to plan.
    let output = async |of: &str| p.send(&format!("GET /books?id=eq.1\n{TEXT}; for=\"{of}\"; options=verbose")).await.body;
    assert!(output("application/vnd.pgrst.object+json;nulls=stripped").await.contains("json_strip_nulls("));
    assert!(output("text/csv").await.contains("string_agg("));
}

#[tokio::test]
async fn an_analyzed_write_is_done_unless_it_is_rolled_back() {
    let p = planned(SQL).await;
    let ids = async || p.send("GET /books?select=id&order=id").await.body.matches("id").count();
    for (end, books) in [("tx=rollback", 2), ("tx=commit", 3)] {
        let write = format!("POST /books\n{TEXT}; options=analyze\nPrefer: {end}\n\n{{\"id\":3}}");
        let answer = p.send(&write).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        assert!(answer.body.contains("Insert on books") && answer.body.contains("actual time="), "{}", answer.body);
        assert_eq!(ids().await, books, "{end}");
    }
    let call = format!("POST /rpc/add\n{TEXT}; options=analyze\n\n{{\"i\":4}}");
    assert_eq!(p.send(&call).await.status, 200);
    assert_eq!(ids().await, 4);
    // It fails as the statement does.
    assert_eq!(p.send(&call).await.status, 409);
    assert_eq!(p.send(&format!("GET /rpc/add?i=5\n{TEXT}; options=analyze")).await.status, 405);
}
