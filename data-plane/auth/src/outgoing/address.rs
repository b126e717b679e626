//! Which addresses a tenant's settings may lead to: the internet's, and networks that whoever runs this has listed.
//!
//! A name is resolved once, its addresses are checked, and the connection is made to what was checked: a name that
//! changes its address in between leads nowhere else.
//!
//! Source: IANA's registries of special-purpose addresses for IPv4 and IPv6.

use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use futures::future::BoxFuture;
use ipnet::{IpNet, Ipv4Net, Ipv6Net};

/// Not the internet's. Azure's and Alibaba's services of the machine itself have addresses that look public.
const CLOSED_V4: [(Ipv4Addr, u8); 17] = [
    (Ipv4Addr::new(0, 0, 0, 0), 8),
    (Ipv4Addr::new(10, 0, 0, 0), 8),
    (Ipv4Addr::new(100, 64, 0, 0), 10),
    (Ipv4Addr::new(127, 0, 0, 0), 8),
    (Ipv4Addr::new(168, 63, 129, 16), 32),
    (Ipv4Addr::new(169, 254, 0, 0), 16),
    (Ipv4Addr::new(172, 16, 0, 0), 12),
    (Ipv4Addr::new(192, 0, 0, 0), 24),
    (Ipv4Addr::new(192, 0, 2, 0), 24),
    (Ipv4Addr::new(192, 31, 196, 0), 24),
    (Ipv4Addr::new(192, 52, 193, 0), 24),
    (Ipv4Addr::new(192, 88, 99, 0), 24),
    (Ipv4Addr::new(192, 168, 0, 0), 16),
    (Ipv4Addr::new(198, 18, 0, 0), 15),
    (Ipv4Addr::new(198, 51, 100, 0), 24),
    (Ipv4Addr::new(203, 0, 113, 0), 24),
    (Ipv4Addr::new(224, 0, 0, 0), 3),
];

/// Within 2000::/3, outside of which nothing is the internet's.
const CLOSED_V6: [(Ipv6Addr, u8); 4] = [
    (Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0), 23),
    (Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0), 32),
    (Ipv6Addr::new(0x2620, 0x4f, 0x8000, 0, 0, 0, 0, 0), 48),
    (Ipv6Addr::new(0x3fff, 0, 0, 0, 0, 0, 0, 0), 20),
];

pub(crate) type Lookup = Arc<dyn Fn(String) -> BoxFuture<'static, io::Result<Vec<IpAddr>>> + Send + Sync>;

/// Resolves names to addresses that may be reached.
#[derive(Clone)]
pub struct Resolver {
    /// May be reached although they are private.
    allowed: Arc<[IpNet]>,
    lookup: Lookup,
}

#[derive(Debug, thiserror::Error)]
pub enum ResolveError {
    #[error("the name {0} has no address; correct it")]
    Unknown(String, #[source] Option<io::Error>),
    #[error("{0} leads to an address that is not reachable from here; use a public one, or have its network allowed")]
    Closed(String),
}

impl Resolver {
    /// `allowed` are networks that may be reached although they are private: a self-hoster's own.
    pub fn new(allowed: Vec<IpNet>) -> Self {
        Self::with_lookup(allowed, Arc::new(|host| Box::pin(system_lookup(host))))
    }

    pub(crate) fn with_lookup(allowed: Vec<IpNet>, lookup: Lookup) -> Self {
        Self { allowed: allowed.into(), lookup }
    }

    /// The addresses of a name or of an address as text (IPv6 with or without brackets) that may be reached, at least
    /// one. `listed` leaves only those of the networks listed.
    pub async fn resolve(&self, host: &str, port: u16, listed: bool) -> Result<Vec<SocketAddr>, ResolveError> {
        let literal = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>().ok();
        let found = match literal {
            Some(address) => vec![address],
            None => (self.lookup)(host.to_owned()).await.map_err(|error| ResolveError::Unknown(host.to_owned(), Some(error)))?,
        };
        if found.is_empty() {
            return Err(ResolveError::Unknown(host.to_owned(), None));
        }
        let open: Vec<_> = found
            .into_iter()
            .filter(|&address| self.is_listed(address) || (!listed && is_public(address)))
            .map(|address| SocketAddr::new(address, port))
            .collect();
        if open.is_empty() { Err(ResolveError::Closed(host.to_owned())) } else { Ok(open) }
    }

