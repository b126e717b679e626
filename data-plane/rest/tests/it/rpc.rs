//! Calls.

use crate::support::project;

/// Whatever the function, as Supabase's users find it.
const UNEVEN: &str = r#"400 {"code":"PGRST102","details":null,"hint":null,"message":"All object keys must match"}"#;

const SQL: &str = "
create table films (id int primary key, title text, director_id int);
create table directors (id int primary key, name text);
alter table films add foreign key (director_id) references directors;
insert into directors values (1, 'Kubrick');
insert into films values (1, 'Shining', 1), (2, 'Lolita', 1);
create function add(a int, b int default 10) returns int language sql immutable as $$ select a + b $$;
create function films_by(d int) returns setof films language sql stable as $$ select * from films where director_id = d $$;
create function one_film(i int) returns films language sql stable as $$ select * from films where id = i $$;
create function numbers() returns setof int language sql stable as $$ select * from generate_series(1, 3) $$;
create function pairs() returns table (x int, y text) language sql stable as $$ values (1, 'a'), (2, 'b') $$;
create function padded(c char(4), b bit(5)[]) returns table (c char(4), b bit(5)[]) language sql immutable as $$ select c, b $$;
create function bare(int) returns int language sql immutable as 'select $1';
create function noop() returns void language sql as $$ select $$;
create function touch(t text) returns int language plpgsql as $$ begin update films set title = t where id = 1; return 1; end $$;
create function total(variadic v int[]) returns bigint language sql immutable as $$ select sum(x) from unnest(v) x $$;
create function whole(json) returns json language sql immutable as $$ select $1 $$;
create function twice(a int) returns int language sql immutable as $$ select a $$;
create function twice(a text) returns text language sql immutable as $$ select a $$;
create function teapot() returns json language plpgsql as $$ begin
  perform set_config('response.status', '418', true);
  perform set_config('response.headers', '[{\"X-Tea\": \"green\"}, {\"Set-Cookie\": \"a=1\"}, {\"Set-Cookie\": \"b=2\"}]', true);
  return '\"short and stout\"'; end $$;
create function refuse() returns void language plpgsql as $$ begin raise sqlstate 'PT402' using message = 'Pay', detail = 'Quota', hint = 'Upgrade'; end $$;
create function answer() returns void language plpgsql as $$ begin raise sqlstate 'PGRST' using
  message = '{\"code\":\"123\",\"message\":\"m\",\"details\":\"d\",\"hint\":\"h\"}', detail = '{\"status\":333,\"headers\":{\"X-A\":\"b\"}}'; end $$;
create function whoami() returns json language sql stable as $$ select json_build_object(
  'role', current_user, 'claims', current_setting('request.jwt.claims', true)::json, 'method', current_setting('request.method', true),
  'path', current_setting('request.path', true), 'h', current_setting('request.headers', true)::json->>'x-test',
  'c', current_setting('request.cookies', true)::json->>'k') $$;
";

