//! Services that are not there, break off or are not waited for any more.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use axum::{Router, body::Body, extract::Request};
use control_plane_api::ProjectRef;
use gateway::{
    Address, Gateway, Limits, RouteTable, Upstream,
    remote::{self, Target},
};
use http::{StatusCode, header};
use http_body_util::BodyExt as _;
use project_context::ApiKeys;
use tokio::net::{TcpSocket, TcpStream};
use tower::ServiceExt as _;

use crate::support::{End, GET, Service, proxy};

fn everything(address: SocketAddr) -> Vec<Target> {
    vec![Target { prefix: "/".to_owned(), instead: None, address }]
}

/// The refusal that a client gets: JSON, with word of when to come back.
async fn expect_refusal(client: &mut End, status: &str, words: &str) {
    let head = client.head().await;
    assert!(head.starts_with(&format!("http/1.1 {status}")), "{head}");
    assert!(head.contains("content-type: application/json\r\n") && head.contains("retry-after: 1\r\n"), "{head}");
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap().parse().unwrap();
    let mut body = vec![0; length];
    tokio::io::AsyncReadExt::read_exact(&mut client.0, &mut body).await.unwrap();
    let body: serde_json::Value = serde_json::from_slice(&body).unwrap();
    assert!(body["message"].as_str().unwrap().contains(words), "{body}");
}

#[tokio::test]
async fn a_service_that_is_not_there_can_be_asked_again_later() {
    let service = Service::listen().await;
    let address = service.address();
    drop(service);
    let mut client = End::connect(proxy(everything(address)).await).await;
    for _ in 0..2 {
        client.send("GET / HTTP/1.1\r\nhost: x\r\n\r\n").await;
        expect_refusal(&mut client, "503", "takes no connections").await;
    }
}

