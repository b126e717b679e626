//! The dashboard: pages, components and server functions. Built twice: natively with `ssr` for the server, and for
//! wasm with `hydrate` for the browser. It holds no rules of its own: server functions call `control_plane`.

mod browser;
mod chart;
mod clock;
mod components;
mod error;
mod event_stream;
mod format;
mod key_line;
mod live;
#[cfg(feature = "ssr")]
mod made_link;
#[cfg(feature = "ssr")]
mod metadata;
mod pages;
mod project_detail;
mod project_row;
mod root;
mod secret;
mod server_fns;
#[cfg(feature = "ssr")]
mod session;
#[cfg(feature = "ssr")]
mod shell;
mod site;
mod snippets;
mod steps;
mod submission;
mod theme;
mod visibility;

pub use error::DashboardError;
#[cfg(feature = "ssr")]
pub use pages::{SETTINGS_PATH, settings_posted};
pub use root::App;
#[cfg(feature = "ssr")]
pub use session::accepts_html;
#[cfg(feature = "ssr")]
pub use shell::shell;
#[cfg(feature = "ssr")]
pub use site::VisitedOrigin;
