//! Sign-in at providers by way of the browser; linking.

use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::{Value, json};
use sha2::Sha256;

use crate::{
    openid::{APP, OpenId, challenge, found},
    support::{Project, SECRET, member, project, service_role, text},
};

async fn with_provider() -> (OpenId, Project) {
    let provider = OpenId::start().await;
    let project = project(|settings| provider.configure(settings)).await;
    provider.user(ann());
    (provider, project)
}

fn ann() -> Value {
    json!({ "sub": "ann-1", "email": "Ann@Example.com", "email_verified": true, "name": "Ann" })
}

async fn user(project: &Project, location: &str) -> Value {
    let token = member(location, "access_token").unwrap_or_else(|| panic!("{location}"));
    project.get("/user", &token).await.ok()
}

#[tokio::test]
async fn a_browser_goes_to_the_provider_and_comes_back_with_tokens() {
    let (provider, project) = with_provider().await;
    let begun = project.get(&format!("/authorize?provider=keycloak&scopes=roles&prompt=login&redirect_to={APP}"), "").await;
    let there = found(&begun);
    assert!(there.starts_with(&format!("{}/protocol/openid-connect/auth?", provider.url)), "{there}");
    for (name, value) in [
        ("client_id", "client"),
        ("response_type", "code"),
        ("scope", "profile+email+roles"),
        ("prompt", "login"),
        ("redirect_uri", "http%3A%2F%2Fref.api.localhost%3A8000%2Fauth%2Fv1%2Fcallback"),
    ] {
        assert_eq!(member(&there, name).as_deref(), Some(value), "{there}");
    }
    let location = provider.back(&project, &there).await;
    assert!(location.starts_with(&format!("{APP}#access_token=")), "{location}");
    assert_eq!(member(&location, "provider_token").as_deref(), Some("pat"));
    assert_eq!(member(&location, "provider_refresh_token").as_deref(), Some("prt"));
    assert_eq!(provider.exchanged("code").as_deref(), Some("c0de"));
    assert_eq!(provider.exchanged("client_secret").as_deref(), Some("s3cret"));
    let user = user(&project, &location).await;
    assert_eq!(user["email"], "ann@example.com");
    assert!(user["email_confirmed_at"].is_string());
    assert_eq!(user["app_metadata"], json!({ "provider": "keycloak", "providers": ["keycloak"] }));
    assert_eq!(user["user_metadata"]["full_name"], "Ann");
    assert_eq!(user["identities"][0]["id"], "ann-1");
    // The same person again, with another name.
    provider.user(json!({ "sub": "ann-1", "email": "ann@example.com", "email_verified": true, "name": "Anna" }));
    let again = self::user(&project, &provider.sign_in(&project, "provider=keycloak").await).await;
    assert_eq!((&again["id"], &again["user_metadata"]["name"]), (&user["id"], &json!("Anna")));
    assert_eq!(project.count("select count(*) from auth.identities").await, 1);
    assert_eq!(project.count("select count(*) from auth.mfa_amr_claims where authentication_method = 'oauth'").await, 2);
}

#[tokio::test]
async fn a_flow_by_pkce_ends_in_a_code() {
    let (provider, project) = with_provider().await;
    let verifier = "v".repeat(43);
    let query = format!("provider=keycloak&code_challenge_method=s256&code_challenge={}", challenge(&verifier));
    let there = found(&project.get(&format!("/authorize?redirect_to={APP}&{query}"), "").await);
    let location = provider.back(&project, &there).await;
    assert!(location.starts_with(&format!("{APP}?code=")), "{location}");
    let code = member(&location, "code").unwrap();
    let wrong = project.post("/token?grant_type=pkce", json!({ "auth_code": code, "code_verifier": "w".repeat(43) })).await;
    assert_eq!(wrong.error(), (400, "bad_code_verifier".to_owned()));
    let body = json!({ "auth_code": code, "code_verifier": verifier });
    let session = project.post("/token?grant_type=pkce", body.clone()).await.ok();
    assert_eq!((&session["provider_token"], &session["provider_refresh_token"]), (&json!("pat"), &json!("prt")));
    assert_eq!(session["user"]["email"], "ann@example.com");
    assert_eq!(project.post("/token?grant_type=pkce", body).await.error(), (404, "flow_state_not_found".to_owned()));
    // The flow is over; what the browser remembers of it leads nowhere.
    let location = provider.back(&project, &there).await;
    assert_eq!(member(&location, "error_code").as_deref(), Some("bad_oauth_state"));
}

