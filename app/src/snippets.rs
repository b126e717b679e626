//! Code to paste: connecting a client to a project, and each action of this page as a command. Pure.

use control_plane_api::{Connection, ProjectRef};

/// A tab of the Connect panel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Client {
    SupabaseJs,
    SupabasePy,
    Curl,
    Env,
}

impl Client {
    pub(crate) const ALL: [Self; 4] = [Self::SupabaseJs, Self::SupabasePy, Self::Curl, Self::Env];

    pub(crate) const fn label(self) -> &'static str {
        match self {
            Self::SupabaseJs => "supabase-js",
            Self::SupabasePy => "supabase-py",
            Self::Curl => "curl",
            Self::Env => ".env",
        }
    }

    /// What must be there before the snippet works.
    pub(crate) const fn install(self) -> Option<&'static str> {
        match self {
            Self::SupabaseJs => Some("npm install @supabase/supabase-js"),
            Self::SupabasePy => Some("pip install supabase"),
            Self::Curl | Self::Env => None,
        }
    }

    /// The snippet, ready to run. `key` must be safe to publish.
    pub(crate) fn snippet(self, api_url: &str, key: &str) -> String {
        match self {
            Self::SupabaseJs => format!(
                "import {{ createClient }} from '@supabase/supabase-js'\n\n\
                 const supabase = createClient(\n  '{api_url}',\n  '{key}'\n)\n\n\
                 const {{ data, error }} = await supabase.from('todos').select()"
            ),
            Self::SupabasePy => format!(
                "from supabase import create_client\n\n\
                 supabase = create_client(\n    \"{api_url}\",\n    \"{key}\",\n)\n\n\
                 response = supabase.table(\"todos\").select(\"*\").execute()"
            ),
            Self::Curl => format!("curl '{api_url}/rest/v1/todos?select=*' \\\n  -H 'apikey: {key}'"),
            Self::Env => format!("SUPABASE_URL={api_url}\nSUPABASE_PUBLISHABLE_KEY={key}"),
        }
    }
}

/// The PostgreSQL URI. Without a password its place is shown by `shown_password`, as it is.
pub(crate) fn postgres_uri(connection: &Connection, shown_password: &str) -> String {
    let Connection { host, port, database, user } = connection;
    format!("postgresql://{user}:{shown_password}@{host}:{port}/{database}")
}

/// The same as a shell command.
pub(crate) fn psql(uri: &str) -> String {
    format!("psql '{uri}'")
}

/// Percent-encodes everything but RFC 3986's unreserved characters, so that it needs no quoting in a shell either.
pub(crate) fn percent_encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

/// Something that can be done to projects, as a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Command {
    Create,
    Pause,
    Resume,
    Restart,
    Retry,
    Rename,
    Resize,
    Delete,
    Events,
}

impl Command {
    /// The action in one word, lower case.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Pause => "pause",
            Self::Resume => "resume",
            Self::Restart => "restart",
            Self::Retry => "retry",
            Self::Rename => "rename",
            Self::Resize => "resize",
            Self::Delete => "delete",
            Self::Events => "events",
        }
    }

    /// The command against the dashboard at `origin`. `project_ref` is left out where there is none yet. `with_token`: the
    /// server asks for the admin token.
    pub(crate) fn curl(self, origin: &str, project_ref: Option<&ProjectRef>, with_token: bool) -> String {
        let project_ref = project_ref.map_or("$REF", ProjectRef::as_str);
        let (options, path) = match self {
            Self::Create => ("-X POST ", "/v1/projects".to_owned()),
            Self::Pause => ("-X POST ", format!("/v1/projects/{project_ref}/pause")),
            Self::Resume => ("-X POST ", format!("/v1/projects/{project_ref}/restore")),
            Self::Restart => ("-X POST ", format!("/v1/projects/{project_ref}/restart")),
            Self::Retry => ("-X POST ", format!("/v1/projects/{project_ref}/retry")),
            Self::Rename => ("-X PATCH --json '{\"name\": \"New name\"}' ", format!("/v1/projects/{project_ref}")),
            Self::Resize => (
                "-X PATCH --json '{\"addon_type\": \"compute_instance\", \"addon_variant\": \"ci_small\"}' ",
                format!("/v1/projects/{project_ref}/billing/addons"),
            ),
            Self::Delete => ("-X DELETE ", format!("/v1/projects/{project_ref}")),
            Self::Events => ("-N ", format!("/v1/projects/{project_ref}/events")),
        };
        let token = if with_token { " -H \"Authorization: Bearer $SUPACLOUD_TOKEN\"" } else { "" };
        format!("curl {options}{origin}{path}{token}")
    }
}

/// A request to a project's Auth as its service role, as a shell command.
#[cfg(feature = "ssr")]
pub(crate) fn auth_curl(api_url: &str, method: &str, path: &str, body: Option<&serde_json::Value>) -> String {
    let method = if method == "GET" { String::new() } else { format!("-X {method} ") };
    let body = body.map(|body| format!(" --json '{}'", body.to_string().replace('\'', "'\\''"))).unwrap_or_default();
    let key = r#"-H "apikey: $SERVICE_ROLE_KEY" -H "Authorization: Bearer $SERVICE_ROLE_KEY""#;
    format!("curl {method}'{api_url}/auth/v1{path}' {key}{body}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn connection() -> Connection {
        Connection { host: "127.0.0.1".into(), port: 54_321, database: "postgres".into(), user: "postgres".into() }
    }

    #[test]
    fn every_snippet_carries_url_and_key() {
        for client in Client::ALL {
            let snippet = client.snippet("http://abc.api.localhost:8000", "sb_publishable_x");
            assert!(snippet.contains("http://abc.api.localhost:8000") && snippet.contains("sb_publishable_x"), "{snippet}");
        }
    }

    #[test]
    fn passwords_are_encoded_in_the_uri() {
        let uri = postgres_uri(&connection(), &percent_encode("p@ss:w/'$ä"));
        assert_eq!(uri, "postgresql://postgres:p%40ss%3Aw%2F%27%24%C3%A4@127.0.0.1:54321/postgres");
        assert_eq!(psql("postgresql://x"), "psql 'postgresql://x'");
    }

    #[test]
    fn commands_name_the_token_only_where_one_is_needed() {
        let project_ref = ProjectRef::from_letters([0; 20]);
        assert_eq!(
            Command::Pause.curl("http://localhost:8000", Some(&project_ref), false),
            "curl -X POST http://localhost:8000/v1/projects/aaaaaaaaaaaaaaaaaaaa/pause"
        );
        assert_eq!(
            Command::Delete.curl("https://cloud.example", None, true),
            "curl -X DELETE https://cloud.example/v1/projects/$REF -H \"Authorization: Bearer $SUPACLOUD_TOKEN\""
        );
    }

    #[cfg(feature = "ssr")]
    #[test]
    fn commands_to_auth_bring_the_key_of_the_service_role() {
        assert_eq!(
            auth_curl("http://x", "GET", "/admin/users", None),
            "curl 'http://x/auth/v1/admin/users' -H \"apikey: $SERVICE_ROLE_KEY\" -H \"Authorization: Bearer $SERVICE_ROLE_KEY\""
        );
        let body = serde_json::json!({ "email": "o'neill@example.com" });
        let command = auth_curl("http://x", "POST", "/invite", Some(&body));
        assert!(command.starts_with("curl -X POST 'http://x/auth/v1/invite'"), "{command}");
        assert!(command.ends_with(r#"--json '{"email":"o'\''neill@example.com"}'"#), "{command}");
    }
}
