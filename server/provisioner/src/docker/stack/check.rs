//! Everything that a stack names is there, and what it asks for can be had. What is wrong is told in words that name it.

use std::collections::BTreeMap;

use super::{
    MAX_SERVICES,
    compose::{Binding, Compose, Service},
    is_plain,
};

/// Checks a stack, part by part.
pub(super) fn check(compose: &Compose) -> Result<(), String> {
    names(&compose.services)?;
    binding(&compose.binding, &compose.services)?;
    for (name, service) in &compose.services {
        references(name, service, compose)?;
        network(name, service, compose)?;
        if !(1..=100).contains(&service.memory_percent) {
            return Err(format!("service {name}: x-memory-percent is a number from 1 to 100"));
        }
    }
    order(&compose.services).map(drop)
}

/// Services after those that they need; among equals by name.
pub(super) fn order(services: &BTreeMap<String, Service>) -> Result<Vec<&str>, String> {
    let mut ordered: Vec<&str> = Vec::new();
    while ordered.len() < services.len() {
        let ready = |(name, service): &(&String, &Service)| {
            !ordered.contains(&name.as_str()) && needed_by(service).all(|other| ordered.contains(&other))
        };
        match services.iter().find(ready) {
            Some((name, _)) => ordered.push(name),
            None => return Err("depends_on or network_mode goes in a circle".to_owned()),
        }
    }
    Ok(ordered)
}

/// Whether the service says that it depends on the other one, itself or through others. That it joins its network says
/// nothing of what it needs there. Of services that were checked.
pub(super) fn depends(services: &BTreeMap<String, Service>, name: &str, other: &str) -> bool {
    services[name].depends_on.0.iter().any(|needed| needed == other || depends(services, needed, other))
}

fn needed_by(service: &Service) -> impl Iterator<Item = &str> {
    let owner = service.network_mode.as_ref().map(|mode| mode.0.as_str());
    service.depends_on.0.iter().map(String::as_str).chain(owner)
}

fn names(services: &BTreeMap<String, Service>) -> Result<(), String> {
    if services.len() > MAX_SERVICES {
        return Err(format!("it has {} services; at most {MAX_SERVICES} are possible", services.len()));
    }
    match services.keys().find(|name| !is_plain(name)) {
        Some(name) => Err(format!("{name:?} is no name for a service: use letters, digits, - and _")),
        None => Ok(()),
    }
}

fn is_there(services: &BTreeMap<String, Service>, name: &str, who: &str) -> Result<(), String> {
    if services.contains_key(name) { Ok(()) } else { Err(format!("{who} names the service {name:?}, which is not there")) }
}

fn binding(binding: &Binding, services: &BTreeMap<String, Service>) -> Result<(), String> {
    let database = &binding.database;
    is_there(services, &database.service, "x-supacloud.database")?;
    if !services[&database.service].volumes.iter().any(|mount| mount.volume == database.volume && !mount.read_only) {
        return Err(format!(
            "the service {:?} does not mount x-supacloud.database.volume {:?}",
            database.service, database.volume
        ));
    }
    if binding.routes.is_empty() {
        return Err("x-supacloud.routes is empty: no path would lead anywhere".to_owned());
    }
    for route in &binding.routes {
        is_there(services, &route.service, "x-supacloud.routes")?;
        if !route.prefix.starts_with('/') {
            return Err(format!("the prefix {:?} of a route does not begin with /", route.prefix));
        }
    }
    for (place, who) in [(&binding.ready, "x-supacloud.ready"), (&binding.settings, "x-supacloud.settings")] {
        place.as_ref().map_or(Ok(()), |place| is_there(services, &place.service, who))?;
    }
    Ok(())
}

fn references(name: &str, service: &Service, compose: &Compose) -> Result<(), String> {
    for other in &service.depends_on.0 {
        is_there(&compose.services, other, &format!("depends_on of {name}"))?;
    }
    if let Some(mount) = service.volumes.iter().find(|mount| !compose.volumes.contains_key(&mount.volume)) {
        return Err(format!("service {name}: the volume {:?} is not among the top-level volumes", mount.volume));
    }
    if let Some(secret) = service.secrets.iter().find(|secret| !compose.secrets.contains_key(*secret)) {
        return Err(format!("service {name}: the secret {secret:?} is not among the top-level secrets"));
    }
    Ok(())
}

/// A service joins the network of one that has its own. The database's is its own: everything else waits for it.
fn network(name: &str, service: &Service, compose: &Compose) -> Result<(), String> {
    let Some(owner) = service.network_mode.as_ref().map(|mode| &mode.0) else { return Ok(()) };
    is_there(&compose.services, owner, &format!("network_mode of {name}"))?;
    if compose.services[owner].network_mode.is_some() {
        return Err(format!("network_mode of {name} names {owner:?}, which has no network of its own but joins another one's"));
    }
    if *name == compose.binding.database.service {
        return Err(format!("network_mode of {name}: the database has a network of its own; others may join it"));
    }
    Ok(())
}