#[tokio::test]
async fn a_state_is_good_once_and_for_what_it_was_given_for() {
    let (provider, project) = with_provider().await;
    let there = found(&project.get(&format!("/authorize?provider=keycloak&redirect_to={APP}"), "").await);
    let both = tokio::join!(provider.back(&project, &there), provider.back(&project, &there));
    let is_in = |location: &String| member(location, "access_token").is_some();
    assert!([&both.0, &both.1].into_iter().filter(|location| is_in(location)).count() == 1, "{both:?}");
    assert_eq!(project.count("select count(*) from auth.sessions").await, 1);
    let again = provider.back(&project, &there).await;
    assert_eq!(member(&again, "error_code").as_deref(), Some("bad_oauth_state"), "{again}");
    // A browser that the provider has refused may try again.
    let there = found(&project.get(&format!("/authorize?provider=keycloak&redirect_to={APP}"), "").await);
    let state = member(&there, "state").unwrap();
    found(&project.get(&format!("/callback?error=access_denied&state={state}"), "").await);
    assert!(is_in(&provider.back(&project, &there).await));
    // Not for ever.
    let there = found(&project.get(&format!("/authorize?provider=keycloak&redirect_to={APP}"), "").await);
    project.sql("update auth.flow_state set created_at = created_at - interval '6 minutes'").await;
    let late = provider.back(&project, &there).await;
    assert!(late.starts_with("http://localhost:3000?") && late.contains("OAuth+state+has+expired"), "{late}");
}

#[tokio::test]
async fn no_secret_makes_a_state() {
    let provider = OpenId::start().await;
    let project = project(|settings| {
        provider.configure(settings);
        settings.mailer.autoconfirm = true;
    })
    .await;
    let session = project.signed_up("bob@example.com").await;
    provider.user(ann());
    let refused = async |state: &str| {
        let location = found(&project.get(&format!("/callback?code=c0de&state={state}"), "").await);
        assert_eq!(member(&location, "error_code").as_deref(), Some("bad_oauth_state"), "{location}");
    };
    // With the JWT secret, which may have leaked, as it was sealed before; and by the rules of other implementations.
    let claims = json!({
        "site_url": "http://localhost:3000", "provider": "keycloak", "referrer": APP,
        "linking_target_id": session["user"]["id"], "exp": 4_000_000_000_u64,
    });
    let derived = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).unwrap().chain_update("oauth state").finalize();
    for key in [SECRET.to_owned(), hex::encode(derived.into_bytes())] {
        let key = jsonwebtoken::EncodingKey::from_secret(key.as_bytes());
        refused(&jsonwebtoken::encode(&jsonwebtoken::Header::default(), &claims, &key).unwrap()).await;
    }
    // Nor is the row of a message's flow one, nor an id that is written otherwise.
    let pkce =
        json!({ "email": "bob@example.com", "code_challenge": challenge(&"v".repeat(43)), "code_challenge_method": "s256" });
    project.post("/recover", pkce).await.ok();
    let client = project.database.connect("supabase_auth_admin").await;
    let id: uuid::Uuid = client.query_one("select id from auth.flow_state", &[]).await.unwrap().get(0);
    refused(&id.to_string()).await;
    let there = found(&project.get(&format!("/authorize?provider=keycloak&redirect_to={APP}"), "").await);
    refused(&member(&there, "state").unwrap().replace('-', "")).await;
    refused(&uuid::Uuid::new_v4().to_string()).await;
    assert_eq!(project.count("select count(*) from auth.identities where provider = 'keycloak'").await, 0);
}

