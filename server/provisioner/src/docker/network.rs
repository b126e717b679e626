//! A bridge network for each project, with a range of addresses out of the pool that is set aside for projects.
//!
//! The engine's own pools would be exhausted after thirty projects; and with ranges from one pool the server knows by its
//! address whoever calls out of a project's container, and refuses it.

use std::{
    collections::{HashMap, HashSet},
    net::Ipv4Addr,
    sync::{Mutex, PoisonError},
};

use bollard::{
    errors::Error,
    models::{EndpointIpamConfig, EndpointSettings, Ipam, IpamConfig, Network, NetworkConnectRequest, NetworkCreateRequest},
    query_parameters::{InspectNetworkOptions, ListNetworksOptions},
};
use control_plane::ProvisionError;
use ipnet::Ipv4Net;

use super::{engine::Engine, names::Names};

/// Bits of a project's range: 16 addresses, of which 13 are for containers.
const PREFIX: u8 = 28;
/// Ranges tried where something other than a network has them, such as a route of the machine.
const TRIES: usize = 32;

/// Makes networks.
#[derive(Debug)]
pub(super) struct Networks {
    pool: Ipv4Net,
    /// Ranges of networks that are being made, which the engine does not list yet.
    chosen: Mutex<HashSet<Ipv4Net>>,
}

/// A range that nobody else chooses while this lives.
#[derive(Debug)]
struct Chosen<'a> {
    networks: &'a Networks,
    range: Ipv4Net,
}

impl Drop for Chosen<'_> {
    fn drop(&mut self) {
        self.networks.chosen.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.range);
    }
}

/// A project's network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ProjectNetwork {
    pub(super) name: String,
    pub(super) id: String,
    range: Ipv4Net,
}

impl ProjectNetwork {
    /// The address of the server, where it is in a container itself: the last one.
    fn server_address(&self) -> Option<Ipv4Addr> {
        self.range.hosts().last()
    }

    /// The address of the service at this place in the stack's order. The first one is the gateway's.
    pub(super) fn address(&self, place: usize) -> Option<Ipv4Addr> {
        self.range.hosts().nth(place + 1)
    }
}

impl Networks {
    pub(super) fn new(pool: Ipv4Net) -> Self {
        Self { pool, chosen: Mutex::default() }
    }

    /// The network of this name, made if it is not there. `labels` are for a new one. Not to be called twice at once for one
    /// name, which the engine would give to both.
    pub(super) async fn ensure(
        &self,
        engine: &Engine,
        names: &Names,
        name: &str,
        labels: HashMap<String, String>,
    ) -> Result<ProjectNetwork, ProvisionError> {
        let doing = format!("make the network {name}");
        let docker = engine.docker().await?;
        let all = docker.list_networks(None::<ListNetworksOptions>).await.map_err(|error| engine.failed(&doing, error))?;
        if let Some(network) = all.iter().find(|network| network.name.as_deref() == Some(name)) {
            return usable(network, names).ok_or_else(|| ProvisionError::Transient {
                cause: format!("could not {doing}: a network of that name is there that is not supacloud's. Remove it with `docker network rm {name}`"),
                source: None,
            });
        }
        let mut taken: Vec<Ipv4Net> = all.iter().flat_map(ranges).collect();
        for _ in 0..TRIES {
            let Some(chosen) = self.choose(&taken) else { break };
            let range = chosen.range;
            let request = NetworkCreateRequest {
                name: name.to_owned(),
                driver: Some("bridge".to_owned()),
                ipam: Some(Ipam {
                    config: Some(vec![IpamConfig { subnet: Some(range.to_string()), ..IpamConfig::default() }]),
                    ..Ipam::default()
                }),
                labels: Some(labels.clone()),
                ..NetworkCreateRequest::default()
            };
            match docker.create_network(request).await {
                Ok(made) => return Ok(ProjectNetwork { name: name.to_owned(), id: made.id, range }),
                // By a network that was made since the look, or a route of the machine.
                Err(error) if is_overlap(&error) => {
                    tracing::info!(%range, "a range of addresses is taken by something else on the engine's machine");
                    taken.push(range);
                }
                Err(error) => return Err(engine.failed(&doing, error)),
            }
        }
        Err(ProvisionError::Transient {
            cause: format!(
                "could not {doing}: all ranges of the address pool {} are taken. Delete projects, remove unused networks, or set \
                 provisioner.docker.address_pool to a larger one",
                self.pool
            ),
            source: None,
        })
    }

