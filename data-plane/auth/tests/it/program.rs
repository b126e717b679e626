//! The program in the place of GoTrue's, started with its variables over a real database.

#![expect(clippy::unwrap_used, reason = "a failure here is the test's failure")]

use std::{fs, path::Path};

use rustix::process::Signal;
use serde_json::{Value, json};
use test_postgres::{TestCluster, TestDatabase};
use test_program::{Given, Running, ask, send, within};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader},
    net::TcpListener,
    sync::oneshot,
};

use crate::support::SECRET;

/// What a compose file gives.
fn given(database: &TestDatabase) -> Given {
    let (password, name) = (database.password(), database.name());
    let url = format!("postgres://supabase_auth_admin:{password}@127.0.0.1:{}/{name}?search_path=auth", database.port());
    let variables = [
        ("API_EXTERNAL_URL", "http://localhost:9999"),
        ("GOTRUE_SITE_URL", "http://localhost:3000"),
        ("GOTRUE_JWT_SECRET", SECRET),
        ("GOTRUE_JWT_AUD", "authenticated"),
        ("GOTRUE_DB_DRIVER", "postgres"),
        ("DATABASE_URL", &url),
        ("GOTRUE_API_HOST", "127.0.0.1"),
        ("PORT", "0"),
        ("GOTRUE_MAILER_AUTOCONFIRM", "true"),
    ];
    Given::new(env!("CARGO_BIN_EXE_auth"), variables.map(|(name, value)| (name, value.to_owned())).into())
}

async fn database() -> TestDatabase {
    TestCluster::shared().await.database().await
}

/// One as GoTrue finds it in a fresh image of its maker's: the schema `auth` is there, and empty.
async fn without_tables() -> TestDatabase {
    let database = database().await;
    let sql = format!(
        "drop schema auth, _auth cascade;
         create schema auth authorization supabase_auth_admin;
         grant create on database {} to supabase_auth_admin",
        database.name()
    );
    database.connect("supabase_admin").await.batch_execute(&sql).await.unwrap();
    database
}

/// One as the images of supabase/postgres before November 2025 leave it: seven of GoTrue's migrations done, the schema a
/// superuser's, none other to be made, and every change of it watched.
async fn of_the_image() -> TestDatabase {
    let database = without_tables().await;
    let tables = include_str!("../../schema/tests/it/states/2017.sql");
    database.connect("supabase_auth_admin").await.batch_execute(tables).await.unwrap();
    let rights = format!(
        "revoke create on database {} from supabase_auth_admin;
         alter schema auth owner to supabase_admin;
         grant all on schema auth to supabase_auth_admin, dashboard_user;
         create sequence auth.changes_seq;
         create sequence auth.lock_seq increment by -1 no minvalue start with -1;
         create function auth.protect() returns event_trigger language plpgsql security definer as $$
         begin
           if exists (select from pg_event_trigger_ddl_commands() where schema_name = 'auth') then
             if nextval('auth.lock_seq') > 0 then raise exception 'protected'; end if;
             perform nextval('auth.changes_seq');
           end if;
         end $$;
         create event trigger protect_auth on ddl_command_end execute function auth.protect()",
        database.name()
    );
    database.connect("supabase_admin").await.batch_execute(&rights).await.unwrap();
    database
}

async fn post(p: &Running, path: &str, body: Value) -> (u16, Value) {
    let (status, body) = ask(p.address, &format!("POST {path}\nContent-Type: application/json\n\n{body}")).await;
    (status, serde_json::from_str(&body).unwrap_or(Value::String(body)))
}

async fn sign_up(p: &Running, email: &str) -> (u16, Value) {
    post(p, "/signup", json!({ "email": email, "password": "correct horse" })).await
}

async fn sign_in(p: &Running, email: &str) -> (u16, Value) {
    post(p, "/token?grant_type=password", json!({ "email": email, "password": "correct horse" })).await
}

async fn stopped(p: Running) -> String {
    p.tell(Signal::TERM);
    let (code, log) = p.ended().await;
    assert_eq!(code, Some(0), "{log}");
    log
}

