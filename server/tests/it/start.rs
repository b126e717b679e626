//! When the server refuses to start: it says what to do, and leaves everything as it was.

use std::{collections::BTreeMap, fs, path::Path};

use crate::support::{Backend, DB_PASS, Installation, Refusal};

const KEY: &str = "abababababababababababababababababababababababababababababababab";
const OTHER_KEY: &str = "cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd";

/// An installation that has run once, with a project's secrets in it.
async fn used(backend: Backend) -> Installation {
    let installation = Installation::new(backend).await;
    let server = installation.start().await;
    server.create_live("used").await;
    server.stop().await;
    installation
}

/// Content of every file that must not change; the database's own scratch files and the lock may.
fn contents(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.display().to_string();
        if path.is_file() && !name.ends_with("-wal") && !name.ends_with("-shm") && !name.ends_with("/lock") {
            found.insert(name, fs::read(&path).unwrap());
        }
    }
    found
}

/// Refused, in these words, with nothing changed.
async fn expect_refusal(installation: &Installation, words: &[&str]) {
    let before = contents(installation.data_dir());
    let refusal = installation.refuse().await;
    expect_words(&refusal, words);
    let after = contents(installation.data_dir());
    assert_eq!(before.keys().collect::<Vec<_>>(), after.keys().collect::<Vec<_>>());
    assert!(before == after, "a file has changed");
}

fn expect_words(refusal: &Refusal, words: &[&str]) {
    assert!(refusal.status.code().is_some_and(|code| code != 0), "{:?}", refusal.status);
    let last = refusal.stderr.lines().rfind(|line| line.starts_with("supacloud: ")).unwrap_or_default();
    for word in words {
        assert!(last.contains(word), "{word:?} is missing in: {}", refusal.stderr);
    }
    for secret in [KEY, OTHER_KEY, DB_PASS] {
        assert!(!refusal.stderr.contains(secret));
    }
}

/// It starts again once what was wrong has been put right.
async fn expect_start(installation: &Installation) {
    let server = installation.start().await;
    assert_eq!(server.get("/v1/projects").send().await.expect(200).json().as_array().unwrap().len(), 1);
    server.stop().await;
}

#[tokio::test]
async fn a_wrong_master_key_is_refused() {
    for backend in [Backend::Sqlite, Backend::Postgres] {
        let mut installation = used(backend).await;
        installation.set("SUPACLOUD_MASTER_KEY", OTHER_KEY);
        expect_refusal(&installation, &["SUPACLOUD_MASTER_KEY", "not the one", "Restore the right key", "Nothing was changed"])
            .await;
        let own = fs::read_to_string(installation.data_dir().join("master.key")).unwrap();
        installation.set("SUPACLOUD_MASTER_KEY", own.trim());
        expect_start(&installation).await;
    }
}

#[tokio::test]
async fn a_lost_master_key_is_named() {
    let installation = used(Backend::Sqlite).await;
    let (file, aside) = (installation.data_dir().join("master.key"), installation.folder().join("aside"));
    fs::rename(&file, &aside).unwrap();
    let path = file.display().to_string();
    expect_refusal(&installation, &[&path, "does not exist", "Restore the file", "SUPACLOUD_MASTER_KEY"]).await;
    fs::rename(&aside, &file).unwrap();
    expect_start(&installation).await;
}

#[tokio::test]
async fn another_master_key_file_is_refused() {
    let installation = used(Backend::Sqlite).await;
    let file = installation.data_dir().join("master.key");
    let own = fs::read(&file).unwrap();
    fs::write(&file, OTHER_KEY).unwrap();
    expect_refusal(&installation, &["key file", "not the one", "Nothing was changed"]).await;
    fs::write(&file, "half a k").unwrap();
    expect_refusal(&installation, &["master.key", "does not hold a key", "backup"]).await;
    fs::write(&file, own).unwrap();
    expect_start(&installation).await;
}

#[tokio::test]
async fn a_malformed_master_key_is_refused_before_anything_is_made() {
    let installation = Installation::bare(Backend::Sqlite).await.with("SUPACLOUD_MASTER_KEY", "not a key");
    expect_words(&installation.refuse().await, &["SUPACLOUD_MASTER_KEY", "64 hexadecimal digits", "openssl rand -hex 32"]);
    assert!(!installation.data_dir().join("master.key").exists());
}

#[tokio::test]
async fn a_second_server_on_the_same_data_folder_is_refused() {
    let installation = Installation::new(Backend::Sqlite).await;
    let server = installation.start().await;
    let folder = installation.data_dir().display().to_string();
    expect_words(&installation.refuse().await, &["Another supacloud", &folder, "SUPACLOUD_SERVER__DATA_DIR"]);
    // The first one is none the worse for it.
    server.create_live("still here").await;
    server.stop().await;
    expect_start(&installation).await;
}

