use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::{Value, json};
use standardwebhooks::Webhook;

use super::{HookError, HookSecrets, HookSettingError, HookUri, Times, accepted, call, call_within};
use crate::outgoing::http::HttpClient;
use crate::outgoing::testing::{Server, client, json as reply};

const QUICK: Times = Times { whole: Duration::from_secs(5), pause: Duration::from_millis(1) };
const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const OTHER: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";

fn secrets() -> HookSecrets {
    HookSecrets::parse(&format!("v1,{SECRET}|v1,{OTHER}")).unwrap()
}

async fn answer(client: &HttpClient, status: &'static str, body: &'static str) -> Result<Value, HookError> {
    let server = Server::start(move |_| reply(status, body)).await;
    call(client, &server.url("/hook"), &secrets(), &json!({"user": 1})).await
}

#[test]
fn reads_where_a_hook_lies() {
    let function = HookUri::Function { schema: "public".to_owned(), function: "my_hook2".to_owned() };
    assert_eq!("pg-functions://postgres/public/my_hook2".parse(), Ok(function));
    assert_eq!("https://a.test/x?y".parse(), Ok(HookUri::Http("https://a.test/x?y".to_owned())));
    assert!("http://localhost:3000/hook".parse::<HookUri>().is_ok());
    let wrong = [
        "",
        "a.test",
        "ftp://a.test/",
        "pg-functions://postgres/public",
        "pg-functions://other/public/f",
        "pg-functions://postgres/public/f/g",
        "pg-functions://postgres/pub lic/f",
        "pg-functions://postgres/public/f()",
        "pg-functions://postgres/1a/f",
        "pg-functions://postgres//f",
        "https://",
    ];
    for uri in wrong {
        assert_eq!(uri.parse::<HookUri>(), Err(HookSettingError::Uri(uri.to_owned())), "{uri}");
    }
}

#[test]
fn reads_secrets_and_does_not_show_them() {
    assert_eq!(format!("{:?}", secrets()), "HookSecrets(2)");
    assert_eq!(HookSecrets::parse("").unwrap().0.len(), 0);
    for wrong in [SECRET, "v1,MfKQ9r8G", "v1,whsec_%%%", "v1a,whpk_abc", "v1,whsec_MfKQ|x"] {
        assert!(HookSecrets::parse(wrong).is_err(), "{wrong}");
    }
}

#[tokio::test]
async fn a_call_is_signed_with_every_secret() {
    let server = Server::start(|_| reply("200 OK", "{\"claims\":{}}")).await;
    let answer = call(&client(), &server.url("/hook"), &secrets(), &json!({"user": "ü"})).await.unwrap();
    assert_eq!(answer, json!({"claims": {}}));
    let received = &server.received()[0];
    assert_eq!(received.json(), json!({"user": "ü"}));
    assert_eq!(received.header("content-type"), "application/json");
    assert_eq!(received.header("webhook-signature").split(' ').count(), 2);
    let mut headers = http::HeaderMap::new();
    for name in ["webhook-id", "webhook-timestamp", "webhook-signature"] {
        headers.insert(name, received.header(name).parse().unwrap());
    }
    for secret in [SECRET, OTHER] {
        Webhook::new(secret).unwrap().verify(received.body.as_bytes(), &headers).unwrap();
    }
    assert!(Webhook::new(SECRET).unwrap().verify(b"{}", &headers).is_err());
}

#[tokio::test]
async fn a_hook_that_says_no_is_heard() {
    let body = "{\"error\":{\"http_code\":403,\"message\":\"not you\"}}";
    let error = answer(&client(), "200 OK", body).await.unwrap_err();
    assert!(matches!(&error, HookError::Rejected { http_code: 403, message } if message == "not you"), "{error:?}");
    assert_eq!(error.to_string(), "not you");
}

#[test]
fn an_error_of_either_kind_of_hook() {
    let rejected = |answer: Value| match accepted(answer) {
        Err(HookError::Rejected { http_code, message }) => (http_code, message),
        other => panic!("{other:?}"),
    };
    assert_eq!(rejected(json!({"error": {"message": "a"}})), (500, "a".to_owned()));
    assert_eq!(rejected(json!({"error": {"message": "a", "http_code": 200}})), (500, "a".to_owned()));
    assert_eq!(rejected(json!({"error": "a"})).0, 500);
    for fine in [json!({"error": null}), json!({"a": 1}), json!({"error": {}}), json!([])] {
        assert!(accepted(fine.clone()).is_ok(), "{fine}");
    }
}

