//! The JSON API as a client sees it: statuses, bodies, headers and refusals.

mod auth_config;
mod events;
mod guard;
mod projects;
mod signing_keys;
