//! Follows the engine's events: whatever happens to a project's parts without our doing is reported, so that it is put
//! right. The stream is taken up again when it breaks, and then everything is looked at, because what happened in between
//! was not told.

use std::{
    collections::{HashMap, HashSet},
    sync::{Mutex, PoisonError, Weak},
    time::{Duration, Instant},
};

use bollard::{
    models::{ContainerSummary, ContainerSummaryStateEnum, EventMessage, EventMessageTypeEnum},
    query_parameters::EventsOptionsBuilder,
};
use control_plane::{ProvisionError, UnexpectedExit};
use control_plane_api::ProjectRef;
use futures::StreamExt as _;
use tokio::sync::mpsc;

use super::{
    Docker,
    names::{COMPONENT, INSTALLATION, PROJECT, STACK},
    runtime,
};

/// How long an end of our own doing may take to be told.
const EXPECTED_FOR: Duration = Duration::from_secs(120);
/// Pauses between two tries to reach the engine.
const PAUSES: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(5));

/// What is expected to happen, and where the rest is reported.
#[derive(Debug)]
pub(super) struct Watch {
    expected: Mutex<HashMap<String, Instant>>,
    exits: mpsc::UnboundedSender<UnexpectedExit>,
}

impl Watch {
    pub(super) fn new(exits: mpsc::UnboundedSender<UnexpectedExit>) -> Self {
        Self { expected: Mutex::default(), exits }
    }

    /// What happens to this container until it starts, or to this network or volume by its name, is our doing.
    pub(super) fn expect(&self, id: &str) {
        let mut expected = self.expected.lock().unwrap_or_else(PoisonError::into_inner);
        expected.retain(|_, since| since.elapsed() < EXPECTED_FOR);
        expected.insert(id.to_owned(), Instant::now());
    }

    /// The next event of this kind about this container is our doing, and nothing else of it.
    pub(super) fn expect_one(&self, id: &str, action: &str) {
        self.expect(&one(id, action));
    }

    /// Whether it was expected. It is no longer.
    fn take(&self, what: &str) -> bool {
        let mut expected = self.expected.lock().unwrap_or_else(PoisonError::into_inner);
        expected.remove(what).is_some_and(|since| since.elapsed() < EXPECTED_FOR)
    }

    fn is_expected(&self, id: &str) -> bool {
        let expected = self.expected.lock().unwrap_or_else(PoisonError::into_inner);
        expected.get(id).is_some_and(|since| since.elapsed() < EXPECTED_FOR)
    }

    fn report(&self, project_ref: ProjectRef, cause: String) {
        // Nobody listens any more when the server stops.
        let _ = self.exits.send(UnexpectedExit { project_ref, cause });
    }
}

fn one(id: &str, action: &str) -> String {
    format!("{action} {id}")
}

