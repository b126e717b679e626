//! What every answer has in its head, errors too, whoever made it.

use axum::body::Body;
use http::{HeaderMap, Response};

use crate::schema::Config;

/// The last word on an answer. So far there is nothing that all of them have.
pub(crate) fn finish(_response: &mut Response<Body>, _config: &Config, _request: &HeaderMap) {}
