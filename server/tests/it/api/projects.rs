//! `/v1/projects` and what belongs to one project.

use serde_json::{Value, json};

use crate::support::{Backend, Installation, Server};

#[tokio::test]
async fn a_project_can_be_asked_for_in_every_accepted_form() {
    let installation = Installation::new(Backend::Sqlite).await;
    let server = installation.start().await;
    let full = json!({
        "name": "Everything given", "db_pass": "p4ss", "organization_slug": "default", "organization_id": "ignored",
        "region": "eu-central-1", "plan": "free", "desired_instance_size": "micro", "release_channel": "ga",
        "high_availability": false, "kps_enabled": true,
    });
    let port = server.address().port();
    let forms = [
        server.post("/v1/projects"),
        server.post("/v1/projects/"),
        server.post("/v1/projects").header("content-type", "application/json"),
        server.post("/v1/projects").json(&json!({})),
        server.post("/v1/projects").body("{}"),
        server.post("/v1/projects").header("content-type", "application/json; charset=utf-8").body(" {} "),
        server.post("/v1/projects").json(&full),
    ];
    let mut refs = Vec::new();
    for form in forms {
        let project = form.send().await.expect(201).json();
        let project_ref = project["ref"].as_str().unwrap().to_owned();
        assert!(project_ref.len() == 20 && project_ref.bytes().all(|letter| letter.is_ascii_lowercase()), "{project_ref}");
        assert_eq!((&project["id"], &project["project_id"]), (&json!(project_ref), &json!(project_ref)));
        assert_eq!(project["api_url"], format!("http://{project_ref}.api.localhost:{port}"));
        assert_eq!((&project["organization_id"], &project["organization_slug"]), (&json!("default"), &json!("default")));
        assert_eq!(project["status"], "COMING_UP");
        assert!(!project["name"].as_str().unwrap().is_empty());
        assert_eq!(project.get("database"), None, "upstream's answer to a create has none");
        refs.push(project_ref);
    }
    let last = server.find(&refs[6]).await.unwrap();
    assert_eq!((&last["name"], &last["region"]), (&json!("Everything given"), &json!("eu-central-1")));
    let listed = server.get("/v1/projects").send().await.expect(200).json();
    let listed: Vec<_> = listed.as_array().unwrap().iter().map(|project| project["ref"].as_str().unwrap().to_owned()).collect();
    assert_eq!(listed, refs.iter().rev().cloned().collect::<Vec<_>>(), "newest first");
    for project_ref in &refs {
        server.wait_for(project_ref, "ACTIVE_HEALTHY").await;
    }
    // The chosen password is in force.
    let port = server.postmaster(&refs[6]).port;
    server.try_sql(port, "postgres", "p4ss").await.unwrap();
    server.delete_all(&refs).await;
    server.stop().await;
    installation.expect_nothing_left().await;
}

#[tokio::test]
async fn a_client_may_wait_for_the_outcome() {
    let installation = Installation::new(Backend::Sqlite).await;
    let server = installation.start().await;
    let project = server.post("/v1/projects").header("prefer", "wait=60").send().await.expect(201).json();
    assert_eq!(project["status"], "ACTIVE_HEALTHY");
    let project_ref = project["ref"].as_str().unwrap();
    server.rest(project_ref, "").await.expect(200);
    server.change(project_ref, "pause").header("prefer", "wait=60").send().await.expect_empty();
    assert_eq!(server.status(project_ref).await.as_deref(), Some("INACTIVE"));
    server.stop().await;
}

