//! Requests at random: sentences of PostgREST's grammar over the schema of [`super`], most of them spoilt in some way.

use http::{HeaderValue, Method, Request};
use percent_encoding::{AsciiSet, CONTROLS, percent_encode, utf8_percent_encode};
use proptest::{collection::vec, prelude::*, sample};

use super::known::good;

/// A request before it is known whether HTTP would carry it.
#[derive(Debug, Clone)]
pub(super) struct Asked {
    pub(super) method: &'static str,
    pub(super) target: String,
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) body: String,
}

/// What ends quotes, comments, parameters and strings in SQL, JSON and HTTP.
const HOSTILE: [&str; 30] = [
    "\";--",
    "')",
    "');select body from secret.canary--",
    "%00",
    "$1",
    "$$",
    "\\u0000",
    "\\",
    "\\'",
    "''",
    "\"\"",
    "/*",
    "((((((((((((((((((((((((((((((((",
    "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[",
    "999999999999999999999999999999",
    "-1",
    "1e400",
    "%ff",
    "%",
    "\u{ff07}",
    "\u{2019}",
    "\u{202e}",
    "\u{1f600}",
    "a\u{301}",
    "\r\nset-cookie: a=b",
    "{}",
    "&",
    ",",
    ".",
    "::text",
];

/// Not sent as it is in an address.
const ESCAPED: &AsciiSet = &CONTROLS.add(b' ').add(b'"').add(b'#').add(b'%').add(b'&').add(b'+').add(b'<').add(b'>').add(b'`');
/// What no address can hold.
const IMPOSSIBLE: &AsciiSet = &CONTROLS.add(b' ').add(b'"').add(b'#').add(b'<').add(b'>').add(b'`').add(b'\\').add(b'^');

const TABLES: [&str; 5] = ["authors", "books", "reviews", "shelf", "notes"];
const CLOSED: [&str; 7] = ["vault", "partly", "canary", "secret.canary", "pg_class", "nothing", "pg_authid"];
const COLUMNS: [&str; 20] = [
    "id", "name", "born", "data", "tags", "score", "active", "title", "author", "year", "meta", "span", "words", "book",
    "reader", "stars", "owner", "body", "shout", "uid",
];
const FUNCTIONS: [&str; 14] = [
    "add",
    "books_of",
    "echo",
    "sum_all",
    "nothing",
    "who",
    "guarded",
    "locked",
    "reveal",
    "pg_sleep",
    "set_config",
    "shout",
    "pg_read_file",
    "rename",
];
const OPERATORS: [&str; 38] = [
    "eq",
    "neq",
    "gt",
    "gte",
    "lt",
    "lte",
    "like",
    "ilike",
    "match",
    "imatch",
    "in",
    "is",
    "isdistinct",
    "fts",
    "plfts",
    "phfts",
    "wfts",
    "fts(english)",
    "plfts(nope)",
    "cs",
    "cd",
    "ov",
    "sl",
    "sr",
    "nxr",
    "nxl",
    "adj",
    "eq(any)",
    "like(all)",
    "gt(any)",
    "match(any)",
    "not.eq",
    "not.in",
    "not.is",
    "not.fts",
    "nope",
    "",
    "in(any)",
];

pub(super) fn one_of(texts: &'static [&'static str]) -> BoxedStrategy<String> {
    sample::select(texts).prop_map(str::to_owned).boxed()
}

/// Empty in most cases.
fn rarely(texts: &'static [&'static str]) -> BoxedStrategy<String> {
    prop_oneof![3 => Just(String::new()), 1 => one_of(texts)].boxed()
}

fn joined(parts: impl Strategy<Value = String> + 'static, separator: &'static str, most: usize) -> BoxedStrategy<String> {
    vec(parts, 1..=most).prop_map(move |parts| parts.join(separator)).boxed()
}

fn hostile() -> BoxedStrategy<String> {
    prop_oneof![3 => one_of(&HOSTILE), 1 => "\\PC{0,12}", 1 => "[a-z\"'\\\\(){}\\[\\],.:;$%*!<>=&|-]{0,16}"].boxed()
}

fn table() -> BoxedStrategy<String> {
    prop_oneof![12 => one_of(&TABLES), 2 => one_of(&CLOSED), 1 => hostile()].boxed()
}

fn column() -> BoxedStrategy<String> {
    let quoted = one_of(&COLUMNS).prop_map(|name| format!("\"{name}\""));
    prop_oneof![24 => one_of(&COLUMNS), 2 => quoted, 1 => Just("hidden".to_owned()), 1 => hostile()].boxed()
}

fn path() -> BoxedStrategy<String> {
    rarely(&["->a", "->>a", "->0", "->-1", "->a->>b", "->>'", "->\"a b\"", "->>1", "->a->b->c->d->e", "->99999999999"])
}

