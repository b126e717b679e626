//! Services elsewhere, with real sockets on both sides: what a client sends and what a service sees, byte by byte.

#![expect(clippy::unwrap_used, reason = "a failure here is the test's failure")]

mod failures;
mod headers;
mod streams;
mod support;
