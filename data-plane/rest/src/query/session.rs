//! What is set up at the begin of each transaction: search path, the role's settings, the role, and the request.
//!
//! The statement's text depends on the number of settings only, so that few statements serve all requests.

use http::HeaderMap;
use serde_json::{Map, Value};

use super::Sql;
use crate::{claims::Identity, request::ApiRequest, schema::RoleSettings};

/// What a statement's plan depends on besides its text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SessionScope {
    pub(crate) role: String,
    pub(crate) schema: String,
}

/// `BEGIN` as the request needs it.
pub(crate) fn begin(read_only: bool, role: &str, settings: &RoleSettings) -> String {
    let isolation = settings.get(role).into_iter().flatten().find(|(name, _)| name == "default_transaction_isolation");
    let level = match isolation.map(|(_, value)| value.to_ascii_lowercase()).as_deref() {
        Some("repeatable read") => " ISOLATION LEVEL REPEATABLE READ",
        Some("serializable") => " ISOLATION LEVEL SERIALIZABLE",
        _ => "",
    };
    format!("BEGIN{level}{}", if read_only { " READ ONLY" } else { "" })
}

/// What is set besides the request.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SessionSettings<'a> {
    pub(crate) schema: &'a str,
    pub(crate) extra_search_path: &'a [String],
    /// Names and values of the role's own settings.
    pub(crate) of_role: &'a [(String, String)],
    /// Names and values that are the same for all requests.
    pub(crate) app: &'a [(String, String)],
}

/// `SELECT set_config(...), ...`, everything local to the transaction.
pub(crate) fn session(request: &ApiRequest, identity: &Identity, settings: &SessionSettings<'_>) -> Sql {
    let mut sql = Sql::new("SELECT ");
    sql.push("set_config('search_path', ").value(search_path(settings)).push(", true)");
    for (name, value) in settings.of_role.iter().chain(settings.app) {
        sql.push(", set_config(").value(name).push(", ").value(value).push(", true)");
    }
    let mut set = |name: &str, value: String| {
        sql.push(", set_config('").push(name).push("', ").value(value).push(", true)");
    };
    set("role", identity.role.clone());
    set("request.jwt.claims", identity.claims.clone());
    set("request.method", request.method.to_string());
    set("request.path", request.path.clone());
    set("request.headers", headers(&request.headers));
    set("request.cookies", cookies(&request.headers));
    sql
}

fn search_path(settings: &SessionSettings<'_>) -> String {
    let mut names: Vec<&str> = vec![settings.schema];
    for name in settings.extra_search_path {
        if !names.contains(&name.as_str()) {
            names.push(name);
        }
    }
    let quoted: Vec<String> = names.iter().map(|name| format!("\"{}\"", name.replace('"', "\"\""))).collect();
    quoted.join(", ")
}

/// Headers as a JSON object with lowercase names, cookies aside. Bytes that are no text are left out.
fn headers(headers: &HeaderMap) -> String {
    let mut object = Map::new();
    for (name, value) in headers {
        if name != http::header::COOKIE
            && let Ok(text) = value.to_str()
        {
            object.insert(name.as_str().to_owned(), Value::from(text));
        }
    }
    Value::Object(object).to_string()
}

fn cookies(headers: &HeaderMap) -> String {
    let values = headers.get_all(http::header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let object: Map<String, Value> = values
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.split_once('='))
        .map(|(name, value)| (name.trim().to_owned(), Value::from(value.trim())))
        .collect();
    Value::Object(object).to_string()
}
