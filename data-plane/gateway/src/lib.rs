//! The way from a request to a project: by host name (`<ref>.api.<domain>`) or by path (`/p/<ref>/…`), past the API key
//! check, CORS and limits, to the project's services, in this process or elsewhere ([`remote`]). Knows nothing of how a
//! project is run, only whether it is live.

mod address;
mod answer;
mod client;
mod handle;
mod key;
mod limits;
pub mod remote;
mod routes;

pub use address::{Address, Domain, host_name};
pub use client::{ABOUT_THE_CLIENT, ClientFacts, Scheme};
pub use handle::Gateway;
pub use limits::Limits;
pub use routes::{RouteTable, Upstream};
