//! Which project a request is for.

use control_plane_api::ProjectRef;

/// The installation's base domain; projects live at `<ref>.api.<domain>`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Domain {
    /// `.api.<domain>`, lowercase.
    suffix: String,
}

/// What a request is addressed to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Address {
    /// A project, by its own host name.
    Host(ProjectRef),
    /// A project, by a path on the main host; the rest of the path begins after so many bytes.
    Path(ProjectRef, usize),
    /// A project's address in form, but no project can have it.
    NoProject,
    /// Anything else: the main host's own affair.
    Main,
}

/// Between a project's ref and the domain.
const PROJECTS: &str = ".api.";
/// Before the name of a project's API in that of its database.
const DATABASE: &str = "db.";
/// Where the path form begins.
const PATH_FORM: &str = "/p/";

impl Domain {
    /// The domain by its name, such as `localhost`.
    #[must_use]
    pub fn new(name: &str) -> Self {
        Self { suffix: format!("{PROJECTS}{}", name.trim_matches('.').to_ascii_lowercase()) }
    }

    /// The domain's name.
    #[must_use]
    pub fn name(&self) -> &str {
        self.suffix.strip_prefix(PROJECTS).unwrap_or_default()
    }

    /// Whether a host is the domain itself or below it.
    #[must_use]
    pub fn covers(&self, host: &str) -> bool {
        let name = host_name(host).to_ascii_lowercase();
        name.strip_suffix(self.name()).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
    }

    /// The project that a name belongs to: `<ref>.api.<domain>`, or `db.<ref>.api.<domain>`, its database's.
    #[must_use]
    pub fn project_of(&self, name: &str) -> Option<ProjectRef> {
        let name = name.to_ascii_lowercase();
        let label = name.strip_suffix(&self.suffix)?;
        label.strip_prefix(DATABASE).unwrap_or(label).parse().ok()
    }

    /// The host name of a project.
    #[must_use]
    pub fn host_of(&self, project_ref: &ProjectRef) -> String {
        format!("{project_ref}{}", self.suffix)
    }

    /// Finds what a request is addressed to. `host` is the `Host` header or the URI's authority, with or without a port.
    #[must_use]
    pub fn address(&self, host: &str, path: &str) -> Address {
        let name = host_name(host).to_ascii_lowercase();
        if let Some(label) = name.strip_suffix(&self.suffix) {
            return label.parse().map_or(Address::NoProject, Address::Host);
        }
        let Some(rest) = path.strip_prefix(PATH_FORM) else { return Address::Main };
        let label = rest.split('/').next().unwrap_or_default();
        match label.parse() {
            Ok(project_ref) => Address::Path(project_ref, PATH_FORM.len() + label.len()),
            Err(_) => Address::NoProject,
        }
    }
}

/// A host without its port and without the dot that may end a full name. `host` is a `Host` header or an authority.
#[must_use]
pub fn host_name(host: &str) -> &str {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit()) => name,
        Some(_) | None => host,
    };
    name.strip_suffix('.').unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const REF: &str = "abcdefghijklmnopqrst";

    #[test]
    fn hosts_and_paths_find_their_project() {
        let domain = Domain::new("localhost");
        let project: ProjectRef = REF.parse().unwrap();
        for (host, path, expected) in [
            ("abcdefghijklmnopqrst.api.localhost", "/rest/v1/t", Address::Host(project.clone())),
            ("abcdefghijklmnopqrst.api.localhost:8000", "/", Address::Host(project.clone())),
            ("ABCDEFGHIJKLMNOPQRST.API.LOCALHOST.:8000", "/", Address::Host(project.clone())),
            ("localhost:8000", "/p/abcdefghijklmnopqrst/rest/v1/", Address::Path(project.clone(), 23)),
            ("127.0.0.1", "/p/abcdefghijklmnopqrst", Address::Path(project.clone(), 23)),
            ("localhost", "/p/abc/rest", Address::NoProject),
            ("localhost", "/p/../v1/projects", Address::NoProject),
            ("localhost", "/p/", Address::NoProject),
            ("abc.api.localhost", "/", Address::NoProject),
            ("a.abcdefghijklmnopqrst.api.localhost", "/", Address::NoProject),
            ("localhost:8000", "/v1/projects", Address::Main),
            ("[::1]:8000", "/", Address::Main),
            ("api.localhost", "/", Address::Main),
            ("abcdefghijklmnopqrst.api.localhost:", "/", Address::Main),
            ("", "/", Address::Main),
        ] {
            assert_eq!(domain.address(host, path), expected, "{host} {path}");
        }
    }

    #[test]
    fn another_domain_is_not_ours() {
        assert_eq!(Domain::new("example.com").address(&format!("{REF}.api.localhost"), "/"), Address::Main);
        assert!(matches!(Domain::new("Example.com").address(&format!("{REF}.api.example.com"), "/"), Address::Host(_)));
    }

    #[test]
    fn names_of_projects_and_of_the_domain_are_known() {
        let domain = Domain::new("Example.com");
        let project: ProjectRef = REF.parse().unwrap();
        assert_eq!((domain.name(), domain.host_of(&project)), ("example.com", format!("{REF}.api.example.com")));
        for name in [format!("{REF}.api.example.com"), format!("db.{REF}.API.example.com")] {
            assert_eq!(domain.project_of(&name), Some(project.clone()), "{name}");
            assert!(domain.covers(&name), "{name}");
        }
        for name in ["example.com", "api.example.com", "db.api.example.com", "evil.example"] {
            assert_eq!(domain.project_of(name), None, "{name}");
        }
        for name in
            [format!("x.{REF}.api.example.com"), format!("db.db.{REF}.api.example.com"), format!("{REF}.api.example.com.")]
        {
            assert_eq!(domain.project_of(&name), None, "{name}");
        }
        assert!(domain.covers("EXAMPLE.com:8443") && domain.covers("www.example.com."));
        assert!(!domain.covers("badexample.com") && !domain.covers("127.0.0.1") && !domain.covers(""));
    }

    proptest! {
        #[test]
        fn never_panics_and_never_cuts_a_path_in_the_middle(host in ".*", path in ".*") {
            if let Address::Path(_, begin) = Domain::new("localhost").address(&host, &path) {
                prop_assert!(path.is_char_boundary(begin));
            }
        }
    }
}
