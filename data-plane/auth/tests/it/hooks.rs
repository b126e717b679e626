//! Hooks: functions of the project's database, and addresses.

#![expect(clippy::unwrap_used, reason = "a failure here is the test's failure")]

use std::sync::{Arc, Mutex};

use auth::settings::{Hook, Settings};
use axum::{Json, Router, extract::State, http::HeaderMap, routing::post};
use jsonwebtoken::dangerous::insecure_decode;
use serde_json::{Value, json};

use crate::{
    openid::OpenId,
    support::{Project, project, service_role, text},
};

const SECRET: &str = "v1,whsec_c3VwZXItc2VjcmV0LWtleS1vZi1hLWhvb2stMzItYnl0ZXM=";

fn function(name: &str) -> Hook {
    Hook { enabled: true, uri: format!("pg-functions://postgres/public/{name}"), secrets: Vec::new() }
}

/// A project with a function of each name and body.
async fn with_functions(change: impl FnOnce(&mut Settings), functions: &[(&str, &str)]) -> Project {
    let project = project(change).await;
    let owner = project.database.connect("postgres").await;
    for (name, body) in functions {
        let sql = format!(
            "create function public.{name}(event jsonb) returns jsonb language plpgsql as $f$ begin {body} end $f$; \
             grant execute on function public.{name} to supabase_auth_admin;"
        );
        owner.batch_execute(&sql).await.unwrap();
    }
    project
}

/// A server that keeps what it is asked and gives one answer.
struct Asked {
    uri: String,
    received: Arc<Mutex<Vec<(HeaderMap, Value)>>>,
}

async fn answering(answer: Value) -> Asked {
    type Kept = (Arc<Mutex<Vec<(HeaderMap, Value)>>>, Value);
    let received = Arc::new(Mutex::new(Vec::new()));
    let keep = async |State((received, answer)): State<Kept>, headers: HeaderMap, Json(body): Json<Value>| {
        received.lock().unwrap().push((headers, body));
        Json(answer)
    };
    let router = Router::new().route("/", post(keep)).with_state((Arc::clone(&received), answer));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let uri = format!("http://{}/", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await });
    Asked { uri, received }
}

impl Asked {
    fn hook(&self) -> Hook {
        Hook { enabled: true, uri: self.uri.clone(), secrets: vec![SECRET.into()] }
    }

    fn last(&self) -> (HeaderMap, Value) {
        self.received.lock().unwrap().last().cloned().unwrap()
    }
}

fn claims(session: &Value) -> Value {
    insecure_decode::<Value>(text(session, "/access_token").as_bytes()).unwrap().claims
}

#[tokio::test]
async fn a_function_changes_the_claims() {
    let body = "return jsonb_set(event, '{claims,own}', to_jsonb(event ->> 'authentication_method'));";
    let project = with_functions(
        |settings| {
            settings.mailer.autoconfirm = true;
            settings.hooks.custom_access_token = function("claims");
        },
        &[("claims", body)],
    )
    .await;
    let session = project.signed_up("ann@example.com").await;
    assert_eq!(claims(&session)["own"], "password");
    project.get("/user", &text(&session, "/access_token")).await.ok();
    let body = json!({ "refresh_token": session["refresh_token"] });
    let session = project.post("/token?grant_type=refresh_token", body).await.ok();
    assert_eq!(claims(&session)["own"], "token_refresh");
}

#[tokio::test]
async fn claims_that_are_none_make_no_token() {
    let project = with_functions(
        |settings| {
            settings.mailer.autoconfirm = true;
            settings.hooks.custom_access_token = function("claims");
        },
        &[("claims", "return jsonb_build_object('claims', (event -> 'claims') - 'role');")],
    )
    .await;
    let answer = project.post("/signup", json!({ "email": "ann@example.com", "password": "correct horse" })).await;
    assert_eq!(answer.error(), (500, "unexpected_failure".to_owned()));
    let message = "output claims do not conform to the expected schema: \n- (root): role is required\n";
    assert_eq!(answer.json()["message"], message);
    assert_eq!(project.count("select count(*) from auth.users").await, 0);
}