#[tokio::test]
async fn a_verified_address_joins_accounts() {
    let (provider, project) = with_provider().await;
    project.post("/otp", json!({ "email": "ann@example.com" })).await.ok();
    let (_, data) = project.last_message("ann@example.com").await;
    let session = project.post("/verify", json!({ "type": "email", "token_hash": data["token_hash"] })).await.ok();
    let joined = user(&project, &provider.sign_in(&project, "provider=keycloak").await).await;
    assert_eq!(joined["id"], session["user"]["id"]);
    assert_eq!(joined["app_metadata"], json!({ "provider": "email", "providers": ["email", "keycloak"] }));
}

#[tokio::test]
async fn whoever_took_an_address_before_its_owner_is_out() {
    let (provider, project) = with_provider().await;
    let body = json!({ "email": "ann@example.com", "password": "correct horse", "data": { "planted": true } });
    let planted = project.post("/signup", body.clone()).await.ok();
    let joined = user(&project, &provider.sign_in(&project, "provider=keycloak").await).await;
    assert_eq!(joined["id"], planted["id"]);
    assert_eq!(joined["app_metadata"], json!({ "provider": "keycloak", "providers": ["keycloak"] }));
    assert_eq!(joined["user_metadata"].get("planted"), None);
    assert_eq!(joined["identities"].as_array().unwrap().len(), 1);
    let old = project.post("/token?grant_type=password", body).await;
    assert_eq!(old.error(), (400, "invalid_credentials".to_owned()));
}

#[tokio::test]
async fn whoever_has_a_number_and_took_an_address_is_out_too() {
    let provider = OpenId::start().await;
    let project = project(|settings| {
        provider.configure(settings);
        settings.signup.phone = true;
        settings.sms.autoconfirm = true;
        settings.security.manual_linking_enabled = true;
    })
    .await;
    let body = json!({ "phone": "15550100", "password": "correct horse" });
    let planted = project.post("/signup", body.clone()).await.ok();
    // By an account at the provider that nobody has vouched for.
    provider.user(json!({ "sub": "eve-1", "email": "ann@example.com", "email_verified": false }));
    let begun = project.get("/user/identities/authorize?provider=keycloak", &text(&planted, "/access_token")).await;
    provider.back(&project, &found(&begun)).await;
    assert_eq!(project.count("select count(*) from auth.users where email = 'ann@example.com'").await, 1);
    provider.user(ann());
    let joined = user(&project, &provider.sign_in(&project, "provider=keycloak").await).await;
    assert_eq!((&joined["email"], &joined["phone"]), (&json!("ann@example.com"), &json!("")));
    let old = project.post("/token?grant_type=password", body).await;
    assert_eq!(old.error(), (400, "invalid_credentials".to_owned()));
    let ended = project.get("/user", &text(&planted, "/access_token")).await;
    assert_eq!(ended.error(), (403, "session_not_found".to_owned()));
}

#[tokio::test]
async fn an_invitation_ends_with_its_time() {
    let (_, project) = with_provider().await;
    project.ask("POST", "/invite", &crate::support::service_role(), json!({ "email": "ann@example.com" })).await.ok();
    let (_, data) = project.last_message("ann@example.com").await;
    project.sql("update auth.users set confirmation_sent_at = now() - interval '2 days'").await;
    let path = format!("/authorize?provider=keycloak&invite_token={}", text(&data, "/token_hash"));
    assert_eq!(project.get(&path, "").await.error(), (404, "user_not_found".to_owned()));
}

#[tokio::test]
async fn an_unverified_address_joins_nothing() {
    let (provider, project) = with_provider().await;
    project.post("/otp", json!({ "email": "ann@example.com" })).await.ok();
    let (_, data) = project.last_message("ann@example.com").await;
    project.post("/verify", json!({ "type": "email", "token_hash": data["token_hash"] })).await.ok();
    provider.user(json!({ "sub": "mallory", "email": "ann@example.com", "email_verified": false }));
    let location = provider.sign_in(&project, "provider=keycloak").await;
    assert_eq!(member(&location, "error_code").as_deref(), Some("provider_email_needs_verification"), "{location}");
    assert_eq!(project.count("select count(*) from auth.users").await, 1);
    assert_eq!(project.count("select count(*) from auth.identities").await, 1);
}

