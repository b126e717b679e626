//! The directory of users, which is ours: pages by keys, and what administrators do to one user besides what GoTrue has.

#![expect(clippy::unwrap_used, reason = "a failure here is the test's failure")]

use serde_json::{Value, json};

use crate::support::{Answer, Project, project, service_role, text};

impl Project {
    async fn look(&self, query: &str) -> Value {
        self.get(&format!("/_admin/users?{query}"), &service_role()).await.ok()
    }

    async fn as_admin(&self, method: &str, path: &str) -> Answer {
        self.ask(method, path, &service_role(), Value::Null).await
    }
}

/// Eight users with every gap there can be: `a` to `f` have addresses, `g` and `h` none; `a` to `c` have signed in.
const USERS: &str = "
    insert into auth.users (id, aud, email, phone, created_at, last_sign_in_at, email_confirmed_at, banned_until, is_anonymous,
      is_sso_user, raw_app_meta_data, raw_user_meta_data)
    select ('00000000-0000-4000-8000-00000000000' || n)::uuid, 'authenticated', nullif(letter, '-') || '@example.com', phone,
      '2026-01-01'::timestamptz + n / 2 * interval '1 day', case when n < 4 then '2026-03-01'::timestamptz - n * interval '1 h' end,
      case when n in (1, 2, 6) then now() end, case when n = 2 then now() + interval '1 day' when n = 3 then now() - interval '1 day' end,
      n = 8, n = 6, '{}', jsonb_build_object('name', 'Person ' || n)
    from (values (1, 'c', null), (2, 'B', null), (3, 'a', null), (4, 'f', null), (5, 'e', null), (6, 'd', null), (7, '-', '49151'),
      (8, '-', null)) as made (n, letter, phone);
    insert into auth.identities (user_id, provider, provider_id, identity_data)
    select id, 'google', id::text, '{}' from auth.users where right(id::text, 1) in ('1', '5');
    insert into auth.identities (user_id, provider, provider_id, identity_data)
    select id, 'email', id::text, jsonb_build_object('email', lower(email)) from auth.users where email is not null;
    update auth.users set created_at = null where right(id::text, 1) = '5'";

async fn with_users() -> Project {
    let project = project(|_| ()).await;
    project.sql(USERS).await;
    project
}

/// The last digits of the users' ids.
fn numbers(page: &Value) -> String {
    page["users"].as_array().unwrap().iter().map(|user| text(user, "/id").pop().unwrap()).collect()
}

fn cursor(page: &Value, name: &str) -> Option<String> {
    page[name].as_str().map(str::to_owned)
}

/// All pages forwards, and then backwards from the last.
async fn walk(project: &Project, query: &str, limit: usize) -> (Vec<String>, Vec<String>) {
    let mut page = project.look(&format!("{query}&limit={limit}")).await;
    assert_eq!(page["previous"], Value::Null, "{query}");
    let mut forwards = vec![numbers(&page)];
    while let Some(next) = cursor(&page, "next") {
        page = project.look(&format!("{query}&limit={limit}&after={next}")).await;
        forwards.push(numbers(&page));
    }
    let mut backwards = vec![numbers(&page)];
    while let Some(previous) = cursor(&page, "previous") {
        page = project.look(&format!("{query}&limit={limit}&before={previous}")).await;
        backwards.push(numbers(&page));
    }
    backwards.reverse();
    (forwards, backwards)
}

#[tokio::test]
async fn every_order_is_walked_in_both_directions_and_misses_nobody() {
    let project = with_users().await;
    for (sort, expected) in [
        // Days are shared by two; the one without a time comes last.
        ("newest", "87643215"),
        ("oldest", "12346785"),
        // Who has never signed in comes last, by id.
        ("last_sign_in", "12387654"),
        ("first_sign_in", "32145678"),
        // Whatever the case; who has no address comes last.
        ("email", "32165478"),
        ("email_desc", "45612387"),
    ] {
        for limit in [1, 2, 3, 5, 8, 200] {
            let (forwards, backwards) = walk(&project, &format!("sort={sort}"), limit).await;
            assert_eq!(forwards.concat(), expected, "{sort}, {limit}");
            assert!(forwards.iter().all(|page| page.len() <= limit), "{sort}, {limit}: {forwards:?}");
            assert_eq!(backwards.concat(), expected, "{sort}, {limit}");
        }
    }
}

