//! A control plane around a fake machine.

pub(crate) mod fake;

use std::{path::PathBuf, sync::Arc, time::Duration};

use control_plane::{
    Caller, Installation, MasterKey, ProjectService, Provisioner, Reconciler, ReconcilerSettings, Routes, ServiceSettings, Store,
};
use control_plane_api::{CreateProject, EventKind, Project, ProjectEvent, ProjectRef, ProjectState};
use sea_orm::{ConnectionTrait as _, Database, DatabaseConnection};
use secrecy::SecretString;
use tempfile::TempDir;
use test_postgres::{TestCluster, TestDatabase};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use fake::{FakeMachine, FakeRoutes};

/// So seldom that nothing is found by looking.
const SELDOM: Duration = Duration::from_secs(3600);

/// Longest wait for something that must come about.
const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) const LOGIN_ROLES: &[&str] = &["supabase_admin", "postgres", "authenticator"];

/// Makes a test on each backend of every named function that takes a [`Plane`].
macro_rules! on_both_backends {
    ($($test:ident),+ $(,)?) => {
        mod sqlite {
            $(#[tokio::test] async fn $test() { super::$test(crate::support::Plane::on_sqlite().await).await; })+
        }
        mod postgres {
            $(#[tokio::test] async fn $test() { super::$test(crate::support::Plane::on_postgres().await).await; })+
        }
    };
}

/// One installation: rows, service and a fake machine. Reconcilers come and go.
pub(crate) struct Plane {
    pub(crate) service: ProjectService,
    pub(crate) machine: Arc<FakeMachine>,
    pub(crate) routes: Arc<FakeRoutes>,
    /// For looking at rows, and for making time pass in them.
    pub(crate) rows: DatabaseConnection,
    pub(crate) postgres: Option<TestDatabase>,
    pub(crate) folder: TempDir,
    installation: Installation,
}

/// A reconciler at work.
pub(crate) struct Life {
    task: JoinHandle<()>,
    stop: CancellationToken,
}

impl Plane {
    pub(crate) async fn on_sqlite() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}", folder.path().join("control-plane.db").display());
        Self::open(&url, folder, None).await
    }

    pub(crate) async fn on_postgres() -> Self {
        let database = TestCluster::shared().await.database().await;
        let url = database.url("postgres");
        Self::open(&url, tempfile::tempdir().unwrap(), Some(database)).await
    }

    async fn open(url: &str, folder: TempDir, postgres: Option<TestDatabase>) -> Self {
        let store = Store::open(url).await.unwrap();
        let key_text = SecretString::from("5a".repeat(32));
        let key = MasterKey::load(Some(&key_text), &PathBuf::from("/nonexistent"), false).unwrap();
        let node = store.claim(&key, folder.path(), &folder.path().join("master.key")).await.unwrap();
        let installation = Installation::new(store, &key, node, folder.path());
        let settings = ServiceSettings {
            domain: "localhost".into(),
            scheme: "http",
            port: Some(8000),
            sql_host: "127.0.0.1".into(),
            driver: "fake",
            stack: None,
            drivers: vec![("fake", None)],
            size: control_plane_api::InstanceSize::Nano,
            limiting_drivers: &["fake"],
            postgres_major: 15,
            login_roles: LOGIN_ROLES,
        };
        let rows = Database::connect(url).await.unwrap();
        let (machine, routes) = (Arc::default(), Arc::<FakeRoutes>::default());
        let service = ProjectService::new(installation.clone(), Arc::clone(&routes) as Arc<dyn Routes>, settings);
        Self { service, machine, routes, rows, postgres, folder, installation }
    }

    /// Begins a life of the server: takes up what is unfinished and works until stopped or dropped.
    pub(crate) async fn live(&self) -> Life {
        self.live_with(&self.machine, &self.routes).await
    }

    /// As [`Self::live`], looking after every project this often.
    pub(crate) async fn live_looking_every(&self, interval: Duration) -> Life {
        self.begin(self.reconciler(&self.machine, &self.routes, interval)).await
    }

    /// As [`Self::live`], beside another one, on a machine and routes of its own view.
    pub(crate) async fn live_with(&self, machine: &Arc<FakeMachine>, routes: &Arc<FakeRoutes>) -> Life {
        self.begin(self.reconciler(machine, routes, SELDOM)).await
    }

    async fn begin(&self, reconciler: Arc<Reconciler>) -> Life {
        reconciler.prepare().await.unwrap();
        let stop = CancellationToken::new();
        Life { task: tokio::spawn(reconciler.run(stop.clone())), stop }
    }

    /// A life that takes up nothing of earlier ones: another process of the same installation.
    pub(crate) fn live_beside(&self) -> Life {
        let stop = CancellationToken::new();
        Life { task: tokio::spawn(self.reconciler(&self.machine, &self.routes, SELDOM).run(stop.clone())), stop }
    }

    fn reconciler(&self, machine: &Arc<FakeMachine>, routes: &Arc<FakeRoutes>, usage_interval: Duration) -> Arc<Reconciler> {
        Arc::new(Reconciler::new(
            self.installation.clone(),
            Arc::clone(machine) as Arc<dyn Provisioner>,
            Arc::clone(routes) as Arc<dyn Routes>,
            ReconcilerSettings { concurrency: 4, usage_interval },
        ))
    }

    pub(crate) async fn create(&self, name: &str) -> ProjectRef {
        self.create_with(CreateProject { name: Some(name.into()), ..CreateProject::default() }).await.project_ref
    }

    pub(crate) async fn create_with(&self, request: CreateProject) -> Project {
        self.service.create(&Caller::local(), request, None).await.unwrap()
    }

    /// A project that is live.
    pub(crate) async fn create_live(&self, name: &str) -> ProjectRef {
        let project_ref = self.create(name).await;
        self.expect_state(&project_ref, ProjectState::Running).await;
        project_ref
    }

    pub(crate) async fn state(&self, project_ref: &ProjectRef) -> Option<ProjectState> {
        self.service.get(&Caller::local(), project_ref).await.ok().map(|project| project.state)
    }

    /// Waits until nothing is open any more, and expects this state then.
    pub(crate) async fn expect_state(&self, project_ref: &ProjectRef, state: ProjectState) {
        eventually(&format!("an end of the operation on {project_ref}"), async || {
            let overview = self.service.overview(&Caller::local(), project_ref).await.unwrap();
            (overview.operation.is_none()).then_some(())
        })
        .await;
        assert_eq!(self.state(project_ref).await, Some(state), "{:?}", self.events(project_ref).await);
    }

    pub(crate) async fn expect_gone(&self, project_ref: &ProjectRef) {
        eventually(&format!("the end of {project_ref}"), async || self.state(project_ref).await.is_none().then_some(())).await;
    }

    /// Events so far, oldest first.
    pub(crate) async fn events(&self, project_ref: &ProjectRef) -> Vec<ProjectEvent> {
        let mut events = self.service.recent_events(&Caller::local(), project_ref, 10_000).await.unwrap_or_default();
        events.reverse();
        events
    }

    /// Kinds of events so far, with the step where there is one.
    pub(crate) async fn history(&self, project_ref: &ProjectRef) -> Vec<String> {
        let events = self.events(project_ref).await;
        let words = events.iter().map(|event| match (event.step, event.state) {
            (Some(step), _) => format!("{} {step}", event.kind),
            (None, Some(state)) => format!("{} {state}", event.kind),
            (None, None) => event.kind.to_string(),
        });
        words.collect()
    }

    pub(crate) async fn count(&self, project_ref: &ProjectRef, kind: EventKind) -> usize {
        self.events(project_ref).await.iter().filter(|event| event.kind == kind).count()
    }

    pub(crate) async fn execute(&self, sql: &str) {
        self.rows.execute_unprepared(sql).await.unwrap();
    }

    /// Makes whatever naps due.
    pub(crate) async fn hurry(&self) {
        self.execute("update operation set run_after = 0 where lease_owner is null").await;
        self.installation.wake();
    }

    /// One number out of the rows.
    pub(crate) async fn number(&self, sql: &str) -> i64 {
        let statement = sea_orm::Statement::from_string(self.rows.get_database_backend(), sql.to_owned());
        self.rows.query_one_raw(statement).await.unwrap().unwrap().try_get_by_index(0).unwrap()
    }
}

impl Life {
    /// The life ends as a killed process does: between two awaits, without a word.
    pub(crate) async fn kill(self) {
        self.task.abort();
        let _ = self.task.await;
    }

    /// The life ends in order.
    pub(crate) async fn end(self) {
        self.stop.cancel();
        tokio::time::timeout(PATIENCE, self.task).await.unwrap().unwrap();
    }
}

/// Waits until a condition holds, looking at it again and again.
pub(crate) async fn eventually<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let deadline = tokio::time::Instant::now() + PATIENCE;
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(tokio::time::Instant::now() < deadline, "{what} did not come about in {PATIENCE:?}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
