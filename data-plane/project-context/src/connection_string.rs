//! The grammar of connection strings: a URI, or words of `key=value`.
//!
//! Source: PostgreSQL's documentation, "Connection Strings" of libpq. What the parameters mean is [`crate::libpq`]'s.

use std::collections::BTreeMap;

use percent_encoding::percent_decode_str;

/// Parameters and their values, the last of each.
pub(crate) type Parameters = BTreeMap<String, String>;

const SCHEMES: [&str; 2] = ["postgresql://", "postgres://"];

/// Takes a string of either form apart. `None` if it is of neither.
pub(crate) fn parse(text: &str) -> Option<Parameters> {
    match SCHEMES.iter().find_map(|scheme| text.strip_prefix(scheme)) {
        Some(rest) => uri(rest),
        None => words(text),
    }
}

fn uri(text: &str) -> Option<Parameters> {
    let mut parameters = Parameters::new();
    let mut set = |name: &str, value: &str| {
        if !value.is_empty() {
            parameters.insert(name.to_owned(), value.to_owned());
        }
    };
    let (text, query) = text.split_once('?').unwrap_or((text, ""));
    let (authority, name) = text.split_once('/').unwrap_or((text, ""));
    let servers = match authority.rsplit_once('@') {
        Some((who, servers)) => {
            let (user, password) = who.split_once(':').unwrap_or((who, ""));
            set("user", &decoded(user)?);
            set("password", &decoded(password)?);
            servers
        }
        None => authority,
    };
    let (mut hosts, mut ports) = (Vec::new(), Vec::new());
    for server in servers.split(',') {
        let (host, port) = host_and_port(server)?;
        hosts.push(decoded(host)?);
        ports.push(port);
    }
    if hosts.iter().any(|host| !host.is_empty()) {
        set("host", &hosts.join(","));
    }
    if ports.iter().any(|port| !port.is_empty()) {
        set("port", &ports.join(","));
    }
    set("dbname", &decoded(name)?);
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=')?;
        let (name, value) = (decoded(name)?, decoded(value)?);
        // As JDBC has it.
        match (name.as_str(), value.as_str()) {
            ("ssl", "true") => parameters.insert("sslmode".to_owned(), "require".to_owned()),
            _ => parameters.insert(name, value),
        };
    }
    Some(parameters)
}

/// An address of IPv6 stands in brackets.
fn host_and_port(server: &str) -> Option<(&str, &str)> {
    if let Some(rest) = server.strip_prefix('[') {
        let (host, rest) = rest.split_once(']')?;
        return if rest.is_empty() { Some((host, "")) } else { Some((host, rest.strip_prefix(':')?)) };
    }
    Some(server.split_once(':').unwrap_or((server, "")))
}

fn decoded(text: &str) -> Option<String> {
    // A percent sign always begins two digits.
    let is_digits = |part: &str| part.len() >= 2 && part.bytes().take(2).all(|digit| digit.is_ascii_hexdigit());
    let text = text.split('%').skip(1).all(is_digits).then_some(text)?;
    let text = percent_decode_str(text).decode_utf8().ok()?.into_owned();
    (!text.contains('\0')).then_some(text)
}

fn words(text: &str) -> Option<Parameters> {
    let mut parameters = Parameters::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        let (name, after) = rest.split_once('=')?;
        let name = name.trim_end();
        if name.is_empty() || name.contains(char::is_whitespace) {
            return None;
        }
        let (value, after) = value(after.trim_start())?;
        parameters.insert(name.to_owned(), value);
        rest = after.trim_start();
    }
    Some(parameters)
}

/// The value at the begin, in quotes or up to a space; a backslash takes the next character as it is.
fn value(text: &str) -> Option<(String, &str)> {
    let (quoted, text) = text.strip_prefix('\'').map_or((false, text), |rest| (true, rest));
    let mut value = String::new();
    let mut characters = text.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '\\' => value.extend(characters.next().map(|(_, next)| next)),
            '\'' if quoted => return Some((value, &text[at + 1..])),
            space if !quoted && space.is_whitespace() => return Some((value, &text[at..])),
            other => value.push(other),
        }
    }
    (!quoted).then_some((value, ""))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> String {
        let Some(parameters) = parse(text) else { return "refused".to_owned() };
        parameters.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("|")
    }

    #[test]
    fn both_forms_are_taken_apart() {
        for (text, expected) in [
            ("postgres://u:p%40ss@db:5433/app", "dbname=app|host=db|password=p@ss|port=5433|user=u"),
            ("postgresql://u:p:x@db/", "host=db|password=p:x|user=u"),
            ("postgres://", ""),
            ("postgres:///app?host=%2Frun%2Fpg", "dbname=app|host=/run/pg"),
            ("postgres://%2Frun%2Fpg/app", "dbname=app|host=/run/pg"),
            ("postgres://[::1]:5433,b/app", "dbname=app|host=::1,b|port=5433,"),
            ("postgres://a:1,b:2?target_session_attrs=read-write", "host=a,b|port=1,2|target_session_attrs=read-write"),
            ("postgres://a?ssl=true&application_name=a%20b", "application_name=a b|host=a|sslmode=require"),
            ("postgres://u%ZZ@a", "refused"),
            ("postgres://a?flag", "refused"),
            ("postgres://[::1", "refused"),
            (" host = db port=5433 password='it\\'s one' ", "host=db|password=it's one|port=5433"),
            ("password=a\\ b options=''", "options=|password=a b"),
            ("host='db", "refused"),
            ("host", "refused"),
            ("a b=c", "refused"),
            ("mysql://u:p@h/d", "refused"),
            ("", ""),
        ] {
            assert_eq!(shown(text), expected, "{text}");
        }
    }
}