fn value() -> BoxedStrategy<String> {
    const VALUES: [&str; 26] = [
        "1",
        "2",
        "-5",
        "3.25",
        "1e3",
        "null",
        "true",
        "not_null",
        "unknown",
        "Orlando",
        "*an*",
        "^O",
        "2020-01-01",
        "{1,2}",
        "{a,b}",
        "[1,5)",
        "(1,2,3)",
        "(\"a,b\",c)",
        "{\"a\":1}",
        "[]",
        "a & b",
        "a:*",
        "",
        "()",
        "{}",
        "11111111-1111-1111-1111-111111111111",
    ];
    prop_oneof![8 => one_of(&VALUES), 2 => hostile(), 1 => any::<i64>().prop_map(|number| number.to_string())].boxed()
}

/// One member of `select=`, embedded resources included.
fn selected() -> BoxedStrategy<String> {
    let alias = || rarely(&["x:", "y:", "\"a b\":", "pgrst_j:", "id:", "_r:"]);
    let cast = || {
        rarely(&[
            "::text",
            "::int",
            "::json",
            "::bytea",
            "::numeric(4,2)",
            "::regclass",
            "::text[]",
            "::xml",
            "::nope",
            "::oid",
            "::regrole",
            "::pg_authid",
            "::int)",
        ])
    };
    let aggregate = rarely(&[".sum()", ".count()", ".max()", ".min()", ".avg()", ".string_agg()"]);
    let field = (alias(), column(), path(), cast(), aggregate, cast())
        .prop_map(|(alias, column, path, cast, aggregate, last)| format!("{alias}{column}{path}{cast}{aggregate}{last}"));
    let leaf = prop_oneof![8 => field, 2 => Just("*".to_owned()), 1 => Just("count()".to_owned()), 2 => column()];
    leaf.prop_recursive(3, 12, 3, move |inner| {
        let hint = rarely(&["!inner", "!left", "!author", "!books_author_fkey", "!reviews", "!nope", "!book!inner"]);
        let of = prop_oneof![4 => table(), 1 => column()];
        let spread = rarely(&["...", "x:", "y:"]);
        (spread, of, hint, prop_oneof![4 => joined(inner, ",", 3), 1 => Just(String::new())])
            .prop_map(|(spread, of, hint, inner)| format!("{spread}{of}{hint}({inner})"))
    })
    .boxed()
}

fn operation() -> BoxedStrategy<String> {
    (one_of(&OPERATORS), value()).prop_map(|(operator, value)| format!("{operator}.{value}")).boxed()
}

/// A tree of conditions, in its parentheses.
fn tree() -> BoxedStrategy<String> {
    let leaf = (column(), path(), operation()).prop_map(|(column, path, operation)| format!("{column}{path}.{operation}"));
    let group = leaf.prop_recursive(4, 16, 3, |inner| {
        (one_of(&["and", "or", "not.and", "not.or"]), joined(inner, ",", 3)).prop_map(|(word, inner)| format!("{word}({inner})"))
    });
    joined(group, ",", 3).prop_map(|members| format!("({members})")).boxed()
}

fn parameter() -> BoxedStrategy<(String, String)> {
    let of = || prop_oneof![5 => Just(String::new()), 1 => one_of(&TABLES).prop_map(|table| format!("{table}.")), 1 => Just("x.".to_owned())];
    let word = |words| (of(), one_of(words)).prop_map(|(of, word)| format!("{of}{word}"));
    let order = (column(), path(), rarely(&[".asc", ".desc"]), rarely(&[".nullsfirst", ".nullslast", ".nope"]))
        .prop_map(|(column, path, way, nulls)| format!("{column}{path}{way}{nulls}"));
    let order = prop_oneof![4 => order, 1 => (table(), column()).prop_map(|(table, column)| format!("{table}({column})"))];
    prop_oneof![
        4 => (Just("select".to_owned()), joined(selected(), ",", 4)),
        4 => ((of(), column(), path()).prop_map(|(of, column, path)| format!("{of}{column}{path}")), operation()),
        2 => (word(&["and", "or", "not.and", "not.or"]), tree()),
        2 => (word(&["order"]), joined(order, ",", 3)),
        1 => (word(&["limit", "offset"]), value()),
        1 => (one_of(&["columns", "on_conflict"]), joined(column(), ",", 3)),
        2 => (one_of(&["a", "b", "n", "j", "nope"]), value()),
        1 => (hostile(), hostile()),
    ]
    .boxed()
}

