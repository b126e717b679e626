//! What goes wrong with one project's data or with the machine: the project fails with the step and the cause, the others
//! live on, and a retry helps once the cause is gone.

use std::{
    fs,
    os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown},
    path::{Path, PathBuf},
    time::Duration,
};

use crate::support::{Backend, Installation, Server, is_root, mount::Mount, processes};

const MARK: i32 = 7;

/// Two projects, of which the first one is paused.
async fn two(server: &Server) -> (String, String) {
    let (broken, other) = (server.create("broken").await, server.create("other").await);
    for project_ref in [&broken, &other] {
        server.wait_for(project_ref, "ACTIVE_HEALTHY").await;
        server.mark(project_ref, MARK).await;
    }
    server.change(&broken, "pause").send().await.expect_empty();
    server.wait_for(&broken, "INACTIVE").await;
    (broken, other)
}

/// The other project is as it was, and new ones can be made.
async fn expect_others_unaffected(server: &Server, other: &str) {
    server.expect_mark(other, MARK).await;
    let new = server.create_live("another").await;
    server.delete_all(&[new]).await;
}

async fn expect_retry_helps(server: &Server, project_ref: &str) {
    server.retry(project_ref).await;
    server.expect_mark(project_ref, MARK).await;
}

#[tokio::test]
async fn data_that_is_gone_or_of_another_version_fails_that_project_only() {
    let installation = Installation::new(Backend::Sqlite).await;
    let server = installation.start().await;
    let (broken, other) = two(&server).await;
    let data = installation.project_dir(&broken).join("data");
    let aside = installation.folder().join("aside");

    fs::rename(&data, &aside).unwrap();
    server.change(&broken, "restore").send().await.expect_empty();
    server.expect_failure(&broken, "RESTORE_FAILED", "start_database", &["does not exist", "backup"]).await;
    expect_others_unaffected(&server, &other).await;
    fs::rename(&aside, &data).unwrap();
    expect_retry_helps(&server, &broken).await;

    server.change(&broken, "pause").send().await.expect_empty();
    server.wait_for(&broken, "INACTIVE").await;
    let version = fs::read_to_string(data.join("PG_VERSION")).unwrap();
    write_in_place(&data.join("PG_VERSION"), "9.6\n");
    server.change(&broken, "restore").send().await.expect_empty();
    server.expect_failure(&broken, "RESTORE_FAILED", "start_database", &["PostgreSQL 9.6", version.trim()]).await;
    // Whoever asks for the wrong thing is told what to do.
    assert!(server.change(&broken, "pause").send().await.expect(409).message().contains("Retry"));
    write_in_place(&data.join("PG_VERSION"), &version);
    expect_retry_helps(&server, &broken).await;

    server.delete_all(&[broken, other]).await;
    server.stop().await;
    installation.expect_nothing_left().await;
}

#[tokio::test]
async fn data_that_its_user_can_not_read_fails_that_project_only() {
    if !is_root() {
        eprintln!("skipped: only root can take a folder away from another user");
        return;
    }
    let installation = Installation::new(Backend::Sqlite).await;
    let server = installation.start().await;
    let (broken, other) = two(&server).await;
    let data = installation.project_dir(&broken).join("data");
    let owner = fs::metadata(&data).unwrap();
    chown(&data, Some(0), Some(0)).unwrap();
    server.change(&broken, "restore").send().await.expect_empty();
    server.expect_failure(&broken, "RESTORE_FAILED", "start_database", &["did not start"]).await;
    expect_others_unaffected(&server, &other).await;
    chown(&data, Some(owner.uid()), Some(owner.gid())).unwrap();
    expect_retry_helps(&server, &broken).await;
    server.stop().await;
}

#[tokio::test]
async fn a_project_that_fails_after_a_crash_can_be_deleted() {
    let installation = Installation::new(Backend::Sqlite).await;
    let server = installation.start().await;
    let project_ref = server.create_live("beyond repair").await;
    server.stop().await;
    fs::remove_dir_all(installation.project_dir(&project_ref)).unwrap();
    let server = installation.start().await;
    server.expect_failure(&project_ref, "ACTIVE_UNHEALTHY", "start_database", &["does not exist"]).await;
    server.delete_all(&[project_ref]).await;
    server.stop().await;
    installation.expect_nothing_left().await;
}

