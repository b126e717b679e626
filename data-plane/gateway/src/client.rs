//! Who asks, and for what. Settled once, by whoever accepts the connection: only it knows which proxies to believe. The
//! headers that say the same (`X-Forwarded-*`, `Forwarded`) are read nowhere else.

use std::net::IpAddr;

use axum::http::HeaderName;

/// Headers that say something of the client. Believed from trusted proxies, taken off every request, and said anew to services.
pub const ABOUT_THE_CLIENT: [HeaderName; 8] = [
    HeaderName::from_static("forwarded"),
    HeaderName::from_static("x-forwarded-for"),
    HeaderName::from_static("x-forwarded-host"),
    HeaderName::from_static("x-forwarded-path"),
    HeaderName::from_static("x-forwarded-port"),
    HeaderName::from_static("x-forwarded-prefix"),
    HeaderName::from_static("x-forwarded-proto"),
    HeaderName::from_static("x-real-ip"),
];

/// How a client reaches us.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    Http,
    Https,
}

impl Scheme {
    /// The scheme of this name, whatever its case.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        [Self::Http, Self::Https].into_iter().find(|scheme| scheme.as_str().eq_ignore_ascii_case(name))
    }

    /// As in a URL.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }

    /// The port that a URL need not name.
    #[must_use]
    pub const fn default_port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
        }
    }
}

/// What is true of a request's sender, whatever proxies it came through. Found in the request's extensions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientFacts {
    /// The client's own address.
    pub address: IpAddr,
    /// The scheme that the client used, as far as it is known.
    pub scheme: Scheme,
    /// Whether a trusted proxy has told it; it is assumed otherwise.
    pub scheme_is_told: bool,
    /// The host that the client named, with the port if it named one; empty if it named none.
    pub host: String,
}

impl ClientFacts {
    /// Scheme, host and port, as in a browser's address line.
    #[must_use]
    pub fn origin(&self) -> String {
        format!("{}://{}", self.scheme.as_str(), self.host)
    }

    /// The port that the client asked at.
    #[must_use]
    pub fn port(&self) -> u16 {
        let named = self.host.rsplit_once(':').and_then(|(_, port)| port.parse().ok());
        named.unwrap_or_else(|| self.scheme.default_port())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_port_is_the_one_named_or_the_schemes() {
        for (scheme, host, port) in [
            (Scheme::Http, "a.example", 80),
            (Scheme::Https, "a.example", 443),
            (Scheme::Https, "a.example:8443", 8443),
            (Scheme::Http, "[::1]", 80),
            (Scheme::Http, "[::1]:8000", 8000),
            (Scheme::Http, "", 80),
        ] {
            let facts = ClientFacts { address: [127, 0, 0, 1].into(), scheme, scheme_is_told: true, host: host.to_owned() };
            assert_eq!(facts.port(), port, "{host}");
        }
    }
}
