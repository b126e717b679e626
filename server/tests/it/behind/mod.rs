//! Behind reverse proxies, run from the files that we ship.

mod server;
mod streams;
mod traefik;
