//! Reading: projects, keys, health and events.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use control_plane_api::{
    ApiKey, ApiKeyType, Connection, DEFAULT_ORGANIZATION, EventKind, Notice, NoticeKind, Organization, Project, ProjectEvent,
    ProjectOverview, ProjectRef, ProjectState, SecretJwtTemplate, ServiceHealth, ServiceName, ServiceStatus,
};
use futures::Stream;
use secrecy::{ExposeSecret as _, SecretString};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use super::ProjectService;
use crate::{
    caller::Caller,
    error::Error,
    feed::Subscription,
    store::{OpenOperation, Store, StoredProject, key_hash},
    usage::UsageBook,
};

/// How often a waiting reader looks at the database without having been told to.
pub(super) const TICK: Duration = Duration::from_secs(1);
/// Events read at once.
const PAGE: u64 = 200;
/// Characters of a secret key that are shown without being asked to reveal it: the prefix and a few more.
const SHOWN_OF_SECRET: usize = 15;

impl ProjectService {
    /// The one organization.
    pub fn organizations(&self, _caller: &Caller) -> Vec<Organization> {
        let slug = DEFAULT_ORGANIZATION.to_owned();
        vec![Organization { id: slug.clone(), name: "Default".into(), slug }]
    }

    /// Every project, newest first.
    pub async fn list(&self, _caller: &Caller) -> Result<Vec<Project>, Error> {
        let projects = self.installation.store.projects_with_operations().await?;
        Ok(projects.iter().map(|(project, _)| self.project(project, true)).collect())
    }

    /// One project.
    pub async fn get(&self, _caller: &Caller, project_ref: &ProjectRef) -> Result<Project, Error> {
        Ok(self.project(&self.installation.store.project(project_ref).await?, true))
    }

    /// Every project with what its card shows, newest first.
    pub async fn list_overviews(&self, _caller: &Caller) -> Result<Vec<ProjectOverview>, Error> {
        let projects = self.installation.store.projects_with_operations().await?;
        Ok(projects.iter().map(|(project, operation)| self.overview_of(project, operation.as_ref())).collect())
    }

    /// One project with what its page shows.
    pub async fn overview(&self, _caller: &Caller, project_ref: &ProjectRef) -> Result<ProjectOverview, Error> {
        let project = self.installation.store.project(project_ref).await?;
        let operation = self.installation.store.open_operation_of(project.id).await?;
        Ok(self.overview_of(&project, operation.as_ref()))
    }

    fn overview_of(&self, project: &StoredProject, operation: Option<&OpenOperation>) -> ProjectOverview {
        let connection = project.port.map(|port| Connection {
            host: self.settings.sql_host.clone(),
            port,
            database: "postgres".into(),
            user: "postgres".into(),
        });
        ProjectOverview {
            project: self.project(project, true),
            operation: operation.map(OpenOperation::summary),
            failure: project.failure.clone(),
            usage: self.installation.usage.usage(&project.project_ref),
            postgres_version: project.postgres_version.clone(),
            size: self.settings.limiting_drivers.contains(&project.driver.as_str()).then_some(project.size),
            connection,
        }
    }

    /// Health of the named services, in the order they were asked for. A running database is asked, for at most so long.
    pub async fn health(
        &self,
        _caller: &Caller,
        project_ref: &ProjectRef,
        services: &[ServiceName],
        at_most: Duration,
    ) -> Result<Vec<ServiceHealth>, Error> {
        let project = self.installation.store.project(project_ref).await?;
        let answers = if project.state == ProjectState::Running && project.healthy && services.iter().any(|name| name.is_built())
        {
            self.routes.probe(project_ref, at_most).await
        } else {
            Ok(())
        };
        Ok(services.iter().map(|name| service_health(*name, &project, &answers)).collect())
    }

