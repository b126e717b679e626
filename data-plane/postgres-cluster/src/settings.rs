//! The settings every cluster runs with, passed on the postmaster's command line at each start.
//!
//! On the command line rather than in a file of the data directory: a cluster then never runs with the settings of an
//! older release, nothing is written to a clone before it can start, and `ALTER SYSTEM` can't undo them. They are
//! chosen for many mostly idle clusters on one machine. Measured with 15.18: 21 MB (PSS) for one alone, of which 11 MB are
//! pages of the executable that all clusters share; 8.9 MB each for eight; pg_stat_statements is 0.3 MB of it.

/// Kilobytes per WAL segment is fixed by `initdb`; 4 MB keeps a clone small.
pub(crate) const WAL_SEGMENT_MB: u32 = 4;

const COMMON: &[(&str, &str)] = &[
    ("shared_buffers", "16MB"),
    ("max_connections", "50"),
    ("huge_pages", "off"),
    ("dynamic_shared_memory_type", "posix"),
    ("jit", "off"),
    ("max_worker_processes", "4"),
    ("max_parallel_workers", "2"),
    ("max_parallel_workers_per_gather", "1"),
    ("max_parallel_maintenance_workers", "1"),
    ("autovacuum_max_workers", "2"),
    ("maintenance_work_mem", "32MB"),
    ("effective_cache_size", "256MB"),
    // Logical decoding (realtime) needs the level, slots and senders, but not the subscriber's launcher process.
    ("wal_level", "logical"),
    ("max_wal_senders", "5"),
    ("max_replication_slots", "5"),
    ("max_logical_replication_workers", "0"),
    // A forgotten slot must not fill the disk.
    ("max_slot_wal_keep_size", "1GB"),
    ("min_wal_size", "8MB"),
    ("max_wal_size", "256MB"),
    ("fsync", "on"),
    ("full_page_writes", "on"),
    // After a crash: one call for the file system rather than one for each of a thousand files.
    ("recovery_init_sync_method", "syncfs"),
    ("password_encryption", "scram-sha-256"),
    ("unix_socket_permissions", "0700"),
    ("ssl", "off"),
    ("shared_preload_libraries", "pg_stat_statements"),
    ("pg_stat_statements.max", "1000"),
    // Its text file is then bounded by the entries, and nothing is written at each stop.
    ("pg_stat_statements.save", "off"),
    ("timezone", "UTC"),
    ("log_timezone", "UTC"),
    ("logging_collector", "off"),
    ("log_destination", "stderr"),
    ("log_line_prefix", "%m [%p] %q%u@%d "),
    ("log_checkpoints", "off"),
    // As in an English locale: full-text search without a named configuration stems.
    ("default_text_search_config", "pg_catalog.english"),
    // The tail of the log becomes an error message and is matched, so it must not be translated.
    ("lc_messages", "C"),
];

/// The settings of a major version, in the order in which they are passed.
pub(crate) fn of(major: u32) -> Vec<(&'static str, &'static str)> {
    let mut settings = COMMON.to_vec();
    if major >= 18 {
        // Worker processes for asynchronous reads cost memory in each cluster.
        settings.push(("io_method", "sync"));
        settings.push(("autovacuum_worker_slots", "2"));
    }
    settings
}

/// Locale options of `initdb`, to try in order. Byte order (C) rather than a language's: the same on every machine, no
/// mismatch of collation versions after an upgrade of the system, and less memory than ICU.
pub(crate) fn locales(major: u32) -> &'static [&'static [&'static str]] {
    const C: &[&str] = &["--locale=C"];
    const BUILTIN: &[&str] = &["--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"];
    const LIBC: &[&str] = &["--locale=C.UTF-8", "--lc-messages=C"];
    if major >= 17 { &[BUILTIN] } else { &[LIBC, C] }
}

/// The options of `initdb`, but for the folder, the superuser and its password. What is made is synced by the caller.
pub(crate) fn initdb_options(locale: &[&str]) -> Vec<String> {
    let mut options = ["--encoding=UTF8", "--auth=scram-sha-256", "--data-checksums", "--no-sync", "--no-instructions"]
        .map(str::to_owned)
        .to_vec();
    options.push(format!("--wal-segsize={WAL_SEGMENT_MB}"));
    options.extend(locale.iter().copied().map(str::to_owned));
    options
}

/// Only scram, over the unix socket and from this machine; nobody else is let in.
pub(crate) const PG_HBA: &str = "\
# Written by supacloud; the socket's folder is closed to other users of the machine as well.
local all         all              scram-sha-256
local replication all              scram-sha-256
host  all         all 127.0.0.1/32 scram-sha-256
host  replication all 127.0.0.1/32 scram-sha-256
";

/// `postgresql.conf` has to exist; everything is on the command line.
pub(crate) const POSTGRESQL_CONF: &str = "# Written by supacloud: the settings are on the postmaster's command line.\n";
