//! The build contexts of the images that a project's containers run from; `images/postgres/README.md` says how that one is
//! used. It builds nothing, and does not know the settings of the server: they come from
//! `postgres_cluster::container_files`.

use std::fmt::Write;

use crate::{EXTENSIONS_SCHEMA, TRUSTED_EXTENSIONS};

/// The files (name, contents) of the PostgreSQL image, but for those of `postgres_cluster::container_files` and for
/// [`trusted_extensions`].
pub const POSTGRES: &[(&str, &str)] = &[
    ("Dockerfile", include_str!("../images/postgres/Dockerfile")),
    ("dpkg-excludes", include_str!("../images/postgres/dpkg-excludes")),
    ("install.sh", include_str!("../images/postgres/install.sh")),
    ("trust.sh", include_str!("../images/postgres/trust.sh")),
    ("plugins.sh", include_str!("../images/postgres/plugins.sh")),
    ("entrypoint.sh", include_str!("../images/postgres/entrypoint.sh")),
];

/// The Dockerfile of the image that a project's services run from; the other file of its context is the program `node`.
pub const NODE: &str = include_str!("../images/node/Dockerfile");

/// The Dockerfile of an image in the place of `postgrest/postgrest`; the other file of its context is the program `rest`.
pub const REST: &str = include_str!("../images/rest/Dockerfile");

/// The Dockerfile of an image in the place of `supabase/gotrue`; the other file of its context is the program `auth`.
pub const AUTH: &str = include_str!("../images/auth/Dockerfile");

/// The file `trusted-extensions` (name, contents) of the PostgreSQL image.
pub fn trusted_extensions() -> (&'static str, String) {
    let mut text = String::new();
    for name in TRUSTED_EXTENSIONS {
        // Writing to a string can't fail.
        let _ = writeln!(text, "{name} {EXTENSIONS_SCHEMA}");
    }
    ("trusted-extensions", text)
}

#[cfg(test)]
mod tests {
    use super::{POSTGRES, trusted_extensions};

    /// The Dockerfile copies nothing that the context lacks; the four files are those made by Rust.
    #[test]
    fn what_the_dockerfile_copies_is_in_the_context() {
        let made = ["postgresql.conf", "pg_hba.conf", "initdb.options", trusted_extensions().0];
        let dockerfile = POSTGRES[0].1;
        for line in dockerfile.lines().filter_map(|line| line.strip_prefix("COPY ")) {
            let mut words: Vec<_> = line.split_whitespace().collect();
            words.pop();
            for name in words {
                assert!(made.contains(&name) || POSTGRES.iter().any(|(file, _)| *file == name), "{name}");
            }
        }
    }

    #[test]
    fn each_trusted_extension_is_a_line_with_its_schema() {
        let (_, text) = trusted_extensions();
        assert!(text.lines().any(|line| line == "vector extensions"), "{text}");
        assert_eq!(text.lines().count(), crate::TRUSTED_EXTENSIONS.len());
    }
}