#[tokio::test]
async fn a_page_is_found_though_the_user_it_comes_after_is_gone() {
    let project = with_users().await;
    let first = project.look("limit=2").await;
    assert_eq!(numbers(&first), "87");
    project.sql("delete from auth.users where right(id::text, 1) in ('7', '6')").await;
    let next = project.look(&format!("limit=2&after={}", cursor(&first, "next").unwrap())).await;
    assert_eq!(numbers(&next), "43");
    let back = project.look(&format!("limit=2&before={}", cursor(&next, "previous").unwrap())).await;
    assert_eq!(numbers(&back), "8");
    assert_eq!(back["previous"], Value::Null);
}

#[tokio::test]
async fn kinds_of_users_are_told_apart_and_counted() {
    let project = with_users().await;
    for (query, expected) in [
        ("show=all", "87643215"),
        ("show=confirmed", "621"),
        ("show=waiting", "7435"),
        ("show=anonymous", "8"),
        // A ban that has ended is none.
        ("show=banned", "2"),
        ("show=sso", "6"),
        ("show=provider:google", "15"),
        ("show=provider:github", ""),
        ("show=waiting&sort=email", "3547"),
        ("show=anonymous&sort=email", "8"),
    ] {
        let page = project.look(query).await;
        assert_eq!(numbers(&page), expected, "{query}");
        assert_eq!(page["total"], json!({ "count": expected.len(), "kind": "exact" }), "{query}");
        assert_eq!(page["providers"], json!(["email", "google"]), "{query}");
        let (forwards, backwards) = walk(&project, query, 1).await;
        assert_eq!((forwards.concat().as_str(), backwards.concat().as_str()), (expected, expected), "{query}");
    }
    let page = project.look("limit=2").await;
    assert_eq!(page["total"], json!({ "count": 8, "kind": "exact" }));
    assert_eq!(page["users"][0]["identities"], json!([]));
}

#[tokio::test]
async fn users_are_found_by_a_beginning_or_by_any_part() {
    let project = with_users().await;
    for (search, beginning, anywhere) in [
        ("B@EXA", "2", "2"),
        ("example", "", "643215"),
        ("person%203", "3", "3"),
        ("erson", "", "87643215"),
        ("%2B49%20151", "7", "7"),
        ("4915", "7", "7"),
        ("15", "", "7"),
        ("00000000-0000-4000-8000-000000000004", "4", "4"),
        ("0000", "87643215", ""),
        // No wildcards.
        ("%25", "", ""),
        ("_", "", ""),
    ] {
        for (how, expected) in [("beginning", beginning), ("anywhere", anywhere)] {
            let page = project.look(&format!("search={search}&match={how}")).await;
            assert_eq!(numbers(&page), expected, "{search} {how}");
            assert_eq!(page["match"], how);
        }
    }
    // Few users are all looked at.
    assert_eq!(project.look("search=example").await["match"], "anywhere");
    assert_eq!(numbers(&project.look("search=example&show=banned").await), "2");
    assert_eq!(project.look("search=example&limit=2").await["total"], Value::Null);
}

/// Users whose beginning (49) more share than are looked up one by one, behind others in every order: they are older, and have neither
/// signed in nor an address. Three of them are banned.
const CROWD: &str = "
    insert into auth.users (id, aud, email, phone, last_sign_in_at, banned_until, created_at)
    select gen_random_uuid(), 'authenticated', case when n <= 30000 then n || '@many.test' end,
      case when n > 30000 then '49' || 100000000 + n end, case when n <= 30000 then now() end,
      case when n > 51497 then now() + interval '1 day' end, '2026-01-01'::timestamptz - n * interval '1 s'
    from generate_series(1, 51500) n";

