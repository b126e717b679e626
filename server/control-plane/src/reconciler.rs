//! Makes the world agree with the rows. Takes no input: it leases whatever operation is due and works it off step by step,
//! so that the start after a crash and the common path are the same code. Nothing else calls a [`Provisioner`].

mod follow_keys;
mod look_after;

use std::{collections::HashMap, sync::Arc, time::Duration};

use control_plane_api::{EventKind, OperationKind, ProjectRef, ProjectState, Step};
use tokio::{sync::Mutex, task::JoinSet, time::Instant};
use tokio_util::sync::CancellationToken;
use tracing::Instrument as _;

use crate::{
    archive::{self, ArchiveError, Head},
    error::Error,
    in_force,
    installation::Installation,
    lifecycle::{self, Next, Outlook, Situation, StepFailure},
    progress::StepEvents,
    provisioner::{Observation, ProvisionError, Provisioner, RolePasswords, UnexpectedExit},
    routes::{LiveProject, NotTold, Routes},
    store::{LEASE_MS, Lease, LeaseError, NewEvent, StoredProject},
};

/// Longest time between two looks at the rows without having been woken.
const IDLE_LOOK: Duration = Duration::from_secs(5);
/// Exits of a database that count as recent.
const RECENT: Duration = Duration::from_secs(300);
/// Exits within this time are one: whoever removes a container ends it, too, and takes it from its network.
const ONE_BLOW: Duration = Duration::from_secs(1);
/// Longest time for one try of a step. A big database's recovery after a crash is waited for again by the next try.
const STEP_LIMIT: Duration = Duration::from_secs(600);
/// The same for what takes as long as there is data.
const DATA_LIMIT: Duration = Duration::from_secs(24 * 60 * 60);
/// Ports tried for one start before it counts as failed.
const PORT_TRIES: usize = 20;

/// How the reconciler works.
#[derive(Debug, Clone)]
pub struct ReconcilerSettings {
    /// Operations worked on at once.
    pub concurrency: usize,
    /// Time between two looks at memory and disk of all projects.
    pub usage_interval: Duration,
}

/// Works off operations.
#[derive(Debug)]
pub struct Reconciler {
    installation: Installation,
    provisioner: Arc<dyn Provisioner>,
    routes: Arc<dyn Routes>,
    settings: ReconcilerSettings,
    exits: Mutex<HashMap<ProjectRef, Vec<Instant>>>,
}

/// Why a try of a step did not succeed.
enum TryError {
    Step(StepFailure),
    Store(Error),
}

impl From<ProvisionError> for TryError {
    fn from(error: ProvisionError) -> Self {
        Self::Step(failure_of(&error))
    }
}

/// A driver's failure as a step's.
fn failure_of(error: &ProvisionError) -> StepFailure {
    let outlook = match error {
        ProvisionError::Permanent { .. } => Outlook::Permanent,
        ProvisionError::Unavailable { .. } => Outlook::Unavailable,
        ProvisionError::PortInUse { .. } | ProvisionError::Transient { .. } => Outlook::Transient,
    };
    StepFailure { cause: error.to_string(), outlook }
}

impl From<NotTold> for TryError {
    fn from(error: NotTold) -> Self {
        let cause = format!("the services could not be told what to go by: {error}");
        Self::Step(StepFailure { cause, outlook: Outlook::Transient })
    }
}

impl From<Error> for TryError {
    fn from(error: Error) -> Self {
        Self::Store(error)
    }
}

impl Reconciler {
    /// Puts the reconciler together.
    #[must_use]
    pub fn new(
        installation: Installation,
        provisioner: Arc<dyn Provisioner>,
        routes: Arc<dyn Routes>,
        settings: ReconcilerSettings,
    ) -> Self {
        Self { installation, provisioner, routes, settings, exits: Mutex::default() }
    }

    /// Makes the rows ready after whatever ended the last life: leases of earlier lives are given back, every project gets
    /// its route's state, and those that should be running a recovery. Call once before [`run`](Self::run).
    pub async fn prepare(&self) -> Result<(), Error> {
        let released = self.installation.store.release_former_leases(&self.installation.node).await?;
        if released > 0 {
            tracing::info!(operations = released, "taking up unfinished operations");
        }
        let projects = self.installation.store.projects_of(&self.installation.node).await?;
        let refs = |is_meant: fn(&StoredProject) -> bool| {
            projects.iter().filter(|project| is_meant(project)).map(|project| project.project_ref.clone()).collect()
        };
        // One that has failed may still be made of its archive.
        let importing = refs(|project| matches!(project.state, ProjectState::Provisioning | ProjectState::Failed));
        self.discard(self.installation.depot.tidy(&refs(|_| true), &importing));
        for project in projects {
            self.routes.withdraw(&project.project_ref, project.state).await;
            if project.state == ProjectState::Running {
                self.installation.store.open_recovery(project.id, None).await?;
            }
        }
        Ok(())
    }

