//! What administrators do to accounts.

#![expect(clippy::unwrap_used, reason = "a failure here is the test's failure")]

use std::sync::Arc;

use serde_json::{Value, json};

use crate::support::{Answer, Project, project, service_role, text};

impl Project {
    async fn admin(&self, method: &str, path: &str, body: Value) -> Answer {
        self.ask(method, path, &service_role(), body).await
    }

    async fn created(&self, body: Value) -> Value {
        self.admin("POST", "/admin/users", body).await.ok()
    }

    async fn signs_in(&self, email: &str, password: &str) -> Answer {
        self.post("/token?grant_type=password", json!({ "email": email, "password": password })).await
    }

    /// The last entry of the audit log, without its time.
    async fn last_audit(&self) -> Value {
        let client = self.database.connect("supabase_auth_admin").await;
        let sql = "select payload from auth.audit_log_entries order by created_at desc limit 1";
        client.query_one(sql, &[]).await.unwrap().get(0)
    }
}

const NOBODY: &str = "00000000-0000-4000-8000-000000000000";

#[tokio::test]
async fn only_administrators_administer() {
    let project = project(|settings| settings.mailer.autoconfirm = true).await;
    let user = project.signed_up("ann@example.com").await;
    let token = text(&user, "/access_token");
    let one = format!("/admin/users/{}", text(&user, "/user/id"));
    let (factors, factor) = (format!("{one}/factors"), format!("{one}/factors/{NOBODY}"));
    for (method, path) in [
        ("GET", "/admin/users"),
        ("POST", "/admin/users"),
        ("GET", one.as_str()),
        ("PUT", one.as_str()),
        ("DELETE", one.as_str()),
        ("GET", factors.as_str()),
        ("PUT", factor.as_str()),
        ("DELETE", factor.as_str()),
        ("GET", "/admin/audit"),
        ("POST", "/admin/generate_link"),
        ("POST", "/invite"),
    ] {
        let refused = project.ask(method, path, "", Value::Null).await;
        assert_eq!(refused.error(), (401, "no_authorization".to_owned()), "{method} {path}");
        let refused = project.ask(method, path, &token, Value::Null).await;
        assert_eq!(refused.error(), (403, "not_admin".to_owned()), "{method} {path}");
    }
    assert_eq!(project.get("/user", &token).await.ok()["email"], "ann@example.com");
}

#[tokio::test]
async fn an_administrator_makes_users_as_they_are_to_be() {
    let project = project(|settings| settings.signup.disabled = true).await;
    let id = "11111111-1111-4111-8111-111111111111";
    let body = json!({
        "id": id, "email": "Ann@Example.com", "phone": "+1 234 567 8900", "password": "correct horse", "email_confirm": true,
        "phone_confirm": true, "user_metadata": { "name": "Ann" }, "app_metadata": { "plan": "pro", "nothing": null },
        "role": "manager", "ban_duration": "none", "nonce": "ignored",
    });
    let user = project.created(body).await;
    assert_eq!(user["id"], id);
    assert_eq!((user["email"].as_str(), user["phone"].as_str()), (Some("ann@example.com"), Some("12345678900")));
    assert_eq!((user["role"].as_str(), user["aud"].as_str()), (Some("manager"), Some("authenticated")));
    assert!(user["email_confirmed_at"].is_string() && user["phone_confirmed_at"].is_string(), "{user}");
    assert_eq!(user["app_metadata"], json!({ "provider": "email", "providers": ["email", "phone"], "plan": "pro" }));
    assert_eq!(user["user_metadata"], json!({ "name": "Ann", "email_verified": true, "phone_verified": true }));
    let mut identities: Vec<_> = user["identities"].as_array().unwrap().iter().map(|one| text(one, "/provider")).collect();
    identities.sort();
    assert_eq!(identities, ["email", "phone"]);
    let entry = project.last_audit().await;
    let expected = json!({
        "action": "user_signedup", "log_type": "team", "actor_id": "00000000-0000-0000-0000-000000000000",
        "actor_username": "service_role", "actor_via_sso": false,
        "traits": { "user_id": id, "user_email": "ann@example.com", "user_phone": "12345678900" },
    });
    assert_eq!(entry, expected);
    assert_eq!(project.signs_in("ann@example.com", "correct horse").await.ok()["user"]["id"], id);
    let found = project.admin("GET", &format!("/admin/users/{id}"), Value::Null).await.ok();
    assert_eq!(found["email"], "ann@example.com");
}

