//! Lists of networks: whom to believe, whom to refuse, and whom to reach.

use std::{fmt, net::IpAddr};

use ipnet::IpNet;
use serde::{
    Deserialize, Deserializer,
    de::{self, SeqAccess, Visitor},
};

/// Bits of an IPv4 address in IPv6's form that say that it is one.
const MAPPED: u8 = 96;

/// Networks and single addresses. IPv4 addresses are themselves in whichever form they come.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Networks(Vec<IpNet>);

impl Networks {
    pub(crate) fn contain(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.0.iter().any(|network| network.contains(&address))
    }

    /// Adds those of a text that separates them by commas.
    fn add(&mut self, text: &str) -> Result<(), String> {
        for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
            let address = || part.parse::<IpAddr>().map(|address| IpNet::from(address.to_canonical()));
            let network = part.parse().or_else(|_| address());
            let network = network.map_err(|_| format!("{part:?} is neither an address nor a network such as 10.0.0.0/8"))?;
            self.0.push(canonical(network));
        }
        Ok(())
    }
}

impl From<Vec<IpNet>> for Networks {
    fn from(networks: Vec<IpNet>) -> Self {
        Self(networks.into_iter().map(canonical).collect())
    }
}

impl From<Networks> for Vec<IpNet> {
    fn from(networks: Networks) -> Self {
        networks.0
    }
}

impl Extend<IpNet> for Networks {
    fn extend<T: IntoIterator<Item = IpNet>>(&mut self, networks: T) {
        self.0.extend(networks.into_iter().map(canonical));
    }
}

/// An IPv4 network in IPv6's form as what it is.
fn canonical(network: IpNet) -> IpNet {
    let (IpAddr::V6(address), Some(length)) = (network.addr(), network.prefix_len().checked_sub(MAPPED)) else { return network };
    let mapped = address.to_ipv4_mapped().and_then(|address| IpNet::new(address.into(), length).ok());
    mapped.unwrap_or(network)
}

/// From a list, or from a text that separates them by commas, which is all that the environment has.
impl<'de> Deserialize<'de> for Networks {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Listed)
    }
}

struct Listed;

impl<'de> Visitor<'de> for Listed {
    type Value = Networks;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("addresses and networks, as a list or separated by commas")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Networks, E> {
        let mut networks = Networks::default();
        networks.add(text).map_err(E::custom)?;
        Ok(networks)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Networks, A::Error> {
        let mut networks = Networks::default();
        while let Some(text) = list.next_element::<String>()? {
            networks.add(&text).map_err(de::Error::custom)?;
        }
        Ok(networks)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn networks(text: &str) -> Networks {
        Listed.visit_str::<de::value::Error>(text).unwrap()
    }

    #[test]
    fn addresses_are_found_in_networks_in_either_form() {
        let networks = networks("10.0.0.0/8, 192.0.2.7 ,2001:db8::/32,::1,::ffff:172.16.0.0/108,");
        for inside in ["10.1.2.3", "::ffff:10.1.2.3", "192.0.2.7", "2001:db8:1::1", "::1", "172.31.0.1"] {
            assert!(networks.contain(inside.parse().unwrap()), "{inside}");
        }
        for outside in ["11.0.0.1", "192.0.2.8", "2001:db9::1", "127.0.0.1", "::ffff:11.0.0.1", "172.32.0.1"] {
            assert!(!networks.contain(outside.parse().unwrap()), "{outside}");
        }
        assert!(!Networks::default().contain([127, 0, 0, 1].into()));
    }

    #[test]
    fn what_is_no_network_is_named() {
        let error = Listed.visit_str::<de::value::Error>("10.0.0.0/8,localhost").unwrap_err().to_string();
        assert!(error.contains("\"localhost\"") && error.contains("10.0.0.0/8"), "{error}");
    }
}
