//! An address as a browser will read it. What two readers could read differently is no address here.

use std::net::{Ipv4Addr, Ipv6Addr};

const MAX_LENGTH: usize = 8192;

/// Addresses that run in the page, read a file or show another address inside.
const NEVER: [&str; 8] = ["about", "blob", "data", "file", "filesystem", "javascript", "vbscript", "view-source"];

/// Where a user might be sent.
#[derive(Debug)]
pub(super) struct Target {
    /// In lower case.
    pub(super) scheme: String,
    /// Host and port as given; `None` in `scheme:path`.
    pub(super) authority: Option<String>,
    pub(super) host: Host,
    /// Path and query.
    rest: String,
    /// Up to the fragment, as given.
    given: String,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Host {
    None,
    Name(String),
    V4(Ipv4Addr),
    V6(Ipv6Addr),
}

impl Host {
    pub(super) fn is_loopback(&self) -> bool {
        match self {
            Self::None => false,
            Self::Name(name) => name == "localhost" || name.ends_with(".localhost"),
            Self::V4(address) => address.is_loopback(),
            Self::V6(address) => address.is_loopback(),
        }
    }
}

impl Target {
    /// `None` for what is no absolute address, or one that must never be followed.
    pub(super) fn parse(address: &str) -> Option<Self> {
        // Browsers drop tabs and line ends, and read `\` as `/`.
        if address.len() > MAX_LENGTH || address.chars().any(|c| c.is_control() || c == '\\') {
            return None;
        }
        let given = address.split('#').next().unwrap_or_default();
        let (scheme, after) = given.split_once(':')?;
        let scheme = scheme.to_ascii_lowercase();
        if !is_scheme(&scheme) || NEVER.contains(&scheme.as_str()) {
            return None;
        }
        let web = scheme == "http" || scheme == "https";
        let (authority, host, rest) = match after.strip_prefix("//") {
            // `https:example.com` is an address for browsers, and none for others.
            None if web => return None,
            None => (None, Host::None, after),
            Some(after) => {
                let (authority, rest) = after.split_at(after.find(['/', '?']).unwrap_or(after.len()));
                (Some(authority.to_owned()), host(&authority.to_ascii_lowercase(), web)?, rest)
            }
        };
        Some(Self { authority, host, rest: rest.to_owned(), given: given.to_owned(), scheme })
    }

    pub(super) fn is_web(&self) -> bool {
        self.scheme == "http" || self.scheme == "https"
    }

    /// The address in the forms that patterns are compared with: as given, and with scheme and host in lower case.
    pub(super) fn forms(&self) -> [String; 2] {
        let lowered = match &self.authority {
            Some(authority) => format!("{}://{}{}", self.scheme, authority.to_ascii_lowercase(), self.rest),
            None => format!("{}:{}", self.scheme, self.rest),
        };
        [self.given.clone(), lowered]
    }

    /// The path leaves the folder that it seems to be in.
    pub(super) fn climbs(&self) -> bool {
        let path = self.rest.split('?').next().unwrap_or_default().to_ascii_lowercase().replace("%2e", ".");
        path.split('/').any(|segment| segment == "." || segment == "..")
    }
}

fn is_scheme(scheme: &str) -> bool {
    scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'))
}

/// The host of an authority in lower case. No name and password before it, no characters that need decoding.
fn host(authority: &str, web: bool) -> Option<Host> {
    if let Some(inner) = authority.strip_prefix('[') {
        let (address, port) = inner.split_once(']')?;
        if !port.is_empty() && !is_port(port.strip_prefix(':')?) {
            return None;
        }
        return address.parse().ok().map(Host::V6);
    }
    let name = match authority.split_once(':') {
        Some((name, port)) if is_port(port) => name,
        Some(_) => return None,
        None => authority,
    };
    if !name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_') || (!web && matches!(c, '~' | '+'))) {
        return None;
    }
    if let Ok(address) = name.parse() {
        return Some(Host::V4(address));
    }
    match (name, web) {
        ("", true) => None,
        ("", false) => Some(Host::None),
        // 2130706433, 0x7f.1 and 127.1 are addresses, too, for some.
        (name, true) if ends_in_number(name) => None,
        (name, _) => Some(Host::Name(name.to_owned())),
    }
}

fn is_port(port: &str) -> bool {
    port.len() <= 5 && port.chars().all(|c| c.is_ascii_digit()) && port.parse::<u16>().is_ok()
}

fn ends_in_number(name: &str) -> bool {
    let last = name.strip_suffix('.').unwrap_or(name).rsplit('.').next().unwrap_or_default();
    let hex = last.strip_prefix("0x").is_some_and(|digits| digits.chars().all(|c| c.is_ascii_hexdigit()));
    hex || (!last.is_empty() && last.chars().all(|c| c.is_ascii_digit()))
}