#[tokio::test]
async fn users_without_a_password_and_with_a_foreign_hash() {
    let project = project(|_| ()).await;
    let user = project.created(json!({ "email": "bob@example.com" })).await;
    assert!(user.get("email_confirmed_at").is_none(), "{user}");
    assert_eq!(project.signs_in("bob@example.com", "").await.error(), (400, "invalid_credentials".to_owned()));
    // "correct horse" by bcrypt, cost 4.
    let hash = hash().await;
    project.created(json!({ "email": "eve@example.com", "password_hash": hash, "email_confirm": true })).await;
    project.signs_in("eve@example.com", "correct horse").await.ok();
    let phone = project.created(json!({ "phone": "4915112345678", "phone_confirm": true })).await;
    assert_eq!(phone["app_metadata"], json!({ "provider": "phone", "providers": ["phone"] }));
}

async fn hash() -> String {
    let hasher = auth::password::Hasher::new(auth::password::Limits { cost: 4, ..auth::password::Limits::default() }).unwrap();
    hasher.hash("correct horse").await.unwrap()
}

#[tokio::test]
async fn what_can_not_be_a_user_is_refused() {
    let project = project(|_| ()).await;
    let ann = project.created(json!({ "email": "ann@example.com", "phone": "12345678900" })).await;
    let bob = project.created(json!({ "email": "bob@example.com" })).await;
    let cases = [
        (json!({}), 400, "validation_failed"),
        (json!({ "email": "no address" }), 400, "validation_failed"),
        (json!({ "phone": "abc" }), 400, "validation_failed"),
        (json!({ "email": "c@example.com", "id": "x" }), 400, "validation_failed"),
        (json!({ "email": "c@example.com", "id": "00000000-0000-0000-0000-000000000000" }), 400, "validation_failed"),
        (json!({ "email": "c@example.com", "id": ann["id"] }), 409, "conflict"),
        (json!({ "email": "c@example.com", "password": "x", "password_hash": "y" }), 400, "validation_failed"),
        (json!({ "email": "c@example.com", "password_hash": "md5" }), 400, "validation_failed"),
        (json!({ "email": "c@example.com", "password": "x".repeat(73) }), 400, "validation_failed"),
        (json!({ "email": "c@example.com", "ban_duration": "forever" }), 400, "validation_failed"),
        (json!({ "email": "c@example.com", "user_metadata": [1] }), 400, "bad_json"),
        (json!({ "email": 1 }), 400, "bad_json"),
        (json!({ "email": "ANN@example.com" }), 422, "email_exists"),
        (json!({ "phone": "+12345678900" }), 422, "phone_exists"),
    ];
    for (body, status, code) in cases {
        let refused = project.admin("POST", "/admin/users", body.clone()).await;
        assert_eq!(refused.error(), (status, code.to_owned()), "{body}");
    }
    assert_eq!(project.count("select count(*) from auth.users").await, 2);
    assert_eq!(project.count("select count(*) from auth.audit_log_entries").await, 2);
    let path = format!("/admin/users/{}", text(&bob, "/id"));
    for (body, status, code) in [
        (json!({ "email": "ann@example.com" }), 422, "email_exists"),
        (json!({ "phone": "12345678900" }), 422, "phone_exists"),
        (json!({ "password": "short" }), 422, "weak_password"),
        (json!({ "ban_duration": "10" }), 400, "validation_failed"),
    ] {
        let refused = project.admin("PUT", &path, body.clone()).await;
        assert_eq!(refused.error(), (status, code.to_owned()), "{body}");
    }
    for method in ["GET", "PUT", "DELETE"] {
        let refused = project.admin(method, "/admin/users/nobody", Value::Null).await;
        assert_eq!(refused.error(), (404, "validation_failed".to_owned()), "{method}");
        let refused = project.admin(method, &format!("/admin/users/{NOBODY}"), Value::Null).await;
        assert_eq!(refused.error(), (404, "user_not_found".to_owned()), "{method}");
    }
}

