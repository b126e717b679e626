//! Calls.

use crate::support::project;

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
            r#"200 [{"title":"Shining","directors":{"name":"Kubrick"}}]"#,
        ),
        ("GET /rpc/one_film?i=1&select=title", r#"200 {"title":"Shining"}"#),
        ("GET /rpc/numbers", "200 [1, 2, 3]"),
        ("GET /rpc/pairs?y=eq.b", r#"200 [{"x":2,"y":"b"}]"#),
        ("POST /rpc/noop", "204 "),
        ("GET /rpc/total?v=1&v=2&v=3", "200 6"),
        ("POST /rpc/total\n\n{\"v\":[1,2]}", "200 3"),
        ("POST /rpc/whole\n\n{\"a\":[1,2]}", r#"200 {"a":[1,2]}"#),
        ("POST /rpc/touch\n\n{\"t\":\"New\"}", "200 1"),
        ("GET /films?id=eq.1&select=title", r#"200 [{"title":"New"}]"#),
    ] {
        assert_eq!(p.body(request).await, expected, "{request}");
    }
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
