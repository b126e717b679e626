//! Results that may be large: they come row by row and are the same to the byte; and they take neither memory nor, longer
//! than needed, temporary space.

#![expect(clippy::unwrap_used, reason = "a failure here is the test's failure")]

use test_postgres::{TestCluster, TestDatabase};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use crate::{
    faults::eventually,
    support::{
        Project,
        program::{Program, Variables},
        project_with, service_role,
    },
};

const ALL: &[(&str, &str)] = &[("db_max_rows", ""), ("db_aggregates_enabled", "true")];

/// Rows up to which PostgreSQL builds the body.
const FEW: u32 = 10_000;

const SQL: &str = r#"
    create table a (id int primary key, name text, data jsonb, at timestamptz, tags text[], n numeric);
    insert into a values
      (1, 'one', '{"k": [1, {"z": null}]}', '2024-02-29 12:00:00+00', '{x,"y z"}', 1.50),
      (2, null, null, null, null, null),
      (3, E'a "b",\nc\\d é', '"s"', 'infinity', '{}', 'NaN');
    create table b (id int primary key, a_id int references a, note text);
    insert into b values (1, 1, 'x'), (2, 1, null), (3, 3, 'z');
    create table c (id int primary key, b_id int references b);
    insert into c values (1, 1), (2, 3);
    create table none (id int, name text);
    create table many (id int primary key);
    insert into many select generate_series(1, 12000);
    analyze many;
    create table nothing ();
    insert into nothing select;
    create function st_asgeojson(feature record) returns text language plpgsql immutable as $$ begin
      return case when to_jsonb(feature)->>'name' is null then null else json_build_object('of', to_json(feature))::text end; end $$;
    create function listed() returns setof a language plpgsql as $$ begin
      perform set_config('response.headers', '[{"X-Listed": "yes"}]', true);
      return query select * from a order by id;
      perform set_config('response.status', '202', true); end $$;
    create function pairs() returns table (k text, v int) language sql stable as $$ values ('a', 1), (null, null) $$;
    create function words() returns setof text language sql stable as $$ values ('a'), (null), ('b') $$;
    create function fails() returns setof a language plpgsql stable as $$ begin
      return query select * from a; raise exception 'no more'; end $$;
"#;

/// The same request, as far as the body goes, for few rows and for any number.
async fn both(p: &Project, request: &str) -> [String; 2] {
    let (line, rest) = request.split_once('\n').unwrap_or((request, ""));
    let mut shown = Vec::new();
    for limit in [FEW, FEW + 1] {
        let separator = if line.contains('?') { '&' } else { '?' };
        let answer = p.send(&format!("{line}{separator}limit={limit}\n{rest}")).await;
        let mut headers: Vec<String> =
            answer.headers.iter().map(|(name, value)| format!("{name}: {}", value.to_str().unwrap())).collect();
        headers.retain(|line| !line.starts_with("content-location"));
        headers.sort();
        if let Some(length) = answer.headers.get("content-length") {
            assert_eq!(length.to_str().unwrap(), answer.body.len().to_string(), "{request}");
        }
        shown.push(format!("{}\n{}\n\n{}", answer.status, headers.join("\n"), answer.body));
    }
    shown.try_into().unwrap()
}

