//! Auth as one of a project's services.

#![expect(clippy::unwrap_used, reason = "a failure here is the test's failure")]

use serde_json::{Value, json};
use test_postgres::{TestCluster, TestDatabase};
use tokio::net::TcpListener;

use crate::support::{Given, Node, anon, bearer, send};

const SQL: &str = "
create table notes (owner uuid not null default auth.uid(), body text);
alter table notes enable row level security;
create policy own on notes to authenticated using (owner = auth.uid()) with check (owner = auth.uid());
";

async fn post(node: &Node, path: &str, body: &Value) -> (u16, Value) {
    let request = format!("POST /auth/v1{path}\n{}\nContent-Type: application/json\n\n{body}", anon());
    let (status, body) = send(node.services, &request).await;
    (status, serde_json::from_str(&body).unwrap_or_default())
}

async fn database() -> TestDatabase {
    TestCluster::shared().await.database().await
}

/// Where the link of the last mail leads.
async fn last_link(database: &TestDatabase) -> String {
    let client = database.connect("supabase_auth_admin").await;
    let row = client.query_one("select body from _auth.messages order by created_at desc limit 1", &[]).await.unwrap();
    let body: String = row.get(0);
    let (_, rest) = body.split_once("href=\"").unwrap_or_else(|| panic!("no link: {body}"));
    rest.split('"').next().unwrap().replace("&amp;", "&")
}

#[tokio::test]
async fn a_user_signs_up_confirms_signs_in_and_sees_its_own_rows() {
    let database = database().await;
    database.connect("postgres").await.batch_execute(SQL).await.unwrap();
    let node = Given::for_database(&database, database.port()).start().await;
    let user = json!({ "email": "someone@example.com", "password": "correct horse" });
    let (status, answer) = post(&node, "/signup", &user).await;
    assert!(status == 200 && answer["access_token"].is_null(), "the address is to be confirmed: {answer}");
    assert_eq!(post(&node, "/token?grant_type=password", &user).await.1["error_code"], "email_not_confirmed");

    let link = last_link(&database).await;
    let path = link.strip_prefix("http://abcdefghijklmnopqrst.api.localhost:8000").unwrap_or_else(|| panic!("{link}"));
    let answer = crate::support::answer(node.services, &format!("GET {path}")).await;
    assert!(answer.starts_with("HTTP/1.1 303") && answer.contains("location: http://localhost:3000#access_token="), "{answer}");

    let (status, session) = post(&node, "/token?grant_type=password", &user).await;
    assert_eq!(status, 200, "{session}");
    let token = format!("Authorization: Bearer {}", session["access_token"].as_str().unwrap());
    let insert = format!("POST /rest/v1/notes\n{token}\nContent-Type: application/json\n\n{{\"body\":\"mine\"}}");
    assert_eq!(send(node.services, &insert).await, (201, String::new()));
    let select = |header: &str| format!("GET /rest/v1/notes?select=body\n{header}");
    assert_eq!(send(node.services, &select(&token)).await, (200, r#"[{"body":"mine"}]"#.to_owned()));
    assert_eq!(send(node.services, &select(&anon())).await, (200, "[]".to_owned()));
    let (status, body) = send(node.services, &format!("GET /auth/v1/user\n{token}")).await;
    assert!(status == 200 && body.contains(r#""aud":"authenticated""#), "{body}");
}

#[tokio::test]
async fn a_database_of_an_earlier_version_gets_its_tables_with_the_first_request() {
    let database = database().await;
    let admin = database.connect("supabase_admin").await;
    admin.batch_execute("drop schema _auth, auth cascade; create schema auth authorization supabase_auth_admin").await.unwrap();
    let node = Given::for_database(&database, database.port()).start().await;
    let user = json!({ "email": "someone@example.com", "password": "correct horse" });
    // As long as nobody lets it make the other schema, it says so, and REST does not mind.
    let (status, answer) = post(&node, "/signup", &user).await;
    assert!(status == 503 && answer["msg"].as_str().unwrap().contains("can't be brought up to date"), "{answer}");
    assert_eq!(send(node.services, &format!("GET /rest/v1/nothing\n{}", anon())).await.0, 404);
    admin.batch_execute("create schema _auth authorization supabase_auth_admin").await.unwrap();
    assert_eq!(post(&node, "/signup", &user).await.0, 200);
}

#[tokio::test]
async fn without_its_password_everything_else_is_served() {
    let database = database().await;
    let given = Given::for_database(&database, database.port());
    std::fs::remove_file(given.secret("auth_password")).unwrap();
    let node = given.start().await;
    let (status, answer) = post(&node, "/signup", &json!({})).await;
    assert_eq!((status, &answer["error_code"]), (503, &json!("unexpected_failure")), "{answer}");
    assert_eq!(send(node.services, &format!("GET /rest/v1/nothing\n{}", anon())).await.0, 404);
    let (_, log) = {
        node.tell(rustix::process::Signal::TERM);
        node.ended().await
    };
    assert!(log.contains("there is no secret auth_password"), "{log}");
}

#[tokio::test]
async fn a_network_of_the_machine_is_reached_only_where_it_is_allowed() {
    let database = database().await;
    let admin = bearer(&json!({ "role": "service_role", "exp": 4_000_000_000_u64 }));
    for (networks, reached) in [("", false), ("127.0.0.0/8", true)] {
        let node = Given::for_database(&database, database.port()).with("NODE_ALLOWED_NETWORKS", networks).start().await;
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let provider = json!({ "provider_type": "oidc", "identifier": "custom:ours", "name": "Ours", "client_id": "a",
            "client_secret": "b", "issuer": format!("https://{}", listener.local_addr().unwrap()) });
        // Whoever connects has no answer before this has ended.
        let asked = tokio::spawn(async move { listener.accept().await.map(|_| ()) });
        let request = format!("POST /auth/v1/admin/custom-providers\n{admin}\nContent-Type: application/json\n\n{provider}");
        let (status, answer) = send(node.services, &request).await;
        assert!(status == 400 && answer.contains("Failed to fetch OIDC discovery document"), "{answer}");
        assert_eq!(asked.is_finished(), reached, "{networks}");
    }
}