#[tokio::test]
async fn it_makes_its_tables_and_serves() {
    let database = without_tables().await;
    let mut p = given(&database).start().await;
    assert!(p.log.contains("the schema is up to date migrations=5"), "{}", p.log);
    assert!(p.log.contains("GOTRUE_DB_DRIVER has no effect"), "{}", p.log);
    let (status, health) = ask(p.address, "GET /health").await;
    assert!(status == 200 && health.contains(r#""name":"GoTrue""#), "{health}");
    assert_eq!(ask(p.address, "GET /.well-known/jwks.json").await, (200, r#"{"keys":[]}"#.to_owned()));
    assert_eq!(sign_up(&p, "someone@example.com").await.0, 200);
    let (status, session) = sign_in(&p, "someone@example.com").await;
    assert_eq!(status, 200, "{session}");
    let token = session["access_token"].as_str().unwrap().to_owned();
    let (status, user) = ask(p.address, &format!("GET /user\nAuthorization: Bearer {token}")).await;
    assert!(status == 200 && user.contains("someone@example.com"), "{user}");
    p.logs("path=\"/user\"").await;
    let log = stopped(p).await;
    assert!(log.contains("stopped") && !log.contains(&token) && !log.contains("correct horse"), "{log}");
}

#[tokio::test]
async fn it_starts_on_the_database_of_an_image_that_lets_it_make_no_schema() {
    let database = of_the_image().await;
    let given = given(&database).with("GOTRUE_MAILER_AUTOCONFIRM", "false");
    for migrations in [5, 0] {
        let p = given.clone().start().await;
        assert!(p.log.contains(&format!("the schema is up to date migrations={migrations}")), "{}", p.log);
        let email = format!("with{migrations}@example.com");
        assert_eq!(sign_up(&p, &email).await.0, 200);
        let wrong = json!({ "email": email, "password": "wrong" });
        assert_eq!(post(&p, "/token?grant_type=password", wrong).await.0, 400);
        stopped(p).await;
    }
    let admin = database.connect("supabase_admin").await;
    let of_ours = "select (select count(*) from auth._messages), (select count(*) from auth._limits) > 0";
    let row = admin.query_one(of_ours, &[]).await.unwrap();
    assert_eq!((row.get::<_, i64>(0), row.get::<_, bool>(1)), (2, true));
}

#[tokio::test]
async fn accounts_are_made_from_the_command_line() {
    let database = database().await;
    let given = given(&database).with("GOTRUE_MAILER_AUTOCONFIRM", "false");
    let create = ["admin", "createuser", "Boss@example.com", "correct horse", "--confirm", "--admin"];
    let (code, id) = given.prints(&create).await;
    assert_eq!(code, 0, "{id}");
    let (code, said) = given.ends(&create).await;
    assert!(code == 1 && said.contains("already been registered"), "{said}");
    let (code, said) = given.ends(&["admin", "createuser", "nobody", "correct horse"]).await;
    assert!(code == 1 && said.contains("invalid format") && !said.contains("horse"), "{said}");
    let p = given.clone().start().await;
    let (status, session) = sign_in(&p, "boss@example.com").await;
    assert!(status == 200 && session["user"]["id"] == id.trim() && session["user"]["role"] == "service_role", "{session}");
    stopped(p).await;
    assert_eq!(given.prints(&["admin", "deleteuser", "BOSS@example.com"]).await, (0, id.clone()));
    let (code, said) = given.ends(&["admin", "deleteuser", "boss@example.com"]).await;
    assert!(code == 1 && said.contains("there is no user \"boss@example.com\""), "{said}");
    assert_eq!(given.ends(&["admin", "deleteuser", id.trim()]).await.0, 1);
}

/// As the health checks of compose files and of Supabase's command line ask.
#[tokio::test]
async fn called_wget_it_asks_an_address() {
    let folder = tempfile::tempdir().unwrap();
    let wget = folder.path().join("wget");
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_auth"), &wget).unwrap();
    let database = database().await;
    let p = given(&database).start().await;
    let ask = |url: String| {
        let asked = tokio::process::Command::new(&wget).args(["--no-verbose", "--tries=1", "--spider", &url]).output();
        async move { within(asked).await.unwrap().status.code() }
    };
    assert_eq!(ask(format!("http://localhost:{}/health", p.address.port())).await, Some(0));
    assert_eq!(ask(format!("http://127.0.0.1:{}/nothing", p.address.port())).await, Some(1));
    assert_eq!(ask("https://127.0.0.1/health".to_owned()).await, Some(1));
    let port = p.address.port();
    stopped(p).await;
    assert_eq!(ask(format!("http://127.0.0.1:{port}/health")).await, Some(1));
}

#[tokio::test]
async fn upstreams_level_of_the_log_counts_unless_ours_is_told() {
    let database = database().await;
    let given = given(&database).with("GOTRUE_LOG_LEVEL", "debug");
    let p = given.clone().start().await;
    assert!(stopped(p).await.contains(" DEBUG "));
    let p = given.with("RUST_LOG", "info").start().await;
    assert!(!stopped(p).await.contains(" DEBUG "));
}

/// A bare container has no certificates: nobody's, to whom Auth may never speak, is no reason not to begin.
#[tokio::test]
async fn it_needs_no_certificates_of_the_system() {
    let database = database().await;
    let bare = given(&database).with("SSL_CERT_FILE", "/dev/null").with("SSL_CERT_DIR", "/nonexistent");
    let p = bare.start().await;
    assert_eq!(sign_up(&p, "bare@example.com").await.0, 200);
    stopped(p).await;
}

#[tokio::test]
async fn commands_do_one_thing() {
    let database = without_tables().await;
    let given = given(&database);
    let (code, said) = given.ends(&["migrate"]).await;
    assert!(code == 0 && said.contains("migrations=5"), "{said}");
    let (code, said) = given.ends(&["migrate"]).await;
    assert!(code == 0 && said.contains("migrations=0"), "{said}");
    assert_eq!(given.prints(&["version"]).await, (0, format!("{}\n", env!("CARGO_PKG_VERSION"))));
    let p = given.clone().with_argument("serve").start().await;
    assert!(!p.log.contains("the schema is up to date"), "{}", p.log);
    assert_eq!(sign_up(&p, "someone@example.com").await.0, 200);
    let port = p.address.port().to_string();
    assert_eq!(given.clone().with("PORT", &port).ends(&["health"]).await.0, 0);
    let (code, said) = given.with("PORT", &port).ends(&[]).await;
    assert!(code == 1 && said.contains("choose others by GOTRUE_API_HOST and PORT"), "{said}");
    stopped(p).await;
}

#[tokio::test]
async fn it_ends_when_it_can_not_be_told_anything_else() {
    let database = database().await;
    let url =
        |password: &str| format!("postgres://supabase_auth_admin{password}@127.0.0.1:{}/{}", database.port(), database.name());
    for password in [":wrong", ""] {
        let (code, said) = given(&database).with("DATABASE_URL", &url(password)).ends(&[]).await;
        assert!(code == 1 && said.contains("the database refuses the login") && !said.contains("wrong"), "{said}");
    }
    for (variable, value, part) in [
        ("GOTRUE_SITE_URL", "", "GOTRUE_SITE_URL must be the application's URL"),
        ("GOTRUE_JWT_SECRET", "", "GOTRUE_JWT_SECRET must be the secret"),
        ("GOTRUE_JWT_KEYS", r#"[{"kty":"oct","k":"s3cret"}]"#, "GOTRUE_JWT_KEYS must be a JSON array of JWKs"),
        ("PORT", "http", "PORT must be a whole number, but is `http`"),
        ("DATABASE_URL", "mysql://u:s3cret@h/d", "DATABASE_URL can't be used"),
        ("DB_NAMESPACE", "other", "the tables are in the schema auth"),
        ("AUTH_ALLOWED_NETWORKS", "localhost", "AUTH_ALLOWED_NETWORKS has \"localhost\""),
    ] {
        let (code, said) = given(&database).with(variable, value).ends(&[]).await;
        assert!(code == 1 && said.contains(part) && !said.contains("s3cret"), "{variable}: {said}");
    }
    let (code, said) = given(&database).with("GOTRUE_SITE_URL", "").with("PORT", "http").ends(&[]).await;
    assert!(code == 1 && said.contains("GOTRUE_SITE_URL") && said.contains("PORT must be"), "all at once: {said}");
    let (code, said) = given(&database).ends(&["-c", "/nowhere/auth.env"]).await;
    assert!(code == 1 && said.contains("/nowhere/auth.env can't be read"), "{said}");
}

#[tokio::test]
async fn it_waits_for_a_database_and_can_be_stopped_meanwhile() {
    let database = without_tables().await;
    let mut link = test_postgres::Link::closed(&database);
    let (password, name) = (database.password(), database.name());
    let url = format!("postgres://supabase_auth_admin:{password}@127.0.0.1:{}/{name}", link.port());
    let (code, said) = given(&database).with("DATABASE_URL", &url).ends(&["migrate"]).await;
    assert!(code == 1 && said.contains("can't be reached"), "a command says so at once: {said}");
    let starting = tokio::spawn(given(&database).with("DATABASE_URL", &url).start());
    link.open().await;
    let p = within(starting).await.unwrap();
    assert_eq!(sign_up(&p, "someone@example.com").await.0, 200);
    link.close().await;
    assert_eq!(sign_in(&p, "someone@example.com").await.0, 503);
    link.open().await;
    assert_eq!(sign_in(&p, "someone@example.com").await.0, 200);
    stopped(p).await;
}

#[tokio::test]
async fn requests_are_called_what_their_header_says() {
    let database = database().await;
    let mut link = test_postgres::Link::closed(&database);
    link.open().await;
    let (password, name) = (database.password(), database.name());
    let url = format!("postgres://supabase_auth_admin:{password}@127.0.0.1:{}/{name}", link.port());
    let mut p = given(&database).with("DATABASE_URL", &url).with("REQUEST_ID_HEADER", "X-Request-Id").start().await;
    ask(p.address, "GET /health\nX-Request-Id: one-1").await;
    p.logs("request_id=\"one-1\" method=GET path=\"/health\"").await;
    link.close().await;
    let request =
        "POST /token?grant_type=password\nX-Request-Id: two-2\nContent-Type: application/json\n\n{\"email\":\"a@b.test\"}";
    let (status, body) = ask(p.address, request).await;
    assert!(status == 503 && body.contains("\"error_id\":\"two-2\""), "{status} {body}");
    // What would break the log is not taken over.
    ask(p.address, &format!("GET /health\nX-Request-Id: {}", "x".repeat(200))).await;
    p.logs("path=\"/health\"").await;
    let log = stopped(p).await;
    assert!(!log.contains("xxx"), "{log}");
}

#[tokio::test]
async fn tokens_are_of_the_methods_that_are_valid() {
    let database = database().await;
    let p = given(&database).start().await;
    let (_, session) = sign_up(&p, "someone@example.com").await;
    stopped(p).await;
    let key = json!([{ "kty": "OKP", "crv": "Ed25519", "kid": "k", "key_ops": ["sign", "verify"],
        "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo", "d": "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A" }]);
    let given = given(&database).with("GOTRUE_JWT_KEYS", &key.to_string());
    let user = |session: &Value| format!("GET /user\nAuthorization: Bearer {}", session["access_token"].as_str().unwrap());
    for (methods, status) in [("", 200), ("HS256,EdDSA", 200), ("EdDSA", 403)] {
        let p = given.clone().with("GOTRUE_JWT_VALID_METHODS", methods).start().await;
        assert_eq!(ask(p.address, &user(&session)).await.0, status, "{methods}");
        let (_, new) = sign_in(&p, "someone@example.com").await;
        assert_eq!(ask(p.address, &user(&new)).await.0, 200, "{methods}");
        stopped(p).await;
    }
}

#[tokio::test]
async fn what_was_answered_survives_a_kill() {
    let database = database().await;
    let p = given(&database).start().await;
    let (status, session) = sign_up(&p, "someone@example.com").await;
    assert_eq!(status, 200);
    p.tell(Signal::KILL);
    p.ended().await;
    let p = given(&database).start().await;
    assert_eq!(sign_in(&p, "someone@example.com").await.0, 200);
    let refresh = json!({ "refresh_token": session["refresh_token"] });
    assert_eq!(post(&p, "/token?grant_type=refresh_token", refresh).await.0, 200);
    stopped(p).await;
}

#[tokio::test]
async fn settings_are_read_again() {
    let database = database().await;
    let folder = tempfile::tempdir().unwrap();
    let (file, watched) = (folder.path().join("auth.env"), folder.path().join("watched"));
    fs::create_dir(&watched).unwrap();
    let write = |path: &Path, text: &str| fs::write(path, text).unwrap();
    write(&file, "GOTRUE_DISABLE_SIGNUP=true\n");
    let mut p = given(&database)
        .with_argument("-c")
        .with_argument(file.to_str().unwrap())
        .with_argument("--config-dir")
        .with_argument(watched.to_str().unwrap())
        .start()
        .await;
    assert_eq!(sign_up(&p, "a@example.com").await.0, 422);
    for signal in [Signal::USR1, Signal::HUP] {
        write(&file, "GOTRUE_DISABLE_SIGNUP=false\n");
        p.tell(signal);
        p.logs("the settings were read again").await;
        let email = format!("{}@example.com", signal.as_raw());
        assert_eq!(sign_up(&p, &email).await.0, 200);
        write(&file, "GOTRUE_DISABLE_SIGNUP=true\nPORT=9\n");
        p.tell(signal);
        p.logs("where to listen, the database and the networks take effect at the next start").await;
        p.logs("the settings were read again").await;
        assert_eq!(sign_up(&p, "b@example.com").await.0, 422);
    }
    write(&file, "GOTRUE_DISABLE_SIGNUP=maybe\n");
    p.tell(Signal::USR1);
    p.logs("the settings stay as they were: GOTRUE_DISABLE_SIGNUP must be true or false").await;
    assert_eq!(sign_up(&p, "b@example.com").await.0, 422);
    // The folder is looked at by itself, and wins.
    write(&watched.join("10-open.env"), "GOTRUE_DISABLE_SIGNUP=false\n");
    p.logs("the settings were read again").await;
    assert_eq!(sign_up(&p, "b@example.com").await.0, 200);
    stopped(p).await;
}

#[tokio::test]
async fn pages_of_other_origins_are_let_in() {
    let p = given(&database().await).with("GOTRUE_CORS_ALLOWED_HEADERS", "x-mine").start().await;
    let preflight = |headers: &str| {
        let request = "OPTIONS /token\nOrigin: http://app\nAccess-Control-Request-Method: POST\nAccess-Control-Request-Headers:";
        format!("{request} {headers}")
    };
    let answer = send(p.address, &preflight("apikey,authorization,x-client-info,x-mine")).await;
    assert!(answer.starts_with("HTTP/1.1 204"), "{answer}");
    assert!(
        answer.contains("access-control-allow-origin: *") && answer.contains("access-control-allow-methods: POST"),
        "{answer}"
    );
    assert!(answer.contains("access-control-allow-headers: apikey,authorization,x-client-info,x-mine"), "{answer}");
    let answer = send(p.address, &preflight("x-others")).await;
    assert!(answer.starts_with("HTTP/1.1 204") && !answer.contains("access-control-allow"), "{answer}");
    let answer = send(p.address, "GET /user\nOrigin: http://app").await;
    assert!(answer.starts_with("HTTP/1.1 401") && answer.contains("access-control-allow-origin: *"), "{answer}");
    assert_eq!(answer.matches("Origin").count(), 1, "{answer}");
    assert!(!send(p.address, "GET /health").await.contains("access-control"));
    stopped(p).await;
}

/// A mail catcher as it stands in a compose file: it offers no encryption. The first mail's text.
async fn mail_catcher() -> (u16, oneshot::Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let (caught, mail) = oneshot::channel();
    tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        let (reader, mut writer) = stream.into_split();
        let mut lines = BufReader::new(reader).lines();
        writer.write_all(b"220 catcher\r\n").await.unwrap();
        let (mut text, mut in_data) = (String::new(), false);
        while let Some(line) = lines.next_line().await.unwrap() {
            let answer = match line.as_str() {
                "." if in_data => break,
                line if in_data => {
                    text.push_str(line);
                    text.push('\n');
                    continue;
                }
                "DATA" => {
                    in_data = true;
                    "354 go on\r\n"
                }
                _ => "250 well\r\n",
            };
            writer.write_all(answer.as_bytes()).await.unwrap();
        }
        writer.write_all(b"250 taken\r\n").await.unwrap();
        caught.send(text).unwrap();
    });
    (port, mail)
}

#[tokio::test]
async fn mail_goes_to_a_catcher_beside_it_unless_its_network_is_closed() {
    let database = database().await;
    let (port, mail) = mail_catcher().await;
    let with_mail = given(&database)
        .with("GOTRUE_MAILER_AUTOCONFIRM", "false")
        .with("GOTRUE_SMTP_HOST", "127.0.0.1")
        .with("GOTRUE_SMTP_PORT", &port.to_string())
        .with("GOTRUE_SMTP_ADMIN_EMAIL", "admin@example.com");
    let p = with_mail.clone().with("AUTH_ALLOWED_NETWORKS", "none").start().await;
    let (status, body) = sign_up(&p, "closed@example.com").await;
    assert!(status == 500 && body.to_string().contains("Error sending confirmation"), "{status} {body}");
    stopped(p).await;
    let p = with_mail.start().await;
    let (status, body) = sign_up(&p, "open@example.com").await;
    assert_eq!(status, 200, "{body}");
    let mail = within(mail).await.unwrap();
    assert!(mail.contains("open@example.com") && mail.contains("http://localhost:9999/verify"), "{mail}");
    stopped(p).await;
}