#[tokio::test]
async fn an_administrator_changes_everything() {
    let project = project(|_| ()).await;
    let user = project
        .created(json!({ "email": "ann@example.com", "password": "correct horse", "email_confirm": true, "user_metadata": { "a": 1, "b": 2 } }))
        .await;
    let path = format!("/admin/users/{}", text(&user, "/id"));
    let body = json!({
        "email": "anna@example.com", "email_confirm": true, "phone": "12345678900", "phone_confirm": true, "role": "manager",
        "user_metadata": { "a": null, "c": 3 }, "app_metadata": { "plan": "pro" },
    });
    let changed = project.admin("PUT", &path, body).await.ok();
    assert_eq!((changed["email"].as_str(), changed["phone"].as_str()), (Some("anna@example.com"), Some("12345678900")));
    assert_eq!(changed["role"], "manager");
    assert_eq!(changed["user_metadata"], json!({ "b": 2, "c": 3, "email_verified": true, "phone_verified": true }));
    assert_eq!(changed["app_metadata"], json!({ "provider": "email", "providers": ["email", "phone"], "plan": "pro" }));
    let identity = changed["identities"].as_array().unwrap().iter().find(|one| one["provider"] == "email").unwrap();
    assert_eq!(identity["identity_data"]["email"], "anna@example.com");
    assert_eq!(identity["identity_data"]["email_verified"], true);
    let entry = project.last_audit().await;
    assert_eq!((entry["action"].as_str(), entry["actor_username"].as_str()), (Some("user_modified"), Some("service_role")));
    // The same again is no collision with oneself.
    project.admin("PUT", &path, json!({ "email": "anna@example.com", "phone": "12345678900" })).await.ok();
    project.signs_in("anna@example.com", "correct horse").await.ok();
}

#[tokio::test]
async fn another_password_ends_all_sessions_and_what_was_on_its_way() {
    let project = project(|settings| settings.mailer.autoconfirm = true).await;
    let session = project.signed_up("ann@example.com").await;
    project.post("/recover", json!({ "email": "ann@example.com" })).await.ok();
    let (_, data) = project.last_message("ann@example.com").await;
    let path = format!("/admin/users/{}", text(&session, "/user/id"));
    project.admin("PUT", &path, json!({ "password": "another one" })).await.ok();
    let refresh = json!({ "refresh_token": session["refresh_token"] });
    assert_eq!(project.post("/token?grant_type=refresh_token", refresh).await.error().0, 400);
    let token = text(&session, "/access_token");
    assert_eq!(project.get("/user", &token).await.error(), (403, "session_not_found".to_owned()));
    let verify = json!({ "type": "recovery", "token_hash": data["token_hash"] });
    assert_eq!(project.post("/verify", verify).await.error(), (403, "otp_expired".to_owned()));
    assert_eq!(project.signs_in("ann@example.com", "correct horse").await.error().1, "invalid_credentials");
    project.signs_in("ann@example.com", "another one").await.ok();
}

#[tokio::test]
async fn who_is_banned_is_out_until_the_ban_ends() {
    let project = project(|settings| settings.mailer.autoconfirm = true).await;
    let session = project.signed_up("ann@example.com").await;
    let path = format!("/admin/users/{}", text(&session, "/user/id"));
    let banned = project.admin("PUT", &path, json!({ "ban_duration": "24h" })).await.ok();
    assert!(banned["banned_until"].is_string(), "{banned}");
    assert_eq!(project.signs_in("ann@example.com", "correct horse").await.error(), (400, "user_banned".to_owned()));
    assert_eq!(project.get("/user", &text(&session, "/access_token")).await.error(), (403, "user_banned".to_owned()));
    let freed = project.admin("PUT", &path, json!({ "ban_duration": "none" })).await.ok();
    assert!(freed.get("banned_until").is_none(), "{freed}");
    project.signs_in("ann@example.com", "correct horse").await.ok();
}