#[tokio::test]
async fn a_function_that_fails_or_says_no_is_told_of() {
    let hooked = |settings: &mut Settings| {
        settings.mailer.autoconfirm = true;
        settings.hooks.before_user_created = function("admit");
    };
    let sign_up = async |project: &Project| {
        project.post("/signup", json!({ "email": "ann@example.com", "password": "correct horse" })).await
    };
    let no = "return jsonb_build_object('error', jsonb_build_object('http_code', 403, 'message', event #>> '{user,email}'));";
    let answer = sign_up(&with_functions(hooked, &[("admit", no)]).await).await;
    assert_eq!(answer.error(), (403, "unknown".to_owned()));
    assert_eq!(answer.json()["message"], "ann@example.com");
    let answer = sign_up(&with_functions(hooked, &[("admit", "raise exception 'secret of ours';")]).await).await;
    assert_eq!(answer.error(), (500, "unexpected_failure".to_owned()));
    assert_eq!(answer.json()["message"], "Error running hook URI: pg-functions://postgres/public/admit");
    assert!(!answer.body.contains("secret of ours"));
    let answer = sign_up(&with_functions(hooked, &[("admit", "perform pg_sleep(30); return null;")]).await).await;
    assert_eq!(answer.error(), (422, "hook_timeout".to_owned()));
    let yes = with_functions(hooked, &[("admit", "return '{}';")]).await;
    sign_up(&yes).await.ok();
}

#[tokio::test]
async fn wrong_passwords_are_told_and_may_end_the_sessions() {
    let project = with_functions(
        |settings| {
            settings.mailer.autoconfirm = true;
            settings.hooks.password_verification_attempt = function("compared");
        },
        &[(
            "compared",
            "insert into public.attempts values (event); \
             return case when (event ->> 'valid')::boolean then '{\"decision\":\"continue\"}' \
             else '{\"decision\":\"reject\",\"message\":\"enough\",\"should_logout_user\":true}' end;",
        )],
    )
    .await;
    let owner = project.database.connect("postgres").await;
    owner
        .batch_execute("create table public.attempts (event jsonb); grant all on public.attempts to supabase_auth_admin")
        .await
        .unwrap();
    let session = project.signed_up("ann@example.com").await;
    let sign_in = |password: &str| json!({ "email": "ann@example.com", "password": password });
    project.post("/token?grant_type=password", sign_in("correct horse")).await.ok();
    let answer = project.post("/token?grant_type=password", sign_in("wrong")).await;
    assert_eq!(answer.error(), (400, "invalid_credentials".to_owned()));
    assert_eq!(answer.json()["message"], "enough");
    // What the hook has noted stays, though the sign-in failed.
    assert_eq!(project.count("select count(*) from public.attempts").await, 2);
    assert_eq!(project.count("select count(*) from auth.sessions").await, 0);
    assert_eq!(project.get("/user", &text(&session, "/access_token")).await.error(), (403, "session_not_found".to_owned()));
}

#[tokio::test]
async fn an_address_is_asked_and_the_question_is_signed() {
    let asked = answering(json!({ "error": { "http_code": 422, "message": "not here" } })).await;
    let project = project(|settings| settings.hooks.before_user_created = asked.hook()).await;
    let answer = project.post("/signup", json!({ "email": "ann@example.com", "password": "correct horse" })).await;
    assert_eq!(answer.error(), (422, "unknown".to_owned()));
    assert_eq!(answer.json()["message"], "not here");
    let (headers, event) = asked.last();
    assert!(headers["webhook-signature"].to_str().unwrap().starts_with("v1,"));
    assert_eq!(event["metadata"]["name"], "before-user-created");
    assert_eq!(event["user"]["email"], "ann@example.com");
    assert_eq!(event["user"]["app_metadata"]["provider"], "email");
    assert_eq!(project.count("select count(*) from auth.users").await, 0);
}