#[tokio::test]
async fn without_postgresql_the_server_is_up_and_says_what_is_missing() {
    let mut installation = Installation::new(Backend::Sqlite).await;
    let server = installation.start().await;
    let before = server.create_live("before").await;
    server.mark(&before, MARK).await;
    server.stop().await;

    installation.set("SUPACLOUD_PROVISIONER__LOCAL__BINARIES", "/nonexistent");
    let server = installation.start().await;
    let words = ["/nonexistent", "install"];
    server.expect_failure(&before, "ACTIVE_UNHEALTHY", "start_database", &words).await;
    let new = server.create("without").await;
    server.expect_failure(&new, "INIT_FAILED", "prepare_template", &words).await;
    server.get("/").send().await.expect(200);
    server.delete_all(&[new]).await;
    let another = server.create("kept").await;
    assert_eq!(server.settled(&another).await.as_deref(), Some("INIT_FAILED"));
    server.stop().await;

    installation.set("SUPACLOUD_PROVISIONER__LOCAL__BINARIES", "");
    let server = installation.start().await;
    expect_retry_helps(&server, &before).await;
    server.retry(&another).await;
    server.delete_all(&[before, another]).await;
    server.stop().await;
    installation.expect_nothing_left().await;
}

#[tokio::test]
async fn a_full_disk_fails_the_new_project_only() {
    let installation = Installation::new(Backend::Sqlite).await;
    // A project takes some 40 MB, and is not begun with less than twice that: there is room for one.
    let Some(mount) = Mount::tmpfs(installation.data_dir(), "110m") else { return };
    installation.share_templates();
    let server = installation.start().await;
    let first = server.create_live("first").await;
    server.mark(&first, MARK).await;
    let second = server.create("second").await;
    // The first one is written to all the while, and never finds the disk full.
    let sql = server.sql(&first).await;
    sql.batch_execute("create table more (n int)").await.unwrap();
    let writing = async {
        loop {
            sql.batch_execute("insert into more select generate_series(1, 100)").await.unwrap();
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::select! {
        () = server.expect_failure(&second, "INIT_FAILED", "clone_data", &["full", "free space"]) => {}
        () = writing => {}
    }
    drop(sql);
    server.expect_mark(&first, MARK).await;
    // Space is freed, and the retry helps.
    mount.resize("300m");
    server.retry(&second).await;
    server.delete_all(&[first, second]).await;
    server.stop().await;
    installation.expect_nothing_left().await;
}

#[tokio::test]
async fn below_a_closed_folder_clusters_are_kept_elsewhere() {
    if !is_root() {
        eprintln!("skipped: only a server that is root runs databases as another user");
        return;
    }
    let installation = Installation::bare(Backend::Sqlite).await;
    fs::set_permissions(installation.folder(), fs::Permissions::from_mode(0o700)).unwrap();
    let server = installation.start().await;
    let project_ref = server.create_live("elsewhere").await;
    server.mark(&project_ref, MARK).await;
    let node = fs::read_to_string(installation.data_dir().join("node")).unwrap();
    let expected = Path::new("/var/lib/supacloud").join(node.lines().nth(1).unwrap());
    assert_eq!(fs::read_link(installation.data_dir().join("clusters")).unwrap(), expected);
    server.kill().await;
    let server = installation.start().await;
    server.wait_for(&project_ref, "ACTIVE_HEALTHY").await;
    server.expect_mark(&project_ref, MARK).await;
    server.delete_all(&[project_ref]).await;
    server.stop().await;
    installation.expect_nothing_left().await;
}

#[tokio::test]
async fn below_a_long_path_sockets_are_kept_elsewhere() {
    let mut installation = Installation::bare(Backend::Sqlite).await;
    installation.move_data_dir(&installation.folder().join("a-long-name-for-a-folder/and-another-long-one/data"));
    let server = installation.start().await;
    let project_ref = server.create_live("deep").await;
    server.mark(&project_ref, MARK).await;
    let socket_dir = PathBuf::from(server.postmaster(&project_ref).socket_dir);
    assert!(!socket_dir.starts_with(installation.folder()), "{}", socket_dir.display());
    assert_eq!(fs::metadata(&socket_dir).unwrap().permissions().mode() & 0o777, 0o700);
    server.delete_all(&[project_ref]).await;
    server.stop().await;
    installation.expect_nothing_left().await;
    assert!(processes::below(&[socket_dir]).is_empty());
}

/// Writes a file that belongs to somebody else, and leaves it theirs.
fn write_in_place(path: &Path, text: &str) {
    fs::OpenOptions::new()
        .write(true)
        .truncate(true)
        .open(path)
        .and_then(|mut file| {
            use std::io::Write as _;
            file.write_all(text.as_bytes())
        })
        .unwrap();
}
