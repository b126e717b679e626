//! What few projects change.

use super::super::field::{Field, Kind, Section};

const UNITS: [(&str, &str); 3] =
    [("", "Connections, unless said"), ("connections", "Connections"), ("percent", "Percent of the database's")];

pub(super) fn sections() -> Vec<Section> {
    vec![oauth_server(), custom_providers(), service()]
}

fn oauth_server() -> Section {
    let fields = vec![
        Field::new(
            "oauth_server_enabled",
            Kind::Flag,
            "Others may sign in by this project",
            "As an OAuth 2.1 and OpenID Connect provider.",
        ),
        Field::new(
            "oauth_server_authorization_path",
            Kind::Text,
            "Path of the consent page",
            "Under the site's URL, such as /oauth/consent. Your application asks the user there.",
        ),
        Field::new(
            "oauth_server_allow_dynamic_registration",
            Kind::Flag,
            "Clients may register themselves",
            "Anybody can make one, then; users still have to agree.",
        ),
    ];
    Section::new("oauth-server", "OAuth server", "", fields)
}

fn custom_providers() -> Section {
    let fields = vec![
        Field::new(
            "custom_oauth_enabled",
            Kind::Flag,
            "Providers that were added by API can be used",
            "By /auth/v1/admin/custom-providers.",
        ),
        Field::new("custom_oauth_max_providers", Kind::Number("providers"), "At most", "0: as many as wanted."),
    ];
    Section::new("custom-providers", "Custom providers", "", fields)
}

fn service() -> Section {
    let fields = vec![
        Field::new("api_max_request_duration", Kind::Number("seconds"), "A request may last", ""),
        Field::new(
            "db_max_pool_size",
            Kind::Number("connections or percent"),
            "Connections to the database",
            "Empty: as many as the project has for its services.",
        ),
        Field::new(
            "security_sb_forwarded_for_enabled",
            Kind::Flag,
            "Believe Sb-Forwarded-For",
            "Kept for clients that set it. Has no effect yet: addresses are those that the gateway sees.",
        ),
        Field::new("db_max_pool_size_unit", Kind::Choice(&UNITS), "Counted in", ""),
    ];
    Section::new("service", "Service", "", fields)
}
