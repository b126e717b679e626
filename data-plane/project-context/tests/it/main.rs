//! What a service sees of its project's context.

#![expect(clippy::unwrap_used, reason = "a failure here is the test's failure")]

mod signatures;
