//! The service over a real PostgreSQL, asked as clients ask.

mod admin;
mod authenticator;
mod directory;
mod hooks;
mod hostile;
mod id_token;
mod limits;
mod links;
mod messages;
mod mfa;
mod oauth_server;
mod openid;
mod passkeys;
mod phone;
mod program;
mod sequences;
mod sessions;
mod sign_up;
mod social;
mod support;
mod web3;
