//! The files of stopped clusters, and clusters made of files.

use std::fs;
use std::io::{self, Read};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use postgres_cluster::{Cluster, Error, NewData};

use crate::support::{World, stop};

/// Puts every file below a folder into new data, at the same place.
fn copy(from: &Path, place: &Path, into: &NewData) -> io::Result<()> {
    into.folder(place)?;
    for entry in fs::read_dir(from)? {
        let (path, place) = (entry.as_ref().unwrap().path(), place.join(entry?.file_name()));
        if path.is_dir() {
            copy(&path, &place, into)?;
        } else {
            into.file(&place, path.metadata()?.len(), &mut fs::File::open(&path)?)?;
        }
    }
    Ok(())
}

async fn moved(from: &Cluster, to: &Cluster) -> Result<bool, Error> {
    let data: PathBuf = from.data_dir().to_owned();
    to.make_of(move |new| copy(&data, Path::new(""), new)).await
}

#[tokio::test]
async fn a_cluster_made_of_another_ones_files_has_its_rows() {
    let world = World::new().await;
    let (from, to) = (world.cloned("from").await, world.cluster("to"));
    let running = from.start().await.unwrap();
    assert_eq!(world.ask(&from, "with new as (insert into t values (43) returning id) select id from new").await, 43);
    let refused = from.while_stopped(|_| Ok(())).await.unwrap_err();
    assert!(matches!(refused, Error::AlreadyRunning { .. }), "{refused}");
    stop(&running).await;
    // Whoever may connect is this machine's affair.
    let hba = "host all all 0.0.0.0/0 trust\n";
    fs::write(from.data_dir().join("pg_hba.conf"), hba).unwrap();
    assert_eq!(from.while_stopped(|data| fs::read_to_string(data.join("pg_hba.conf"))).await.unwrap(), hba);

    fs::create_dir(world.folder.path().join("to.partial")).unwrap();
    fs::write(world.folder.path().join("to.partial/half"), "a life that was cut short").unwrap();
    assert!(moved(&from, &to).await.unwrap());
    assert!(!moved(&from, &to).await.unwrap(), "it is there");
    assert!(!to.data_dir().join("half").exists() && !world.names().contains(&"to.partial".to_owned()));
    assert!(!fs::read_to_string(to.data_dir().join("pg_hba.conf")).unwrap().contains("trust"));
    let owner = |cluster: &Cluster, file: &str| cluster.data_dir().join(file).metadata().unwrap().uid();
    assert_eq!(owner(&to, "base"), owner(&from, "base"));
    assert_eq!(owner(&to, "global/pg_control"), owner(&from, "global/pg_control"));
    assert_eq!(to.data_dir().metadata().unwrap().permissions().mode() & 0o777, 0o700);
    let running = to.start().await.unwrap();
    assert_eq!(world.ask(&to, "select sum(id)::int from t").await, 42 + 43);
    stop(&running).await;
}

#[tokio::test]
async fn what_is_no_cluster_of_this_version_leaves_nothing() {
    let world = World::new().await;
    let cluster = world.cluster("a");
    let nothing = cluster.make_of(|_| Ok(())).await.unwrap_err();
    assert!(matches!(nothing, Error::DataDirUnreadable { .. }), "{nothing}");
    let older = cluster.make_of(|new| new.file(Path::new("PG_VERSION"), 4, &mut &b"9.6\n"[..])).await.unwrap_err();
    assert!(matches!(&older, Error::WrongVersion { found, .. } if found == "9.6"), "{older}");
    for path in ["../x", "/x", "a/../../x"] {
        let outside = cluster.make_of(move |new| new.file(Path::new(path), 0, &mut io::empty())).await.unwrap_err();
        assert!(outside.to_string().contains("fill"), "{path}: {outside}");
    }
    let short = cluster.make_of(|new| new.file(Path::new("PG_VERSION"), 4, &mut b"15".take(2))).await.unwrap_err();
    assert!(matches!(&short, Error::Io { source, .. } if source.kind() == io::ErrorKind::UnexpectedEof), "{short}");
    let large = cluster.make_of(|new| new.file(Path::new("PG_VERSION"), u64::MAX / 2, &mut io::repeat(0))).await.unwrap_err();
    assert!(matches!(large, Error::DiskFull { .. }), "{large}");
    assert_eq!(world.names(), ["a.lock"]);
    let missing = cluster.while_stopped(|_| Ok(())).await.unwrap_err();
    assert!(matches!(missing, Error::DataDirMissing { .. }), "{missing}");
}
