//! Connections by TLS: a cluster with a certificate, and one that has none.

#![expect(clippy::unwrap_used, reason = "a failure here is the test's failure")]

use std::{
    fs,
    os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown},
    path::{Path, PathBuf},
    process::Command,
};

use tempfile::TempDir;
use test_postgres::{TestCluster, TestDatabase};
use tokio::{io::AsyncWriteExt as _, net::TcpStream, sync::OnceCell};

use crate::{
    faults::eventually,
    support::{program::Variables, service_role},
};

/// Who signs, whom nobody knows, the server's certificate for the name `localhost`, and that of the role `certified`.
struct Certificates(TempDir);

impl Certificates {
    fn new() -> Self {
        let made = Self(tempfile::tempdir().unwrap());
        for authority in ["root", "stranger"] {
            made.openssl(authority, &["-subj", &format!("/CN={authority}"), "-addext", "basicConstraints=critical,CA:TRUE"]);
        }
        for (name, host) in [("server", "localhost"), ("certified", "client.invalid")] {
            let (ca, key) = (made.file("root.crt"), made.file("root.key"));
            let signed = ["-CA", ca.to_str().unwrap(), "-CAkey", key.to_str().unwrap()];
            let (subject, host) = (format!("/CN={name}"), format!("subjectAltName=DNS:{host}"));
            let words = ["-subj", &subject, "-addext", &host, "-addext", "basicConstraints=critical,CA:FALSE"];
            made.openssl(name, &[&words[..], &signed].concat());
        }
        made
    }

    fn file(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn openssl(&self, name: &str, words: &[&str]) {
        let [certificate, key] = ["crt", "key"].map(|kind| self.file(&format!("{name}.{kind}")));
        let mut command = Command::new("openssl");
        command.args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]);
        let made = command.args(words).arg("-keyout").arg(&key).arg("-out").arg(&certificate).output().unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        fs::set_permissions(key, fs::Permissions::from_mode(0o600)).unwrap();
    }
}

/// A cluster that speaks TLS. `only_encrypted` may come in by nothing else, `only_plain` never by TLS, and `certified` with a
/// certificate.
struct Encrypted {
    cluster: &'static TestCluster,
    certificates: Certificates,
}

impl Encrypted {
    async fn shared() -> &'static Self {
        static SHARED: OnceCell<Encrypted> = OnceCell::const_new();
        SHARED.get_or_init(Self::new).await
    }

    async fn new() -> Self {
        let certificates = Certificates::new();
        let rules = "hostssl all certified all cert\nhostnossl all only_encrypted all reject\nhostssl all only_plain all reject\n\
             local all all scram-sha-256\nhost all all all scram-sha-256\n";
        fs::write(certificates.file("rules"), rules).unwrap();
        // To be read by the server, who is somebody else if the tests run as root.
        fs::set_permissions(certificates.0.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let owner = fs::metadata(TestCluster::shared().await.socket_dir()).unwrap().uid();
        chown(certificates.file("server.key"), Some(owner), None).unwrap();
        let [certificate, key, authority, rules] =
            ["server.crt", "server.key", "root.crt", "rules"].map(|name| certificates.file(name).display().to_string());
        let settings = [
            ("ssl", "on"),
            ("ssl_cert_file", certificate.as_str()),
            ("ssl_key_file", key.as_str()),
            ("ssl_ca_file", authority.as_str()),
            ("hba_file", rules.as_str()),
        ];
        let cluster = TestCluster::another("tls", &settings).await;
        let sql = format!(
            "create role certified login in role authenticator;
             create role only_encrypted login password '{0}' in role authenticator;
             create role only_plain login password '{0}' in role authenticator;",
            cluster.password()
        );
        cluster.database().await.connect("supabase_admin").await.batch_execute(&sql).await.unwrap();
        Self { cluster, certificates }
    }

    fn file(&self, name: &str) -> String {
        self.certificates.file(name).display().to_string()
    }
}

async fn database(cluster: &'static TestCluster) -> TestDatabase {
    let database = cluster.database().await;
    let sql = "set search_path = public;
               create function encrypted() returns boolean language sql stable security definer as $$
                 select ssl from pg_stat_ssl where pid = pg_backend_pid() $$;
               create function nap() returns text language sql stable as $$ select 'x' from pg_sleep(60) $$;
               grant execute on all functions in schema public to anon, service_role";
    database.connect("supabase_admin").await.batch_execute(sql).await.unwrap();
    database
}

