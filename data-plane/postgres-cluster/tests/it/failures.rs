//! Failed starts say what was wrong, at once, and leave nothing running.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::{Duration, Instant};

use postgres_cluster::{Cluster, Error, Observed, RunAs, Template};

use crate::support::{SQL, World, binaries, folder, is_root, run_as};

#[tokio::test]
async fn a_taken_port_is_told_apart() {
    let world = World::new().await;
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let cluster = world.cloned("a").await.with_port(port);
    let started = Instant::now();
    let error = cluster.start().await.unwrap_err();
    assert!(matches!(error, Error::PortInUse { port: named } if named == port), "{error}");
    assert!(started.elapsed() < Duration::from_secs(5), "the exit is watched");
    assert_eq!(cluster.observe().unwrap(), Observed::Stopped);
}

#[tokio::test]
async fn a_bad_setting_is_told_by_the_log() {
    let world = World::new().await;
    let error = world.cloned("a").await.with_setting("shared_buffers", "nonsense").start().await.unwrap_err();
    assert!(matches!(&error, Error::StartFailed { cause, .. } if cause.contains("shared_buffers")), "{error}");
}

#[tokio::test]
async fn another_version_is_told_before_anything_starts() {
    let world = World::new().await;
    let cluster = world.cloned("a").await;
    std::fs::write(cluster.data_dir().join("PG_VERSION"), "9.6\n").unwrap();
    let error = cluster.start().await.unwrap_err();
    assert!(matches!(&error, Error::WrongVersion { found, .. } if found == "9.6"), "{error}");
}

#[tokio::test]
async fn a_missing_or_damaged_data_directory_is_named() {
    let world = World::new().await;
    assert!(matches!(world.cluster("none").start().await, Err(Error::DataDirMissing { .. })));
    let cluster = world.cloned("a").await;
    std::fs::remove_file(cluster.data_dir().join("PG_VERSION")).unwrap();
    assert!(matches!(cluster.start().await, Err(Error::DataDirUnreadable { .. })));
    let cluster = world.cloned("b").await;
    std::fs::remove_file(cluster.data_dir().join("global/pg_control")).unwrap();
    let error = cluster.start().await.unwrap_err();
    assert!(matches!(&error, Error::StartFailed { cause, .. } if cause.contains("pg_control")), "{error}");
}

#[tokio::test]
async fn an_unreadable_data_directory_is_told() {
    let world = World::new().await;
    let cluster = world.cloned("a").await;
    std::fs::set_permissions(cluster.data_dir(), std::fs::Permissions::from_mode(0o000)).unwrap();
    let error = cluster.start().await.unwrap_err();
    match error {
        // Root reads everything; PostgreSQL, as the cluster's user, does not.
        Error::StartFailed { cause, .. } if is_root() => assert!(cause.contains("ermission"), "{cause}"),
        Error::DataDirUnreadable { .. } if !is_root() => {}
        other => panic!("{other}"),
    }
    std::fs::set_permissions(cluster.data_dir(), std::fs::Permissions::from_mode(0o700)).unwrap();
}

#[tokio::test]
async fn a_closed_parent_folder_is_named() {
    if !is_root() {
        return;
    }
    let root = folder();
    std::fs::set_permissions(root.path(), std::fs::Permissions::from_mode(0o700)).unwrap();
    let error = Template::prepare(&binaries(), &run_as(), &root.path().join("templates"), SQL).await.unwrap_err();
    assert!(matches!(&error, Error::Unreachable { path, user } if path == root.path() && user == "postgres"), "{error}");
}

#[tokio::test]
async fn a_long_socket_path_is_told_with_its_length() {
    let world = World::new().await;
    let cluster = world.cloned("a").await;
    let deep = world.folder.path().join("d".repeat(100));
    let cluster = Cluster::new(&world.binaries, &world.run_as, cluster.data_dir(), &deep);
    let error = cluster.start().await.unwrap_err();
    let expected = deep.as_os_str().len() + "/.s.PGSQL.5432".len();
    assert!(matches!(error, Error::SocketPathTooLong { length, .. } if length == expected), "{error}");
}

#[tokio::test]
async fn a_template_in_a_deep_folder_is_prepared_all_the_same() {
    let root = folder();
    let deep = root.path().join("d".repeat(100));
    Template::prepare(&binaries(), &run_as(), &deep, SQL).await.unwrap();
}

#[tokio::test]
async fn a_full_disk_is_told() {
    if !is_root() || !Path::new("/dev/full").exists() {
        return;
    }
    let world = World::new().await;
    let small = world.folder.path().join("small");
    std::fs::create_dir(&small).unwrap();
    let mount = std::process::Command::new("mount").args(["-t", "tmpfs", "-o", "size=8m,mode=755", "tmpfs"]).arg(&small).status();
    if !mount.is_ok_and(|status| status.success()) {
        eprintln!("can't mount a small file system here");
        return;
    }
    let cluster = Cluster::new(&world.binaries, &world.run_as, small.join("a"), small.join("s"));
    let cloned = cluster.clone_from(&world.template).await;
    let destroyed = cluster.destroy().await;
    std::process::Command::new("umount").arg(&small).status().unwrap();
    assert!(matches!(&cloned, Err(Error::DiskFull { .. })), "{cloned:?}");
    destroyed.unwrap();
}

#[test]
fn run_as_is_shown_by_name() {
    if is_root() {
        assert_eq!(RunAs::resolve(Some("postgres")).unwrap().name(), "postgres");
    }
}
