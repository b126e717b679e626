//! The real server behind each proxy: names, streams, addresses, and who may ask what.

use std::net::IpAddr;

use serde_json::json;

use crate::support::{
    Backend, DB_PASS, Installation, Server,
    connection::Way,
    events::EventStream,
    http::Request,
    proxy::{DOMAIN, Kind, Proxy, free_ports},
};

const TOKEN: &str = "a-token-that-is-long-enough";

/// A server that trusts a proxy on this machine, and the proxy.
async fn behind(kind: Kind, settings: &[(&str, &str)]) -> (Installation, Server, Proxy) {
    behind_changed(kind, settings, |file| file).await
}

/// As [`behind`], with a proxy whose file is not quite as it is shipped.
pub(super) async fn behind_changed(
    kind: Kind,
    settings: &[(&str, &str)],
    change: impl Fn(String) -> String,
) -> (Installation, Server, Proxy) {
    let [http, https] = free_ports();
    let mut installation = Installation::new(Backend::Sqlite).await;
    installation.set("SUPACLOUD_SERVER__DOMAIN", DOMAIN);
    installation.set("SUPACLOUD_SERVER__PUBLIC_PORT", &https.to_string());
    installation.set("SUPACLOUD_SERVER__TRUSTED_PROXIES", "127.0.0.1");
    for (name, value) in settings {
        installation.set(name, value);
    }
    let server = installation.start().await;
    let proxy = kind.start_changed(server.address(), [http, https], change).await;
    (installation, server, proxy)
}

#[tokio::test]
async fn a_project_is_live_at_its_own_host() {
    for kind in Kind::installed() {
        let (installation, server, proxy) = behind(kind, &[]).await;
        // The dashboard's commands are written against what the visitor sees.
        let page = proxy.request(DOMAIN, "GET", "/").header("accept", "text/html").send().await.expect(200);
        assert!(page.text().contains(&proxy.origin()), "{}", page.text());
        // A page of the proxy's origin may change something, one of any other not: nor the same name without TLS.
        let body = json!({ "name": "behind", "db_pass": DB_PASS });
        let create = |origin: String| proxy.request(DOMAIN, "POST", "/v1/projects").header("origin", origin).json(&body).send();
        for foreign in [proxy.origin().replace("https", "http"), format!("https://{DOMAIN}"), "https://evil.example".to_owned()] {
            create(foreign).await.expect(403);
        }
        let made = create(proxy.origin()).await.expect(201).json();
        let project_ref = made["ref"].as_str().unwrap().to_owned();
        let host = format!("{project_ref}.api.{DOMAIN}");
        assert_eq!(made["api_url"], proxy.origin().replace(DOMAIN, &host));

        // The events come while they happen: the stream is still open.
        let mut events = events(&proxy, &project_ref).await;
        events.until(|event| event.is_state("running")).await;
        server.mark(&project_ref, 7).await;
        let renamed = proxy.request(DOMAIN, "PATCH", format!("/v1/projects/{project_ref}"));
        renamed.json(&json!({ "name": "seen" })).send().await.expect(200);
        events.until(|event| event.kind == "renamed").await;

        let key = server.key(&project_ref, "service_role").await;
        let rows = proxy.request(&host, "GET", "/rest/v1/t?select=mark").header("apikey", &key).send().await.expect(200);
        assert_eq!(rows.json(), json!([{ "mark": 7 }]));
        let refused = proxy.request(&host, "GET", "/rest/v1/t").send().await.expect(401);
        assert!(refused.message().contains("No API key"), "{}", refused.text());
        // It is the server that says what is too large, however the proxy is set up.
        let large = proxy.request(&host, "POST", "/rest/v1/t").header("apikey", &key).json(&json!("x".repeat(51 * 1024 * 1024)));
        large.send().await.expect(413).message();

        server.delete_all(&[project_ref]).await;
        server.stop().await;
        installation.expect_nothing_left().await;
    }
}

async fn events(proxy: &Proxy, project_ref: &str) -> EventStream {
    EventStream::open(proxy.request(DOMAIN, "GET", format!("/v1/projects/{project_ref}/events"))).await.unwrap()
}

#[tokio::test]
async fn clients_are_told_apart_by_their_own_addresses() {
    for kind in Kind::installed() {
        let (_installation, server, proxy) = behind(kind, &[("SUPACLOUD_SERVER__ADMIN_TOKEN", TOKEN)]).await;
        let wrong = async |way: Way, pretended: Option<String>| {
            let mut request = Request::new(way, "GET", "/v1/projects").header("authorization", "Bearer wrong-token-wrong-token");
            if let Some(address) = pretended {
                request = request.header("x-forwarded-for", address.clone()).header("x-real-ip", address);
            }
            request.send().await.status
        };
        let client = |last: u8| proxy.way(DOMAIN).starting_at(IpAddr::from([127, 0, 0, last]));
        for number in 0..11_u8 {
            // Neither through the proxy nor past it does it help to pretend to be somebody else.
            let pretended = format!("192.0.2.{number}");
            let through = wrong(client(7), Some(pretended.clone())).await;
            let past = wrong(Way::from(server.address()).starting_at(IpAddr::from([127, 0, 0, 8])), Some(pretended)).await;
            assert_eq!((through, past), if number < 10 { (401, 401) } else { (429, 429) }, "{kind:?} {number}");
        }
        assert_eq!(wrong(client(9), None).await, 401, "somebody else behind the same proxy");
        // And `Forwarded` is taken off by the proxy, or it would be refused as a contradiction.
        let request = Request::new(client(9), "GET", "/v1/projects").header("forwarded", "for=192.0.2.1;proto=http");
        request.header("authorization", format!("Bearer {TOKEN}")).send().await.expect(200);

        let sign_in = |request: Request| {
            request.header("content-type", "application/x-www-form-urlencoded").body(format!("token={TOKEN}")).send()
        };
        let through = sign_in(Request::new(client(9), "POST", "/sign-in").header("origin", proxy.origin())).await;
        assert!(through.header("set-cookie").unwrap().contains("Secure"));
        let direct =
            sign_in(server.post("/sign-in").header("x-forwarded-host", DOMAIN).header("x-forwarded-proto", "http")).await;
        assert!(!direct.header("set-cookie").unwrap().contains("Secure"));
        server.stop().await;
    }
}

