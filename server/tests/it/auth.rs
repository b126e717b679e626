//! A project's Auth through the control plane: its settings in force without a restart, and the pages about it.

use serde_json::{Value, json};

use crate::support::{Backend, Installation, Server, http::Response};

/// A POST to the project's Auth as an application would send it.
async fn ask(server: &Server, project_ref: &str, path: &str, body: Value) -> Response {
    let key = server.key(project_ref, "anon").await;
    server.post(format!("/p/{project_ref}/auth/v1{path}")).header("apikey", key).json(&body).send().await
}

fn somebody(name: &str) -> Value {
    json!({ "email": format!("{name}@example.com"), "password": "correct horse" })
}

#[tokio::test]
async fn settings_are_in_force_at_once_and_after_a_restart() {
    let installation = Installation::new(Backend::Sqlite).await;
    let server = installation.start().await;
    let project_ref = server.create_live("in force").await;
    let path = format!("/v1/projects/{project_ref}/config/auth");
    let answer = ask(&server, &project_ref, "/signup", somebody("ann")).await.expect(200).json();
    assert!(answer.get("access_token").is_none(), "an address is to be confirmed by default");

    server.request("PATCH", &path).json(&json!({ "mailer_autoconfirm": true })).send().await.expect(200);
    let answer = ask(&server, &project_ref, "/signup", somebody("bob")).await.expect(200).json();
    assert!(answer["access_token"].is_string(), "{answer}");

    server.request("PATCH", &path).json(&json!({ "disable_signup": true })).send().await.expect(200);
    let refused = ask(&server, &project_ref, "/signup", somebody("eve")).await;
    assert_eq!((refused.status, &refused.json()["error_code"]), (422, &json!("signup_disabled")));

    server.stop().await;
    let server = installation.start().await;
    server.wait_for(&project_ref, "ACTIVE_HEALTHY").await;
    let refused = ask(&server, &project_ref, "/signup", somebody("eve")).await;
    assert_eq!((refused.status, &refused.json()["error_code"]), (422, &json!("signup_disabled")));
    server.delete_all(&[project_ref]).await;
    server.stop().await;
}

#[tokio::test]
async fn the_pages_about_auth_work_without_scripts() {
    let installation = Installation::new(Backend::Sqlite).await;
    let server = installation.start().await;
    let project_ref = server.create_live("pages").await;
    let page = async |tab: &str| {
        let page = server.get(format!("/project/{project_ref}/auth/{tab}")).header("accept", "text/html").send().await;
        page.expect(200).text()
    };
    assert!(page("mailbox").await.contains("No messages"));
    ask(&server, &project_ref, "/signup", somebody("ann")).await.expect(200);
    let mailbox = page("mailbox").await;
    assert!(mailbox.contains("ann@example.com"), "{mailbox}");
    let id = mailbox.split("?message=").nth(1).unwrap().split('"').next().unwrap();
    let message = page(&format!("mailbox?message={id}")).await;
    assert!(message.contains("<iframe") && message.contains("sandbox=\"\"") && message.contains("/auth/v1/verify?"), "{message}");
    assert!(page("settings").await.contains("http://localhost:3000"));

    // A form as a browser posts it: what is not ticked is not sent.
    let fields = "site_url=https%3A%2F%2Fapp.example.com&uri_allow_list=&password_min_length=8&password_characters=1&smtp_host=\
                  &smtp_port=&smtp_user=&smtp_pass=&smtp_admin_email=&smtp_sender_name=";
    let save = server.post("/api/save_auth_settings").header("accept", "text/html");
    let referer = format!("http://{}/project/{project_ref}/auth/settings", server.address());
    let save = save.header("content-type", "application/x-www-form-urlencoded").header("referer", referer);
    save.body(format!("project_ref={project_ref}&{fields}")).send().await.expect(302);
    let config = server.get(format!("/v1/projects/{project_ref}/config/auth")).send().await.expect(200).json();
    let changed = (&config["site_url"], &config["disable_signup"], &config["password_min_length"]);
    assert_eq!(changed, (&json!("https://app.example.com"), &json!(true), &json!(8)));

    // Pages of no project.
    let nobody = server.get("/project/abcdefghijklmnopqrst/auth/mailbox").header("accept", "text/html").send().await;
    assert_eq!(nobody.status, 404);
    server.delete_all(&[project_ref]).await;
    server.stop().await;
}
