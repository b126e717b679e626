//! PGRST100, and what a GET of a function takes for an argument.

use crate::support::project;

const SQL: &str = "
create table films (id int primary key, title text);
create function echo(a text) returns text language sql immutable as $$ select a $$;
";

#[tokio::test]
async fn what_does_not_parse_is_said_as_upstream_says_it() {
    let project = project(SQL).await;
    insta::assert_snapshot!(project.show("GET /films?or=(id.eq.1,all(id.eq.2))").await, @r#"
    400
    {"code":"PGRST100","details":"unexpected \"(\" expecting letter, digit, \"-\", \"->>\", \"->\" or delimiter (.)","hint":null,"message":"\"failed to parse logic tree ((id.eq.1,all(id.eq.2)))\" (line 1, column 15)"}
    "#);
    insta::assert_snapshot!(project.show("GET /films?order=random()").await, @r#"
    400
    {"code":"PGRST100","details":"unexpected '(' expecting letter, digit, \"-\", \"->>\", \"->\", delimiter (.), \",\" or end of input","hint":null,"message":"\"failed to parse order (random())\" (line 1, column 7)"}
    "#);
    // The key is looked at before the value.
    insta::assert_snapshot!(project.show("GET /films?:id=wrong").await, @r#"
    400
    {"code":"PGRST100","details":"unexpected \":\" expecting field name (* or [a..z0..9_$])","hint":null,"message":"\"failed to parse tree path (:id)\" (line 1, column 1)"}
    "#);
}

#[tokio::test]
async fn what_begins_like_a_filter_is_no_argument() {
    let project = project(SQL).await;
    for (argument, expected) in
        [("a=eq", "200 \"eq\""), ("a=island", "200 \"island\""), ("%22a%22=b", "200 \"b\""), ("a=b.c", "200 \"b.c\"")]
    {
        assert_eq!(project.body(&format!("GET /rpc/echo?{argument}")).await, expected, "{argument}");
    }
    insta::assert_snapshot!(project.show("GET /rpc/echo?a=is.land").await, @r#"
    400
    {"code":"PGRST100","details":"unexpected \"l\" expecting isVal: (null, not_null, true, false, unknown)","hint":null,"message":"\"failed to parse filter (is.land)\" (line 1, column 4)"}
    "#);
    insta::assert_snapshot!(project.show("GET /rpc/echo?a=in.x").await, @r#"
    400
    {"code":"PGRST100","details":"unexpected \"x\" expecting \"(\"","hint":null,"message":"\"failed to parse filter (in.x)\" (line 1, column 4)"}
    "#);
    // With a dot in its key, too.
    let missing = project.show("GET /rpc/echo?a.b=c").await;
    assert!(missing.starts_with("404") && missing.contains("public.echo(a.b)"), "{missing}");
}