#[tokio::test]
async fn what_a_trusted_proxy_says_must_make_sense() {
    let mut installation = Installation::new(Backend::Sqlite).await;
    installation.set("SUPACLOUD_SERVER__TRUSTED_PROXIES", "127.0.0.1");
    let server = installation.start().await;
    for (name, value) in [("x-forwarded-for", "nobody"), ("x-forwarded-proto", "gopher"), ("forwarded", "nonsense")] {
        let refused = server.get("/v1/projects").header(name, value).send().await.expect(400);
        assert!(refused.message().contains(name) && refused.message().contains(value), "{}", refused.text());
        assert!(refused.header("x-request-id").is_some());
    }
    // Somebody else's headers are nothing.
    let somebody = Way::from(server.address()).starting_at(IpAddr::from([127, 0, 0, 2]));
    Request::new(somebody, "GET", "/v1/projects").header("x-forwarded-for", "nobody").send().await.expect(200);
    // Without a token the server is for this machine, through a proxy, too.
    let refused = server.get("/v1/projects").header("x-forwarded-for", "192.0.2.1").send().await.expect(403);
    assert!(refused.message().contains("ADMIN_TOKEN"), "{}", refused.text());
    server.get("/v1/projects").header("x-forwarded-for", "127.0.0.2").send().await.expect(200);
    server.stop().await;
}

#[tokio::test]
async fn a_refused_network_gets_no_answer() {
    let installation = Installation::new(Backend::Sqlite).await.with("SUPACLOUD_SERVER__REFUSED_NETWORKS", "127.9.0.0/16");
    let server = installation.start().await;
    let refused = Way::from(server.address()).starting_at(IpAddr::from([127, 9, 0, 1]));
    assert!(Request::new(refused, "GET", "/v1/projects").try_send().await.is_err());
    server.get("/v1/projects").send().await.expect(200);
    server.stop().await;
}

#[tokio::test]
async fn caddy_gets_certificates_for_hosts_that_exist_and_for_no_others() {
    if !Kind::Caddy.is_installed() {
        return;
    }
    let (_installation, server, proxy) = behind(Kind::Caddy, &[]).await;
    let hosts = |project_ref: &str| format!("{project_ref}.api.{DOMAIN}");
    let project_ref = server.create_live("asked for").await;
    for missing in [hosts("aaaaaaaaaaaaaaaaaaaa"), hosts("www"), format!("www.{DOMAIN}")] {
        let failed = proxy.request(&missing, "GET", "/rest/v1/").try_send().await;
        assert!(failed.is_err(), "{missing} has a certificate");
    }
    proxy.request(&hosts(&project_ref), "GET", "/rest/v1/").send().await.expect(401);
    server.delete_all(std::slice::from_ref(&project_ref)).await;
    // Its answer is asked for anew for each host that has no certificate yet.
    let later = server.create_live("made later").await;
    proxy.request(&hosts(&later), "GET", "/rest/v1/").send().await.expect(401);
    server.delete_all(&[later]).await;
    server.stop().await;
}

#[tokio::test]
async fn proxies_may_ask_for_themselves_only() {
    for kind in Kind::installed() {
        let (_installation, server, proxy) = behind(kind, &[("SUPACLOUD_SERVER__ADMIN_TOKEN", TOKEN)]).await;
        let (asked, listed) = (format!("/ask?domain={DOMAIN}"), "/traefik/config?resolver=letsencrypt");
        for target in [asked.as_str(), listed] {
            // The proxy, with nobody behind it.
            server.get(target).send().await.expect(200);
            // A client of the proxy's.
            proxy.request(DOMAIN, "GET", target).send().await.expect(404).message();
        }
        // A program on this machine that is no proxy, and nobody's list.
        let local = Way::from(server.address()).starting_at(IpAddr::from([127, 0, 0, 2]));
        let local = |target: &str| Request::new(local.clone(), "GET", target);
        local(&asked).send().await.expect(200);
        local("/ask?domain=evil.example").send().await.expect(404);
        local(listed).send().await.expect(404);
        local(listed).header("authorization", format!("Bearer {TOKEN}")).send().await.expect(200);
        server.stop().await;
    }
}