#[tokio::test]
async fn any_number_of_rows_is_answered_as_few_are() {
    let p = project_with(SQL, ALL).await;
    for request in [
        "GET /a?order=id",
        "GET /a?id=eq.2",
        "GET /none",
        "GET /nothing",
        "GET /many?order=id",
        "GET /a?select=id,at,tags,n&order=id.desc",
        "GET /a?select=x:data-%3Ek,name::varchar&order=id",
        "GET /a?select=*,b(*,c(id))&order=id",
        "GET /b?select=id,a(name,data),c(*)&order=id",
        "GET /b?select=note,...a(name)&order=id",
        "GET /a?select=id,...b(note)&order=id",
        "GET /a?select=id.count(),name&order=name",
        "GET /a?order=id\nAccept: application/vnd.pgrst.array+json;nulls=stripped",
        "GET /none\nAccept: application/vnd.pgrst.array+json;nulls=stripped",
        "GET /a?select=*,b(*)&order=id\nAccept: application/vnd.pgrst.array+json;nulls=stripped",
        "GET /a?order=id\nAccept: text/csv",
        "GET /a?select=id&id=eq.1\nAccept: text/csv",
        "GET /none\nAccept: text/csv",
        "GET /nothing\nAccept: text/csv",
        "GET /many?order=id\nAccept: text/csv",
        "GET /a?order=id\nAccept: application/geo+json",
        "GET /none\nAccept: application/geo+json",
        "GET /a?id=eq.1\nAccept: application/vnd.pgrst.object+json",
        "HEAD /a\nPrefer: count=exact",
        "GET /a?order=id\nPrefer: count=exact",
        "GET /none\nPrefer: count=exact",
        "GET /none\nPrefer: count=estimated",
        "GET /a?order=id&offset=1\nPrefer: count=exact",
        "GET /a?order=id&offset=3\nPrefer: count=exact",
        "GET /a?order=id&offset=4\nPrefer: count=exact",
        "GET /many?offset=11999\nPrefer: count=exact",
        "GET /many?offset=12000\nPrefer: count=estimated",
        "GET /many?id=gt.11000\nPrefer: count=planned",
        "GET /rpc/listed",
        "GET /rpc/listed?id=gt.1&select=id,b(note)\nPrefer: count=exact",
        "POST /rpc/listed\nPrefer: count=exact\n\n{}",
        "POST /rpc/listed\nAccept: text/csv\n\n{}",
        "GET /rpc/pairs",
        "GET /rpc/pairs?k=eq.a",
        "GET /rpc/pairs\nAccept: text/csv\nPrefer: count=exact",
        "GET /rpc/words",
        "GET /rpc/words\nAccept: text/csv\nPrefer: count=exact",
        "GET /rpc/fails",
        "GET /a?name=in.(1",
        "GET /a?id=eq.x",
    ] {
        // Seen, prepared and then used.
        for _ in 0..3 {
            let [few, any] = both(&p, request).await;
            if !request.contains("/many") {
                assert_eq!(any, few, "{request}");
            }
        }
    }
}

#[tokio::test]
async fn a_full_page_is_counted_beside_its_rows() {
    let p = project_with(SQL, ALL).await;
    for (range, status, shown) in [
        ("limit=11000", 206, "0-10999/12000"),
        ("limit=12000", 200, "0-11999/12000"),
        ("limit=10500&offset=1000", 206, "1000-11499/12000"),
        ("limit=10500&offset=5000", 206, "5000-11999/12000"),
        ("offset=12000", 206, "*/12000"),
        ("order=id", 200, "0-11999/12000"),
    ] {
        let answer = p.send(&format!("GET /many?{range}\nPrefer: count=exact")).await;
        assert_eq!((answer.status, answer.headers["content-range"].to_str().unwrap()), (status, shown), "{range}");
        let lines = answer.body.lines().count();
        assert_eq!(answer.json().as_array().unwrap().len(), if answer.body == "[]" { 0 } else { lines });
    }
}

#[tokio::test]
async fn a_function_answers_by_its_settings_after_its_last_row() {
    let p = project_with(SQL, ALL).await;
    let answer = p.send("POST /rpc/listed?select=id").await;
    assert_eq!((answer.status, answer.headers["x-listed"].to_str().unwrap()), (202, "yes"));
    assert_eq!(answer.body, "[{\"id\":1}, \n {\"id\":2}, \n {\"id\":3}]");
}

/// 100 MB as JSON; and a part of it that does not end.
const LARGE: &str = "
    create view large as select i, repeat('x', 5000) as text from generate_series(1, 20000) i;
    create view endless as select i, repeat('x', 5000) as text, case when i = 4000 then pg_sleep(600)::text end as slept
      from generate_series(1, 4001) i;
    grant select on large, endless to service_role;";

async fn large(room: &str) -> (TestDatabase, Program, tempfile::TempDir) {
    let database = TestCluster::shared().await.database().await;
    database.connect("postgres").await.batch_execute(LARGE).await.unwrap();
    // However slow the machine is.
    let sql = format!("alter role authenticator in database \"{}\" set statement_timeout = 0", database.name());
    database.connect("supabase_admin").await.batch_execute(&sql).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let program = Variables::for_database(&database, "authenticator", database.port())
        .with("PGRST_SERVER_TEMP_FILE_LIMIT", room)
        .with("TMPDIR", folder.path().to_str().unwrap());
    let program = program.start().await;
    (database, program, folder)
}

