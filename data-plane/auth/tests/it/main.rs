//! The service over a real PostgreSQL, asked as clients ask.

mod admin;
mod id_token;
mod links;
mod oauth_server;
mod openid;
mod sessions;
mod sign_up;
mod social;
mod support;
mod web3;
