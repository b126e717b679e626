//! What errors say: every code, to the byte, and what they guess was meant.

use serde_json::{Value, json};

use crate::support::{program::Variables, project, project_with, service_role, token};

const SQL: &str = "
create table directors (id int primary key, name text);
create table films (id int primary key, title text not null, year int check (year > 1800), director_id int references directors,
  producer_id int references directors);
create table actors (id int primary key, name text unique);
create table alone (id int primary key);
create table hidden (id int primary key);
revoke all on hidden from anon, service_role;
insert into actors values (1, 'Ann'), (2, 'Ben');
create function call_me(name text) returns int language sql stable as 'select 1';
create function overloaded(first_name text, last_name text) returns int language sql stable as 'select 1';
create function overloaded(company text) returns int language sql stable as 'select 1';
create function twice(a int) returns int language sql immutable as 'select a';
create function twice(a text) returns text language sql immutable as 'select a';
create function touch() returns int language sql stable as $$ update actors set name = 'x' returning id $$;
create function says(setting text, value text) returns int language sql stable as $$ select 1 from set_config(setting, value, true) $$;
create function fails(state text, message text, detail text default null, hint text default null) returns void language plpgsql stable as $$
begin
  if detail is null then raise exception using errcode = state, message = message; end if;
  raise exception using errcode = state, message = message, detail = detail, hint = coalesce(hint, 'h');
end $$;
";

/// `POST /rpc/fails` with these arguments.
fn raise(arguments: &Value) -> String {
    format!("POST /rpc/fails\n\n{arguments}")
}

