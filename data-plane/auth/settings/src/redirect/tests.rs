use crate::Settings;

use super::{AllowList, RedirectRule};

fn settings(site: &str, list: &str) -> Settings {
    let mut settings = Settings::default();
    site.clone_into(&mut settings.api.site_url);
    settings.uri_allow_list = AllowList::parse(list).unwrap();
    settings
}

fn check(site: &str, list: &str, cases: &[(&str, bool)]) {
    let settings = settings(site, list);
    for (to, expected) in cases {
        assert_eq!(settings.allows_redirect(to), *expected, "{to} with site {site} and list {list}");
    }
}

#[test]
fn the_site_s_host_is_allowed_and_nothing_that_only_looks_like_it() {
    check(
        "https://app.example.com/home",
        "",
        &[
            ("https://app.example.com", true),
            ("https://app.example.com/home", true),
            ("https://app.example.com/elsewhere?x=1#y", true),
            ("https://app.example.com:8443/a", true),
            ("HTTPS://APP.example.COM/a", true),
            ("https://app.example.com/a/../b", true),
            ("", false),
            ("/home", false),
            ("//app.example.com/home", false),
            ("app.example.com", false),
            ("http://app.example.com/home", false),
            ("https://example.com", false),
            ("https://app.example.com.evil.net", false),
            ("https://evilapp.example.com", false),
            ("https://app.example.com@evil.net", false),
            ("https://app.example.com:443@evil.net/", false),
            ("https://user@app.example.com/", false),
            ("https://evil.net/https://app.example.com", false),
            ("https://evil.net?https://app.example.com", false),
            ("https://evil.net#https://app.example.com", false),
            ("https://evil.net\\@app.example.com", false),
            ("https://evil.net\\.app.example.com", false),
            ("https://app.example.com\\@evil.net", false),
            ("https:\\\\app.example.com", false),
            ("https:app.example.com", false),
            ("https:/app.example.com", false),
            ("https:///app.example.com", false),
            (" https://app.example.com", false),
            ("https://app.example.com\t.evil.net", false),
            ("https://app.example.com\r\nSet-Cookie: a=b", false),
            ("ht\ntps://app.example.com", false),
            ("https://app.example.com%2eevil.net", false),
            ("https://%61pp.example.com", false),
            ("https://app。example.com", false),
            ("https://ａpp.example.com", false),
            ("https://app.example.com:99999/", false),
            ("https://app.example.com:80a/", false),
            ("javascript://app.example.com/%0aalert(1)", false),
            ("JavaScript:alert(1)//app.example.com", false),
            ("data:text/html,app.example.com", false),
            ("ftp://app.example.com/", false),
            ("app.example.com://app.example.com", false),
        ],
    );
}

#[test]
fn patterns_allow_what_upstream_documents() {
    let list = "https://*.preview.example.com/**, https://exact.example.com/cb,https://{one,two}.example.org/*,\
                https://page.example.com/?/[a-c]/[!x]/end,com.example.app://**,myapp:/callback,https://any.example.com**";
    check(
        "https://example.com",
        list,
        &[
            ("https://a.preview.example.com/", true),
            ("https://a.preview.example.com/x/y.z?q=1.2#token", true),
            ("https://a.b.preview.example.com/", false),
            ("https://preview.example.com/", false),
            ("https://exact.example.com/cb", true),
            ("https://exact.example.com/cb#anything", true),
            ("https://exact.example.com/cb?x", false),
            ("https://exact.example.com/cb/", false),
            ("https://one.example.org/a", true),
            ("https://two.example.org/a?next=b", true),
            ("https://two.example.org/a?next=b.c", false),
            ("https://three.example.org/a", false),
            ("https://one.example.org/a/b", false),
            ("https://page.example.com/1/b/y/end", true),
            ("https://page.example.com/1/d/y/end", false),
            ("https://page.example.com/1/b/x/end", false),
            ("com.example.app://signed-in", true),
            ("com.example.app://", true),
            ("com.example.app2://signed-in", false),
            ("myapp:/callback", true),
            ("myapp:/other", false),
            ("HTTPS://Exact.Example.com/cb", true),
            ("https://any.example.com/x", true),
        ],
    );
}

#[test]
fn a_pattern_s_host_is_compared_with_the_host_and_with_nothing_else() {
    check(
        "https://example.com",
        "https://*.example.org,https://**.example.net/cb,http://localhost:*/cb,https://shop.test/**",
        &[
            ("https://a.example.org", true),
            ("https://evil?.example.org", false),
            ("https://evil/.example.org", false),
            ("https://evil#.example.org", false),
            ("https://evil:x@a.example.org", false),
            ("https://a.b.example.net/cb", true),
            ("https://evil.test/?.example.net/cb", false),
            ("https://evil.test/a.example.net/cb", false),
            ("https://evil.test#.example.net/cb", false),
            ("http://localhost:5173/cb", true),
            ("http://localhost:x@evil/cb", false),
            ("http://localhost:5173@evil/cb", false),
            ("http://localhost:/cb", false),
            ("https://shop.test/a/b", true),
            ("https://shop.test/a/../../b", false),
            ("https://shop.test/a/%2e%2E/b", false),
            ("https://shop.test/./b", false),
            ("https://shop.test/a?x=/../b", true),
        ],
    );
}