/// A request of which only the head of the answer has been read, if there is one.
async fn begin(program: &Program, path: &str) -> TcpStream {
    let mut stream = TcpStream::connect(("127.0.0.1", program.port())).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n{}\r\n\r\n", service_role());
    stream.write_all(request.as_bytes()).await.unwrap();
    stream
}

/// The head of the answer, and the number of bytes that follow it.
async fn read(mut stream: TcpStream) -> (String, usize) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.unwrap());
    }
    let (mut bytes, mut part) = (0, vec![0; 1 << 20]);
    loop {
        match stream.read(&mut part).await.unwrap() {
            0 => return (String::from_utf8(head).unwrap(), bytes),
            more => bytes += more,
        }
    }
}

/// Files without a name that the program has open in this folder.
fn files(program: &Program, folder: &tempfile::TempDir) -> usize {
    let open = std::fs::read_dir(program.proc().join("fd")).unwrap();
    let places = open.filter_map(|file| std::fs::read_link(file.ok()?.path()).ok());
    places.filter(|place| place.starts_with(folder.path())).count()
}

/// The most memory it ever had, in megabytes.
fn memory(program: &Program) -> u64 {
    let status = std::fs::read_to_string(program.proc().join("status")).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() / 1024
}

#[tokio::test]
async fn a_large_result_takes_little_memory() {
    let (_database, program, folder) = large("200000000").await;
    for path in ["/large", "/large?order=i.desc"] {
        let (head, bytes) = read(begin(&program, path).await).await;
        // The texts, what is around each of them, the numbers, and what is around and between all.
        let length = 20_000 * (5000 + r#"{"i":,"text":""}"#.len() + ", \n ".len()) - ", \n ".len() + 88_894 + "[]".len();
        assert!(head.starts_with("HTTP/1.1 200") && head.contains("content-range: 0-19999/*\r\n"), "{head}");
        assert!(head.contains(&format!("content-length: {length}\r\n")), "{length}: {head}");
        assert_eq!(bytes, length);
    }
    assert!(memory(&program) < 64, "{} MB", memory(&program));
    eventually(async || files(&program, &folder) == 0).await;
}

#[tokio::test]
async fn temporary_space_is_bounded_and_comes_back() {
    let (database, program, folder) = large("150000000").await;
    let first = begin(&program, "/large").await;
    eventually(async || files(&program, &folder) == 1).await;
    // It is written once its answer begins.
    first.readable().await.unwrap();
    let refused = program.answer(&format!("GET /large\n{}", service_role())).await;
    assert!(refused.starts_with("HTTP/1.1 500"), "{refused}");
    assert!(
        refused.ends_with(
            r#"{"code":"PGRSTX01","details":"Large results may take 150000000 bytes together until they are sent.","hint":"Ask for fewer rows at once, by limit and offset.","message":"The result is too large"}"#
        ),
        "{refused}"
    );
    eventually(async || files(&program, &folder) == 1 && !is_running(&database).await).await;
    drop(first);
    eventually(async || files(&program, &folder) == 0).await;
    let (head, _) = read(begin(&program, "/large").await).await;
    assert!(head.starts_with("HTTP/1.1 200"), "{head}");
}

#[tokio::test]
async fn a_client_that_goes_away_frees_the_file_and_stops_the_query() {
    let (database, program, folder) = large("150000000").await;
    let request = begin(&program, "/endless").await;
    eventually(async || files(&program, &folder) == 1 && is_running(&database).await).await;
    drop(request);
    eventually(async || files(&program, &folder) == 0 && !is_running(&database).await).await;
    assert!(program.body(&format!("GET /large?limit=1&select=i\n{}", service_role())).await.starts_with("200 "));
}

async fn is_running(database: &TestDatabase) -> bool {
    let sql = "select count(*) from pg_stat_activity where usename = 'authenticator' and datname = current_database() and state <> 'idle'";
    database.connect("supabase_admin").await.query_one(sql, &[]).await.unwrap().get::<_, i64>(0) > 0
}