#[tokio::test]
async fn a_beginning_that_many_share_is_found_at_the_end_of_an_order_without_going_all_the_way() {
    let project = project(|_| ()).await;
    project.sql(CROWD).await;
    let owner = project.database.connect("supabase_admin").await;
    owner.batch_execute("vacuum analyze auth.users").await.unwrap();
    owner.batch_execute("select pg_stat_force_next_flush(), pg_stat_reset()").await.unwrap();
    for sort in ["newest", "email", "last_sign_in"] {
        assert_eq!(
            project.look(&format!("search=49&match=beginning&limit=5&sort={sort}")).await["users"].as_array().unwrap().len(),
            5
        );
    }
    // A connection tells what it has read when it ends.
    project.disconnected().await;
    let sql = "select indexrelname::text, idx_tup_read from pg_stat_user_indexes where indexrelname in \
               ('users_created_at_id_idx', 'users_email_id_idx', 'users_last_sign_in_at_id_idx') order by 1";
    let read: Vec<(String, i64)> = owner.query(sql, &[]).await.unwrap().iter().map(|row| (row.get(0), row.get(1))).collect();
    // Of addresses, those that begin so are looked up besides.
    assert!(read.len() == 3 && read.iter().all(|(_, entries)| *entries <= 20_600), "of 51,500 entries: {read:?}");
    let project = project.restarted(|_| ());
    let expected = async |order: &str| -> Vec<String> {
        // Some addresses begin so, too.
        let found = "phone is not null or email like '49%'";
        let sql = format!("select id::text from auth.users where {found} order by {order} limit 15");
        owner.query(&sql, &[]).await.unwrap().iter().map(|row| row.get(0)).collect()
    };
    let ids = |page: &Value| -> Vec<String> { page["users"].as_array().unwrap().iter().map(|user| text(user, "/id")).collect() };
    for (sort, order) in [
        ("newest", "created_at desc, id desc"),
        ("email", r#"email collate "C" nulls last, id"#),
        ("last_sign_in", "last_sign_in_at desc nulls last, id desc"),
    ] {
        let look = format!("search=49&match=beginning&limit=5&sort={sort}");
        let mut pages = vec![project.look(&look).await];
        assert_eq!(pages[0]["total"], json!({ "count": 10000, "kind": "more_than" }), "{sort}");
        for _ in 0..2 {
            let next = cursor(pages.last().unwrap(), "next").unwrap();
            pages.push(project.look(&format!("{look}&after={next}")).await);
        }
        assert_eq!(pages.iter().flat_map(ids).collect::<Vec<_>>(), expected(order).await, "{sort}");
        let back = project.look(&format!("{look}&before={}", cursor(&pages[2], "previous").unwrap())).await;
        assert_eq!(ids(&back), ids(&pages[1]), "{sort}");
        // Three of all.
        let banned = project.look(&format!("{look}&show=banned")).await;
        assert_eq!((ids(&banned).len(), &banned["total"]), (3, &json!({ "count": 3, "kind": "exact" })), "{sort}");
        let waiting = project.look(&format!("{look}&show=waiting")).await;
        assert_eq!(ids(&waiting), ids(&pages[0]), "{sort}");
        assert_eq!(waiting["total"], json!({ "count": 10000, "kind": "more_than" }), "{sort}");
    }
}

#[tokio::test]
async fn what_can_not_be_looked_for_is_refused() {
    let project = with_users().await;
    let by_age = cursor(&project.look("limit=1").await, "next").unwrap();
    for wrong in [
        "show=x".to_owned(),
        "sort=x".to_owned(),
        "match=x".to_owned(),
        "limit=x".to_owned(),
        "after=x".to_owned(),
        format!("after={by_age}&before={by_age}"),
    ] {
        let refused = project.as_admin("GET", &format!("/_admin/users?{wrong}")).await;
        assert_eq!(refused.error(), (400, "validation_failed".to_owned()), "{wrong}");
    }
    for wrong in ["before=x", "limit=x"] {
        let refused = project.as_admin("GET", &format!("/_admin/audit?{wrong}")).await;
        assert_eq!(refused.error(), (400, "validation_failed".to_owned()), "{wrong}");
    }
}

const NOBODY: &str = "00000000-0000-4000-8000-00000000000f";

#[tokio::test]
async fn the_directory_is_for_administrators() {
    let project = project(|settings| settings.mailer.autoconfirm = true).await;
    let user = text(&project.signed_up("ann@example.com").await, "/access_token");
    for (method, path) in [
        ("GET", "/_admin/users".to_owned()),
        ("GET", format!("/_admin/users/{NOBODY}")),
        ("DELETE", format!("/_admin/users/{NOBODY}/sessions")),
        ("DELETE", format!("/_admin/users/{NOBODY}/sessions/{NOBODY}")),
        ("DELETE", format!("/_admin/users/{NOBODY}/identities/{NOBODY}")),
        ("GET", "/_admin/audit".to_owned()),
    ] {
        assert_eq!(project.ask(method, &path, "", Value::Null).await.status, 401, "{method} {path}");
        let refused = project.ask(method, &path, &user, Value::Null).await;
        assert_eq!(refused.error(), (403, "not_admin".to_owned()), "{method} {path}");
        if path.contains(NOBODY) {
            let refused = project.as_admin(method, &path).await;
            assert_eq!(refused.error(), (404, "user_not_found".to_owned()), "{method} {path}");
            let refused = project.as_admin(method, &path.replace(NOBODY, "x")).await;
            assert_eq!(refused.error(), (404, "validation_failed".to_owned()), "{method} {path}");
        }
    }
}

#[tokio::test]
async fn sessions_are_seen_and_ended() {
    let project = project(|settings| settings.mailer.autoconfirm = true).await;
    let first = project.signed_up("ann@example.com").await;
    let second = project
        .send(
            http::Request::post("/token?grant_type=password")
                .header("user-agent", "Test/1.0")
                .header("x-forwarded-for", "203.0.113.7")
                .body(json!({ "email": "ann@example.com", "password": "correct horse" }).to_string().into())
                .unwrap(),
        )
        .await
        .ok();
    let other = project.signed_up("bob@example.com").await;
    let path = format!("/_admin/users/{}", text(&first, "/user/id"));
    let entry = project.as_admin("GET", &path).await.ok();
    assert_eq!((&entry["user"]["email"], &entry["has_password"]), (&json!("ann@example.com"), &json!(true)));
    let sessions = entry["sessions"].as_array().unwrap();
    assert_eq!(sessions.len(), 2);
    let newest = &sessions[0];
    assert_eq!((&newest["user_agent"], &newest["ip"]), (&json!("Test/1.0"), &json!("203.0.113.7")));
    assert_eq!((&newest["aal"], &newest["methods"]), (&json!("aal1"), &json!(["password"])));

    let id = text(newest, "/id");
    let bobs = format!("/_admin/users/{}/sessions/{id}", text(&other, "/user/id"));
    assert_eq!(project.as_admin("DELETE", &bobs).await.error(), (404, "session_not_found".to_owned()));
    project.as_admin("DELETE", &format!("{path}/sessions/{id}")).await.ok();
    let ended = project.get("/user", &text(&second, "/access_token")).await;
    assert_eq!(ended.error(), (403, "session_not_found".to_owned()));
    let refresh = json!({ "refresh_token": second["refresh_token"] });
    assert_eq!(project.post("/token?grant_type=refresh_token", refresh).await.error().0, 400);
    project.get("/user", &text(&first, "/access_token")).await.ok();

    project.as_admin("DELETE", &format!("{path}/sessions")).await.ok();
    assert_eq!(project.get("/user", &text(&first, "/access_token")).await.error().0, 403);
    project.get("/user", &text(&other, "/access_token")).await.ok();
    assert_eq!(project.as_admin("GET", &path).await.ok()["sessions"], json!([]));
    let noted = project.get("/_admin/audit?action=logout", &service_role()).await.ok();
    assert_eq!(noted["entries"].as_array().unwrap().len(), 2);
    assert_eq!(noted["entries"][1]["payload"]["traits"]["session_id"], id.as_str());
}

#[tokio::test]
async fn an_identity_is_taken_off_but_not_the_last() {
    let project = with_users().await;
    let path = "/_admin/users/00000000-0000-4000-8000-000000000001";
    let identities = project.as_admin("GET", path).await.ok()["user"]["identities"].clone();
    let of = |provider: &str| {
        let found = identities.as_array().unwrap().iter().find(|identity| identity["provider"] == provider);
        format!("{path}/identities/{}", text(found.unwrap(), "/identity_id"))
    };
    project.as_admin("DELETE", &of("google")).await.ok();
    assert_eq!(project.as_admin("DELETE", &of("google")).await.error().1, "single_identity_not_deletable");
    assert_eq!(project.as_admin("DELETE", &of("email")).await.error().1, "single_identity_not_deletable");
    let user = project.as_admin("GET", path).await.ok();
    assert_eq!(user["user"]["app_metadata"]["providers"], json!(["email"]));
    let noted = project.get("/_admin/audit", &service_role()).await.ok();
    let payload = &noted["entries"][0]["payload"];
    assert_eq!((&payload["action"], &payload["actor_username"]), (&json!("identity_unlinked"), &json!("service_role")));
}

#[tokio::test]
async fn the_audit_log_is_read_backwards_and_chosen_from() {
    let project = project(|_| ()).await;
    // More than are looked at for one page; what is looked for is at the old end.
    let many = "insert into auth.audit_log_entries (instance_id, id, payload, created_at)
        select '00000000-0000-0000-0000-000000000000', gen_random_uuid(),
          json_build_object('action', case when n > 60000 then 'logout' else 'login' end, 'actor_id', gen_random_uuid(),
            'actor_username', 'user' || n || '@example.com', 'traits', json_build_object('user_email', 'to' || n || '@example.com')),
          now() - n * interval '1 s' from generate_series(1, 60003) n";
    project.sql(many).await;
    let audit = async |query: String| project.get(&format!("/_admin/audit?{query}"), &service_role()).await.ok();
    let who = |page: &Value, at: usize| text(&page["entries"][at], "/payload/actor_username");
    let first = audit("limit=2".to_owned()).await;
    assert_eq!((who(&first, 0).as_str(), who(&first, 1).as_str()), ("user1@example.com", "user2@example.com"));
    let second = audit(format!("limit=2&before={}", cursor(&first, "next").unwrap())).await;
    assert_eq!(who(&second, 0), "user3@example.com");

    let nothing_yet = audit("action=logout&limit=2".to_owned()).await;
    assert_eq!(nothing_yet["entries"], json!([]));
    let on = cursor(&nothing_yet, "next").unwrap();
    let found = audit(format!("action=logout&limit=2&before={on}")).await;
    assert_eq!(who(&found, 0), "user60001@example.com");
    let last = audit(format!("action=logout&limit=2&before={}", cursor(&found, "next").unwrap())).await;
    assert_eq!((who(&last, 0).as_str(), &last["next"]), ("user60003@example.com", &Value::Null));

    assert_eq!(who(&audit("who=USER77@".to_owned()).await, 0), "user77@example.com");
    assert_eq!(who(&audit("who=to78@".to_owned()).await, 0), "user78@example.com");
    let id = text(&first["entries"][1], "/payload/actor_id");
    let of_id = audit(format!("who={id}")).await;
    assert_eq!((of_id["entries"].as_array().unwrap().len(), who(&of_id, 0).as_str()), (1, "user2@example.com"));
}