    /// The first free range.
    fn choose(&self, taken: &[Ipv4Net]) -> Option<Chosen<'_>> {
        let mut chosen = self.chosen.lock().unwrap_or_else(PoisonError::into_inner);
        let is_free = |range: &Ipv4Net| !chosen.contains(range) && !taken.iter().any(|other| overlap(range, other));
        let range = self.pool.subnets(PREFIX).into_iter().flatten().find(is_free)?;
        chosen.insert(range);
        Some(Chosen { networks: self, range })
    }

    /// Has the server's own container in the network: it reaches a project in no other way.
    pub(super) async fn join(&self, engine: &Engine, network: &ProjectNetwork, server: &str) -> Result<(), ProvisionError> {
        let doing = format!("connect {server} to the network {}", network.name);
        let docker = engine.docker().await?;
        let inspected = docker.inspect_network(&network.name, None::<InspectNetworkOptions>).await;
        let inside = inspected.map_err(|error| engine.failed(&doing, error))?.containers.unwrap_or_default();
        if inside.iter().any(|(id, container)| id.starts_with(server) || container.name.as_deref() == Some(server)) {
            return Ok(());
        }
        let ipam_config = EndpointIpamConfig {
            ipv4_address: network.server_address().map(|address| address.to_string()),
            ..EndpointIpamConfig::default()
        };
        let request = NetworkConnectRequest {
            container: server.to_owned(),
            endpoint_config: Some(EndpointSettings { ipam_config: Some(ipam_config), ..EndpointSettings::default() }),
        };
        match docker.connect_network(&network.name, request).await {
            Ok(()) => Ok(()),
            // Two operations on one project can't be; but it may have been connected by hand in between.
            Err(error) if error.to_string().contains("already exists in network") => Ok(()),
            Err(error) => Err(engine.failed(&doing, error)),
        }
    }

    /// The network of this name, if it is there and ours.
    pub(super) async fn find(
        &self,
        engine: &Engine,
        names: &Names,
        name: &str,
    ) -> Result<Option<ProjectNetwork>, ProvisionError> {
        let options = ListNetworksOptions { filters: Some([("name".to_owned(), vec![name.to_owned()])].into()) };
        let found = engine.docker().await?.list_networks(Some(options)).await;
        let found = found.map_err(|error| engine.failed(&format!("look at the network {name}"), error))?;
        // The filter finds parts of names, too.
        Ok(found.iter().find(|network| network.name.as_deref() == Some(name)).and_then(|network| usable(network, names)))
    }
}

fn usable(network: &Network, names: &Names) -> Option<ProjectNetwork> {
    if !network.labels.as_ref().is_some_and(|labels| names.is_ours(labels)) {
        return None;
    }
    let range = ranges(network).next()?;
    Some(ProjectNetwork { name: network.name.clone()?, id: network.id.clone()?, range })
}

fn ranges(network: &Network) -> impl Iterator<Item = Ipv4Net> {
    let configs = network.ipam.as_ref().and_then(|ipam| ipam.config.as_deref()).unwrap_or_default();
    configs.iter().filter_map(|config| config.subnet.as_deref()?.parse().ok())
}

fn overlap(one: &Ipv4Net, other: &Ipv4Net) -> bool {
    one.contains(other) || other.contains(one)
}

fn is_overlap(error: &Error) -> bool {
    matches!(error, Error::DockerResponseServerError { message, .. } if message.contains("Pool overlaps") || message.contains("overlaps with"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_service_of_the_largest_stack_has_an_address() {
        let network = ProjectNetwork { name: "n".into(), id: "i".into(), range: "10.213.0.16/28".parse().unwrap() };
        assert_eq!(network.address(0), Some([10, 213, 0, 18].into()), "after the gateway's");
        let last = network.address(super::super::stack::MAX_SERVICES).unwrap();
        assert!(last < std::net::Ipv4Addr::new(10, 213, 0, 30), "{last}");
    }

    #[test]
    fn a_range_is_chosen_once_at_a_time() {
        let networks = Networks::new("10.213.0.0/26".parse().unwrap());
        let range = |chosen: Option<Chosen<'_>>| chosen.map(|chosen| chosen.range.to_string());
        let taken = ["10.213.0.0/28".parse().unwrap(), "10.213.0.48/29".parse().unwrap()];
        let first = networks.choose(&taken);
        let second = networks.choose(&taken);
        assert_eq!(second.as_ref().unwrap().range.to_string(), "10.213.0.32/28");
        assert_eq!(range(networks.choose(&taken)), None, "nothing is left");
        assert_eq!(range(first).as_deref(), Some("10.213.0.16/28"));
        assert_eq!(range(networks.choose(&taken)).as_deref(), Some("10.213.0.16/28"), "it was given back");
    }

    #[test]
    fn ranges_overlap_in_both_directions() {
        let net = |text: &str| text.parse::<Ipv4Net>().unwrap();
        assert!(overlap(&net("10.0.0.0/8"), &net("10.1.0.0/28")) && overlap(&net("10.1.0.0/28"), &net("10.0.0.0/8")));
        assert!(!overlap(&net("10.1.0.0/28"), &net("10.1.0.16/28")));
    }
}
