//! What a project's containers are to be: pure, from a stack and a project's facts to what the engine is told.

use std::{
    collections::{BTreeSet, HashMap},
    net::{IpAddr, Ipv4Addr},
};

use bollard::models::{
    ContainerCreateBody, ContainerInspectResponse, ContainerUpdateBody, EndpointIpamConfig, EndpointSettings, HealthConfig,
    HostConfig, HostConfigLogConfig, Mount, MountType, NetworkingConfig, PortBinding, PortMap, RestartPolicy,
    RestartPolicyNameEnum,
};
use control_plane::ProvisionError;
use control_plane_api::{InstanceSize, ProjectRef};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::{
    delivery,
    image::Image,
    names::{GENERATION, Names},
    network::ProjectNetwork,
    stack::{HealthCheck, ServiceSpec, Stack},
    transient,
};

/// Processes and threads of a container, unless the stack says otherwise.
const PIDS: i64 = 512;
/// Least memory of a container, in bytes: with less, hardly anything starts.
const MIN_MEMORY: i64 = 32 << 20;
/// What the engine keeps of a container's output.
const LOG: [(&str, &str); 2] = [("max-size", "10m"), ("max-file", "3")];

/// What a project's containers have in common.
#[derive(Debug)]
pub(super) struct Blueprint<'a> {
    pub(super) names: &'a Names,
    pub(super) project_ref: &'a ProjectRef,
    pub(super) stack: &'a Stack,
    /// In the stack's order.
    pub(super) services: &'a [ServiceSpec],
    /// In the order of the services.
    pub(super) images: &'a [Image],
    pub(super) network: &'a ProjectNetwork,
    pub(super) size: InstanceSize,
    /// Processors of the engine's machine, in thousandths; more can't be asked for.
    pub(super) engine_millicpus: i64,
    pub(super) publish: Publish,
    /// The volume with the program that hands over secrets.
    pub(super) tools: String,
}

/// Which ports are published on the engine's machine, and where.
#[derive(Debug, Clone, Copy)]
pub(super) struct Publish {
    pub(super) address: IpAddr,
    /// The port of SQL connections.
    pub(super) sql: Option<u16>,
    /// The services' ports too, because their addresses can't be reached.
    pub(super) services: bool,
}

/// A container as it is to be.
#[derive(Debug, Clone)]
pub(super) struct Desired {
    pub(super) name: String,
    pub(super) component: String,
    pub(super) body: ContainerCreateBody,
    pub(super) limits: Limits,
    /// Its place in the project's network; nothing where it joins another container's.
    pub(super) endpoint: Option<(ProjectNetwork, Ipv4Addr)>,
    pub(super) stop_grace: i64,
    /// It can't be started a second time.
    pub(super) starts_once: bool,
}

/// What can be changed while a container runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Limits {
    /// Bytes; there is no swap beyond them.
    pub(super) memory: i64,
    /// Billionths of a processor.
    pub(super) nano_cpus: i64,
    pub(super) pids: i64,
}

impl Limits {
    fn of(service: &ServiceSpec, size: InstanceSize, engine_millicpus: i64) -> Self {
        let memory = i64::from(size.memory_mib()) * (1 << 20) * i64::from(service.memory_percent) / 100;
        Self {
            memory: memory.max(MIN_MEMORY),
            nano_cpus: i64::from(size.millicpus()).min(engine_millicpus) * 1_000_000,
            pids: service.pids_limit.unwrap_or(PIDS),
        }
    }

    /// Whether they are in force.
    pub(super) fn are_of(self, container: &ContainerInspectResponse) -> bool {
        let Some(host) = &container.host_config else { return false };
        host.memory == Some(self.memory) && host.nano_cpus == Some(self.nano_cpus) && host.pids_limit == Some(self.pids)
    }

    pub(super) fn update(self) -> ContainerUpdateBody {
        ContainerUpdateBody {
            memory: Some(self.memory),
            memory_swap: Some(self.memory),
            nano_cpus: Some(self.nano_cpus),
            pids_limit: Some(self.pids),
            ..ContainerUpdateBody::default()
        }
    }
}