#[tokio::test]
async fn what_can_not_be_understood_is_refused_with_a_message() {
    let installation = Installation::new(Backend::Sqlite).await;
    let server = installation.start().await;
    let create = || server.post("/v1/projects");
    let deep = format!("{{\"region_selection\":{}{}}}", "[".repeat(100_000), "]".repeat(100_000));
    let large = format!("{{\"name\":\"{}\"}}", "a".repeat(2 * 1024 * 1024));
    let json_body = |body: &str| create().header("content-type", "application/json").body(body);
    for (request, status, words) in [
        (json_body(r#"{"nmae":"x"}"#), 400, "nmae"),
        (json_body(r#"{"name":""}"#), 400, "empty"),
        (json_body(r#"{"name":7}"#), 400, "string"),
        (json_body(r#"{"name":"a\nb"}"#), 400, "control character"),
        (json_body(r#"{"db_pass":""}"#), 400, "password"),
        (json_body(r#"{"organization_slug":"other"}"#), 404, "other"),
        (json_body(r#"{"template_url":"https://example.com"}"#), 400, "template_url"),
        (json_body(r#"{"high_availability":true}"#), 400, "high_availability"),
        (json_body(r#"{"postgres_engine":"9"}"#), 400, "postgres_engine"),
        (json_body(r#"{"region":"x","region_selection":{"code":"y"}}"#), 400, "region_selection"),
        (json_body("[]"), 400, "body"),
        (json_body("{"), 400, "body"),
        (json_body("\u{0}"), 400, "body"),
        (json_body(&deep), 400, "recursion limit"),
        (json_body(&large), 413, "1 MB"),
        (create().header("content-type", "text/plain").body("{}"), 415, "application/json"),
        (create().header("content-type", "application/x-www-form-urlencoded").body("name=x"), 415, "application/json"),
        (create().header("idempotency-key", ""), 400, "Idempotency-Key"),
        (create().header("idempotency-key", "k".repeat(256)), 400, "Idempotency-Key"),
        (server.get("/v1/projects/UPPERCASEUPPERCASEUP"), 400, "20 lowercase letters"),
        (server.get("/v1/projects/..%2f..%2fetc%2fpasswd"), 400, "20 lowercase letters"),
        (server.get("/v1/projects/abc%00"), 400, "20 lowercase letters"),
        (server.get("/v1/projects/abcdefghijklmnopqrst"), 404, "abcdefghijklmnopqrst"),
        (server.get("/v1/nothing"), 404, "openapi.json"),
        (server.request("PUT", "/v1/projects"), 405, "Allow"),
        (server.request("PATCH", "/v1/projects/abcdefghijklmnopqrst"), 400, "JSON body"),
        (server.get(format!("/v1/{}", "a".repeat(100_000))), 431, "too large"),
        (server.get("/v1/projects").header("x-long", "a".repeat(100_000)), 431, "too large"),
    ] {
        let response = request.send().await;
        assert_eq!(response.status, status, "{words:?}: {}", response.text());
        assert_eq!(response.header("content-type"), Some("application/json"));
        assert!(response.message().contains(words), "{words:?} is missing in {}", response.text());
    }
    assert_eq!(server.get("/v1/projects").send().await.expect(200).json(), json!([]), "none of these has made anything");
    server.stop().await;
}

#[tokio::test]
async fn changes_answer_empty_and_conflicts_name_the_operation() {
    let installation = Installation::new(Backend::Sqlite).await;
    let server = installation.start().await;
    let project_ref = server.create_live("changing").await;

    server.change(&project_ref, "restore").send().await.expect_empty();
    server.change(&project_ref, "restart").send().await.expect_empty();
    let busy = server.change(&project_ref, "pause").send().await;
    match busy.status {
        409 => assert_eq!(busy.json()["operation"]["kind"], "restart"),
        // The restart was over already.
        status => assert_eq!(status, 200, "{}", busy.text()),
    }
    server.settled(&project_ref).await;
    server.change(&project_ref, "pause").send().await.expect_empty();
    server.wait_for(&project_ref, "INACTIVE").await;
    server.change(&project_ref, "pause").send().await.expect_empty();
    let message = server.change(&project_ref, "restart").send().await.expect(409).message();
    assert!(message.contains("restore"), "{message}");
    server.change(&project_ref, "retry").send().await.expect(409);
    server.change(&project_ref, "restore").send().await.expect_empty();
    server.wait_for(&project_ref, "ACTIVE_HEALTHY").await;

    let rename = || server.request("PATCH", format!("/v1/projects/{project_ref}"));
    let renamed = rename().json(&json!({ "name": " Another name " })).send().await.expect(200).json();
    assert!(renamed["id"].is_i64(), "an integer here, as upstream: {renamed}");
    assert_eq!((&renamed["ref"], &renamed["name"]), (&json!(project_ref), &json!("Another name")));
    assert_eq!(server.find(&project_ref).await.unwrap()["name"], "Another name");
    rename().json(&json!({ "name": "x", "region": "y" })).send().await.expect(400);
    rename().header("content-type", "text/plain").body(r#"{"name":"x"}"#).send().await.expect(415);

    let deleted = server.delete(&project_ref).send().await.expect(200).json();
    assert_eq!((&deleted["ref"], &deleted["id"]), (&json!(project_ref), &renamed["id"]));
    server.wait_until_gone(&project_ref).await;
    for verb in ["pause", "restore", "restart", "retry"] {
        server.change(&project_ref, verb).send().await.expect(404);
    }
    server.delete(&project_ref).send().await.expect(404);
    server.stop().await;
    installation.expect_nothing_left().await;
}

#[tokio::test]
async fn health_tells_what_is_there() {
    let installation = Installation::new(Backend::Sqlite).await;
    let server = installation.start().await;
    let project_ref = server.create_live("health").await;
    let health = async |query: &str| server.get(format!("/v1/projects/{project_ref}/health{query}")).send().await;
    let all = health("").await.expect(200).json();
    assert_eq!(all.as_array().unwrap().len(), 8);
    assert_eq!(
        health("?services=db&services=rest").await.expect(200).json(),
        json!([
            { "name": "db", "healthy": true, "status": "ACTIVE_HEALTHY" },
            { "name": "rest", "healthy": true, "status": "ACTIVE_HEALTHY" },
        ])
    );
    let auth = health("?services=auth").await.expect(200).json();
    assert_eq!((&auth[0]["healthy"], &auth[0]["status"]), (&json!(false), &json!("UNHEALTHY")));
    assert!(health("?services=nonsense").await.expect(400).message().contains("nonsense"));
    server.change(&project_ref, "pause").header("prefer", "wait=60").send().await.expect_empty();
    assert_eq!(health("?services=db").await.expect(200).json()[0]["healthy"], false);
    server.get("/v1/projects/abcdefghijklmnopqrst/health").send().await.expect(404);
    server.stop().await;
}

#[tokio::test]
async fn secret_keys_are_masked_unless_revealed() {
    let installation = Installation::new(Backend::Sqlite).await;
    let server = installation.start().await;
    let project_ref = server.create_live("keys").await;
    let keys = async |query: &str| -> (Vec<Value>, Option<String>) {
        let response = server.get(format!("/v1/projects/{project_ref}/api-keys{query}")).send().await.expect(200);
        (response.json().as_array().unwrap().clone(), response.header("cache-control").map(str::to_owned))
    };
    let (masked, cached) = keys("").await;
    let (revealed, _) = keys("?reveal=true").await;
    assert_eq!(cached.as_deref(), Some("no-store"));
    let kinds: Vec<_> = masked.iter().map(|key| (key["type"].as_str().unwrap(), key["name"].as_str().unwrap())).collect();
    assert_eq!(kinds, [("legacy", "anon"), ("legacy", "service_role"), ("publishable", "default"), ("secret", "default")]);
    for (masked, revealed) in masked.iter().zip(&revealed) {
        let (shown, whole) = (masked["api_key"].as_str().unwrap(), revealed["api_key"].as_str().unwrap());
        if masked["type"] == "secret" {
            assert!(shown.starts_with("sb_secret_") && shown.ends_with('·') && !whole.contains('·'), "{shown}");
            assert!(!shown.contains(&whole[15..]));
        } else {
            assert_eq!(shown, whole);
        }
        assert_eq!(masked["hash"], revealed["hash"]);
        // Every one of them opens the project.
        let rest = server.get(format!("/p/{project_ref}/rest/v1/nothing")).header("apikey", whole).send().await;
        assert_eq!(rest.status, 404, "{}", rest.text());
        let rest = server.get(format!("/p/{project_ref}/rest/v1/nothing")).header("apikey", format!("{whole}x")).send().await;
        assert_eq!(rest.status, 401, "{}", rest.text());
    }
    server.get(format!("/v1/projects/{project_ref}/api-keys?reveal=perhaps")).send().await.expect(400);
    server.stop().await;
}

#[tokio::test]
async fn the_document_lists_every_path_and_the_organization_is_there() {
    let installation = Installation::new(Backend::Sqlite).await;
    let server = installation.start().await;
    let document = server.get("/v1/openapi.json").send().await.expect(200).json();
    assert!(document["openapi"].as_str().unwrap().starts_with("3."), "{}", document["openapi"]);
    let paths = document["paths"].as_object().unwrap();
    for (path, methods) in [
        ("/v1/projects", &["get", "post"][..]),
        ("/v1/projects/{ref}", &["get", "patch", "delete"]),
        ("/v1/projects/{ref}/pause", &["post"]),
        ("/v1/projects/{ref}/restore", &["get", "post"]),
        ("/v1/projects/{ref}/restart", &["post"]),
        ("/v1/projects/{ref}/retry", &["post"]),
        ("/v1/projects/{ref}/health", &["get"]),
        ("/v1/projects/{ref}/api-keys", &["get"]),
        ("/v1/projects/{ref}/events", &["get"]),
        ("/v1/organizations", &["get"]),
    ] {
        for method in methods {
            assert!(paths.get(path).is_some_and(|path| path.get(method).is_some()), "{method} {path}");
        }
    }
    expect_references_resolve(&document, &document);
    let operations: Vec<_> = document["paths"].as_object().unwrap().values().flat_map(|path| path.as_object().unwrap()).collect();
    let names: std::collections::BTreeSet<_> =
        operations.iter().map(|(_, operation)| operation["operationId"].as_str()).collect();
    assert_eq!(names.len(), operations.len(), "{names:?}");
    assert!(server.get("/v1/").send().await.expect(404).message().contains("openapi.json"));
    let organizations = server.get("/v1/organizations").send().await.expect(200).json();
    assert_eq!(organizations, json!([{ "id": "default", "slug": "default", "name": "Default" }]));
    server.stop().await;
}

/// Every `$ref` of the document points at something in it.
fn expect_references_resolve(document: &Value, part: &Value) {
    match part {
        Value::Object(fields) => {
            if let Some(Value::String(reference)) = fields.get("$ref") {
                let found = reference.strip_prefix('#').and_then(|pointer| document.pointer(pointer));
                assert!(found.is_some(), "{reference}");
            }
            fields.values().for_each(|part| expect_references_resolve(document, part));
        }
        Value::Array(parts) => parts.iter().for_each(|part| expect_references_resolve(document, part)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[tokio::test]
async fn an_unknown_and_an_unready_project_are_told_apart() {
    let installation = Installation::new(Backend::Sqlite).await;
    let server = installation.start().await;
    let unknown = server.get("/p/abcdefghijklmnopqrst/rest/v1/").send().await.expect(404);
    assert!(unknown.message().contains("no project"), "{}", unknown.text());
    let project_ref = server.create("unready").await;
    // From the first answer on until it is live, when the key is asked for.
    loop {
        let early = server.get(format!("/p/{project_ref}/rest/v1/")).send().await;
        if early.status == 401 {
            break;
        }
        let early = early.expect(503);
        assert!(early.header("retry-after").is_some() && early.message().contains("Try again"), "{}", early.text());
    }
    server.wait_for(&project_ref, "ACTIVE_HEALTHY").await;
    by_host_and_by_path(&server, &project_ref).await;
    server.change(&project_ref, "pause").header("prefer", "wait=60").send().await.expect_empty();
    let paused = server.rest(&project_ref, "t").await.expect(503);
    assert!(paused.header("retry-after").is_some() && paused.message().contains("paused"), "{}", paused.text());
    server.stop().await;
}

async fn by_host_and_by_path(server: &Server, project_ref: &str) {
    let key = server.key(project_ref, "service_role").await;
    let host = format!("{project_ref}.api.localhost:{}", server.address().port());
    let by_host = server.get("/rest/v1/").header("host", host).header("apikey", &key).send().await.expect(200);
    let by_path = server.get(format!("/p/{project_ref}/rest/v1/")).header("apikey", &key).send().await.expect(200);
    assert_eq!(by_host.json()["swagger"], by_path.json()["swagger"]);
    assert_eq!(by_path.header("content-security-policy"), Some("sandbox"));
    // A preflight is answered by the gateway, any other OPTIONS by the service.
    let root = || server.request("OPTIONS", format!("/p/{project_ref}/rest/v1/")).header("origin", "http://app.example");
    let asked = root().header("apikey", &key).send().await.expect(200);
    assert_eq!(asked.header("allow"), Some("OPTIONS,GET,HEAD"));
    assert_eq!(asked.header("access-control-allow-origin"), Some("*"));
    assert!(asked.header("access-control-expose-headers").is_some_and(|exposed| exposed.contains("content-range")));
    let preflight = root().header("access-control-request-method", "PATCH").send().await.expect(200);
    assert_eq!(preflight.header("allow"), None);
    assert!(preflight.header("access-control-allow-methods").is_some_and(|methods| methods.contains("PATCH")));
}
