//! The JSON API as a client sees it: statuses, bodies, headers and refusals.

mod events;
mod guard;
mod projects;
