//! Containers of a real engine, looked at and changed as an operator does: by the `docker` command.

use std::{collections::BTreeSet, fs, io, path::PathBuf, process::Output};

use serde_json::{Value, json};
use tokio::{
    process::Command,
    sync::{Mutex, MutexGuard},
};

use super::{Backend, Installation, Server, eventually};

/// One test with containers at a time: each measures what comes back by itself, on a machine that is not busy otherwise.
static ALONE: Mutex<()> = Mutex::const_new(());
/// The label of everything that an installation makes.
const INSTALLATION: &str = "supacloud.installation";
const PROJECT: &str = "supacloud.project";
/// The services of the stack `native`.
pub(crate) const SERVICES: [&str; 2] = ["postgres", "node"];
/// Kinds of things, as the command calls them.
pub(crate) const KINDS: [&str; 3] = ["container", "network", "volume"];

/// The engine, for one test.
#[derive(Debug)]
pub(crate) struct Engine {
    _alone: MutexGuard<'static, ()>,
}

impl Engine {
    /// The engine. It must be there in CI; elsewhere a machine may have none.
    async fn reached() -> Option<Self> {
        let alone = ALONE.lock().await;
        match try_docker(&["version", "--format", "{{.Server.Version}}"]).await {
            Ok(_) => Some(Self { _alone: alone }),
            Err(error) => {
                assert!(std::env::var_os("CI").is_none(), "CI needs a Docker engine: {error}. `./setup.sh test` starts one");
                eprintln!("SKIPPED: no Docker engine can be reached ({error}); `./setup.sh test` starts one");
                None
            }
        }
    }
}

/// Runs `docker` with these words: what it printed, or how it refused.
pub(crate) async fn try_docker(words: &[&str]) -> Result<String, String> {
    said(Command::new("docker").args(words).kill_on_drop(true).output().await)
}

fn said(output: io::Result<Output>) -> Result<String, String> {
    let output = output.map_err(|error| format!("docker: {error}"))?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
    if output.status.success() { Ok(text(&output.stdout)) } else { Err(text(&output.stderr)) }
}

/// As [`try_docker`], which must succeed.
pub(crate) async fn docker(words: &[&str]) -> String {
    try_docker(words).await.unwrap_or_else(|error| panic!("docker {}: {error}", words.join(" ")))
}

/// What the engine knows of one thing.
pub(crate) async fn inspect(kind: &str, name: &str) -> Value {
    let text = docker(&[kind, "inspect", name]).await;
    serde_json::from_str::<Value>(&text).unwrap()[0].take()
}

/// The name of a project's container or volume.
pub(crate) fn part(project_ref: &str, component: &str) -> String {
    format!("supacloud-{project_ref}-{component}")
}

/// The name of a project's network.
pub(crate) fn network(project_ref: &str) -> String {
    format!("supacloud-{project_ref}")
}

/// Names of the things of a kind that a filter finds, whatever their state.
pub(crate) async fn list(kind: &str, filter: &str) -> Vec<String> {
    let mut words = listing(kind);
    words.extend(["--filter", filter]);
    docker(&words).await.lines().map(str::to_owned).collect()
}

fn listing(kind: &str) -> Vec<&str> {
    match kind {
        "container" => vec!["container", "ls", "--all", "--format", "{{.Names}}"],
        kind => vec![kind, "ls", "--format", "{{.Name}}"],
    }
}

/// Names of whatever has the ref in its name or its labels.
pub(crate) async fn things_of(project_ref: &str) -> Vec<String> {
    let mut found = Vec::new();
    for kind in KINDS {
        found.extend(list(kind, &format!("name={project_ref}")).await);
        found.extend(list(kind, &format!("label={PROJECT}={project_ref}")).await);
    }
    found
}

/// Whether the container is there and runs.
pub(crate) async fn is_running(container: &str) -> bool {
    try_docker(&["container", "inspect", "--format", "{{.State.Running}}", container]).await.as_deref() == Ok("true")
}

