//! Joins the control plane's routes with the gateway's table: a live project gets its services, built here.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use axum::{Router, body::Body, extract::Request, http::header, middleware};
use control_plane::{
    DatabaseEndpoint, InForce, LiveProject, NotTold, ProjectSecrets, RemoteServices, Routes, ServiceAnswer, ServiceCall,
    ServiceSettings, ServiceTarget, Services,
};
use control_plane_api::{ProjectRef, ProjectState};
use gateway::{ClientFacts, Limits, RouteTable, Upstream, remote::Target};
use http::{HeaderName, HeaderValue};
use node::Told;
use project_context::{ApiKeys, ContextSettings, DatabaseAddress, ProjectContext};
use secrecy::ExposeSecret as _;
use serde_json::Value;
use tower::ServiceExt as _;

use crate::telling::Teller;

/// Database roles that the services of a project connect as.
const SERVICE_ROLE: &str = "authenticator";
const AUTH_ROLE: &str = "supabase_auth_admin";

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// Longest time for what the server itself asks of a project, and longest answer, in bytes.
const CALL_TIME: Duration = Duration::from_secs(10);
const LONGEST_ANSWER: usize = 8 * 1024 * 1024;

/// What the services of one project may keep open.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pool {
    pub(crate) max_connections: usize,
    pub(crate) idle_after: Duration,
}

/// The gateway's routes, as the reconciler changes them.
#[derive(Debug)]
pub(crate) struct GatewayRoutes {
    table: Arc<RouteTable>,
    limits: Limits,
    settings: ServiceSettings,
    pool: Pool,
    shared: node::Shared,
    running: Mutex<HashMap<ProjectRef, Running>>,
    /// Those whose services are elsewhere.
    remote: Mutex<HashMap<ProjectRef, Remote>>,
}

/// A project whose services are in this process.
#[derive(Debug)]
struct Running {
    context: Arc<ProjectContext>,
    services: node::Services,
}

/// A project whose services are elsewhere.
#[derive(Debug, Clone)]
struct Remote {
    services: RemoteServices,
    /// Nothing where they can't be told anything.
    teller: Option<Arc<Teller>>,
}

impl Remote {
    fn new(project_ref: &ProjectRef, services: &RemoteServices, secrets: &ProjectSecrets) -> Self {
        let teller = services.settings.clone().zip(secrets.passwords.get(AUTH_ROLE));
        let teller = teller.map(|((address, path), secret)| Arc::new(Teller::new(project_ref, address, path, secret)));
        Self { services: services.clone(), teller }
    }

    async fn tell(&self, in_force: &InForce) -> Result<(), NotTold> {
        match &self.teller {
            Some(teller) => teller.tell(&told(in_force)).await,
            None => Ok(()),
        }
    }
}

impl GatewayRoutes {
    pub(crate) fn new(
        table: Arc<RouteTable>,
        limits: Limits,
        settings: ServiceSettings,
        pool: Pool,
        shared: node::Shared,
    ) -> Self {
        Self { table, limits, settings, pool, shared, running: Mutex::default(), remote: Mutex::default() }
    }

    /// Closes every project's connections to its database.
    pub(crate) fn close_all(&self) {
        for (_, running) in self.running.lock().unwrap_or_else(PoisonError::into_inner).drain() {
            running.context.close();
        }
    }

    fn close(&self, project_ref: &ProjectRef) {
        self.remote.lock().unwrap_or_else(PoisonError::into_inner).remove(project_ref);
        let running = self.running.lock().unwrap_or_else(PoisonError::into_inner).remove(project_ref);
        if let Some(running) = running {
            running.context.close();
        }
    }

    /// The services of a project in this process.
    fn run(&self, project: &LiveProject, database: &DatabaseEndpoint) -> Result<Running, NotTold> {
        let not_told = |error: &dyn std::error::Error| NotTold(format!("the project's services can't be made: {error}."));
        let context = self.context(project, database);
        let context = context.ok_or_else(|| NotTold("the project has no password for its services.".to_owned()))?;
        let services = node::Services::new(&context, &self.shared).map_err(|error| not_told(&error))?;
        services.configure(&told(&project.in_force)).map_err(|error| not_told(&error))?;
        Ok(Running { context, services })
    }

    fn context(&self, project: &LiveProject, database: &DatabaseEndpoint) -> Option<Arc<ProjectContext>> {
        let (secrets, keys) = (&project.in_force.secrets, keys(&project.in_force));
        Some(ProjectContext::new(ContextSettings {
            project_ref: project.project_ref.clone(),
            api_url: self.settings.api_url(&project.project_ref),
            database: DatabaseAddress { host: database.host.clone(), port: database.port, name: "postgres".to_owned() },
            authenticator_password: secrets.passwords.get(SERVICE_ROLE)?.clone(),
            auth_password: secrets.passwords.get(AUTH_ROLE)?.clone(),
            jwt_secret: secrets.jwt_secret.clone(),
            keys,
            max_connections: self.pool.max_connections,
            idle_after: self.pool.idle_after,
        }))
    }
}

/// Services in this process are told of the client as those elsewhere are.
async fn say_who_asks(mut request: Request) -> Request {
    let address = request.extensions().get::<ClientFacts>().map(|facts| facts.address.to_string());
    if let Some(value) = address.and_then(|address| HeaderValue::try_from(address).ok()) {
        request.headers_mut().insert(FORWARDED_FOR, value);
    }
    std::future::ready(request).await
}