#[test]
fn a_host_that_is_a_number_is_loopback_or_named() {
    check(
        "https://example.com",
        r"http://*:3000/cb,http://**/deep,http://192.168.1.20:*/lan,http://\[fd00::1\]/lan,exp://**,http://127.0.0.1:8080/cb",
        &[
            ("http://127.0.0.1:8080/cb", true),
            ("http://127.0.0.1/deep", true),
            ("http://[::1]/deep", true),
            ("http://[0:0:0:0:0:0:0:1]:3000/deep", true),
            ("http://198.51.100.7/deep", false),
            ("http://[2001:db8::1]/deep", false),
            ("http://192.168.1.20:5000/lan", true),
            ("http://192.168.1.21:5000/lan", false),
            ("http://[fd00::1]/lan", true),
            ("http://[fd00::2]/lan", false),
            ("http://2130706433:3000/cb", false),
            ("http://0x7f000001:3000/cb", false),
            ("http://0x7f.1/deep", false),
            ("http://127.1/deep", false),
            ("http://0177.0.0.1/deep", false),
            ("http://198.51.100.7./deep", false),
            ("http://[::ffff:198.51.100.7]/deep", false),
            ("http://[fe80::1%25eth0]/deep", false),
            ("http://[::1/deep", false),
            ("http://[::1]evil/deep", false),
            ("exp://192.168.22.47:8081/--/auth", true),
        ],
    );
    check("http://192.168.1.5:3000", "", &[("http://192.168.1.5:4000/x", true), ("http://192.168.1.6:3000/x", false)]);
}

#[test]
fn on_loopback_http_is_as_good_as_https() {
    check("https://localhost:3000", "", &[("http://localhost:5173/x", true), ("http://127.0.0.1:3000", false)]);
    check("http://example.com", "", &[("https://example.com/x", true)]);
}

#[test]
fn a_site_that_is_an_app_allows_itself() {
    let site = "com.example.app://";
    check(site, "", &[(site, true), ("com.example.app://other", false), ("other://", false)]);
}

#[test]
fn what_is_not_allowed_becomes_the_site() {
    let settings = settings("https://example.com", "https://other.test/**");
    assert_eq!(settings.redirect_or_site(Some("https://other.test/a")), "https://other.test/a");
    assert_eq!(settings.redirect_or_site(Some("https://evil.test/a")), "https://example.com");
    assert_eq!(settings.redirect_or_site(None), "https://example.com");
}

#[test]
fn a_list_is_read_with_its_braces() {
    let list = AllowList::parse(r" https://{a,b}.test/** ,, https://c\,d.test ,").unwrap();
    assert_eq!(list.patterns().collect::<Vec<_>>(), ["https://{a,b}.test/**", r"https://c\,d.test"]);
    let error = AllowList::parse("https://a.test,https://[").unwrap_err();
    assert_eq!(error.to_string(), "the pattern `https://[` can't be read");
}

proptest::proptest! {
    /// Whatever is asked for: with one host allowed, a browser ends up on that host.
    #[test]
    fn nobody_ends_up_elsewhere(to in r"(https?:)?[/\\]{0,3}[a-z@:.?#\[\]%\\]{0,12}(app\.test)?[a-z@:./?#\\]{0,12}") {
        if settings("https://app.test", "https://app.test/**").allows_redirect(&to) {
            let rest = to.strip_prefix("https://app.test").expect("the host follows the scheme");
            proptest::prop_assert!(rest.is_empty() || rest.starts_with(['/', '?', '#', ':']), "{}", to);
            proptest::prop_assert!(!rest.split(['/', '?', '#']).next().unwrap_or_default().contains('@'), "{}", to);
        }
    }
}

#[test]
fn it_is_told_what_allows_an_address() {
    let settings = settings("https://app.test", "https://a.test/*, https://{a,b}.test/**");
    assert_eq!(settings.redirect_rule("https://app.test/x"), Some(RedirectRule::Site));
    assert_eq!(settings.redirect_rule("https://a.test/x"), Some(RedirectRule::Pattern("https://a.test/*")));
    assert_eq!(settings.redirect_rule("https://b.test/x/y"), Some(RedirectRule::Pattern("https://{a,b}.test/**")));
    assert_eq!(settings.redirect_rule("https://c.test/"), None);
}
