//! No request that many make reads a whole table: what it looks for is found by an index.

#![expect(clippy::unwrap_used, reason = "a failure here is the test's failure")]

use serde_json::json;

use crate::{
    openid::challenge,
    support::{Project, project, service_role, text},
};

/// More rows than are worth reading one by one.
const FILL: &str = "
    insert into auth.users (instance_id, id, aud, role, email, phone, email_change, phone_change, created_at)
      select '00000000-0000-0000-0000-000000000000', gen_random_uuid(), 'authenticated', 'authenticated', n || '@many.test',
      (10000000000 + n)::text, case when n % 100 = 0 then n || '@new.test' else '' end,
      case when n % 100 = 0 then (20000000000 + n)::text else '' end, now() - n * interval '1 s' from generate_series(1, 5000) n;
    insert into auth.identities (id, provider_id, user_id, identity_data, provider)
      select gen_random_uuid(), id::text, id, jsonb_build_object('email', email), 'email' from auth.users where email like '%@many.test';
    insert into auth.sessions (id, user_id, aal, created_at) select gen_random_uuid(), id, 'aal1', now() from auth.users;
    insert into auth.mfa_amr_claims (id, session_id, authentication_method, created_at, updated_at)
      select gen_random_uuid(), id, 'password', now(), now() from auth.sessions;
    insert into auth.refresh_tokens (instance_id, token, user_id, session_id, revoked)
      select '00000000-0000-0000-0000-000000000000', id::text, user_id, id, false from auth.sessions;
    insert into auth.one_time_tokens (id, user_id, token_type, token_hash, relates_to)
      select gen_random_uuid(), id, 'recovery_token', id::text, email from auth.users;
    insert into auth.mfa_factors (id, user_id, friendly_name, factor_type, status, created_at, updated_at)
      select gen_random_uuid(), id, 'app', 'totp', 'unverified', now(), now() from auth.users;
    insert into auth.mfa_challenges (id, factor_id, created_at, ip_address)
      select gen_random_uuid(), id, now(), '127.0.0.1' from auth.mfa_factors;
    insert into auth.flow_state (id, auth_code, code_challenge_method, code_challenge, provider_type, authentication_method)
      select gen_random_uuid(), id::text, 's256', 'x', 'email', 'magiclink' from auth.users;
    insert into auth.oauth_clients (id, registration_type, redirect_uris, grant_types, token_endpoint_auth_method)
      values ('00000000-0000-4000-8000-000000000001', 'dynamic', 'https://app.test/', 'authorization_code', 'none');
    insert into auth.oauth_authorizations (id, authorization_id, client_id, user_id, redirect_uri, scope)
      select gen_random_uuid(), id::text, '00000000-0000-4000-8000-000000000001', id, 'https://app.test/', 'email' from auth.users;
    insert into auth.audit_log_entries (instance_id, id, payload, created_at, ip_address)
      select '00000000-0000-0000-0000-000000000000', id, '{}', created_at, '' from auth.users;
    analyze";

const READ: &str = "select coalesce(string_agg(schemaname || '.' || relname, ', ' order by relname), '') from pg_stat_user_tables
    where schemaname = 'auth' and n_live_tup >= 5000 and seq_scan > 0";

async fn read_whole(project: &Project) -> String {
    project.database.connect("supabase_admin").await.query_one(READ, &[]).await.unwrap().get(0)
}