#[tokio::test]
async fn an_unverified_address_is_confirmed_by_mail() {
    let (provider, project) = with_provider().await;
    provider.user(json!({ "sub": "bob", "email": "bob@example.com", "email_verified": false }));
    let location = provider.sign_in(&project, "provider=keycloak").await;
    assert_eq!(member(&location, "error_code").as_deref(), Some("provider_email_needs_verification"), "{location}");
    assert!(location.starts_with(&format!("{APP}?error=")), "{location}");
    let (kind, data) = project.last_message("bob@example.com").await;
    assert_eq!(kind, "confirmation");
    project.post("/verify", json!({ "type": "signup", "token_hash": data["token_hash"] })).await.ok();
    let user = user(&project, &provider.sign_in(&project, "provider=keycloak").await).await;
    assert_eq!(user["email"], "bob@example.com");
}

#[tokio::test]
async fn nobody_new_comes_in_where_signups_are_off() {
    let provider = OpenId::start().await;
    let project = project(|settings| {
        provider.configure(settings);
        settings.signup.disabled = true;
    })
    .await;
    provider.user(ann());
    let location = provider.sign_in(&project, "provider=keycloak").await;
    assert_eq!(member(&location, "error_code").as_deref(), Some("signup_disabled"), "{location}");
    assert_eq!(project.count("select count(*) from auth.users").await, 0);
}

#[tokio::test]
async fn an_address_may_be_missing_where_the_project_says_so() {
    let provider = OpenId::start().await;
    let project = project(|settings| {
        provider.configure(settings);
        settings.external.providers.get_mut("keycloak").unwrap().email_optional = true;
    })
    .await;
    provider.user(json!({ "sub": "nobody" }));
    let user = user(&project, &provider.sign_in(&project, "provider=keycloak").await).await;
    assert_eq!((&user["email"], &user["identities"][0]["id"]), (&json!(""), &json!("nobody")));
}

#[tokio::test]
async fn an_invitation_is_accepted_at_a_provider() {
    let (provider, project) = with_provider().await;
    project.post("/otp", json!({ "email": "ann@example.com" })).await.ok();
    let (_, data) = project.last_message("ann@example.com").await;
    let token = text(&data, "/token_hash");
    provider.user(json!({ "sub": "other", "email": "other@example.com", "email_verified": true }));
    let query = format!("provider=keycloak&invite_token={token}");
    let location = provider.sign_in(&project, &query).await;
    assert!(location.contains("Invited+email+does+not+match"), "{location}");
    provider.user(ann());
    let invited = user(&project, &provider.sign_in(&project, &query).await).await;
    assert_eq!(invited["email"], "ann@example.com");
    assert_eq!(invited["app_metadata"]["providers"], json!(["email", "keycloak"]));
    let again = project.get(&format!("/authorize?{query}"), "").await;
    assert_eq!(again.error(), (404, "user_not_found".to_owned()));
}

