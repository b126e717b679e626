//! What settings in the database make of the service.

use serde_json::json;

use crate::support::{project, project_with};

const SQL: &str = "create table a (id int primary key); insert into a values (1), (2), (3)";

#[tokio::test]
async fn settings_in_the_database_count() {
    let address = ("openapi_server_proxy_uri", "https://api.example.com/v1/");
    let p = project_with(SQL, &[("db_max_rows", "2"), address]).await;
    assert_eq!(p.send("GET /a?select=id&order=id").await.json(), json!([{"id": 1}, {"id": 2}]));
    assert_eq!(p.send("GET /").await.json()["host"], "api.example.com:443");
}

#[tokio::test]
async fn what_can_not_be_used_leaves_the_rest_as_it_is() {
    let p = project_with(SQL, &[("db_schemas", ""), ("db_tx_end", "later"), ("db_max_rows", "many"), ("nothing", "x")]).await;
    assert_eq!(p.send("GET /a?select=id&order=id").await.json(), json!([{"id": 1}, {"id": 2}, {"id": 3}]));
}

#[tokio::test]
async fn errors_say_as_much_as_they_are_told_to() {
    let p = project(SQL).await;
    let verbose = r#"404 {"code":"PGRST205","details":null,"hint":null,"message":"Could not find the table 'public.zzzzzz' in the schema cache"}"#;
    assert_eq!(p.body("GET /zzzzzz").await, verbose);
    // The first request as well, which loads the settings.
    let p = project_with(SQL, &[("client_error_verbosity", "minimal")]).await;
    for _ in 0..2 {
        let minimal = r#"404 {"code":"PGRST205","message":"Could not find the table 'public.zzzzzz' in the schema cache"}"#;
        assert_eq!(p.body("GET /zzzzzz").await, minimal);
    }
}
