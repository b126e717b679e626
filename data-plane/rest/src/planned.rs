//! What a request comes to, between the plan and the response: its statements, and the answer that their outcome makes.

use axum::body::{Body, Bytes};
use http::Response;

use crate::{
    claims::Identity,
    delivered::Singly,
    error::RestError,
    openapi::{self, Address},
    options::Options,
    plan::{self, CallPlan, ReadPlan, WritePlan},
    query::{self, Delivery, SessionScope, SessionSettings, Shape},
    representation::Representation,
    request::{Action, ApiRequest, Count, End, Explain, MediaType, RowRange, Target},
    response::{self, Shown},
    schema::{OpenApiMode, Returns, SchemaCache, TxEnd, Volatility, function_name},
    state::Loaded,
    transaction::{Job, Outcome},
};

/// What is to be done, with everything the answer depends on.
#[derive(Debug)]
pub(crate) struct Planned {
    pub(crate) schema: String,
    pub(crate) media: MediaType,
    shape: Shape,
    /// The plan is shown in the place of the result.
    explain: Option<Explain>,
    what: What,
}

#[derive(Debug)]
pub(crate) enum What {
    Read(Box<ReadPlan>),
    Write(Box<WritePlan>),
    Call(Box<CallPlan>),
    /// The description of the schema, and where it says that the service is.
    Root(Option<Address>),
    /// The methods that there are, which are known without the database.
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
        let explain = request.explain.as_ref().filter(|_| cache.config.plan_enabled && request.target != Target::Root);
        let mut what = match (&request.target, request.action) {
            (Target::Root, Action::Options) => What::Allow("OPTIONS,GET,HEAD".to_owned()),
            (Target::Relation(name), Action::Options) => What::Allow(openapi::allowed(plan::relation(cache, &schema, name)?)),
            (Target::Function(name), Action::Options) => {
                let named = cache.functions_named(&schema, name);
                if named.is_empty() {
                    return Err(plan::no_function(cache, &schema, name));
                }
                let reads = named.iter().any(|function| function.volatility != Volatility::Volatile);
                What::Allow(if reads { "OPTIONS,GET,HEAD,POST" } else { "OPTIONS,POST" }.to_owned())
            }
            (Target::Root, _) => root(cache, &schema, request, options)?,
            (Target::Function(name), _) => What::Call(Box::new(plan::plan_call(cache, &schema, name, request)?)),
            (Target::Relation(name), Action::Read) => {
                What::Read(Box::new(plan::plan_read(cache, &schema, name, &request.query, request.range)?))
            }
            (Target::Relation(name), _) => What::Write(Box::new(plan::plan_write(cache, &schema, name, request)?)),
        };
        let accept = explain.map_or(&request.accept, |explain| &explain.accept);
        let representation = Representation::choose(cache, &what, request, accept)?;
        if let Shape::Handled { handler, .. } = &representation.shape
            && handler.of.is_some()
            && let Some(read) = what.read_mut()
        {
            // It takes rows of the relation's own type.
            read.show_as_stored();
        }
        Ok(Self { schema, media: representation.media, shape: representation.shape, explain: explain.cloned(), what })
    }

    /// The statements, or the answer that needs none.
    pub(crate) fn job(&self, loaded: &Loaded, request: &ApiRequest, identity: &Identity, options: &Options) -> Work {
        let config = &loaded.schema.config;
        let count = request.preferences.count;
        let delivery = self.delivery();
        let singly = match &delivery {
            Delivery::AtOnce(_) => None,
            Delivery::Singly(joined) => {
                let counts = matches!(count, Some(Count::Exact | Count::Estimated)) && self.can_be_counted();
                Some(Singly { joined, counted: self.page().filter(|_| counts) })
            }
        };
        let (main, writes, estimate) = match &self.what {
            What::Allow(methods) => return Work::Ready(response::allow(methods)),
            What::Read(plan) => {
                let estimates = self.explain.is_none() && matches!(count, Some(Count::Planned | Count::Estimated));
                (query::read(plan, delivery, count, config.max_rows), false, estimates.then(|| query::explain(plan)))
            }
            What::Write(plan) => (query::write(plan, self.shape.clone()), true, None),
            What::Call(plan) => {
                let writes = request.action == Action::CallByPost && plan.function.volatility == Volatility::Volatile;
                (query::call(plan, delivery, count, config.max_rows), writes, None)
            }
            What::Root(_) => (openapi::question(&loaded.schema, &self.schema), false, None),
        };
        let settings = self.session_settings(loaded, identity, &options.app_settings);
        Work::Job(Box::new(Job {
            begin: query::begin(!writes, self.function_settings().iter().chain(settings.of_role)),
            session: query::session(request, identity, &settings),
            pre_request: config.pre_request.as_deref().map(query::pre_request),
            main: match &self.explain {
                Some(explain) => query::explained(explain, main),
                None => main,
            },
            singly,
            is_plan: self.explain.is_some(),
            explain: estimate,
            counted_up_to: config.max_rows,
            scope: SessionScope { role: identity.role.clone(), schema: self.schema.clone() },
            writes,
            refusable: self.is_refusable(request),
            end: end(config.tx_end, request.preferences.end),
            generation: loaded.generation,
            prepares: config.prepared_statements,
            authenticated: identity.authenticated,
        }))
    }

    /// A plan is of a statement that gives all at once, and so is what a write returns.
    fn delivery(&self) -> Delivery {
        match self.page() {
            Some(page) if self.explain.is_none() => Delivery::of(self.shape.clone(), page.limit),
            Some(_) | None => Delivery::AtOnce(self.shape.clone()),
        }
    }

    /// The rows that are read, of all.
    fn page(&self) -> Option<RowRange> {
        match &self.what {
            What::Read(plan) => Some(plan.range),
            What::Call(plan) => Some(plan.range).filter(|_| plan.function.returns != Returns::Void),
            What::Write(_) | What::Root(_) | What::Allow(_) => None,
        }
    }

    /// Not a value that is no set of them.
    fn can_be_counted(&self) -> bool {
        match &self.what {
            What::Call(plan) => plan.read.is_some() || plan.function.is_set,
            What::Read(_) | What::Write(_) | What::Root(_) | What::Allow(_) => true,
        }
    }

    /// Whether there is something that the outcome has to fulfil, besides what functions say to us.
    fn is_refusable(&self, request: &ApiRequest) -> bool {
        let addressed = matches!(&self.what, What::Write(plan) if !plan.addressed.is_empty());
        addressed || matches!(self.media, MediaType::Object { .. }) || request.preferences.max_affected().is_some()
    }

    fn session_settings<'a>(
        &'a self,
        loaded: &'a Loaded,
        identity: &Identity,
        app: &'a [(String, String)],
    ) -> SessionSettings<'a> {
        let config = &loaded.schema.config;
        let is_hoisted = |name: &str| config.hoisted_tx_settings.iter().any(|hoisted| hoisted.eq_ignore_ascii_case(name));
        SessionSettings {
            schema: &self.schema,
            extra_search_path: &config.extra_search_path,
            of_role: loaded.schema.role_settings.get(&identity.role).map_or(&[], Vec::as_slice),
            of_function: self.function_settings().iter().filter(|(name, _)| is_hoisted(name)).collect(),
            app,
        }
    }

    /// What the called function, if one is called, sets for itself.
    fn function_settings(&self) -> &[(String, String)] {
        match &self.what {
            What::Call(plan) => &plan.function.settings,
            What::Read(_) | What::Write(_) | What::Root(_) | What::Allow(_) => &[],
        }
    }

    pub(crate) fn approve(&self, shown: &Shown<'_>, outcome: &Outcome) -> Result<(), RestError> {
        if self.explain.is_some() {
            // It tells nothing of the rows.
            return Ok(());
        }
        match &self.what {
            // No row but the one that the address names.
            What::Write(plan) if !plan.addressed.is_empty() && outcome.total != Some(1) => Err(RestError::PutMismatch),
            What::Write(plan) => {
                let affected = outcome.total.filter(|_| plan.kind.affects());
                response::approve(shown, outcome, shown.request.action != Action::Upsert, affected)
            }
            What::Call(plan) => {
                let affected = plan.function.is_set.then_some(outcome.rows);
                response::approve(shown, outcome, plan.function.returns != Returns::Void, affected)
            }
            What::Read(_) | What::Allow(_) => response::approve(shown, outcome, true, None),
            What::Root(_) => response::approve(shown, outcome, false, None),
        }
    }

    pub(crate) fn respond(&self, loaded: &Loaded, shown: &Shown<'_>, outcome: Outcome) -> Result<Response<Body>, RestError> {
        // A read was committed already; its conditions are checked here.
        self.approve(shown, &outcome)?;
        if let Some(explain) = &self.explain {
            return Ok(response::plan(shown, outcome, &explain.content_type(&self.media.content_type())));
        }
        let mut response = match &self.what {
            What::Read(plan) => response::rows(shown, outcome, plan.range, true)?,
            What::Write(plan) => response::written(shown, plan, outcome)?,
            What::Call(plan) if plan.function.returns == Returns::Void => response::nothing(shown, outcome)?,
            What::Call(plan) => response::rows(shown, outcome, plan.range, plan.function.is_set)?,
            What::Root(address) => {
                // For HEAD the document is not made, and so its length is not known.
                let document = if shown.request.is_head() {
                    Bytes::new()
                } else {
                    let answer =
                        outcome.body.in_memory().ok_or(RestError::Internal { cause: "the question's answer is large" })?;
                    openapi::describe(&loaded.schema, &self.schema, address.as_ref(), answer)?.into()
                };
                response::document(shown, Outcome { body: document.into(), ..outcome })?
            }
            What::Allow(methods) => response::allow(methods),
        };
        response::warn(&mut response, self.read().map_or(&[], |plan| plan.renamed.as_slice()));
        Ok(response)
    }

    fn read(&self) -> Option<&ReadPlan> {
        match &self.what {
            What::Read(plan) => Some(plan),
            What::Write(plan) => plan.read.as_ref(),
            What::Call(plan) => plan.read.as_ref(),
            What::Root(_) | What::Allow(_) => None,
        }
    }
}

