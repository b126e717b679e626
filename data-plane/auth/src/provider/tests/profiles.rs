//! Each provider's flow from the code to the profile, with answers as its documentation has them.

use std::collections::BTreeMap;

use secrecy::ExposeSecret as _;
use serde_json::{Value, json};

use super::{World, claims, provider, rsa_jwk, settings, signed};
use crate::provider::{
    ProviderError, catalogue,
    engine::{AuthorizationRequest, Beside, Callback},
};

/// What a provider answers, and what becomes of it.
struct Case {
    name: &'static str,
    /// The base, where one is configured.
    base: Option<&'static str>,
    /// Where the browser is sent, without the parameters that all have.
    authorization: &'static str,
    token: &'static str,
    /// Answers by `host/path`.
    answers: Vec<(&'static str, Value)>,
    claims: Value,
}

fn bearer_tokens() -> Value {
    json!({"access_token": "at", "token_type": "bearer", "expires_in": 3600, "refresh_token": "rt"})
}

fn cases() -> Vec<Case> {
    [code(), social(), work()].into_iter().flatten().collect()
}

fn code() -> Vec<Case> {
    let github = json!({"id": 583231, "login": "octocat", "name": "Mona", "avatar_url": "https://a/1", "email": null});
    let github_emails = json!([
        {"email": "second@example.com", "verified": true, "primary": false},
        {"email": "octocat@example.com", "verified": true, "primary": true},
    ]);
    let github_claims = |issuer: &str| {
        json!({"iss": issuer, "sub": "583231", "provider_id": "583231", "name": "Mona", "full_name": "Mona",
            "preferred_username": "octocat", "user_name": "octocat", "avatar_url": "https://a/1", "email": "octocat@example.com",
            "email_verified": true, "phone_verified": false})
    };
    vec![
        Case {
            name: "github",
            base: None,
            authorization: "https://github.com/login/oauth/authorize?scope=user%3Aemail",
            token: "github.com/login/oauth/access_token",
            answers: vec![("api.github.com/user", github.clone()), ("api.github.com/user/emails", github_emails.clone())],
            claims: github_claims("https://api.github.com"),
        },
        Case {
            name: "github",
            base: Some("https://git.example.com/"),
            authorization: "https://git.example.com/login/oauth/authorize?scope=user%3Aemail",
            token: "git.example.com/login/oauth/access_token",
            answers: vec![("git.example.com/api/v3/user", github), ("git.example.com/api/v3/user/emails", github_emails)],
            claims: github_claims("https://git.example.com/api/v3"),
        },
        Case {
            name: "gitlab",
            base: Some("https://gitlab.example.com"),
            authorization: "https://gitlab.example.com/oauth/authorize?scope=read_user",
            token: "gitlab.example.com/oauth/token",
            answers: vec![
                (
                    "gitlab.example.com/api/v4/user",
                    json!({"id": 1, "username": "john", "name": "John Smith", "avatar_url": "https://a/1",
                        "email": "john@example.com", "confirmed_at": "2012-05-23T09:05:22Z"}),
                ),
                (
                    "gitlab.example.com/api/v4/user/emails",
                    json!([{"id": 1, "email": "john@example.com", "confirmed_at": "2021-03-26T19:07:56Z"},
                        {"id": 3, "email": "other@example.com", "confirmed_at": null}]),
                ),
            ],
            claims: json!({"iss": "https://gitlab.example.com", "sub": "1", "provider_id": "1", "name": "John Smith",
                "full_name": "John Smith", "picture": "https://a/1", "avatar_url": "https://a/1", "email": "john@example.com",
                "email_verified": true, "phone_verified": false}),
        },
        Case {
            name: "bitbucket",
            base: None,
            authorization: "https://bitbucket.org/site/oauth2/authorize?scope=account+email",
            token: "bitbucket.org/site/oauth2/access_token",
            answers: vec![
                (
                    "api.bitbucket.org/2.0/user",
                    json!({"uuid": "{d3}", "display_name": "Evzi", "links": {"avatar": {"href": "https://a/1"}}}),
                ),
                (
                    "api.bitbucket.org/2.0/user/emails",
                    json!({"values": [{"email": "e@example.com", "is_primary": true, "is_confirmed": true}]}),
                ),
            ],
            claims: json!({"iss": "https://api.bitbucket.org/2.0", "sub": "{d3}", "provider_id": "{d3}", "name": "Evzi",
                "full_name": "Evzi", "picture": "https://a/1", "avatar_url": "https://a/1", "email": "e@example.com",
                "email_verified": true, "phone_verified": false}),
        },
        Case {
            name: "fly",
            base: None,
            authorization: "https://api.fly.io/oauth/authorize?scope=read",
            token: "api.fly.io/oauth/token",
            answers: vec![(
                "api.fly.io/oauth/token/info",
                json!({"resource_owner_id": "ro", "scope": ["read"], "expires_in": 10, "application": {"uid": "a"}, "created_at": 5,
                    "user_id": "u1", "user_name": "Fly User", "email": "f@example.com",
                    "organizations": [{"id": "o", "role": "admin"}]}),
            )],
            claims: json!({"iss": "https://api.fly.io", "sub": "u1", "provider_id": "u1", "name": "Fly User",
                "full_name": "Fly User", "email": "f@example.com", "email_verified": true, "phone_verified": false,
                "custom_claims": {"resource_owner_id": "ro", "scope": ["read"], "expires_in": 10, "application": {"uid": "a"},
                    "created_at": 5, "organizations": [{"id": "o", "role": "admin"}]}}),
        },
    ]
}

fn social() -> Vec<Case> {
    vec![
        Case {
            name: "discord",
            base: None,
            authorization: "https://discord.com/api/oauth2/authorize?scope=email+identify",
            token: "discord.com/api/oauth2/token",
            answers: vec![(
                "discord.com/api/users/@me",
                json!({"id": "80351110224678912", "username": "nelly", "discriminator": "1337", "global_name": "Nelly",
                    "avatar": "8342729096ea3675442027381ff50dfe", "verified": true, "email": "n@example.com"}),
            )],
            claims: json!({"iss": "https://discord.com/api", "sub": "80351110224678912", "provider_id": "80351110224678912",
                "name": "nelly#1337", "full_name": "nelly", "email": "n@example.com", "email_verified": true,
                "picture": "https://cdn.discordapp.com/avatars/80351110224678912/8342729096ea3675442027381ff50dfe.png",
                "avatar_url": "https://cdn.discordapp.com/avatars/80351110224678912/8342729096ea3675442027381ff50dfe.png",
                "phone_verified": false, "custom_claims": {"global_name": "Nelly"}}),
        },
        Case {
            name: "facebook",
            base: None,
            authorization: "https://www.facebook.com/dialog/oauth?scope=email",
            token: "graph.facebook.com/oauth/access_token",
            answers: vec![(
                "graph.facebook.com/me",
                json!({"id": "10", "first_name": "Ada", "last_name": "L", "name": "Ada L", "email": "a@example.com",
                    "picture": {"data": {"url": "https://a/1", "is_silhouette": false}}}),
            )],
            claims: json!({"iss": "https://graph.facebook.com/me?fields=email,first_name,last_name,name,picture", "sub": "10",
                "provider_id": "10", "name": "Ada L", "full_name": "Ada L", "nickname": "Ada L", "slug": "Ada L",
                "picture": "https://a/1", "avatar_url": "https://a/1", "email": "a@example.com", "email_verified": true,
                "phone_verified": false}),
        },
        Case {
            name: "kakao",
            base: None,
            authorization: "https://kauth.kakao.com/oauth/authorize?scope=account_email+profile_image+profile_nickname",
            token: "kauth.kakao.com/oauth/token",
            answers: vec![(
                "kapi.kakao.com/v2/user/me",
                json!({"id": 123456789, "kakao_account": {"profile": {"nickname": "Kim", "profile_image_url": "https://a/1"},
                    "is_email_valid": true, "is_email_verified": true, "email": "k@example.com"}}),
            )],
            claims: json!({"iss": "https://kapi.kakao.com", "sub": "123456789", "provider_id": "123456789", "name": "Kim",
                "full_name": "Kim", "preferred_username": "Kim", "user_name": "Kim", "avatar_url": "https://a/1",
                "email": "k@example.com", "email_verified": true, "phone_verified": false}),
        },
        Case {
            name: "spotify",
            base: None,
            authorization: "https://accounts.spotify.com/authorize?scope=user-read-email",
            token: "accounts.spotify.com/api/token",
            answers: vec![(
                "api.spotify.com/v1/me",
                json!({"id": "wizzler", "display_name": "JM", "email": "s@example.com",
                    "images": [{"url": "https://a/1", "height": 300}, {"url": "https://a/2", "height": 64}]}),
            )],
            claims: json!({"iss": "https://api.spotify.com/v1", "sub": "wizzler", "provider_id": "wizzler", "name": "JM",
                "full_name": "JM", "picture": "https://a/1", "avatar_url": "https://a/1", "email": "s@example.com",
                "email_verified": false, "phone_verified": false}),
        },
        Case {
            name: "twitch",
            base: None,
            authorization: "https://id.twitch.tv/oauth2/authorize?scope=user%3Aread%3Aemail",
            token: "id.twitch.tv/oauth2/token",
            answers: vec![(
                "api.twitch.tv/helix/users",
                json!({"data": [{"id": "141981764", "login": "twitchdev", "display_name": "TwitchDev", "type": "",
                    "broadcaster_type": "partner", "description": "d", "profile_image_url": "https://a/1",
                    "offline_image_url": "https://o/1", "view_count": 5, "email": "t@example.com"}]}),
            )],
            claims: json!({"iss": "https://api.twitch.tv", "sub": "141981764", "provider_id": "141981764", "name": "twitchdev",
                "full_name": "TwitchDev", "nickname": "TwitchDev", "slug": "TwitchDev", "picture": "https://a/1",
                "avatar_url": "https://a/1", "email": "t@example.com", "email_verified": true, "phone_verified": false,
                "custom_claims": {"broadcaster_type": "partner", "description": "d", "type": "",
                    "offline_image_url": "https://o/1", "view_count": 5}}),
        },
        Case {
            name: "x",
            base: None,
            authorization: "https://x.com/i/oauth2/authorize?scope=users.email+tweet.read+users.read+offline.access",
            token: "api.x.com/2/oauth2/token",
            answers: vec![(
                "api.x.com/2/users/me",
                json!({"data": {"id": "2244994945", "name": "X Dev", "username": "XDev", "profile_image_url": "https://a/1",
                    "confirmed_email": "x@example.com"}}),
            )],
            claims: json!({"iss": "https://api.x.com", "sub": "2244994945", "provider_id": "2244994945", "name": "X Dev",
                "full_name": "X Dev", "preferred_username": "XDev", "user_name": "XDev", "picture": "https://a/1",
                "avatar_url": "https://a/1", "email": "x@example.com", "email_verified": true, "phone_verified": false}),
        },
    ]
}

fn work() -> Vec<Case> {
    let slack = json!({"ok": true, "sub": "U0R7", "https://slack.com/user_id": "U0R7", "https://slack.com/team_id": "T0R7",
        "email": "s@example.com", "email_verified": true, "name": "krane", "picture": "https://a/1"});
    let slack_claims = json!({"iss": "https://slack.com/api", "sub": "U0R7", "provider_id": "U0R7", "name": "krane",
        "full_name": "krane", "picture": "https://a/1", "avatar_url": "https://a/1", "email": "s@example.com",
        "email_verified": true, "phone_verified": false, "custom_claims": {"https://slack.com/team_id": "T0R7"}});
    vec![
        Case {
            name: "figma",
            base: None,
            authorization: "https://www.figma.com/oauth?scope=current_user%3Aread",
            token: "api.figma.com/v1/oauth/token",
            answers: vec![(
                "api.figma.com/v1/me",
                json!({"id": "9", "email": "f@example.com", "handle": "Fig", "img_url": "https://a/1"}),
            )],
            claims: json!({"iss": "https://api.figma.com", "sub": "9", "provider_id": "9", "name": "Fig", "full_name": "Fig",
                "avatar_url": "https://a/1", "email": "f@example.com", "email_verified": true, "phone_verified": false}),
        },
        Case {
            name: "keycloak",
            base: Some("https://sso.example.com/realms/mine"),
            authorization: "https://sso.example.com/realms/mine/protocol/openid-connect/auth?scope=profile+email",
            token: "sso.example.com/realms/mine/protocol/openid-connect/token",
            answers: vec![(
                "sso.example.com/realms/mine/protocol/openid-connect/userinfo",
                json!({"sub": "u", "name": "Key", "email": "k@example.com", "email_verified": false}),
            )],
            claims: json!({"iss": "https://sso.example.com/realms/mine", "sub": "u", "provider_id": "u", "name": "Key",
                "full_name": "Key", "email": "k@example.com", "email_verified": false, "phone_verified": false}),
        },
        Case {
            name: "linkedin",
            base: None,
            authorization: "https://www.linkedin.com/oauth/v2/authorization?scope=r_emailaddress+r_liteprofile",
            token: "www.linkedin.com/oauth/v2/accessToken",
            answers: vec![
                (
                    "api.linkedin.com/v2/me",
                    json!({"id": "R1", "firstName": {"localized": {"en_US": "Bob"}, "preferredLocale": {"country": "US",
                        "language": "en"}}, "lastName": {"localized": {"en_US": "Smith"}, "preferredLocale": {"country": "US",
                        "language": "en"}}, "profilePicture": {"displayImage~": {"elements": [{"identifiers":
                        [{"identifier": "https://a/1"}]}]}}}),
                ),
                ("api.linkedin.com/v2/emailAddress", json!({"elements": [{"handle~": {"emailAddress": "b@example.com"}}]})),
            ],
            claims: json!({"iss": "https://api.linkedin.com", "sub": "R1", "provider_id": "R1", "name": "Bob Smith",
                "full_name": "Bob Smith", "picture": "https://a/1", "avatar_url": "https://a/1", "email": "b@example.com",
                "email_verified": true, "phone_verified": false}),
        },
        Case {
            name: "linkedin_oidc",
            base: None,
            authorization: "https://www.linkedin.com/oauth/v2/authorization?scope=openid+email+profile",
            token: "www.linkedin.com/oauth/v2/accessToken",
            answers: vec![(
                "api.linkedin.com/v2/userinfo",
                json!({"sub": "782", "given_name": "Jo", "family_name": "Doe", "name": "x", "picture": "https://a/1",
                    "locale": {"country": "US", "language": "en"}, "email": "j@example.com", "email_verified": "true"}),
            )],
            claims: json!({"iss": "https://api.linkedin.com", "sub": "782", "provider_id": "782", "name": "Jo Doe",
                "full_name": "Jo Doe", "given_name": "Jo", "family_name": "Doe", "picture": "https://a/1",
                "avatar_url": "https://a/1", "locale": "en-US", "email": "j@example.com", "email_verified": true,
                "phone_verified": false}),
        },
        Case {
            name: "notion",
            base: None,
            authorization: "https://api.notion.com/v1/oauth/authorize?owner=user",
            token: "api.notion.com/v1/oauth/token",
            answers: vec![(
                "api.notion.com/v1/users/me",
                json!({"object": "user", "bot": {"owner": {"type": "user", "user": {"id": "d40e", "name": "Avo",
                    "avatar_url": "https://a/1", "person": {"email": "a@example.com"}}}}}),
            )],
            claims: json!({"iss": "https://api.notion.com", "sub": "d40e", "provider_id": "d40e", "name": "Avo",
                "full_name": "Avo", "picture": "https://a/1", "avatar_url": "https://a/1", "email": "a@example.com",
                "email_verified": true, "phone_verified": false}),
        },
        Case {
            name: "slack",
            base: None,
            authorization: "https://slack.com/oauth/authorize?scope=profile+email+openid",
            token: "slack.com/api/oauth.access",
            answers: vec![("slack.com/api/openid.connect.userInfo", slack.clone())],
            claims: slack_claims.clone(),
        },
        Case {
            name: "slack_oidc",
            base: None,
            authorization: "https://slack.com/openid/connect/authorize?scope=profile+email+openid",
            token: "slack.com/api/openid.connect.token",
            answers: vec![("slack.com/api/openid.connect.userInfo", slack)],
            claims: slack_claims,
        },
        Case {
            name: "zoom",
            base: None,
            authorization: "https://zoom.us/oauth/authorize?",
            token: "zoom.us/oauth/token",
            answers: vec![(
                "api.zoom.us/v2/users/me",
                json!({"id": "z8", "first_name": "Jill", "last_name": "", "email": "j@example.com", "verified": 1,
                    "pic_url": "https://a/1"}),
            )],
            claims: json!({"iss": "https://api.zoom.us", "sub": "z8", "provider_id": "z8", "name": "Jill", "full_name": "Jill",
                "picture": "https://a/1", "avatar_url": "https://a/1", "email": "j@example.com", "email_verified": true,
                "phone_verified": false}),
        },
        Case {
            name: "google",
            base: None,
            authorization: "https://accounts.google.com/o/oauth2/v2/auth?scope=email+profile",
            token: "oauth2.googleapis.com/token",
            answers: vec![(
                "www.googleapis.com/userinfo/v2/me",
                json!({"id": "1170", "email": "g@example.com", "verified_email": true, "name": "Gee", "picture": "https://a/1",
                    "hd": "example.com"}),
            )],
            claims: json!({"iss": "https://www.googleapis.com/userinfo/v2/me", "sub": "1170", "provider_id": "1170",
                "name": "Gee", "full_name": "Gee", "picture": "https://a/1", "avatar_url": "https://a/1",
                "email": "g@example.com", "email_verified": true, "phone_verified": false, "custom_claims": {"hd": "example.com"}}),
        },
    ]
}

#[tokio::test]
async fn every_provider_sends_the_browser_takes_the_code_and_gives_a_profile() {
    for case in cases() {
        let name = case.name;
        let world = World::new().await;
        let engine = world.engine();
        let (provider, settings) =
            (provider(name), crate::provider::ProviderSettings { base_url: case.base.map(str::to_owned), ..settings() });
        let request = AuthorizationRequest { state: "st", ..AuthorizationRequest::default() };
        let url = engine.authorization_url(&provider, &settings, &request).await.unwrap().url;
        let parameters: BTreeMap<String, String> = url.query_pairs().into_owned().collect();
        let (address, expected) = case.authorization.split_once('?').unwrap();
        let mut all: BTreeMap<String, String> = super::form::decode(expected).into_iter().collect();
        for (name, value) in [
            ("client_id", "client"),
            ("redirect_uri", settings.redirect_uri.as_str()),
            ("response_type", "code"),
            ("state", "st"),
        ] {
            all.insert(name.to_owned(), value.to_owned());
        }
        assert_eq!(url.as_str().split('?').next(), Some(address), "{name}");
        assert_eq!(parameters, all, "{name}");

        world.says(case.token, bearer_tokens());
        case.answers.iter().for_each(|(target, body)| world.says(target, body));
        let callback = Callback { code: "co", verifier: None, request_token: None };
        let tokens = engine.exchange(&provider, &settings, &callback).await.unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(tokens.access_token.expose_secret(), "at", "{name}");
        assert_eq!(tokens.refresh_token.as_ref().unwrap().expose_secret(), "rt", "{name}");
        assert_eq!(tokens.expires_in, Some(3600), "{name}");
        let profile = engine.profile(&provider, &settings, &tokens, Beside::default()).await;
        let profile = profile.unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(Value::Object(profile.claims), case.claims, "{name}");
        assert_eq!(case.claims["sub"], *profile.subject, "{name}");
        for asked in &world.asked()[1..] {
            assert_eq!(asked.authorization.as_deref(), Some("Bearer at"), "{name}");
            assert_eq!(asked.method, "GET", "{name}");
        }
        let exchange = &world.asked()[0];
        assert_eq!((exchange.field("grant_type"), exchange.field("code")), (Some("authorization_code"), Some("co")), "{name}");
        // client:s3cret%26, once as a header or once as fields.
        let by_header = exchange.authorization.as_deref() == Some("Basic Y2xpZW50OnMzY3JldCUyNg==");
        assert_ne!(by_header, exchange.field("client_secret") == Some("s3cret&"), "{name}");
    }
}

#[tokio::test]
async fn every_provider_is_tried_or_has_a_test_of_its_own() {
    let mut tried: Vec<&str> = cases().iter().map(|case| case.name).collect();
    tried.extend(["apple", "azure", "snapchat", "twitter", "vercel_marketplace", "workos"]);
    for description in &catalogue::ALL {
        assert!(tried.contains(&description.name), "{}", description.name);
    }
}

#[tokio::test]
async fn facebook_gets_a_proof_twitch_the_client_and_notion_its_version() {
    for (name, target) in
        [("facebook", "graph.facebook.com/me"), ("twitch", "api.twitch.tv/helix/users"), ("notion", "api.notion.com/v1/users/me")]
    {
        let case = cases().into_iter().find(|case| case.name == name).unwrap();
        let world = World::new().await;
        world.says(case.token, bearer_tokens());
        case.answers.iter().for_each(|(target, body)| world.says(target, body));
        let callback = Callback { code: "co", verifier: None, request_token: None };
        let tokens = world.engine().exchange(&provider(name), &settings(), &callback).await.unwrap();
        world.engine().profile(&provider(name), &settings(), &tokens, Beside::default()).await.unwrap();
        let asked = world.asked().into_iter().find(|asked| asked.target.starts_with(target)).unwrap();
        let header = |name: &str| asked.headers.get(name).map(String::as_str);
        match name {
            // printf at | openssl dgst -sha256 -hmac 's3cret&'
            "facebook" => assert!(asked.target.ends_with(&format!("&appsecret_proof={FACEBOOK_PROOF}")), "{}", asked.target),
            "twitch" => assert_eq!(header("client-id"), Some("client")),
            _ => assert_eq!(header("notion-version"), Some("2021-08-16")),
        }
    }
}

const FACEBOOK_PROOF: &str = "758dbd7187e7c78cb4642ca799958314c21f4a30313329e4040594eab327d78c";

#[tokio::test]
async fn snapchat_has_no_address_which_must_be_allowed() {
    let world = World::new().await;
    world.says("accounts.snapchat.com/accounts/oauth2/token", bearer_tokens());
    let me =
        json!({"data": {"me": {"externalId": "CAES", "displayName": "Snap", "bitmoji": {"avatar": "https://a/1", "id": "b"}}}});
    world.says("kit.snapchat.com/v1/me", me);
    let (engine, snapchat) = (world.engine(), provider("snapchat"));
    let callback = Callback { code: "co", verifier: None, request_token: None };
    let tokens = engine.exchange(&snapchat, &settings(), &callback).await.unwrap();
    let refused = engine.profile(&snapchat, &settings(), &tokens, Beside::default()).await.unwrap_err();
    assert_eq!(refused.to_string(), "Error getting user email from external provider");
    let optional = crate::provider::ProviderSettings { email_optional: true, ..settings() };
    let profile = engine.profile(&snapchat, &optional, &tokens, Beside::default()).await.unwrap();
    assert_eq!(
        Value::Object(profile.claims),
        json!({"iss": "https://kit.snapchat.com/v1/me", "sub": "CAES", "provider_id": "CAES", "name": "Snap", "full_name": "Snap",
            "picture": "https://a/1", "avatar_url": "https://a/1", "email_verified": false, "phone_verified": false})
    );
}

#[tokio::test]
async fn workos_gives_the_profile_with_the_tokens() {
    let world = World::new().await;
    let profile = json!({"object": "profile", "id": "prof_1", "connection_id": "conn_1", "organization_id": "org_1",
        "connection_type": "OktaSAML", "idp_id": "i", "email": "t@example.com", "first_name": "Todd", "last_name": "R",
        "raw_attributes": {"a": 1}});
    world.says("api.workos.com/sso/token", json!({"access_token": "at", "profile": profile}));
    let (engine, workos) = (world.engine(), provider("workos"));
    let callback = Callback { code: "co", verifier: None, request_token: None };
    let tokens = engine.exchange(&workos, &settings(), &callback).await.unwrap();
    let profile = engine.profile(&workos, &settings(), &tokens, Beside::default()).await.unwrap();
    assert_eq!(
        Value::Object(profile.claims),
        json!({"iss": "https://api.workos.com", "sub": "prof_1", "provider_id": "prof_1", "name": "Todd R", "full_name": "Todd R",
            "email": "t@example.com", "email_verified": true, "phone_verified": false, "custom_claims": {"object": "profile",
                "id": "prof_1", "connection_id": "conn_1", "organization_id": "org_1", "connection_type": "OktaSAML",
                "idp_id": "i", "raw_attributes": {"a": 1}}})
    );
    assert_eq!(world.asked().len(), 1);
}

#[tokio::test]
async fn apple_gives_the_name_beside_the_token() {
    let world = World::new().await;
    world.is_issuer("https://appleid.apple.com", &[rsa_jwk()]);
    let token = signed(&claims(
        "https://appleid.apple.com",
        json!({"sub": "001", "email": "x@privaterelay.appleid.com", "email_verified": "true", "is_private_email": "true",
            "auth_time": 5}),
    ));
    world.says("appleid.apple.com/auth/token", json!({"access_token": "at", "id_token": token}));
    let (engine, apple) = (world.engine(), provider("apple"));
    let callback = Callback { code: "co", verifier: None, request_token: None };
    let tokens = engine.exchange(&apple, &settings(), &callback).await.unwrap();
    let user = r#"{"name":{"firstName":"Ann","lastName":"Lee"},"email":"someone.else@example.com"}"#;
    let profile = engine.profile(&apple, &settings(), &tokens, Beside { nonce: None, user: Some(user) }).await.unwrap();
    assert_eq!(
        Value::Object(profile.claims),
        json!({"iss": "https://appleid.apple.com", "sub": "001", "provider_id": "001", "name": "Ann Lee", "full_name": "Ann Lee",
            "email": "x@privaterelay.appleid.com", "email_verified": true, "phone_verified": false,
            "custom_claims": {"auth_time": 5, "is_private_email": "true"}})
    );
}

#[tokio::test]
async fn a_profile_without_a_user_is_refused() {
    let world = World::new().await;
    world.says("discord.com/api/oauth2/token", bearer_tokens());
    world.says("discord.com/api/users/@me", json!({"email": "n@example.com", "verified": true}));
    let callback = Callback { code: "co", verifier: None, request_token: None };
    let tokens = world.engine().exchange(&provider("discord"), &settings(), &callback).await.unwrap();
    let refused = world.engine().profile(&provider("discord"), &settings(), &tokens, Beside::default()).await;
    assert!(matches!(refused, Err(ProviderError::NoSubject)));
}
