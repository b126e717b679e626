//! The files that make the server in a container the one that [`crate::Cluster`] runs on this machine. It knows nothing
//! of images and containers themselves: the files are for whoever builds the image.

use std::fmt::Write;

use crate::settings;

/// What differs from a cluster of this machine: its address is the container's own, and the socket's folder the image's.
const CONTAINER: &[(&str, &str)] = &[("listen_addresses", "*"), ("port", "5432"), ("unix_socket_directories", "/run/postgresql")];

/// As on this machine, but from wherever the container's network reaches. The socket asks for the password too: `dblink`
/// and `postgres_fdw` in a tenant's session connect as the operating-system user that `peer` would let in.
const PG_HBA: &str = "\
# Written by supacloud; who gets this far is up to the container's networks.
local all         all     scram-sha-256
local replication all     scram-sha-256
host  all         all all scram-sha-256
host  replication all all scram-sha-256
";

/// The files (name, contents) of a server of this major version: `postgresql.conf`, `pg_hba.conf`, and
/// `initdb.options`, which has one option per line, no spaces in any, and neither the folder nor the superuser.
pub fn container_files(major: u32) -> [(&'static str, String); 3] {
    let locale = settings::locales(major).first().copied().unwrap_or_default();
    let mut options = settings::initdb_options(locale).join("\n");
    options.push('\n');
    [("postgresql.conf", postgresql_conf(major)), ("pg_hba.conf", PG_HBA.to_owned()), ("initdb.options", options)]
}

fn postgresql_conf(major: u32) -> String {
    let mut text = "# Written by supacloud. What is given on the server's command line goes before.\n".to_owned();
    for (name, value) in settings::of(major).iter().chain(CONTAINER) {
        // Writing to a string can't fail.
        let _ = writeln!(text, "{name} = '{}'", value.replace('\'', "''"));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::container_files;

    #[test]
    fn the_files_say_what_a_cluster_of_this_machine_is_started_with() {
        let [(_, conf), (_, hba), (_, options)] = container_files(17);
        assert!(conf.contains("\nshared_buffers = '16MB'\n"), "{conf}");
        assert!(conf.contains("\nlisten_addresses = '*'\n"), "{conf}");
        assert!(!conf.contains("io_method"), "a setting of 18:\n{conf}");
        for rule in hba.lines().filter(|line| !line.starts_with('#')) {
            assert!(rule.ends_with(" scram-sha-256"), "{rule}");
        }
        assert_eq!(
            options.lines().collect::<Vec<_>>(),
            [
                "--encoding=UTF8",
                "--auth=scram-sha-256",
                "--data-checksums",
                "--no-sync",
                "--no-instructions",
                "--wal-segsize=4",
                "--locale=C",
                "--locale-provider=builtin",
                "--builtin-locale=C.UTF-8",
            ]
        );
    }

    #[test]
    fn before_17_the_locale_is_that_of_the_c_library() {
        let [_, _, (_, options)] = container_files(15);
        assert!(options.contains("\n--locale=C.UTF-8\n--lc-messages=C\n"), "{options}");
    }
}
