//! Roles, tokens and row level security.

use serde_json::json;

use crate::support::{project, service_role, token};

const SQL: &str = "
create table notes (id int primary key, owner uuid, body text);
alter table notes enable row level security;
create policy own on notes for all to authenticated using (auth.uid() = owner) with check (auth.uid() = owner);
insert into notes values (1, '11111111-1111-1111-1111-111111111111', 'of one'), (2, '22222222-2222-2222-2222-222222222222', 'of two');
create table secrets (id int primary key);
revoke all on secrets from anon, authenticated;
";

fn user(id: char) -> String {
    let id: String = "11111111-1111-1111-1111-111111111111".replace('1', &id.to_string());
    format!("Authorization: Bearer {}", token(json!({"role": "authenticated", "sub": id})))
}

#[tokio::test]
async fn everyone_sees_their_own() {
    let p = project(SQL).await;
    // Interleaved on the same connections, more often than statements need to be prepared.
    for _ in 0..4 {
        assert_eq!(p.body(&format!("GET /notes?select=body\n{}", user('1'))).await, r#"200 [{"body":"of one"}]"#);
        assert_eq!(p.body(&format!("GET /notes?select=body\n{}", user('2'))).await, r#"200 [{"body":"of two"}]"#);
        assert_eq!(p.body("GET /notes?select=body").await, "200 []");
        assert_eq!(p.send(&format!("GET /notes\n{}", service_role())).await.json().as_array().unwrap().len(), 2);
    }
    let foreign = "{\"id\":3,\"owner\":\"22222222-2222-2222-2222-222222222222\",\"body\":\"x\"}";
    insta::assert_snapshot!(p.show(&format!("POST /notes\n{}\n\n{foreign}", user('1'))).await, @r#"
    403
    {"code":"42501","details":null,"hint":null,"message":"new row violates row-level security policy for table \"notes\""}
    "#);
    insta::assert_snapshot!(p.show(&format!("PATCH /notes?id=eq.2\nPrefer: return=representation\n{}\n\n{{\"body\":\"stolen\"}}", user('1'))).await, @r#"
    200
    content-range: */*
    preference-applied: return=representation
    []
    "#);
    insta::assert_snapshot!(p.show(&format!("DELETE /notes?id=eq.2\nPrefer: count=exact\n{}", user('1'))).await, @r#"
    204
    content-range: */0
    preference-applied: count=exact
    "#);
}

#[tokio::test]
async fn refusals() {
    let p = project(SQL).await;
    insta::assert_snapshot!(p.show("GET /secrets").await, @r#"
    401
    www-authenticate: Bearer
    {"code":"42501","details":null,"hint":null,"message":"permission denied for table secrets"}
    "#);
    insta::assert_snapshot!(p.show(&format!("GET /secrets\n{}", user('1'))).await, @r#"
    403
    {"code":"42501","details":null,"hint":null,"message":"permission denied for table secrets"}
    "#);
    insta::assert_snapshot!(p.show("GET /notes\nAuthorization: Bearer abc").await, @r#"
    401
    www-authenticate: Bearer error="invalid_token", error_description="Expected 3 parts in JWT; got 1"
    {"code":"PGRST301","details":null,"hint":null,"message":"Expected 3 parts in JWT; got 1"}
    "#);
    insta::assert_snapshot!(p.show("GET /notes\nAuthorization: Bearer ").await, @r#"
    401
    www-authenticate: Bearer error="invalid_token", error_description="Empty JWT is sent in Authorization header"
    {"code":"PGRST301","details":null,"hint":null,"message":"Empty JWT is sent in Authorization header"}
    "#);
    let expired = token(json!({"role": "authenticated", "exp": 1_000_000_000}));
    insta::assert_snapshot!(p.show(&format!("GET /notes\nAuthorization: Bearer {expired}")).await, @r#"
    401
    www-authenticate: Bearer error="invalid_token", error_description="JWT expired"
    {"code":"PGRST303","details":null,"hint":null,"message":"JWT expired"}
    "#);
    let forged = format!("{}x", token(json!({"role": "service_role"})));
    assert_eq!(p.send(&format!("GET /notes\nAuthorization: Bearer {forged}")).await.status, 401);
    let nobody = token(json!({"role": "nobody"}));
    insta::assert_snapshot!(p.show(&format!("GET /notes\nAuthorization: Bearer {nobody}")).await, @r#"
    401
    www-authenticate: Bearer
    {"code":"22023","details":null,"hint":null,"message":"role \"nobody\" does not exist"}
    "#);
    let superuser = token(json!({"role": "supabase_admin"}));
    assert_eq!(p.send(&format!("GET /notes\nAuthorization: Bearer {superuser}")).await.status, 403);
}
