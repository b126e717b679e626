//! What leaves for elsewhere: an HTTP client that reaches no private address, hooks and captcha.

pub mod address;
pub mod captcha;
pub mod http;
pub mod webhook;

#[cfg(test)]
pub(crate) mod testing;