    /// Works until told to stop; then finishes the operations at work, takes up no other, and returns.
    pub async fn run(self: Arc<Self>, stop: CancellationToken) {
        let watch = tokio::spawn(Arc::clone(&self).watch_exits(stop.clone()));
        let look_after = tokio::spawn(Arc::clone(&self).look_after(stop.clone()));
        let (installation, routes) = (self.installation.clone(), Arc::clone(&self.routes));
        let tell_again = tokio::spawn(in_force::tell_again(installation, routes, stop.clone()));
        let follow_keys = tokio::spawn(Arc::clone(&self).follow_keys(stop.clone()));
        let mut work = JoinSet::new();
        while !stop.is_cancelled() {
            let pause = match self.lease_more(&mut work).await {
                Ok(pause) => pause,
                Err(error) => {
                    tracing::error!(error = &error as &dyn std::error::Error, "reading due operations");
                    Duration::from_secs(1)
                }
            };
            tokio::select! {
                () = stop.cancelled() => {}
                () = self.installation.woken() => {}
                () = tokio::time::sleep(pause) => {}
                Some(_) = work.join_next() => {}
            }
        }
        while work.join_next().await.is_some() {}
        let _ = tokio::join!(watch, look_after, tell_again, follow_keys);
    }

    /// Leases what is due and begins to work on it; answers how long there is nothing more to do.
    async fn lease_more(self: &Arc<Self>, work: &mut JoinSet<()>) -> Result<Duration, Error> {
        while work.len() < self.settings.concurrency {
            let Some(lease) = self.installation.store.lease_due(&self.installation.node).await? else {
                let due = self.installation.store.next_due_in(&self.installation.node).await?;
                let due = due.and_then(|ms| u64::try_from(ms).ok()).map(Duration::from_millis);
                return Ok(due.map_or(IDLE_LOOK, |due| due.clamp(Duration::from_millis(1), IDLE_LOOK)));
            };
            let span = tracing::info_span!("operation", operation.id = %lease.operation, operation.kind = %lease.kind);
            work.spawn(Arc::clone(self).work_off(lease).instrument(span));
        }
        // Full: the next one is leased when one has ended.
        Ok(IDLE_LOOK)
    }

    async fn work_off(self: Arc<Self>, lease: Lease) {
        let renewing = self.keep_lease(&lease);
        tokio::select! {
            result = self.advance_until_done(lease.clone()) => match result {
                Ok(Some(settled)) => drop(tokio::spawn(Arc::clone(&self).measure_soon(settled))),
                Ok(None) => {}
                Err(LeaseError::Lost) => tracing::warn!("the operation is somebody else's now"),
                // The lease runs out and the operation is taken up again.
                Err(LeaseError::Store(error)) => tracing::error!(error = &error as &dyn std::error::Error, "operation interrupted"),
            },
            () = renewing => tracing::warn!("the operation's lease was lost"),
        }
        // What is due next may be the same project's.
        self.installation.wake();
    }

    /// Renews the lease until it is lost.
    async fn keep_lease(&self, lease: &Lease) {
        let third = Duration::from_millis(LEASE_MS.unsigned_abs() / 3);
        loop {
            tokio::time::sleep(third).await;
            match self.installation.store.renew(lease).await {
                Ok(()) => {}
                Err(LeaseError::Lost) => return,
                Err(LeaseError::Store(error)) => tracing::warn!(error = &error as &dyn std::error::Error, "renewing a lease"),
            }
        }
    }

    /// What stays goes at the next start.
    fn discard(&self, discarded: Result<(), ArchiveError>) {
        if let Err(error) = discarded {
            tracing::warn!(error = &error as &dyn std::error::Error, "removing an archive");
        }
    }

