//! The file a postmaster prints to.
//!
//! PostgreSQL's own logging collector would cost a process per cluster, so the postmaster writes to a file opened by
//! us. Nothing bounds such a file while a cluster runs; [`trim`] does, at each start and whenever the caller asks.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

const TRIM_ABOVE: u64 = 1 << 20;
const KEEP: u64 = 256 << 10;
const TAIL: u64 = 4 << 10;

/// Opens for appending, which is what makes trimming safe while a postmaster writes.
pub(crate) fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new().create(true).append(true).mode(0o600).open(path)
}

/// When the file is larger than 1 MB: keeps its last 256 KB in `<path>.1` and empties it.
pub(crate) fn trim(path: &Path) -> io::Result<()> {
    let mut file = match OpenOptions::new().read(true).append(true).open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    let length = file.metadata()?.len();
    if length <= TRIM_ABOVE {
        return Ok(());
    }
    file.seek(SeekFrom::Start(length - KEEP))?;
    let mut old = File::create(previous(path))?;
    io::copy(&mut file, &mut old)?;
    file.set_len(0)
}

/// `<path>.1`.
pub(crate) fn previous(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".1");
    PathBuf::from(name)
}

/// What the server itself printed after `from`, out of the last 4 KB. What it printed about somebody's statements is left
/// out: it may quote them, and this text is shown and logged.
pub(crate) fn tail(path: &Path, from: u64) -> String {
    let read = || -> io::Result<Vec<u8>> {
        let mut file = File::open(path)?;
        let length = file.metadata()?.len();
        // The file may have been trimmed since `from` was taken.
        let from = if from > length { 0 } else { from };
        file.seek(SeekFrom::Start(from.max(length.saturating_sub(TAIL))))?;
        let mut bytes = Vec::new();
        file.take(TAIL).read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    let bytes = read().unwrap_or_default();
    let text = without_statements(&String::from_utf8_lossy(&bytes));
    if text.is_empty() { "it printed nothing".to_owned() } else { text }
}

/// Drops errors and notices of sessions, and the statements and details that follow a message.
fn without_statements(text: &str) -> String {
    /// Word, whether its lines are kept, and whether details that follow are.
    const SEVERITIES: [(&str, Option<(bool, bool)>); 13] = [
        ("PANIC:  ", Some((true, true))),
        ("FATAL:  ", Some((true, true))),
        // A crashed session's last statement is a detail of the postmaster's LOG.
        ("LOG:  ", Some((true, false))),
        ("ERROR:  ", Some((false, false))),
        ("WARNING:  ", Some((false, false))),
        ("NOTICE:  ", Some((false, false))),
        ("INFO:  ", Some((false, false))),
        ("DEBUG:  ", Some((false, false))),
        ("HINT:  ", None),
        ("DETAIL:  ", None),
        ("STATEMENT:  ", Some((false, false))),
        ("CONTEXT:  ", Some((false, false))),
        ("QUERY:  ", Some((false, false))),
    ];
    let (mut keeps, mut keeps_details) = (true, true);
    let kept = text.lines().filter(|line| {
        let found = SEVERITIES.iter().filter_map(|(word, is)| Some((line.find(word)?, is))).min_by_key(|(place, _)| *place);
        match found {
            Some((_, Some(is))) => (keeps, keeps_details) = *is,
            Some((_, None)) => keeps = keeps_details,
            // The next line of the same message, or what a loader says, which knows no severity.
            None => keeps |= !line.starts_with('\t'),
        }
        keeps
    });
    kept.collect::<Vec<_>>().join("\n").trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::without_statements;

    #[test]
    fn what_the_server_says_is_kept_and_what_statements_say_is_not() {
        let text = "postgres: error while loading shared libraries: libx.so\n\
            2026-11-22 [1] LOG:  starting PostgreSQL 15\n\
            2026-11-22 [7] postgres@postgres ERROR:  syntax error: LOG:  x\n\
            2026-11-22 [7] postgres@postgres STATEMENT:  ALTER ROLE a\n\
            \tPASSWORD 'secret'\n\
            2026-11-22 [1] LOG:  server process (PID 7) was terminated by signal 9: Killed\n\
            2026-11-22 [1] DETAIL:  Failed process was running: select 'secret'\n\
            2026-11-22 [1] FATAL:  could not map\n\
            2026-11-22 [1] DETAIL:  no memory\n\
            2026-11-22 [1] HINT:  buy some";
        let kept = without_statements(text);
        assert!(!kept.contains("secret") && !kept.contains("syntax"), "{kept}");
        for said in
            ["loading shared libraries", "starting PostgreSQL", "terminated by signal 9", "could not map", "no memory", "buy"]
        {
            assert!(kept.contains(said), "{said}: {kept}");
        }
    }
}
