//! Preparing templates.

use std::os::unix::fs::MetadataExt;

use postgres_cluster::{Error, Template};

use crate::support::{SQL, binaries, folder, run_as};

#[tokio::test]
async fn two_at_once_make_one_template_and_left_overs_go() {
    let root = folder();
    let left = root.path().join("15-000000000000.making");
    std::fs::create_dir_all(left.join("data")).unwrap();
    let (binaries, run_as) = (binaries(), run_as());
    let prepare = || Template::prepare(&binaries, &run_as, root.path(), SQL);
    let (one, two) = tokio::join!(prepare(), prepare());
    let (one, two) = (one.unwrap(), two.unwrap());
    assert_eq!(one.data_dir(), two.data_dir());
    let names: Vec<_> = std::fs::read_dir(root.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names.len(), 2, "the template and the lock: {names:?}");
    let folder = one.data_dir().parent().unwrap();
    let mut inside: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    inside.sort();
    assert_eq!(inside, ["data", "password"]);
    let password = folder.join("password").metadata().unwrap();
    assert_eq!((password.mode() & 0o777, password.uid()), (0o600, rustix::process::geteuid().as_raw()));
    assert!(!one.data_dir().join("postmaster.pid").exists());

    let changed = Template::prepare(&binaries, &run_as, root.path(), &[("one.sql", "select 2")]).await.unwrap();
    assert_ne!(changed.data_dir(), one.data_dir());
}

#[tokio::test]
async fn an_error_in_the_sql_names_file_and_line_and_leaves_nothing() {
    let root = folder();
    let sql = [("good.sql", "select 1"), ("bad.sql", "select 1;\n\nselect nonsense;")];
    let error = Template::prepare(&binaries(), &run_as(), root.path(), &sql).await.unwrap_err();
    assert_eq!(error.to_string(), "template SQL bad.sql, line 3: column \"nonsense\" does not exist");
    let names: Vec<_> = std::fs::read_dir(root.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names, ["lock"]);
}

#[tokio::test]
async fn a_file_can_run_in_another_database() {
    let root = folder();
    let sql = [("other.sql", "\\connect template1\ncreate table other (id int);\nselect nonsense;")];
    let error = Template::prepare(&binaries(), &run_as(), root.path(), &sql).await.unwrap_err();
    assert!(matches!(error, Error::Sql { line: 3, .. }), "{error}");
}
