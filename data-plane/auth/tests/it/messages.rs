//! The mailbox as an administrator reads it.

use serde_json::{Value, json};

use crate::support::{project, service_role, text};

#[tokio::test]
async fn the_mailbox_lists_the_newest_first_page_by_page() {
    let project = project(|_| ()).await;
    for name in ["ann", "bob", "eve"] {
        let body = json!({ "email": format!("{name}@example.com"), "password": "correct horse" });
        project.post("/signup", body).await.ok();
    }
    let admin = service_role();
    let recipients = |listed: &Value| -> Vec<String> {
        listed["messages"].as_array().unwrap().iter().map(|message| text(message, "/recipient")).collect()
    };
    let first = project.get("/admin/messages?limit=2", &admin).await.ok();
    assert_eq!(recipients(&first), ["eve@example.com", "bob@example.com"]);
    assert!(first["messages"][0].get("body").is_none(), "a list has no bodies");
    let last = text(&first, "/messages/1/id");
    let second = project.get(&format!("/admin/messages?limit=2&before={last}"), &admin).await.ok();
    assert_eq!(recipients(&second), ["ann@example.com"]);
    let of_bob = project.get("/admin/messages?recipient=bob@example.com", &admin).await.ok();
    assert_eq!(recipients(&of_bob), ["bob@example.com"]);

    let message = project.get(&format!("/admin/messages/{last}"), &admin).await.ok();
    assert_eq!((&message["channel"], &message["kind"]), (&json!("email"), &json!("confirmation")));
    let link = text(&message, "/data/link");
    assert!(text(&message, "/body").contains("href") && link.contains("/verify?"), "{message}");

    project.ask("DELETE", "/admin/messages", &admin, Value::Null).await.ok();
    assert_eq!(project.get("/admin/messages", &admin).await.ok(), json!({ "messages": [] }));
    assert_eq!(project.get(&format!("/admin/messages/{last}"), &admin).await.status, 404);
}

#[tokio::test]
async fn the_mailbox_is_for_administrators() {
    let project = project(|settings| settings.mailer.autoconfirm = true).await;
    let user = text(&project.signed_up("ann@example.com").await, "/access_token");
    for (method, path) in [
        ("GET", "/admin/messages"),
        ("DELETE", "/admin/messages"),
        ("GET", "/admin/messages/00000000-0000-4000-8000-000000000000"),
    ] {
        assert_eq!(project.ask(method, path, "", Value::Null).await.status, 401, "{method} {path}");
        assert_eq!(project.ask(method, path, &user, Value::Null).await.error(), (403, "not_admin".to_owned()), "{method} {path}");
    }
    for wrong in ["before=x", "limit=x", "before=00000000"] {
        let refused = project.get(&format!("/admin/messages?{wrong}"), &service_role()).await;
        assert_eq!(refused.error(), (400, "validation_failed".to_owned()), "{wrong}");
    }
    assert_eq!(project.get("/admin/messages/x", &service_role()).await.status, 404);
}
