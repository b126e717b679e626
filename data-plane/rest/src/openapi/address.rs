//! Where the description says that the service is.

use http::{Uri, uri::Scheme};

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Address {
    pub(super) scheme: &'static str,
    /// With the port, always.
    pub(super) host: String,
    pub(super) path: String,
}

impl Address {
    /// `None` for what is no absolute `http` or `https` address, or has a user or a query.
    pub(crate) fn parse(address: &str) -> Option<Self> {
        let uri: Uri = address.parse().ok()?;
        let (scheme, usual) = match uri.scheme()? {
            scheme if *scheme == Scheme::HTTP => ("http", 80),
            scheme if *scheme == Scheme::HTTPS => ("https", 443),
            _ => return None,
        };
        let authority = uri.authority()?;
        if authority.host().is_empty() || authority.as_str().contains('@') || uri.query().is_some() {
            return None;
        }
        let port = match authority.as_str().strip_prefix(authority.host())? {
            "" => usual,
            port => port.strip_prefix(':')?.parse().ok().filter(|port: &u16| *port != 0)?,
        };
        Some(Self { scheme, host: format!("{}:{port}", authority.host()), path: uri.path().to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_have_a_host_a_port_and_a_path() {
        for (address, scheme, host, path) in [
            ("https://postgrest.com", "https", "postgrest.com:443", "/"),
            ("http://a.example/api/", "http", "a.example:80", "/api/"),
            ("HTTPS://a.example:8443/v1", "https", "a.example:8443", "/v1"),
            ("http://[::1]:3000/", "http", "[::1]:3000", "/"),
        ] {
            let expected = Address { scheme, host: host.to_owned(), path: path.to_owned() };
            assert_eq!(Address::parse(address), Some(expected), "{address}");
        }
    }

    #[test]
    fn what_is_no_address_of_a_service_is_none() {
        for bad in [
            "",
            "a.example",
            "/v1",
            "ftp://a.example",
            "https://u:p@a.example",
            "https://a.example/?x=1",
            "http://a:0",
            "http://a:99999",
        ] {
            assert_eq!(Address::parse(bad), None, "{bad}");
        }
    }
}