#[tokio::test]
async fn what_providers_and_browsers_say_is_passed_on_or_refused() {
    let (provider, project) = with_provider().await;
    for (query, message) in [
        ("provider=nowhere", "Unsupported provider: Provider nowhere could not be found"),
        ("provider=github", "Unsupported provider: provider is not enabled"),
        ("provider=custom:none", "Unsupported provider: Provider custom:none could not be found"),
        ("", "Unsupported provider: Provider  could not be found"),
        ("provider=keycloak&code_challenge=x", "PKCE flow requires code_challenge_method and code_challenge"),
    ] {
        let answer = project.get(&format!("/authorize?{query}"), "").await;
        assert_eq!(answer.error(), (400, "validation_failed".to_owned()), "{query}");
        assert_eq!(answer.json()["message"], message, "{query}");
    }
    let url = project.get(&format!("/authorize?provider=keycloak&skip_http_redirect=true&redirect_to={APP}"), "").await.ok();
    let state = member(&text(&url, "/url"), "state").unwrap();
    let location = found(&project.get(&format!("/callback?error=access_denied&error_description=No&state={state}"), "").await);
    assert_eq!(location, format!("{APP}?error=access_denied&error_description=No#error=access_denied&error_description=No&sb="));
    for (query, code) in [
        ("code=c0de".to_owned(), "bad_oauth_callback"),
        ("code=c0de&state=forged".to_owned(), "bad_oauth_state"),
        (format!("state={state}"), "bad_oauth_callback"),
    ] {
        let location = found(&project.get(&format!("/callback?{query}"), "").await);
        assert_eq!(member(&location, "error_code").as_deref(), Some(code), "{location}");
        assert!(location.starts_with("http://localhost:3000"), "{location}");
    }
    // Somewhere else than the application is nowhere.
    let there = found(&project.get("/authorize?provider=keycloak&redirect_to=https://evil.example/", "").await);
    let location = provider.back(&project, &there).await;
    assert!(location.starts_with("http://localhost:3000#access_token="), "{location}");
}

#[tokio::test]
async fn a_form_comes_back_as_well() {
    let (_, project) = with_provider().await;
    let there = found(&project.get(&format!("/authorize?provider=keycloak&redirect_to={APP}"), "").await);
    let form = format!("code=c0de&state={}", member(&there, "state").unwrap());
    let location = found(&project.post_form("/callback", form).await);
    assert!(location.starts_with(&format!("{APP}#access_token=")), "{location}");
}

#[tokio::test]
async fn identities_are_linked_and_unlinked_by_hand() {
    let provider = OpenId::start().await;
    let project = project(|settings| {
        provider.configure(settings);
        settings.mailer.autoconfirm = true;
        settings.security.manual_linking_enabled = true;
    })
    .await;
    let session = project.signed_up("bob@example.com").await;
    let token = text(&session, "/access_token");
    provider.user(ann());
    let path = format!("/user/identities/authorize?provider=keycloak&skip_http_redirect=true&redirect_to={APP}");
    assert_eq!(project.get(&path, "").await.error(), (401, "no_authorization".to_owned()));
    let only = format!("/user/identities/{}", text(&session, "/user/identities/0/identity_id"));
    let refused = project.ask("DELETE", &only, &token, Value::Null).await;
    assert_eq!(refused.error(), (422, "single_identity_not_deletable".to_owned()));
    let there = text(&project.get(&path, &token).await.ok(), "/url");
    let linked = user(&project, &provider.back(&project, &there).await).await;
    assert_eq!((&linked["id"], &linked["email"]), (&session["user"]["id"], &json!("bob@example.com")));
    assert_eq!(linked["app_metadata"], json!({ "provider": "email", "providers": ["email", "keycloak"] }));
    // Once, and by one user.
    let there = text(&project.get(&path, &token).await.ok(), "/url");
    let location = provider.back(&project, &there).await;
    assert_eq!(member(&location, "error_code").as_deref(), Some("identity_already_exists"), "{location}");
    // Who it is now is who has the identity, not who has its address.
    let again = user(&project, &provider.sign_in(&project, "provider=keycloak").await).await;
    assert_eq!(again["id"], session["user"]["id"]);
    for (id, status, code) in
        [("x".to_owned(), 404, "validation_failed"), (uuid::Uuid::new_v4().to_string(), 422, "identity_not_found")]
    {
        let answer = project.ask("DELETE", &format!("/user/identities/{id}"), &token, Value::Null).await;
        assert_eq!(answer.error(), (status, code.to_owned()));
    }
    assert_eq!(project.ask("DELETE", &only, &token, Value::Null).await.ok(), json!({}));
    let left = project.get("/user", &token).await.ok();
    assert_eq!((&left["email"], left["identities"].as_array().unwrap().len()), (&json!("ann@example.com"), 1));
    assert_eq!(left["app_metadata"], json!({ "provider": "keycloak", "providers": ["keycloak"] }));
}

