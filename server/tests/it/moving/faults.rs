//! What goes wrong on the way: it is told, and loses nothing.

use std::fs;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde_json::json;

use super::PASSPHRASE;
use crate::support::{Backend, Installation, Server, http::Request, mount::Mount};

const MARK: i32 = 61;

fn import(server: &Server, passphrase: &str, body: impl Into<Vec<u8>>) -> Request {
    let header = BASE64_STANDARD.encode(passphrase);
    server.post("/v1/projects/import").header("supacloud-passphrase", header).body(body)
}

#[tokio::test]
async fn what_is_no_archive_is_refused_and_leaves_nothing() {
    let installation = Installation::new(Backend::Sqlite).await;
    let server = installation.start().await;
    let project_ref = server.create_marked("original", MARK).await;
    let running = server.change(&project_ref, "export").send().await.expect(409).json();
    assert!(running["message"].as_str().unwrap().contains("Pause it first"), "{running}");
    let archive = fs::read(installation.export(&server, &project_ref, "file").await).unwrap();

    let taken = import(&server, PASSPHRASE, archive.clone()).send().await.expect(409).json();
    assert!(taken["message"].as_str().unwrap().contains("is here already"), "{taken}");
    server.delete_all(std::slice::from_ref(&project_ref)).await;
    for (passphrase, body, message) in [
        ("another passphrase", archive.clone(), "not the one"),
        (PASSPHRASE, Vec::new(), "not an archive"),
        (PASSPHRASE, b"a text".to_vec(), "not an archive"),
        (PASSPHRASE, archive[..archive.len() - 1000].to_vec(), "not an archive"),
        (PASSPHRASE, vec![0; 3_000_000], "not an archive"),
    ] {
        let refused = import(&server, passphrase, body).send().await.expect(400).json();
        assert!(refused["message"].as_str().unwrap().contains(message), "{refused}");
    }
    let unnamed = server.post("/v1/projects/import").body(archive.clone()).send().await.expect(400).json();
    assert!(unnamed["message"].as_str().unwrap().contains("Supacloud-Passphrase"), "{unnamed}");
    let unknown =
        import(&server, PASSPHRASE, archive.clone()).to("/v1/projects/import?driver=vm".to_owned()).send().await.expect(400);
    assert!(unknown.json()["message"].as_str().unwrap().contains("local, docker"));
    import(&server, PASSPHRASE, archive.clone()).to("/v1/projects/import?colour=red".to_owned()).send().await.expect(400);
    assert_eq!(fs::read_dir(installation.data_dir().join("archives")).unwrap().count(), 0);

    // Two at once: one of them makes it.
    let (one, other) =
        tokio::join!(import(&server, PASSPHRASE, archive.clone()).send(), import(&server, PASSPHRASE, archive).send());
    let mut statuses = [one.status, other.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 409]);
    server.wait_for(&project_ref, "ACTIVE_HEALTHY").await;
    server.expect_mark(&project_ref, MARK).await;
    server.delete_all(&[project_ref]).await;
    server.stop().await;
    installation.expect_nothing_left().await;
}

#[tokio::test]
async fn an_archive_is_the_administrators_alone() {
    let token = "a token for the tests of moving";
    let installation = Installation::new(Backend::Sqlite).await.with("SUPACLOUD_SERVER__ADMIN_TOKEN", token);
    let server = installation.start().await.signed_in(token);
    let project_ref = server.create_live("guarded").await;
    let path = format!("/v1/projects/{project_ref}/export");
    for request in [
        Request::new(server.address(), "POST", &path),
        Request::new(server.address(), "GET", &path),
        Request::new(server.address(), "POST", format!("{path}/download")).json(&json!({ "passphrase": PASSPHRASE })),
        Request::new(server.address(), "POST", "/v1/projects/import").body("x"),
    ] {
        request.send().await.expect(401);
    }
    server.change(&project_ref, "pause").send().await.expect_empty();
    server.wait_for(&project_ref, "INACTIVE").await;
    server.change(&project_ref, "export").send().await.expect_empty();
    server.wait_for_archive(&project_ref).await;
    let download = |passphrase: &str| server.post(format!("{path}/download")).json(&json!({ "passphrase": passphrase })).send();
    let short = download("short").await.expect(400).json();
    assert!(short["message"].as_str().unwrap().contains("less than 12 characters"), "{short}");
    assert!(download(PASSPHRASE).await.expect(200).body.starts_with(b"age-encryption.org/v1\n"));
    let log = installation.log();
    assert!(!log.contains(PASSPHRASE), "{log}");
    server.delete_all(&[project_ref]).await;
    server.stop().await;
    installation.expect_nothing_left().await;
}

#[tokio::test]
async fn a_full_disk_gives_up_the_archive_and_the_project_runs_on() {
    let installation = Installation::new(Backend::Sqlite).await;
    // A project takes some 30 MB, and an archive leaves 144 MB to others.
    let Some(mount) = Mount::tmpfs(installation.data_dir(), "150m") else { return };
    installation.share_templates();
    let server = installation.start().await;
    let project_ref = server.create_marked("large", MARK).await;
    let output = installation.command_line(&server, &["export", &project_ref]).await;
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && told.contains("is full") && told.contains("Resuming"), "{told}");
    server.wait_for(&project_ref, "ACTIVE_HEALTHY").await;
    server.expect_mark(&project_ref, MARK).await;
    let archive = server.get(format!("/v1/projects/{project_ref}/export")).send().await.expect(200).json();
    assert_eq!(archive["state"], "failed", "{archive}");
    mount.resize("400m");
    installation.export(&server, &project_ref, "file").await;
    server.delete_all(&[project_ref]).await;
    server.stop().await;
    installation.expect_nothing_left().await;
}
