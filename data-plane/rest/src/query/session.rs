//! What is set up at the begin of each transaction: search path, the role's settings, the role, the request, and what the
//! request or the called function ask for; and the function that is called before each request.
//!
//! The statement's text depends on the number of settings only, so that few statements serve all requests.

use std::{collections::BTreeMap, iter};

use http::HeaderMap;
use postgres_protocol::escape::escape_identifier;

use super::Sql;
use crate::{claims::Identity, request::ApiRequest, schema::quoted_function_name};

/// What a statement's plan depends on besides its text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SessionScope {
    pub(crate) role: String,
    pub(crate) schema: String,
}

/// What begins a read that needs nothing else.
pub(crate) const READ_ONLY: &str = "BEGIN READ ONLY";
/// The same of a write.
pub(crate) const READ_WRITE: &str = "BEGIN";

/// `BEGIN` as the request needs it. The first of the settings that tells the isolation counts.
pub(crate) fn begin<'a>(read_only: bool, mut settings: impl Iterator<Item = &'a (String, String)>) -> String {
    // It has to be said here: set by the session's statement it would come too late for this transaction.
    let isolation = settings.find(|(name, _)| name.eq_ignore_ascii_case("default_transaction_isolation"));
    let level = match isolation.map(|(_, value)| value.to_ascii_lowercase()).as_deref() {
        Some("read uncommitted") => " ISOLATION LEVEL READ UNCOMMITTED",
        Some("read committed") => " ISOLATION LEVEL READ COMMITTED",
        Some("repeatable read") => " ISOLATION LEVEL REPEATABLE READ",
        Some("serializable") => " ISOLATION LEVEL SERIALIZABLE",
        _ => "",
    };
    format!("BEGIN{level}{}", if read_only { " READ ONLY" } else { "" })
}

/// What is set besides the request.
#[derive(Debug)]
pub(crate) struct SessionSettings<'a> {
    pub(crate) schema: &'a str,
    pub(crate) extra_search_path: &'a [String],
    /// Names and values of the role's own settings.
    pub(crate) of_role: &'a [(String, String)],
    /// Those of the called function that apply to the whole transaction.
    pub(crate) of_function: Vec<&'a (String, String)>,
    /// Names and values that are the same for all requests.
    pub(crate) app: &'a [(String, String)],
}

/// `SELECT set_config(...), ...`, everything local to the transaction. A later setting overrides an earlier one, and the role's
/// own are set while the role is still the one that connects, which may be allowed more.
pub(crate) fn session(request: &ApiRequest, identity: &Identity, settings: &SessionSettings<'_>) -> Sql {
    let mut sql = Sql::new("SELECT ");
    sql.push("set_config('search_path', ").value(search_path(settings)).push(", true)");
    set_all(&mut sql, settings.of_role);
    let mut set = |name: &str, value: String| {
        sql.push(", set_config('").push(name).push("', ").value(value).push(", true)");
    };
    set("role", identity.role.clone());
    set("request.jwt.claims", identity.claims.to_string());
    set("request.method", request.method.to_string());
    set("request.path", request.path.clone());
    set("request.headers", headers(&request.headers));
    set("request.cookies", cookies(&request.headers));
    if let Some(zone) = &request.preferences.timezone {
        set("timezone", time_zone(zone));
    }
    set_all(&mut sql, settings.of_function.iter().copied());
    set_all(&mut sql, settings.app);
    sql
}

fn set_all<'a>(sql: &mut Sql, settings: impl IntoIterator<Item = &'a (String, String)>) {
    for (name, value) in settings {
        sql.push(", set_config(").value(name).push(", ").value(value).push(", true)");
    }
}

/// A time zone as PostgreSQL takes it. It reads `05:30` by the rules of POSIX, which count to the west; clients count to the
/// east, as it does itself in intervals. Anything else is its affair.
fn time_zone(preferred: &str) -> String {
    let number = |text: &str, most: u8| {
        (1..=2).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit()) && text.parse::<u8>().is_ok_and(|n| n <= most)
    };
    let unsigned = preferred.strip_prefix(['+', '-']).unwrap_or(preferred);
    match unsigned.split_once(':') {
        Some((hours, minutes)) if number(hours, 23) && number(minutes, 59) => format!("INTERVAL '{preferred}'"),
        Some(_) | None => preferred.to_owned(),
    }
}

/// The function that is called before each request, called. `written` is its name as the setting has it.
pub(crate) fn pre_request(written: &str) -> Sql {
    let mut sql = Sql::new("SELECT ");
    sql.push(&quoted_function_name(written)).push("()::text");
    sql
}

fn search_path(settings: &SessionSettings<'_>) -> String {
    // One that is there twice is named twice, as PostgREST does it.
    let names = iter::once(settings.schema).chain(settings.extra_search_path.iter().map(String::as_str));
    let quoted: Vec<String> = names.map(escape_identifier).collect();
    quoted.join(", ")
}

