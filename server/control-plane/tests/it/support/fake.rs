//! A machine and routes in memory, which fail, hang and die when they are told to.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use control_plane::{
    DataReader, DataState, DataWriter, DatabaseEndpoint, DatabaseState, Entry, EntryKind, InForce, LiveProject, NotTold,
    Observation, Placement, Progress, ProjectSecrets, ProvisionError, Provisioner, RolePasswords, Routes, ServiceAnswer,
    ServiceCall, Services, Started, UnexpectedExit,
};
use control_plane_api::{InstanceSize, ProjectRef, ProjectState, Usage};
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use tokio::sync::{Notify, mpsc};

/// What a project's data is.
pub(crate) const DATA: &[u8] = b"15\n";

/// What a driver is asked to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Verb {
    Template,
    Data,
    Start,
    Passwords,
    Services,
    Size,
    Stop,
    Pack,
    Unpack,
    Destroy,
}

/// When in a verb something goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Moment {
    /// Nothing has happened yet.
    Before,
    /// It has happened, and nobody knows.
    After,
}

/// How a verb fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Failure {
    Transient,
    Permanent,
    PortInUse,
    Unavailable,
}

#[derive(Debug, Default)]
struct Cluster {
    data: bool,
    /// What came out of an archive.
    unpacked: Vec<u8>,
    started_on: Option<u16>,
    passwords: bool,
    size: Option<InstanceSize>,
}

#[derive(Debug, Default)]
struct World {
    template: bool,
    clusters: BTreeMap<ProjectRef, Cluster>,
    calls: Vec<(Verb, Option<ProjectRef>)>,
    failures: Vec<(Verb, Moment, Failure, usize)>,
    hanging: BTreeSet<(Verb, Moment)>,
    /// Ports that are handed out next, before made-up ones.
    ports: Vec<u16>,
    last_port: u16,
    /// Making the template says what it does.
    talks: bool,
    /// What is found of projects, whether they have rows or not.
    orphans: Vec<Placement>,
}

/// A machine that exists in memory only.
#[derive(Debug)]
pub(crate) struct FakeMachine {
    world: Mutex<World>,
    reached: Notify,
    released: Notify,
    exits: mpsc::UnboundedSender<UnexpectedExit>,
    exits_received: tokio::sync::Mutex<mpsc::UnboundedReceiver<UnexpectedExit>>,
}

impl Default for FakeMachine {
    fn default() -> Self {
        let (exits, exits_received) = mpsc::unbounded_channel();
        let exits_received = tokio::sync::Mutex::new(exits_received);
        Self { world: Mutex::default(), reached: Notify::new(), released: Notify::new(), exits, exits_received }
    }
}

impl FakeMachine {
    fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The verb fails so many times, before or after it has taken effect.
    pub(crate) fn fail(&self, verb: Verb, moment: Moment, failure: Failure, times: usize) {
        self.world().failures.push((verb, moment, failure, times));
    }

    /// Nothing fails any more.
    pub(crate) fn heal(&self) {
        self.world().failures.clear();
    }

    /// The verb hangs, before or after it has taken effect, until [`Self::release`].
    pub(crate) fn hang(&self, verb: Verb, moment: Moment) {
        self.world().hanging.insert((verb, moment));
    }

    /// Waits until a verb hangs.
    pub(crate) async fn hanging(&self) {
        self.reached.notified().await;
    }

    /// Nothing hangs any more.
    pub(crate) fn release(&self) {
        self.world().hanging.clear();
        self.released.notify_waiters();
    }

    /// Making the template says what it does from now on.
    pub(crate) fn talk(&self) {
        self.world().talks = true;
    }

    /// Something is found of this project.
    pub(crate) fn leave_behind(&self, placement: Placement) {
        self.world().orphans.push(placement);
    }

    /// The ports handed out next.
    pub(crate) fn offer_ports(&self, ports: &[u16]) {
        self.world().ports = ports.iter().rev().copied().collect();
    }

    /// How often the verb was asked for, for a project or for all.
    pub(crate) fn calls(&self, verb: Verb, project_ref: Option<&ProjectRef>) -> usize {
        let wanted =
            |call: &&(Verb, Option<ProjectRef>)| call.0 == verb && (project_ref.is_none() || call.1.as_ref() == project_ref);
        self.world().calls.iter().filter(wanted).count()
    }

    /// What the project's data was unpacked to.
    pub(crate) fn unpacked(&self, project_ref: &ProjectRef) -> Vec<u8> {
        self.world().clusters.get(project_ref).map(|cluster| cluster.unpacked.clone()).unwrap_or_default()
    }