/// What the gateway takes for a key.
fn keys(in_force: &InForce) -> ApiKeys {
    let secrets = &in_force.secrets;
    let keys = ApiKeys::new(
        secrets.anon_key.clone(),
        secrets.service_role_key.clone(),
        secrets.publishable_keys.clone(),
        secrets.secret_keys.clone(),
    );
    match &in_force.keys.instead_of_legacy {
        Some(tokens) => keys.without_legacy(tokens.anon.clone(), tokens.service_role.clone()),
        None => keys,
    }
}

/// What services go by.
fn told(in_force: &InForce) -> Told {
    Told { auth: in_force.auth.clone(), keys: in_force.keys.signing.clone() }
}

fn target(target: &ServiceTarget) -> Target {
    Target { prefix: target.prefix.clone(), instead: target.instead.clone(), address: target.address }
}

/// Asks a service as a client would, past the gateway.
async fn ask(services: Router, call: ServiceCall) -> anyhow::Result<ServiceAnswer> {
    let request = Request::builder()
        .method(call.method)
        .uri(call.path)
        .header(header::AUTHORIZATION, format!("Bearer {}", call.token.expose_secret()))
        .header(header::CONTENT_TYPE, "application/json")
        .body(call.body.map_or_else(Body::empty, |body| Body::from(body.to_string())))?;
    let response = match services.oneshot(request).await {
        Ok(response) => response,
        Err(never) => match never {},
    };
    let status = response.status().as_u16();
    let body = axum::body::to_bytes(response.into_body(), LONGEST_ANSWER).await?;
    Ok(ServiceAnswer { status, body: serde_json::from_slice(&body).unwrap_or_default() })
}

#[async_trait]
impl Routes for GatewayRoutes {
    async fn publish(&self, project: LiveProject) -> Result<(), NotTold> {
        let project_ref = project.project_ref.clone();
        let services = match &project.services {
            Services::InProcess(database) => {
                let running = self.run(&project, database)?;
                self.close(&project_ref);
                let router = running.services.router.clone().layer(middleware::map_request(say_who_asks));
                self.running.lock().unwrap_or_else(PoisonError::into_inner).insert(project_ref.clone(), running);
                router
            }
            Services::Remote(services) => {
                let remote = Remote::new(&project_ref, services, &project.in_force.secrets);
                remote.tell(&project.in_force).await?;
                self.close(&project_ref);
                self.remote.lock().unwrap_or_else(PoisonError::into_inner).insert(project_ref.clone(), remote);
                gateway::remote::router(services.targets.iter().map(target).collect())
            }
        };
        self.table.publish(project_ref, Upstream::new(keys(&project.in_force), services, &self.limits));
        Ok(())
    }

    async fn configure(&self, project_ref: &ProjectRef, in_force: InForce) -> Result<(), NotTold> {
        let running = self.running.lock().unwrap_or_else(PoisonError::into_inner).get(project_ref).map(|it| it.services.clone());
        let remote = self.remote.lock().unwrap_or_else(PoisonError::into_inner).get(project_ref).cloned();
        if let Some(services) = running {
            services.configure(&told(&in_force)).map_err(|error| NotTold(format!("{error}.")))?;
        }
        let told = match remote {
            Some(remote) => remote.tell(&in_force).await,
            None => Ok(()),
        };
        // After the services, which know the key by then that has signed what API keys stand for. Whether they could be told or not:
        // a key that is disabled is let in by nobody.
        self.table.set_keys(project_ref, keys(&in_force));
        told
    }

    async fn call(&self, project_ref: &ProjectRef, call: ServiceCall) -> Option<ServiceAnswer> {
        let services = self.table.services(project_ref)?;
        match tokio::time::timeout(CALL_TIME, ask(services, call)).await {
            Ok(Ok(answer)) => Some(answer),
            Ok(Err(error)) => {
                tracing::warn!(project.ref = %project_ref, error = &*error as &dyn std::error::Error, "asking a service");
                None
            }
            Err(_) => None,
        }
    }

    async fn fetch(&self, url: &str) -> Result<Value, String> {
        node::fetch_json(&self.shared, url).await.map_err(|error| error.to_string())
    }

    async fn withdraw(&self, project_ref: &ProjectRef, state: ProjectState) {
        self.table.withdraw(project_ref, state);
        self.close(project_ref);
    }

    async fn forget(&self, project_ref: &ProjectRef) {
        self.table.forget(project_ref);
        self.close(project_ref);
    }

    fn is_published(&self, project_ref: &ProjectRef) -> bool {
        self.table.is_live(project_ref)
    }

    async fn probe(&self, project_ref: &ProjectRef, at_most: Duration) -> Result<(), String> {
        let remote = self.remote.lock().unwrap_or_else(PoisonError::into_inner).get(project_ref).cloned();
        if let Some(remote) = remote {
            let answers = tokio::time::timeout(at_most, provisioner::answers(&remote.services)).await.unwrap_or(false);
            return if answers {
                Ok(())
            } else {
                Err("The project's services do not answer, or their database does not.".to_owned())
            };
        }
        let context = self
            .running
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(project_ref)
            .map(|running| Arc::clone(&running.context));
        let Some(context) = context else { return Err("The project's address is not open.".to_owned()) };
        match tokio::time::timeout(at_most, context.probe()).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(format!("The database can't be reached: {error}.")),
            Err(_) => Err(format!("The database did not answer within {} s.", at_most.as_secs_f32())),
        }
    }
}