/// Headers as a JSON object with lowercase names, cookies aside. Bytes that are no text are left out.
fn headers(headers: &HeaderMap) -> String {
    let others = headers.iter().filter(|(name, _)| *name != http::header::COOKIE);
    object(others.filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?))))
}

fn cookies(headers: &HeaderMap) -> String {
    let values = headers.get_all(http::header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let pairs = values.flat_map(|value| value.split(';')).filter_map(|pair| pair.split_once('='));
    object(pairs.map(|(name, value)| (name.trim(), value.trim())))
}

/// Texts as a JSON object. The last one of a name counts.
fn object<'a>(texts: impl Iterator<Item = (&'a str, &'a str)>) -> String {
    let texts: BTreeMap<&str, &str> = texts.collect();
    // Texts can always be written.
    serde_json::to_string(&texts).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http::Request;
    use proptest::prelude::*;

    use super::*;

    fn pair(name: &str, value: &str) -> (String, String) {
        (name.to_owned(), value.to_owned())
    }

    #[test]
    fn settings_come_in_the_order_in_which_they_override() {
        let (parts, ()) = Request::get("/a?b=eq.1")
            .header("Prefer", "timezone=UTC")
            .header("Cookie", "k=v")
            .header("X-Test", "y")
            .body(())
            .unwrap()
            .into_parts();
        let request = ApiRequest::parse(&parts, Bytes::new()).unwrap();
        let identity = Identity { role: "web".to_owned(), claims: "{}".into(), authenticated: true };
        let of_function = pair("statement_timeout", "4s");
        let settings = SessionSettings {
            schema: "api",
            extra_search_path: &["public".to_owned(), "api".to_owned()],
            of_role: &[pair("timezone", "Asia/Tokyo")],
            of_function: vec![&of_function],
            app: &[pair("app.settings.a", "b")],
        };
        let sql = session(&request, &identity, &settings);
        assert_eq!(
            sql.text,
            "SELECT set_config('search_path', $1, true), set_config($2, $3, true), set_config('role', $4, true), \
             set_config('request.jwt.claims', $5, true), set_config('request.method', $6, true), \
             set_config('request.path', $7, true), set_config('request.headers', $8, true), \
             set_config('request.cookies', $9, true), set_config('timezone', $10, true), set_config($11, $12, true), \
             set_config($13, $14, true)"
        );
        let values: Vec<&str> = sql.parameters.iter().map(|parameter| parameter.as_str()).collect();
        let (headers, cookies) = (r#"{"prefer":"timezone=UTC","x-test":"y"}"#, r#"{"k":"v"}"#);
        assert_eq!(
            values[..9],
            [r#""api", "public", "api""#, "timezone", "Asia/Tokyo", "web", "{}", "GET", "/a", headers, cookies]
        );
        assert_eq!(values[9..], ["UTC", "statement_timeout", "4s", "app.settings.a", "b"]);
    }

    #[test]
    fn the_first_isolation_counts() {
        let settings = [pair("work_mem", "1"), pair("default_transaction_isolation", "Repeatable Read")];
        assert_eq!(begin(true, settings.iter()), "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY");
        let of_function = [pair("default_transaction_isolation", "read committed")];
        assert_eq!(begin(false, of_function.iter().chain(&settings)), "BEGIN ISOLATION LEVEL READ COMMITTED");
        assert_eq!(begin(false, settings[..1].iter()), "BEGIN");
    }

    #[test]
    fn offsets_count_to_the_east() {
        for zone in ["05:30", "-03:00", "+5:45"] {
            assert_eq!(time_zone(zone), format!("INTERVAL '{zone}'"));
        }
        for zone in ["UTC", "America/Los_Angeles", "-3", "24:00", "05:60", "05:3a", "--03:00", ":", "", "05:30'"] {
            assert_eq!(time_zone(zone), zone);
        }
    }

    #[test]
    fn a_function_is_named_with_quotes_or_without() {
        for (written, called) in [
            ("check", r#""check""#),
            (" api.Check ", r#""api"."Check""#),
            (r#""a.b".c"#, r#""a.b"."c""#),
            (r#""A ""b""".c"#, r#""A ""b"""."c""#),
            (r#"api."x.y""#, r#""api"."x.y""#),
        ] {
            assert_eq!(pre_request(written).text, format!("SELECT {called}()::text"), "{written}");
        }
    }

    proptest! {
        #[test]
        fn a_quoted_name_is_read_as_it_was(schema in "\\PC+", name in "\\PC+") {
            let mut sql = Sql::default();
            sql.qualified(&schema, &name);
            prop_assert_eq!(crate::schema::function_name(&sql.text), [schema, name]);
        }
    }
}
