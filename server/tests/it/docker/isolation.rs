//! From inside a project's containers nothing is reached but the project itself: no other project, neither the control plane
//! nor the engine.

use std::{collections::BTreeSet, net::IpAddr};

use crate::support::{
    Backend, Installation,
    docker::{SERVICES, docker, inspect, network, part, try_docker},
};

const POOL: &str = "10.221.80.0/20";
const TOKEN: &str = "a token for the tests of isolation";
const MARK: i32 = 41;
/// Names by which engines let containers reach their machine.
const NAMES: [&str; 4] = ["host.docker.internal", "gateway.docker.internal", "host.containers.internal", "supacloud"];
/// Where engines listen.
const ENGINE_PORTS: [u16; 2] = [2375, 2376];
/// Ports of a project's containers.
const PROJECT_PORTS: [u16; 3] = [5432, 8000, 8001];

#[tokio::test]
async fn a_projects_containers_reach_nothing_but_the_project() {
    let Some(installation) = Installation::docker(Backend::Sqlite, POOL).await else { return };
    let installation = installation.with("SUPACLOUD_SERVER__LISTEN", "0.0.0.0:0").with("SUPACLOUD_SERVER__ADMIN_TOKEN", TOKEN);
    let server = installation.start().await.signed_in(TOKEN);
    let (inside, other) = (server.create_marked("inside", MARK).await, server.create_marked("other", MARK).await);
    let from = Inside(part(&inside, "postgres"));
    // The question is one that can be answered with yes: its own services are reached, by its name and at its own address.
    for port in [8000, 8001] {
        for host in ["postgres", "127.0.0.1"] {
            assert_ne!(from.ask(host, port).await, "", "{host}:{port}");
        }
    }
    assert!(from.finds("postgres").await);

    let mut answers = Vec::new();
    // Both of its containers have this address.
    let settings = inspect("container", &part(&other, "postgres")).await["NetworkSettings"].take();
    let address = settings["Networks"][network(&other)]["IPAddress"].as_str().unwrap().to_owned();
    for port in PROJECT_PORTS {
        answers.push((format!("{address}:{port}"), from.ask(&address, port).await));
    }
    let itself = Inside(part(&other, "postgres"));
    assert_ne!(itself.ask(&address, 8000).await, "", "{address} is where the other project's services are");
    for service in SERVICES {
        let container = part(&other, service);
        assert!(!from.finds(&container).await, "{container} by its name");
    }
    let machine = addresses_of_this_machine();
    assert!(machine.contains(&gateway(&inside).await) && machine.contains(&gateway(&other).await), "{machine:?}");
    let (sql, own_sql) = (server.sql_port(&other).await, server.sql_port(&inside).await);
    let api = server.address().port();
    for address in &machine {
        for port in [sql, own_sql, api].into_iter().chain(ENGINE_PORTS) {
            answers.push((format!("{address}:{port}"), from.ask(address, port).await));
        }
    }
    for name in NAMES {
        assert!(!from.finds(name).await, "{name} by its name");
    }
    for (what, answer) in &answers {
        assert_eq!(answer, "", "{what} answers");
    }
    eprintln!("{} ways out of a container lead nowhere", answers.len());
    for service in SERVICES {
        let words = ["exec", &part(&inside, service), "find", "/run", "/var/run/", "/tmp", "-name", "*.sock"];
        let found = try_docker(&words).await.unwrap_or_default();
        assert_eq!(found, "", "sockets of {service}");
    }
    // Whoever asks from outside is answered all the same.
    server.expect_mark(&inside, MARK).await;
    server.expect_mark(&other, MARK).await;
    server.delete_all(&[inside, other]).await;
    server.stop().await;
    installation.expect_nothing_left().await;
}

