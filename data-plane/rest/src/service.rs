//! One request through all stages: claims → request → plan → query → transaction → response.

use std::sync::Arc;

use axum::body::Body;
use bytes::Bytes;
use http::{HeaderValue, Response, header};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use project_context::Connection;

use crate::{
    claims::{self, Identity},
    error::RestError,
    openapi,
    plan::{self, CallPlan, ReadPlan, WritePlan},
    query::{self, SessionScope, SessionSettings, Shape, Sql},
    request::{Action, ApiRequest, Count, MediaType, Target},
    response::{self, Shown},
    schema::{Returns, Volatility},
    state::{Loaded, State},
    transaction::{self, Failure, Job, Outcome},
};

/// Bytes of a request's body at most; the gateway's own limit is lower or equal.
const MAX_BODY: usize = 10 * 1024 * 1024;

/// Connections tried for one request before the loss of one is reported.
const MAX_ATTEMPTS: usize = 3;

pub(crate) async fn handle(state: Arc<State>, request: http::Request<Body>) -> Response<Body> {
    let with_body = request.method() != http::Method::HEAD;
    match Box::pin(answer(&state, request)).await {
        Ok(response) => response,
        Err(error) => {
            if error.status().is_server_error() {
                tracing::warn!(project.ref = state.options.project_ref, error = ?error, "request failed");
            }
            error.into_response(with_body)
        }
    }
}

async fn answer(state: &Arc<State>, request: http::Request<Body>) -> Result<Response<Body>, RestError> {
    let (parts, body) = request.into_parts();
    let identity = claims::identify(state.verifier.as_deref(), &state.options, &parts.headers)?;
    let body = collect(body).await?;
    let request = ApiRequest::parse(&parts, body)?;
    let mut attempt = 0;
    loop {
        attempt += 1;
        let connection = state.pool.connection().await?;
        match Box::pin(on_connection(state, &connection, &request, &identity)).await {
            Err(Failure::Retry(error)) if attempt < MAX_ATTEMPTS => {
                tracing::debug!(%error, attempt, "request is run again on another connection");
            }
            Err(Failure::Retry(error) | Failure::Final(error)) => return Err(error),
            Ok(response) => return Ok(response),
        }
    }
}

async fn collect(body: Body) -> Result<Bytes, RestError> {
    match Limited::new(body, MAX_BODY).collect().await {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(RestError::BodyTooLarge { limit: MAX_BODY }),
        Err(_) => Err(RestError::InvalidBody { message: "The request body could not be read".to_owned() }),
    }
}

async fn on_connection(
    state: &Arc<State>,
    connection: &Connection,
    request: &ApiRequest,
    identity: &Identity,
) -> Result<Response<Body>, Failure> {
    let loaded = state.schema(connection).await.map_err(retry_if_lost)?;
    let (loaded, planned) = match Planned::new(&loaded, request, &state.options.base_url) {
        Err(error) if error.is_about_the_schema() => {
            let Some(newer) = state.after_miss(connection, &loaded).await.map_err(retry_if_lost)? else {
                return Err(Failure::Final(error));
            };
            let planned = Planned::new(&newer, request, &state.options.base_url).map_err(Failure::Final)?;
            (newer, planned)
        }
        Err(error) => return Err(Failure::Final(error)),
        Ok(planned) => (loaded, planned),
    };
    let config = &loaded.schema.config;
    let shown = Shown { request, media: planned.media, schema: &planned.schema, several_schemas: config.schemas.len() > 1 };
    let job = match planned.job(&loaded, request, identity, &state.options.app_settings) {
        Work::Ready(response) => return Ok(response),
        Work::Job(job) => job,
    };
    let outcome = Box::pin(transaction::run(connection, &job, |outcome| planned.approve(&shown, outcome))).await?;
    planned.respond(&shown, outcome).map_err(Failure::Final)
}

fn retry_if_lost(error: RestError) -> Failure {
    match error {
        RestError::Connection(_) => Failure::Retry(error),
        other => Failure::Final(other),
    }
}