#[tokio::test]
async fn who_is_deleted_is_gone() {
    let project = project(|settings| settings.mailer.autoconfirm = true).await;
    let session = project.signed_up("ann@example.com").await;
    let path = format!("/admin/users/{}", text(&session, "/user/id"));
    assert_eq!(project.admin("DELETE", &path, Value::Null).await.ok(), json!({}));
    assert_eq!(project.admin("GET", &path, Value::Null).await.error(), (404, "user_not_found".to_owned()));
    assert_eq!(project.last_audit().await["action"], "user_deleted");
    let left = "select (select count(*) from auth.identities) + (select count(*) from auth.sessions) \
                + (select count(*) from auth.refresh_tokens)";
    assert_eq!(project.count(left).await, 0);
    project.signed_up("ann@example.com").await;
}

#[tokio::test]
async fn a_soft_deletion_leaves_a_row_that_tells_nothing() {
    let project = project(|settings| settings.mailer.autoconfirm = true).await;
    let session = project.signed_up("ann@example.com").await;
    let id = text(&session, "/user/id");
    factor(&project, &id).await;
    let path = format!("/admin/users/{id}");
    project.admin("PUT", &path, json!({ "phone": "12345678900" })).await.ok();
    for _ in 0..2 {
        assert_eq!(project.admin("DELETE", &path, json!({ "should_soft_delete": true })).await.ok(), json!({}));
    }
    let row = project.admin("GET", &path, Value::Null).await.ok();
    assert!(row["deleted_at"].is_string(), "{row}");
    assert_eq!((row["app_metadata"].clone(), row["user_metadata"].clone()), (json!({}), json!({})));
    // Empty, but there: supabase-py does not read a user without it.
    assert_eq!(row["identities"][0]["identity_data"], json!({}));
    for secret in ["ann", "12345678900"] {
        assert!(!row.to_string().contains(secret), "{row}");
    }
    assert_eq!(text(&row, "/email").len(), 43);
    assert_eq!(text(&row, "/phone").len(), 15);
    let left = "select (select count(*) from auth.sessions) + (select count(*) from auth.mfa_factors) \
                + (select count(*) from auth.users where encrypted_password is not null)";
    assert_eq!(project.count(left).await, 0);
    assert_eq!(project.get("/user", &text(&session, "/access_token")).await.error().0, 403);
    // The address is free.
    let again = project.signed_up("ann@example.com").await;
    assert_ne!(again["user"]["id"], id.as_str());
}

/// A TOTP factor of a user's that was used, and its id.
async fn factor(project: &Project, user_id: &str) -> String {
    let client = project.database.connect("supabase_auth_admin").await;
    let sql = "insert into auth.mfa_factors (id, user_id, friendly_name, factor_type, status, created_at, updated_at, secret) \
               values (gen_random_uuid(), $1::text::uuid, 'phone', 'totp', 'verified', now(), now(), 'secret') returning id::text";
    client.query_one(sql, &[&user_id]).await.unwrap().get(0)
}

