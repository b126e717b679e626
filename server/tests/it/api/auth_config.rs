//! `/v1/projects/{ref}/config/auth`.

use serde_json::{Value, json};

use crate::support::{Backend, Installation};

#[tokio::test]
async fn auth_settings_are_answered_changed_and_kept() {
    let installation = Installation::new(Backend::Sqlite).await;
    let server = installation.start().await;
    let project_ref = server.create("settings").await;
    let path = format!("/v1/projects/{project_ref}/config/auth");

    let defaults = server.get(&path).send().await.expect(200).json();
    assert_eq!(defaults.as_object().unwrap().len(), 238);
    assert_eq!((&defaults["jwt_exp"], &defaults["disable_signup"]), (&json!(3600), &json!(false)));

    let patch = json!({ "site_url": "https://app.example.com", "password_min_length": 12, "smtp_pass": "hush" });
    let answer = server.request("PATCH", &path).json(&patch).send().await.expect(200).json();
    assert_eq!(answer.as_object().unwrap().len(), 238, "the command line fails without any of them");
    assert_eq!((&answer["site_url"], &answer["password_min_length"]), (&json!("https://app.example.com"), &json!(12)));
    let shown = answer["smtp_pass"].as_str().unwrap();
    assert!(shown.len() == 64 && shown.bytes().all(|digit| digit.is_ascii_hexdigit()), "{shown}");

    server.stop().await;
    let server = installation.start().await;
    assert_eq!(server.get(&path).send().await.expect(200).json(), answer);
    assert!(!installation.log().contains("hush"));

    // What the command line begins with.
    let whole = server.get(format!("/v2/projects/{project_ref}/config")).send().await.expect(200).json();
    assert_eq!((&whole["data"]["type"], &whole["data"]["id"]), (&json!("project_config"), &json!(project_ref)));
    assert_eq!(whole["data"]["attributes"], json!({ "auth": answer }));
    server.get("/v2/projects/abcdefghijklmnopqrst/config").send().await.expect(404);
    server.get("/v2/nothing").send().await.expect(404);

    let back = json!({ "site_url": null, "password_min_length": null, "smtp_pass": null });
    assert_eq!(server.request("PATCH", &path).json(&back).send().await.expect(200).json(), defaults);
    server.stop().await;
}

#[tokio::test]
async fn auth_settings_that_can_not_be_are_refused_by_name() {
    let installation = Installation::new(Backend::Sqlite).await;
    let server = installation.start().await;
    let project_ref = server.create("wrong").await;
    let path = format!("/v1/projects/{project_ref}/config/auth");
    let before = server.get(&path).send().await.expect(200).json();
    for (patch, words) in [
        (json!({ "jwt_exp": "soon" }), vec!["jwt_exp"]),
        (json!({ "jwt_exp": 600, "nonsense": true }), vec!["nonsense"]),
        (json!({ "site_url": "nowhere", "smtp_port": 25 }), vec!["site_url", "smtp_port"]),
        (json!({ "security_captcha_enabled": true }), vec!["security_captcha_secret"]),
        (json!([]), vec!["JSON object"]),
    ] {
        let response = server.request("PATCH", &path).json(&patch).send().await;
        assert_eq!(response.status, 400, "{patch}: {}", response.text());
        for word in words {
            assert!(response.message().contains(word), "{patch}: {}", response.text());
        }
    }
    assert_eq!(server.get(&path).send().await.expect(200).json(), before);
    let nobody = "/v1/projects/abcdefghijklmnopqrst/config/auth";
    for request in [server.get(nobody), server.request("PATCH", nobody).json(&json!({}))] {
        request.send().await.expect(404);
    }
    let document: Value = server.get("/v1/openapi.json").send().await.expect(200).json();
    let described = &document["paths"]["/v1/projects/{ref}/config/auth"];
    assert!(described["get"].is_object() && described["patch"].is_object());
    server.stop().await;
}