    fn is_listed(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.allowed.iter().any(|network| network.contains(&address))
    }
}

impl fmt::Debug for Resolver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Resolver").field("allowed", &self.allowed).finish_non_exhaustive()
    }
}

async fn system_lookup(host: String) -> io::Result<Vec<IpAddr>> {
    Ok(tokio::net::lookup_host((host, 0)).await?.map(|address| address.ip()).collect())
}

/// Whether an address is the internet's.
pub fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    !CLOSED_V4.iter().any(|&(network, length)| Ipv4Net::new_assert(network, length).contains(&address))
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let segments = address.segments();
    let embedded = |high: u16, low: u16| Ipv4Addr::from((u32::from(high) << 16) | u32::from(low));
    match segments {
        // IPv4 in IPv6, by its kernel and by NAT64: as public as the address within.
        [0, 0, 0, 0, 0, 0xffff, high, low] | [0x64, 0xff9b, 0, 0, 0, 0, high, low] => is_public_v4(embedded(high, low)),
        // 6to4 carries it at the front.
        [0x2002, high, low, ..] => is_public_v4(embedded(high, low)),
        [first, ..] => {
            first & 0xe000 == 0x2000
                && !CLOSED_V6.iter().any(|&(network, length)| Ipv6Net::new_assert(network, length).contains(&address))
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::{ResolveError, Resolver, is_public};

    #[test]
    fn knows_what_is_not_the_internet_s() {
        let closed = [
            "0.0.0.0",
            "10.1.2.3",
            "100.64.0.1",
            "100.100.100.200",
            "127.0.0.1",
            "127.255.0.1",
            "168.63.129.16",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.192",
            "192.168.1.1",
            "198.18.0.1",
            "224.0.0.1",
            "239.1.1.1",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::127.0.0.1",
            "::ffff:127.0.0.1",
            "::ffff:169.254.169.254",
            "64:ff9b::10.0.0.1",
            "64:ff9b:1::8.8.8.8",
            "fc00::1",
            "fd00:ec2::254",
            "fe80::1",
            "fec0::1",
            "ff02::1",
            "2001::1",
            "2001:db8::1",
            "2002:7f00:1::",
            "2002:a9fe:a9fe::1",
            "100::1",
            "5f00::1",
            "3fff::1",
        ];
        for address in closed {
            assert!(!is_public(address.parse().unwrap()), "{address}");
        }
        let open =
            ["8.8.8.8", "172.32.0.1", "100.128.0.1", "::ffff:8.8.8.8", "64:ff9b::8.8.8.8", "2606:4700::1111", "2a00:1450::1"];
        for address in open {
            assert!(is_public(address.parse().unwrap()), "{address}");
        }
    }

    #[tokio::test]
    async fn leaves_what_may_be_reached() {
        let lookup = |_| -> futures::future::BoxFuture<'static, _> {
            Box::pin(async { Ok(vec!["10.0.0.1".parse().unwrap(), "8.8.8.8".parse().unwrap()]) })
        };
        let strict = Resolver::with_lookup(Vec::new(), Arc::new(lookup));
        assert_eq!(strict.resolve("a.test", 443, false).await.unwrap(), ["8.8.8.8:443".parse().unwrap()]);
        assert!(matches!(strict.resolve("a.test", 443, true).await, Err(ResolveError::Closed(_))));
        assert!(matches!(strict.resolve("[::1]", 443, false).await, Err(ResolveError::Closed(_))));
        let open = Resolver::with_lookup(vec!["10.0.0.0/8".parse().unwrap()], Arc::new(lookup));
        assert_eq!(open.resolve("a.test", 80, true).await.unwrap(), ["10.0.0.1:80".parse().unwrap()]);
        assert_eq!(open.resolve("::ffff:10.0.0.1", 80, true).await.unwrap().len(), 1);
    }
}