fn target() -> BoxedStrategy<String> {
    let function = prop_oneof![9 => one_of(&FUNCTIONS), 1 => hostile()].prop_map(|name| format!("rpc/{name}"));
    let path = prop_oneof![8 => table(), 3 => function, 1 => Just(String::new()), 1 => hostile()];
    let escaped = |text: &str| utf8_percent_encode(text, ESCAPED).to_string();
    (path, vec(parameter(), 0..5))
        .prop_map(move |(path, parameters)| {
            let parameters = parameters.iter().map(|(key, value)| format!("{}={}", escaped(key), escaped(value)));
            let query = parameters.collect::<Vec<_>>().join("&");
            if query.is_empty() { format!("/{}", escaped(&path)) } else { format!("/{}?{query}", escaped(&path)) }
        })
        .boxed()
}

fn preferences() -> BoxedStrategy<String> {
    const PREFERENCES: [&str; 22] = [
        "return=representation",
        "return=representation",
        "return=minimal",
        "return=headers-only",
        "count=exact",
        "count=planned",
        "count=estimated",
        "resolution=merge-duplicates",
        "resolution=ignore-duplicates",
        "missing=default",
        "handling=strict",
        "handling=lenient",
        "max-affected=0",
        "max-affected=99999999999999999999",
        "tx=commit",
        "tx=rollback",
        "timezone=UTC",
        "timezone=05:30",
        "timezone=Mars/Olympus",
        "timezone='; reset role",
        "params=single-object",
        "nope=nope",
    ];
    joined(prop_oneof![12 => one_of(&PREFERENCES), 1 => hostile()], ", ", 4)
}

fn header(tokens: &'static [String]) -> BoxedStrategy<(&'static str, String)> {
    const ACCEPTED: [&str; 16] = [
        "application/json",
        "text/csv",
        "*/*",
        "application/vnd.pgrst.object+json",
        "application/vnd.pgrst.object+json;nulls=stripped",
        "application/vnd.pgrst.array+json;nulls=stripped",
        "application/vnd.pgrst.plan",
        "application/vnd.pgrst.plan+json",
        "application/vnd.pgrst.plan+json; for=\"text/csv\"; options=verbose|settings",
        "application/geo+json",
        "application/octet-stream",
        "text/plain",
        "application/openapi+json",
        "text/xml",
        "image/png;q=x, text/csv;q=0.1",
        "",
    ];
    let spoilt = |texts: &'static [&'static str]| prop_oneof![9 => one_of(texts), 1 => hostile()];
    let bearer = sample::select(tokens).prop_map(|token| format!("Bearer {token}"));
    prop_oneof![
        4 => (Just("prefer"), preferences()),
        2 => (Just("accept"), spoilt(&ACCEPTED)),
        1 => (Just("range"), spoilt(&["0-1", "0-", "5-2", "-3", "0-99999999999999999999", "x-y", "items=0-1"])),
        1 => (Just("range-unit"), spoilt(&["items", "bytes"])),
        1 => (sample::select(vec!["accept-profile", "content-profile"]),
            spoilt(&["api", "secret", "public", "pg_catalog", "\"api\", \"secret\""])),
        3 => (Just("authorization"), prop_oneof![9 => bearer, 1 => hostile()]),
        1 => (Just("cookie"), spoilt(&["a=b; c=d", "role=postgres", "=;=;="])),
        1 => (sample::select(vec!["x-role", "x-forwarded-host"]), hostile()),
    ]
    .boxed()
}

fn member() -> BoxedStrategy<String> {
    let text = value().prop_map(|text| serde_json::Value::from(text).to_string());
    let bare =
        one_of(&["1", "2", "null", "true", "1e400", "99999999999999999999", "[1,2]", "{\"a\":[1]}", "\"\\u0000\"", "-0", "[]"]);
    let spoilt = one_of(&["\"\\ud800\"", "01", "nul", "\"", "{", "1,"]);
    let key = prop_oneof![9 => one_of(&COLUMNS), 1 => one_of(&["a", "b", "n", "j", "hidden"]), 1 => hostile()];
    (key, prop_oneof![6 => text, 6 => bare, 1 => spoilt])
        .prop_map(|(key, value)| format!("{}:{value}", serde_json::Value::from(key)))
        .boxed()
}

/// A type and a body that goes with it.
fn body() -> BoxedStrategy<(&'static str, String)> {
    let object =
        || prop_oneof![6 => joined(member(), ",", 5), 1 => Just(String::new())].prop_map(|members| format!("{{{members}}}"));
    let objects = vec(object(), 0..4).prop_map(|objects| format!("[{}]", objects.join(",")));
    let line = || joined(prop_oneof![3 => value(), 1 => Just("NULL".to_owned())], ",", 4);
    let csv = (joined(column(), ",", 4), joined(line(), "\n", 3)).prop_map(|(head, lines)| format!("{head}\n{lines}"));
    let escaped = |text: &str| utf8_percent_encode(text, ESCAPED).to_string();
    let pair = (column(), value()).prop_map(move |(key, value)| format!("{}={}", escaped(&key), escaped(&value)));
    prop_oneof![
        5 => (Just("application/json"), object()),
        3 => (Just("application/json"), objects),
        2 => (Just("text/csv"), csv),
        2 => (Just("application/x-www-form-urlencoded"), joined(pair, "&", 4)),
        1 => (sample::select(vec!["text/plain", "application/octet-stream"]), hostile()),
        1 => (Just("application/json"), hostile()),
    ]
    .boxed()
}

