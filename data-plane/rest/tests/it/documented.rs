//! Sentences of PostgREST's documentation about the program, "Configuration", "Authentication" and "Observability".

#![expect(clippy::unwrap_used, reason = "a failure here is the test's failure")]

use std::{fs, path::PathBuf};

use jsonwebtoken::{EncodingKey, Header};
use rustix::process::Signal;
use serde_json::json;
use tempfile::TempDir;
use test_postgres::TestDatabase;

use crate::{
    faults::eventually,
    program::{tutorial, variables},
    support::{SECRET, program::Program},
};

/// A program with a file that is written again while it runs.
struct Configured {
    database: TestDatabase,
    role: String,
    _folder: TempDir,
    path: PathBuf,
    program: Program,
}

impl Configured {
    async fn start(text: &str) -> Self {
        let (database, role) = tutorial().await;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("rest.conf");
        fs::write(&path, text).unwrap();
        let program = variables(&database, &role).with_file(path.to_str().unwrap()).start().await;
        Self { database, role, _folder: folder, path, program }
    }

    async fn reload(&mut self, text: &str) {
        fs::write(&self.path, text).unwrap();
        self.program.tell(Signal::USR2);
        self.program.logs("the settings were read again").await;
    }

    /// Limits the rows of a read, and tells it on this channel only.
    async fn limit(&self, rows: usize, channel: &str) {
        let sql = format!("alter role {} set pgrst.db_max_rows = '{rows}'; notify {channel}, 'reload config'", self.role);
        self.database.connect("supabase_admin").await.batch_execute(&sql).await.unwrap();
    }

    async fn rows(&self) -> usize {
        self.program.body("GET /todos?select=id").await.matches("id").count()
    }
}

#[tokio::test]
async fn the_channel_is_another_after_a_reload() {
    let mut p = Configured::start("log-level = \"info\"\n").await;
    assert_eq!(p.rows().await, 3);
    p.limit(2, "pgrst").await;
    eventually(|| async { p.rows().await == 2 }).await;
    p.reload("log-level = \"info\"\ndb-channel = \"other\"\n").await;
    p.program.logs("the schema was loaded again").await;
    p.limit(1, "other").await;
    eventually(|| async { p.rows().await == 1 }).await;
    p.program.logs("received a message channel=\"other\" payload=\"reload config\"").await;

    p.reload("log-level = \"info\"\ndb-channel-enabled = false\n").await;
    p.program.logs("the schema was loaded again").await;
    // What nobody hears of changes nothing until it is asked for by a signal.
    p.limit(2, "other").await;
    p.limit(2, "pgrst").await;
    assert_eq!(p.rows().await, 1);
    p.program.tell(Signal::USR2);
    eventually(|| async { p.rows().await == 2 }).await;
}

#[tokio::test]
async fn the_log_s_level_is_another_after_a_reload() {
    let mut p = Configured::start("log-level = \"crit\"\n").await;
    assert!(p.program.body("GET /todos?id=eq.1").await.starts_with("200 "));
    p.reload("log-level = \"info\"\nlog-query = true\n").await;
    p.program.logs("the schema was loaded again").await;
    assert!(p.program.body("GET /todos?id=eq.2").await.starts_with("200 "));
    p.program.logs("\"GET /todos?id=eq.2 HTTP/1.1\" 200 ").await;
    // What the catalogue is asked, too.
    p.program.tell(Signal::USR1);
    p.program.logs("from pg_namespace where nspname = any($1)").await;
    assert!(p.program.log().contains("INFO query: "), "{}", p.program.log());
    p.reload("log-level = \"crit\"\n").await;
    assert!(p.program.body("GET /todos?id=eq.3").await.starts_with("200 "));
    p.reload("log-level = \"info\"\n").await;
    assert!(p.program.body("GET /todos?id=eq.4").await.starts_with("200 "));
    p.program.logs("\"GET /todos?id=eq.4 HTTP/1.1\" 200 ").await;
    let log = p.program.log();
    assert!(!log.contains("id=eq.1") && !log.contains("id=eq.3") && !log.contains("has changed"), "{log}");
}