    /// Answers the project if the operation has ended and it is still there.
    async fn advance_until_done(&self, mut lease: Lease) -> Result<Option<StoredProject>, LeaseError> {
        let Some(mut project) = self.installation.store.project_by_id(lease.project_id).await? else { return Ok(None) };
        self.installation.store.begin_step(&mut lease).await?;
        self.installation.feed.notify(&project.project_ref);
        if !self.routes.is_published(&project.project_ref) {
            // Whoever asks is told what is being done now.
            self.routes.withdraw(&project.project_ref, lifecycle::state_during(lease.kind)).await;
        }
        let mut taken_up = true;
        loop {
            let span = tracing::info_span!("step", project.ref = %project.project_ref, operation.step = %lease.step);
            let situation = self.attempt(&lease, &mut project, taken_up).instrument(span.clone()).await?;
            taken_up = false;
            let next = lifecycle::advance(&situation);
            tracing::debug!(parent: &span, next = ?next, "decided");
            match next {
                Next::Hop(step, Duration::ZERO) => self.installation.store.hop(&mut lease, step).await?,
                Next::Hop(step, delay) => {
                    self.installation.store.hop_later(&lease, step, milliseconds(delay)).await?;
                    self.installation.feed.notify(&project.project_ref);
                    return Ok(None);
                }
                Next::Nap(delay, cause) => {
                    tracing::warn!(parent: &span, cause, attempt = lease.attempt, "step failed, will be tried again");
                    self.installation.store.nap(&lease, milliseconds(delay), &cause).await?;
                    self.installation.feed.notify(&project.project_ref);
                    return Ok(None);
                }
                Next::Fail(cause) => {
                    tracing::error!(parent: &span, cause, "operation failed");
                    self.routes.withdraw(&project.project_ref, ProjectState::Failed).await;
                    self.installation.store.fail(&lease, &cause).await?;
                    self.installation.feed.notify(&project.project_ref);
                    return Ok(Some(project));
                }
                Next::Abandon(state, cause) => {
                    tracing::warn!(parent: &span, cause, "operation given up");
                    self.installation.store.abandon(&lease, state, &cause).await?;
                    self.installation.feed.notify(&project.project_ref);
                    return Ok(Some(project));
                }
                Next::Done(Some(state)) => {
                    if state != ProjectState::Running {
                        // Before the end: what comes next may open the address again at any moment.
                        self.routes.withdraw(&project.project_ref, state).await;
                    }
                    self.installation.store.finish(&lease, state).await?;
                    if lease.kind == OperationKind::Import {
                        self.discard(self.installation.depot.discard_import(&project.project_ref));
                    }
                    if state == ProjectState::Running {
                        self.recover_if_down(&project, None).await?;
                    }
                    self.installation.feed.notify(&project.project_ref);
                    return Ok(Some(project));
                }
                Next::Done(None) => {
                    // The address first: nobody is to find the project gone and its address still knowing it.
                    self.routes.forget(&project.project_ref).await;
                    self.installation.store.forget(&lease).await?;
                    self.discard(self.installation.depot.discard_import(&project.project_ref));
                    self.discard(self.installation.depot.discard_export(&project.project_ref));
                    self.installation.usage.forget(&project.project_ref);
                    self.installation.feed.notify(&project.project_ref);
                    return Ok(None);
                }
            }
            self.installation.feed.notify(&project.project_ref);
        }
    }

    /// Tries the current step once and looks at what came of it. `taken_up` says that it is the first one since the lease
    /// was got.
    async fn attempt(&self, lease: &Lease, project: &mut StoredProject, taken_up: bool) -> Result<Situation, LeaseError> {
        let work = async {
            self.resume(lease, project, taken_up).await?;
            self.perform(lease, project).await
        };
        // A disk that hangs must not keep the project, and its place among those worked on, for ever.
        let limit = limit_of(lease.step);
        let performed = match tokio::time::timeout(limit, work).await {
            Ok(performed) => performed,
            Err(_) => {
                let cause = format!("{} did not end within {} minutes", lease.step.title(), limit.as_secs() / 60);
                Err(TryError::Step(StepFailure { cause, outlook: Outlook::Transient }))
            }
        };
        let failure = match performed {
            Ok(()) => None,
            Err(TryError::Step(failure)) => Some(failure),
            Err(TryError::Store(error)) => return Err(error.into()),
        };
        let (observation, failure) = match (failure, lifecycle::is_seen_elsewhere(lease.step)) {
            (Some(failure), _) => (None, Some(failure)),
            (None, true) => (None, None),
            (None, false) => match self.provisioner.observe_effect(&project.placement(), lease.step).await {
                Ok(observation) => (Some(observation), None),
                Err(error) => (None, Some(failure_of(&error))),
            },
        };
        Ok(Situation {
            kind: lease.kind,
            step: lease.step,
            attempt: lease.attempt,
            overdue: lease.overdue,
            observation,
            published: self.routes.is_published(&project.project_ref),
            archived: self.installation.depot.exported(&project.project_ref).is_some(),
            recent_exits: self.recent_exits(&project.project_ref).await,
            failure,
        })
    }

