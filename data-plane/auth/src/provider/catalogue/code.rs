//! Where code lives.

use super::*;

/// The API has `/user` and, with the scope `user:email`, `/user/emails`; an enterprise's own has both below `/api/v3`.
pub(super) const GITHUB: Description = Description {
    name: "github",
    hosts: Hosts { base: "https://github.com", api: "https://api.github.com", api_of_configured: "/api/v3", configurable: true },
    authorization: "{base}/login/oauth/authorize",
    token: "{base}/login/oauth/access_token",
    scopes: &["user:email"],
    client_authentication: ClientAuthentication::Body,
    pkce: false,
    parameters: NO_PARAMETERS,
    source: Source::Requests { profile: Fetch::of("{api}/user"), more: &[("emails", Fetch::of("{api}/user/emails"))] },
    mapping: Mapping {
        issuer: "{api}",
        subject: at(&["/id"]),
        emails: Emails::List(List {
            at: "/emails",
            email: "/email",
            verified: Verified::True(&["/verified"]),
            primary: "/primary",
        }),
        claims: &[
            ("name", at(&["/name"])),
            ("full_name", at(&["/name"])),
            ("preferred_username", at(&["/login"])),
            ("user_name", at(&["/login"])),
            ("avatar_url", at(&["/avatar_url"])),
        ],
        custom: Custom::None,
    },
    id_token: None,
};

pub(super) const GITLAB: Description = Description {
    name: "gitlab",
    hosts: hosts("https://gitlab.com", "https://gitlab.com"),
    authorization: "{base}/oauth/authorize",
    token: "{base}/oauth/token",
    scopes: &["read_user"],
    client_authentication: ClientAuthentication::Body,
    pkce: false,
    parameters: NO_PARAMETERS,
    source: Source::Requests {
        profile: Fetch::of("{base}/api/v4/user"),
        more: &[("emails", Fetch::of("{base}/api/v4/user/emails"))],
    },
    mapping: Mapping {
        issuer: "{base}",
        subject: at(&["/id"]),
        emails: Emails::OneAndList {
            one: ("/email", "/confirmed_at"),
            list: List { at: "/emails", email: "/email", verified: Verified::Present("/confirmed_at"), primary: "/primary" },
        },
        claims: &[
            ("name", at(&["/name"])),
            ("full_name", at(&["/name"])),
            ("picture", at(&["/avatar_url"])),
            ("avatar_url", at(&["/avatar_url"])),
        ],
        custom: Custom::None,
    },
    id_token: None,
};

pub(super) const BITBUCKET: Description = Description {
    name: "bitbucket",
    hosts: hosts("https://bitbucket.org", "https://api.bitbucket.org"),
    authorization: "{base}/site/oauth2/authorize",
    token: "{base}/site/oauth2/access_token",
    scopes: &["account", "email"],
    client_authentication: ClientAuthentication::Basic,
    pkce: false,
    parameters: NO_PARAMETERS,
    source: Source::Requests { profile: Fetch::of("{api}/2.0/user"), more: &[("emails", Fetch::of("{api}/2.0/user/emails"))] },
    mapping: Mapping {
        issuer: "{api}/2.0",
        subject: at(&["/uuid"]),
        emails: Emails::List(List {
            at: "/emails/values",
            email: "/email",
            verified: Verified::True(&["/is_confirmed"]),
            primary: "/is_primary",
        }),
        claims: &[
            ("name", at(&["/display_name"])),
            ("full_name", at(&["/display_name"])),
            ("picture", at(&["/links/avatar/href"])),
            ("avatar_url", at(&["/links/avatar/href"])),
        ],
        custom: Custom::None,
    },
    id_token: None,
};

pub(super) const FLY: Description = Description {
    name: "fly",
    hosts: hosts("https://api.fly.io", "https://api.fly.io"),
    authorization: "{base}/oauth/authorize",
    token: "{base}/oauth/token",
    scopes: &["read"],
    client_authentication: ClientAuthentication::Body,
    pkce: false,
    parameters: NO_PARAMETERS,
    source: Source::Requests { profile: Fetch::of("{base}/oauth/token/info"), more: &[] },
    mapping: Mapping {
        issuer: "{base}",
        subject: at(&["/user_id"]),
        emails: Emails::One { email: "/email", verified: Verified::Always },
        claims: &[("name", at(&["/user_name"])), ("full_name", at(&["/user_name"]))],
        custom: Custom::Fields(&[
            ("resource_owner_id", "/resource_owner_id"),
            ("scope", "/scope"),
            ("expires_in", "/expires_in"),
            ("application", "/application"),
            ("created_at", "/created_at"),
            ("organizations", "/organizations"),
        ]),
    },
    id_token: None,
};