/// What is to be done, with everything the answer depends on.
struct Planned {
    schema: String,
    media: MediaType,
    what: What,
}

enum What {
    Read(ReadPlan),
    Write(Box<WritePlan>),
    Call(Box<CallPlan>),
    /// Known without the database: the root's document and `Allow`.
    Known(Known),
}

enum Known {
    Document(String),
    Allow(String),
}

enum Work {
    Ready(Response<Body>),
    Job(Box<Job>),
}

impl Planned {
    fn new(loaded: &Loaded, request: &ApiRequest, base_url: &str) -> Result<Self, RestError> {
        let cache = &loaded.schema;
        let schema = plan::schema_of(request, &cache.config)?;
        let media = media(request)?;
        let what = match (&request.target, request.action) {
            (Target::Root, Action::Options) => What::Known(Known::Allow("OPTIONS,GET,HEAD".to_owned())),
            (Target::Relation(name), Action::Options) => {
                What::Known(Known::Allow(openapi::allowed(plan::relation(cache, &schema, name)?)))
            }
            (Target::Function(name), Action::Options) => {
                let reads =
                    cache.functions_named(&schema, name).iter().any(|function| function.volatility != Volatility::Volatile);
                What::Known(Known::Allow(if reads { "OPTIONS,GET,HEAD,POST" } else { "OPTIONS,POST" }.to_owned()))
            }
            (Target::Root, _) => What::Known(Known::Document(openapi::describe(cache, &schema, base_url).to_string())),
            (Target::Function(name), _) => What::Call(Box::new(plan::plan_call(cache, &schema, name, request)?)),
            (Target::Relation(name), Action::Read) => {
                What::Read(plan::plan_read(cache, &schema, name, &request.query, request.range)?)
            }
            (Target::Relation(name), _) => What::Write(Box::new(plan::plan_write(cache, &schema, name, request)?)),
        };
        Ok(Self { schema, media, what })
    }

    /// The statements, or the answer that needs none.
    fn job(&self, loaded: &Loaded, request: &ApiRequest, identity: &Identity, app_settings: &[(String, String)]) -> Work {
        let config = &loaded.schema.config;
        let count = request.preferences.count;
        let shape = self.shape(request);
        let (main, writes, explain) = match &self.what {
            What::Known(known) => return Work::Ready(self.known(known, request)),
            What::Read(plan) => {
                let explain = matches!(count, Some(Count::Planned | Count::Estimated)).then(|| query::explain(plan));
                (query::read(plan, shape, count, config.max_rows), false, explain)
            }
            What::Write(plan) => (query::write(plan, shape), true, None),
            What::Call(plan) => (query::call(plan, shape, count, config.max_rows), self.call_writes(request, plan), None),
        };
        let settings = &loaded.schema.role_settings;
        let read_only = match &self.what {
            What::Read(_) => true,
            What::Call(plan) => request.action == Action::CallByGet || plan.function.volatility != Volatility::Volatile,
            What::Write(_) | What::Known(_) => false,
        };
        Work::Job(Box::new(Job {
            begin: query::begin(read_only, &identity.role, settings),
            session: query::session(request, identity, &self.session_settings(loaded, identity, app_settings)),
            pre_request: config.pre_request.as_deref().map(pre_request),
            main,
            explain,
            counted_up_to: config.max_rows,
            scope: SessionScope { role: identity.role.clone(), schema: self.schema.clone() },
            writes,
            generation: loaded.generation,
            authenticated: identity.authenticated,
        }))
    }