impl Blueprint<'_> {
    /// The container of the service at this place in the stack's order. `owner` is the id of the container whose network it
    /// joins, where it joins one: with another owner it is another container.
    pub(super) fn desired(&self, place: usize, owner: Option<&str>) -> Result<Desired, ProvisionError> {
        let (service, image) = (&self.services[place], &self.images[place]);
        let address = self.network.address(place);
        let address = address.ok_or_else(|| transient("the project's network has too few addresses for its services"))?;
        let endpoint = service.joins.is_none().then(|| (self.network.clone(), address));
        let network_mode = match owner.filter(|_| service.joins.is_some()) {
            Some(owner) => format!("container:{owner}"),
            None => self.network.name.clone(),
        };
        let limits = Limits::of(service, self.size, self.engine_millicpus);
        let (exposed_ports, port_bindings) = self.ports(service);
        let mut body = ContainerCreateBody {
            image: Some(image.reference.clone()),
            hostname: endpoint.as_ref().map(|_| service.name.clone()),
            user: service.user.clone(),
            working_dir: service.working_dir.clone(),
            env: Some(self.environment(service)),
            healthcheck: service.healthcheck.as_ref().map(health),
            exposed_ports: endpoint.as_ref().map(|_| exposed_ports),
            stop_signal: service.stop_signal.clone(),
            stop_timeout: Some(service.stop_grace),
            host_config: Some(HostConfig {
                network_mode: Some(network_mode),
                port_bindings: endpoint.as_ref().map(|_| port_bindings),
                ..self.host_config(service, image)
            }),
            networking_config: endpoint.as_ref().map(|(network, address)| networking(network, &service.name, *address)),
            ..ContainerCreateBody::default()
        };
        if service.has_secrets() {
            let mut words = service.entrypoint.clone().unwrap_or_else(|| image.entrypoint.clone());
            // As everywhere: another entrypoint leaves the image's command behind.
            let inherited = if service.entrypoint.is_some() { Vec::new() } else { image.command.clone() };
            words.extend(service.command.clone().unwrap_or(inherited));
            delivery::wrap(&mut body, words);
        } else {
            body.entrypoint.clone_from(&service.entrypoint);
            body.cmd.clone_from(&service.command);
        }
        let mut labels = self.names.labels(self.project_ref, &service.name, self.stack.name());
        labels.insert(GENERATION.to_owned(), generation(&body, &image.id, &self.network.id));
        body.labels = Some(labels);
        // After the generation: they can be changed without another container.
        if let Some(host) = &mut body.host_config {
            host.memory = Some(limits.memory);
            host.memory_swap = Some(limits.memory);
            host.nano_cpus = Some(limits.nano_cpus);
            host.pids_limit = Some(limits.pids);
        }
        Ok(Desired {
            name: Names::part(self.project_ref, &service.name),
            component: service.name.clone(),
            body,
            limits,
            endpoint,
            stop_grace: service.stop_grace,
            starts_once: service.has_secrets() && secrets_owner(service, image) == Owner::Unknown,
        })
    }

    fn environment(&self, service: &ServiceSpec) -> Vec<String> {
        let mut environment = service.environment.clone();
        let database = &self.stack.binding().database;
        if service.name == database.service {
            environment.extend(database_environment(self.stack, service));
            // A lost volume must not be replaced by an empty database.
            environment.insert("SUPACLOUD_REQUIRE_DATA".to_owned(), "1".to_owned());
        }
        environment.into_iter().map(|(name, value)| format!("{name}={value}")).collect()
    }

    fn host_config(&self, service: &ServiceSpec, image: &Image) -> HostConfig {
        let mut mounts: Vec<Mount> = service
            .volumes
            .iter()
            .map(|mount| volume(&Names::part(self.project_ref, &mount.volume), &mount.target, mount.read_only))
            .collect();
        if service.has_secrets() {
            mounts.push(volume(&self.tools, delivery::FOLDER, true));
        }
        HostConfig {
            mounts: Some(mounts),
            tmpfs: Some(tmpfs(&service.tmpfs, service.has_secrets().then(|| secrets_owner(service, image)))),
            shm_size: service.shm_bytes,
            cap_add: Some(service.cap_add.clone()),
            restart_policy: Some(RestartPolicy { name: Some(RestartPolicyNameEnum::UNLESS_STOPPED), maximum_retry_count: None }),
            ..hardened(service.read_only)
        }
    }

    /// What is published of the service and of those that join its network.
    fn ports(&self, service: &ServiceSpec) -> (Vec<String>, PortMap) {
        let binding = self.stack.binding();
        let mut bindings = PortMap::new();
        let mut bind = |port: u16, host_port: Option<u16>| {
            let on = PortBinding {
                host_ip: Some(self.publish.address.to_string()),
                host_port: Some(host_port.map_or_else(String::new, |port| port.to_string())),
            };
            bindings.insert(format!("{port}/tcp"), Some(vec![on]));
        };
        if service.name == binding.database.service
            && let Some(sql) = self.publish.sql
        {
            bind(binding.database.port, Some(sql));
        }
        if self.publish.services {
            let is_here = |name: &str| self.services.iter().any(|other| other.name == name && other.network_of() == service.name);
            let routes = binding.routes.iter().filter(|route| is_here(&route.service)).map(|route| route.port);
            let places = binding.ready.iter().chain(&binding.settings);
            let places = places.filter(|place| is_here(&place.service)).map(|place| place.port);
            for port in routes.chain(places).collect::<BTreeSet<_>>() {
                bind(port, None);
            }
        }
        let mut exposed: Vec<String> = bindings.keys().cloned().collect();
        exposed.sort();
        (exposed, bindings)
    }
}