    /// The project's API keys: the two legacy ones, then those in the new format. Secret keys in the new format are masked
    /// unless `reveal`.
    pub async fn api_keys(&self, _caller: &Caller, project_ref: &ProjectRef, reveal: bool) -> Result<Vec<ApiKey>, Error> {
        let project = self.installation.store.project(project_ref).await?;
        let secrets = self.installation.store.secrets(&self.installation.vault, &project).await?;
        let mut keys = vec![legacy("anon", &secrets.anon_key), legacy("service_role", &secrets.service_role_key)];
        for stored in self.installation.store.api_keys(&self.installation.vault, &project).await? {
            let is_secret = stored.key_type == ApiKeyType::Secret;
            let key = stored.key.expose_secret();
            keys.push(ApiKey {
                id: stored.id.to_string(),
                name: stored.name,
                key_type: stored.key_type,
                api_key: if is_secret && !reveal { masked(key) } else { key.to_owned() },
                hash: stored.hash,
                prefix: key_prefix(key),
                description: None,
                secret_jwt_template: is_secret.then(|| SecretJwtTemplate { role: "service_role".into() }),
                inserted_at: rfc3339(stored.created_at),
                updated_at: rfc3339(stored.created_at),
            });
        }
        Ok(keys)
    }

    /// Password of the database role `postgres`.
    pub async fn database_password(&self, _caller: &Caller, project_ref: &ProjectRef) -> Result<SecretString, Error> {
        let project = self.installation.store.project(project_ref).await?;
        let secrets = self.installation.store.secrets(&self.installation.vault, &project).await?;
        secrets.passwords.get("postgres").cloned().ok_or_else(|| Error::Corrupt("the project has no database password".into()))
    }

    /// What the project's JWTs are signed with (HS256).
    pub async fn jwt_secret(&self, _caller: &Caller, project_ref: &ProjectRef) -> Result<SecretString, Error> {
        let project = self.installation.store.project(project_ref).await?;
        Ok(self.installation.store.secrets(&self.installation.vault, &project).await?.jwt_secret)
    }

    /// The latest events, newest first.
    pub async fn recent_events(
        &self,
        _caller: &Caller,
        project_ref: &ProjectRef,
        limit: u64,
    ) -> Result<Vec<ProjectEvent>, Error> {
        let project = self.installation.store.project(project_ref).await?;
        self.installation.store.recent_events(project.id, limit).await
    }

    /// Events after an id as they happen, oldest first, without end until the project is gone; the last one says that it is.
    /// Measurements come among them as they are taken.
    pub async fn events(
        &self,
        _caller: &Caller,
        project_ref: &ProjectRef,
        after: i64,
    ) -> Result<impl Stream<Item = Result<ProjectEvent, Error>> + Send + use<>, Error> {
        // Subscribed before the first look, so that no event falls in between.
        let subscription = self.installation.feed.subscribe();
        let project = self.installation.store.project(project_ref).await?;
        // An id that was never given (of another installation, say) would hide everything until ids come so far.
        let newest = self.installation.store.recent_events(project.id, 1).await?.first().map_or(0, |event| event.id);
        let after = after.min(newest);
        let reader = EventReader {
            store: self.installation.store.clone(),
            usage: Arc::clone(&self.installation.usage),
            subscription,
            project_ref: project_ref.clone(),
            after,
            ready: VecDeque::new(),
        };
        Ok(futures::stream::unfold(Some(reader), |reader| async move {
            let mut reader = reader?;
            let event = reader.next().await;
            let is_last = event.as_ref().map_or(true, |event| event.kind == EventKind::Deleted);
            Some((event, (!is_last).then_some(reader)))
        }))
    }

    /// Says which project to look at again, whenever something has happened to one. Without end.
    pub fn notices(&self, _caller: &Caller) -> impl Stream<Item = Result<Notice, Error>> + Send + use<> {
        let (store, subscription) = (self.installation.store.clone(), self.installation.feed.subscribe());
        futures::stream::unfold((store, subscription, None), |(store, mut subscription, mut seen)| async move {
            loop {
                tokio::select! {
                    notice = subscription.next() => return Some((Ok(notice), (store, subscription, seen))),
                    () = tokio::time::sleep(TICK) => {}
                }
                // Another process may have done something, which this one is not told.
                let newest = match store.newest_event().await {
                    Ok(newest) => newest,
                    Err(error) => return Some((Err(error), (store, subscription, seen))),
                };
                if seen.replace(newest).is_some_and(|before| before != newest) {
                    let any = Notice { kind: NoticeKind::Changed, project_ref: None };
                    return Some((Ok(any), (store, subscription, seen)));
                }
            }
        })
    }
}