#[tokio::test]
async fn linking_by_hand_is_off_unless_it_is_on() {
    let provider = OpenId::start().await;
    let project = project(|settings| {
        provider.configure(settings);
        settings.mailer.autoconfirm = true;
    })
    .await;
    let token = text(&project.signed_up("bob@example.com").await, "/access_token");
    let answer = project.get("/user/identities/authorize?provider=keycloak", &token).await;
    assert_eq!(answer.error(), (404, "manual_linking_disabled".to_owned()));
}

#[tokio::test]
async fn somebody_anonymous_gets_a_name() {
    let provider = OpenId::start().await;
    let project = project(|settings| {
        provider.configure(settings);
        settings.signup.anonymous_users = true;
        settings.security.manual_linking_enabled = true;
    })
    .await;
    provider.user(ann());
    let session = project.post("/signup", json!({})).await.ok();
    let path = format!("/user/identities/authorize?provider=keycloak&redirect_to={APP}");
    let there = found(&project.get(&path, &text(&session, "/access_token")).await);
    let user = user(&project, &provider.back(&project, &there).await).await;
    assert_eq!((&user["id"], &user["is_anonymous"]), (&session["user"]["id"], &json!(false)));
    assert_eq!(user["email"], "ann@example.com");
    assert!(user["email_confirmed_at"].is_string());
}

fn custom(identifier: &str) -> Value {
    json!({
        "provider_type": "oauth2", "identifier": identifier, "name": "Ours", "client_id": "client", "client_secret": "s3cret",
        "authorization_url": "https://id.example.com/authorize", "token_url": "https://id.example.com/token",
        "userinfo_url": "https://id.example.com/userinfo", "scopes": ["profile"],
    })
}

#[tokio::test]
async fn administrators_define_providers() {
    let project = project(|settings| settings.custom_oauth.max_providers = 1).await;
    let admin = service_role();
    let path = "/admin/custom-providers";
    let created = project.ask("POST", path, &admin, custom("ours")).await;
    assert_eq!(created.status, 201, "{}", created.body);
    let created = created.json();
    assert_eq!(created["identifier"], "custom:ours");
    assert_eq!((&created["pkce_enabled"], &created["enabled"]), (&json!(true), &json!(true)));
    assert_eq!(created.get("client_secret"), None);
    let of_it = "/admin/custom-providers/custom:ours";
    assert_eq!(project.get(of_it, &admin).await.ok(), created);
    assert_eq!(project.get(path, &admin).await.ok(), json!({ "providers": [created] }));
    assert_eq!(project.get(&format!("{path}?type=oidc"), &admin).await.ok(), json!({ "providers": [] }));
    let there = found(&project.get("/authorize?provider=custom:ours", "").await);
    assert!(there.starts_with("https://id.example.com/authorize?"), "{there}");
    assert!(member(&there, "code_challenge").is_some(), "{there}");
    let changed = project.ask("PUT", of_it, &admin, json!({ "enabled": false, "name": "Theirs" })).await.ok();
    assert_eq!(
        (&changed["name"], &changed["enabled"], &changed["scopes"]),
        (&json!("Theirs"), &json!(false), &json!(["profile"]))
    );
    assert_eq!(project.get("/authorize?provider=custom:ours", "").await.error(), (400, "validation_failed".to_owned()));
    let more = project.ask("POST", path, &admin, custom("more")).await;
    assert_eq!(more.error(), (400, "over_custom_provider_quota".to_owned()));
    assert_eq!(project.ask("DELETE", of_it, &admin, Value::Null).await.status, 204);
    assert_eq!(project.ask("DELETE", of_it, &admin, Value::Null).await.error(), (404, "custom_provider_not_found".to_owned()));
}