#[tokio::test]
async fn second_factors_are_named_and_removed() {
    let project = project(|settings| settings.mailer.autoconfirm = true).await;
    let user = project.signed_up("ann@example.com").await;
    let id = text(&user, "/user/id");
    let factor_id = factor(&project, &id).await;
    project.sql(&format!("update auth.sessions set aal = 'aal2', factor_id = '{factor_id}'")).await;
    let path = format!("/admin/users/{id}/factors");
    let factors = project.admin("GET", &path, Value::Null).await.ok();
    assert_eq!((factors[0]["id"].as_str(), factors[0]["factor_type"].as_str()), (Some(factor_id.as_str()), Some("totp")));
    assert!(factors[0].get("secret").is_none(), "{factors}");
    let one = format!("{path}/{factor_id}");
    let named = project.admin("PUT", &one, json!({ "friendly_name": "tablet", "phone": "12345678900" })).await.ok();
    assert_eq!(named["friendly_name"], "tablet");
    assert!(named.get("phone").is_none(), "a TOTP factor has no number: {named}");
    assert_eq!(project.last_audit().await["action"], "factor_updated");
    assert_eq!(project.admin("DELETE", &one, Value::Null).await.ok()["id"], factor_id.as_str());
    assert_eq!(project.last_audit().await["action"], "factor_deleted");
    assert_eq!(project.count("select count(*) from auth.sessions where aal = 'aal1' and factor_id is null").await, 1);
    assert_eq!(project.admin("DELETE", &one, Value::Null).await.error(), (404, "mfa_factor_not_found".to_owned()));
    let none = project.admin("PUT", &format!("{path}/x"), Value::Null).await;
    assert_eq!(none.error(), (404, "validation_failed".to_owned()));
    assert_eq!(project.admin("GET", &path, Value::Null).await.ok(), json!([]));
}

fn emails(list: &Value) -> Vec<String> {
    list["users"].as_array().unwrap().iter().map(|user| text(user, "/email")).collect()
}

#[tokio::test]
async fn users_come_in_pages() {
    let project = project(|_| ()).await;
    let list = project.admin("GET", "/admin/users", Value::Null).await;
    assert_eq!(list.ok(), json!({ "users": [], "aud": "authenticated" }));
    assert_eq!(list.headers["x-total-count"], "0");
    for number in 1..=5 {
        let body =
            json!({ "email": format!("user{number}@example.com"), "user_metadata": { "full_name": format!("No. {number}") } });
        project.created(body).await;
    }
    // As supabase-js asks where nothing is said.
    let list = project.admin("GET", "/admin/users?page=&per_page=", Value::Null).await;
    assert_eq!(emails(&list.ok()).len(), 5);
    assert_eq!(list.json()["users"][0]["identities"][0]["provider"], "email");
    assert_eq!(list.headers["link"], "</admin/users?page=1>; rel=\"last\"");
    let second = project.admin("GET", "/admin/users?page=2&per_page=2", Value::Null).await;
    assert_eq!(emails(&second.ok()), ["user3@example.com", "user2@example.com"]);
    assert_eq!(second.headers["x-total-count"], "5");
    let expected = "</admin/users?page=3&per_page=2>; rel=\"next\", </admin/users?page=3&per_page=2>; rel=\"last\"";
    assert_eq!(second.headers["link"], expected);
    let last = project.admin("GET", "/admin/users?page=3&per_page=2", Value::Null).await;
    assert_eq!(emails(&last.ok()), ["user1@example.com"]);
    assert_eq!(last.headers["link"], "</admin/users?page=3&per_page=2>; rel=\"last\"");
    let after = project.admin("GET", "/admin/users?page=9&per_page=2", Value::Null).await;
    assert_eq!(emails(&after.ok()), Vec::<String>::new());
    assert_eq!(after.headers["x-total-count"], "5");
    let oldest = project.admin("GET", "/admin/users?sort=created_at%20asc&per_page=1", Value::Null).await;
    assert_eq!(emails(&oldest.ok()), ["user1@example.com"]);
    for wrong in ["page=x", "per_page=0", "sort=email%20asc", "sort=created_at%20up"] {
        let refused = project.admin("GET", &format!("/admin/users?{wrong}"), Value::Null).await;
        assert_eq!(refused.error(), (400, "validation_failed".to_owned()), "{wrong}");
    }
}

