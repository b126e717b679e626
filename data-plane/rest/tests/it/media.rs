//! Media types: the built-in ones, those that handlers in the database make, and which of them is chosen.

#![expect(clippy::unwrap_used, reason = "a failure here is the test's failure")]

use axum::body::Body;
use http::Request;
use http_body_util::BodyExt;
use tower::ServiceExt;

use crate::support::{Project, project, project_with};

/// Status, `Content-Type` and body of an answer to a GET.
async fn get(project: &Project, path: &str, accept: &str) -> (u16, String, Vec<u8>) {
    let request = Request::builder().uri(path).header("accept", accept).body(Body::empty()).unwrap();
    let (parts, body) = project.router.clone().oneshot(request).await.unwrap().into_parts();
    let body = body.collect().await.unwrap().to_bytes().to_vec();
    if let Some(length) = parts.headers.get("content-length") {
        assert_eq!(length.to_str().unwrap(), body.len().to_string());
    }
    let content_type = parts.headers.get("content-type").map_or("", |value| value.to_str().unwrap());
    (parts.status.as_u16(), content_type.to_owned(), body)
}

/// The same as one text.
async fn text(project: &Project, path: &str, accept: &str) -> String {
    let (status, content_type, body) = get(project, path, accept).await;
    format!("{status} {content_type} {}", String::from_utf8(body).unwrap())
}

const FUNCTIONS: &str = r#"
create domain "text/plain" as text;
create domain "image/png" as bytea;
create domain "text/xml" as xml;
create domain "Application/Vnd.Deep" as "image/png";
create domain "application/json" as json;
create function greeting(name text default 'all') returns "text/plain" language sql immutable as $$ select 'hello ' || name $$;
create function picture() returns "image/png" language sql immutable as $$ select '\x89504e470d0a00ff'::bytea $$;
create function deep() returns "Application/Vnd.Deep" language sql immutable as $$ select '\xfffe'::bytea $$;
create function letter() returns "text/xml" language sql immutable as $$ select '<a>ä</a>'::xml $$;
create function nothing() returns "text/plain" language sql immutable as $$ select null::text $$;
create function own_json() returns "application/json" language sql immutable as $$ select '{"a":  1}'::json $$;
create function greetings() returns setof "text/plain" language sql immutable as $$ values ('a'), ('b') $$;
create function note(t text) returns "text/plain" language plpgsql as $$ begin
  perform set_config('response.headers', '[{"Content-Type": "text/markdown"}]', true); return '# ' || t; end $$;
create function plain() returns text language sql immutable as $$ select 'x'::text $$;
"#;

#[tokio::test]
async fn a_function_makes_the_type_it_returns() {
    let p = project(FUNCTIONS).await;
    for (path, accept, expected) in [
        ("/rpc/greeting", "text/plain", "200 text/plain; charset=utf-8 hello all"),
        ("/rpc/greeting?name=%C3%A4", "Text/Plain; charset=utf-8", "200 text/plain; charset=utf-8 hello ä"),
        ("/rpc/letter", "text/xml", "200 text/xml; charset=utf-8 <a>ä</a>"),
        ("/rpc/nothing", "text/plain", "200 text/plain; charset=utf-8 "),
        ("/rpc/own_json", "application/json", "200 application/json; charset=utf-8 {\"a\":  1}"),
        ("/rpc/note?t=x", "text/plain", "200 text/markdown # x"),
        // Whoever takes anything, or JSON, gets JSON.
        ("/rpc/greeting", "*/*", "200 application/json; charset=utf-8 \"hello all\""),
        ("/rpc/greeting", "application/json", "200 application/json; charset=utf-8 \"hello all\""),
        ("/rpc/greeting", "image/png, text/plain;q=0.5", "200 text/plain; charset=utf-8 hello all"),
        ("/rpc/greeting", "text/plain;q=0.5, application/json", "200 application/json; charset=utf-8 \"hello all\""),
        ("/rpc/greeting", "text/plain;q=0, application/json;q=0.1", "200 application/json; charset=utf-8 \"hello all\""),
    ] {
        assert_eq!(text(&p, path, accept).await, expected, "{path} {accept}");
    }
    assert_eq!(get(&p, "/rpc/picture", "image/png").await, (200, "image/png".to_owned(), b"\x89PNG\r\n\0\xff".to_vec()));
    let deep = get(&p, "/rpc/deep", "application/vnd.deep").await;
    assert_eq!(deep, (200, "application/vnd.deep".to_owned(), b"\xff\xfe".to_vec()));
    let called = p.send("POST /rpc/note\nAccept: text/plain\n\n{\"t\":\"y\"}").await;
    assert_eq!((called.status, called.body.as_str()), (200, "# y"));
}

