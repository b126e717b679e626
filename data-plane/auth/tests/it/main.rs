//! The service over a real PostgreSQL, asked as clients ask.

mod id_token;
mod openid;
mod sessions;
mod sign_up;
mod social;
mod support;
mod web3;
