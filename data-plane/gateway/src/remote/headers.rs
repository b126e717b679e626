//! Headers on their way through: what belongs to one connection stays behind, and what is known of the client goes along.

use axum::http::{HeaderMap, HeaderName, HeaderValue, header, uri::Authority};

use crate::client::{ABOUT_THE_CLIENT, ClientFacts};

const FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const PORT: HeaderName = HeaderName::from_static("x-forwarded-port");
const PREFIX: HeaderName = HeaderName::from_static("x-forwarded-prefix");
const PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

/// Of one connection, whether it says so or not (RFC 9110, 7.6.1).
const HOP_BY_HOP: [HeaderName; 6] = [
    header::CONNECTION,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    header::TE,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
];

/// What no client may name as belonging to its connection: the gateway has put it there, or reads it.
const KEPT: [HeaderName; 2] = [header::AUTHORIZATION, header::HOST];

/// What a service is told about who asks, and for what.
#[derive(Debug)]
pub(super) struct Forwarded {
    pub(super) facts: Option<ClientFacts>,
    /// What has been taken off the path, without a slash at its end.
    pub(super) prefix: String,
}

/// Makes a client's headers a service's. `authority` is the host in the request's first line, which wins over `Host`.
pub(super) fn outward(headers: &mut HeaderMap, authority: Option<&Authority>, forwarded: &Forwarded) {
    drop_hop_by_hop(headers);
    for name in &ABOUT_THE_CLIENT {
        headers.remove(name);
    }
    // Has been met: the body is asked for when the service reads it.
    headers.remove(header::EXPECT);
    let named = authority.and_then(|authority| HeaderValue::from_str(authority.as_str()).ok());
    if let Some(host) = named.or_else(|| headers.get(header::HOST).cloned()) {
        headers.insert(header::HOST, host.clone());
        headers.insert(HOST, host);
    }
    let mut tell = |name: HeaderName, value: &str| {
        if let Ok(value) = HeaderValue::from_str(value) {
            headers.insert(name, value);
        }
    };
    if !forwarded.prefix.is_empty() {
        tell(PREFIX, &forwarded.prefix);
    }
    let Some(facts) = &forwarded.facts else { return };
    tell(FOR, &facts.address.to_string());
    tell(PROTO, facts.scheme.as_str());
    tell(PORT, &facts.port().to_string());
    if !facts.host.is_empty() {
        tell(header::HOST, &facts.host);
        tell(HOST, &facts.host);
    }
}

/// Makes a service's headers a client's.
pub(super) fn inward(headers: &mut HeaderMap) {
    drop_hop_by_hop(headers);
}

fn drop_hop_by_hop(headers: &mut HeaderMap) {
    let named: Vec<HeaderName> = options(headers).filter_map(|name| name.parse().ok()).collect();
    for name in named.iter().filter(|name| !KEPT.contains(name)).chain(&HOP_BY_HOP) {
        headers.remove(name);
    }
}

/// What `Connection` lists.
pub(super) fn options(headers: &HeaderMap) -> impl Iterator<Item = &str> {
    let values = headers.get_all(header::CONNECTION).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).map(str::trim)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::Scheme;

    fn map(headers: &[(&'static str, &'static str)]) -> HeaderMap {
        let pairs = headers.iter().map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)));
        pairs.fold(HeaderMap::new(), |mut map, (name, value)| {
            map.append(name, value);
            map
        })
    }

    #[test]
    fn what_belongs_to_one_connection_stays_behind() {
        let mut headers = map(&[
            ("connection", "close, X-Mine"),
            ("connection", "keep-alive, authorization, host"),
            ("x-mine", "1"),
            ("keep-alive", "timeout=5"),
            ("proxy-connection", "close"),
            ("te", "trailers"),
            ("transfer-encoding", "chunked"),
            ("upgrade", "h2c"),
            ("authorization", "Bearer x"),
            ("host", "a.example"),
            ("trailer", "x-sum"),
        ]);
        drop_hop_by_hop(&mut headers);
        assert_eq!(headers, map(&[("authorization", "Bearer x"), ("host", "a.example"), ("trailer", "x-sum")]));
    }

    #[test]
    fn what_is_known_of_the_client_replaces_what_it_says_of_itself() {
        let mut headers = map(&[
            ("host", "localhost:8000"),
            ("forwarded", "for=6.6.6.6"),
            ("x-forwarded-for", "6.6.6.6"),
            ("x-forwarded-host", "evil.example"),
            ("x-forwarded-path", "/evil"),
            ("x-forwarded-port", "666"),
            ("x-forwarded-prefix", "/evil"),
            ("x-forwarded-proto", "gopher"),
            ("x-real-ip", "6.6.6.6"),
            ("expect", "100-continue"),
        ]);
        let address = [192, 0, 2, 1].into();
        let facts = ClientFacts { address, scheme: Scheme::Https, scheme_is_told: true, host: "a.example".to_owned() };
        outward(&mut headers, None, &Forwarded { facts: Some(facts), prefix: "/p/x/rest/v1".to_owned() });
        let expected = map(&[
            ("host", "a.example"),
            ("x-forwarded-for", "192.0.2.1"),
            ("x-forwarded-host", "a.example"),
            ("x-forwarded-port", "443"),
            ("x-forwarded-prefix", "/p/x/rest/v1"),
            ("x-forwarded-proto", "https"),
        ]);
        assert_eq!(headers, expected);
    }

    #[test]
    fn the_first_lines_host_wins_and_there_is_only_one() {
        let mut headers = map(&[("host", "a.example"), ("host", "b.example"), ("x-forwarded-for", "6.6.6.6")]);
        let nothing = Forwarded { facts: None, prefix: String::new() };
        outward(&mut headers, Some(&Authority::from_static("c.example:1")), &nothing);
        assert_eq!(headers, map(&[("host", "c.example:1"), ("x-forwarded-host", "c.example:1")]));
    }
}
