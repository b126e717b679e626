use axum::body::Body;
use http::HeaderName;

use super::*;

/// Proxies in 10/8 and on this machine, before https://example.com.
fn forwarding() -> Forwarding {
    let networks = ["10.0.0.0/8", "127.0.0.1/32", "fd00::/8"].map(|network| network.parse().unwrap());
    Forwarding { trusted: networks.to_vec().into(), domain: Domain::new("example.com"), public_scheme: Scheme::Https }
}

fn request(headers: &[(&str, &str)]) -> Request {
    let mut request = Request::new(Body::empty());
    for (name, value) in headers {
        request.headers_mut().append(name.parse::<HeaderName>().unwrap(), value.parse().unwrap());
    }
    request
}

/// `address scheme host`, as settled; an exclamation mark if the scheme was told.
fn settled(peer: &str, headers: &[(&str, &str)]) -> Result<String, Malformed> {
    let mut request = request(headers);
    let facts = forwarding().settle(&mut request, SocketAddr::new(peer.parse().unwrap(), 1))?;
    for name in &ABOUT_THE_CLIENT {
        assert!(!request.headers().contains_key(name), "{name} is still there");
    }
    assert_eq!(request.extensions().get::<ClientFacts>(), Some(&facts));
    let mark = if facts.scheme_is_told { "!" } else { "" };
    Ok(format!("{} {}{mark} {}", facts.address, facts.scheme.as_str(), facts.host))
}

const FULL: [(&str, &str); 4] = [
    ("host", "inside:8000"),
    ("x-forwarded-for", "192.0.2.1"),
    ("x-forwarded-proto", "https"),
    ("x-forwarded-host", "a.example.com:8443"),
];

#[test]
fn a_trusted_proxy_is_believed_and_nobody_else() {
    for (peer, expected) in [
        ("10.1.2.3", "192.0.2.1 https! a.example.com:8443"),
        ("::ffff:10.1.2.3", "192.0.2.1 https! a.example.com:8443"),
        ("fd00::1", "192.0.2.1 https! a.example.com:8443"),
        ("11.1.2.3", "11.1.2.3 http inside:8000"),
        ("::1", "::1 http inside:8000"),
    ] {
        assert_eq!(settled(peer, &FULL).as_deref(), Ok(expected), "{peer}");
    }
}

#[test]
fn the_client_is_the_last_address_that_is_no_proxy() {
    for (values, expected) in [
        (&["192.0.2.1"][..], "192.0.2.1"),
        // What a client has made up stands before what the proxies saw.
        (&["6.6.6.6, 192.0.2.1"], "192.0.2.1"),
        (&["6.6.6.6", "192.0.2.1"], "192.0.2.1"),
        (&["garbage, 192.0.2.1, 10.0.0.2"], "192.0.2.1"),
        (&["192.0.2.1, 10.0.0.3", "10.0.0.2"], "192.0.2.1"),
        (&["10.0.0.4, 10.0.0.3"], "10.0.0.4"),
        (&["192.0.2.1:4711"], "192.0.2.1"),
        (&["[2001:db8::1]:4711"], "2001:db8::1"),
        (&["[2001:db8::1]"], "2001:db8::1"),
        (&["2001:db8::1"], "2001:db8::1"),
        (&["::ffff:192.0.2.1"], "192.0.2.1"),
    ] {
        let headers: Vec<_> = values.iter().map(|value| (FOR, *value)).collect();
        let expected = format!("{expected} http ");
        assert_eq!(settled("10.0.0.1", &headers), Ok(expected), "{values:?}");
    }
}

#[test]
fn what_is_not_told_is_what_is_seen_and_assumed() {
    for (peer, headers, expected) in [
        // Names of the installation's own are reached the way that it says; others directly.
        ("192.0.2.9", &[("host", "example.com")][..], "192.0.2.9 https example.com"),
        ("192.0.2.9", &[("host", "x.api.example.com:8443")], "192.0.2.9 https x.api.example.com:8443"),
        ("127.0.0.1", &[("host", "127.0.0.1:8000")], "127.0.0.1 http 127.0.0.1:8000"),
        ("10.0.0.1", &[("host", "example.com"), (PROTO, "http")], "10.0.0.1 http! example.com"),
        ("10.0.0.1", &[("host", "example.com"), (PROTO, "wss")], "10.0.0.1 https! example.com"),
        ("10.0.0.1", &[("host", "b"), (HOST, "a.example, example.com")], "10.0.0.1 https example.com"),
        ("192.0.2.9", &[("host", "a"), ("host", "b")], "192.0.2.9 http "),
    ] {
        assert_eq!(settled(peer, headers).as_deref(), Ok(expected), "{headers:?}");
    }
}

