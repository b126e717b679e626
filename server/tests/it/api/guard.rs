//! Who may ask what from where.

use crate::support::{Backend, Installation};

const TOKEN: &str = "a-token-that-is-long-enough";

#[tokio::test]
async fn only_its_own_names_and_pages_are_answered_in_local_mode() {
    let installation = Installation::new(Backend::Sqlite).await;
    let server = installation.start().await;
    let port = server.address().port();
    for host in ["evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "", "api.localhost.evil.example"] {
        for path in ["/", "/v1/projects", "/p/abcdefghijklmnopqrst/rest/v1/"] {
            let response = server.get(path).header("host", host).send().await;
            assert!(matches!(response.status, 400 | 421), "{host:?} {path}: {}", response.status);
        }
    }
    for host in ["localhost", "LOCALHOST", "127.0.0.1", "[::1]"] {
        server.get("/v1/projects").header("host", format!("{host}:{port}")).send().await.expect(200);
    }
    let host = format!("localhost:{port}");
    let own = format!("http://{host}");
    for origin in ["http://evil.example", "null", "http://localhost", "http://localhost:1", &format!("http://127.0.0.1:{port}")] {
        let response = server.post("/v1/projects").header("host", &host).header("origin", origin).send().await.expect(403);
        assert!(response.message().contains("own pages"), "{}", response.text());
        let path = "/v1/projects/abcdefghijklmnopqrst";
        server.request("DELETE", path).header("host", &host).header("origin", origin).send().await.expect(403);
    }
    // A page may read across origins only what a browser lets it; reading changes nothing.
    let read = server.get("/v1/projects").header("host", &host).header("origin", "http://evil.example").send().await.expect(200);
    assert_eq!(read.header("access-control-allow-origin"), None);
    assert_eq!(read.json().as_array().unwrap().len(), 0, "nothing was made by those requests");
    let made = server.post("/v1/projects").header("host", &host).header("origin", &own).send().await.expect(201).json();
    server.wait_for(made["ref"].as_str().unwrap(), "ACTIVE_HEALTHY").await;
    server.stop().await;
}

#[tokio::test]
async fn with_a_token_nothing_is_answered_without_it() {
    let installation = Installation::new(Backend::Sqlite).await.with("SUPACLOUD_SERVER__ADMIN_TOKEN", TOKEN);
    let server = installation.start().await;
    let bearer = format!("Bearer {TOKEN}");
    for (method, path) in [
        ("GET", "/v1/projects"),
        ("POST", "/v1/projects"),
        ("GET", "/v1/openapi.json"),
        ("GET", "/v1/organizations"),
        ("GET", "/v1/nothing"),
        ("DELETE", "/v1/projects/abcdefghijklmnopqrst"),
        ("GET", "/v1/projects/abcdefghijklmnopqrst/api-keys?reveal=true"),
        ("GET", "/v1/projects/abcdefghijklmnopqrst/events"),
    ] {
        let response = server.request(method, path).send().await.expect(401);
        assert_eq!(response.header("www-authenticate"), Some("Bearer"), "{method} {path}");
        response.message();
    }
    let page = server.get("/").send().await;
    assert_eq!((page.status / 100, page.header("location")), (3, Some("/sign-in")));
    server.get("/sign-in").send().await.expect(200);
    server.get("/v1/projects").header("authorization", &bearer).send().await.expect(200);
    server.get("/v1/projects").header("authorization", "Bearer wrong-token-wrong-token").send().await.expect(401);

    // By the form, and then by the cookie that it gives.
    let form = |token: &str| {
        let request = server.post("/sign-in").header("content-type", "application/x-www-form-urlencoded");
        request.body(format!("token={token}"))
    };
    let wrong = form("wrong-token-wrong-token").send().await;
    assert!(wrong.header("location").unwrap().contains("error=wrong") && wrong.header("set-cookie").is_none());
    let right = form(TOKEN).send().await;
    let cookie = right.header("set-cookie").unwrap().to_owned();
    assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Lax"), "{cookie}");
    let pair = cookie.split(';').next().unwrap();
    server.get("/v1/projects").header("cookie", pair).send().await.expect(200);
    server.get("/v1/projects").header("cookie", format!("{pair}x")).send().await.expect(401);

    // A project's address needs the project's key, not the token.
    let unknown = "/p/abcdefghijklmnopqrst/rest/v1/";
    server.get(unknown).send().await.expect(404);
    assert!(!installation.log().contains(TOKEN));
    server.stop().await;
}

#[tokio::test]
async fn wrong_tokens_are_limited() {
    let installation = Installation::new(Backend::Sqlite).await.with("SUPACLOUD_SERVER__ADMIN_TOKEN", TOKEN);
    let server = installation.start().await;
    let mut statuses = Vec::new();
    for _ in 0..15 {
        let response = server.get("/v1/projects").header("authorization", "Bearer wrong-token-wrong-token").send().await;
        statuses.push(response.status);
    }
    assert_eq!((statuses[0], statuses[14]), (401, 429), "{statuses:?}");
    let limited = server.get("/v1/projects").header("authorization", format!("Bearer {TOKEN}")).send().await.expect(429);
    assert_eq!(limited.header("retry-after"), Some("60"));
    server.stop().await;
}
