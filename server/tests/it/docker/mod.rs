//! Projects as containers of a real engine, by the real program: one file per theme.

mod allow_list;
mod auth;
mod composed;
mod crash;
mod engine;
mod failures;
mod healing;
mod isolation;
mod life;
mod ssh;
