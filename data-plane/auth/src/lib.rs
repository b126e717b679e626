//! A project's Auth service: GoTrue's wire contract over the schema `auth` of the project's database.

pub mod message;
pub mod mfa;
pub mod outgoing;
pub mod passkey;
pub mod password;
pub mod provider;
pub mod settings;
pub mod web3;
