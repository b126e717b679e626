//! What a slow, busy or hostile project costs: itself, and nobody else.

#![expect(clippy::unwrap_used, reason = "a failure here is the test's failure")]

use std::{sync::Arc, time::Duration};

use axum::{
    Router,
    body::{Body, Bytes},
    extract::Request,
    response::Response,
};
use control_plane_api::{ProjectRef, ProjectState};
use gateway::{Address, Gateway, Limits, RouteTable, Upstream};
use http::{StatusCode, header};
use http_body_util::BodyExt as _;
use project_context::ApiKeys;
use tokio::sync::Notify;

const KEY: &str = "sb_publishable_x";

/// One project of this gateway, by its letter.
fn project(letter: u8) -> ProjectRef {
    ProjectRef::from_letters([letter; 20])
}

fn gateway(limits: &Limits, upstreams: impl IntoIterator<Item = (u8, Router)>) -> Arc<Gateway> {
    let table = Arc::new(RouteTable::default());
    for (letter, services) in upstreams {
        let keys = ApiKeys::new("a.non.jwt".into(), "ser.vice.jwt".into(), vec![KEY.into()], vec![]);
        table.publish(project(letter), Upstream::new(keys, services, limits));
    }
    table.withdraw(&project(25), ProjectState::Paused);
    Arc::new(Gateway::new(table, limits.clone(), |_| false))
}

/// Reads the whole body, then answers.
fn echo() -> Router {
    Router::new().fallback(|body: Bytes| async move { body })
}

async fn send(gateway: &Arc<Gateway>, letter: u8, body: Body) -> Response {
    let request = Request::builder().method("POST").uri("/rest/v1/t").header("apikey", KEY).body(body).unwrap();
    gateway.handle(Address::Host(project(letter)), request).await
}

async fn message(response: Response) -> String {
    let body = response.into_body().collect().await.unwrap().to_bytes();
    serde_json::from_slice::<serde_json::Value>(&body).unwrap()["message"].as_str().unwrap().to_owned()
}

#[tokio::test(start_paused = true)]
async fn a_project_whose_places_are_taken_refuses_and_others_answer() {
    let release = Arc::new(Notify::new());
    let hanging = {
        let release = Arc::clone(&release);
        Router::new().fallback(move || {
            let release = Arc::clone(&release);
            async move { release.notified().await }
        })
    };
    let limits = Limits { concurrency: 2, queue_length: 1, queue_wait: Duration::from_secs(5), ..Limits::default() };
    let gateway = gateway(&limits, [(0, hanging), (1, echo())]);
    let at_work: Vec<_> = (0..2)
        .map(|_| {
            let gateway = Arc::clone(&gateway);
            tokio::spawn(async move { send(&gateway, 0, Body::empty()).await.status() })
        })
        .collect();
    tokio::task::yield_now().await;
    let waiting = tokio::spawn({
        let gateway = Arc::clone(&gateway);
        async move { send(&gateway, 0, Body::empty()).await }
    });
    tokio::task::yield_now().await;
    // No place, and none to wait for one: at once.
    let refused = tokio::time::timeout(Duration::from_millis(1), send(&gateway, 0, Body::empty())).await.unwrap();
    assert_eq!(refused.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(refused.headers()[header::RETRY_AFTER], "1");
    assert!(message(refused).await.contains("too many requests"));
    // The neighbour does not notice.
    assert_eq!(send(&gateway, 1, Body::from("x")).await.status(), StatusCode::OK);
    // Who waited is refused when the wait is over.
    let waited = waiting.await.unwrap();
    assert_eq!((waited.status(), waited.headers()[header::RETRY_AFTER].as_bytes()), (StatusCode::SERVICE_UNAVAILABLE, &b"1"[..]));
    // Places that are given back are there again.
    release.notify_waiters();
    for request in at_work {
        assert_eq!(request.await.unwrap(), StatusCode::OK);
    }
    release.notify_one();
    assert_eq!(send(&gateway, 0, Body::empty()).await.status(), StatusCode::OK);
}

#[tokio::test(start_paused = true)]
async fn a_service_that_does_not_answer_is_not_waited_for() {
    let never = Router::new().fallback(std::future::pending::<()>);
    let limits = Limits { response_time: Duration::from_secs(3), ..Limits::default() };
    let gateway = gateway(&limits, [(0, never)]);
    let response = send(&gateway, 0, Body::from("all of it")).await;
    // The service has not read the body, so that it can't be told whether it would have come.
    assert!(matches!(response.status(), StatusCode::GATEWAY_TIMEOUT | StatusCode::REQUEST_TIMEOUT), "{}", response.status());
    let response = send(&gateway, 0, Body::empty()).await;
    assert_eq!(response.status(), StatusCode::GATEWAY_TIMEOUT);
    assert!(message(response).await.contains("did not answer in time"));
}

#[tokio::test(start_paused = true)]
async fn a_body_that_trickles_in_is_not_waited_for() {
    let limits = Limits { response_time: Duration::from_secs(3), ..Limits::default() };
    let gateway = gateway(&limits, [(0, echo())]);
    let trickle = futures::stream::unfold((), |()| async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        Some((Ok::<_, std::convert::Infallible>(Bytes::from_static(b"x")), ()))
    });
    let response = send(&gateway, 0, Body::from_stream(trickle)).await;
    assert_eq!(response.status(), StatusCode::REQUEST_TIMEOUT);
    assert!(message(response).await.contains("too long to arrive"));
}