    /// The port that the project's database listens on, if it runs.
    pub(crate) fn runs_on(&self, project_ref: &ProjectRef) -> Option<u16> {
        self.world().clusters.get(project_ref)?.started_on
    }

    /// The size that is in force.
    pub(crate) fn size_of(&self, project_ref: &ProjectRef) -> Option<InstanceSize> {
        self.world().clusters.get(project_ref)?.size
    }

    /// Whether anything of the project is there.
    pub(crate) fn has(&self, project_ref: &ProjectRef) -> bool {
        self.world().clusters.contains_key(project_ref)
    }

    /// The database ends without being told to; `reported` says whether anybody watches it.
    pub(crate) fn crash(&self, project_ref: &ProjectRef, reported: bool) {
        if let Some(cluster) = self.world().clusters.get_mut(project_ref) {
            cluster.started_on = None;
        }
        if reported {
            self.exits.send(UnexpectedExit { project_ref: project_ref.clone(), cause: "it fell over".into() }).unwrap();
        }
    }

    async fn perform(
        &self,
        verb: Verb,
        placement: Option<&Placement>,
        effect: impl FnOnce(&mut World) -> Result<(), ProvisionError> + Send,
    ) -> Result<(), ProvisionError> {
        self.world().calls.push((verb, placement.map(|placement| placement.project_ref.clone())));
        self.meet(verb, Moment::Before, placement).await?;
        effect(&mut self.world())?;
        self.meet(verb, Moment::After, placement).await
    }

    async fn meet(&self, verb: Verb, moment: Moment, placement: Option<&Placement>) -> Result<(), ProvisionError> {
        let released = self.released.notified();
        if self.world().hanging.contains(&(verb, moment)) {
            self.reached.notify_one();
            released.await;
        }
        let mut world = self.world();
        let failure = world.failures.iter_mut().find(|failure| failure.0 == verb && failure.1 == moment && failure.3 > 0);
        let Some((_, _, failure, times)) = failure else { return Ok(()) };
        *times -= 1;
        let cause = format!("{verb:?} was told to fail");
        Err(match failure {
            Failure::Transient => ProvisionError::Transient { cause, source: None },
            Failure::Permanent => ProvisionError::Permanent { cause, source: None },
            Failure::Unavailable => ProvisionError::Unavailable { cause, source: None },
            Failure::PortInUse => ProvisionError::PortInUse { port: placement.and_then(|placement| placement.port).unwrap() },
        })
    }
}

fn permanent(cause: &str) -> ProvisionError {
    ProvisionError::Permanent { cause: cause.into(), source: None }
}

#[async_trait]
impl Provisioner for FakeMachine {
    async fn ensure_template(&self, _placement: &Placement, progress: &dyn Progress) -> Result<(), ProvisionError> {
        if self.world().talks {
            progress.line("making the template");
        }
        self.perform(Verb::Template, None, |world| {
            world.template = true;
            Ok(())
        })
        .await
    }

    async fn ensure_data(&self, placement: &Placement) -> Result<(), ProvisionError> {
        let project_ref = placement.project_ref.clone();
        self.perform(Verb::Data, Some(placement), |world| {
            world.clusters.entry(project_ref).or_default().data = true;
            Ok(())
        })
        .await
    }

    async fn allocate_port(&self, _placement: &Placement) -> Result<u16, ProvisionError> {
        let mut world = self.world();
        if let Some(port) = world.ports.pop() {
            return Ok(port);
        }
        world.last_port = world.last_port.max(20_000) + 1;
        Ok(world.last_port)
    }

    async fn ensure_started(&self, placement: &Placement, _secrets: &ProjectSecrets) -> Result<Started, ProvisionError> {
        let (project_ref, port) = (placement.project_ref.clone(), placement.port);
        self.perform(Verb::Start, Some(placement), |world| {
            let cluster = world.clusters.get_mut(&project_ref).filter(|cluster| cluster.data);
            let cluster = cluster.ok_or_else(|| permanent("there is no data"))?;
            cluster.started_on = cluster.started_on.or(port);
            Ok(())
        })
        .await?;
        Ok(Started { postgres_version: "15.99".into() })
    }

    async fn ensure_passwords(&self, placement: &Placement, passwords: &RolePasswords) -> Result<(), ProvisionError> {
        let (project_ref, complete) = (placement.project_ref.clone(), passwords.0.len() == super::LOGIN_ROLES.len());
        self.perform(Verb::Passwords, Some(placement), |world| {
            let cluster = world.clusters.get_mut(&project_ref).filter(|cluster| cluster.started_on.is_some());
            cluster.ok_or_else(|| permanent("the database does not run"))?.passwords = complete;
            Ok(())
        })
        .await
    }