    /// Has the database watched by this life, where the step needs one that an earlier life or try has started.
    async fn resume(&self, lease: &Lease, project: &mut StoredProject, taken_up: bool) -> Result<(), TryError> {
        match lease.step {
            Step::SetPasswords | Step::Publish if taken_up => self.start(project).await,
            Step::PrepareTemplate
            | Step::CloneData
            | Step::StartDatabase
            | Step::SetPasswords
            | Step::Publish
            | Step::Withdraw
            | Step::StopDatabase
            | Step::ApplySize
            | Step::PackData
            | Step::UnpackData
            | Step::DestroyData
            | Step::Forget => Ok(()),
        }
    }

    async fn perform(&self, lease: &Lease, project: &mut StoredProject) -> Result<(), TryError> {
        match lease.step {
            Step::PrepareTemplate => {
                let progress = StepEvents::new(&self.installation, lease, &project.project_ref);
                self.provisioner.ensure_template(&project.placement(), &progress).await?;
            }
            Step::CloneData => self.provisioner.ensure_data(&project.placement()).await?,
            Step::StartDatabase => self.start(project).await?,
            Step::SetPasswords => {
                let secrets = self.installation.store.secrets(&self.installation.vault, project).await?;
                self.provisioner.ensure_passwords(&project.placement(), &RolePasswords(secrets.passwords)).await?;
            }
            Step::Publish => {
                let secrets = self.installation.store.secrets(&self.installation.vault, project).await?;
                let services = self.provisioner.ensure_services(&project.placement(), &secrets).await?;
                let _turn = self.installation.telling.turn(&project.project_ref).await;
                let in_force = in_force::read(&self.installation, &project.project_ref).await?;
                self.routes.publish(LiveProject { project_ref: project.project_ref.clone(), services, in_force }).await?;
            }
            Step::Withdraw => self.routes.withdraw(&project.project_ref, lifecycle::state_during(lease.kind)).await,
            Step::StopDatabase => self.provisioner.stop(&project.placement()).await?,
            Step::ApplySize => self.provisioner.ensure_size(&project.placement()).await?,
            Step::PackData => {
                let secrets = self.installation.store.secrets(&self.installation.vault, project).await?;
                let auth = self.installation.store.auth_config(&self.installation.vault, project).await?;
                let signing = self.installation.store.signing(&self.installation.vault, project).await?;
                let progress = StepEvents::new(&self.installation, lease, &project.project_ref);
                let (depot, head) = (&self.installation.depot, Head::of(project, secrets, auth, signing));
                archive::pack(depot, &*self.provisioner, &project.placement(), head, &progress).await?;
            }
            Step::UnpackData => {
                let progress = StepEvents::new(&self.installation, lease, &project.project_ref);
                archive::unpack(&self.installation.depot, &*self.provisioner, &project.placement(), &progress).await?;
            }
            Step::DestroyData => self.provisioner.destroy(&project.placement()).await?,
            // The rows go in the same write that ends the operation.
            Step::Forget => {}
        }
        Ok(())
    }

    /// Starts the database on the project's port, giving it another one where somebody else has taken it.
    async fn start(&self, project: &mut StoredProject) -> Result<(), TryError> {
        let secrets = self.installation.store.secrets(&self.installation.vault, project).await?;
        for _ in 0..PORT_TRIES {
            if project.port.is_none() {
                let port = self.provisioner.allocate_port(&project.placement()).await?;
                if !self.installation.store.set_port(project.id, Some(port)).await? {
                    continue;
                }
                project.port = Some(port);
            }
            match self.provisioner.ensure_started(&project.placement(), &secrets).await {
                Ok(started) => {
                    if project.postgres_version.as_deref() != Some(&started.postgres_version) {
                        self.installation.store.set_postgres_version(project.id, &started.postgres_version).await?;
                        project.postgres_version = Some(started.postgres_version);
                    }
                    return Ok(());
                }
                Err(ProvisionError::PortInUse { port }) => {
                    tracing::info!(port, project.ref = %project.project_ref, "the port is taken; choosing another");
                    self.installation.store.set_port(project.id, None).await?;
                    project.port = None;
                }
                Err(error) => return Err(error.into()),
            }
        }
        Err(TryError::Step(StepFailure {
            cause: format!("no free port was found in {PORT_TRIES} tries"),
            outlook: Outlook::Transient,
        }))
    }