/// Where the database keeps its data: the folder `data` of its volume.
pub(super) fn database_environment(stack: &Stack, service: &ServiceSpec) -> Vec<(String, String)> {
    let volume = &stack.binding().database.volume;
    let mount = service.volumes.iter().find(|mount| mount.volume == *volume);
    mount.map(|mount| ("PGDATA".to_owned(), format!("{}/data", mount.target.trim_end_matches('/')))).into_iter().collect()
}

/// What every container of ours is denied.
pub(super) fn hardened(read_only: bool) -> HostConfig {
    HostConfig {
        cap_drop: Some(vec!["ALL".to_owned()]),
        security_opt: Some(vec!["no-new-privileges:true".to_owned()]),
        readonly_rootfs: Some(read_only),
        log_config: Some(HostConfigLogConfig {
            typ: Some("json-file".to_owned()),
            config: Some(LOG.map(|(key, value)| (key.to_owned(), value.to_owned())).into()),
        }),
        ..HostConfig::default()
    }
}

/// A named volume at a path. It must be there: an engine makes one that is missing, empty.
pub(super) fn volume(name: &str, target: &str, read_only: bool) -> Mount {
    Mount {
        typ: Some(MountType::VOLUME),
        source: Some(name.to_owned()),
        target: Some(target.to_owned()),
        read_only: Some(read_only),
        ..Mount::default()
    }
}

/// A place in a network, for a new container.
pub(super) fn networking(network: &ProjectNetwork, alias: &str, address: Ipv4Addr) -> NetworkingConfig {
    NetworkingConfig { endpoints_config: Some([(network.name.clone(), endpoint(alias, address))].into()) }
}

/// A place in a network.
pub(super) fn endpoint(alias: &str, address: Ipv4Addr) -> EndpointSettings {
    EndpointSettings {
        aliases: Some(vec![alias.to_owned()]),
        ipam_config: Some(EndpointIpamConfig { ipv4_address: Some(address.to_string()), ..EndpointIpamConfig::default() }),
        ..EndpointSettings::default()
    }
}

/// Whom the folder of secrets belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Owner {
    Number(u32),
    /// A name, which only the image knows.
    Unknown,
}

fn secrets_owner(service: &ServiceSpec, image: &Image) -> Owner {
    let user = service.user.as_deref().unwrap_or(&image.user);
    match user.split(':').next().unwrap_or_default() {
        "" | "root" => Owner::Number(0),
        user => user.parse().map_or(Owner::Unknown, Owner::Number),
    }
}

/// Folders in memory: `path` or `path:options`; and the one for secrets.
pub(super) fn tmpfs(folders: &[String], secrets_of: Option<Owner>) -> HashMap<String, String> {
    let mut folders: HashMap<String, String> = folders
        .iter()
        .map(|entry| match entry.split_once(':') {
            Some((path, options)) => (path.to_owned(), options.to_owned()),
            None => (entry.clone(), "mode=1777".to_owned()),
        })
        .collect();
    let access = match secrets_of {
        Some(Owner::Number(user)) => Some(format!("uid={user},mode=0700")),
        // Only processes of this container get there. The mode holds for its first start only: at the second, the folder is
        // there, and keeps its own.
        Some(Owner::Unknown) => Some("mode=1777".to_owned()),
        None => None,
    };
    if let Some(access) = access {
        folders.insert(delivery::SECRETS.to_owned(), format!("{access},size=1m,noexec,nosuid,nodev"));
    }
    folders
}

fn health(check: &HealthCheck) -> HealthConfig {
    let nanoseconds =
        |period: Option<super::stack::Period>| period.map(|period| i64::try_from(period.0.as_nanos()).unwrap_or(i64::MAX));
    let words = check.test.as_slice();
    let test = match words {
        [line] if !line.starts_with("CMD") && line != "NONE" => vec!["CMD-SHELL".to_owned(), line.clone()],
        words => words.to_vec(),
    };
    HealthConfig {
        test: Some(test),
        interval: nanoseconds(check.interval),
        timeout: nanoseconds(check.timeout),
        retries: check.retries,
        start_period: nanoseconds(check.start_period),
        start_interval: None,
    }
}

/// Changes with anything that needs another container.
fn generation(body: &ContainerCreateBody, image: &str, network: &str) -> String {
    let mut hash = Sha256::new();
    canonical(&serde_json::to_value(body).unwrap_or_default(), &mut hash);
    hash.update(image);
    hash.update(network);
    hex::encode(&hash.finalize()[..8])
}

/// Hashes a document so that the order of its keys does not matter.
fn canonical(value: &Value, hash: &mut Sha256) {
    match value {
        Value::Object(map) => {
            let mut keys: Vec<&String> = map.keys().collect();
            keys.sort();
            hash.update([b'{']);
            for key in keys {
                hash.update(key);
                hash.update([0]);
                canonical(&map[key], hash);
            }
        }
        Value::Array(list) => {
            hash.update([b'[']);
            list.iter().for_each(|value| canonical(value, hash));
            hash.update([b']']);
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
            hash.update(value.to_string());
            hash.update([0]);
        }
    }
}
