//! Hostile input: always a client error with PostgREST's envelope, and nothing happens to the database.

use axum::body::Body;
use http::Request;

use crate::support::project;

#[tokio::test]
async fn is_answered_with_a_client_error() {
    let p = project("create table t (id int primary key, name text, data jsonb); insert into t values (1, 'a', '{}');").await;
    let deep = "[".repeat(20_000);
    let long_in = format!("/t?id=in.({})", vec!["1"; 5000].join(","));
    let nested_logic = format!("/t?and={}id.eq.1{}", "(and".repeat(200), ")".repeat(200));
    let many = format!("/t?{}", vec!["id=eq.1"; 2000].join("&"));
    let deep_filter = format!("/t?data=eq.{deep}");
    for target in [
        "/t?id=eq.%00",
        "/t?name=eq.%ff%fe",
        "/t%00",
        "/t?select=id;drop%20table%20t",
        "/t?select=id::int)%20from%20t;drop%20table%20t--",
        "/t?select=%22id%22%20from%20t--%22",
        "/t?select=id%22",
        "/t?order=id;drop%20table%20t",
        "/t?order=(select%201)",
        "/t?%22%3Bdrop%20table%20t%3B--=eq.1",
        "/t?id=eq.1;drop%20table%20t",
        "/t?limit=99999999999999999999999&select=nope",
        "/t?limit=-1",
        "/t?select=t(t(t(t)))",
        "/t?on_conflict=x&or=()",
        "/t?id=fts(').x",
        "/t?data-%3E%27=eq.1&name=eq(any).x",
        "/../../etc/passwd",
        "/rpc/pg_sleep?seconds=1",
        "/pg_catalog.pg_class",
        "/rpc/",
        "/t?select=id::text::int",
        "/t?id=in.(1",
        "/t?select=*,id.count()",
        nested_logic.as_str(),
        many.as_str(),
        deep_filter.as_str(),
    ] {
        let answer = p.send_request(Request::get(target).body(Body::empty()).unwrap()).await;
        let shown: String = target.chars().take(80).collect();
        assert!((400..500).contains(&answer.status), "{shown}: {} {}", answer.status, answer.body);
        assert!(answer.json()["message"].is_string() && answer.json()["code"].is_string(), "{shown}: {}", answer.body);
    }
    assert_eq!(p.send(&format!("GET {long_in}")).await.status, 200);
    for (content_type, body) in [
        ("application/json", deep.clone().into_bytes()),
        ("application/json", b"{\"id\":2,\"name\":\"\\u0000\"}".to_vec()),
        ("application/json", b"{\"id\":2,\"name\":\"a\0b\"}".to_vec()),
        ("application/json", vec![0xff, 0xfe]),
        ("application/json", b"nonsense".to_vec()),
        ("application/json", b"".to_vec()),
        ("application/json", b"[1,2]".to_vec()),
        ("application/json", b"[[]]".to_vec()),
        ("application/json", b"{\"id\":99999999999999999999}".to_vec()),
        ("application/json", b"{\"id\":2,\"id\":\"x\"}".to_vec()),
        ("text/csv", b"id,name\n1".to_vec()),
        ("application/pdf", b"%PDF".to_vec()),
        ("application/x-www-form-urlencoded", b"id=%00".to_vec()),
        ("application/json", vec![b' '; 11 * 1024 * 1024]),
    ] {
        let shown = String::from_utf8_lossy(&body[..body.len().min(40)]).into_owned();
        let request = Request::post("/t").header("content-type", content_type).body(Body::from(body)).unwrap();
        let answer = p.send_request(request).await;
        assert!((400..500).contains(&answer.status), "{content_type} {shown}: {} {}", answer.status, answer.body);
    }
    for header in ["prefer", "range", "accept", "accept-profile", "authorization", "cookie"] {
        for value in [&b"\xff\xfe"[..], b";;;,,,===", b"-", b"9999999999999999999999-1", b"max-affected=x"] {
            let request = Request::get("/t").header(header, value).body(Body::empty()).unwrap();
            let answer = p.send_request(request).await;
            assert!(answer.status < 500, "{header} {value:?}: {} {}", answer.status, answer.body);
        }
    }
    assert_eq!(p.body("GET /t?select=id").await, r#"200 [{"id":1}]"#, "the table is as it was");
}