/// What is done to a text that was well formed.
#[derive(Debug, Clone)]
enum Damage {
    Nothing,
    Put(sample::Index, String),
    Flip(sample::Index, u8),
    Cut(sample::Index, usize),
    /// The rest from here, so many times more.
    Again(sample::Index, usize),
}

fn damage() -> BoxedStrategy<Damage> {
    prop_oneof![
        6 => Just(Damage::Nothing),
        3 => (any::<sample::Index>(), hostile()).prop_map(|(place, text)| Damage::Put(place, text)),
        1 => (any::<sample::Index>(), 0x20..0x7f_u8).prop_map(|(place, byte)| Damage::Flip(place, byte)),
        1 => (any::<sample::Index>(), 1..20_usize).prop_map(|(place, length)| Damage::Cut(place, length)),
        1 => (any::<sample::Index>(), 1..60_usize).prop_map(|(place, times)| Damage::Again(place, times)),
    ]
    .boxed()
}

fn damaged(text: &str, damage: &Damage) -> String {
    let letters: Vec<char> = text.chars().collect();
    let (place, rest) = match damage {
        Damage::Nothing => return text.to_owned(),
        Damage::Put(place, inserted) => (place.index(letters.len() + 1), inserted.clone()),
        Damage::Flip(place, byte) => (place.index(letters.len() + 1), char::from(*byte).to_string()),
        Damage::Cut(place, _) => (place.index(letters.len() + 1), String::new()),
        Damage::Again(place, times) => {
            let from = place.index(letters.len() + 1);
            (letters.len(), letters[from..].iter().collect::<String>().repeat(*times))
        }
    };
    let gone = match damage {
        Damage::Flip(..) => 1,
        Damage::Cut(_, length) => *length,
        Damage::Nothing | Damage::Put(..) | Damage::Again(..) => 0,
    };
    letters[..place].iter().copied().chain(rest.chars()).chain(letters.iter().skip(place + gone).copied()).collect()
}

/// Method, address, headers, and the body with its type.
pub(super) type Parts = (&'static str, String, Vec<(&'static str, String)>, (&'static str, String));

/// Anything at all, most of which is refused.
fn wild(tokens: &'static [String]) -> BoxedStrategy<Parts> {
    let method = prop_oneof![
        8 => Just("GET"), 4 => Just("POST"), 2 => Just("PATCH"), 2 => Just("PUT"), 2 => Just("DELETE"), 1 => Just("HEAD"),
        1 => Just("OPTIONS"), 1 => sample::select(vec!["TRACE", "CONNECT", "SELECT"]),
    ];
    (method, target(), vec(header(tokens), 0..4), body()).boxed()
}

/// All of it. The tokens are what may be sent as such.
pub(super) fn asked(tokens: &'static [String]) -> impl Strategy<Value = Asked> {
    let damages = (damage(), damage(), damage());
    (prop_oneof![wild(tokens), good()], damages).prop_map(
        |((method, target, mut headers, (content_type, body)), (of_target, of_header, of_body))| {
            if let Some((_, value)) = headers.last_mut() {
                *value = damaged(value, &of_header);
            }
            let body =
                if matches!(method, "POST" | "PATCH" | "PUT" | "DELETE") { damaged(&body, &of_body) } else { String::new() };
            headers.push(("content-type", content_type.to_owned()));
            Asked { method, target: damaged(&target, &of_target), headers, body }
        },
    )
}

impl Asked {
    /// As HTTP carries it. What can't be there at all is escaped in the address, and left out of a header.
    pub(super) fn request(&self) -> Option<Request<axum::body::Body>> {
        let target = percent_encode(self.target.as_bytes(), IMPOSSIBLE).to_string();
        let target = if target.starts_with('/') { target } else { format!("/{target}") };
        let mut request = Request::builder().method(Method::from_bytes(self.method.as_bytes()).ok()?).uri(target);
        for (name, value) in &self.headers {
            let value: Vec<u8> = value.bytes().filter(|byte| *byte >= 0x20 && *byte != 0x7f).collect();
            request = request.header(*name, HeaderValue::from_bytes(&value).ok()?);
        }
        request.body(axum::body::Body::from(self.body.clone())).ok()
    }
}