#[tokio::test]
async fn what_many_ask_is_found_by_an_index() {
    let project = project(|settings| {
        settings.signup.phone = true;
        settings.mailer.secure_email_change_enabled = false;
    })
    .await;
    let body = json!({ "email": "ann@example.com", "password": "correct horse", "email_confirm": true });
    project.ask("POST", "/admin/users", &service_role(), body).await.ok();
    let owner = project.database.connect("supabase_admin").await;
    owner.batch_execute(FILL).await.unwrap();
    drop(owner);
    // What was counted up to now is of the preparation.
    let reset = "select pg_stat_force_next_flush(), pg_stat_reset()";
    project.database.connect("supabase_admin").await.batch_execute(reset).await.unwrap();
    project.database.connect("supabase_admin").await.batch_execute("analyze").await.unwrap();
    // So often that PostgreSQL plans a statement for good.
    for number in 0..8 {
        walk(&project, number).await;
    }
    // A connection tells what it has read when it ends.
    project.disconnected().await;
    assert_eq!(read_whole(&project).await, "");
}

async fn walk(project: &Project, number: u32) {
    let email = format!("new{number}@example.com");
    let pkce = json!({ "code_challenge": challenge(&"v".repeat(43)), "code_challenge_method": "s256" });
    project.post("/signup", json!({ "email": email, "password": "correct horse" })).await.ok();
    let mut otp = json!({ "email": "ann@example.com" });
    otp.as_object_mut().unwrap().extend(pkce.as_object().unwrap().clone());
    project.post("/otp", otp).await.ok();
    project.post("/recover", json!({ "email": "ann@example.com" })).await.ok();
    let hash = project.last_message("ann@example.com").await.1["token_hash"].clone();
    project.post("/verify", json!({ "type": "recovery", "token_hash": hash })).await.ok();
    for (kind, who) in [("recovery", "email"), ("email_change", "email"), ("sms", "phone"), ("phone_change", "phone")] {
        let address = if who == "email" { "100@new.test" } else { "20000000100" };
        let refused = project.post("/verify", json!({ "type": kind, who: address, "token": "000000" })).await;
        assert_eq!(refused.status, 403, "{}", refused.body);
    }
    project.post("/resend", json!({ "type": "email_change", "email": "200@new.test" })).await.ok();
    let body = json!({ "email": "ann@example.com", "password": "correct horse" });
    let session = project.post("/token?grant_type=password", body).await.ok();
    let wrong = json!({ "email": "ann@example.com", "password": "wrong" });
    assert_eq!(project.post("/token?grant_type=password", wrong).await.status, 400);
    let body = json!({ "refresh_token": session["refresh_token"] });
    let token = text(&project.post("/token?grant_type=refresh_token", body).await.ok(), "/access_token");
    project.get("/user", &token).await.ok();
    project.ask("PUT", "/user", &token, json!({ "data": { "number": number } })).await.ok();
    let body = json!({ "factor_type": "totp", "friendly_name": format!("app {number}") });
    let factor = text(&project.ask("POST", "/factors", &token, body).await.ok(), "/id");
    let challenge = project.ask("POST", &format!("/factors/{factor}/challenge"), &token, json!({})).await.ok();
    let body = json!({ "challenge_id": challenge["id"], "code": "000000" });
    assert_eq!(project.ask("POST", &format!("/factors/{factor}/verify"), &token, body).await.status, 422);
    project.ask("DELETE", &format!("/factors/{factor}"), &token, json!({})).await.ok();
    let nobody = json!({ "auth_code": "00000000-0000-4000-8000-000000000000", "code_verifier": "v".repeat(43) });
    assert_eq!(project.post("/token?grant_type=pkce", nobody).await.status, 404);
    assert_eq!(project.ask("POST", "/logout", &token, json!({})).await.status, 204);
    let admin = service_role();
    let found = project.database.connect("supabase_auth_admin").await;
    let sql = "select id::text from auth.users where email = $1 and is_sso_user = false";
    let id: String = found.query_one(sql, &[&format!("{}@many.test", number + 1)]).await.unwrap().get(0);
    project.get(&format!("/admin/users/{id}"), &admin).await.ok();
    project.ask("PUT", &format!("/admin/users/{id}"), &admin, json!({ "user_metadata": { "n": number } })).await.ok();
    project.ask("DELETE", &format!("/admin/users/{id}"), &admin, json!({})).await.ok();
}