#[tokio::test]
async fn users_are_found_by_a_part_of_what_they_are_called() {
    let project = project(|_| ()).await;
    let ann = project.created(json!({ "email": "ann_a@example.com", "user_metadata": { "full_name": "Ann Archer" } })).await;
    project.created(json!({ "email": "annxa@example.com", "phone": "12345678900" })).await;
    project.created(json!({ "email": "bob@example.org" })).await;
    let id = text(&ann, "/id");
    let cases = [
        ("EXAMPLE.com", 2),
        ("archer", 1),
        ("345678", 1),
        // No wildcards.
        ("ann_a", 1),
        ("%25", 0),
        (id.as_str(), 1),
    ];
    for (filter, expected) in cases {
        let list = project.admin("GET", &format!("/admin/users?filter={filter}&per_page=1"), Value::Null).await;
        assert_eq!(list.headers["x-total-count"], expected.to_string(), "{filter}");
        assert_eq!(emails(&list.ok()).len(), expected.min(1), "{filter}");
        let after = project.admin("GET", &format!("/admin/users?filter={filter}&page=7"), Value::Null).await;
        assert_eq!(after.headers["x-total-count"], expected.to_string(), "{filter}");
    }
}

#[tokio::test]
async fn the_audit_log_comes_in_pages_and_is_searched_by_column() {
    let project = project(|settings| settings.mailer.autoconfirm = true).await;
    project.signed_up("ann@example.com").await;
    project.created(json!({ "email": "bob@example.com" })).await;
    let all = project.admin("GET", "/admin/audit", Value::Null).await;
    assert_eq!(all.headers["x-total-count"], "3");
    let entries = all.ok();
    assert_eq!(entries[0]["payload"]["actor_username"], "service_role");
    assert!(entries[0]["created_at"].is_string() && entries[0]["id"].is_string() && entries[0]["ip_address"].is_string());
    for (query, expected) in
        [("author:ANN@", 2), ("action:signedup", 2), ("action:login", 1), ("type:account", 1), ("author:%25", 0)]
    {
        let found = project.admin("GET", &format!("/admin/audit?query={query}&per_page=1"), Value::Null).await;
        assert_eq!(found.headers["x-total-count"], expected.to_string(), "{query}");
    }
    let page = project.admin("GET", "/admin/audit?page=1&per_page=2&query=type:team", Value::Null).await;
    assert_eq!(page.headers["link"], "</admin/audit?page=1&per_page=2&query=type%3Ateam>; rel=\"last\"");
    for wrong in ["query=x:y", "query=ann", "page=-1"] {
        let refused = project.admin("GET", &format!("/admin/audit?{wrong}"), Value::Null).await;
        assert_eq!(refused.error(), (400, "validation_failed".to_owned()), "{wrong}");
    }
}

/// Two at once who take one address: one gets it, and the other is told so.
#[tokio::test]
async fn one_address_is_given_once() {
    let project = Arc::new(project(|_| ()).await);
    let tasks: Vec<_> = (0..4)
        .map(|_| {
            let project = Arc::clone(&project);
            tokio::spawn(async move {
                project.admin("POST", "/admin/users", json!({ "email": "ann@example.com" })).await.status.as_u16()
            })
        })
        .collect();
    let mut statuses = Vec::new();
    for task in tasks {
        statuses.push(task.await.unwrap());
    }
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 422, 422, 422]);
}

#[tokio::test]
async fn app_metadata_is_for_administrators() {
    let project = project(|settings| settings.mailer.autoconfirm = true).await;
    let session = project.signed_up("ann@example.com").await;
    let body = json!({ "app_metadata": { "plan": "pro" }, "data": { "name": "Ann" } });
    let refused = project.ask("PUT", "/user", &text(&session, "/access_token"), body.clone()).await;
    assert_eq!(refused.error(), (403, "not_admin".to_owned()));
    project.admin("PUT", &format!("/admin/users/{}", text(&session, "/user/id")), json!({ "role": "service_role" })).await.ok();
    let refresh = json!({ "refresh_token": session["refresh_token"] });
    let session = project.post("/token?grant_type=refresh_token", refresh).await.ok();
    let user = project.ask("PUT", "/user", &text(&session, "/access_token"), body).await.ok();
    assert_eq!((&user["app_metadata"]["plan"], &user["user_metadata"]["name"]), (&json!("pro"), &json!("Ann")));
}