#[test]
fn forwarded_says_the_same_in_one_header() {
    for (value, expected) in [
        ("for=192.0.2.1;proto=https;host=example.com", "192.0.2.1 https! example.com"),
        ("For=\"192.0.2.1:4711\";Proto=HTTP;Host=\"a.example:1\"", "192.0.2.1 http! a.example:1"),
        ("for=\"[2001:db8::1]\", for=10.0.0.2;proto=https", "2001:db8::1 http b"),
        ("for=6.6.6.6;proto=http, for=192.0.2.1;proto=https", "192.0.2.1 https! b"),
        ("for=\", for=192.0.2.1", "192.0.2.1 http b"),
        ("for=192.0.2.1, for=_hidden;proto=https", "10.0.0.1 https! b"),
        ("for=6.6.6.6, for=unknown, for=10.0.0.2", "10.0.0.2 http b"),
        ("proto=https", "10.0.0.1 https! b"),
    ] {
        assert_eq!(settled("10.0.0.1", &[("host", "b"), (FORWARDED, value)]).as_deref(), Ok(expected), "{value}");
    }
}

#[test]
fn two_kinds_of_headers_must_agree() {
    let both = |forwarded| [(FOR, "192.0.2.1"), (PROTO, "https"), (FORWARDED, forwarded)];
    assert_eq!(settled("10.0.0.1", &both("for=192.0.2.1;proto=https")).as_deref(), Ok("192.0.2.1 https! "));
    for forwarded in ["for=6.6.6.6;proto=https", "for=192.0.2.1", "for=192.0.2.1;proto=https;host=evil.example"] {
        assert_eq!(settled("10.0.0.1", &both(forwarded)), Err(Malformed::Contradiction), "{forwarded}");
        // From anybody else it is nothing at all.
        assert!(settled("192.0.2.9", &both(forwarded)).is_ok());
    }
}

#[test]
fn what_a_proxy_tells_must_make_sense() {
    for (name, value) in [
        (FOR, "localhost"),
        (FOR, "192.0.2.1, "),
        (FOR, ""),
        (FOR, "192.0.2.1, 10.0.0.2:x"),
        (FOR, "ä"),
        (PROTO, "gopher"),
        (PROTO, ""),
        (PROTO, "https,"),
        (HOST, "a b"),
        (HOST, ""),
        (HOST, "user@a.example"),
        (HOST, "a.example/x"),
        (FORWARDED, "for=localhost"),
        (FORWARDED, "for"),
        (FORWARDED, "for=192.0.2.1;proto=gopher"),
        (FORWARDED, "for=192.0.2.1;host=\"a b\""),
        (FORWARDED, ""),
    ] {
        let error = settled("10.0.0.1", &[(name, value)]).unwrap_err();
        assert!(matches!(&error, Malformed::Header { name: named, .. } if *named == name), "{name}: {value}: {error}");
        assert!(settled("192.0.2.9", &[(name, value)]).is_ok(), "{name}: {value}");
    }
}

#[test]
fn a_neighbour_is_near_and_speaks_for_himself() {
    let neighbour = |peer: &str, headers: &[(&str, &str)]| {
        let mut request = request(headers);
        forwarding().settle(&mut request, SocketAddr::new(peer.parse().unwrap(), 1)).unwrap();
        request.extensions().get::<Neighbour>().copied()
    };
    assert_eq!(neighbour("10.0.0.1", &[]), Some(Neighbour::Proxy));
    assert_eq!(neighbour("127.0.0.1", &[]), Some(Neighbour::Proxy));
    assert_eq!(neighbour("127.0.0.2", &[]), Some(Neighbour::Local));
    assert_eq!(neighbour("::1", &[]), Some(Neighbour::Local));
    assert_eq!(neighbour("192.0.2.1", &[]), None);
    for peer in ["10.0.0.1", "127.0.0.2"] {
        for (name, value) in [(FOR, "127.0.0.1"), (PROTO, "https"), (FORWARDED, "proto=https"), ("x-real-ip", "127.0.0.1")] {
            assert_eq!(neighbour(peer, &[(name, value)]), None, "{peer} {name}");
        }
    }
}
