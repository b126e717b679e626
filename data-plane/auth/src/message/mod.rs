//! Messages to users: templates, mail by SMTP or into the built-in mailbox, and SMS.

pub mod links;
pub mod mail;
pub mod sms;
pub mod smtp;
pub mod standard;
pub mod template;
