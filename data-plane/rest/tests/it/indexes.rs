//! What PostgreSQL makes of our statements: that filters, embeds, keys and orders find their indexes, and counts cost no more
//! than they must. Plans are those of the service's own media type, with nothing forced.

#![expect(clippy::unwrap_used, reason = "a failure here is the test's failure")]

use serde_json::{Map, Value};

use crate::support::{Project, on, project_with};

const SQL: &str = "
create table makers (id int primary key, name text);
create table items (id int primary key, maker int references makers, name text, price numeric, note text, data jsonb,
  words tsvector, tags text[], during int4range, gone int, rest text);
create table parts (id int primary key, item int references items, weight int, lost int);
create table labels (id int primary key, name text);
create table labelled (item int references items, label int references labels, primary key (item, label));
insert into makers select i, 'maker ' || i from generate_series(1, 500) i;
insert into items select i, i % 500 + 1, 'name ' || i, i, 'note' || i, jsonb_build_object('a', 'a' || i, 'b', jsonb_build_object('c', i)),
  to_tsvector('simple', 'word' || i), array['tag' || i], int4range(i, i + 2), nullif(least(i, 20), 20), repeat('x', 100)
  from generate_series(1, 10000) i;
insert into parts select i, i % 10000 + 1, i, nullif(i, 77) from generate_series(1, 20000) i;
insert into labels select i, 'label ' || i from generate_series(1, 500) i;
insert into labelled select i % 10000 + 1, i % 500 + 1 from generate_series(1, 10000) i;
create index items_maker on items (maker); create index items_name on items (name text_pattern_ops);
create index items_price on items (price); create index items_gone on items (gone desc nulls last);
create index items_note on items using gin (to_tsvector('english', note)); create index items_words on items using gin (words);
create index items_a on items ((data->>'a')); create index items_b on items ((data->'b'->'c'));
create index items_data on items using gin (data); create index items_tags on items using gin (tags);
create index items_during on items using gist (during);
create index parts_item on parts (item, weight); create index parts_lost on parts (lost);
create function made_by(m int) returns setof items language sql stable as 'select * from items where maker = m';
analyze;
";
const PLAN: &str = "Accept: application/vnd.pgrst.plan+json";

type Node = Map<String, Value>;

/// All nodes of the plan, from the top.
fn nodes(plan: &Value) -> Vec<&Node> {
    let mut found = Vec::new();
    let mut open = vec![&plan[0]["Plan"]];
    while let Some(node) = open.pop() {
        found.extend(node.as_object());
        open.extend(node["Plans"].as_array().into_iter().flatten());
    }
    found
}

fn text<'a>(node: &'a Node, key: &str) -> &'a str {
    node.get(key).and_then(Value::as_str).unwrap_or_default()
}

/// The relations that are read from the begin to the end, and the indexes that are looked up in, each in order.
fn ways(plan: &Value) -> (Vec<&str>, Vec<&str>) {
    let nodes = nodes(plan);
    let mut scanned: Vec<&str> =
        nodes.iter().filter(|node| text(node, "Node Type") == "Seq Scan").map(|node| text(node, "Relation Name")).collect();
    let mut indexes: Vec<&str> = nodes.iter().map(|node| text(node, "Index Name")).filter(|name| !name.is_empty()).collect();
    for node in &nodes {
        indexes.extend(
            node.get("Conflict Arbiter Indexes").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str),
        );
    }
    scanned.sort_unstable();
    indexes.sort_unstable();
    indexes.dedup();
    (scanned, indexes)
}

async fn shop() -> Project {
    project_with(SQL, &[("db_plan_enabled", "true"), ("db_aggregates_enabled", "true")]).await
}

/// The request with an address as HTTP has it.
fn escaped(request: &str) -> String {
    let (line, rest) = request.split_at(request.find('\n').unwrap_or(request.len()));
    let (method, target) = line.split_once(' ').unwrap();
    format!("{method} {}{rest}", target.replace(' ', "%20").replace('"', "%22").replace('>', "%3E"))
}

async fn plan(p: &Project, request: &str) -> Value {
    let request = escaped(request);
    let (head, body) = request.split_once("\n\n").unwrap_or((request.as_str(), ""));
    let answer = p.send(&format!("{head}\n{PLAN}\n\n{body}")).await;
    assert_eq!(answer.status, 200, "{request}: {}", answer.body);
    answer.json()
}