#[tokio::test]
async fn results() {
    let p = project(SQL).await;
    for (request, expected) in [
        ("GET /rpc/add?a=1&b=2", "200 3"),
        ("GET /rpc/add?a=1", "200 11"),
        ("POST /rpc/add\n\n{\"a\":1,\"b\":5}", "200 6"),
        ("GET /rpc/films_by?d=1&select=title&order=id.desc&limit=1", r#"200 [{"title":"Lolita"}]"#),
        (
            "POST /rpc/films_by?select=title,directors(name)&id=eq.1\n\n{\"d\":1}",
            r#"200 [{"title":"Shining","directors":{"name": "Kubrick"}}]"#,
        ),
        ("GET /rpc/one_film?i=1&select=title", r#"200 {"title":"Shining"}"#),
        ("GET /rpc/numbers", "200 [1, 2, 3]"),
        ("GET /rpc/pairs?y=eq.b", r#"200 [{"x":2,"y":"b"}]"#),
        // Lengths of parameters are not kept by PostgreSQL; `character` alone would be one.
        ("GET /rpc/padded?c=abcd&b={10101}", r#"200 [{"c":"abcd","b":["10101"]}]"#),
        ("POST /rpc/padded\n\n{\"c\":\"abcd\",\"b\":[\"10101\"]}", r#"200 [{"c":"abcd","b":["10101"]}]"#),
        // Its argument has no name, and a body that is its whole can't be an integer.
        (
            "GET /rpc/bare",
            r#"404 {"code":"PGRST202","details":"Searched for the function public.bare without parameters, but no matches were found in the schema cache.","hint":null,"message":"Could not find the function public.bare without parameters in the schema cache"}"#,
        ),
        ("POST /rpc/noop", "204 "),
        ("GET /rpc/total?v=1&v=2&v=3", "200 6"),
        // The first object of an array has the arguments.
        ("POST /rpc/add\n\n[{\"a\":1,\"b\":5},{\"a\":2,\"b\":6}]", "200 6"),
        ("POST /rpc/add?columns=a\n\n[{\"a\":1,\"b\":5}]", "200 11"),
        ("POST /rpc/add\nContent-Type: text/csv\n\na,b\n2,3", "200 5"),
        ("POST /rpc/films_by?select=id&id=eq.2\n\n[{\"d\":1}]", r#"200 [{"id":2}]"#),
        ("POST /rpc/films_by?select=id&id=eq.2\nPrefer: count=exact\n\n[{\"d\":1}]", r#"200 [{"id":2}]"#),
        ("POST /rpc/total\n\n{\"v\":[1,2]}", "200 3"),
        ("POST /rpc/whole\n\n{\"a\":[1,2]}", r#"200 {"a":[1,2]}"#),
        ("POST /rpc/whole\n\n[1,2]", UNEVEN),
        ("POST /rpc/add\n\n[{\"a\":1,\"b\":5},{\"a\":2}]", UNEVEN),
        ("POST /rpc/add?columns=a,b\n\n[{\"a\":1,\"b\":5},{\"a\":2}]", "200 6"),
        ("POST /rpc/unknown\n\n[2,4]", UNEVEN),
        ("POST /rpc/touch\n\n{\"t\":\"New\"}", "200 1"),
        ("GET /films?id=eq.1&select=title", r#"200 [{"title":"New"}]"#),
    ] {
        assert_eq!(p.body(request).await, expected, "{request}");
    }
    // It has no default.
    assert_eq!(p.send("GET /rpc/total").await.json()["code"], "PGRST202");
    let counted = p.send("POST /rpc/films_by?limit=1\nPrefer: count=exact\n\n{\"d\":1}").await;
    assert_eq!((counted.status, counted.headers["content-range"].to_str().unwrap()), (206, "0-0/2"));
}

#[tokio::test]
async fn answers_made_by_functions_and_errors() {
    let p = project(SQL).await;
    let tea = p.send("POST /rpc/teapot").await;
    assert_eq!((tea.status, tea.headers["x-tea"].to_str().unwrap(), tea.body.as_str()), (418, "green", "\"short and stout\""));
    assert_eq!(tea.headers.get_all("set-cookie").iter().count(), 2);
    insta::assert_snapshot!(p.show("POST /rpc/refuse").await, @r#"
    402
    {"code":"PT402","details":"Quota","hint":"Upgrade","message":"Pay"}
    "#);
    insta::assert_snapshot!(p.show("POST /rpc/answer").await, @r#"
    333
    {"code":"123","details":"d","hint":"h","message":"m"}
    "#);
    insta::assert_snapshot!(p.show("GET /rpc/touch?t=x").await, @r#"
    405
    {"code":"25006","details":null,"hint":null,"message":"cannot execute UPDATE in a read-only transaction"}
    "#);
    insta::assert_snapshot!(p.show("POST /rpc/ad\n\n{\"a\":1}").await, @r#"
    404
    {"code":"PGRST202","details":"Searched for the function public.ad with parameter a or with a single unnamed json/jsonb parameter, but no matches were found in the schema cache.","hint":null,"message":"Could not find the function public.ad(a) in the schema cache"}
    "#);
    insta::assert_snapshot!(p.show("GET /rpc/add?c=1").await, @r#"
    404
    {"code":"PGRST202","details":"Searched for the function public.add with parameter c, but no matches were found in the schema cache.","hint":null,"message":"Could not find the function public.add(c) in the schema cache"}
    "#);
    insta::assert_snapshot!(p.show("GET /rpc/twice?a=1").await, @r#"
    300
    {"code":"PGRST203","details":null,"hint":"Try renaming the parameters or the function itself in the database so function overloading can be resolved","message":"Could not choose the best candidate function between: public.twice(a => integer), public.twice(a => text)"}
    "#);
    insta::assert_snapshot!(p.show("PATCH /rpc/add").await, @r#"
    405
    {"code":"PGRST101","details":null,"hint":null,"message":"Cannot use the PATCH method on RPC"}
    "#);
    insta::assert_snapshot!(p.show("GET /rpc/whoami\nX-Test: yes\nCookie: k=v; l=w").await, @r#"
    200
    content-range: 0-0/*
    content-location: /rpc/whoami
    {"role" : "anon", "claims" : {"role":"anon"}, "method" : "GET", "path" : "/rpc/whoami", "h" : "yes", "c" : "v"}
    "#);
    insta::assert_snapshot!(p.show("OPTIONS /rpc/add").await, @r#"
    200
    allow: OPTIONS,GET,HEAD,POST
    "#);
}

#[tokio::test]
async fn scalars_are_windowed_and_counted_like_rows() {
    let p = project(
        "create function numbers(upto int default 5) returns setof int language sql immutable as 'select generate_series(1, upto)';
         create function pair() returns record language sql immutable as $$ select 1 as number, 'a'::text as letter $$;
         create function on_row() returns trigger language plpgsql as 'begin return new; end';",
    )
    .await;
    insta::assert_snapshot!(p.show("GET /rpc/numbers?limit=2&offset=1\nPrefer: count=exact").await, @"
    206
    content-range: 1-2/5
    content-location: /rpc/numbers?limit=2&offset=1
    preference-applied: count=exact
    [2, 3]
    ");
    insta::assert_snapshot!(p.show("POST /rpc/numbers?limit=1\n\n{\"upto\":3}").await, @"
    200
    content-range: 0-0/*
    content-location: /rpc/numbers?limit=1
    [1]
    ");
    assert_eq!(p.body("GET /rpc/numbers?upto=2000").await.matches(',').count(), 999, "as many as of a table");
    insta::assert_snapshot!(p.body("GET /rpc/pair").await, @r#"200 {"number":1,"letter":"a"}"#);
    // What only a trigger can call is no function to others.
    let answer = p.send("POST /rpc/on_row\n\n{}").await;
    assert_eq!((answer.status, answer.json()["code"].as_str()), (404, Some("PGRST202")));
}

#[tokio::test]
async fn a_name_in_a_form_may_come_several_times() {
    let p = project(
        "create function total(variadic v int[]) returns bigint language sql immutable as 'select sum(x) from unnest(v) x';
         create function told(a text, b jsonb default '{}') returns text language sql immutable as $$ select a || b $$;
         create function whole(json) returns json language sql immutable as 'select $1';",
    )
    .await;
    let form = "Content-Type: application/x-www-form-urlencoded\n\n";
    assert_eq!(p.body(&format!("POST /rpc/total\n{form}v=1&v=2&v=39")).await, "200 42");
    assert_eq!(p.body(&format!("POST /rpc/total\n{form}v=1")).await, "200 1");
    // The last of several values counts where one is wanted.
    assert_eq!(p.body(&format!("POST /rpc/told\n{form}a=x&a=y+%22&b=%7B%22c%22:1%7D")).await, r#"200 "y \"{\"c\": 1}""#);
    assert_eq!(p.body(&format!("POST /rpc/told?columns=a\n{form}a=x&c=1")).await, r#"200 "x{}""#);
}

#[tokio::test]
async fn a_body_that_is_the_argument() {
    let p = project(
        "create function of_text(text) returns text language sql immutable as $$ select $1 || '!' $$;
         create function of_bytes(bytea) returns int language sql immutable as 'select length($1)';
         create function of_xml(xml) returns text language sql immutable as $$ select (xpath('/a/text()', $1))[1]::text $$;
         create function of_json(json) returns text language sql immutable as $$ select 'json' $$;
         create function of_json(jsonb) returns text language sql immutable as $$ select 'jsonb' $$;
         create function of_json(a int) returns text language sql immutable as $$ select 'a' $$;
         create function of_any(text) returns text language sql immutable as $$ select 'text' $$;
         create function of_any(json) returns text language sql immutable as $$ select 'json' $$;
         create function of_any(bytea) returns text language sql immutable as $$ select 'bytea' $$;",
    )
    .await;
    for (request, expected) in [
        ("POST /rpc/of_text\nContent-Type: text/plain\n\nhey", r#"200 "hey!""#),
        ("POST /rpc/of_bytes\nContent-Type: application/octet-stream\n\nfive!", "200 5"),
        ("POST /rpc/of_xml\nContent-Type: text/xml\n\n<a>x</a>", r#"200 "x""#),
        ("POST /rpc/of_any\nContent-Type: text/plain; charset=utf-8\n\nx", r#"200 "text""#),
        ("POST /rpc/of_any\nContent-Type: application/octet-stream\n\nx", r#"200 "bytea""#),
        ("POST /rpc/of_any\n\n5", r#"200 "json""#),
        ("POST /rpc/of_json\n\n{\"a\":1}", r#"200 "a""#),
    ] {
        assert_eq!(p.body(request).await, expected, "{request}");
    }
    // Either would do, so neither is it; nor does a name that is none choose one.
    insta::assert_snapshot!(p.body("POST /rpc/of_json\n\n{\"b\":1}").await, @r#"300 {"code":"PGRST203","details":null,"hint":"Try renaming the parameters or the function itself in the database so function overloading can be resolved","message":"Could not choose the best candidate function between: public.of_json( => json), public.of_json( => jsonb)"}"#);
    assert_eq!(p.send("POST /rpc/of_json\n\n{\"\":1}").await.json()["code"], "PGRST203");
    insta::assert_snapshot!(p.body("POST /rpc/of_bytes\nContent-Type: application/pdf\n\nfive!").await, @r#"400 {"code":"PGRST102","details":null,"hint":null,"message":"Content-Type not acceptable: application/pdf"}"#);
}

#[tokio::test]
async fn scalars_and_records_have_no_columns_to_ask_for() {
    let p = project(
        "create function add(a int, b int) returns int language sql immutable as 'select a + b';
         create function numbers() returns setof int language sql immutable as 'select generate_series(1, 3)';
         create function pairs() returns setof record language sql immutable as $$ values (1, 'a'), (2, 'b') $$;",
    )
    .await;
    for request in [
        "GET /rpc/add?a=1&b=2&id=eq.1",
        "POST /rpc/add?id=eq.1\n\n{\"a\":1,\"b\":2}",
        "GET /rpc/add?a=1&b=2&select=id",
        "GET /rpc/numbers?order=id",
        "GET /rpc/pairs?id=eq.1",
        "GET /rpc/pairs?select=id",
    ] {
        let answer = p.send(request).await;
        assert_eq!((answer.status, answer.json()["code"].as_str()), (400, Some("42703")), "{request}: {}", answer.body);
    }
    assert_eq!(p.body("POST /rpc/add?select=*\n\n{\"a\":1,\"b\":2}").await, "200 3");
    assert_eq!(p.send("GET /rpc/numbers?select=films(*)").await.json()["code"], "PGRST200");
    insta::assert_snapshot!(p.show("GET /rpc/pairs?limit=1&offset=1\nPrefer: count=exact").await, @r#"
    206
    content-range: 1-1/2
    content-location: /rpc/pairs?limit=1&offset=1
    preference-applied: count=exact
    [{"column1":2,"column2":"b"}]
    "#);
}

#[tokio::test]
async fn counted_rows_of_a_relation_keep_what_is_computed() {
    let p = project(
        "create table directors (id int primary key, name text);
         create table films (id int primary key, title text, director_id int references directors);
         insert into directors values (1, 'Kubrick');
         insert into films values (1, 'Shining', 1), (2, 'Lolita', 1), (3, 'Jaws', null);
         create function shout(films) returns text language sql stable as 'select upper($1.title)';
         create function made_by(films) returns setof directors rows 1 language sql stable as 'select * from directors where id = $1.director_id';
         create function all_films() returns setof films language sql stable as 'select * from films';
         create function films_from(first int) returns setof films language plpgsql as 'begin return query select * from films where id >= first; end';
         create function one_film(i int) returns films language sql stable as 'select * from films where id = i';
         create function pairs() returns table (x int, y text) language sql stable as $$ values (1, 'a'), (2, 'b') $$;",
    )
    .await;
    for count in ["exact", "estimated"] {
        let prefer = format!("Prefer: count={count}");
        let answer = p
            .send(&format!(
                "GET /rpc/all_films?select=shout,made_by(name),directors(id)&shout=neq.JAWS&order=shout&limit=1\n{prefer}"
            ))
            .await;
        assert_eq!(
            (answer.status, answer.headers["content-range"].to_str().unwrap(), answer.body.as_str()),
            (206, "0-0/2", r#"[{"shout":"LOLITA","made_by":{"name": "Kubrick"},"directors":{"id": 1}}]"#)
        );
        let answer = p.send(&format!("POST /rpc/films_from?select=id,shout&order=id&limit=1\n{prefer}\n\n{{\"first\":2}}")).await;
        assert_eq!(
            (answer.headers["content-range"].to_str().unwrap(), answer.body.as_str()),
            ("0-0/2", r#"[{"id":2,"shout":"LOLITA"}]"#)
        );
        assert_eq!(
            p.body(&format!("GET /rpc/one_film?i=2&select=shout,made_by(name)\n{prefer}")).await,
            r#"200 {"shout":"LOLITA","made_by":{"name": "Kubrick"}}"#
        );
        assert_eq!(p.body(&format!("GET /rpc/pairs?y=eq.b&select=x\n{prefer}")).await, r#"200 [{"x":2}]"#);
    }
    let whole = p.send("GET /rpc/all_films?id=gt.1&order=id\nPrefer: count=exact").await;
    assert_eq!(
        (whole.headers["content-range"].to_str().unwrap(), whole.body.as_str()),
        ("0-1/2", "[{\"id\":2,\"title\":\"Lolita\",\"director_id\":1}, \n {\"id\":3,\"title\":\"Jaws\",\"director_id\":null}]")
    );
}

#[tokio::test]
async fn only_what_returns_a_set_can_affect_so_many() {
    let p = project(
        "create table items (id int primary key); insert into items values (1), (2), (3);
         create function drop_all() returns setof items language sql as 'delete from items returning *';
         create function drop_one() returns items language sql as 'delete from items where id = 1 returning *';
         create function drop_quietly() returns void language sql as 'delete from items';",
    )
    .await;
    let strict = "Prefer: handling=strict, max-affected=2";
    insta::assert_snapshot!(p.body(&format!("POST /rpc/drop_all\n{strict}")).await, @r#"400 {"code":"PGRST124","details":"The query affects 3 rows","hint":null,"message":"Query result exceeds max-affected preference constraint"}"#);
    insta::assert_snapshot!(p.body(&format!("POST /rpc/drop_one\n{strict}")).await, @r#"400 {"code":"PGRST128","details":null,"hint":null,"message":"Function must return SETOF or TABLE when max-affected preference is used with handling=strict"}"#);
    assert_eq!(p.send(&format!("POST /rpc/drop_quietly\n{strict}")).await.json()["code"], "PGRST128");
    assert_eq!(p.send("GET /items").await.json().as_array().unwrap().len(), 3);
    // Leniently, nothing is bounded.
    assert_eq!(p.body("POST /rpc/drop_one\nPrefer: max-affected=0").await, r#"200 {"id":1}"#);
    assert_eq!(p.body(&format!("POST /rpc/drop_all\n{strict}")).await, "200 [{\"id\":2}, \n {\"id\":3}]");
}

#[tokio::test]
async fn what_was_searched_for_is_told_by_the_kind_of_body() {
    let p = project(
        "create function told(a int, b int) returns int language sql immutable as 'select a + b';
         create function whole(json) returns json language sql immutable as 'select $1';",
    )
    .await;
    let form = "application/x-www-form-urlencoded";
    for (function, content_type, body, signature, searched) in [
        ("told", "application/json", "{\"c\":1}", "told(c)", " with parameter c or with a single unnamed json/jsonb parameter"),
        (
            "told",
            "application/json",
            "{}",
            "told without parameters",
            " without parameters or with a single unnamed json/jsonb parameter",
        ),
        // Only JSON goes to a function that takes any.
        ("told", form, "d=2&c=1", "told(c, d)", " with parameters c, d"),
        ("whole", form, "a=1", "whole(a)", " with parameter a"),
        ("whole", "text/csv", "a\n1", "whole(a)", " with parameter a"),
        ("whole", "text/plain", "x", "whole", " with a single unnamed text parameter"),
        ("whole", "text/xml", "<a/>", "whole", " with a single unnamed xml parameter"),
        ("whole", "application/octet-stream", "x", "whole", " with a single unnamed bytea parameter"),
    ] {
        let answer = p.send(&format!("POST /rpc/{function}\nContent-Type: {content_type}\n\n{body}")).await;
        let error = answer.json();
        assert_eq!((answer.status, error["code"].as_str()), (404, Some("PGRST202")), "{content_type}: {error}");
        assert_eq!(error["message"], format!("Could not find the function public.{signature} in the schema cache"));
        let details =
            format!("Searched for the function public.{function}{searched}, but no matches were found in the schema cache.");
        assert_eq!(error["details"], details);
    }
}