#[tokio::test]
async fn a_hook_sends_mails() {
    let asked = answering(json!({})).await;
    let project = project(|settings| settings.hooks.send_email = asked.hook()).await;
    project.post("/signup", json!({ "email": "ann@example.com", "password": "correct horse" })).await.ok();
    let (_, event) = asked.last();
    let data = &event["email_data"];
    assert_eq!(data["email_action_type"], "signup");
    assert_eq!(data["site_url"], "http://ref.api.localhost:8000/auth/v1");
    assert_eq!(event["user"]["identities"][0]["provider"], "email");
    assert_eq!(project.count("select count(*) from _auth.messages").await, 0);
    let verify = json!({ "type": "signup", "email": "ann@example.com", "token": data["token"] });
    let session = project.post("/verify", verify).await.ok();
    // Both codes of a change at once: the names are crossed.
    let change = json!({ "email": "new@example.com" });
    project.ask("PUT", "/user", &text(&session, "/access_token"), change).await.ok();
    assert_eq!(asked.received.lock().unwrap().len(), 2);
    let (_, event) = asked.last();
    let data = &event["email_data"];
    assert_eq!((&data["email_action_type"], &data["old_email"]), (&json!("email_change"), &json!("ann@example.com")));
    for (email, code) in [("ann@example.com", &data["token"]), ("new@example.com", &data["token_new"])] {
        let verify = json!({ "type": "email_change", "email": email, "token": code });
        project.post("/verify", verify).await.ok();
    }
    assert_eq!(project.count("select count(*) from auth.users where email = 'new@example.com'").await, 1);
}

#[tokio::test]
async fn a_hook_sends_codes_to_phones() {
    let asked = answering(json!({})).await;
    let project = project(|settings| {
        settings.signup.phone = true;
        settings.hooks.send_sms = asked.hook();
    })
    .await;
    project.post("/otp", json!({ "phone": "+15550100", "channel": "whatsapp" })).await.ok();
    let (_, event) = asked.last();
    assert_eq!(event["user"]["phone"], "15550100");
    let verify = json!({ "type": "sms", "phone": "+15550100", "token": event["sms"]["otp"] });
    project.post("/verify", verify).await.ok();
}

#[tokio::test]
async fn a_function_that_refuses_a_second_factor_ends_the_sessions() {
    let project = with_functions(
        |settings| {
            settings.mailer.autoconfirm = true;
            settings.hooks.mfa_verification_attempt = function("judge");
        },
        &[(
            "judge",
            "return jsonb_build_object('decision', case when (event->>'valid')::bool then 'reject' else 'continue' end);",
        )],
    )
    .await;
    let session = project.signed_up("ann@example.com").await;
    let token = text(&session, "/access_token");
    let factor = project.ask("POST", "/factors", &token, json!({ "factor_type": "totp" })).await.ok();
    let path = format!("/factors/{}", text(&factor, "/id"));
    let attempt = async |code: String| {
        let challenge = project.ask("POST", &format!("{path}/challenge"), &token, json!({})).await.ok();
        let body = json!({ "challenge_id": challenge["id"], "code": code });
        project.ask("POST", &format!("{path}/verify"), &token, body).await
    };
    let code = crate::mfa::code(&text(&factor, "/totp/secret"), 0);
    let wrong = if code == "000000" { "000001" } else { "000000" };
    assert_eq!(attempt(wrong.to_owned()).await.error(), (422, "mfa_verification_failed".to_owned()));
    assert_eq!(attempt(code).await.error(), (403, "mfa_verification_rejected".to_owned()));
    assert_eq!(project.get("/user", &token).await.error(), (403, "session_not_found".to_owned()));
    assert_eq!(project.count("select count(*) from auth.mfa_factors where status = 'verified'").await, 0);
}

