//! What projects' Auth is told: kept, sealed, in force.

use control_plane::{Caller, Error};
use control_plane_api::{ProjectRef, ProjectState};
use serde_json::{Map, Value, json};

use crate::support::Plane;

on_both_backends!(
    what_is_set_is_kept_and_in_force,
    a_wrong_patch_changes_nothing,
    secrets_are_sealed_in_their_own_place,
    two_changes_at_once_are_both_kept,
    settings_go_with_their_project,
    auth_is_asked_as_the_service_role,
);

const SECRET: &str = "the password of a mail server";

fn object(value: Value) -> Map<String, Value> {
    value.as_object().unwrap().clone()
}

async fn set(plane: &Plane, project_ref: &ProjectRef, patch: Value) -> Result<Map<String, Value>, Error> {
    plane.service.update_auth_config(&Caller::local(), project_ref, &object(patch)).await
}

async fn get(plane: &Plane, project_ref: &ProjectRef) -> Map<String, Value> {
    plane.service.auth_config(&Caller::local(), project_ref).await.unwrap()
}

/// What the project's services go by.
fn in_force(plane: &Plane, project_ref: &ProjectRef) -> Map<String, Value> {
    plane.routes.live(project_ref).unwrap().in_force.auth.kept().clone()
}

async fn what_is_set_is_kept_and_in_force(plane: Plane) {
    let life = plane.live().await;
    let project_ref = plane.create_live("settings").await;
    let defaults = get(&plane, &project_ref).await;
    assert_eq!(defaults.len(), 238);
    assert_eq!(in_force(&plane, &project_ref), Map::new());

    let answer = set(&plane, &project_ref, json!({ "jwt_exp": 600, "disable_signup": true, "smtp_pass": SECRET })).await.unwrap();
    assert_eq!((&answer["jwt_exp"], &answer["disable_signup"]), (&json!(600), &json!(true)));
    assert_ne!(answer["smtp_pass"], json!(SECRET));
    assert_eq!(get(&plane, &project_ref).await, answer);
    let kept = object(json!({ "disable_signup": true, "jwt_exp": 600, "smtp_pass": SECRET }));
    assert_eq!(in_force(&plane, &project_ref), kept);
    assert_eq!(plane.number("select count(*) from audit_log where action = 'project.auth_config'").await, 1);

    // What is shown of a secret leaves it as it is; and what changes nothing is not written down.
    set(&plane, &project_ref, json!({ "smtp_pass": answer["smtp_pass"], "jwt_exp": 600 })).await.unwrap();
    assert_eq!(in_force(&plane, &project_ref), kept);
    assert_eq!(plane.number("select count(*) from audit_log where action = 'project.auth_config'").await, 1);

    // A project that rests is told when it runs again.
    plane.service.pause(&Caller::local(), &project_ref).await.unwrap();
    plane.expect_state(&project_ref, ProjectState::Paused).await;
    set(&plane, &project_ref, json!({ "jwt_exp": null, "smtp_pass": "" })).await.unwrap();
    assert!(plane.routes.live(&project_ref).is_none());
    plane.service.restore(&Caller::local(), &project_ref).await.unwrap();
    plane.expect_state(&project_ref, ProjectState::Running).await;
    assert_eq!(in_force(&plane, &project_ref), object(json!({ "disable_signup": true })));
    life.end().await;
}

async fn a_wrong_patch_changes_nothing(plane: Plane) {
    let project_ref = plane.create("wrong").await;
    let patch = json!({ "jwt_exp": 600, "smtp_port": "many", "no_such_key": 1 });
    let error = set(&plane, &project_ref, patch).await.unwrap_err();
    assert_eq!(error.field(), Some("no_such_key"));
    for key in ["smtp_port must be", "no_such_key must be"] {
        assert!(error.to_string().contains(key), "{error}");
    }
    let error = set(&plane, &project_ref, json!({ "hook_send_sms_secrets": SECRET })).await.unwrap_err();
    assert!(!error.to_string().contains(SECRET), "{error}");
    assert_eq!(plane.number("select count(*) from auth_config").await, 0);
    let nobody = "abcdefghijklmnopqrst".parse().unwrap();
    for answer in [set(&plane, &nobody, json!({})).await, plane.service.auth_config(&Caller::local(), &nobody).await] {
        assert!(matches!(answer, Err(Error::ProjectNotFound(_))), "{answer:?}");
    }
}