#[tokio::test]
async fn a_projects_processes_have_no_right_that_they_do_not_need() {
    let Some(installation) = Installation::docker(Backend::Sqlite, POOL).await else { return };
    let server = installation.start().await;
    let project_ref = server.create_marked("bare", MARK).await;
    for service in SERVICES {
        let container = part(&project_ref, service);
        let status = docker(&["exec", &container, "cat", "/proc/1/status"]).await;
        let field = |name: &str| status.lines().find_map(|line| line.strip_prefix(name)).unwrap().trim().to_owned();
        for set in ["CapInh:", "CapPrm:", "CapEff:", "CapBnd:", "CapAmb:"] {
            assert_eq!(u64::from_str_radix(&field(set), 16), Ok(0), "{service} {set}");
        }
        assert_eq!(field("NoNewPrivs:"), "1", "{service}");
        assert_eq!(field("Seccomp:"), "2", "{service}");
        assert!(field("Uid:").split_whitespace().all(|user| user != "0"), "{service} is root");
        assert!(try_docker(&["exec", &container, "sh", "-c", "echo x > /etc/x || echo x > /usr/x"]).await.is_err(), "{service}");
        let host = inspect("container", &container).await["HostConfig"].take();
        assert_eq!((&host["Privileged"], &host["PidMode"], &host["IpcMode"]), (&false.into(), &"".into(), &"private".into()));
    }
    server.delete_all(&[project_ref]).await;
    server.stop().await;
    installation.expect_nothing_left().await;
}

/// What shares the database's network is let in as everybody else is: by password.
#[tokio::test]
async fn a_projects_database_asks_its_own_containers_for_their_passwords() {
    let Some(installation) = Installation::docker(Backend::Sqlite, POOL).await else { return };
    let server = installation.start().await;
    let project_ref = server.create_marked("asked", MARK).await;
    for host in ["127.0.0.1", "postgres", "/run/postgresql"] {
        for role in ["postgres", "supabase_admin", "authenticator"] {
            let words =
                ["exec", &part(&project_ref, "postgres"), "psql", "--no-password", "-h", host, "-U", role, "-c", "select 1"];
            let refused = try_docker(&words).await.unwrap_err();
            assert!(refused.contains("no password supplied"), "{role} at {host}: {refused}");
        }
    }
    server.delete_all(&[project_ref]).await;
    server.stop().await;
    installation.expect_nothing_left().await;
}

/// A container, from the inside.
struct Inside(String);

impl Inside {
    /// What answers to a request there, in the language of HTTP: its first line, or nothing where nobody does.
    async fn ask(&self, host: impl std::fmt::Display, port: u16) -> String {
        let script = format!(
            "exec 3<>/dev/tcp/{host}/{port} && printf 'GET / HTTP/1.1\\r\\nHost: localhost\\r\\nAuthorization: Bearer {TOKEN}\\r\\n\\
             Connection: close\\r\\n\\r\\n' >&3 && head -c 64 <&3"
        );
        let asked = try_docker(&["exec", &self.0, "timeout", "2", "bash", "-c", &script]).await;
        asked.unwrap_or_default()
    }

    /// Whether a name leads anywhere.
    async fn finds(&self, name: &str) -> bool {
        try_docker(&["exec", &self.0, "timeout", "5", "getent", "hosts", name]).await.is_ok()
    }
}

async fn gateway(project_ref: &str) -> IpAddr {
    let container = inspect("container", &part(project_ref, "postgres")).await;
    container["NetworkSettings"]["Networks"][network(project_ref)]["Gateway"].as_str().unwrap().parse().unwrap()
}

/// Every IPv4 address that the engine's machine has, bridges included. Loopback is the container's own.
fn addresses_of_this_machine() -> BTreeSet<IpAddr> {
    let table = std::fs::read_to_string("/proc/net/fib_trie").unwrap();
    let lines: Vec<&str> = table.lines().map(str::trim).collect();
    let local = lines.windows(2).filter(|pair| pair[1].contains("host LOCAL"));
    let addresses = local.filter_map(|pair| pair[0].rsplit(' ').next()?.parse::<IpAddr>().ok());
    addresses.filter(|address| !address.is_loopback()).collect()
}
