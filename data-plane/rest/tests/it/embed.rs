//! Embedded resources.

use serde_json::json;

use crate::support::{Project, project, project_with};

const SQL: &str = "
create table clients (id int primary key, name text);
create table projects (id int primary key, name text, client_id int references clients);
create table tasks (id int primary key, name text, project_id int references projects);
create table users (id int primary key, name text);
create table users_tasks (user_id int references users, task_id int references tasks, primary key (user_id, task_id));
create table profiles (id int primary key, user_id int unique references users, bio text);
create table employees (id int primary key, name text, boss_id int references employees);
create table addresses (id int primary key, street text);
create table orders (id int primary key, billing_id int constraint orders_billing references addresses,
  shipping_id int constraint orders_shipping references addresses);
create view project_view as select id as pid, name as title, client_id as cid from projects;
create view chained_view as select pid, cid from project_view;
create function first_task(projects) returns setof tasks rows 1 language sql stable as
  $$ select * from tasks where project_id = $1.id order by id limit 1 $$;
create table visits (id int primary key, clients int, client_id int references clients);
insert into clients values (1, 'Acme'), (2, 'Globex'), (3, 'Idle');
insert into projects values (1, 'P1', 1), (2, 'P2', 1), (3, 'P3', 2), (4, 'Orphan', null);
insert into tasks values (1, 'T1', 1), (2, 'T2', 1), (3, 'T3', 2);
insert into users values (1, 'Ann'), (2, 'Ben');
insert into users_tasks values (1, 1), (1, 2), (2, 2);
insert into profiles values (1, 1, 'bio of Ann');
insert into employees values (1, 'Boss', null), (2, 'Mid', 1), (3, 'Low', 2);
insert into addresses values (1, 'Main'), (2, 'Side');
insert into orders values (1, 1, 2);
insert into visits values (1, 5, 1), (2, 6, 2);
";

