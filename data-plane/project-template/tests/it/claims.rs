//! auth.uid(), auth.role(), auth.email() and auth.jwt() as policies see them.

use crate::support::{database, rows};

const ID: &str = "3f333df6-90a4-4fda-8dd3-9485d27cee36";

#[tokio::test]
async fn claims_are_read_from_both_forms() {
    let database = database().await;
    let client = database.connect("authenticator").await;
    let claims = format!(r#"{{"sub":"{ID}","role":"authenticated","email":"a@b.c","app_metadata":{{"org":1}}}}"#);
    let json = format!("set local request.jwt.claims = '{claims}'");
    let legacy = format!(
        "set local request.jwt.claim.sub = '{ID}'; set local request.jwt.claim.role = 'authenticated';
         set local request.jwt.claim.email = 'a@b.c'; set local request.jwt.claim = '{claims}'"
    );
    let select = "select auth.uid(), auth.role(), auth.email(), auth.jwt() -> 'app_metadata' ->> 'org'";
    for set in [json, legacy] {
        let sql = format!("begin; set local role authenticated; {set}; {select}; commit");
        assert_eq!(rows(&client, &sql).await, [format!("{ID}|authenticated|a@b.c|1")]);
        // What `set local` leaves behind is an empty string, not an unset parameter.
        assert_eq!(rows(&client, &format!("begin; set local role anon; {select}; commit")).await, ["-|-|-|-"]);
    }
}

#[tokio::test]
async fn storage_names_are_taken_apart() {
    let database = database().await;
    let client = database.connect("postgres").await;
    let sql =
        "select storage.foldername(n), storage.filename(n), storage.extension(n) from (values ('a/b/c.tar.gz'), ('c')) v(n)";
    assert_eq!(rows(&client, sql).await, ["{a,b}|c.tar.gz|gz", "{}|c|c"]);
    let sql = "select graphql_public.graphql(query := '{ a }') -> 'errors' -> 0 ->> 'message'";
    assert_eq!(rows(&client, sql).await, ["pg_graphql extension is not enabled."]);
}
