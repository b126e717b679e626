//! Social sign-in: one engine driven by data.