#[tokio::test]
async fn every_code_to_the_byte() {
    let p = project(SQL).await;
    let not_a_role = format!("GET /actors\nAuthorization: Bearer {}", token(json!({"role": "no_such_role"})));
    let expired = format!("GET /actors\nAuthorization: Bearer {}", token(json!({"role": "anon", "exp": 1})));
    let authenticated = format!("GET /hidden\n{}", service_role());
    for (request, status, body) in [
        (
            "PATCH /rpc/call_me",
            405,
            r#"{"code":"PGRST101","details":null,"hint":null,"message":"Cannot use the PATCH method on RPC"}"#,
        ),
        (
            "POST /actors\n\n[{\"id\":3},{\"name\":\"c\"}]",
            400,
            r#"{"code":"PGRST102","details":null,"hint":null,"message":"All object keys must match"}"#,
        ),
        ("POST /actors\n\n{", 400, r#"{"code":"PGRST102","details":null,"hint":null,"message":"Empty or invalid json"}"#),
        (
            "GET /actors?limit=-1",
            416,
            r#"{"code":"PGRST103","details":"Limit should be greater than or equal to zero.","hint":null,"message":"Requested range not satisfiable"}"#,
        ),
        (
            "PUT /actors?name=eq.x\n\n{\"id\":1,\"name\":\"x\"}",
            405,
            r#"{"code":"PGRST105","details":null,"hint":null,"message":"Filters must include all and only primary key columns with 'eq' operators"}"#,
        ),
        (
            "GET /actors\nAccept-Profile: secret",
            406,
            r#"{"code":"PGRST106","details":null,"hint":"Only the following schemas are exposed: public, graphql_public","message":"Invalid schema: secret"}"#,
        ),
        (
            "GET /actors\nAccept: image/png, image/gif",
            406,
            r#"{"code":"PGRST107","details":null,"hint":null,"message":"None of these media types are available: image/png, image/gif"}"#,
        ),
        (
            "GET /actors?films.id=eq.1",
            400,
            r#"{"code":"PGRST108","details":null,"hint":"Verify that 'films' is included in the 'select' query parameter.","message":"'films' is not an embedded resource in this request"}"#,
        ),
        (
            "GET /rpc/says?setting=response.headers&value=x",
            500,
            r#"{"code":"PGRST111","details":null,"hint":null,"message":"response.headers guc must be a JSON array composed of objects with a single key and a string value"}"#,
        ),
        (
            "GET /rpc/says?setting=response.status&value=x",
            500,
            r#"{"code":"PGRST112","details":null,"hint":null,"message":"response.status guc must be a valid status code"}"#,
        ),
        (
            "PUT /actors?id=eq.1&limit=1\n\n{\"id\":1}",
            400,
            r#"{"code":"PGRST114","details":null,"hint":null,"message":"limit/offset querystring parameters are not allowed for PUT"}"#,
        ),
        (
            "PUT /actors?id=eq.1\n\n{\"id\":2}",
            400,
            r#"{"code":"PGRST115","details":null,"hint":null,"message":"Payload values do not match URL in primary key column(s)"}"#,
        ),
        (
            "GET /actors\nAccept: application/vnd.pgrst.object+json",
            406,
            r#"{"code":"PGRST116","details":"The result contains 2 rows","hint":null,"message":"Cannot coerce the result to a single JSON object"}"#,
        ),
        ("BREW /actors", 405, r#"{"code":"PGRST117","details":null,"hint":null,"message":"Unsupported HTTP method: BREW"}"#),
        (
            "GET /directors?select=films!director_id(id)&order=films(id)",
            400,
            r#"{"code":"PGRST118","details":"'directors' and 'films' do not form a many-to-one or one-to-one relationship","hint":null,"message":"A related order on 'films' is not possible"}"#,
        ),
        (
            "GET /directors?select=films!director_id(id)&films=eq.1",
            400,
            r#"{"code":"PGRST120","details":"Only is null or not is null filters are allowed on embedded resources","hint":null,"message":"Bad operator on the 'films' embedded resource"}"#,
        ),
        (
            "GET /actors\nPrefer: handling=strict, a, b=c",
            400,
            r#"{"code":"PGRST122","details":"Invalid preferences: a, b=c","hint":null,"message":"Invalid preferences given with handling=strict"}"#,
        ),
        (
            "GET /actors?select=id.sum()",
            400,
            r#"{"code":"PGRST123","details":null,"hint":null,"message":"Use of aggregate functions is not allowed"}"#,
        ),
        (
            "DELETE /actors?id=gt.0\nPrefer: handling=strict, max-affected=1",
            400,
            r#"{"code":"PGRST124","details":"The query affects 2 rows","hint":null,"message":"Query result exceeds max-affected preference constraint"}"#,
        ),
        (
            "GET /actors/1",
            404,
            r#"{"code":"PGRST125","details":null,"hint":null,"message":"Invalid path specified in request URL"}"#,
        ),
        (
            "GET /films?select=actors!by(id)",
            400,
            r#"{"code":"PGRST200","details":"Searched for a foreign key relationship between 'films' and 'actors' using the hint 'by' in the schema 'public', but no matches were found.","hint":null,"message":"Could not find a relationship between 'films' and 'actors' in the schema cache"}"#,
        ),
        (
            "POST /rpc/nothing_of_the_kind\n\n{\"b\":1,\"a\":2}",
            404,
            r#"{"code":"PGRST202","details":"Searched for the function public.nothing_of_the_kind with parameters a, b or with a single unnamed json/jsonb parameter, but no matches were found in the schema cache.","hint":null,"message":"Could not find the function public.nothing_of_the_kind(a, b) in the schema cache"}"#,
        ),
        (
            "GET /rpc/twice?a=1",
            300,
            r#"{"code":"PGRST203","details":null,"hint":"Try renaming the parameters or the function itself in the database so function overloading can be resolved","message":"Could not choose the best candidate function between: public.twice(a => integer), public.twice(a => text)"}"#,
        ),
        (
            "POST /actors?columns=id,nickname\n\n{\"id\":3}",
            400,
            r#"{"code":"PGRST204","details":null,"hint":null,"message":"Could not find the 'nickname' column of 'actors' in the schema cache"}"#,
        ),
        (
            "GET /nothing_of_the_kind",
            404,
            r#"{"code":"PGRST205","details":null,"hint":null,"message":"Could not find the table 'public.nothing_of_the_kind' in the schema cache"}"#,
        ),
        (
            "GET /actors\nAuthorization: Bearer x",
            401,
            r#"{"code":"PGRST301","details":null,"hint":null,"message":"Expected 3 parts in JWT; got 1"}"#,
        ),
        (&expired, 401, r#"{"code":"PGRST303","details":null,"hint":null,"message":"JWT expired"}"#),
        (&not_a_role, 401, r#"{"code":"22023","details":null,"hint":null,"message":"role \"no_such_role\" does not exist"}"#),
        ("GET /hidden", 401, r#"{"code":"42501","details":null,"hint":null,"message":"permission denied for table hidden"}"#),
        (&authenticated, 403, r#"{"code":"42501","details":null,"hint":null,"message":"permission denied for table hidden"}"#),
        (
            "POST /actors\n\n{\"id\":1,\"name\":\"c\"}",
            409,
            r#"{"code":"23505","details":"Key (id)=(1) already exists.","hint":null,"message":"duplicate key value violates unique constraint \"actors_pkey\""}"#,
        ),
        (
            "POST /films\n\n{\"id\":1,\"title\":\"t\",\"director_id\":7}",
            409,
            r#"{"code":"23503","details":"Key (director_id)=(7) is not present in table \"directors\".","hint":null,"message":"insert or update on table \"films\" violates foreign key constraint \"films_director_id_fkey\""}"#,
        ),
        (
            "POST /films\n\n{\"id\":1}",
            400,
            r#"{"code":"23502","details":"Failing row contains (1, null, null, null, null).","hint":null,"message":"null value in column \"title\" of relation \"films\" violates not-null constraint"}"#,
        ),
        (
            "POST /films\n\n{\"id\":1,\"title\":\"t\",\"year\":1}",
            400,
            r#"{"code":"23514","details":"Failing row contains (1, t, 1, null, null).","hint":null,"message":"new row for relation \"films\" violates check constraint \"films_year_check\""}"#,
        ),
    ] {
        let answer = p.send(request).await;
        assert_eq!((answer.status, answer.body.as_str()), (status, body), "{request}");
        let header = |name: &str| answer.headers.get(name).map(|value| value.to_str().unwrap().to_owned());
        let code = answer.json()["code"].as_str().unwrap().to_owned();
        assert_eq!(header("content-length"), Some(body.len().to_string()), "{request}");
        assert_eq!(header("content-type").as_deref(), Some("application/json; charset=utf-8"), "{request}");
        assert_eq!(header("proxy-status"), Some(format!("PostgREST; error={code}")), "{request}");
        let challenge = match (status, code.as_str()) {
            (401, "PGRST301" | "PGRST303") => {
                Some(format!("Bearer error=\"invalid_token\", error_description={}", answer.json()["message"]))
            }
            (401, _) => Some("Bearer".to_owned()),
            _ => None,
        };
        assert_eq!(header("www-authenticate"), challenge, "{request}");
    }
    p.context.close();
    let gone = p.send("GET /actors").await;
    let (status, code, message) = (gone.status, gone.json()["code"].clone(), gone.json()["message"].clone());
    assert_eq!((status, code, message), (503, json!("PGRST000"), json!("Database connection error.")));
}

#[tokio::test]
async fn hints_name_only_what_is_very_much_alike() {
    let p = project(SQL).await;
    let meant = |what: &str, instead: &str| Some(format!("Perhaps you meant '{what}' instead of '{instead}'."));
    let call = |what: &str| Some(format!("Perhaps you meant to call the function public.{what}"));
    let table = |what: &str| Some(format!("Perhaps you meant the table 'public.{what}'"));
    for (request, code, hint) in [
        ("GET /actoxs", "PGRST205", table("actors")),
        ("GET /Actors", "PGRST205", table("actors")),
        ("GET /acts", "PGRST205", None),
        ("GET /films_of_directors", "PGRST205", None),
        ("POST /rpc/call_me_x\n\n{\"name\":1}", "PGRST202", call("call_me")),
        ("GET /rpc/call", "PGRST202", None),
        // Of several with that name, the one with the likest parameters, whatever their order.
        ("GET /rpc/overloaded?last_nam=b&first_name=a", "PGRST202", call("overloaded(first_name, last_name)")),
        ("GET /rpc/overloaded?compani=b", "PGRST202", call("overloaded(company)")),
        ("GET /rpc/overloaded?wanted=b", "PGRST202", None),
        ("GET /films?select=director(*)", "PGRST200", meant("directors", "director")),
        ("GET /films?select=actors(*)", "PGRST200", None),
        // What is asked for is there; it is the hint that is wrong.
        ("GET /films?select=directors!nothing(*)", "PGRST200", None),
        ("GET /alone?select=directors(*)", "PGRST200", None),
    ] {
        let answer = p.send(request).await.json();
        assert_eq!((&answer["code"], answer["hint"].as_str().map(str::to_owned)), (&json!(code), hint), "{request}");
    }
    // Nothing is related to this one, but to another that is called almost like it.
    let p = project(&format!("{SQL}; create table film (id int primary key)")).await;
    assert_eq!(p.send("GET /film?select=directors(*)").await.json()["hint"].as_str(), meant("films", "film").as_deref());
}

#[tokio::test]
async fn nobody_looks_for_a_table_among_very_many() {
    let many = |number: usize| {
        format!(
            "do $$ begin for i in 1 .. {number} loop execute format('create table \"%s\" ()', md5(i::text)); end loop; end $$"
        )
    };
    for (tables, hint) in [(499, json!("Perhaps you meant the table 'public.actors'")), (500, Value::Null)] {
        // Others of the schema count as well.
        let p = project(&format!("create table actors (id int); {}", many(tables - 1))).await;
        let answer = p.send("GET /actoxs").await.json();
        assert_eq!((&answer["code"], &answer["hint"]), (&json!("PGRST205"), &hint), "{tables}");
    }
}

#[tokio::test]
async fn what_sql_raises_is_answered_as_it_says() {
    let p = project(SQL).await;
    let message = json!({"code": "123", "message": "Payment Required"}).to_string();
    let whole = json!({"code": "123", "message": "m", "details": "d", "hint": "h"}).to_string();
    let detail = r#"{"status":419,"status_text":"Page Expired","headers":{"X-Powered-By":"Nerd Rage","Vary":"Cookie"}}"#;
    let of_message =
        "MESSAGE must be a JSON object with obligatory keys: 'code', 'message' and optional keys: 'details', 'hint'.";
    let of_detail = "DETAIL must be a JSON object with obligatory keys: 'status', 'headers' and optional key: 'status_text'.";
    let unparsable = |details: &str, hint: &str| {
        let message = r#"Could not parse JSON in the "RAISE SQLSTATE 'PGRST'" error"#;
        json!({"code": "PGRST121", "details": details, "hint": hint, "message": message})
    };
    for (message, detail, status, expected) in [
        (whole.as_str(), Some(detail), 419, serde_json::from_str(&whole).unwrap()),
        (&message, Some(detail), 419, json!({"code": "123", "details": null, "hint": null, "message": "Payment Required"})),
        ("oops", Some(detail), 500, unparsable("Invalid JSON value for MESSAGE: 'oops'", of_message)),
        (r#"{"code":"1"}"#, Some(detail), 500, unparsable(r#"Invalid JSON value for MESSAGE: '{"code":"1"}'"#, of_message)),
        (&message, Some("oops"), 500, unparsable("Invalid JSON value for DETAIL: 'oops'", of_detail)),
        (&message, Some(r#"{"status":402}"#), 500, unparsable(r#"Invalid JSON value for DETAIL: '{"status":402}'"#, of_detail)),
        (&message, None, 500, unparsable("DETAIL is missing in the RAISE statement", of_detail)),
    ] {
        let answer = p.send(&raise(&json!({"state": "PGRST", "message": message, "detail": detail}))).await;
        assert_eq!((answer.status, answer.json()), (status, expected), "{message} {detail:?}");
        let is_ours = status == 500;
        assert_eq!(answer.headers.contains_key("x-powered-by"), !is_ours, "{message} {detail:?}");
        assert_eq!(answer.headers["vary"], if is_ours { "Accept, Prefer, Range" } else { "Cookie" }, "{message} {detail:?}");
    }

    // The first line of an answer is there only on the network.
    let database = &p.database;
    let variables = Variables::for_database(database, "authenticator", database.port()).with("PGRST_DB_ANON_ROLE", "anon");
    let program = variables.start().await;
    let status_text = |text: &str| json!({"status": 419, "status_text": text, "headers": {}}).to_string();
    let (expired, evil) = (status_text("Page Expired"), status_text("a\r\nx-evil: 1"));
    for (arguments, line) in [
        (json!({"state": "PGRST", "message": message, "detail": expired}), "HTTP/1.1 419 Page Expired"),
        (
            json!({"state": "PGRST", "message": message, "detail": r#"{"status":402,"headers":{}}"#}),
            "HTTP/1.1 402 Payment Required",
        ),
        (json!({"state": "PGRST", "message": message, "detail": r#"{"status":200,"headers":{}}"#}), "HTTP/1.1 200 OK"),
        (json!({"state": "PGRST", "message": message, "detail": evil}), "HTTP/1.1 419 "),
        (json!({"state": "PT452", "message": "My Special Status"}), "HTTP/1.1 452 My Special Status"),
        (json!({"state": "P0001", "message": "My Message"}), "HTTP/1.1 400 Bad Request"),
    ] {
        let answer = program.answer(&format!("POST /rpc/fails\nContent-Type: application/json\n\n{arguments}")).await;
        assert_eq!(answer.lines().next(), Some(line), "{arguments}");
        assert!(!answer.split_once("\r\n\r\n").unwrap().0.contains("x-evil"), "{answer}");
    }
}

#[tokio::test]
async fn few_words_are_enough_if_so_set() {
    let p = project_with(SQL, &[("client_error_verbosity", "minimal")]).await;
    let raised = raise(&json!({"state": "PGRST", "message": r#"{"code":"1","message":"m","details":"d","hint":"h"}"#,
        "detail": r#"{"status":402,"headers":{"X-Own":"1"}}"#}));
    let own = raise(&json!({"state": "P0001", "message": "m", "detail": "d"}));
    for (request, status, body) in [
        ("GET /actoxs", 404, r#"{"code":"PGRST205","message":"Could not find the table 'public.actoxs' in the schema cache"}"#),
        ("GET /actors?limit=-1", 416, r#"{"code":"PGRST103","message":"Requested range not satisfiable"}"#),
        (
            "GET /films?select=director(*)",
            400,
            r#"{"code":"PGRST200","message":"Could not find a relationship between 'films' and 'director' in the schema cache"}"#,
        ),
        (
            "GET /directors?select=films(*)",
            300,
            r#"{"code":"PGRST201","message":"Could not embed because more than one relationship was found for 'directors' and 'films'"}"#,
        ),
        (
            "POST /actors\n\n{\"id\":1,\"name\":\"c\"}",
            409,
            r#"{"code":"23505","message":"duplicate key value violates unique constraint \"actors_pkey\""}"#,
        ),
        (&own, 400, r#"{"code":"P0001","message":"m"}"#),
        (&raised, 402, r#"{"code":"1","message":"m"}"#),
        ("GET /actors\nAuthorization: Bearer x", 401, r#"{"code":"PGRST301","message":"Expected 3 parts in JWT; got 1"}"#),
    ] {
        let answer = p.send(request).await;
        assert_eq!((answer.status, answer.body.as_str()), (status, body), "{request}");
        assert_eq!(answer.headers["content-length"], body.len().to_string().as_str(), "{request}");
    }
}