#[tokio::test]
async fn every_direction() {
    let project = project(SQL).await;
    for (query, expected) in [
        (
            "projects?select=id,clients(name)&order=id",
            r#"[{"id":1,"clients":{"name": "Acme"}},{"id":2,"clients":{"name": "Acme"}},{"id":3,"clients":{"name": "Globex"}},{"id":4,"clients":null}]"#,
        ),
        ("projects?select=id,clients!inner(name)&order=id.desc&limit=1", r#"[{"id":3,"clients":{"name": "Globex"}}]"#),
        (
            "clients?select=id,projects(id)&order=id",
            r#"[{"id":1,"projects":[{"id": 1}, {"id": 2}]},{"id":2,"projects":[{"id": 3}]},{"id":3,"projects":[]}]"#,
        ),
        ("clients?select=id,p:projects!inner(id)&order=id", r#"[{"id":1,"p":[{"id": 1}, {"id": 2}]},{"id":2,"p":[{"id": 3}]}]"#),
        (
            "users?select=name,tasks(name)&order=id&tasks.order=id.desc",
            r#"[{"name":"Ann","tasks":[{"name": "T2"}, {"name": "T1"}]},{"name":"Ben","tasks":[{"name": "T2"}]}]"#,
        ),
        (
            "users?select=name,profiles(bio)&order=id",
            r#"[{"name":"Ann","profiles":{"bio": "bio of Ann"}},{"name":"Ben","profiles":null}]"#,
        ),
        ("profiles?select=bio,users(name)", r#"[{"bio":"bio of Ann","users":{"name": "Ann"}}]"#),
        ("employees?select=name,employees(name)&id=eq.1", r#"[{"name":"Boss","employees":[{"name": "Mid"}]}]"#),
        ("employees?select=name,boss:boss_id(name)&id=eq.3", r#"[{"name":"Low","boss":{"name": "Mid"}}]"#),
        (
            "clients?select=name,projects(name,tasks(name,users(name)))&id=eq.1&projects.tasks.users.order=name&projects.limit=1",
            r#"[{"name":"Acme","projects":[{"name": "P1", "tasks": [{"name": "T1", "users": [{"name": "Ann"}]}, {"name": "T2", "users": [{"name": "Ann"}, {"name": "Ben"}]}]}]}]"#,
        ),
        (
            "orders?select=id,billing:addresses!orders_billing(street),shipping:addresses!shipping_id(street)",
            r#"[{"id":1,"billing":{"street": "Main"},"shipping":{"street": "Side"}}]"#,
        ),
        ("orders?select=billing_id(street)", r#"[{"billing_id":{"street": "Main"}}]"#),
        ("orders?select=orders_shipping(street)", r#"[{"orders_shipping":{"street": "Side"}}]"#),
        (
            "clients?select=id,projects(id)&projects.name=eq.P2&order=id",
            r#"[{"id":1,"projects":[{"id": 2}]},{"id":2,"projects":[]},{"id":3,"projects":[]}]"#,
        ),
        (
            "clients?select=id,projects!inner(id)&projects.or=(name.eq.P2,name.eq.P3)&order=id",
            r#"[{"id":1,"projects":[{"id": 2}]},{"id":2,"projects":[{"id": 3}]}]"#,
        ),
        ("clients?select=id,projects(id)&projects=is.null", r#"[{"id":3,"projects":[]}]"#),
        ("clients?select=id,projects()&projects=not.is.null&order=id", r#"[{"id":1},{"id":2}]"#),
        ("clients?select=id,projects()&or=(projects.is.null,id.eq.1)&order=id", r#"[{"id":1},{"id":3}]"#),
        ("projects?select=id,clients()&order=clients(name).desc.nullslast,id", r#"[{"id":3},{"id":1},{"id":2},{"id":4}]"#),
        ("projects?select=id,clients(id)&order=clients(name).desc.nullslast,id&limit=1", r#"[{"id":3,"clients":{"id": 2}}]"#),
        ("projects?select=id,...clients(client:name)&id=eq.1", r#"[{"id":1,"client":"Acme"}]"#),
        ("projects?select=id,...clients!inner(*)&id=eq.3", r#"[{"id":3,"id":2,"name":"Globex"}]"#),
        ("project_view?select=pid,clients(name)&pid=eq.1", r#"[{"pid":1,"clients":{"name": "Acme"}}]"#),
        ("chained_view?select=pid,clients(name)&pid=eq.3", r#"[{"pid":3,"clients":{"name": "Globex"}}]"#),
        ("clients?select=id,chained_view(pid)&id=eq.2", r#"[{"id":2,"chained_view":[{"pid": 3}]}]"#),
        ("projects?select=id,first_task(name)&id=eq.1", r#"[{"id":1,"first_task":{"name": "T1"}}]"#),
    ] {
        let answer = project.send(&format!("GET /{query}")).await;
        assert_eq!(format!("{} {}", answer.status, answer.body.replace(", \n ", ",")), format!("200 {expected}"), "{query}");
    }
}

#[tokio::test]
async fn many_rows_are_spread_as_arrays() {
    let project = project(SQL).await;
    for (query, expected) in [
        (
            "clients?select=name,...projects(ids:id,titles:name)&order=id&projects.order=id.desc",
            r#"[{"name":"Acme","ids":[2, 1],"titles":["P2", "P1"]},{"name":"Globex","ids":[3],"titles":["P3"]},{"name":"Idle","ids":[],"titles":[]}]"#,
        ),
        (
            "clients?select=name,...projects(ids:id)&order=id&projects.order=id&projects.limit=1&projects.offset=1",
            r#"[{"name":"Acme","ids":[2]},{"name":"Globex","ids":[]},{"name":"Idle","ids":[]}]"#,
        ),
        (
            "clients?select=name,...p:projects!inner(ids:id)&p.name=neq.P2&order=id",
            r#"[{"name":"Acme","ids":[1]},{"name":"Globex","ids":[3]}]"#,
        ),
        ("clients?select=name,...projects(ids:id)&projects=is.null", r#"[{"name":"Idle","ids":[]}]"#),
        (
            "clients?select=id,...projects(ids:id)&or=(projects.is.null,id.eq.2)&order=id",
            r#"[{"id":2,"ids":[3]},{"id":3,"ids":[]}]"#,
        ),
        ("clients?select=...projects(*)&id=eq.2", r#"[{"id":[3],"name":["P3"],"client_id":[2]}]"#),
        (
            "users?select=name,...tasks(tasks:name),...profiles(bio)&order=id&tasks.order=id",
            r#"[{"name":"Ann","tasks":["T1", "T2"],"bio":"bio of Ann"},{"name":"Ben","tasks":["T2"],"bio":null}]"#,
        ),
        (
            "users?select=name,...users_tasks(ids:task_id,...tasks(titles:name))&id=eq.1&users_tasks.order=task_id.desc",
            r#"[{"name":"Ann","ids":[2, 1],"titles":["T2", "T1"]}]"#,
        ),
        (
            "clients?select=name,...projects(ids:id,...tasks(tasks:name))&id=eq.1&projects.order=id&projects.tasks.order=id",
            r#"[{"name":"Acme","ids":[1, 2],"tasks":[["T1", "T2"], ["T3"]]}]"#,
        ),
        (
            "clients?select=...projects(tasks(name))&id=eq.1&projects.order=id&projects.tasks.order=id",
            r#"[{"tasks":[[{"name": "T1"}, {"name": "T2"}], [{"name": "T3"}]]}]"#,
        ),
        (
            "projects?select=id,...clients(client:name,...projects(siblings:name))&id=eq.1&clients.projects.order=id",
            r#"[{"id":1,"client":"Acme","siblings":["P1", "P2"]}]"#,
        ),
        ("clients?select=id,...projects()&projects=not.is.null&order=id", r#"[{"id":1},{"id":2}]"#),
    ] {
        let answer = project.send(&format!("GET /{query}")).await;
        assert_eq!(format!("{} {}", answer.status, answer.body.replace(", \n ", ",")), format!("200 {expected}"), "{query}");
    }
    let counted = project.send("GET /clients?select=id,...projects!inner(ids:id)&limit=1\nPrefer: count=exact").await;
    assert_eq!(counted.headers["content-range"], "0-0/2");
}

#[tokio::test]
async fn the_name_of_a_relation_still_counts_beside_an_alias() {
    let on = project(SQL).await;
    for (query, expected) in [
        ("clients?select=id,p:projects(id)&projects.name=eq.P2&id=eq.1", r#"[{"id":1,"p":[{"id": 2}]}]"#),
        ("clients?select=id,p:projects(id)&projects.order=id.desc&projects.limit=1&id=eq.1", r#"[{"id":1,"p":[{"id": 2}]}]"#),
        ("clients?select=id,p:projects()&projects=is.null", r#"[{"id":3}]"#),
        ("projects?select=id,c:clients()&order=clients(name).desc.nullslast,id&limit=2", r#"[{"id":3},{"id":1}]"#),
        (
            "clients?select=p:projects(t:tasks(id))&p.tasks.order=id.desc&projects.id=eq.1&id=eq.1",
            r#"[{"p":[{"t": [{"id": 2}, {"id": 1}]}]}]"#,
        ),
    ] {
        let answer = on.send(&format!("GET /{query}")).await;
        assert_eq!(format!("{} {}", answer.status, answer.body.replace(", \n ", ",")), format!("200 {expected}"), "{query}");
        let warning = answer.headers["warning"].to_str().unwrap();
        assert!(
            warning.starts_with("299 PostgRESTv16 \"Embedded resource was referenced by relation name"),
            "{query}: {warning}"
        );
    }
    for (query, expected) in [
        // What is called so is meant first, and a column before all others.
        (
            "clients?select=p:projects(id),projects(id)&projects.id=eq.1&id=eq.1&p.order=id",
            r#"[{"p":[{"id": 1}, {"id": 2}],"projects":[{"id": 1}]}]"#,
        ),
        ("visits?select=id,c:clients(name)&clients=eq.6", r#"[{"id":2,"c":{"name": "Globex"}}]"#),
        ("visits?select=id,c:clients(name)&c.name=eq.Acme&order=id", r#"[{"id":1,"c":{"name": "Acme"}},{"id":2,"c":null}]"#),
    ] {
        let answer = on.send(&format!("GET /{query}")).await;
        assert_eq!(format!("{} {}", answer.status, answer.body.replace(", \n ", ",")), format!("200 {expected}"), "{query}");
        assert!(!answer.headers.contains_key("warning"), "{query}");
    }
    let off = project_with(SQL, &[("url_use_legacy_target_names", "false")]).await;
    for parameter in ["projects.name=eq.P2", "projects.order=id", "order=projects(id)"] {
        let answer = off.send(&format!("GET /clients?select=id,p:projects(id)&{parameter}")).await;
        assert_eq!((answer.status, answer.json()["code"].as_str()), (400, Some("PGRST108")), "{parameter}");
    }
}

#[tokio::test]
async fn what_is_not_clear() {
    let project = project(SQL).await;
    insta::assert_snapshot!(project.show("GET /orders?select=addresses(*)").await, @r#"
    300
    {"code":"PGRST201","details":[{"cardinality":"many-to-one","embedding":"orders with addresses","relationship":"orders_billing using orders(billing_id) and addresses(id)"},{"cardinality":"many-to-one","embedding":"orders with addresses","relationship":"orders_shipping using orders(shipping_id) and addresses(id)"}],"hint":"Try changing 'addresses' to one of the following: 'addresses!orders_billing', 'addresses!orders_shipping'. Find the desired relationship in the 'details' key.","message":"Could not embed because more than one relationship was found for 'orders' and 'addresses'"}
    "#);
    insta::assert_snapshot!(project.show("GET /clients?select=users(*)").await, @r#"
    400
    {"code":"PGRST200","details":"Searched for a foreign key relationship between 'clients' and 'users' in the schema 'public', but no matches were found.","hint":null,"message":"Could not find a relationship between 'clients' and 'users' in the schema cache"}
    "#);
    insta::assert_snapshot!(project.show("GET /clients?select=projects(*)&order=projects(id)").await, @r#"
    400
    {"code":"PGRST118","details":"'clients' and 'projects' do not form a many-to-one or one-to-one relationship","hint":null,"message":"A related order on 'projects' is not possible"}
    "#);
    insta::assert_snapshot!(project.show("GET /clients?select=projects(*)&projects=eq.1").await, @r#"
    400
    {"code":"PGRST120","details":"Only is null or not is null filters are allowed on embedded resources","hint":null,"message":"Bad operator on the 'projects' embedded resource"}
    "#);
    let counted = project.send("GET /clients?select=id,projects!inner(id)&limit=1\nPrefer: count=exact").await;
    assert_eq!(counted.headers["content-range"], "0-0/2");
}

#[tokio::test]
async fn embedded_values_are_jsonb() {
    let p = project(&format!("{SQL}; create table logs (id int primary key, client_id int references clients, said json)")).await;
    p.database
        .connect("postgres")
        .await
        .batch_execute(r#"insert into logs values (1, 1, '{"b":1,  "a":2}')"#)
        .await
        .expect("inserted");
    for (query, expected) in [
        // Short keys are first.
        ("projects?select=clients(name,id),name&id=eq.1", r#"[{"name":"P1","clients":{"id": 1, "name": "Acme"}}]"#),
        ("clients?select=name,projects(name,id)&id=eq.2", r#"[{"name":"Globex","projects":[{"id": 3, "name": "P3"}]}]"#),
        ("clients?select=logs(said,id)&id=eq.1", r#"[{"logs":[{"id": 1, "said": {"a": 2, "b": 1}}]}]"#),
        ("clients?select=...logs(said)&id=eq.1", r#"[{"said":[{"a": 2, "b": 1}]}]"#),
        // What is spread of one row is a column as any other.
        ("logs?select=said,...clients(name,id)", r#"[{"said":{"b":1,  "a":2},"name":"Acme","id":1}]"#),
        ("projects?select=clients(name,id)&order=clients(name),id&limit=1", r#"[{"clients":{"id": 1, "name": "Acme"}}]"#),
    ] {
        assert_eq!(p.body(&format!("GET /{query}")).await, format!("200 {expected}"), "{query}");
    }
}

/// What the details of an ambiguity call the relationships.
async fn candidates(p: &Project, request: &str) -> Vec<String> {
    let answer = p.send(request).await.json();
    assert_eq!(answer["code"], "PGRST201", "{answer}");
    let details = answer["details"].as_array().expect("a list").clone();
    details.iter().map(|detail| detail["relationship"].as_str().expect("a text").to_owned()).collect()
}

#[tokio::test]
async fn a_view_may_show_a_column_twice() {
    let view = "create view twice as select id, client_id as buyer, client_id as seller from projects";
    let p = project(&format!("{SQL}; {view}")).await;
    assert_eq!(
        candidates(&p, "GET /twice?select=clients(name)").await,
        [
            "projects_client_id_fkey using twice(buyer) and clients(id)",
            "projects_client_id_fkey using twice(seller) and clients(id)"
        ]
    );
    let both = "GET /twice?select=id,buyer(name),seller(name)&id=eq.1";
    assert_eq!(p.body(both).await, r#"200 [{"id":1,"buyer":{"name": "Acme"},"seller":{"name": "Acme"}}]"#);
    assert_eq!(
        p.body("GET /clients?select=twice!seller(id)&id=eq.2").await,
        r#"200 [{"twice":[{"id": 3}]}]"#,
        "and the other way round"
    );
}

#[tokio::test]
async fn candidates_are_told_in_the_same_order_always() {
    // Made in an order that is not that of their names.
    let junctions: Vec<String> = ["m3", "m1", "m5", "m2", "m4"]
        .iter()
        .map(|name| format!("create table {name} (a int references clients, b int references users, primary key (a, b));"))
        .collect();
    let p = project(&format!("{SQL}; {}", junctions.concat())).await;
    let expected: Vec<String> = (1..=5).map(|n| format!("m{n} using m{n}_a_fkey(a) and m{n}_b_fkey(b)")).collect();
    assert_eq!(candidates(&p, "GET /clients?select=users(*)").await, expected);
}

#[tokio::test]
async fn candidates_are_told_by_target_and_kind() {
    let sql = "
        create table pairs (a int references clients, b int references projects, primary key (a, b));
        create view clients_view as select * from clients;
        create view more_projects as select * from projects;";
    let p = project(&format!("{SQL}; {sql}")).await;
    assert_eq!(
        candidates(&p, "GET /projects?select=clients(*)").await,
        ["projects_client_id_fkey using projects(client_id) and clients(id)", "pairs using pairs_b_fkey(b) and pairs_a_fkey(a)"]
    );
    // A constraint names tables.
    assert_eq!(p.send("GET /projects?select=projects_client_id_fkey(*)").await.status, 200);
    assert_eq!(p.send("GET /clients?select=projects_client_id_fkey(*)").await.status, 200);
}

#[tokio::test]
async fn a_table_related_to_itself_through_another_needs_a_computed_relationship() {
    let sql = "
        create table follows (follower int references users, followed int references users, primary key (follower, followed));
        insert into follows values (1, 2);
        create function followers(users) returns setof users language sql stable as
          $$ select u.* from public.users u join public.follows f on f.follower = u.id where f.followed = $1.id $$;";
    let p = project(&format!("{SQL}; {sql}")).await;
    assert_eq!(
        p.body("GET /users?select=name,followers(name)&id=eq.2").await,
        r#"200 [{"name":"Ben","followers":[{"name": "Ann"}]}]"#
    );
    for (embedded, using) in [("users(name)", ""), ("users!follows(name)", " using the hint 'follows'")] {
        let answer = p.send(&format!("GET /users?select={embedded}")).await;
        assert_eq!((answer.status, answer.json()["code"].as_str()), (400, Some("PGRST200")), "{embedded}");
        assert_eq!(
            answer.json()["details"],
            format!(
                "Searched for a foreign key relationship between 'users' and 'users'{using} in the schema 'public', but no \
                 matches were found."
            )
        );
    }
}

#[tokio::test]
async fn what_joins_many_to_many_shows_the_whole_primary_key() {
    let sql = "
        create table jobs (id int, client_id int references clients, user_id int references users, primary key (id, client_id, user_id));
        create view all_jobs as select * from jobs;
        create view some_jobs as select client_id, user_id from jobs;
        create table members (id int primary key references users, constraint of_client foreign key (id) references clients);
        create table pairs (a int unique references users, b int references projects, primary key (a, b));";
    let p = project(&format!("{SQL}; {sql}")).await;
    assert_eq!(
        candidates(&p, "GET /clients?select=users(*)").await,
        [
            "all_jobs using jobs_client_id_fkey(client_id) and jobs_user_id_fkey(user_id)",
            "jobs using jobs_client_id_fkey(client_id) and jobs_user_id_fkey(user_id)"
        ]
    );
    // One to one, there are no many.
    assert_eq!(p.send("GET /users?select=projects(*)").await.json()["code"], "PGRST200");
}

#[tokio::test]
async fn views_are_followed_through_the_search_path() {
    let sql = "
        create schema hidden; create schema extra;
        create view hidden.shown as select id, client_id from projects;
        create view extra.shown as select id, client_id from projects;
        create view over_hidden as select * from hidden.shown;
        create view over_extra as select * from extra.shown;
        create table hidden.notes (id int primary key, project_id int references projects);
        insert into hidden.notes values (9, 1);
        create view notes as select * from hidden.notes;";
    let p = project_with(&format!("{SQL}; {sql}"), &[("db_extra_search_path", "extra")]).await;
    assert_eq!(p.body("GET /over_extra?select=clients(name)&id=eq.3").await, r#"200 [{"clients":{"name": "Globex"}}]"#);
    assert_eq!(p.send("GET /over_hidden?select=clients(name)").await.json()["code"], "PGRST200");
    // The table may be anywhere.
    assert_eq!(p.body("GET /notes?select=projects(name)").await, r#"200 [{"projects":{"name": "P1"}}]"#);
}

#[tokio::test]
async fn computed_relationships_are_found_by_the_search_path() {
    let sql = "
        create schema other; create schema extra;
        create table other.clients (id int primary key); create table other.projects (id int primary key);
        insert into other.clients values (1); insert into other.projects values (70);
        create function first(clients) returns setof projects rows 1 language sql stable as
          $$ select * from public.projects where client_id = $1.id order by id limit 1 $$;
        create function other.first(other.clients) returns setof other.projects rows 1 language sql stable as
          $$ select * from other.projects $$;
        create function extra.first(clients) returns setof projects rows 1 language sql stable as
          $$ select * from public.projects where id = 4 $$;
        create function extra.last(clients) returns setof projects rows 1 language sql stable as
          $$ select * from public.projects where client_id = $1.id order by id desc limit 1 $$;
        create function extra.projects(clients) returns setof projects language sql stable as
          $$ select * from public.projects where id = 4 $$;
        create function extra.hidden(text) returns text language sql stable as $$ select $1 $$;
        grant usage on schema other, extra to anon; grant select on all tables in schema other to anon;
        grant execute on all functions in schema other, extra to anon;";
    let p = project_with(&format!("{SQL}; {sql}"), &[("db_schemas", "public, other"), ("db_extra_search_path", "extra")]).await;
    for (request, expected) in [
        ("GET /clients?select=first(id),last(id)&id=eq.1", json!([{"first": {"id": 1}, "last": {"id": 2}}])),
        ("GET /clients?select=first(id)\nAccept-Profile: other", json!([{"first": {"id": 70}}])),
        // What a function says of a name counts more than what foreign keys do, and says nothing of other functions.
        ("GET /clients?select=projects(id),last(id)&id=eq.1", json!([{"projects": [{"id": 4}], "last": {"id": 2}}])),
        ("GET /clients?select=projects!projects_client_id_fkey(id)&id=eq.1", json!([{"projects": [{"id": 4}]}])),
    ] {
        assert_eq!(p.send(request).await.json(), expected, "{request}");
    }
    for name in ["last", "hidden"] {
        assert_eq!(p.send(&format!("POST /rpc/{name}\n\n{{}}")).await.json()["code"], "PGRST202", "{name} is not exposed");
    }
}

#[tokio::test]
async fn columns_and_constraints_mean_tables() {
    let project = project(&format!("{SQL}create view client_view as select * from clients;")).await;
    for (query, expected) in [
        ("chained_view?select=pid,cid(name)&pid=eq.3", r#"[{"pid":3,"cid":{"name":"Globex"}}]"#),
        ("projects?select=id,client_id(name)&id=eq.3", r#"[{"id":3,"client_id":{"name":"Globex"}}]"#),
        ("clients?select=id,projects_client_id_fkey(name)&id=eq.2", r#"[{"id":2,"projects_client_id_fkey":[{"name":"P3"}]}]"#),
    ] {
        assert_eq!(project.body(&format!("GET /{query}")).await.replace(' ', ""), format!("200{expected}"), "{query}");
    }
}