    async fn ensure_services(&self, placement: &Placement, _secrets: &ProjectSecrets) -> Result<Services, ProvisionError> {
        self.perform(Verb::Services, Some(placement), |_| Ok(())).await?;
        let port = placement.port.ok_or_else(|| permanent("there is no port"))?;
        Ok(Services::InProcess(DatabaseEndpoint { host: "/nowhere".into(), port }))
    }

    async fn ensure_size(&self, placement: &Placement) -> Result<(), ProvisionError> {
        let (project_ref, size) = (placement.project_ref.clone(), placement.size);
        self.perform(Verb::Size, Some(placement), |world| {
            world.clusters.entry(project_ref).or_default().size = Some(size);
            Ok(())
        })
        .await
    }

    async fn found(&self) -> Result<Vec<Placement>, ProvisionError> {
        Ok(self.world().orphans.clone())
    }

    async fn pack(&self, placement: &Placement, mut archive: DataWriter) -> Result<DataWriter, ProvisionError> {
        let project_ref = placement.project_ref.clone();
        self.perform(Verb::Pack, Some(placement), |world| {
            let cluster = world.clusters.get(&project_ref).filter(|cluster| cluster.data && cluster.started_on.is_none());
            cluster.map(drop).ok_or_else(|| permanent("there is no data at rest"))
        })
        .await?;
        for (name, mut content) in [("data", None), ("data/PG_VERSION", Some(DATA))] {
            let kind = match &mut content {
                Some(content) => EntryKind::File { bytes: content.len() as u64, content },
                None => EntryKind::Folder,
            };
            archive.add(Entry { path: name.as_ref(), mode: 0o700, owner: (0, 0), kind }).unwrap();
        }
        Ok(archive)
    }

    async fn unpack(&self, placement: &Placement, archive: DataReader) -> Result<(), ProvisionError> {
        let project_ref = placement.project_ref.clone();
        let mut unpacked = Vec::new();
        let read = archive.each(|entry| match entry.kind {
            EntryKind::File { content, .. } => content.read_to_end(&mut unpacked).map(drop),
            EntryKind::Folder | EntryKind::Link { .. } => Ok(()),
        });
        read.map_err(|error| permanent(&error.to_string()))?;
        self.perform(Verb::Unpack, Some(placement), |world| {
            let cluster = world.clusters.entry(project_ref).or_default();
            (cluster.data, cluster.unpacked) = (true, unpacked);
            Ok(())
        })
        .await
    }

    async fn stop(&self, placement: &Placement) -> Result<(), ProvisionError> {
        let project_ref = placement.project_ref.clone();
        self.perform(Verb::Stop, Some(placement), |world| {
            if let Some(cluster) = world.clusters.get_mut(&project_ref) {
                cluster.started_on = None;
            }
            Ok(())
        })
        .await
    }

    async fn destroy(&self, placement: &Placement) -> Result<(), ProvisionError> {
        let project_ref = placement.project_ref.clone();
        self.perform(Verb::Destroy, Some(placement), |world| {
            world.clusters.remove(&project_ref);
            world.orphans.retain(|orphan| orphan.project_ref != project_ref);
            Ok(())
        })
        .await
    }

    async fn observe(&self, placement: &Placement) -> Result<Observation, ProvisionError> {
        let world = self.world();
        let cluster = world.clusters.get(&placement.project_ref);
        Ok(Observation {
            template: world.template,
            data: if cluster.is_some_and(|cluster| cluster.data) { DataState::Complete } else { DataState::Absent },
            database: match cluster.and_then(|cluster| cluster.started_on) {
                Some(_) => DatabaseState::Ready,
                None => DatabaseState::Stopped,
            },
            passwords: cluster.is_some_and(|cluster| cluster.passwords),
            services: true,
            size: cluster.is_none_or(|cluster| cluster.size.is_none_or(|size| size == placement.size)),
        })
    }

    async fn usage(&self, _placement: &Placement) -> Result<Usage, ProvisionError> {
        Ok(Usage { memory_bytes: 1, disk_bytes: 2, history: Vec::new() })
    }

    async fn next_exit(&self) -> UnexpectedExit {
        self.exits_received.lock().await.recv().await.unwrap()
    }

    async fn shutdown(&self, _immediately: bool) {}
}

