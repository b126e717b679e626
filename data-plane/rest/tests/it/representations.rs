//! Domain representations: values that look different to clients.

#![expect(clippy::unwrap_used, reason = "a failure here is the test's failure")]

use serde_json::Value;

use crate::support::{Project, project, project_with};

const SQL: &str = r##"
create domain color as int check (value between 0 and 16777215);
create function shown(color) returns json language sql immutable as $$ select to_json('#' || lpad(to_hex($1), 6, '0')) $$;
create function shown(int) returns json language sql immutable as $$ select '"wrong"'::json $$;
create function read(text) returns color language sql immutable as $$ select ('x' || lpad(ltrim($1, '#'), 8, '0'))::bit(32)::int::color $$;
create function read(json) returns color language sql immutable as $$ select public.read($1 #>> '{}') $$;
create cast (color as json) with function shown(color) as implicit;
create cast (text as color) with function read(text) as implicit;
create cast (json as color) with function read(json) as implicit;

create table paints (id int primary key, name text, shade color default 255);
create table rooms (id int primary key, paint int references paints, wall color);
create table named (shade color primary key, label text);
create view bright as select id, shade from paints where shade > 255;
create function mixed() returns setof paints language sql stable as $$ select * from paints $$;
create function hex(paints) returns text language sql stable as $$ select to_hex($1.shade) $$;
insert into paints values (1, 'red', 16711680), (2, 'blue', 255), (3, 'none', null);
insert into rooms values (1, 1, 1), (2, 1, 2), (3, 2, 16777215), (4, null, 0);
insert into named values (255, 'blue');
"##;
const SHOWN: &str = "Prefer: return=representation";

/// Status and JSON of an answer, without the line breaks between rows.
async fn answer(project: &Project, request: &str) -> String {
    project.body(request).await.replace(", \n ", ",")
}

/// What is stored, which no representation changes.
async fn stored(project: &Project, sql: &str) -> String {
    let client = project.database.connect("postgres").await;
    client.query_one(&format!("select coalesce(({sql})::text, 'null')"), &[]).await.unwrap().get(0)
}

#[tokio::test]
async fn values_are_shown_by_the_cast_to_json() {
    let p = project(SQL).await;
    for (request, expected) in [
        ("/paints?id=eq.1", r##"[{"id":1,"name":"red","shade":"#ff0000"}]"##),
        ("/paints?id=eq.3", r##"[{"id":3,"name":"none","shade":null}]"##),
        ("/paints?select=shade&id=eq.2", r##"[{"shade":"#0000ff"}]"##),
        ("/paints?select=s:shade,*&id=eq.2", r##"[{"s":"#0000ff","id":2,"name":"blue","shade":"#0000ff"}]"##),
        ("/bright", r##"[{"id":1,"shade":"#ff0000"}]"##),
        ("/rpc/mixed?select=shade&order=shade.desc.nullslast&limit=1", r##"[{"shade":"#ff0000"}]"##),
        ("/rpc/mixed?id=eq.1", r##"[{"id":1,"name":"red","shade":"#ff0000"}]"##),
        // Who asks for a type gets that type, and a function of the row has the value as it is.
        ("/paints?select=shade::text,hex&id=eq.2", r##"[{"shade":"255","hex":"ff"}]"##),
    ] {
        assert_eq!(answer(&p, &format!("GET {request}")).await, format!("200 {expected}"), "{request}");
    }
    let csv = p.send("GET /paints?id=eq.1\nAccept: text/csv").await;
    assert_eq!(csv.body, "id,name,shade\n1,red,\"\"\"#ff0000\"\"\"");
    let counted = p.send("GET /rpc/mixed?select=shade&id=eq.1\nPrefer: count=exact").await;
    assert_eq!(
        (counted.body.as_str(), &counted.headers["content-range"]),
        (r##"[{"shade":"#ff0000"}]"##, &"0-0/1".parse().unwrap())
    );
}

#[tokio::test]
async fn embedded_values_are_shown_so_too() {
    let p = project(SQL).await;
    for (request, expected) in [
        ("/rooms?select=id,paints(*)&id=eq.1", r##"[{"id":1,"paints":{"id": 1, "name": "red", "shade": "#ff0000"}}]"##),
        ("/paints?select=name,rooms(wall)&id=eq.1", r##"[{"name":"red","rooms":[{"wall": "#000001"}, {"wall": "#000002"}]}]"##),
        ("/rooms?select=id,...paints(shade)&id=eq.1", r##"[{"id":1,"shade":"#ff0000"}]"##),
        ("/paints?select=name,...rooms(walls:wall)&id=eq.1", r##"[{"name":"red","walls":["#000001", "#000002"]}]"##),
        (
            "/rooms?select=id,paints(shade)&order=paints(shade).desc,id&paints=not.is.null&limit=1",
            r##"[{"id":1,"paints":{"shade": "#ff0000"}}]"##,
        ),
    ] {
        assert_eq!(answer(&p, &format!("GET {request}")).await, format!("200 {expected}"), "{request}");
    }
}

#[tokio::test]
async fn groups_are_made_of_what_is_stored() {
    let p = project_with(SQL, &[("db_aggregates_enabled", "true")]).await;
    for (request, expected) in [
        (
            "/paints?select=shade,count()&order=shade.desc.nullslast",
            r##"[{"shade":"#ff0000","count":1},{"shade":"#0000ff","count":1},{"shade":null,"count":1}]"##,
        ),
        ("/paints?select=shade.max(),name.min()", r##"[{"max":16711680,"min":"blue"}]"##),
        (
            "/rooms?select=wall.max(),...paints!inner(shade)&order=paints(shade)",
            r##"[{"max":16777215,"shade":"#0000ff"},{"max":2,"shade":"#ff0000"}]"##,
        ),
        ("/rooms?select=...paints(shade.max())", r##"[{"max":16711680}]"##),
    ] {
        assert_eq!(answer(&p, &format!("GET {request}")).await, format!("200 {expected}"), "{request}");
    }
}

#[tokio::test]
async fn filters_compare_by_the_cast_from_text() {
    let p = project(SQL).await;
    for (filter, expected) in [
        ("shade=eq.%23ff0000", "1"),
        ("shade=eq.ff", "2"),
        ("shade=neq.ff", "1"),
        ("shade=gt.000100", "1"),
        ("shade=lte.0000ff", "2"),
        ("shade=in.(ff,%23ff0000)", "1,2"),
        ("shade=in.(ff,%22%23ff0000%22)", "1,2"),
        ("shade=in.()", ""),
        ("shade=not.in.(ff)", "1"),
        ("shade=not.eq.ff", "1"),
        ("shade=eq(any).%7Bff,%23ff0000%7D", "1,2"),
        ("shade=gte(all).%7Bff,%230000ff%7D", "1,2"),
        ("shade=isdistinct.ff", "1,3"),
        ("shade=is.null", "3"),
        ("shade=not.is.null", "1,2"),
        ("or=(shade.eq.ff,shade.is.null)", "2,3"),
        ("and=(shade.not.eq.ff,or(shade.in.(%23ff0000),id.eq.9))", "1"),
        ("rooms.wall=eq.000002&select=id,rooms!inner()", "1"),
        ("select=id,rooms!inner()&rooms.or=(wall.eq.ffffff,wall.eq.123456)", "2"),
    ] {
        let select = if filter.contains("select") { "" } else { "&select=id" };
        let answer = p.send(&format!("GET /paints?order=id&{filter}{select}")).await;
        assert_eq!(answer.status, 200, "{filter}: {}", answer.body);
        let ids: Vec<String> = answer.json().as_array().unwrap().iter().map(|row| row["id"].to_string()).collect();
        assert_eq!(ids.join(","), expected, "{filter}");
    }
    assert_eq!(answer(&p, "GET /rpc/mixed?shade=eq.ff&select=id").await, r#"200 [{"id":2}]"#);
    assert_eq!(answer(&p, "GET /bright?shade=in.(ff0000)&select=id").await, r#"200 [{"id":1}]"#);
    // What is no color is an error of the function.
    assert_eq!(p.send("GET /paints?shade=eq.green").await.status, 400);
    // Writes filter alike.
    assert_eq!(
        answer(&p, &format!("PATCH /paints?shade=eq.ff&select=id\n{SHOWN}\n\n{{\"name\":\"sky\"}}")).await,
        r#"200 [{"id":2}]"#
    );
    assert_eq!(
        answer(&p, &format!("DELETE /named?shade=in.(ff,fe)\n{SHOWN}")).await,
        r##"200 [{"shade":"#0000ff","label":"blue"}]"##
    );
}

#[tokio::test]
async fn bodies_are_read_by_the_cast_from_json() {
    let p = project(SQL).await;
    for (request, expected) in [
        (
            format!("POST /paints\n{SHOWN}\n\n{{\"id\":10,\"shade\":\"#000010\"}}"),
            r##"201 [{"id":10,"name":null,"shade":"#000010"}]"##,
        ),
        (
            format!("POST /paints?select=id,shade\n{SHOWN}\n\n[{{\"id\":11,\"shade\":\"11\"}},{{\"id\":12,\"shade\":null}}]"),
            r##"201 [{"id":11,"shade":"#000011"},{"id":12,"shade":null}]"##,
        ),
        (
            format!(
                "POST /paints?select=id,shade&columns=id,shade\n{SHOWN}\n\n[{{\"id\":13}},{{\"id\":14,\"shade\":\"14\",\"x\":1}}]"
            ),
            r##"201 [{"id":13,"shade":null},{"id":14,"shade":"#000014"}]"##,
        ),
        (
            format!("POST /paints?select=id,shade\n{SHOWN}\nContent-Type: text/csv\n\nid,shade\n15,#000015\n16,NULL"),
            r##"201 [{"id":15,"shade":"#000015"},{"id":16,"shade":null}]"##,
        ),
        (
            format!(
                "POST /paints?select=id,shade\n{SHOWN}\nContent-Type: application/x-www-form-urlencoded\n\nid=17&shade=%23000017"
            ),
            r##"201 [{"id":17,"shade":"#000017"}]"##,
        ),
        (
            format!(
                "POST /paints?select=id,shade\n{SHOWN}, resolution=merge-duplicates\n\n[{{\"id\":17,\"shade\":\"18\"}},{{\"id\":18,\"shade\":\"19\"}}]"
            ),
            r##"201 [{"id":17,"shade":"#000018"},{"id":18,"shade":"#000019"}]"##,
        ),
        (format!("PATCH /paints?id=eq.17&select=shade\n{SHOWN}\n\n{{\"shade\":\"#000020\"}}"), r##"200 [{"shade":"#000020"}]"##),
        (
            format!("PATCH /paints?id=gt.16&order=id&limit=1&select=id,shade\n{SHOWN}\n\n{{\"shade\":\"#000021\"}}"),
            r##"200 [{"id":17,"shade":"#000021"}]"##,
        ),
        (format!("POST /bright\n{SHOWN}\n\n{{\"id\":30,\"shade\":\"#00ffff\"}}"), r##"201 [{"id":30,"shade":"#00ffff"}]"##),
        (
            format!("POST /rooms?select=wall,paints(shade)\n{SHOWN}\n\n{{\"id\":9,\"wall\":\"9\",\"paint\":1}}"),
            r##"201 [{"wall":"#000009","paints":{"shade": "#ff0000"}}]"##,
        ),
    ] {
        assert_eq!(answer(&p, &request).await, expected, "{request}");
    }
    assert_eq!(stored(&p, "select shade from paints where id = 17").await, "33");
    let refused = p.send("POST /paints\n\n{\"id\":99,\"shade\":\"#green\"}").await;
    assert_eq!(refused.status, 400, "{}", refused.body);
}

#[tokio::test]
async fn a_put_names_its_row_as_clients_see_it() {
    let p = project(SQL).await;
    for (request, expected) in [
        (
            format!("PUT /named?shade=eq.0000ff\n{SHOWN}\n\n{{\"shade\":\"#0000FF\",\"label\":\"b\"}}"),
            r##"200 [{"shade":"#0000ff","label":"b"}]"##,
        ),
        (
            format!("PUT /named?shade=eq.1\n{SHOWN}\n\n{{\"shade\":\"#000001\",\"label\":\"n\"}}"),
            r##"201 [{"shade":"#000001","label":"n"}]"##,
        ),
    ] {
        assert_eq!(answer(&p, &request).await, expected, "{request}");
    }
    assert_eq!(p.send("PUT /named?shade=eq.2\n\n{\"shade\":\"#000003\",\"label\":\"n\"}").await.json()["code"], "PGRST115");
    assert_eq!(stored(&p, "select array_agg(shade order by shade) from named").await, "{1,255}");
}

/// A default is no text that a client wrote.
#[tokio::test]
async fn defaults_are_values_already() {
    let p = project(&format!(
        "{SQL} create sequence shades start 100;
         create table walls (id int generated by default as identity, shade color default nextval('shades'), note text default 'n');"
    ))
    .await;
    let prefer = "Prefer: return=representation, missing=default";
    for (request, expected) in [
        (
            format!(
                "POST /walls?columns=shade,note\n{prefer}\n\n[{{}},{{}},{{\"shade\":\"1\"}},{{\"shade\":null,\"note\":\"x\"}}]"
            ),
            r##"201 [{"id":1,"shade":"#000064","note":"n"},{"id":2,"shade":"#000065","note":"n"},{"id":3,"shade":"#000001","note":"n"},{"id":4,"shade":null,"note":"x"}]"##,
        ),
        (format!("POST /walls?columns=shade\n{prefer}\n\n{{}}"), r##"201 [{"id":5,"shade":"#000066","note":"n"}]"##),
        (
            format!("POST /walls?columns=shade\n{prefer}\n\n{{\"shade\":\"2\"}}"),
            r##"201 [{"id":6,"shade":"#000002","note":"n"}]"##,
        ),
        (
            format!("PATCH /walls?id=eq.6&columns=shade,note\n{prefer}\n\n{{\"note\":\"p\"}}"),
            r##"200 [{"id":6,"shade":"#000067","note":"p"}]"##,
        ),
        (
            format!("PUT /named?shade=eq.7&columns=shade,label\n{prefer}\n\n{{\"shade\":\"7\"}}"),
            r##"201 [{"shade":"#000007","label":null}]"##,
        ),
    ] {
        assert_eq!(answer(&p, &request).await, expected, "{request}");
    }
}

/// Each direction counts by itself, and only for the domain that has the cast.
#[tokio::test]
async fn without_a_cast_values_are_as_they_are_stored() {
    let p = project(
        "create domain price as int; create domain net as price; create domain hidden as jsonb; create domain secret as int;
         create function cents(price) returns json language sql immutable as $$ select to_json(($1 / 100.0)::numeric(9, 2)::text) $$;
         create function stars(hidden) returns json language sql immutable as $$ select '\"***\"'::json $$;
         create function open(secret) returns json language sql immutable as $$ select '0'::json $$;
         create function explicit(text) returns price language sql immutable as $$ select 1::price $$;
         create cast (price as json) with function cents(price) as implicit;
         create cast (text as price) with function explicit(text) as assignment;
         create cast (hidden as json) with function stars(hidden) as implicit;
         create cast (secret as json) with function open(secret) as implicit;
         revoke execute on function open(secret) from public, anon, authenticated, service_role;
         create table items (id int primary key, gross price, net net, doc hidden, secret secret);",
    )
    .await;
    let inserted = format!("POST /items\n{SHOWN}\n\n{{\"id\":1,\"gross\":119,\"net\":100,\"doc\":{{\"a\":[7]}},\"secret\":5}}");
    assert_eq!(answer(&p, &inserted).await, r#"201 [{"id":1,"gross":"1.19","net":100,"doc":"***","secret":5}]"#);
    assert_eq!(answer(&p, "GET /items?gross=eq.119&select=gross").await, r#"200 [{"gross":"1.19"}]"#);
    assert_eq!(answer(&p, "GET /items?doc-%3Ea-%3E0=eq.7&select=doc,doc-%3Ea").await, r#"200 [{"doc":"***","a":[7]}]"#);
}

/// Whether some node of a plan has such a condition on an index.
fn uses_index(plan: &Value, column: &str) -> bool {
    match plan {
        Value::Object(members) => {
            members.get("Index Cond").and_then(Value::as_str).is_some_and(|found| found.contains(column))
                || members.values().any(|member| uses_index(member, column))
        }
        Value::Array(items) => items.iter().any(|item| uses_index(item, column)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}

#[tokio::test]
async fn an_index_of_what_is_stored_is_used() {
    let many = "create table many (id int primary key, shade color, plain int);
        insert into many select i, i, i from generate_series(1, 20000) i; create index on many (shade); analyze many;";
    let p = project_with(&format!("{SQL} {many}"), &[("db_plan_enabled", "true")]).await;
    for filter in [
        "shade=eq.ff",
        "shade=in.(ff,fe)",
        "shade=eq(any).%7Bff,fe%7D",
        "shade=lt.ff",
        "or=(shade.eq.ff,shade.in.(1,2))",
        "and=(shade.gt.f0,shade.lt.ff)",
    ] {
        let answer = p.send(&format!("GET /many?{filter}\nAccept: application/vnd.pgrst.plan+json")).await;
        assert!(uses_index(&answer.json(), "shade"), "{filter}: {}", answer.body);
    }
    let answer = p.send("GET /many?plain=eq.255\nAccept: application/vnd.pgrst.plan+json").await;
    assert!(!uses_index(&answer.json(), "plain"), "{}", answer.body);
}

/// It is called with rows of the relation's own type, whose columns have no other representation.
#[tokio::test]
async fn a_relations_handler_takes_its_rows_as_they_are_stored() {
    let p = project(&format!(
        "{SQL} create domain \"text/shades\" as text;
         create function add(text, paints) returns text language sql as $$ select $1 || $2.name || '=' || coalesce($2.shade::text, '') || ';' $$;
         create function made(text) returns \"text/shades\" language sql as $$ select $1 $$;
         create aggregate shades(paints) (initcond = '', stype = text, sfunc = add, finalfunc = made);"
    ))
    .await;
    for (request, expected) in [
        ("GET /paints?order=id", "200 red=16711680;blue=255;none=;"),
        ("GET /rpc/mixed?order=id&limit=1", "200 red=16711680;"),
        ("POST /paints\nPrefer: return=representation\n\n{\"id\":4,\"shade\":\"#000004\",\"name\":\"x\"}", "201 x=4;"),
        // A field of the row, by which it is ordered, is no part of it.
        ("PATCH /paints?id=lt.4&order=hex\nPrefer: return=representation\n\n{\"name\":\"c\"}", "200 c=255;c=16711680;c=;"),
    ] {
        let (head, body) = request.split_once("\n\n").unwrap_or((request, ""));
        assert_eq!(p.body(&format!("{head}\nAccept: text/shades\n\n{body}")).await, expected, "{request}");
    }
}
