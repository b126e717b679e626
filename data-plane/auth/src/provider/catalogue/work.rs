//! Where people work together.

use super::*;

pub(super) const FIGMA: Description = Description {
    name: "figma",
    hosts: hosts("https://www.figma.com", "https://api.figma.com"),
    authorization: "{base}/oauth",
    token: "{api}/v1/oauth/token",
    scopes: &["current_user:read"],
    client_authentication: ClientAuthentication::Basic,
    pkce: false,
    parameters: NO_PARAMETERS,
    source: Source::Requests { profile: Fetch::of("{api}/v1/me"), more: &[] },
    mapping: Mapping {
        issuer: "{api}",
        subject: at(&["/id"]),
        emails: Emails::One { email: "/email", verified: Verified::Always },
        claims: &[("name", at(&["/handle"])), ("full_name", at(&["/handle"])), ("avatar_url", at(&["/img_url"]))],
        custom: Custom::None,
    },
    id_token: None,
};

/// The integration is a bot that a user owns.
pub(super) const NOTION: Description = Description {
    name: "notion",
    hosts: hosts("https://api.notion.com", "https://api.notion.com"),
    authorization: "{base}/v1/oauth/authorize",
    token: "{base}/v1/oauth/token",
    scopes: &[],
    client_authentication: ClientAuthentication::Basic,
    pkce: false,
    parameters: &[("owner", "user")],
    source: Source::Requests {
        profile: Fetch { headers: &[("notion-version", "2021-08-16")], at: "/bot/owner/user", ..Fetch::of("{base}/v1/users/me") },
        more: &[],
    },
    mapping: Mapping {
        issuer: "{base}",
        subject: at(&["/id"]),
        emails: Emails::One { email: "/person/email", verified: Verified::Always },
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

const SLACK_PROFILE: Source = Source::Requests { profile: Fetch::of("{base}/api/openid.connect.userInfo"), more: &[] };

const SLACK_MAPPING: Mapping = Mapping {
    issuer: "{base}/api",
    subject: at(&["/https:~1~1slack.com~1user_id", "/sub"]),
    emails: Emails::One { email: "/email", verified: Verified::Always },
    claims: &[
        ("name", at(&["/name"])),
        ("full_name", at(&["/name"])),
        ("picture", at(&["/picture"])),
        ("avatar_url", at(&["/picture"])),
    ],
    custom: Custom::Fields(&[("https://slack.com/team_id", "/https:~1~1slack.com~1team_id")]),
};

/// The older of Slack's two.
pub(super) const SLACK: Description = Description {
    name: "slack",
    hosts: hosts("https://slack.com", "https://slack.com"),
    authorization: "{base}/oauth/authorize",
    token: "{base}/api/oauth.access",
    scopes: &["profile", "email", "openid"],
    client_authentication: ClientAuthentication::Body,
    pkce: false,
    parameters: NO_PARAMETERS,
    source: SLACK_PROFILE,
    mapping: SLACK_MAPPING,
    id_token: None,
};

pub(super) const SLACK_OIDC: Description = Description {
    name: "slack_oidc",
    authorization: "{base}/openid/connect/authorize",
    token: "{base}/api/openid.connect.token",
    ..SLACK
};

/// Which connection is the application's to say: `connection`, `organization` or, as `workos_provider`, `provider`.
pub(super) const WORKOS: Description = Description {
    name: "workos",
    hosts: hosts("https://api.workos.com", "https://api.workos.com"),
    authorization: "{base}/sso/authorize",
    token: "{base}/sso/token",
    scopes: &[],
    client_authentication: ClientAuthentication::Body,
    pkce: false,
    parameters: NO_PARAMETERS,
    source: Source::TokenAnswer("/profile"),
    mapping: Mapping {
        issuer: "{base}",
        subject: at(&["/id"]),
        emails: Emails::One { email: "/email", verified: Verified::Always },
        claims: &[
            ("name", Field::Joined(&["/first_name", "/last_name"])),
            ("full_name", Field::Joined(&["/first_name", "/last_name"])),
        ],
        custom: Custom::Fields(&[
            ("id", "/id"),
            ("connection_id", "/connection_id"),
            ("organization_id", "/organization_id"),
            ("connection_type", "/connection_type"),
            ("idp_id", "/idp_id"),
            ("object", "/object"),
            ("raw_attributes", "/raw_attributes"),
        ]),
    },
    id_token: None,
};

pub(super) const ZOOM: Description = Description {
    name: "zoom",
    hosts: hosts("https://zoom.us", "https://api.zoom.us"),
    authorization: "{base}/oauth/authorize",
    token: "{base}/oauth/token",
    scopes: &[],
    client_authentication: ClientAuthentication::Basic,
    pkce: false,
    parameters: NO_PARAMETERS,
    source: Source::Requests { profile: Fetch::of("{api}/v2/users/me"), more: &[] },
    mapping: Mapping {
        issuer: "{api}",
        subject: at(&["/id"]),
        emails: Emails::One { email: "/email", verified: Verified::True(&["/verified"]) },
        claims: &[
            ("name", Field::Joined(&["/first_name", "/last_name"])),
            ("full_name", Field::Joined(&["/first_name", "/last_name"])),
            ("picture", at(&["/pic_url"])),
            ("avatar_url", at(&["/pic_url"])),
        ],
        custom: Custom::None,
    },
    id_token: None,
};