type Hook = Box<dyn Fn(&ProjectRef) + Send>;

/// Routes that exist in memory only.
#[derive(Default)]
pub(crate) struct FakeRoutes {
    table: Mutex<BTreeMap<ProjectRef, Result<LiveProject, ProjectState>>>,
    /// What happens right after an address has been opened, once.
    after_publish: Mutex<Option<Hook>>,
    deaf: AtomicBool,
    /// What is at which address.
    documents: Mutex<BTreeMap<String, Value>>,
}

impl std::fmt::Debug for FakeRoutes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("FakeRoutes")
    }
}

impl FakeRoutes {
    fn table(&self) -> MutexGuard<'_, BTreeMap<ProjectRef, Result<LiveProject, ProjectState>>> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What the project's services were given.
    pub(crate) fn live(&self, project_ref: &ProjectRef) -> Option<LiveProject> {
        self.table().get(project_ref)?.clone().ok()
    }

    /// What requests are told of a project that is not live; nothing if it is, or if there is none.
    pub(crate) fn told(&self, project_ref: &ProjectRef) -> Option<ProjectState> {
        self.table().get(project_ref)?.as_ref().err().copied()
    }

    /// How many projects requests are told of, live or not.
    pub(crate) fn known(&self) -> usize {
        self.table().len()
    }

    /// Whether services can be told anything.
    pub(crate) fn set_deaf(&self, deaf: bool) {
        self.deaf.store(deaf, Ordering::SeqCst);
    }

    /// Has this be at that address.
    pub(crate) fn put_document(&self, url: &str, document: Value) {
        self.documents.lock().unwrap_or_else(PoisonError::into_inner).insert(url.to_owned(), document);
    }

    fn hear(&self) -> Result<(), NotTold> {
        if self.deaf.load(Ordering::SeqCst) { Err(NotTold("they hear nothing.".to_owned())) } else { Ok(()) }
    }

    /// Does something right after the next address has been opened.
    pub(crate) fn after_publish(&self, hook: impl Fn(&ProjectRef) + Send + 'static) {
        *self.after_publish.lock().unwrap_or_else(PoisonError::into_inner) = Some(Box::new(hook));
    }
}

#[async_trait]
impl Routes for FakeRoutes {
    async fn publish(&self, project: LiveProject) -> Result<(), NotTold> {
        self.hear()?;
        let project_ref = project.project_ref.clone();
        self.table().insert(project_ref.clone(), Ok(project));
        let hook = self.after_publish.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(hook) = hook {
            hook(&project_ref);
        }
        Ok(())
    }

    async fn configure(&self, project_ref: &ProjectRef, in_force: InForce) -> Result<(), NotTold> {
        if let Some(Ok(project)) = self.table().get_mut(project_ref) {
            self.hear()?;
            project.in_force = in_force;
        }
        Ok(())
    }

    async fn call(&self, project_ref: &ProjectRef, call: ServiceCall) -> Option<ServiceAnswer> {
        let live = self.live(project_ref)?;
        let InForce { secrets, keys, .. } = &live.in_force;
        let is_admin = keys.instead_of_legacy.is_some() || call.token.expose_secret() == secrets.service_role_key.expose_secret();
        let refused = || json!({ "code": 403, "error_code": "not_admin", "msg": "User not allowed" });
        let asked = || json!({ "asked": format!("{} {}", call.method, call.path), "body": call.body });
        Some(match (is_admin, call.path.ends_with("/away")) {
            (true, true) => ServiceAnswer { status: 503, body: Value::Null },
            (true, false) => ServiceAnswer { status: 200, body: asked() },
            (false, _) => ServiceAnswer { status: 403, body: refused() },
        })
    }

    async fn fetch(&self, url: &str) -> Result<Value, String> {
        let documents = self.documents.lock().unwrap_or_else(PoisonError::into_inner);
        documents.get(url).cloned().ok_or_else(|| format!("there is nothing at {url}"))
    }

    async fn withdraw(&self, project_ref: &ProjectRef, state: ProjectState) {
        self.table().insert(project_ref.clone(), Err(state));
    }

    async fn forget(&self, project_ref: &ProjectRef) {
        self.table().remove(project_ref);
    }

    fn is_published(&self, project_ref: &ProjectRef) -> bool {
        self.live(project_ref).is_some()
    }

    async fn probe(&self, project_ref: &ProjectRef, _at_most: Duration) -> Result<(), String> {
        self.live(project_ref).map(drop).ok_or_else(|| "not live".to_owned())
    }
}
