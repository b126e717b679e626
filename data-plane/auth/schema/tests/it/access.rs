//! Who may do what with the schema.

use crate::support::{database, error, rows};

const INSERT: &str = "insert into auth.users (id, email, raw_user_meta_data)
    values ('3f333df6-90a4-4fda-8dd3-9485d27cee36', 'a@example.com', '{\"name\":\"A\"}')";

#[tokio::test]
async fn a_users_foreign_key_policy_and_trigger_on_users_work() {
    let database = database().await;
    let user = database.connect("postgres").await;
    let sql = "
        create table public.profiles (id uuid primary key references auth.users on delete cascade, name text);
        create function public.on_user() returns trigger language plpgsql security definer set search_path = '' as $$
        begin
          insert into public.profiles values (new.id, new.raw_user_meta_data ->> 'name');
          return new;
        end $$;
        create trigger on_user after insert on auth.users for each row execute function public.on_user();
        create policy \"own row\" on auth.users for select to authenticated using (id = auth.uid());
        grant select (id, email) on auth.users to authenticated";
    user.batch_execute(sql).await.unwrap();
    let auth = database.connect("supabase_auth_admin").await;
    auth.batch_execute(INSERT).await.unwrap();
    auth.batch_execute("insert into auth.users (id, email) values (gen_random_uuid(), 'b@example.com')").await.unwrap();
    assert_eq!(rows(&user, "select name from public.profiles where name is not null").await, ["A"]);
    let api = database.connect("authenticator").await;
    let own = "begin; set local role authenticated;
        set local request.jwt.claims = '{\"sub\":\"3f333df6-90a4-4fda-8dd3-9485d27cee36\"}'; select email from auth.users; commit";
    assert_eq!(rows(&api, own).await, ["a@example.com"]);
    auth.batch_execute("delete from auth.users").await.unwrap();
    assert_eq!(rows(&user, "select count(*) from public.profiles").await, ["0"]);
}

#[tokio::test]
async fn the_api_reads_nothing_of_either_schema() {
    let database = database().await;
    let admin = database.connect("supabase_admin").await;
    let tables = "select schemaname || '.' || tablename from pg_tables where schemaname in ('auth', '_auth') order by 1";
    let tables = rows(&admin, tables).await;
    assert_eq!(tables.len(), 23 + 3);
    let api = database.connect("authenticator").await;
    for role in ["anon", "authenticated", "service_role"] {
        api.batch_execute(&format!("set role {role}")).await.unwrap();
        for table in &tables {
            for sql in [format!("select * from {table}"), format!("delete from {table}")] {
                let refused = error(&api, &sql).await;
                assert!(refused.starts_with("42501"), "{role}: {sql}: {refused}");
            }
        }
        assert!(error(&api, "select nextval('auth.refresh_tokens_id_seq')").await.starts_with("42501"));
        assert!(error(&api, "select _auth.skip_known_version()").await.starts_with("42501"));
        assert_eq!(rows(&api, "select auth.uid(), auth.role(), auth.email(), auth.jwt()").await, ["-|-|-|-"]);
    }
}

#[tokio::test]
async fn rights_are_those_of_supabase() {
    let database = database().await;
    let client = database.connect("postgres").await;
    let sql = "select grantee::regrole || ': ' || string_agg(privilege_type || case when is_grantable then '*' else '' end, ' ' order by privilege_type)
        from pg_class, aclexplode(relacl) where oid = '{}'::regclass and privilege_type <> 'MAINTAIN' group by grantee order by grantee::regrole::text";
    let all = "DELETE INSERT REFERENCES SELECT TRIGGER TRUNCATE UPDATE";
    for (table, select) in [("auth.users", "SELECT*"), ("auth.oauth_clients", "SELECT")] {
        let found = rows(&client, &sql.replace("{}", table)).await;
        let owner = format!("supabase_auth_admin: {all}");
        assert_eq!(found, [format!("dashboard_user: {all}"), format!("postgres: {}", all.replace("SELECT", select)), owner]);
    }
    assert_eq!(rows(&client, &sql.replace("{}", "_auth.messages")).await, Vec::<String>::new());
}

#[tokio::test]
async fn pages_and_prefixes_are_found_by_an_index() {
    let database = database().await;
    let auth = database.connect("supabase_auth_admin").await;
    let many = "insert into auth.users (id, email, phone, created_at, last_sign_in_at, raw_user_meta_data)
        select gen_random_uuid(), 'user' || n || '@example.com', '49' || n, now() - n * interval '1 min', now() - n * interval '1 s',
        jsonb_build_object('full_name', 'User ' || n) from generate_series(1, 5000) n;
        update auth.users set email_confirmed_at = now() where phone > '4910';
        update auth.users set banned_until = now() + interval '1 h', is_sso_user = true where phone < '49101';
        update auth.users set is_anonymous = true where phone > '493';
        insert into auth.identities (user_id, provider, provider_id, identity_data)
        select id, case when phone < '49101' then 'rare' else 'email' end, id::text, '{}' from auth.users;
        analyze auth.users, auth.identities";
    auth.batch_execute(many).await.unwrap();
    for (sql, index) in [
        ("select id from auth.users order by created_at desc, id desc limit 50", "users_created_at_id_idx"),
        (
            "select id from auth.users where (created_at, id) < (now() - interval '40 h', '00000000-0000-0000-0000-000000000000')
             order by created_at desc, id desc limit 50",
            "users_created_at_id_idx",
        ),
        ("select id from auth.users order by lower(email) collate \"C\", id limit 50", "users_email_id_idx"),
        (
            "select id from auth.users where (lower(email) collate \"C\", id) > ('user42', '00000000-0000-0000-0000-000000000000')
             order by lower(email) collate \"C\", id limit 50",
            "users_email_id_idx",
        ),
        (
            "select id from auth.users where last_sign_in_at is not null order by last_sign_in_at desc, id desc limit 50",
            "users_last_sign_in_at_id_idx",
        ),
        (
            "select id from auth.users where lower(email) collate \"C\" >= 'user42' and lower(email) collate \"C\" < 'user43'",
            "users_email_id_idx",
        ),
        (
            "select id from auth.users where lower(coalesce(raw_user_meta_data ->> 'full_name', raw_user_meta_data ->> 'name', \
             raw_user_meta_data ->> 'display_name')) collate \"C\" >= 'user 42' and lower(coalesce(raw_user_meta_data ->> \
             'full_name', raw_user_meta_data ->> 'name', raw_user_meta_data ->> 'display_name')) collate \"C\" < 'user 43'",
            "users_name_prefix_idx",
        ),
        ("select id from auth.users where banned_until is not null and banned_until > now()", "users_banned_idx"),
        ("select id from auth.users where is_sso_user", "users_sso_idx"),
        ("select id from auth.users where is_anonymous order by created_at desc, id desc limit 50", "users_anonymous_idx"),
        (
            "select id from auth.users where confirmed_at is null and not is_anonymous order by created_at, id limit 50",
            "users_waiting_idx",
        ),
        (
            "select id from auth.users where exists (select from auth.identities where user_id = users.id and provider = 'rare')",
            "identities_provider_user_id_idx",
        ),
        ("select id from auth.users where phone like '4942%'", "users_phone_prefix_idx"),
    ] {
        let plan = rows(&auth, &format!("explain {sql}")).await.join("\n");
        assert!(plan.contains(index), "{sql}:\n{plan}");
    }
}
