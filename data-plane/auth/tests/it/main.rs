//! The service over a real PostgreSQL, asked as clients ask.

mod admin;
mod authenticator;
mod codes;
mod contract;
mod encryption;
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
mod plans;
mod program;
mod sequences;
mod sessions;
mod sign_up;
mod slow;
mod social;
mod support;
mod ways;
mod web3;
