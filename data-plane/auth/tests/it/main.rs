//! The service over a real PostgreSQL, asked as clients ask.

mod admin;
mod authenticator;
mod id_token;
mod links;
mod mfa;
mod oauth_server;
mod openid;
mod passkeys;
mod sequences;
mod sessions;
mod sign_up;
mod social;
mod support;
mod web3;