impl What {
    fn read_mut(&mut self) -> Option<&mut ReadPlan> {
        match self {
            Self::Read(plan) => Some(plan),
            Self::Write(plan) => plan.read.as_mut(),
            Self::Call(plan) => plan.read.as_mut(),
            Self::Root(_) | Self::Allow(_) => None,
        }
    }
}

/// What answers `/`: a function if one is set, or else the description.
fn root(cache: &SchemaCache, schema: &str, request: &ApiRequest, options: &Options) -> Result<What, RestError> {
    let config = &cache.config;
    if let Some(function) = &config.root_spec {
        let mut parts = function_name(function);
        let name = parts.pop().unwrap_or_default();
        let schema = parts.pop().unwrap_or_else(|| schema.to_owned());
        return Ok(What::Call(Box::new(plan::plan_call(cache, &schema, &name, request)?)));
    }
    if config.openapi_mode == OpenApiMode::Disabled {
        return Err(RestError::RootDisabled);
    }
    let proxy = config.openapi_server_proxy_uri.as_deref().and_then(Address::parse);
    Ok(What::Root(proxy.or_else(|| Address::parse(&options.base_url))))
}

/// How the transaction ends: as the service is told to, or as the request would have it where that may choose.
fn end(told: TxEnd, preferred: Option<End>) -> End {
    match (told, preferred) {
        (TxEnd::CommitAllowOverride | TxEnd::RollbackAllowOverride, Some(end)) => end,
        (TxEnd::Commit, _) | (TxEnd::CommitAllowOverride, None) => End::Commit,
        (TxEnd::Rollback, _) | (TxEnd::RollbackAllowOverride, None) => End::Rollback,
    }
}