#[tokio::test]
async fn what_no_function_makes_is_not_acceptable() {
    let p = project(FUNCTIONS).await;
    insta::assert_snapshot!(p.show("GET /rpc/greeting\nAccept: image/png;q=0.5, text/html").await, @r#"
    406
    {"code":"PGRST107","details":null,"hint":null,"message":"None of these media types are available: text/html, image/png"}
    "#);
    for (path, accept) in [
        ("/rpc/plain", "text/plain"),
        ("/rpc/greetings", "text/plain"),
        ("/rpc/picture", "image/*"),
        ("/rpc/picture", "application/octet-stream"),
        ("/rpc/greeting", "application/json;q=0"),
    ] {
        let (status, _, body) = get(&p, path, accept).await;
        assert_eq!((status, String::from_utf8(body).unwrap().contains("PGRST107")), (406, true), "{path} {accept}");
    }
    // What is not there is missed before its type is.
    assert_eq!(get(&p, "/rpc/missing", "image/png").await.0, 404);
    assert_eq!(get(&p, "/missing", "image/png").await.0, 404);
}

const LINES: &str = r#"
create table lines (id int primary key, name text, gone int);
alter table lines drop column gone;
create table others (id int primary key, name text);
insert into lines values (1, 'one'), (2, 'zwei'), (3, 'ä');
insert into others values (9, 'other');
create view short_lines as select * from lines where length(name) < 4;
create function some_lines(lowest int) returns setof lines language sql stable as $$ select * from lines where id >= lowest order by id $$;
create function one_line(i int) returns lines language sql stable as $$ select * from lines where id = i $$;
create function numbers() returns setof int language sql immutable as $$ values (1), (2) $$;
create domain "application/vnd.bin" as bytea;
create domain "text/csv" as text;
create domain "application/vnd.pgrst.object" as text;
create function bin_step(state bytea, next lines) returns "application/vnd.bin" language sql immutable as $$
  select state || '\xff'::bytea || convert_to(next.name, 'UTF8') $$;
create aggregate bin(lines) (initcond = '', stype = "application/vnd.bin", sfunc = bin_step);
create domain "application/vnd.hidden" as text;
create function hidden_step(state text, next lines) returns "application/vnd.hidden" language sql immutable as $$ select 'seen' $$;
create aggregate hidden(lines) (stype = "application/vnd.hidden", sfunc = hidden_step);
revoke execute on function hidden(lines) from public, anon;
create function csv_step(state text, next lines) returns text language sql immutable as $$ select state || next.id || ';' || next.name || E'\n' $$;
create function csv_end(state text) returns "text/csv" language plpgsql as $$ begin
  perform set_config('response.headers', '[{"Content-Disposition": "attachment"}]', true); return E'id;name\n' || state; end $$;
create aggregate lines_csv(lines) (initcond = '', stype = text, sfunc = csv_step, finalfunc = csv_end);
create function object_step(state text, next lines) returns "application/vnd.pgrst.object" language sql immutable as $$ select 'taken over' $$;
create aggregate object(lines) (initcond = '', stype = "application/vnd.pgrst.object", sfunc = object_step);
"#;

#[tokio::test]
async fn an_aggregate_makes_types_of_a_relations_rows() {
    let p = project(LINES).await;
    let bin = "application/vnd.bin";
    for (path, expected) in [
        ("/lines?order=id", b"\xffone\xffzwei\xff\xc3\xa4".as_slice()),
        ("/lines?order=id&limit=1&offset=1", b"\xffzwei"),
        ("/lines?id=gt.2&select=*", b"\xff\xc3\xa4"),
        ("/lines?id=gt.3", b""),
        ("/rpc/some_lines?lowest=2", b"\xffzwei\xff\xc3\xa4"),
        ("/rpc/some_lines?lowest=2&limit=1", b"\xffzwei"),
        ("/rpc/one_line?i=1", b"\xffone"),
    ] {
        assert_eq!(get(&p, path, bin).await, (200, bin.to_owned(), expected.to_vec()), "{path}");
    }
    for (path, accept, status) in [("/others", bin, 406), ("/short_lines", bin, 406), ("/rpc/numbers", bin, 406)] {
        assert_eq!(get(&p, path, accept).await.0, status, "{path}");
    }
    // Other columns than the relation's no aggregate of it can take.
    assert_eq!(get(&p, "/lines?select=id", bin).await.0, 406);
    insta::assert_snapshot!(p.show("GET /lines?order=id&limit=1\nPrefer: count=exact\nAccept: text/csv").await, @r"
    206
    content-range: 0-0/3
    content-location: /lines?limit=1&order=id
    preference-applied: count=exact
    content-type: text/csv; charset=utf-8
    id;name
    1;one
    ");
    let own = p.send("GET /rpc/some_lines?lowest=3\nPrefer: count=exact\nAccept: text/csv").await;
    assert_eq!((own.body.as_str(), own.headers["content-disposition"].to_str().unwrap()), ("id;name\n3;ä\n", "attachment"));
    for (path, expected) in [
        ("/lines?id=eq.1&select=name,id", "200 text/csv; charset=utf-8 name,id\none,1"),
        ("/others", "200 text/csv; charset=utf-8 id,name\n9,other"),
    ] {
        assert_eq!(text(&p, path, "text/csv").await, expected, "{path}");
    }
    let object = text(&p, "/lines?id=eq.1", "application/vnd.pgrst.object").await;
    assert_eq!(object, "200 application/vnd.pgrst.object+json; charset=utf-8 {\"id\":1,\"name\":\"one\"}");
    // It is called by who asks.
    let refused = p.body("GET /lines\nAccept: application/vnd.hidden").await;
    insta::assert_snapshot!(refused, @r#"401 {"code":"42501","details":null,"hint":null,"message":"permission denied for aggregate hidden"}"#);
    let head = p.send("HEAD /lines\nAccept: application/vnd.bin").await;
    assert_eq!((head.status, head.body.as_str(), head.headers["content-type"].to_str().unwrap()), (200, "", bin));
}

#[tokio::test]
async fn what_a_write_returns_is_made_into_the_type_as_well() {
    let p = project(LINES).await;
    let csv = "Prefer: return=representation\nAccept: text/csv";
    for (request, expected) in [
        (format!("POST /lines\n{csv}\n\n[{{\"id\":4,\"name\":\"x\"}},{{\"id\":5,\"name\":\"y\"}}]"), "201 id;name\n4;x\n5;y\n"),
        (format!("PATCH /lines?id=eq.4\n{csv}\n\n{{\"name\":\"z\"}}"), "200 id;name\n4;z\n"),
        (format!("DELETE /lines?id=eq.4\n{csv}"), "200 id;name\n4;z\n"),
        ("DELETE /lines?id=eq.5\nAccept: text/csv".to_owned(), "204 "),
    ] {
        assert_eq!(p.body(&request).await, expected, "{request}");
    }
    let refused = p.body("DELETE /lines?id=eq.1\nPrefer: return=representation\nAccept: image/png").await;
    assert!(refused.starts_with("406"), "{refused}");
    assert_eq!(p.body("GET /lines?select=id&id=in.(1,4,5)").await, r#"200 [{"id":1}]"#);
}

/// The aggregate is in a schema of the search path that is not exposed.
const ANY_ROWS: &str = r#"
create table t (id int, name text);
create table u (_r int);
insert into u values (5);
insert into t values (1, 'a'), (2, 'b');
create function numbers() returns setof int language sql immutable as $$ values (7), (8) $$;
create function pairs() returns table (x int, y text) language sql immutable as $$ values (1, 'c') $$;
create schema handlers;
grant usage on schema handlers to anon;
create domain handlers."application/vnd.lines" as text;
create function handlers.step(state text, next anyelement) returns text language sql immutable as $$ select state || to_json(next) || E'\n' $$;
create function handlers.done(state text) returns handlers."application/vnd.lines" language sql immutable as $$ select state $$;
create aggregate handlers.lines(anyelement) (initcond = '', stype = text, sfunc = handlers.step, finalfunc = handlers.done);
"#;

#[tokio::test]
async fn an_aggregate_of_anything_makes_types_of_all_rows() {
    let p = project_with(ANY_ROWS, &[("db_extra_search_path", "public, handlers")]).await;
    for (path, expected) in [
        ("/t?order=id", "{\"id\":1,\"name\":\"a\"}\n{\"id\":2,\"name\":\"b\"}\n"),
        ("/t?order=id.desc&select=n:name", "{\"n\":\"b\"}\n{\"n\":\"a\"}\n"),
        // What the statement calls the rows is no name a column could not have.
        ("/u", "{\"_r\":5}\n"),
        ("/rpc/pairs", "{\"x\":1,\"y\":\"c\"}\n"),
        ("/rpc/numbers", "7\n8\n"),
    ] {
        assert_eq!(text(&p, path, "application/vnd.lines").await, format!("200 application/vnd.lines {expected}"), "{path}");
    }
    assert_eq!(text(&p, "/u", "*/*").await, "200 application/json; charset=utf-8 [{\"_r\":5}]");
    // Without the schema there is none.
    let p = project(ANY_ROWS).await;
    assert_eq!(get(&p, "/t", "application/vnd.lines").await.0, 406);
}

#[tokio::test]
async fn the_any_handler_takes_all_types() {
    let p = project(
        r#"
create table lines (id int primary key, name text);
insert into lines values (1, 'a'), (2, 'b');
create view "lines.xml" as select * from lines;
create domain "*/*" as bytea;
create function step(state "*/*", next "lines.xml") returns "*/*" language sql immutable as $$
  select coalesce(state, '') || convert_to('<' || next.name || '/>', 'UTF8') $$;
create function done(state "*/*") returns "*/*" language plpgsql as $$ declare
  accept text := current_setting('request.headers')::json->>'accept'; begin
  if accept = 'text/xml' then perform set_config('response.headers', '[{"Content-Type": "text/xml"}]', true);
  elsif accept = 'text/html' then raise sqlstate 'PT415' using message = 'Unsupported Media Type'; end if;
  return state; end $$;
create aggregate xml("lines.xml") (stype = "*/*", sfunc = step, finalfunc = done);
create function file() returns "*/*" language sql immutable as $$ select '\x00ff'::bytea $$;
"#,
    )
    .await;
    let octets = "200 application/octet-stream <a/><b/>";
    for (path, accept, expected) in [
        ("/lines.xml?order=id", "*/*", octets),
        ("/lines.xml?order=id", "application/xml", octets),
        // Also those that are built in.
        ("/lines.xml?order=id", "application/json", octets),
        ("/lines.xml?order=id", "text/xml", "200 text/xml <a/><b/>"),
        ("/lines.xml?id=eq.3", "*/*", "200 application/octet-stream "),
        ("/lines.xml?select=id&id=eq.1", "*/*", "200 application/json; charset=utf-8 [{\"id\":1}]"),
        ("/lines?id=eq.1", "*/*", "200 application/json; charset=utf-8 [{\"id\":1,\"name\":\"a\"}]"),
    ] {
        assert_eq!(text(&p, path, accept).await, expected, "{path} {accept}");
    }
    insta::assert_snapshot!(p.show("GET /lines.xml\nAccept: text/html").await, @r#"
    415
    {"code":"PT415","details":null,"hint":null,"message":"Unsupported Media Type"}
    "#);
    assert_eq!(p.body("GET /lines.xml?order=id").await, "200 <a/><b/>");
    let octets = || (200, "application/octet-stream".to_owned(), b"\0\xff".to_vec());
    for accept in ["*/*", "image/png", "application/json, text/plain"] {
        assert_eq!(get(&p, "/rpc/file", accept).await, octets(), "{accept}");
    }
    let object = text(&p, "/lines.xml?id=eq.1", "application/vnd.pgrst.object+json").await;
    assert_eq!(object, "200 application/vnd.pgrst.object+json; charset=utf-8 {\"id\":1,\"name\":\"a\"}");
}

#[tokio::test]
async fn an_any_handler_of_all_rows_takes_what_is_left() {
    let p = project(
        r#"
create table t (id int);
insert into t values (1), (2);
create domain "*/*" as text;
create function step(state text, next anyelement) returns text language sql immutable as $$ select state || '.' $$;
create function done(state text) returns "*/*" language sql immutable as $$ select state $$;
create aggregate dots(anyelement) (initcond = '', stype = text, sfunc = step, finalfunc = done);
"#,
    )
    .await;
    for (accept, expected) in [
        ("*/*", "200 application/octet-stream .."),
        ("image/png", "200 application/octet-stream .."),
        ("application/json", "200 application/json; charset=utf-8 [{\"id\":1}, \n {\"id\":2}]"),
    ] {
        assert_eq!(text(&p, "/t?order=id", accept).await, expected, "{accept}");
    }
}

/// Stands for PostGIS, which makes a feature of a row whatever its type.
const GEOMETRY: &str = r#"
create table places (id int primary key, spot text);
insert into places values (1, '[1,2]'), (2, '[3,4]');
create function near(most int) returns setof places language sql stable as $$ select * from places where id <= most $$;
create function home() returns places language sql stable as $$ select * from places where id = 1 $$;
create function st_asgeojson(feature record, geom_column text default '') returns text language plpgsql immutable as $$ begin
  return json_build_object('type', 'Feature', 'geometry', to_json(feature)->>'spot', 'properties', to_json(feature)->'id'); end $$;
"#;

#[tokio::test]
async fn rows_with_a_geometry_are_features() {
    let p = project(GEOMETRY).await;
    let first = r#"{"type" : "Feature", "geometry" : "[1,2]", "properties" : 1}"#;
    let answer = |features: &str| {
        format!("200 application/geo+json; charset=utf-8 {{\"type\" : \"FeatureCollection\", \"features\" : [{features}]}}")
    };
    for (path, features) in [
        ("/places?id=eq.1", first),
        ("/places?id=eq.3", ""),
        ("/rpc/near?most=1", first),
        ("/rpc/home", first),
        ("/places?select=spot&id=eq.1", r#"{"type" : "Feature", "geometry" : "[1,2]", "properties" : null}"#),
    ] {
        assert_eq!(text(&p, path, "application/geo+json").await, answer(features), "{path}");
    }
    let written = "POST /places\nPrefer: return=representation\nAccept: application/geo+json\n\n{\"id\":4,\"spot\":\"[5,6]\"}";
    assert_eq!(p.send(written).await.json()["features"][0]["geometry"], "[5,6]");
}

#[tokio::test]
async fn without_postgis_there_are_no_features() {
    let p = project("create table places (id int primary key)").await;
    let answer = p.send("GET /places\nAccept: application/geo+json").await;
    assert_eq!((answer.status, answer.json()["code"].as_str()), (404, Some("42883")));
}