impl Installation {
    /// An installation whose projects are containers, with addresses from this pool. Nothing where there is no engine.
    pub(crate) async fn docker(backend: Backend, pool: &str) -> Option<Self> {
        let engine = Engine::reached().await?;
        let mut installation = Self::bare(backend).await;
        installation.engine = Some(engine);
        installation.set("SUPACLOUD_PROVISIONER__DRIVER", "docker");
        installation.set("SUPACLOUD_PROVISIONER__DOCKER__NODE", node().to_str().unwrap());
        installation.set("SUPACLOUD_PROVISIONER__DOCKER__ADDRESS_POOL", pool);
        if let Ok(host) = std::env::var("DOCKER_HOST") {
            installation.set("DOCKER_HOST", &host);
        }
        Some(installation)
    }

    /// What it is made of, in a word or two.
    pub(crate) fn kind(&self) -> String {
        let database = if self.database().is_some() { "PostgreSQL" } else { "SQLite" };
        format!("{database}, {}", if self.is_docker() { "containers" } else { "processes" })
    }

    pub(crate) fn is_docker(&self) -> bool {
        self.engine.is_some()
    }

    /// A filter for everything of this installation. Nothing before the first start.
    pub(crate) fn filter(&self) -> Option<String> {
        let node = fs::read_to_string(self.data_dir().join("node")).ok()?;
        Some(format!("label={INSTALLATION}={}", node.lines().nth(1)?))
    }

    /// Labels of a thing of this installation's project.
    pub(crate) fn labels(&self, project_ref: &str, component: &str) -> Vec<String> {
        let ours = self.filter().unwrap().split_once('=').unwrap().1.to_owned();
        vec![
            ours,
            format!("{PROJECT}={project_ref}"),
            format!("supacloud.component={component}"),
            "supacloud.stack=native".into(),
        ]
    }

    /// Projects of which a container runs, and projects of which anything is there.
    pub(crate) async fn found_on_engine(&self) -> (BTreeSet<String>, BTreeSet<String>) {
        let filter = self.filter().unwrap();
        let label = format!("{{{{.Label \"{PROJECT}\"}}}}");
        let refs = |text: String| text.lines().filter(|line| !line.is_empty()).map(str::to_owned).collect::<BTreeSet<_>>();
        let running = refs(docker(&["container", "ls", "--filter", &filter, "--format", &label]).await);
        let mut known = refs(docker(&["container", "ls", "--all", "--filter", &filter, "--format", &label]).await);
        for kind in ["network", "volume"] {
            known.extend(refs(docker(&[kind, "ls", "--filter", &filter, "--format", &label]).await));
        }
        (running, known)
    }

    /// Nothing on the engine but what projects share: the template and the program that hands over secrets.
    pub(super) async fn expect_nothing_on_engine(&self) {
        let filter = self.filter().unwrap();
        assert_eq!(list("container", &filter).await, Vec::<String>::new(), "containers");
        assert_eq!(list("network", &filter).await, Vec::<String>::new(), "networks");
        let volumes = list("volume", &filter).await;
        let is_shared = |name: &&String| name.contains("-template-") || name.contains("-tools-");
        let others: Vec<_> = volumes.iter().filter(|name| !is_shared(name)).collect();
        assert!(others.is_empty() && volumes.len() <= 2, "volumes: {volumes:?}");
    }

    /// Removes everything of the installation, also when a test has failed.
    pub(super) fn clear_engine(&self) {
        let Some(filter) = self.filter() else { return };
        let run = |words: &[&str]| said(std::process::Command::new("docker").args(words).output());
        for (kind, remove) in KINDS.into_iter().zip([&["rm", "--force", "--volumes"][..], &["rm"], &["rm"]]) {
            let found = run(&[listing(kind), vec!["--filter", &filter]].concat()).unwrap_or_default();
            let found: Vec<&str> = found.lines().collect();
            if !found.is_empty()
                && let Err(error) = run(&[&[kind], remove, &found].concat())
            {
                eprintln!("{kind}s stay behind: {error}");
            }
        }
    }
}

