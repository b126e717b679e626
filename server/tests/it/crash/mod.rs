//! `kill -9` of the server, at every step and at random moments: whatever was acknowledged comes about in the next life,
//! and nothing is left behind in the end.

pub(crate) mod random;
pub(crate) mod steps;
