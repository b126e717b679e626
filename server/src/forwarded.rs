//! Settles who asks, and for what. What a trusted proxy tells of its client is believed; what anybody else tells is dropped.
//! This is the one place that reads `X-Forwarded-*` and `Forwarded`: afterwards they are gone, and [`ClientFacts`] are there.

use std::net::{IpAddr, SocketAddr};

use axum::{
    extract::Request,
    http::{HeaderMap, header, uri::Authority},
};
use gateway::{ABOUT_THE_CLIENT, ClientFacts, Domain, Scheme};
use rfc7239::NodeName;

use crate::networks::Networks;

const FOR: &str = "x-forwarded-for";
const HOST: &str = "x-forwarded-host";
const PROTO: &str = "x-forwarded-proto";
const FORWARDED: &str = "forwarded";
/// Characters of a header that are shown to whoever sent it.
const SHOWN: usize = 80;

/// Whom to believe, and what to assume of everybody else.
#[derive(Debug)]
pub(crate) struct Forwarding {
    pub(crate) trusted: Networks,
    pub(crate) domain: Domain,
    /// The scheme that the installation has in public.
    pub(crate) public_scheme: Scheme,
}

/// Somebody near who speaks for himself: no proxy has brought the request for somebody else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Neighbour {
    /// A program on this machine.
    Local,
    /// A trusted proxy.
    Proxy,
}

/// A trusted proxy tells what can't be true.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Malformed {
    #[error("The proxy's header {name} is not understood: {value:?}. It must be {expected}.")]
    Header { name: &'static str, value: String, expected: &'static str },
    #[error("Forwarded and X-Forwarded-* contradict each other. Have the proxy set one kind and remove the other.")]
    Contradiction,
}

/// What a proxy tells.
#[derive(Debug, Default, PartialEq, Eq)]
struct Told {
    address: Option<IpAddr>,
    scheme: Option<Scheme>,
    host: Option<String>,
}

impl Forwarding {
    /// Takes what a request says of its client off it, and settles what is true: left in the request's extensions, with a
    /// [`Neighbour`] if there is one.
    pub(crate) fn settle(&self, request: &mut Request, peer: SocketAddr) -> Result<ClientFacts, Malformed> {
        let peer = peer.ip().to_canonical();
        let named = host_of(request).unwrap_or_default().to_owned();
        let settled = self.facts(peer, named, request.headers());
        let mut speaks_for_himself = true;
        for name in &ABOUT_THE_CLIENT {
            speaks_for_himself &= request.headers_mut().remove(name).is_none();
        }
        let facts = settled?;
        let neighbour = match (self.trusted.contain(peer), peer.is_loopback()) {
            (true, _) => Some(Neighbour::Proxy),
            (false, true) => Some(Neighbour::Local),
            (false, false) => None,
        };
        if let Some(neighbour) = neighbour.filter(|_| speaks_for_himself) {
            request.extensions_mut().insert(neighbour);
        }
        request.extensions_mut().insert(facts.clone());
        Ok(facts)
    }

    fn facts(&self, peer: IpAddr, named: String, headers: &HeaderMap) -> Result<ClientFacts, Malformed> {
        let told = if self.trusted.contain(peer) { self.told(headers)? } else { Told::default() };
        let host = told.host.unwrap_or(named);
        // By another name, such as an address, it is asked directly.
        let assumed = if self.domain.covers(&host) { self.public_scheme } else { Scheme::Http };
        Ok(ClientFacts {
            address: told.address.unwrap_or(peer),
            scheme: told.scheme.unwrap_or(assumed),
            scheme_is_told: told.scheme.is_some(),
            host,
        })
    }

    /// A proxy passes on what it does not know. So one that sets one kind of header lets its clients set the other, and the
    /// two must say the same.
    fn told(&self, headers: &HeaderMap) -> Result<Told, Malformed> {
        let has = |name: &str| headers.contains_key(name);
        match (has(FOR) || has(HOST) || has(PROTO), has(FORWARDED)) {
            (false, false) => Ok(Told::default()),
            (true, false) => self.told_by_x_forwarded(headers),
            (false, true) => self.told_by_forwarded(headers),
            (true, true) => {
                let told = self.told_by_x_forwarded(headers)?;
                if told == self.told_by_forwarded(headers)? { Ok(told) } else { Err(Malformed::Contradiction) }
            }
        }
    }