/// Each request with the indexes it needs, and no table is read from the begin to the end.
async fn looks_up(p: &Project, cases: &[(&str, &[&str])]) {
    let mut wrong = Vec::new();
    for (request, expected) in cases {
        let plan = plan(p, request).await;
        let (scanned, indexes) = ways(&plan);
        if !scanned.is_empty() || indexes != *expected {
            wrong.push(format!("{request}: {scanned:?} {indexes:?} {plan:#}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test]
async fn filters_find_their_indexes() {
    let p = shop().await;
    looks_up(
        &p,
        &[
            ("GET /items?id=eq.5", &["items_pkey"]),
            ("GET /items?id=in.(5,6,7)", &["items_pkey"]),
            ("GET /items?id=eq(any).{5,6}", &["items_pkey"]),
            ("GET /items?price=gt.10&price=lte.20", &["items_price"]),
            ("GET /items?name=like.name 77*", &["items_name"]),
            ("GET /items?name=eq.name 77", &["items_name"]),
            ("GET /items?name=match.^name 77", &["items_name"]),
            ("GET /items?data->>a=eq.a7", &["items_a"]),
            ("GET /items?data->>a=in.(a7,a8)", &["items_a"]),
            ("GET /items?data->b->c=eq.7", &["items_b"]),
            ("GET /items?data=cs.{\"a\":\"a7\"}", &["items_data"]),
            ("GET /items?tags=cs.{tag7}", &["items_tags"]),
            ("GET /items?tags=ov.{tag7,tag8}", &["items_tags"]),
            ("GET /items?during=cs.[7,8)", &["items_during"]),
            ("GET /items?during=sl.[3,4)", &["items_during"]),
            ("GET /items?words=fts(simple).word7", &["items_words"]),
            ("GET /items?words=plfts.word7", &["items_words"]),
            ("GET /items?note=fts(english).note7", &["items_note"]),
            ("GET /items?note=wfts(english).note7", &["items_note"]),
            ("GET /items?gone=not.is.null", &["items_gone"]),
            ("GET /parts?lost=is.null", &["parts_lost"]),
            ("GET /items?or=(id.eq.5,price.eq.7)", &["items_pkey", "items_price"]),
            ("GET /items?or=(id.eq.5,and(price.gt.7,price.lt.9),data->>a.eq.a7)", &["items_a", "items_pkey", "items_price"]),
            ("GET /rpc/made_by?m=7&select=id", &["items_maker"]),
        ],
    )
    .await;
    // A bitmap of each side, not one of a scan.
    let either = plan(&p, "GET /items?or=(id.eq.5,price.eq.7)").await;
    assert!(nodes(&either).iter().any(|node| text(node, "Node Type") == "BitmapOr"), "{either:#}");
}

#[tokio::test]
async fn embeds_find_the_indexes_of_their_keys() {
    let p = shop().await;
    looks_up(
        &p,
        &[
            ("GET /items?select=id,makers(name)&id=eq.5", &["items_pkey", "makers_pkey"]),
            ("GET /items?select=id,...makers(maker_name:name)&id=eq.5", &["items_pkey", "makers_pkey"]),
            ("GET /items?select=id,parts(weight)&id=eq.5", &["items_pkey", "parts_item"]),
            ("GET /items?select=id,parts(weight)&id=in.(5,6,7)&parts.order=weight&parts.limit=2", &["items_pkey", "parts_item"]),
            ("GET /items?select=id,...parts(weight)&id=eq.5", &["items_pkey", "parts_item"]),
            ("GET /items?select=id,parts!inner(weight)&id=eq.5", &["items_pkey", "parts_item"]),
            ("GET /items?select=id,parts(count)&id=eq.5", &["items_pkey", "parts_item"]),
            ("GET /items?select=id,labels(name)&id=eq.5", &["items_pkey", "labelled_pkey", "labels_pkey"]),
            ("GET /makers?select=name,items(name,parts(weight))&id=eq.5", &["items_maker", "makers_pkey", "parts_item"]),
            ("GET /parts?select=id,items(name,makers(name))&id=eq.5", &["items_pkey", "makers_pkey", "parts_pkey"]),
            ("GET /rpc/made_by?m=7&select=id,parts(weight)&limit=5", &["items_maker", "parts_item"]),
        ],
    )
    .await;
}

#[tokio::test]
async fn writes_find_their_rows_by_key() {
    let p = shop().await;
    looks_up(
        &p,
        &[
            ("PUT /items?id=eq.5\n\n{\"id\":5,\"name\":\"x\"}", &["items_pkey"]),
            ("PATCH /items?id=eq.5\n\n{\"name\":\"x\"}", &["items_pkey"]),
            ("DELETE /items?id=eq.5", &["items_pkey"]),
            ("DELETE /parts?item=eq.5&weight=lt.9", &["parts_item"]),
            ("PATCH /items?order=id&limit=3\n\n{\"name\":\"x\"}", &["items_pkey"]),
            ("DELETE /parts?order=id&limit=3", &["parts_pkey"]),
            ("PATCH /items?maker=eq.7&order=id&limit=3\n\n{\"name\":\"x\"}", &["items_maker", "items_pkey"]),
            (
                "POST /items?on_conflict=id&select=id,makers(name)\nPrefer: resolution=merge-duplicates, return=representation\n\n\
                 {\"id\":5,\"name\":\"x\"}",
                &["items_pkey", "makers_pkey"],
            ),
        ],
    )
    .await;
}

#[tokio::test]
async fn the_first_rows_of_an_order_are_not_sorted_for() {
    let p = shop().await;
    for (request, index) in [
        ("GET /items?order=price&limit=5", "items_price"),
        ("GET /items?order=price.desc&limit=5", "items_price"),
        ("GET /items?order=gone.desc.nullslast&limit=5", "items_gone"),
        ("GET /items?order=data->>a&limit=5", "items_a"),
        ("GET /items?select=id,makers(name),parts(weight)&order=price&limit=5", "items_price"),
    ] {
        let plan = plan(&p, request).await;
        assert!(ways(&plan).1.contains(&index), "{request}: {plan:#}");
        assert!(!nodes(&plan).iter().any(|node| text(node, "Node Type").ends_with("Sort")), "{request}: {plan:#}");
    }
}

/// How often the items were read, by whichever way, as told by a plan that was run.
async fn scans_of_items(p: &Project, request: &str) -> u64 {
    let request = request.replacen('\n', &format!("\n{PLAN}; options=analyze\n"), 1);
    let answer = p.send(&request).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    let plan = answer.json();
    let of_items = nodes(&plan).into_iter().filter(|node| text(node, "Relation Name") == "items");
    of_items.map(|node| node["Actual Loops"].as_u64().unwrap()).sum()
}

#[tokio::test]
async fn counts_do_not_double_the_work() {
    let p = shop().await;
    for (request, scans) in [
        ("GET /items\nPrefer: count=planned", 1),
        ("GET /items?limit=5\nPrefer: count=planned", 1),
        ("GET /items?price=lt.50\nPrefer: count=exact", 1),
        // What the page tells by itself is not counted.
        ("GET /items?price=lt.50&limit=500\nPrefer: count=exact", 1),
        ("GET /items?price=lt.50&limit=500&offset=10\nPrefer: count=exact", 1),
        ("GET /items?limit=500\nPrefer: count=exact", 2),
    ] {
        assert_eq!(scans_of_items(&p, request).await, scans, "{request}");
    }
    // What is counted is counted without its embeds.
    let counted = "GET /items?select=id,makers(name),parts(weight)&limit=1\nPrefer: count=exact";
    assert_eq!(scans_of_items(&p, counted).await, 2);
    let plan = plan(&p, counted).await;
    let of = |table: &str| nodes(&plan).iter().filter(|node| text(node, "Relation Name") == table).count();
    assert_eq!((of("makers"), of("parts")), (1, 1), "{plan:#}");
}

#[tokio::test]
async fn prepared_statements_go_on_using_indexes() {
    let database = test_postgres::TestCluster::shared().await.database().await;
    let flush = "create function flush() returns void language sql as 'select pg_stat_force_next_flush()'";
    database.connect("postgres").await.batch_execute(&format!("{SQL} {flush}")).await.unwrap();
    // A single connection, so that every statement is prepared there and PostgreSQL may think of a generic plan.
    let p = on(database, 1, project_context::IDLE_AFTER);
    let client = p.database.connect("postgres").await;
    let scans = async || {
        assert_eq!(p.send("POST /rpc/flush").await.status, 204);
        let sql = "select sum(seq_scan)::int8, sum(idx_scan)::int8 from pg_stat_user_tables where relname in ('items', 'makers', 'parts')";
        let row = client.query_one(sql, &[]).await.unwrap();
        (row.get::<_, i64>(0), row.get::<_, i64>(1))
    };
    let before = scans().await;
    for number in 1..=12 {
        for target in [
            format!("/items?id=eq.{number}&select=id,makers(name),parts(weight)"),
            format!("/items?data->>a=eq.a{number}&select=id"),
            format!("/items?data=cs.{{\"a\":\"a{number}\"}}&select=id"),
            format!("/items?id=in.({number},77)&select=id"),
            format!("/items?name=like.name {number}*&select=id"),
            format!("/items?order=price&limit={number}&select=id"),
        ] {
            let answer = p.send(&escaped(&format!("GET {target}"))).await;
            assert_eq!(answer.status, 200, "{target}: {}", answer.body);
        }
    }
    let after = scans().await;
    assert_eq!(after.0, before.0, "tables were read from the begin to the end");
    assert!(after.1 - before.1 >= 12 * 6, "{before:?} {after:?}");
}

/// That what is asserted above can fail.
#[tokio::test]
async fn without_an_index_there_is_a_scan() {
    let sql = "create table t (id int); insert into t select generate_series(1, 1000)";
    let p = project_with(sql, &[("db_plan_enabled", "true")]).await;
    let plan = plan(&p, "GET /t?id=eq.5").await;
    assert_eq!(ways(&plan), (vec!["t"], vec![]));
}