#[tokio::test]
async fn answers_are_read_as_the_documentation_says() {
    let client = client();
    assert_eq!(answer(&client, "204 No Content", "").await.unwrap(), json!({}));
    assert_eq!(answer(&client, "202 Accepted", "{\"a\":1}").await.unwrap(), json!({"a": 1}));
    assert!(matches!(answer(&client, "400 Bad Request", "{}").await, Err(HookError::InvalidPayload)));
    assert!(matches!(answer(&client, "401 Unauthorized", "{}").await, Err(HookError::Unauthorized)));
    assert!(matches!(answer(&client, "302 Found", "").await, Err(HookError::Status(302))));
    assert!(matches!(answer(&client, "500 Oh", "{\"error\":{\"message\":\"a\"}}").await, Err(HookError::Status(500))));
    assert!(matches!(answer(&client, "200 OK", "{").await, Err(HookError::InvalidJson(_))));
    let server = Server::start(|_| "HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: 1\r\n\r\na".to_owned()).await;
    let error = call(&client, &server.url("/"), &secrets(), &json!({})).await.unwrap_err();
    assert_eq!(error.to_string(), "Invalid JSON response. Received content-type: text/html");
}

#[tokio::test]
async fn an_answer_is_bounded() {
    let server = Server::start(|_| reply("200 OK", &format!("\"{}\"", "a".repeat(20 * 1024)))).await;
    let error = call(&client(), &server.url("/"), &secrets(), &json!({})).await.unwrap_err();
    assert!(matches!(error, HookError::PayloadOverSizeLimit), "{error:?}");
}

/// A hook that says "later" at first.
async fn busy(times: usize, retry_after: &'static str) -> (Server, Arc<AtomicUsize>) {
    let count = Arc::new(AtomicUsize::new(0));
    let counted = count.clone();
    let server = Server::start(move |_| {
        if counted.fetch_add(1, Ordering::SeqCst) < times {
            format!("HTTP/1.1 503 Busy\r\ncontent-length: 0\r\n{retry_after}\r\n")
        } else {
            reply("200 OK", "{\"a\":1}")
        }
    })
    .await;
    (server, count)
}

#[tokio::test]
async fn a_busy_hook_that_asks_for_it_is_called_again() {
    let (server, count) = busy(1, "retry-after: true\r\n").await;
    assert_eq!(call_within(QUICK, &client(), &server.url("/"), &secrets(), &json!({})).await.unwrap(), json!({"a": 1}));
    assert_eq!(count.load(Ordering::SeqCst), 2);
    let ids: Vec<_> = server.received().iter().map(|request| request.header("webhook-id").to_owned()).collect();
    assert_eq!(ids[0], ids[1]);
}

#[tokio::test]
async fn a_busy_hook_that_does_not_ask_is_left() {
    let (server, count) = busy(9, "").await;
    let error = call_within(QUICK, &client(), &server.url("/"), &secrets(), &json!({})).await.unwrap_err();
    assert!(matches!(error, HookError::Status(503)), "{error:?}");
    assert_eq!(count.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_hook_that_stays_busy_is_left() {
    let (server, count) = busy(9, "retry-after: 1\r\n").await;
    let error = call_within(QUICK, &client(), &server.url("/"), &secrets(), &json!({})).await.unwrap_err();
    assert!(matches!(error, HookError::TimeoutAfterRetry), "{error:?}");
    assert_eq!(count.load(Ordering::SeqCst), 3);
}

#[tokio::test]
async fn a_hook_without_an_answer_is_left_in_time() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let times = Times { whole: Duration::from_millis(100), ..QUICK };
    let error = call_within(times, &client(), &url, &secrets(), &json!({})).await.unwrap_err();
    assert!(matches!(error, HookError::Timeout), "{error:?}");
    assert_eq!(error.to_string(), "Failed to reach hook within maximum time of 5.000000 seconds");
}
