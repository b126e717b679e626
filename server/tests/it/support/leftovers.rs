//! What may not be left behind once every project has been deleted.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use super::{Installation, processes};

/// Tables whose rows belong to projects.
const TABLES: [&str; 6] = ["project", "secret", "api_key", "operation", "event", "idempotency_key"];

impl Installation {
    /// No process, no container, no folder, no socket, no row. A port is held by a process and recorded in a row, so none is either.
    pub(crate) async fn expect_nothing_left(&self) {
        let processes = processes::below(&self.roots());
        assert!(processes.is_empty(), "{processes:#?}");
        assert_eq!(entries(&self.data_dir().join("clusters/projects")), Vec::<String>::new(), "folders of projects");
        assert_eq!(entries(&self.data_dir().join("archives")), Vec::<String>::new(), "archives");
        assert_eq!(entries(&self.socket_root().unwrap()), Vec::<String>::new(), "sockets elsewhere");
        if self.is_docker() {
            self.expect_nothing_on_engine().await;
            assert_eq!(entries(&self.data_dir().join("docker")), Vec::<String>::new(), "notes of projects");
        }
        for (table, rows) in self.count_rows().await {
            assert_eq!(rows, 0, "rows in {table}");
        }
    }

    /// Projects of which a database runs, and projects of which anything is there.
    pub(crate) async fn found(&self) -> (BTreeSet<String>, BTreeSet<String>) {
        if self.is_docker() {
            return self.found_on_engine().await;
        }
        let projects = self.data_dir().join("clusters/projects");
        let running = processes::below(std::slice::from_ref(&projects))
            .into_iter()
            .filter_map(|process| fs::read_link(format!("/proc/{}/cwd", process.pid)).ok())
            .filter_map(|cwd| Some(cwd.strip_prefix(&projects).ok()?.iter().next()?.to_string_lossy().into_owned()));
        (running.collect(), entries(&projects).into_iter().collect())
    }

    /// Where sockets are when the data folder's path is too long for them; nothing before the first start.
    pub(super) fn socket_root(&self) -> Option<PathBuf> {
        let node = fs::read_to_string(self.data_dir().join("node")).ok()?;
        Some(Path::new("/run/supacloud").join(node.lines().nth(1)?.get(..12)?))
    }

    async fn count_rows(&self) -> Vec<(&'static str, i64)> {
        let mut counts = Vec::new();
        match self.database() {
            Some(database) => {
                let client = database.connect("postgres").await;
                for table in TABLES {
                    let row = client.query_one(&format!("select count(*) from public.{table}"), &[]).await.unwrap();
                    counts.push((table, row.get(0)));
                }
            }
            None => {
                let options = sqlx::sqlite::SqliteConnectOptions::new();
                let options = options.filename(self.data_dir().join("control-plane.db")).read_only(true);
                let pool = sqlx::SqlitePool::connect_with(options).await.unwrap();
                for table in TABLES {
                    let count = sqlx::query_scalar(sqlx::AssertSqlSafe(format!("select count(*) from {table}")));
                    counts.push((table, count.fetch_one(&pool).await.unwrap()));
                }
                pool.close().await;
            }
        }
        counts
    }
}

/// Names in a folder; none if it is not there.
fn entries(folder: &Path) -> Vec<String> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect()
}
