//! Reads: columns, filters, order, windows, counts and representations.

use crate::support::project;

const SQL: &str = "
create table people (
  id int primary key, name text, age int, tags text[], data jsonb, born date, span int4range, active bool, bio tsvector, note text);
insert into people values
  (1, 'Ada', 36, '{a,b}', '{\"a\": {\"b\": 1}, \"l\": [10, 20]}', '1815-12-10', '[1,5)', true, to_tsvector('english', 'fat cats'), 'The Fat Cats'),
  (2, 'Bob', 20, '{b,c}', '{\"a\": {\"b\": 2}}', '2000-01-01', '[5,9)', false, to_tsvector('english', 'thin dogs'), 'a,b'),
  (3, 'Cy, the \"third\"', null, null, null, null, null, null, null, null),
  (4, 'Dan%', 50, '{}', '{}', '1990-05-05', '[20,30)', true, null, 'x(y)');
create view adults as select id, name from people where age >= 18;
create function shout(people) returns text language sql stable as $$ select upper($1.name) $$;
";

#[tokio::test]
async fn every_operator() {
    let project = project(SQL).await;
    for (filter, expected) in [
        ("id=eq.1", "1"),
        ("id=neq.1", "2,3,4"),
        ("id=gt.2", "3,4"),
        ("id=gte.2", "2,3,4"),
        ("id=lt.2", "1"),
        ("id=lte.2", "1,2"),
        ("name=like.A*", "1"),
        ("name=ilike.*A*", "1,4"),
        ("name=match.^[AB]", "1,2"),
        ("name=imatch.^[ab]", "1,2"),
        ("id=in.(1,3)", "1,3"),
        ("name=in.(Ada,%22Cy,%20the%20%5C%22third%5C%22%22)", "1,3"),
        ("id=in.()", ""),
        ("age=is.null", "3"),
        ("age=not.is.null", "1,2,4"),
        ("age=is.not_null", "1,2,4"),
        ("active=is.true", "1,4"),
        ("active=is.false", "2"),
        ("active=is.unknown", "3"),
        ("age=isdistinct.36", "2,3,4"),
        ("age=not.eq.36", "2,4"),
        ("tags=cs.{b}", "1,2"),
        ("tags=cd.{a,b,z}", "1,4"),
        ("tags=ov.{c,z}", "2"),
        ("data=cs.{\"a\":{\"b\":2}}", "2"),
        ("span=sl.[6,9)", "1"),
        ("span=sr.[6,9)", "4"),
        ("span=nxr.[5,9)", "1,2"),
        ("span=nxl.[5,9)", "2,4"),
        ("span=adj.[9,20)", "2,4"),
        ("span=ov.[4,6)", "1,2"),
        ("bio=fts.cat", "1"),
        ("bio=fts(english).cat", "1"),
        ("bio=plfts(english).fat cats", "1"),
        ("bio=phfts(english).fat cats", "1"),
        ("bio=wfts(english).dogs or fat", "1,2"),
        ("bio=not.fts.cat", "2"),
        ("note=fts(english).cat", "1"),
        ("id=eq(any).{1,4}", "1,4"),
        ("name=like(any).{A*,B*}", "1,2"),
        ("name=like(all).{*a*,D*}", "4"),
        ("id=gt(all).{1,2}", "3,4"),
        ("data->a->b=eq.2", "2"),
        ("data->a->>b=eq.1", "1"),
        ("data->l->>0=eq.10", "1"),
        ("data->l->-1=eq.20", "1"),
        ("tags->0=eq.\"b\"", "2"),
        ("or=(id.eq.1,name.eq.Bob)", "1,2"),
        ("and=(id.gt.1,or(age.eq.20,age.is.null))", "2,3"),
        ("not.or=(id.eq.1,id.eq.2)", "3,4"),
        ("not.and=(id.eq.1,name.eq.Ada)", "2,3,4"),
        ("or=(id.not.in.(1,2),not.and(id.eq.1,age.eq.36))", "2,3,4"),
        ("or=(note.eq.\"a,b\",note.eq.\"x(y)\")", "2,4"),
        ("or=(tags.cs.{a,b},id.eq.3)", "1,3"),
        ("or=(data->a->>b.eq.2,id.eq.4)", "2,4"),
        ("note=eq.a,b", "2"),
        ("note=eq.x(y)", "4"),
        ("born=lt.1900-01-01", "1"),
        ("shout=eq.ADA", "1"),
        ("id=gt.1&id=lt.4", "2,3"),
    ] {
        let encoded = filter
            .replace(' ', "%20")
            .replace('"', "%22")
            .replace('{', "%7B")
            .replace('}', "%7D")
            .replace('>', "%3E")
            .replace('^', "%5E");
        let answer = project.send(&format!("GET /people?select=id&order=id&{encoded}")).await;
        assert_eq!(answer.status, 200, "{filter}: {}", answer.body);
        let ids: Vec<String> = answer.json().as_array().unwrap().iter().map(|row| row["id"].to_string()).collect();
        assert_eq!(ids.join(","), expected, "{filter}");
    }
}