    fn session_settings<'a>(
        &'a self,
        loaded: &'a Loaded,
        identity: &Identity,
        app: &'a [(String, String)],
    ) -> SessionSettings<'a> {
        SessionSettings {
            schema: &self.schema,
            extra_search_path: &loaded.schema.config.extra_search_path,
            of_role: loaded.schema.role_settings.get(&identity.role).map_or(&[], Vec::as_slice),
            app,
        }
    }

    fn known(&self, known: &Known, request: &ApiRequest) -> Response<Body> {
        let mut response = Response::new(Body::empty());
        match known {
            Known::Allow(methods) => {
                if let Ok(value) = HeaderValue::from_str(methods) {
                    response.headers_mut().insert(header::ALLOW, value);
                }
            }
            Known::Document(document) => {
                let headers = response.headers_mut();
                headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(self.media.content_type()));
                headers.insert(header::CONTENT_LENGTH, HeaderValue::from(document.len()));
                if !request.is_head() {
                    *response.body_mut() = Body::from(document.clone());
                }
            }
        }
        response
    }

    /// Only what may change something has to be approved before the commit.
    fn call_writes(&self, request: &ApiRequest, plan: &CallPlan) -> bool {
        request.action == Action::CallByPost && plan.function.volatility == Volatility::Volatile
    }

    fn shape(&self, request: &ApiRequest) -> Shape {
        let scalar = match &self.what {
            What::Call(plan) => plan.read.is_none().then_some(plan.function.is_set),
            What::Read(_) | What::Write(_) | What::Known(_) => None,
        };
        let single_row = matches!(&self.what, What::Call(plan) if !plan.function.is_set);
        match (scalar, self.media) {
            (None, _) if request.is_head() => Shape::None,
            (None, MediaType::Csv) => Shape::Csv,
            (None, MediaType::Object { nulls_stripped }) => Shape::Object { nulls_stripped },
            (None, MediaType::JsonNullsStripped) if single_row => Shape::Object { nulls_stripped: true },
            (None, MediaType::JsonNullsStripped) => Shape::Array { nulls_stripped: true },
            (None, MediaType::Json | MediaType::OpenApi) if single_row => Shape::Object { nulls_stripped: false },
            (None, MediaType::Json | MediaType::OpenApi) => Shape::Array { nulls_stripped: false },
            (Some(_), MediaType::Object { .. }) => Shape::Scalar { set: false },
            (Some(_), MediaType::Csv) => Shape::Csv,
            (Some(set), MediaType::Json | MediaType::JsonNullsStripped | MediaType::OpenApi) => Shape::Scalar { set },
        }
    }

    fn approve(&self, shown: &Shown<'_>, outcome: &Outcome) -> Result<(), RestError> {
        match &self.what {
            What::Write(_) => response::approve(shown, outcome, shown.request.action != Action::Upsert, true),
            What::Call(plan) => response::approve(shown, outcome, plan.function.returns != Returns::Void, plan.function.is_set),
            What::Read(_) | What::Known(_) => response::approve(shown, outcome, true, false),
        }
    }

    fn respond(&self, shown: &Shown<'_>, outcome: Outcome) -> Result<Response<Body>, RestError> {
        // A read was committed already; its conditions are checked here.
        self.approve(shown, &outcome)?;
        match &self.what {
            What::Read(plan) => response::rows(shown, outcome, plan.range, true),
            What::Write(plan) => response::written(shown, plan, outcome),
            What::Call(plan) if plan.function.returns == Returns::Void => response::nothing(shown, outcome),
            What::Call(plan) => response::rows(shown, outcome, plan.range, plan.function.is_set),
            What::Known(known) => Ok(self.known(known, shown.request)),
        }
    }
}

fn media(request: &ApiRequest) -> Result<MediaType, RestError> {
    let chosen = if request.target == Target::Root {
        request.accept.choose(&[|media| matches!(media, MediaType::Json | MediaType::OpenApi)], MediaType::OpenApi)
    } else {
        request.accept.choose(&[|media| media != MediaType::OpenApi], MediaType::Json)
    };
    match chosen {
        Some(media) => Ok(media),
        // What a write or a preflight would answer has no body to be of a type.
        None if request.action == Action::Options => Ok(MediaType::Json),
        None => Err(RestError::MediaType { accepted: request.accept.shown() }),
    }
}

/// `schema.function` as the setting writes it, called.
fn pre_request(name: &str) -> Sql {
    let mut sql = Sql::new("SELECT ");
    sql.separated(".", name.split('.'), |sql, part| {
        sql.name(part.trim().trim_matches('"'));
    });
    sql.push("()::text");
    sql
}