#[tokio::test]
async fn a_wrong_code_counts_although_a_hook_refuses_it() {
    let project = with_functions(
        |settings| {
            settings.mailer.autoconfirm = true;
            settings.hooks.mfa_verification_attempt = function("judge");
        },
        &[("judge", "return jsonb_build_object('decision', 'reject');")],
    )
    .await;
    let session = project.signed_up("ann@example.com").await;
    let token = text(&session, "/access_token");
    let factor = project.ask("POST", "/factors", &token, json!({ "factor_type": "totp" })).await.ok();
    let path = format!("/factors/{}", text(&factor, "/id"));
    let challenge = project.ask("POST", &format!("{path}/challenge"), &token, json!({})).await.ok();
    let body = json!({ "challenge_id": challenge["id"], "code": "nothing" });
    let refused = project.ask("POST", &format!("{path}/verify"), &token, body).await;
    assert_eq!(refused.error(), (403, "mfa_verification_rejected".to_owned()));
    assert_eq!(project.count("select count(*) from _auth.limits where bucket like 'factor-failures:%'").await, 1);
}

#[tokio::test]
async fn functions_that_can_be_hooks_are_listed_with_whether_auth_may_call_them() {
    let project = with_functions(|_| (), &[("allowed", "return event;")]).await;
    let owner = project.database.connect("postgres").await;
    let others = "create function public.refused(event jsonb) returns jsonb language sql as 'select event'; \
                  revoke execute on function public.refused from public; \
                  create function public.two(event jsonb, more int) returns jsonb language sql as 'select event'; \
                  create function public.texts(event text) returns text language sql as 'select event'; \
                  create function public.\"a b\"(event jsonb) returns jsonb language sql as 'select event';";
    owner.batch_execute(others).await.unwrap();
    let listed = project.get("/admin/hooks/functions", &service_role()).await.ok();
    let expected = json!([
        { "schema": "public", "name": "allowed", "callable": true },
        { "schema": "public", "name": "refused", "callable": false },
    ]);
    assert_eq!(listed["functions"], expected);
}

/// A project that keeps what it is told of somebody new, in the order in which it is told.
async fn told_of_newcomers(change: impl FnOnce(&mut Settings)) -> Project {
    let project = with_functions(
        |settings| {
            settings.hooks.after_user_created = function("greet");
            change(settings);
        },
        &[("greet", "insert into public.told (event) values (event); return '{}';")],
    )
    .await;
    let table = "create table public.told (number serial, event jsonb); \
                 grant all on public.told, public.told_number_seq to supabase_auth_admin";
    project.database.connect("postgres").await.batch_execute(table).await.unwrap();
    project
}

async fn told(project: &Project) -> Vec<Value> {
    let client = project.database.connect("supabase_auth_admin").await;
    let rows = client.query("select event from public.told order by number", &[]).await.unwrap();
    rows.iter().map(|row| row.get(0)).collect()
}