fn variables(database: &TestDatabase, role: &str, host: &str, parameters: &str) -> Variables {
    let uri = format!("postgres://{role}:{}@{host}:{}/{}?{parameters}", database.password(), database.port(), database.name());
    Variables::for_database(database, role, database.port()).with("PGRST_DB_URI", &uri).with("PGRST_DB_ANON_ROLE", "anon")
}

async fn asks(variables: Variables) -> String {
    variables.start().await.body("GET /rpc/encrypted").await
}

#[tokio::test]
async fn tls_is_spoken_as_it_is_asked_for() {
    let server = Encrypted::shared().await;
    let database = database(server.cluster).await;
    let root = format!("sslrootcert={}", server.file("root.crt"));
    for (host, parameters, encrypted) in [
        ("127.0.0.1", "sslmode=disable".to_owned(), false),
        ("127.0.0.1", "sslmode=allow".to_owned(), false),
        ("127.0.0.1", String::new(), true),
        ("127.0.0.1", "sslmode=require&channel_binding=require".to_owned(), true),
        ("127.0.0.1", format!("sslmode=verify-ca&{root}"), true),
        ("localhost", format!("sslmode=verify-full&{root}"), true),
        // The name of the certificate, wherever the server is.
        ("127.0.0.1", format!("sslmode=verify-full&{root}&host=localhost&hostaddr=127.0.0.1"), true),
    ] {
        let answer = asks(variables(&database, "authenticator", host, &parameters)).await;
        assert_eq!(answer, format!("200 {encrypted}"), "{host} {parameters}");
    }
}

#[tokio::test]
async fn a_server_that_is_not_believed_is_refused_with_the_reason() {
    let server = Encrypted::shared().await;
    let database = database(server.cluster).await;
    let (root, stranger) = (server.file("root.crt"), server.file("stranger.crt"));
    for (parameters, reason) in [
        (format!("sslmode=verify-full&sslrootcert={root}"), "not valid for name"),
        (format!("sslmode=verify-ca&sslrootcert={stranger}"), "invalid peer certificate"),
        (format!("sslmode=verify-full&sslrootcert={stranger}"), "invalid peer certificate"),
        // As with libpq, who names somebody to believe wants to have it checked.
        (format!("sslmode=require&sslrootcert={stranger}"), "invalid peer certificate"),
    ] {
        let mut p = variables(&database, "authenticator", "127.0.0.1", &parameters).start().await;
        p.logs(reason).await;
        assert!(p.body("GET /rpc/encrypted").await.starts_with("503 "), "{parameters}");
    }
    let (code, said) =
        variables(&database, "authenticator", "127.0.0.1", "sslmode=verify-full&sslrootcert=/nowhere").ends().await;
    assert!(code == 1 && said.contains("/nowhere can't be used"), "{said}");
}

#[tokio::test]
async fn a_server_without_tls_is_used_only_where_that_is_allowed() {
    let database = database(TestCluster::shared().await).await;
    assert_eq!(asks(variables(&database, "authenticator", "127.0.0.1", "sslmode=prefer")).await, "200 false");
    let mut p = variables(&database, "authenticator", "127.0.0.1", "sslmode=require").start().await;
    p.logs("server does not support TLS").await;
}

#[tokio::test]
async fn the_other_way_is_tried_when_the_server_lets_nobody_in_by_the_first() {
    let server = Encrypted::shared().await;
    let database = database(server.cluster).await;
    let stranger = server.file("stranger.crt");
    for (role, parameters, encrypted) in [
        ("only_encrypted", "sslmode=allow".to_owned(), true),
        ("only_plain", "sslmode=prefer".to_owned(), false),
        ("authenticator", format!("sslmode=prefer&sslrootcert={stranger}"), false),
    ] {
        let answer = asks(variables(&database, role, "127.0.0.1", &parameters)).await;
        assert_eq!(answer, format!("200 {encrypted}"), "{role} {parameters}");
    }
    for (role, mode) in [("only_encrypted", "disable"), ("only_plain", "require")] {
        let mut p = variables(&database, role, "127.0.0.1", &format!("sslmode={mode}")).start().await;
        p.logs("pg_hba.conf").await;
    }
}

