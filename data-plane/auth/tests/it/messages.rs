//! The mailbox as an administrator reads it.

use auth::settings::{MailKind, Template};
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
async fn the_mailbox_keeps_the_newest_and_is_bounded_in_number_and_size() {
    let project = project(|_| ()).await;
    let fill = async |number: i32, body: &str| {
        let sql = format!(
            "delete from _auth.messages; insert into _auth.messages (channel, kind, recipient, body, created_at) \
             select 'email', 'invite', 'old' || n, {body}, '2026-01-01'::timestamptz + n * interval '1 s' from generate_series(1, {number}) n"
        );
        project.sql(&sql).await;
    };
    let sign_up = async |email: &str| {
        project.post("/signup", json!({ "email": email, "password": "correct horse" })).await.ok();
        project.last_message(email).await;
        project.count("select count(*) from _auth.messages").await
    };
    fill(1000, "''").await;
    assert_eq!(sign_up("ann@example.com").await, 1000);
    assert_eq!(project.count("select count(*) from _auth.messages where recipient = 'old1'").await, 0, "the oldest goes");
    fill(100, "(select string_agg(gen_random_uuid()::text, '') from generate_series(1, 40000) where n > 0)").await;
    let bytes = "select sum(pg_column_size(body) + pg_column_size(data))::int8 from _auth.messages";
    assert!(project.count(bytes).await > 64 * 1024 * 1024);
    let count = sign_up("bob@example.com").await;
    assert!(count > 10 && count < 100 && project.count(bytes).await <= 64 * 1024 * 1024, "{count}");
    // One that is larger than all may be is kept as long as it is the newest.
    fill(1, "(select string_agg(gen_random_uuid()::text, '') from generate_series(1, 3000000) where n > 0)").await;
    assert_eq!(sign_up("eve@example.com").await, 1);
}

#[tokio::test]
async fn a_slip_in_a_template_keeps_nobody_out() {
    let project = project(|settings| {
        settings.mailer.subjects.insert(MailKind::Confirmation, "{{ .Token".to_owned());
        settings.mailer.templates.insert(MailKind::Confirmation, Template::Body("{{ range .Nothing".to_owned()));
    })
    .await;
    project.post("/signup", json!({ "email": "ann@example.com", "password": "correct horse" })).await.ok();
    let (_, data) = project.last_message("ann@example.com").await;
    assert!(text(&data, "/text").contains(&text(&data, "/link")), "the standard mail: {data}");
}

#[tokio::test]
async fn the_mailbox_is_for_administrators() {
    let project = project(|settings| settings.mailer.autoconfirm = true).await;
    let user = text(&project.signed_up("ann@example.com").await, "/access_token");
    for (method, path) in [
        ("GET", "/admin/messages"),
        ("DELETE", "/admin/messages"),
        ("GET", "/admin/messages/00000000-0000-4000-8000-000000000000"),
        ("POST", "/admin/messages/preview"),
        ("POST", "/admin/messages/test"),
        ("GET", "/admin/hooks/functions"),
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

#[tokio::test]
async fn an_example_of_a_mail_is_what_a_user_would_get() {
    let project = project(|settings| settings.mailer.otp_length = 8).await;
    let preview = async |body: Value| project.ask("POST", "/admin/messages/preview", &service_role(), body).await;
    let standard = preview(json!({ "kind": "magic_link" })).await.ok();
    assert_eq!(standard["errors"], json!([]));
    assert_eq!(standard["subject"], standard["standard"]["subject"]);
    let html = text(&standard, "/html");
    assert!(html.contains("/verify?") && html.contains("type=magiclink") && html.contains("48151623"), "{html}");
    assert!(text(&standard, "/standard/content").contains("{{ .ConfirmationURL }}"), "{standard}");
    assert_eq!(standard["variables"]["Email"], "jo@example.com");

    let own =
        json!({ "kind": "confirmation", "subject": "Hi {{ .Email }}", "content": "<p>{{ .Data.full_name }}<b>{{ \"<i>\" }}" });
    let own = preview(own).await.ok();
    assert_eq!(
        (text(&own, "/subject").as_str(), text(&own, "/html").as_str()),
        ("Hi jo@example.com", "<p>Jo Example<b>&lt;i&gt;")
    );

    let wrong = preview(json!({ "kind": "invite", "subject": "{{ .Email", "content": "one\n{{ nothing }}" })).await.ok();
    let parts: Vec<_> = wrong["errors"].as_array().unwrap().iter().map(|error| (&error["part"], &error["line"])).collect();
    assert_eq!(parts, [(&json!("subject"), &json!(1)), (&json!("content"), &json!(2))]);
    assert_eq!((&wrong["subject"], &wrong["html"]), (&Value::Null, &Value::Null));

    assert_eq!(preview(json!({ "kind": "x" })).await.error(), (400, "validation_failed".to_owned()));
    assert_eq!(project.get("/admin/messages", &service_role()).await.ok(), json!({ "messages": [] }), "nothing is sent");
}

#[tokio::test]
async fn a_test_goes_the_way_of_every_mail() {
    let kept = project(|_| ()).await;
    let test = async |project: &crate::support::Project, email: &str| {
        project.ask("POST", "/admin/messages/test", &service_role(), json!({ "email": email })).await
    };
    assert_eq!(test(&kept, "ann@example.com").await.ok(), json!({ "delivered_by": "mailbox" }));
    let listed = kept.get("/admin/messages", &service_role()).await.ok();
    assert_eq!(
        (&listed["messages"][0]["kind"], &listed["messages"][0]["recipient"]),
        (&json!("test"), &json!("ann@example.com"))
    );
    assert_eq!(test(&kept, "nobody").await.status, 400);

    // Nobody listens there.
    let away = project(|settings| {
        settings.smtp.host = Some("127.0.0.1".to_owned());
        settings.smtp.port = 1;
    })
    .await;
    let refused = test(&away, "ann@example.com").await;
    assert_eq!(refused.status, 422);
    assert!(text(&refused.json(), "/message").contains("can't be reached"), "{}", refused.json());
}