#[tokio::test]
async fn somebody_new_is_told_of_once_whichever_way_it_comes() {
    let provider = OpenId::start().await;
    let project = told_of_newcomers(|settings| {
        provider.configure(settings);
        settings.signup.phone = true;
        settings.signup.anonymous_users = true;
        settings.external.web3_ethereum.enabled = true;
    })
    .await;
    let admin = service_role();
    let mut expected = Vec::new();
    let mut came = |who: &str| expected.push(who.to_owned());
    // Whoever is there already is not new.
    for _ in 0..2 {
        project.post("/signup", json!({ "email": "one@example.com", "password": "correct horse" })).await.ok();
        project.post("/otp", json!({ "email": "two@example.com" })).await.ok();
        project.post("/otp", json!({ "phone": "+15550100" })).await.ok();
        project.ask("POST", "/invite", &admin, json!({ "email": "three@example.com" })).await.ok();
        let link = json!({ "type": "signup", "email": "four@example.com", "password": "correct horse" });
        project.ask("POST", "/admin/generate_link", &admin, link).await.ok();
        provider.user(json!({ "sub": "5", "email": "five@example.com", "email_verified": true }));
        let back = provider.sign_in(&project, "provider=keycloak").await;
        assert!(back.contains("access_token"), "{back}");
        provider.user(json!({ "sub": "6", "email": "six@example.com", "email_verified": true }));
        let token = json!({ "provider": "keycloak", "id_token": provider.id_token(&json!({})) });
        project.post("/token?grant_type=id_token", token).await.ok();
        // Refused, but there.
        provider.user(json!({ "sub": "7", "email": "seven@example.com", "email_verified": false }));
        let back = provider.sign_in(&project, "provider=keycloak").await;
        assert!(back.contains("provider_email_needs_verification"), "{back}");
    }
    for email in ["one", "two"] {
        came(&format!("{email}@example.com"));
    }
    came("15550100");
    for email in ["three", "four", "five", "six", "seven"] {
        came(&format!("{email}@example.com"));
    }
    project.post("/token?grant_type=web3", crate::web3::ethereum(time::OffsetDateTime::now_utc())).await.ok();
    project.post("/signup", json!({ "data": { "name": "nobody" } })).await.ok();
    // As upstream: whoever makes an account as an administrator knows of it.
    project.ask("POST", "/admin/users", &admin, json!({ "email": "eight@example.com" })).await.ok();
    let told = told(&project).await;
    let mut who: Vec<_> = told.iter().map(|event| [text(event, "/user/email"), text(event, "/user/phone")].concat()).collect();
    assert_eq!(who.split_off(expected.len()), ["", ""]);
    assert_eq!(who, expected);
    assert!(told.iter().all(|event| event["metadata"]["name"] == "after-user-created"));
    let of = |number: usize| &told[number]["user"];
    assert_eq!(of(0)["identities"][0]["provider"], "email");
    assert_eq!(of(5)["identities"][0]["provider"], "keycloak");
    assert!(of(5)["email_confirmed_at"].is_string(), "as it is once all is done");
    assert_eq!((&of(9)["is_anonymous"], &of(9)["user_metadata"]["name"]), (&json!(true), &json!("nobody")));
}

#[tokio::test]
async fn an_account_is_there_when_its_hook_is_called_and_stays_whatever_the_hook_says() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let uri = format!("http://{}/", listener.local_addr().unwrap());
    let project = project(|settings| {
        settings.mailer.autoconfirm = true;
        settings.hooks.after_user_created = Hook { enabled: true, uri, secrets: vec![SECRET.into()] };
    })
    .await;
    // Looks for the account by a connection of its own.
    let client = Arc::new(project.database.connect("supabase_auth_admin").await);
    let look = move |Json(event): Json<Value>| {
        let client = Arc::clone(&client);
        async move {
            let id: uuid::Uuid = text(&event, "/user/id").parse().unwrap();
            let row = client.query_opt("select email from auth.users where id = $1", &[&id]).await.unwrap();
            let message = row.map_or_else(|| "nobody".to_owned(), |row| row.get(0));
            Json(json!({ "error": { "http_code": 409, "message": message } }))
        }
    };
    tokio::spawn(async move { axum::serve(listener, Router::new().route("/", post(look))).await });
    let body = json!({ "email": "ann@example.com", "password": "correct horse" });
    let answer = project.post("/signup", body.clone()).await;
    assert_eq!(answer.error(), (409, "unknown".to_owned()));
    assert_eq!(answer.json()["message"], "ann@example.com");
    // Nobody is new at a sign-in.
    project.post("/token?grant_type=password", body).await.ok();
}

#[tokio::test]
async fn an_account_that_is_gone_before_its_message_is_sent_is_not_told_of() {
    let port = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
    let project = told_of_newcomers(|settings| {
        settings.smtp.host = Some("127.0.0.1".to_owned());
        settings.smtp.port = port;
        settings.smtp.admin_email = "admin@example.com".to_owned();
    })
    .await;
    let answer = project.post("/signup", json!({ "email": "ann@example.com", "password": "correct horse" })).await;
    assert_eq!(answer.json()["message"], "Error sending confirmation email");
    assert_eq!(project.count("select count(*) from auth.users").await, 0);
    assert!(told(&project).await.is_empty());
}