#[tokio::test]
async fn a_body_over_the_limit_is_refused_before_it_is_read_and_while() {
    let limits = Limits { body_bytes: 10, ..Limits::default() };
    let gateway = gateway(&limits, [(0, echo())]);
    let declared = send(&gateway, 0, Body::from("eleven byte")).await;
    assert_eq!(declared.status(), StatusCode::PAYLOAD_TOO_LARGE);
    assert!(message(declared).await.contains("larger than 10 bytes"));
    let chunks = futures::stream::iter(["six by", "six by"].map(Ok::<_, std::convert::Infallible>));
    assert_eq!(send(&gateway, 0, Body::from_stream(chunks)).await.status(), StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(send(&gateway, 0, Body::from("ten bytes.")).await.status(), StatusCode::OK);
}

#[tokio::test]
async fn on_the_dashboards_origin_a_project_can_set_no_cookies() {
    let cookie = || async { [(header::SET_COOKIE.as_str(), "supacloud_session=x; Path=/"), ("clear-site-data", "\"*\"")] };
    let gateway = gateway(&Limits::default(), [(0, Router::new().fallback(cookie))]);
    let request = |address| {
        let path = if matches!(address, Address::Path(..)) { "/p/aaaaaaaaaaaaaaaaaaaa/rest/v1/t" } else { "/rest/v1/t" };
        let request = Request::builder().uri(path).header("apikey", KEY).body(Body::empty()).unwrap();
        gateway.handle(address, request)
    };
    let at_path = request(Address::Path(project(0), "/p/".len() + 20)).await;
    assert_eq!(at_path.status(), StatusCode::OK);
    assert!(!at_path.headers().contains_key(header::SET_COOKIE) && !at_path.headers().contains_key("clear-site-data"));
    assert_eq!(at_path.headers()[header::CONTENT_SECURITY_POLICY], "sandbox");
    // Its own host is its own affair.
    let at_host = request(Address::Host(project(0))).await;
    assert!(at_host.headers().contains_key(header::SET_COOKIE) && at_host.headers().contains_key("clear-site-data"));
}

#[tokio::test]
async fn a_project_that_rests_says_when_to_come_back() {
    let gateway = gateway(&Limits::default(), []);
    let response = send(&gateway, 25, Body::empty()).await;
    assert_eq!(
        (response.status(), response.headers()[header::RETRY_AFTER].as_bytes()),
        (StatusCode::SERVICE_UNAVAILABLE, &b"30"[..])
    );
    assert_eq!(response.headers()[header::ACCESS_CONTROL_ALLOW_ORIGIN], "*");
    assert_eq!(send(&gateway, 3, Body::empty()).await.status(), StatusCode::NOT_FOUND);
}
