//! The REST service of a project: PostgREST's wire contract over PostgreSQL.
//!
//! A request passes stages, each a function on its own type: [`claims`] (who asks), [`request`] (what is asked, by HTTP's
//! terms), [`plan`] (what that means in this schema), [`query`] (as SQL), [`transaction`] (run), [`response`] (HTTP
//! again). [`planned`] holds what one request comes to, [`service`] leads it through. Only [`state`], [`transaction`] and [`flight`] do
//! IO. Bodies are built by PostgreSQL and passed on unread; those that may be large come row by row ([`delivered`]) and are kept in
//! files until they are sent ([`spool`]).
//!
//! What it does not own: tokens and connections (`project-context`), API keys (`gateway`).
//!
//! It is a project's service, by [`router`], or the program `rest`, which takes the place of PostgREST's: [`program`].

mod budget;
mod causes;
mod claims;
mod delivered;
mod error;
mod flight;
#[cfg(any(test, fuzzing))]
pub mod fuzz;
mod headers;
mod jwt_keys;
mod loads;
mod openapi;
mod options;
mod pauses;
mod plan;
mod planned;
pub mod program;
mod query;
mod representation;
mod request;
mod response;
mod role_claim;
mod schema;
mod sending;
mod service;
mod spool;
mod sqlstate;
mod state;
mod transaction;

use std::sync::Arc;

use axum::Router;
use project_context::ProjectContext;

pub use spool::check_temporary_folder;

use crate::{options::Options, service::Noted, state::State};

/// The service as a router that sees `/`, `/table` and `/rpc/function`; mount it under `/rest/v1` with the prefix
/// stripped. Does no IO until the first request.
pub fn router(context: Arc<ProjectContext>) -> Router {
    let (pool, verifier) = (Arc::clone(context.pool()), Arc::clone(context.verifier()));
    serve(State::new(pool, Some(verifier), Options::of_project(&context)))
}

fn serve(state: Arc<State>) -> Router {
    Router::new().fallback(move |request| {
        let state = Arc::clone(&state);
        async move { service::handle(&state, request, &mut Noted::default()).await }
    })
}