#[tokio::test]
async fn it_ends_with_its_database_once_it_is_told_not_to_wait_for_it() {
    let (database, role) = tutorial().await;
    let mut link = test_postgres::Link::closed(&database);
    let uri =
        format!("host=127.0.0.1 port={} user={role} password={} dbname={}", link.port(), database.password(), database.name());
    let file = tempfile::NamedTempFile::new().unwrap();
    let given = variables(&database, &role).with("PGRST_DB_URI", &uri).with("PGRST_DB_CHANNEL_ENABLED", "false");
    // Each use of the database connects.
    let given = given.with("PGRST_DB_POOL_MAX_LIFETIME", "0");
    let mut p = given.with_file(file.path().to_str().unwrap()).start().await;
    p.logs("could not connect to the database").await;
    link.open().await;
    // That it could not be reached before is past.
    p.logs("the schema is loaded").await;
    fs::write(file.path(), "db-pool-automatic-recovery = false\n").unwrap();
    p.tell(Signal::USR2);
    p.logs("the settings were read again").await;
    assert!(p.body("GET /todos").await.starts_with("200 "));
    link.close().await;
    // May be the one that finds out.
    p.tell(Signal::USR1);
    let (code, log) = p.ended().await;
    assert!(code == Some(1) && log.contains("PGRST_DB_POOL_AUTOMATIC_RECOVERY is false"), "{code:?} {log}");
}

#[tokio::test]
async fn it_says_what_it_has_found() {
    let (database, role) = tutorial().await;
    let mut p = variables(&database, &role).start().await;
    p.logs("the database is reached version=\"PostgreSQL ").await;
    p.logs("the schema is loaded relations=1 relationships=0 functions=2 ").await;
}

#[tokio::test]
async fn a_token_that_names_a_key_is_not_for_a_secret_that_has_no_name() {
    let (database, role) = tutorial().await;
    let p = variables(&database, &role).start().await;
    let claims = json!({"role": format!("{role}_user")});
    for (kid, status) in [(None, "200 "), (Some("a"), "401 ")] {
        let header = Header { kid: kid.map(str::to_owned), ..Header::default() };
        let token = jsonwebtoken::encode(&header, &claims, &EncodingKey::from_secret(SECRET.as_bytes())).unwrap();
        let answer = p.body(&format!("GET /todos\nAuthorization: Bearer {token}")).await;
        assert!(answer.starts_with(status), "{answer}");
        assert_eq!(kid.is_some(), answer.contains("No suitable key was found to decode the JWT"), "{answer}");
    }
}

#[tokio::test]
async fn every_schema_of_the_search_path_is_there() {
    let (database, role) = tutorial().await;
    let given = variables(&database, &role);
    let p = given.clone().with("PGRST_DB_EXTRA_SEARCH_PATH", "other, nowhere").start().await;
    let answer = p.body("GET /todos").await;
    assert!(answer.starts_with(r#"503 {"code":"PGRST002","#), "{answer}");
    for (variable, text) in [(Some(""), ""), (None, "db-extra-search-path = \"\"\n")] {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), text).unwrap();
        let given = given.clone().with_file(file.path().to_str().unwrap());
        let given = variable.into_iter().fold(given, |given, value| given.with("PGRST_DB_EXTRA_SEARCH_PATH", value));
        let p = given.start().await;
        assert!(p.body("GET /rpc/settings").await.contains(r#""path" : "\"api\"","#), "{variable:?}");
    }
    // One that is exposed as well is searched twice, which is once.
    let p = given.with("PGRST_DB_EXTRA_SEARCH_PATH", "api, other").start().await;
    assert!(p.body("GET /rpc/settings").await.contains(r#""path" : "\"api\", \"api\", \"other\"""#));
}

#[tokio::test]
async fn the_administration_is_where_the_service_is_unless_told_otherwise() {
    let (database, role) = tutorial().await;
    let (_, dumped) = variables(&database, &role).prints(&["--dump-config"]).await;
    assert!(dumped.contains("admin-server-host = \"127.0.0.1\" # PGRST_SERVER_HOST\n"), "{dumped}");
}