/// The program that `cargo build -p node` makes, beside the server.
pub(crate) fn node() -> PathBuf {
    let node = PathBuf::from(env!("CARGO_BIN_EXE_supacloud")).with_file_name("node");
    assert!(node.exists(), "{} is not there: `cargo build -p node` makes it", node.display());
    node
}

impl Server {
    /// A live project with a row.
    pub(crate) async fn create_marked(&self, name: &str, mark: i32) -> String {
        let project_ref = self.create_live(name).await;
        self.mark(&project_ref, mark).await;
        project_ref
    }

    /// The project's table, asked for by its host name.
    pub(crate) async fn rest_by_host(&self, project_ref: &str) -> super::http::Response {
        let key = self.key(project_ref, "service_role").await;
        let host = format!("{project_ref}.api.localhost:{}", self.address().port());
        self.get("/rest/v1/t?select=mark").header("host", host).header("apikey", key).send().await
    }

    /// Waits until REST answers with the row again.
    pub(crate) async fn answers_again(&self, project_ref: &str, mark: i32) {
        eventually(&format!("an answer of {project_ref}"), async || {
            let response = self.rest(project_ref, "t?select=mark").await;
            (response.status == 200 && response.json() == json!([{ "mark": mark }])).then_some(())
        })
        .await;
    }
}

/// Things that are not supacloud's, or that nobody knows any more. Removed when dropped.
#[derive(Debug, Default)]
pub(crate) struct Strangers(Vec<(&'static str, String)>);

impl Strangers {
    /// A container that does nothing.
    pub(crate) async fn run(&mut self, name: &str, options: &[String]) -> String {
        let mut words = vec!["run", "--detach", "--init", "--name", name];
        words.extend(options.iter().map(String::as_str));
        words.extend(["debian:trixie-slim", "sleep", "infinity"]);
        docker(&words).await;
        self.0.push(("container", name.to_owned()));
        name.to_owned()
    }

    /// As [`Self::run`]; whether the name was to be had.
    pub(crate) async fn try_run(&mut self, name: &str) -> bool {
        let started = try_docker(&["run", "--detach", "--init", "--name", name, "debian:trixie-slim", "sleep", "infinity"]).await;
        if started.is_ok() {
            self.0.push(("container", name.to_owned()));
        }
        started.is_ok()
    }

    pub(crate) async fn network(&mut self, name: &str) {
        docker(&["network", "create", name]).await;
        self.0.push(("network", name.to_owned()));
    }

    /// What a project has, with these labels. Answers the container's name.
    pub(crate) async fn make_project(&mut self, project_ref: &str, labels: &[String]) -> String {
        let labels: Vec<String> = labels.iter().map(|label| format!("--label={label}")).collect();
        let words: Vec<&str> = labels.iter().map(String::as_str).collect();
        for (kind, name) in [("network", network(project_ref)), ("volume", part(project_ref, "database"))] {
            docker(&[&[kind, "create"], &words[..], &[&name]].concat()).await;
            self.0.insert(0, (kind, name));
        }
        let mut options = vec![format!("--network={}", network(project_ref))];
        options.push(format!("--volume={}:/data", part(project_ref, "database")));
        options.extend(labels);
        self.run(&part(project_ref, "postgres"), &options).await
    }

    /// Takes them away now.
    pub(crate) fn remove(&mut self) {
        // Containers first: they hold the others.
        for (kind, name) in self.0.drain(..).rev() {
            let _ = std::process::Command::new("docker").args([kind, "rm", "--force", &name]).output();
        }
    }
}

impl Drop for Strangers {
    fn drop(&mut self) {
        self.remove();
    }
}