#[tokio::test]
async fn columns_orders_and_windows() {
    let project = project(SQL).await;
    for (query, expected) in [
        ("select=id,who:name&id=eq.1", r#"[{"id":1,"who":"Ada"}]"#),
        ("select=age::text,data->a->b,x:data->l->>1&id=eq.1", r#"[{"age":"36","b":1,"x":"20"}]"#),
        ("select=shout&id=eq.1", r#"[{"shout":"ADA"}]"#),
        (
            "select=id&order=age.desc.nullslast",
            r#"[{"id":4}, 
 {"id":1}, 
 {"id":2}, 
 {"id":3}]"#,
        ),
        (
            "select=id&order=age.nullsfirst,id&limit=2",
            r#"[{"id":3}, 
 {"id":2}]"#,
        ),
        (
            "select=id&order=data->a->>b.desc.nullslast,id&limit=2&offset=1",
            r#"[{"id":1}, 
 {"id":3}]"#,
        ),
        ("select=id&limit=0", "[]"),
        ("select=id&offset=10", "[]"),
        ("select=&id=eq.1", "[{}]"),
    ] {
        let encoded = query.replace('>', "%3E");
        assert_eq!(project.body(&format!("GET /people?{encoded}")).await, format!("200 {expected}"), "{query}");
    }
    assert_eq!(project.body("GET /adults?id=eq.2").await, r#"200 [{"id":2,"name":"Bob"}]"#);
}

#[tokio::test]
async fn counts_and_ranges() {
    let project = project(SQL).await;
    insta::assert_snapshot!(project.show("GET /people?select=id&order=id&limit=2\nPrefer: count=exact").await, @r#"
    206
    content-range: 0-1/4
    content-location: /people?limit=2&order=id&select=id
    preference-applied: count=exact
    [{"id":1}, 
     {"id":2}]
    "#);
    insta::assert_snapshot!(project.show("GET /people?select=id&order=id\nRange: 1-2\nRange-Unit: items\nPrefer: count=exact").await, @r#"
    206
    content-range: 1-2/4
    content-location: /people?order=id&select=id
    preference-applied: count=exact
    [{"id":2}, 
     {"id":3}]
    "#);
    insta::assert_snapshot!(project.show("GET /people?select=id&order=id&limit=2\nRange: 1-9").await, @r#"
    200
    content-range: 1-1/*
    content-location: /people?limit=2&order=id&select=id
    [{"id":2}]
    "#);
    insta::assert_snapshot!(project.show("GET /people?select=id&id=gt.2\nPrefer: count=exact").await, @r#"
    200
    content-range: 0-1/2
    content-location: /people?id=gt.2&select=id
    preference-applied: count=exact
    [{"id":3}, 
     {"id":4}]
    "#);
    assert_eq!(project.send("GET /people?offset=-1&select=id&id=eq.1").await.body, r#"[{"id":1}]"#);
    assert!(!project.send("HEAD /people").await.headers.contains_key("content-length"), "what GET answers is longer than 0");
    insta::assert_snapshot!(project.show("GET /people?offset=100\nPrefer: count=exact").await, @r#"
    416
    content-range: */4
    {"code":"PGRST103","details":"An offset of 100 was requested, but there are only 4 rows.","hint":null,"message":"Requested range not satisfiable"}
    "#);
    insta::assert_snapshot!(project.show("GET /people?limit=1\nRange: 2-3").await, @r#"
    416
    content-range: */*
    {"code":"PGRST103","details":"Limit should be greater than or equal to zero.","hint":null,"message":"Requested range not satisfiable"}
    "#);
    assert_eq!(project.body("GET /people?limit=0\nRange: 2-3").await, "200 []");
    insta::assert_snapshot!(project.show("GET /people\nRange: 5-1").await, @r#"
    416
    content-range: */*
    {"code":"PGRST103","details":"The lower boundary must be lower than or equal to the upper boundary in the Range header.","hint":null,"message":"Requested range not satisfiable"}
    "#);
    insta::assert_snapshot!(project.show("GET /people?limit=-1").await, @r#"
    416
    content-range: */*
    {"code":"PGRST103","details":"Limit should be greater than or equal to zero.","hint":null,"message":"Requested range not satisfiable"}
    "#);
    insta::assert_snapshot!(project.show("HEAD /people?id=gt.2\nPrefer: count=exact").await, @r#"
    200
    content-range: 0-1/2
    content-location: /people?id=gt.2
    preference-applied: count=exact
    "#);
    let planned = project.send("GET /people?select=id\nPrefer: count=planned").await;
    assert!(matches!(planned.status, 200 | 206), "{}", planned.body);
    assert_ne!(planned.headers["content-range"], "0-3/*");
    let estimated = project.send("GET /people?select=id&id=eq.1\nPrefer: count=estimated").await;
    assert!(matches!(estimated.status, 200 | 206), "{}", estimated.body);
}

#[tokio::test]
async fn representations() {
    let project = project(SQL).await;
    let object = "Accept: application/vnd.pgrst.object+json";
    insta::assert_snapshot!(project.show(&format!("GET /people?select=id&id=eq.1\n{object}")).await, @r#"
    200
    content-range: 0-0/*
    content-location: /people?id=eq.1&select=id
    content-type: application/vnd.pgrst.object+json; charset=utf-8
    {"id":1}
    "#);
    insta::assert_snapshot!(project.show(&format!("GET /people?select=id&id=gt.1\n{object}")).await, @r#"
    406
    {"code":"PGRST116","details":"The result contains 3 rows","hint":null,"message":"Cannot coerce the result to a single JSON object"}
    "#);
    insta::assert_snapshot!(project.show(&format!("GET /people?select=id&id=eq.9\n{object}")).await, @r#"
    406
    {"code":"PGRST116","details":"The result contains 0 rows","hint":null,"message":"Cannot coerce the result to a single JSON object"}
    "#);
    insta::assert_snapshot!(project.show("GET /people?select=id,name,note&order=id&id=lt.3\nAccept: text/csv").await, @r#"
    200
    content-range: 0-1/*
    content-location: /people?id=lt.3&order=id&select=id%2Cname%2Cnote
    content-type: text/csv; charset=utf-8
    id,name,note
    1,Ada,"The Fat Cats"
    2,Bob,"a,b"
    "#);
    insta::assert_snapshot!(project.show("GET /people?select=id,age&id=eq.3\nAccept: application/vnd.pgrst.array+json;nulls=stripped").await, @r#"
    200
    content-range: 0-0/*
    content-location: /people?id=eq.3&select=id%2Cage
    content-type: application/vnd.pgrst.array+json;nulls=stripped; charset=utf-8
    [{"id":3}]
    "#);
    insta::assert_snapshot!(project.show("GET /people\nAccept: image/png").await, @r#"
    406
    {"code":"PGRST107","details":null,"hint":null,"message":"None of these media types are available: image/png"}
    "#);
}

#[tokio::test]
async fn errors() {
    let project = project(SQL).await;
    insta::assert_snapshot!(project.show("GET /peopl").await, @r#"
    404
    {"code":"PGRST205","details":null,"hint":"Perhaps you meant the table 'public.people'","message":"Could not find the table 'public.peopl' in the schema cache"}
    "#);
    insta::assert_snapshot!(project.show("GET /people?id=wrong.1").await, @r#"
    400
    {"code":"PGRST100","details":"unexpected \"w\" expecting \"not\" or operator (eq, gt, ...)","hint":null,"message":"\"failed to parse filter (wrong.1)\" (line 1, column 1)"}
    "#);
    insta::assert_snapshot!(project.show("GET /people?nope=eq.1").await, @r#"
    400
    {"code":"42703","details":null,"hint":"Perhaps you meant to reference the column \"people.note\".","message":"column people.nope does not exist"}
    "#);
    insta::assert_snapshot!(project.show("GET /people?id=eq.abc").await, @r#"
    400
    {"code":"22P02","details":null,"hint":null,"message":"invalid input syntax for type integer: \"abc\""}
    "#);
    insta::assert_snapshot!(project.show("GET /people?select=id,").await, @r#"
    400
    {"code":"PGRST100","details":"unexpected end of input expecting \"...\", field name (* or [a..z0..9_$]), \"*\" or \"count()\"","hint":null,"message":"\"failed to parse select parameter (id,)\" (line 1, column 4)"}
    "#);
    insta::assert_snapshot!(project.show("GET /people?select=nothere(*)").await, @r#"
    400
    {"code":"PGRST200","details":"Searched for a foreign key relationship between 'people' and 'nothere' in the schema 'public', but no matches were found.","hint":null,"message":"Could not find a relationship between 'people' and 'nothere' in the schema cache"}
    "#);
    insta::assert_snapshot!(project.show("GET /people?nothere.id=eq.1").await, @r#"
    400
    {"code":"PGRST108","details":null,"hint":"Verify that 'nothere' is included in the 'select' query parameter.","message":"'nothere' is not an embedded resource in this request"}
    "#);
    insta::assert_snapshot!(project.show("GET /people?select=age.sum()").await, @r#"
    400
    {"code":"PGRST123","details":null,"hint":null,"message":"Use of aggregate functions is not allowed"}
    "#);
    insta::assert_snapshot!(project.show("GET /people/1/2").await, @r#"
    404
    {"code":"PGRST125","details":null,"hint":null,"message":"Invalid path specified in request URL"}
    "#);
    insta::assert_snapshot!(project.show("GET /people\nAccept-Profile: secret").await, @r#"
    406
    {"code":"PGRST106","details":null,"hint":"Only the following schemas are exposed: public, graphql_public","message":"Invalid schema: secret"}
    "#);
    insta::assert_snapshot!(project.show("GET /people?limit=1\nPrefer: handling=strict, foo=bar").await, @r#"
    400
    {"code":"PGRST122","details":"Invalid preferences: foo=bar","hint":null,"message":"Invalid preferences given with handling=strict"}
    "#);
    insta::assert_snapshot!(project.show("BREW /people").await, @r#"
    405
    {"code":"PGRST117","details":null,"hint":null,"message":"Unsupported HTTP method: BREW"}
    "#);
}

#[tokio::test]
async fn options_and_the_root() {
    let project = project(SQL).await;
    insta::assert_snapshot!(project.show("OPTIONS /people").await, @r#"
    200
    allow: OPTIONS,GET,HEAD,POST,PUT,PATCH,DELETE
    "#);
    insta::assert_snapshot!(project.show("OPTIONS /adults").await, @r#"
    200
    allow: OPTIONS,GET,HEAD,POST,PUT,PATCH,DELETE
    "#);
    let root = project.send("GET /").await;
    assert_eq!(root.status, 200);
    assert_eq!(root.headers["content-type"], "application/openapi+json; charset=utf-8");
    let document = root.json();
    assert!(document["info"]["version"].is_string());
    assert_eq!(document["definitions"]["people"]["properties"]["id"]["description"], "Note:\nThis is a Primary Key.<pk/>");
    assert!(document["paths"]["/people"]["get"].is_object());
}

#[tokio::test]
async fn a_page_that_begins_where_the_rows_end_is_empty_and_no_error() {
    let p = project("create table four as select generate_series(1, 4) as id").await;
    insta::assert_snapshot!(p.show("GET /four?offset=4\nPrefer: count=exact").await, @"
    206
    content-range: */4
    content-location: /four?offset=4
    preference-applied: count=exact
    []
    ");
    assert_eq!(p.send("GET /four?offset=5\nPrefer: count=exact").await.status, 416);
    // Never analyzed, so that the planner's guess is far off; the rows themselves are few enough to be counted.
    assert_eq!(p.send("GET /four?limit=1\nPrefer: count=estimated").await.headers["content-range"], "0-0/4");
}

#[tokio::test]
async fn names_that_look_like_ours_are_only_names() {
    let p = project(
        "create table clients (id int primary key, j int, _r int, _j int); create table orders (id int primary key, client_id int references clients);
         insert into clients values (1, 2, 3, 4); insert into orders values (7, 1);",
    )
    .await;
    insta::assert_snapshot!(p.body("GET /clients?select=_r:id,j,_j").await, @r#"200 [{"_r":1,"j":2,"_j":4}]"#);
    insta::assert_snapshot!(p.body("GET /orders?select=id,clients(_j:id,j,_r)").await, @r#"200 [{"id":7,"clients":{"j": 2, "_j": 1, "_r": 3}}]"#);
    insta::assert_snapshot!(p.body("GET /orders?select=id,...clients(j,_r)").await, @r#"200 [{"id":7,"j":2,"_r":3}]"#);
    // Nothing is left of an embedded resource that selects nothing, however deep.
    insta::assert_snapshot!(p.body("GET /orders?select=id,clients(orders())").await, @r#"200 [{"id":7}]"#);
    insta::assert_snapshot!(p.body("GET /orders?select=id,...clients(orders())").await, @r#"200 [{"id":7}]"#);
}

#[tokio::test]
async fn spaces_after_a_comma_belong_to_the_value() {
    let p = project("create table spaced (id int, name text); insert into spaced values (1, 'a'), (2, ' b'), (3, 'b')").await;
    insta::assert_snapshot!(p.body("GET /spaced?select=id&name=in.(%20a,%20b)").await, @r#"
    200 [{"id":1}, 
     {"id":2}]
    "#);
}

#[tokio::test]
async fn a_text_search_is_for_all_that_can_be_a_tsvector() {
    let project = project(
        "create domain vector as tsvector; create domain deeper as vector; create domain words as varchar(40);
         create table notes (id int primary key, vector deeper, words words, data json);
         insert into notes values (1, to_tsvector('english', 'fat cats'), 'The Fat Cats', '{\"a\": \"fat cats\"}'), (2, '', '', '{}');
         create function upper_words(notes) returns text language sql stable as $$ select upper($1.words) $$;
         create function as_vector(notes) returns deeper language sql stable as $$ select $1.vector $$;",
    )
    .await;
    for column in ["vector", "words", "data", "data-%3E%3Ea", "upper_words", "as_vector"] {
        let answer = project.body(&format!("GET /notes?select=id&{column}=fts(english).cat")).await;
        assert_eq!(answer, r#"200 [{"id":1}]"#, "{column}");
    }
}