    fn told_by_x_forwarded(&self, headers: &HeaderMap) -> Result<Told, Malformed> {
        let mut told = Told::default();
        // The nearest proxy writes at the end. What stands before its word may be the client's own, so is not even read.
        for text in listed(headers, FOR)?.into_iter().rev() {
            let address = address(text).ok_or_else(|| malformed(FOR, text, "IP addresses"))?;
            told.address = Some(address);
            if !self.trusted.contain(address) {
                break;
            }
        }
        if let Some(text) = listed(headers, PROTO)?.pop() {
            told.scheme = Some(scheme(PROTO, text)?);
        }
        if let Some(text) = listed(headers, HOST)?.pop() {
            told.host = Some(host(HOST, text)?);
        }
        Ok(told)
    }

    /// RFC 7239.
    fn told_by_forwarded(&self, headers: &HeaderMap) -> Result<Told, Malformed> {
        let mut told = Told::default();
        for text in listed(headers, FORWARDED)?.into_iter().rev() {
            let invalid = || malformed(FORWARDED, text, "as in RFC 7239");
            let hop = rfc7239::parse(text).next().and_then(Result::ok).ok_or_else(invalid)?;
            told.scheme = hop.protocol.map(|text| scheme(FORWARDED, unquoted(text))).transpose()?;
            told.host = hop.host.map(|text| host(FORWARDED, unquoted(text))).transpose()?;
            // Whoever hides behind a name can't be told apart from the proxy that names him so.
            let Some(NodeName::Ip(address)) = hop.forwarded_for.map(|node| node.name) else { break };
            told.address = Some(address.to_canonical());
            if !self.trusted.contain(address) {
                break;
            }
        }
        Ok(told)
    }
}

/// The host a request names: in its first line, or in its one `Host` header.
fn host_of(request: &Request) -> Option<&str> {
    if let Some(authority) = request.uri().authority() {
        return Some(authority.as_str());
    }
    let mut hosts = request.headers().get_all(header::HOST).iter();
    let host = hosts.next()?.to_str().ok()?;
    hosts.next().is_none().then_some(host)
}

/// The parts of a header that lists, in their order.
fn listed<'a>(headers: &'a HeaderMap, name: &'static str) -> Result<Vec<&'a str>, Malformed> {
    let mut parts = Vec::new();
    for value in headers.get_all(name) {
        let text = value.to_str().map_err(|_| malformed(name, &String::from_utf8_lossy(value.as_bytes()), "plain text"))?;
        parts.extend(text.split(',').map(str::trim));
    }
    Ok(parts)
}

/// An address, with the port that some proxies add or without.
fn address(text: &str) -> Option<IpAddr> {
    let bare = || text.strip_prefix('[')?.strip_suffix(']')?.parse::<IpAddr>().ok();
    let with_port = || text.parse::<SocketAddr>().ok().map(|address| address.ip());
    text.parse().ok().or_else(bare).or_else(with_port).map(|address: IpAddr| address.to_canonical())
}

fn scheme(name: &'static str, text: &str) -> Result<Scheme, Malformed> {
    // Traefik names a web socket's own.
    let text = if text.eq_ignore_ascii_case("wss") { "https" } else { text };
    let text = if text.eq_ignore_ascii_case("ws") { "http" } else { text };
    Scheme::named(text).ok_or_else(|| malformed(name, text, "http or https"))
}

fn host(name: &'static str, text: &str) -> Result<String, Malformed> {
    let authority = text.parse::<Authority>().ok().filter(|authority| !authority.as_str().contains('@'));
    authority.map(|authority| authority.to_string()).ok_or_else(|| malformed(name, text, "a host, with or without a port"))
}

fn unquoted(text: &str) -> &str {
    text.trim_matches('"')
}

fn malformed(name: &'static str, value: &str, expected: &'static str) -> Malformed {
    Malformed::Header { name, value: value.chars().take(SHOWN).collect(), expected }
}

#[cfg(test)]
mod tests;