/// Reads one project's events, waiting for those to come.
struct EventReader {
    store: Store,
    usage: Arc<UsageBook>,
    subscription: Subscription,
    project_ref: ProjectRef,
    /// Id of the last event read.
    after: i64,
    ready: VecDeque<ProjectEvent>,
}

impl EventReader {
    async fn next(&mut self) -> Result<ProjectEvent, Error> {
        loop {
            if let Some(event) = self.ready.pop_front() {
                self.after = event.id;
                return Ok(event);
            }
            match self.store.events_after(&self.project_ref, self.after, PAGE).await? {
                None => {
                    let message = Some("The project was deleted.".to_owned());
                    return Ok(ProjectEvent { message, ..unstored(self.after + 1, EventKind::Deleted) });
                }
                Some(events) if !events.is_empty() => self.ready.extend(events),
                Some(_) => {
                    let notice = tokio::select! {
                        notice = self.subscription.about(&self.project_ref) => notice,
                        () = tokio::time::sleep(TICK) => NoticeKind::Changed,
                    };
                    let usage = self.usage.latest(&self.project_ref);
                    if notice == NoticeKind::Measured && usage.is_some() {
                        return Ok(ProjectEvent { usage, ..unstored(self.after, EventKind::Measured) });
                    }
                }
            }
        }
    }
}

/// An event that no row says.
fn unstored(id: i64, kind: EventKind) -> ProjectEvent {
    let at = OffsetDateTime::now_utc();
    ProjectEvent { id, at, kind, operation: None, step: None, state: None, message: None, duration_ms: None, usage: None }
}

fn service_health(name: ServiceName, project: &StoredProject, answers: &Result<(), String>) -> ServiceHealth {
    let unhealthy = |error: String| ServiceHealth { name, healthy: false, status: ServiceStatus::Unhealthy, error: Some(error) };
    match name {
        ServiceName::Auth | ServiceName::Realtime | ServiceName::Storage | ServiceName::Pooler | ServiceName::PgBouncer => {
            unhealthy(format!("{} is not part of this version yet.", name.as_str()))
        }
        ServiceName::Db | ServiceName::DbPostgresUser | ServiceName::Rest => match project.state {
            ProjectState::Running if project.healthy => match answers {
                Ok(()) => ServiceHealth { name, healthy: true, status: ServiceStatus::ActiveHealthy, error: None },
                Err(cause) => unhealthy(cause.clone()),
            },
            ProjectState::Running => unhealthy("The database ended unexpectedly and is being started again.".into()),
            // Said once, where it belongs.
            ProjectState::Failed if name != ServiceName::Db => unhealthy("The database is not running.".into()),
            ProjectState::Provisioning | ProjectState::Resuming | ProjectState::Restarting => {
                ServiceHealth { name, healthy: false, status: ServiceStatus::ComingUp, error: None }
            }
            ProjectState::Failed => unhealthy(project.failure.as_ref().map_or_else(String::new, |failure| failure.cause.clone())),
            ProjectState::Pausing | ProjectState::Paused | ProjectState::Deleting => {
                unhealthy(format!("The project is {}.", project.state))
            }
        },
    }
}

fn legacy(name: &str, key: &SecretString) -> ApiKey {
    ApiKey {
        id: name.into(),
        name: name.into(),
        key_type: ApiKeyType::Legacy,
        api_key: key.expose_secret().into(),
        hash: key_hash(key),
        // The signature: the head of every JWT is the same.
        prefix: key.expose_secret().rsplit('.').next().unwrap_or_default().chars().take(5).collect(),
        description: Some(format!("Legacy {name} API key")),
        secret_jwt_template: None,
        inserted_at: None,
        updated_at: None,
    }
}

fn masked(key: &str) -> String {
    let shown: String = key.chars().take(SHOWN_OF_SECRET).collect();
    format!("{shown}{}", "·".repeat(26))
}

fn key_prefix(key: &str) -> String {
    let random = key.strip_prefix("sb_publishable_").or_else(|| key.strip_prefix("sb_secret_")).unwrap_or(key);
    random.chars().take(5).collect()
}

fn rfc3339(at: OffsetDateTime) -> Option<String> {
    at.format(&Rfc3339).ok()
}