#[tokio::test]
async fn a_certificate_may_take_the_place_of_a_password() {
    let server = Encrypted::shared().await;
    let database = database(server.cluster).await;
    let uri = format!("postgres://certified@localhost:{}/{}", database.port(), database.name());
    let given = variables(&database, "certified", "localhost", "").with("PGRST_DB_URI", &uri);
    let given = given.with("PGSSLMODE", "verify-full").with("PGSSLROOTCERT", &server.file("root.crt"));
    let mut p = given.clone().start().await;
    p.logs("could not connect to the database").await;
    let given = given.with("PGSSLCERT", &server.file("certified.crt")).with("PGSSLKEY", &server.file("certified.key"));
    assert_eq!(asks(given).await, "200 true");
}

#[tokio::test]
async fn a_query_whose_client_is_gone_is_cancelled_by_tls() {
    let server = Encrypted::shared().await;
    let database = database(server.cluster).await;
    let parameters = format!("sslmode=verify-full&sslrootcert={}", server.file("root.crt"));
    let given = variables(&database, "only_encrypted", "localhost", &parameters).with("PGRST_DB_POOL", "1");
    let p = given.start().await;
    let watcher = database.connect("supabase_admin").await;
    let pid = async |condition: &str| {
        let sql = format!(
            "select min(pid) from pg_stat_activity where usename = 'only_encrypted' and datname = current_database()
             and query not like 'LISTEN%' and {condition}"
        );
        watcher.query_one(&sql, &[]).await.unwrap().get::<_, Option<i32>>(0)
    };
    assert_eq!(p.body("GET /rpc/encrypted").await, "200 true");
    let before = pid("true").await;
    let mut client = TcpStream::connect(("127.0.0.1", p.port())).await.unwrap();
    // A role whose statements may take as long as they like.
    let request = format!("GET /rpc/nap HTTP/1.1\r\nhost: x\r\n{}\r\n\r\n", service_role());
    client.write_all(request.as_bytes()).await.unwrap();
    eventually(|| async { pid("wait_event = 'PgSleep'").await.is_some() }).await;
    drop(client);
    eventually(|| async { pid("wait_event = 'PgSleep'").await.is_none() }).await;
    assert_eq!(p.body("GET /rpc/encrypted").await, "200 true");
    assert_eq!(pid("true").await, before, "the connection survived");
}

#[tokio::test]
async fn a_function_that_changes_the_encoding_does_so_for_nobody_else() {
    let server = Encrypted::shared().await;
    let database = database(server.cluster).await;
    let sql = "create function public.garbles() returns void language plpgsql as $$ begin set client_encoding = 'LATIN1'; end $$;
               create function public.word() returns text language sql stable as $$ select 'é' $$;
               grant execute on all functions in schema public to anon";
    database.connect("supabase_admin").await.batch_execute(sql).await.unwrap();
    for mode in ["require", "disable"] {
        let p = variables(&database, "authenticator", "127.0.0.1", &format!("sslmode={mode}"));
        let p = p.with("PGRST_DB_POOL", "1").with("PGRST_DB_TX_END", "commit-allow-override").start().await;
        // By one flight where that can be, and by the client.
        for end in ["commit", "rollback"] {
            assert!(p.body("GET /rpc/word").await.starts_with("200 \"é\""), "{mode}");
            assert!(p.body(&format!("POST /rpc/garbles\nPrefer: tx={end}")).await.starts_with("204"), "{mode}");
            assert_eq!(p.body("GET /rpc/word").await, "200 \"é\"", "{mode} {end}");
        }
    }
}

#[test]
fn keys_that_others_can_read_are_refused() {
    let certificates = Certificates::new();
    let file = |name: &str| certificates.file(name);
    let identity = |certificate: &Path, key: &Path| {
        let identity = project_context::Identity { certificate: certificate.to_owned(), key: key.to_owned() };
        let settings = project_context::TlsSettings { identity: Some(identity), ..Default::default() };
        project_context::Tls::new(&settings).map(drop).map_err(|error| error.to_string())
    };
    let (certificate, key) = (file("certified.crt"), file("certified.key"));
    assert_eq!(identity(&certificate, &key), Ok(()));
    assert!(identity(&certificate, &file("root.key")).unwrap_err().contains("root.key can't be used"));
    fs::set_permissions(&key, fs::Permissions::from_mode(0o644)).unwrap();
    assert!(identity(&certificate, &key).unwrap_err().contains("others can read it"));
}