#[tokio::test]
async fn a_taken_port_is_named() {
    let somebody = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = somebody.local_addr().unwrap().to_string();
    let installation = Installation::new(Backend::Sqlite).await.with("SUPACLOUD_SERVER__LISTEN", &address);
    expect_words(&installation.refuse().await, &[&address, "SUPACLOUD_SERVER__LISTEN"]);
}

#[tokio::test]
async fn a_data_folder_of_another_database_is_refused() {
    let mut installation = used(Backend::Sqlite).await;
    let other = format!("sqlite://{}", installation.folder().join("other.db").display());
    installation.set("DATABASE_URL", &other);
    expect_refusal(&installation, &["belongs to another control-plane database", "DATABASE_URL", "Nothing was changed"]).await;
    let own = format!("sqlite://{}", installation.data_dir().join("control-plane.db").display());
    installation.set("DATABASE_URL", &own);
    expect_start(&installation).await;
}

#[tokio::test]
async fn a_database_that_does_not_answer_is_refused() {
    let url = "postgres://supacloud:hunter2@127.0.0.1:1/supacloud";
    let installation = Installation::new(Backend::Sqlite).await.with("DATABASE_URL", url);
    let refusal = installation.refuse().await;
    expect_words(&refusal, &["control-plane database can't be used", "DATABASE_URL"]);
    assert!(!refusal.stderr.contains("hunter2"), "{}", refusal.stderr);
}

#[tokio::test]
async fn settings_that_can_not_be_used_are_refused() {
    for (name, value, words) in [
        ("SUPACLOUD_SERVER__LISTEN", "0.0.0.0:0", &["0.0.0.0:0", "SUPACLOUD_SERVER__ADMIN_TOKEN", "openssl rand -hex 32"][..]),
        ("SUPACLOUD_SERVER__LISTEN", "nonsense", &["server.listen"]),
        ("SUPACLOUD_SERVER__ADMIN_TOKEN", "short", &["server.admin_token", "16"]),
        ("SUPACLOUD_SERVER__LISTNE", "127.0.0.1:0", &["listne", "supacloud config print"]),
        ("SUPACLOUD_PROVISIONER__DRIVER", "kubernetes", &["provisioner.driver", "kubernetes"]),
    ] {
        let installation = Installation::bare(Backend::Sqlite).await.with(name, value);
        expect_words(&installation.refuse().await, words);
        assert!(!installation.data_dir().exists(), "{name}={value} has made a data folder");
    }
}

#[tokio::test]
async fn a_data_folder_that_can_not_be_made_is_refused() {
    let mut installation = Installation::bare(Backend::Sqlite).await;
    let in_the_way = installation.folder().join("file");
    fs::write(&in_the_way, "").unwrap();
    let folder = in_the_way.join("data").display().to_string();
    installation.set("SUPACLOUD_SERVER__DATA_DIR", &folder);
    expect_words(&installation.refuse().await, &[&folder, "can't be used"]);
}

#[tokio::test]
async fn a_malformed_database_url_is_refused_without_its_password() {
    for url in ["postgres://user:hunter2/secret@localhost/db", "mysql://user:hunter2@localhost/db", "hunter2"] {
        let mut installation = Installation::new(Backend::Sqlite).await;
        installation.set("DATABASE_URL", url);
        let refusal = installation.refuse().await;
        expect_words(&refusal, &["DATABASE_URL", "percent-encoded"]);
        assert!(!refusal.stderr.contains("hunter2"), "{url}: {}", refusal.stderr);
    }
}

#[tokio::test]
async fn health_tells_whether_a_server_answers() {
    let installation = Installation::new(Backend::Sqlite).await;
    let server = installation.start().await;
    let address = server.address().to_string();
    // Without the server's other settings, one of which would be missing here.
    let health = |address: &str| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_supacloud"));
        command.arg("health").env_clear().env("SUPACLOUD_SERVER__LISTEN", address).current_dir("/").output().unwrap()
    };
    let (asked, everywhere) = (address.clone(), format!("0.0.0.0:{}", server.address().port()));
    let answers = tokio::task::spawn_blocking(move || [health(&asked), health(&everywhere)]).await.unwrap();
    assert!(answers.iter().all(|answer| answer.status.success() && answer.stderr.is_empty()), "{answers:?}");
    server.stop().await;
    let refused = tokio::task::spawn_blocking(move || health(&address)).await.unwrap();
    assert_eq!(refused.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("does not answer"), "{refused:?}");
}
