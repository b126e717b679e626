//! `GET /admin/audit`

use axum::{Json as Answer, extract::Query};
use http::{HeaderMap, Uri};

use super::page::{Page, Parameters};
use crate::{
    caller::Admin,
    error::AuthError,
    store::audit::{self, AuditEntry},
};

pub(crate) async fn list(
    admin: Admin,
    uri: Uri,
    Query(parameters): Query<Parameters>,
) -> Result<(HeaderMap, Answer<Vec<AuditEntry>>), AuthError> {
    let page = Page::of(&parameters)?;
    let filter = match parameters.get("query").map(String::as_str).unwrap_or_default() {
        "" => None,
        query => Some(scope(query)?),
    };
    let db = admin.caller.db().await?;
    let listing = audit::page(&db, filter, page.range()).await?;
    Ok((page.headers(&uri, &parameters, &listing), Answer(listing.rows)))
}

/// `column:text`: the entries' members of that name, and the text that is searched for.
fn scope(query: &str) -> Result<(&'static [&'static str], &str), AuthError> {
    let (members, text): (&[_], _) = match query.split_once(':') {
        Some(("author", text)) => (&["actor_username", "actor_name"], text),
        Some(("action", text)) => (&["action"], text),
        Some(("type", text)) => (&["log_type"], text),
        Some(_) | None => return Err(AuthError::validation(format!("Invalid query scope: {query}"))),
    };
    Ok((members, text))
}