async fn secrets_are_sealed_in_their_own_place(plane: Plane) {
    let (one, two) = (plane.create("one").await, plane.create("two").await);
    set(&plane, &one, json!({ "smtp_pass": SECRET, "smtp_host": "mail.example.com" })).await.unwrap();
    let with = |text: &str| format!("select count(*) from auth_config where document like '%{text}%' or sealed like '%{text}%'");
    assert_eq!(plane.number(&with(SECRET)).await, 0);
    assert_eq!(plane.number(&with("mail.example.com")).await, 1);
    // Another project's sealed value, and the same project's at another key, open nowhere.
    set(&plane, &two, json!({ "smtp_pass": "another" })).await.unwrap();
    let of = |project_ref: &ProjectRef| format!("(select id from project where ref = '{project_ref}')");
    let taken = format!("(select sealed from auth_config where project_id = {})", of(&one));
    plane.execute(&format!("update auth_config set sealed = {taken} where project_id = {}", of(&two))).await;
    let renamed = "update auth_config set sealed = replace(sealed, 'smtp_pass', 'security_captcha_secret')";
    plane.execute(&format!("{renamed} where project_id = {}", of(&one))).await;
    for project_ref in [&one, &two] {
        let opened = plane.service.auth_config(&Caller::local(), project_ref).await;
        assert!(matches!(opened, Err(Error::Secret(_))), "{opened:?}");
    }
}

async fn two_changes_at_once_are_both_kept(plane: Plane) {
    let life = plane.live().await;
    let project_ref = plane.create_live("at once").await;
    let keys = ["disable_signup", "mailer_autoconfirm", "external_anonymous_users_enabled", "sms_autoconfirm", "passkey_enabled"];
    let changes = keys.map(|key| {
        let (plane, project_ref) = (&plane, &project_ref);
        async move { set(plane, project_ref, json!({ key: true })).await }
    });
    for change in futures::future::join_all(changes).await {
        change.unwrap();
    }
    let all: Map<String, Value> = keys.iter().map(|key| ((*key).to_owned(), json!(true))).collect();
    assert_eq!(in_force(&plane, &project_ref), all);
    let kept = get(&plane, &project_ref).await;
    assert!(keys.iter().all(|key| kept[*key] == json!(true)));
    life.end().await;
}

async fn settings_go_with_their_project(plane: Plane) {
    let life = plane.live().await;
    let project_ref = plane.create_live("going").await;
    set(&plane, &project_ref, json!({ "jwt_exp": 600 })).await.unwrap();
    assert_eq!(plane.number("select count(*) from auth_config").await, 1);
    plane.service.delete(&Caller::local(), &project_ref).await.unwrap();
    plane.expect_gone(&project_ref).await;
    assert_eq!(plane.number("select count(*) from auth_config").await, 0);
    life.end().await;
}

async fn auth_is_asked_as_the_service_role(plane: Plane) {
    let life = plane.live().await;
    let project_ref = plane.create_live("asked").await;
    let ask = async |path: &str| {
        let body = Some(json!({ "email": "a@example.com" }));
        plane.service.ask_auth(&Caller::local(), &project_ref, "POST", path, body).await
    };
    let expected = json!({ "asked": "POST /auth/v1/invite?x=1", "body": { "email": "a@example.com" } });
    assert_eq!(ask("/invite?x=1").await.unwrap(), expected);
    assert!(matches!(ask("/away").await, Err(Error::ServiceAway("Auth"))));
    plane.service.pause(&Caller::local(), &project_ref).await.unwrap();
    plane.expect_state(&project_ref, ProjectState::Paused).await;
    assert!(matches!(ask("/invite").await, Err(Error::ServiceAway("Auth"))));
    life.end().await;
}