#[tokio::test]
async fn providers_that_are_none_are_not_taken() {
    let project = project(|settings| settings.mailer.autoconfirm = true).await;
    let admin = service_role();
    let path = "/admin/custom-providers";
    let token = text(&project.signed_up("bob@example.com").await, "/access_token");
    assert_eq!(project.ask("POST", path, &token, custom("ours")).await.error(), (403, "not_admin".to_owned()));
    assert_eq!(project.get(path, "").await.error(), (401, "no_authorization".to_owned()));
    assert_eq!(project.ask("POST", path, &admin, custom("ours")).await.status, 201);
    let with = |changes: Value| {
        let mut body = custom("other");
        body.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
        body
    };
    for (body, code, part) in [
        (custom("ours"), "conflict", "already exists"),
        (custom("google"), "validation_failed", "Cannot use reserved provider name: google."),
        (custom("Some_Thing"), "validation_failed", "identifier must have"),
        (with(json!({ "provider_type": "saml" })), "validation_failed", "'oauth2' or 'oidc'"),
        (with(json!({ "provider_type": "oidc" })), "validation_failed", "issuer is required for OIDC providers"),
        (with(json!({ "token_url": "" })), "validation_failed", "token_url is required"),
        (with(json!({ "token_url": "http://id.example.com/" })), "validation_failed", "token_url must be"),
        (with(json!({ "attribute_mapping": { "role": "x" } })), "validation_failed", "protected"),
        (with(json!({ "authorization_params": { "state": "x" } })), "validation_failed", "reserved"),
        // A private address is not reached.
        (
            with(json!({ "provider_type": "oidc", "issuer": "https://10.0.0.1" })),
            "validation_failed",
            "Failed to fetch OIDC discovery document from \"https://10.0.0.1/.well-known/openid-configuration\"",
        ),
    ] {
        let answer = project.ask("POST", path, &admin, body.clone()).await;
        assert_eq!(answer.error(), (400, code.to_owned()), "{body} {}", answer.body);
        assert!(answer.json()["message"].as_str().unwrap().contains(part), "{body} {}", answer.body);
    }
    assert_eq!(project.get(&format!("{path}?type=x"), &admin).await.error(), (400, "validation_failed".to_owned()));
    assert_eq!(project.get(&format!("{path}/ours"), &admin).await.error(), (400, "validation_failed".to_owned()));
}

#[tokio::test]
async fn users_sign_in_by_an_administrators_provider() {
    let (provider, project) = with_provider().await;
    let created = project.ask("POST", "/admin/custom-providers", &service_role(), custom("ours")).await;
    assert_eq!(created.status, 201, "{}", created.body);
    // One without TLS, which only a test has.
    project
        .sql(&format!(
            "alter table auth.custom_oauth_providers drop constraint custom_oauth_providers_oidc_issuer_https;
             update auth.custom_oauth_providers set provider_type = 'oidc', issuer = '{}'",
            provider.url
        ))
        .await;
    let there = found(&project.get(&format!("/authorize?provider=custom:ours&redirect_to={APP}"), "").await);
    let location = provider.back(&project, &there).await;
    let verifier = provider.exchanged("code_verifier").unwrap();
    assert_eq!(member(&there, "code_challenge").unwrap(), challenge(&verifier));
    let user = user(&project, &location).await;
    assert_eq!(user["app_metadata"]["providers"], json!(["custom:ours"]));
    assert_eq!((&user["email"], &user["identities"][0]["id"]), (&json!("ann@example.com"), &json!("ann-1")));
    // The state was for once, and with it the verifier.
    let location = provider.back(&project, &there).await;
    assert_eq!(member(&location, "error_code").as_deref(), Some("bad_oauth_state"), "{location}");
    let there = found(&project.get(&format!("/authorize?provider=custom:ours&redirect_to={APP}"), "").await);
    project.sql("delete from auth.oauth_client_states").await;
    let location = provider.back(&project, &there).await;
    assert_eq!(member(&location, "error_code").as_deref(), Some("oauth_client_state_not_found"), "{location}");
}