#[tokio::test]
async fn a_service_that_takes_no_connection_in_is_not_waited_for() {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(([127, 0, 0, 1], 0).into()).unwrap();
    let listener = socket.listen(1).unwrap();
    let address = listener.local_addr().unwrap();
    // Those that wait to be taken in fill the queue; the next one hears nothing.
    let mut waiting = Vec::new();
    while let Ok(stream) = tokio::time::timeout(Duration::from_millis(200), TcpStream::connect(address)).await {
        waiting.push(stream.unwrap());
    }
    let mut client = End::connect(proxy(everything(address)).await).await;
    let begun = std::time::Instant::now();
    client.send("GET / HTTP/1.1\r\nhost: x\r\n\r\n").await;
    expect_refusal(&mut client, "503", "takes no connections").await;
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn a_service_that_breaks_off_before_it_answers_is_a_bad_gateway() {
    let service = Service::listen().await;
    for said in ["", "HTTP/1.1 200 OK\r\ncontent-le", "this is no HTTP\r\n\r\n"] {
        let (mut client, mut upstream, _) = service.asked(GET).await;
        upstream.send(said).await;
        drop(upstream);
        expect_refusal(&mut client, "502", "broke off").await;
    }
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_not_taken_for_a_whole_one() {
    let service = Service::listen().await;
    for (framing, said) in [("transfer-encoding: chunked", "4\r\nhalf\r\n"), ("content-length: 8", "half")] {
        let (mut client, mut upstream, _) = service.asked(GET).await;
        upstream.send(format!("HTTP/1.1 200 OK\r\n{framing}\r\n\r\n{said}")).await;
        client.head().await;
        client.expect(said).await;
        drop(upstream);
        assert_eq!(client.rest().await, "", "no end is made up: {framing}");
    }
}

#[tokio::test]
async fn a_client_that_goes_away_takes_its_request_with_it() {
    let service = Service::listen().await;
    // Before the answer, in the answer, and in the request.
    let (client, mut upstream, _) = service.asked(GET).await;
    drop(client);
    assert_eq!(upstream.rest().await, "");
    let (mut client, mut upstream, _) = service.asked(GET).await;
    upstream.send("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nhi\r\n").await;
    client.head().await;
    drop(client);
    assert_eq!(upstream.rest().await, "");
    let (mut client, mut upstream, _) = service.asked("POST /s HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\nhalf").await;
    upstream.expect("half").await;
    client.send("").await;
    drop(client);
    assert_eq!(upstream.rest().await, "");
}

/// A gateway before one project whose services are elsewhere.
fn gateway(services: Router, limits: Limits) -> (Arc<Gateway>, ProjectRef) {
    let project_ref = ProjectRef::from_letters([0; 20]);
    let keys = ApiKeys::new("a.non.jwt".into(), "ser.vice.jwt".into(), vec![], vec![]);
    let table = Arc::new(RouteTable::default());
    table.publish(project_ref.clone(), Upstream::new(keys, services, &limits));
    (Arc::new(Gateway::new(table, limits, |_| false)), project_ref)
}

#[tokio::test]
async fn the_gateways_limits_hold_for_services_elsewhere() {
    let service = Service::listen().await;
    let limits = Limits { body_bytes: 10, body_pause: Duration::from_millis(200), ..Limits::default() };
    let (gateway, project_ref) = gateway(remote::router(everything(service.address())), limits);
    let send = async |body: Body| {
        let request = Request::post("/rest/v1/t").header("apikey", "a.non.jwt").body(body).unwrap();
        gateway.handle(Address::Host(project_ref.clone()), request).await
    };
    let reading = tokio::spawn(async move {
        let (mut first, mut second) = (service.accept().await, service.accept().await);
        (first.rest().await, second.rest().await)
    });
    let pieces = futures::stream::iter(["six by", "six by"].map(Ok::<_, std::convert::Infallible>));
    assert_eq!(send(Body::from_stream(pieces)).await.status(), StatusCode::PAYLOAD_TOO_LARGE);
    let pausing =
        futures::StreamExt::chain(futures::stream::iter([Ok::<_, std::convert::Infallible>("half")]), futures::stream::pending());
    assert_eq!(send(Body::from_stream(pausing)).await.status(), StatusCode::REQUEST_TIMEOUT);
    // The service sees an end that is no end of a body.
    let (first, second) = reading.await.unwrap();
    assert!(!first.ends_with("0\r\n\r\n") && !second.ends_with("0\r\n\r\n"), "{first:?} {second:?}");
}

#[tokio::test]
async fn the_path_forms_prefix_is_told() {
    let service = Service::listen().await;
    let targets = vec![Target { prefix: "/storage/v1".to_owned(), instead: Some(String::new()), address: service.address() }];
    let (gateway, project_ref) = gateway(remote::router(targets), Limits::default());
    let path = format!("/p/{project_ref}/storage/v1/object/x");
    let request = Request::get(&path).header("apikey", "a.non.jwt").header(header::COOKIE, "a=b").body(Body::empty()).unwrap();
    let begin = "/p/".len() + 20;
    let asking = tokio::spawn(async move { gateway.handle(Address::Path(project_ref, begin), request).await });
    let mut upstream = service.accept().await;
    let head = upstream.head().await;
    assert!(head.starts_with("get /object/x http/1.1\r\n") && !head.contains("cookie"), "{head}");
    let prefix = path.strip_suffix("/object/x").unwrap();
    assert!(head.contains(&format!("x-forwarded-prefix: {prefix}\r\n")), "{head}");
    upstream.send("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").await;
    let response = asking.await.unwrap();
    assert_eq!(response.into_body().collect().await.unwrap().to_bytes(), "ok");
}

#[tokio::test]
async fn a_router_without_targets_has_no_service() {
    let response = remote::router(Vec::new()).oneshot(Request::get("/").body(Body::empty()).unwrap()).await.unwrap();
    assert_eq!(response.status(), StatusCode::NOT_FOUND);
}