/// Follows events until the driver is dropped.
pub(super) async fn follow(docker: Weak<Docker>) {
    let mut pause = PAUSES.0;
    while docker.strong_count() > 0 {
        match follow_once(&docker).await {
            Ok(()) => pause = PAUSES.0,
            Err(error) => tracing::debug!(error = &error as &dyn std::error::Error, "following the engine's events"),
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(PAUSES.1);
    }
}

async fn follow_once(docker: &Weak<Docker>) -> Result<(), ProvisionError> {
    let Some(driver) = docker.upgrade() else { return Ok(()) };
    let client = driver.engine.docker().await?.clone();
    let filters = HashMap::from([("type".to_owned(), ["container", "network", "volume", "image"].map(str::to_owned).to_vec())]);
    let mut events = std::pin::pin!(client.events(Some(EventsOptionsBuilder::new().filters(&filters).build())));
    // The stream first, so that nothing falls in between.
    let looked = tokio::select! {
        looked = report_what_is_down(&driver) => looked,
        event = events.next() => match event {
            Some(_) => report_what_is_down(&driver).await,
            None => return Ok(()),
        },
    };
    looked?;
    // Nobody told of what became of them until now.
    driver.images.forget();
    drop(driver);
    while let Some(event) = events.next().await {
        let Some(driver) = docker.upgrade() else { return Ok(()) };
        let event = event.map_err(|error| driver.engine.failed("follow the engine's events", error))?;
        if event.typ == Some(EventMessageTypeEnum::IMAGE) {
            driver.images.forget();
        }
        if let Some((project_ref, cause)) = alarming(&driver, &event)
            && !is_of_an_end(&driver, &event).await
        {
            driver.watch.report(project_ref, cause);
        }
    }
    Ok(())
}

/// Reports every project that is meant to run and of which a container does not, or is not there any more.
async fn report_what_is_down(driver: &Docker) -> Result<(), ProvisionError> {
    let mut seen: HashMap<ProjectRef, (usize, Option<String>)> =
        driver.marks.running()?.into_iter().map(|project_ref| (project_ref, (0, None))).collect();
    let mut down = HashSet::new();
    for container in driver.runtime().all_containers().await? {
        let label = |name: &str| container.labels.as_ref().and_then(|labels| labels.get(name).cloned());
        let Some(project_ref) = label(PROJECT).and_then(|text| text.parse::<ProjectRef>().ok()) else { continue };
        let is_down =
            container.state != Some(ContainerSummaryStateEnum::RUNNING) || has_lost_its_network(driver, &container).await?;
        if is_down && !driver.marks.is_stopped(&project_ref) {
            down.insert(project_ref.clone());
        }
        if let Some((containers, stack)) = seen.get_mut(&project_ref) {
            *containers += 1;
            *stack = label(STACK);
        }
    }
    let incomplete = seen.into_iter().filter(|(_, (containers, stack))| match stack {
        Some(stack) => driver.services_of(stack).is_some_and(|services| *containers < services),
        None => true,
    });
    down.extend(incomplete.map(|(project_ref, _)| project_ref));
    for project_ref in down {
        let cause = "A part of the project was found stopped or gone when the Docker engine could be reached again";
        driver.watch.report(project_ref, cause.to_owned());
    }
    Ok(())
}

/// Whether it is in the network of a container that has begun another life since it joined that.
async fn has_lost_its_network(driver: &Docker, container: &ContainerSummary) -> Result<bool, ProvisionError> {
    let mode = container.host_config.as_ref().and_then(|host| host.network_mode.as_deref());
    let (Some(id), Some(owner)) = (&container.id, mode.and_then(|mode| mode.strip_prefix("container:"))) else {
        return Ok(false);
    };
    let runtime = driver.runtime();
    let (guest, owner) = tokio::try_join!(runtime.inspect(id), runtime.inspect(owner))?;
    Ok(match (guest, owner) {
        (Some(guest), Some(owner)) => runtime::is_stranded(&guest, &owner),
        (Some(_), None) => true,
        (None, _) => false,
    })
}

/// Whether a container left its network because it ended: that is told by itself.
async fn is_of_an_end(driver: &Docker, event: &EventMessage) -> bool {
    let attributes = event.actor.as_ref().and_then(|actor| actor.attributes.as_ref());
    match attributes.and_then(|attributes| attributes.get("container")) {
        Some(container) => match driver.runtime().inspect(container).await {
            Ok(Some(container)) => !runtime::is_running(&container),
            Ok(None) => true,
            Err(_) => false,
        },
        None => false,
    }
}

/// The project that an event is about and what happened to it, if that is not our doing.
fn alarming(driver: &Docker, event: &EventMessage) -> Option<(ProjectRef, String)> {
    let actor = event.actor.as_ref()?;
    let (id, attributes) = (actor.id.as_deref()?, actor.attributes.as_ref()?);
    let action = event.action.as_deref()?;
    let name = attributes.get("name").map(String::as_str).unwrap_or_default();
    match event.typ? {
        EventMessageTypeEnum::CONTAINER => {
            if attributes.get(INSTALLATION).map(String::as_str) != Some(driver.names.installation()) {
                return None;
            }
            if action == "start" {
                // By the order of events, because ours are told while later ones happen already.
                driver.watch.take(id);
            }
            if driver.watch.is_expected(id) || driver.watch.take(&one(id, action)) {
                return None;
            }
            let project_ref = attributes.get(PROJECT)?.parse().ok()?;
            let component = attributes.get(COMPONENT).map(String::as_str).unwrap_or(name);
            let what = match action {
                "die" => match attributes.get("exitCode").map(String::as_str) {
                    Some(code) => format!("ended (exit code {code})"),
                    None => "ended".to_owned(),
                },
                "oom" => "ran out of memory".to_owned(),
                "pause" => "was paused".to_owned(),
                "destroy" => "was removed".to_owned(),
                "rename" => "was renamed".to_owned(),
                "update" => "was given other limits".to_owned(),
                "health_status: unhealthy" => "is not healthy".to_owned(),
                _ => return None,
            };
            Some((project_ref, format!("The container {component} {what}")))
        }
        EventMessageTypeEnum::NETWORK if action == "disconnect" || action == "destroy" => {
            let container = attributes.get("container").map(String::as_str).unwrap_or_default();
            if driver.watch.is_expected(name) || driver.watch.is_expected(container) {
                return None;
            }
            Some((ours(driver, name)?, format!("A part of the project was cut off from its network ({action})")))
        }
        EventMessageTypeEnum::VOLUME if action == "destroy" && !driver.watch.is_expected(id) => {
            Some((ours(driver, id)?, "A volume of the project was removed".to_owned()))
        }
        _ => None,
    }
}

/// The project in the name of one of its parts, if it is this installation's: these events come without labels.
fn ours(driver: &Docker, name: &str) -> Option<ProjectRef> {
    project_of(name).filter(|project_ref| driver.marks.know(project_ref))
}

/// The project in the name of one of its parts.
fn project_of(name: &str) -> Option<ProjectRef> {
    name.strip_prefix("supacloud-")?.split('-').next()?.parse().ok()
}
