//! What a request comes to, between the plan and the response: its statements, and the answer that their outcome makes.

use axum::body::Body;
use http::{HeaderValue, Response, header};

use crate::{
    claims::Identity,
    error::RestError,
    openapi,
    options::Options,
    plan::{self, CallPlan, ReadPlan, WritePlan},
    query::{self, SessionScope, SessionSettings, Shape, Sql},
    representation::Representation,
    request::{Action, ApiRequest, Count, MediaType, Target},
    response::{self, Shown},
    schema::{Returns, Volatility},
    state::Loaded,
    transaction::{Job, Outcome},
};

/// What is to be done, with everything the answer depends on.
#[derive(Debug)]
pub(crate) struct Planned {
    pub(crate) schema: String,
    pub(crate) media: MediaType,
    shape: Shape,
    what: What,
}

#[derive(Debug)]
pub(crate) enum What {
    Read(ReadPlan),
    Write(Box<WritePlan>),
    Call(Box<CallPlan>),
    /// Known without the database: the root's document and `Allow`.
    Known(Known),
}

#[derive(Debug)]
pub(crate) enum Known {
    Document(String),
    Allow(String),
}

#[derive(Debug)]
pub(crate) enum Work {
    Ready(Response<Body>),
    Job(Box<Job>),
}

impl Planned {
    pub(crate) fn new(loaded: &Loaded, request: &ApiRequest, options: &Options) -> Result<Self, RestError> {
        let cache = &loaded.schema;
        let schema = plan::schema_of(request, &cache.config)?;
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
            (Target::Root, _) => {
                let base_url = cache.config.openapi_server_proxy_uri.as_ref().unwrap_or(&options.base_url);
                What::Known(Known::Document(openapi::describe(cache, &schema, base_url).to_string()))
            }
            (Target::Function(name), _) => What::Call(Box::new(plan::plan_call(cache, &schema, name, request)?)),
            (Target::Relation(name), Action::Read) => {
                What::Read(plan::plan_read(cache, &schema, name, &request.query, request.range)?)
            }
            (Target::Relation(name), _) => What::Write(Box::new(plan::plan_write(cache, &schema, name, request)?)),
        };
        let representation = Representation::choose(cache, &what, request)?;
        Ok(Self { schema, media: representation.media, shape: representation.shape, what })
    }

    /// The statements, or the answer that needs none.
    pub(crate) fn job(&self, loaded: &Loaded, request: &ApiRequest, identity: &Identity, options: &Options) -> Work {
        let config = &loaded.schema.config;
        let count = request.preferences.count;
        let shape = self.shape.clone();
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
            session: query::session(request, identity, &self.session_settings(loaded, identity, &options.app_settings)),
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
                if let Ok(value) = HeaderValue::from_str(&self.media.content_type()) {
                    headers.insert(header::CONTENT_TYPE, value);
                }
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

    pub(crate) fn approve(&self, shown: &Shown<'_>, outcome: &Outcome) -> Result<(), RestError> {
        match &self.what {
            What::Write(_) => response::approve(shown, outcome, shown.request.action != Action::Upsert, true),
            What::Call(plan) => response::approve(shown, outcome, plan.function.returns != Returns::Void, plan.function.is_set),
            What::Read(_) | What::Known(_) => response::approve(shown, outcome, true, false),
        }
    }

    pub(crate) fn respond(&self, shown: &Shown<'_>, outcome: Outcome) -> Result<Response<Body>, RestError> {
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

/// `schema.function` as the setting writes it, called.
fn pre_request(name: &str) -> Sql {
    let mut sql = Sql::new("SELECT ");
    sql.separated(".", name.split('.'), |sql, part| {
        sql.name(part.trim().trim_matches('"'));
    });
    sql.push("()::text");
    sql
}
