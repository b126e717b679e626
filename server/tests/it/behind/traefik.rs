//! What is Traefik's own: the hosts that it asks the server for, and that its files and the server's document agree.

use std::fs;

use super::server::behind_changed;
use crate::support::{
    eventually,
    proxy::{DOMAIN, Kind, deployed},
};

fn file(name: &str) -> String {
    fs::read_to_string(deployed(name)).unwrap()
}

#[test]
fn traefiks_files_name_what_there_is() {
    let (fixed, dynamic) = (file("traefik/traefik.yaml"), file("traefik/dynamic.yaml"));
    // What the server's document refers to by default, and what the comment says to add.
    for named in ["  websecure:\n", "/traefik/config\"", "/traefik/config?resolver=letsencrypt", "  letsencrypt:\n"] {
        assert!(fixed.contains(named), "{named:?} is not in traefik.yaml");
    }
    for named in ["- websecure\n", "service: supacloud\n", "- supacloud\n", "tls: {}\n", "Forwarded: \"\"\n"] {
        assert!(dynamic.contains(named), "{named:?} is not in dynamic.yaml");
    }
    // YAML has no tabs, and no empty maps that Traefik would refuse.
    for text in [&fixed, &dynamic] {
        assert!(!text.contains('\t'));
        assert_eq!(text.matches("{}").count(), text.matches("tls: {}").count());
    }
}

#[tokio::test]
async fn traefik_has_a_router_for_each_host_that_exists_and_for_no_other() {
    if !Kind::Traefik.is_installed() {
        return;
    }
    // Without the one for all hosts that there may be.
    let only_listed =
        |file: String| file.replace(&format!("Host(`{DOMAIN}`) || HostRegexp"), "Host(`nobody.test`) && HostRegexp");
    let (installation, server, proxy) = behind_changed(Kind::Traefik, &[], only_listed).await;
    // Traefik's own word for what it has no router for, which is no JSON.
    let is_routed = async |host: &str| {
        let answer = proxy.request(host, "GET", "/rest/v1/").send().await;
        assert!(matches!(answer.status, 401 | 404), "{}", answer.text());
        answer.status == 401
    };
    let project_ref = server.create_live("listed").await;
    let host = format!("{project_ref}.api.{DOMAIN}");
    eventually("a router for the project", async || is_routed(&host).await.then_some(())).await;
    eventually("one for the dashboard", async || {
        (proxy.request(DOMAIN, "GET", "/v1/projects").send().await.status == 200).then_some(())
    })
    .await;
    assert!(!is_routed(&format!("{}.api.{DOMAIN}", "a".repeat(20))).await);
    server.delete_all(&[project_ref]).await;
    eventually("the end of the router", async || (!is_routed(&host).await).then_some(())).await;
    server.stop().await;
    installation.expect_nothing_left().await;
}

/// compose.yaml's file is a template, filled from Traefik's environment.
#[tokio::test]
async fn traefik_understands_the_file_of_the_compose_file() {
    if !Kind::Traefik.is_installed() {
        return;
    }
    let template = |dynamic: String| {
        let (_, certificate) = dynamic.split_once("  stores:\n").unwrap();
        let url = dynamic.lines().find(|line| line.contains("- url:")).unwrap().trim();
        let file = file("compose/traefik.yaml").replace("- url: \"http://supacloud:8000\"", url);
        let (before, _) = file.split_once("  # A wildcard certificate of your own").unwrap();
        format!("{before}  stores:\n{certificate}")
    };
    let (_installation, server, proxy) = behind_changed(Kind::Traefik, &[], template).await;
    proxy.request(DOMAIN, "GET", "/v1/projects").send().await.expect(200);
    // Any host that a project may have, before Traefik has been told of one: the answer is the server's.
    let host = format!("{}.api.{DOMAIN}", "a".repeat(20));
    let answer = proxy.request(&host, "GET", "/rest/v1/").send().await.expect(404);
    assert!(answer.message().contains("project"), "{}", answer.text());
    let elsewhere = proxy.request(&format!("{}.api.{DOMAIN}", "a".repeat(19)), "GET", "/").send().await.expect(404);
    assert_eq!(elsewhere.text().trim(), "404 page not found", "Traefik's own");
    server.stop().await;
}