    /// Opens a recovery for every database that ends without being told to.
    async fn watch_exits(self: Arc<Self>, stop: CancellationToken) {
        loop {
            let exit = tokio::select! {
                () = stop.cancelled() => return,
                exit = self.provisioner.next_exit() => exit,
            };
            tracing::warn!(project.ref = %exit.project_ref, cause = exit.cause, "database ended unexpectedly");
            let mut exits = self.exits.lock().await;
            let of_project = exits.entry(exit.project_ref.clone()).or_default();
            if of_project.last().is_none_or(|last| last.elapsed() > ONE_BLOW) {
                of_project.push(Instant::now());
            }
            drop(exits);
            tokio::spawn(Arc::clone(&self).note_exit_at_last(exit, stop.clone()));
        }
    }

    /// Tries until it is written: nothing else would tell of the exit again.
    async fn note_exit_at_last(self: Arc<Self>, exit: UnexpectedExit, stop: CancellationToken) {
        let mut tries = 0;
        while let Err(error) = self.note_exit(&exit).await {
            tracing::error!(project.ref = %exit.project_ref, error = &error as &dyn std::error::Error, "opening a recovery");
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(lifecycle::delay(tries)) => tries += 1,
            }
        }
    }

    async fn note_exit(&self, exit: &UnexpectedExit) -> Result<(), Error> {
        let Some(project) = self.installation.store.find_project(&exit.project_ref).await? else { return Ok(()) };
        let event = NewEvent::new(EventKind::DatabaseExited).with_message(exit.cause.as_str());
        self.recover_if_down(&project, Some(event)).await?;
        self.installation.feed.notify(&project.project_ref);
        self.installation.wake();
        Ok(())
    }

    /// Opens a recovery for a project that should be running and does not. Called when its database has ended, and at the
    /// end of each operation that leaves it running: an exit that comes while an operation is open can open none. Closing
    /// the address is left to the recovery; whoever holds no lease could close one that has just been opened again.
    /// `exit` is written as an event either way.
    async fn recover_if_down(&self, project: &StoredProject, exit: Option<NewEvent>) -> Result<(), Error> {
        let observed = self.provisioner.observe(&project.placement()).await;
        let is_up = observed.as_ref().is_ok_and(Observation::is_up);
        if exit.is_none() && observed.as_ref().is_err_and(ProvisionError::is_unavailable) {
            // Nobody said that it ended; and whoever can't look can't bring it back.
            return Ok(());
        }
        match exit {
            _ if !is_up || !self.routes.is_published(&project.project_ref) => {
                self.installation.store.open_recovery(project.id, exit).await?;
            }
            Some(exit) => self.installation.store.record_event(project.id, exit).await?,
            None => {}
        }
        if is_up && observed.is_ok_and(|observation| !observation.size) {
            self.installation.store.open_resize(project.id).await?;
            self.installation.wake();
        }
        Ok(())
    }

    /// Whether the database can be seen not to run, or the address to be closed. Not to be able to look is no sign of it.
    async fn is_seen_down(&self, project: &StoredProject) -> bool {
        match self.provisioner.observe(&project.placement()).await {
            Ok(observation) => !observation.is_up() || !self.routes.is_published(&project.project_ref),
            Err(error) => {
                tracing::warn!(project.ref = %project.project_ref, error = &error as &dyn std::error::Error, "looking after a project");
                false
            }
        }
    }

    /// How often the project's database has ended without being told to in the last while.
    async fn recent_exits(&self, project_ref: &ProjectRef) -> u32 {
        let mut exits = self.exits.lock().await;
        let Some(exits) = exits.get_mut(project_ref) else { return 0 };
        exits.retain(|at| at.elapsed() < RECENT);
        u32::try_from(exits.len()).unwrap_or(u32::MAX)
    }
}

/// Longest time for one try of a step.
const fn limit_of(step: Step) -> Duration {
    match step {
        Step::PackData | Step::UnpackData => DATA_LIMIT,
        Step::PrepareTemplate
        | Step::CloneData
        | Step::StartDatabase
        | Step::SetPasswords
        | Step::Publish
        | Step::Withdraw
        | Step::StopDatabase
        | Step::ApplySize
        | Step::DestroyData
        | Step::Forget => STEP_LIMIT,
    }
}

fn milliseconds(delay: Duration) -> i64 {
    i64::try_from(delay.as_millis()).unwrap_or(i64::MAX)
}
