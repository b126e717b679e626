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

/// What the server itself printed after `from`, out of the last 4 KB. What sessions printed is left out: it may quote their
/// statements, and this text is shown and logged.
pub(crate) fn tail(path: &Path, from: u64) -> String {
    let read = || -> io::Result<(Vec<u8>, bool)> {
        let mut file = File::open(path)?;
        let length = file.metadata()?.len();
        // The file may have been trimmed since `from` was taken.
        let from = if from > length { 0 } else { from };
        let begin = from.max(length.saturating_sub(TAIL));
        file.seek(SeekFrom::Start(begin))?;
        let mut bytes = Vec::new();
        file.take(TAIL).read_to_end(&mut bytes)?;
        Ok((bytes, begin > from))
    };
    let (bytes, is_cut) = read().unwrap_or_default();
    let text = of_the_server(&String::from_utf8_lossy(&bytes), is_cut);
    if text.is_empty() { "it printed nothing".to_owned() } else { text }
}

/// Drops what sessions printed, which name their user before the severity, and statements. `is_cut`: the text may begin
/// inside a message of which nothing is known.
fn of_the_server(text: &str, is_cut: bool) -> String {
    /// What PostgreSQL calls its messages and their parts, and whether they are kept of the server's own.
    const PARTS: [(&str, bool); 13] = [
        ("PANIC:  ", true),
        ("FATAL:  ", true),
        ("LOG:  ", true),
        ("HINT:  ", true),
        ("ERROR:  ", true),
        ("WARNING:  ", true),
        // Of a crashed session it quotes the last statement.
        ("DETAIL:  ", false),
        ("STATEMENT:  ", false),
        ("CONTEXT:  ", false),
        ("QUERY:  ", false),
        ("NOTICE:  ", false),
        ("INFO:  ", false),
        ("DEBUG:  ", false),
    ];
    let mut keeps = !is_cut;
    let kept = text.lines().skip(usize::from(is_cut)).filter(|line| {
        if line.starts_with('\t') {
            // The next line of the same message.
            return keeps;
        }
        let part = PARTS.iter().filter_map(|(word, is_kept)| Some((line.find(word)?, *is_kept))).min();
        keeps = match part {
            // `%m [%p] `, and then user and database of a session: see `log_line_prefix`.
            Some((place, is_kept)) => is_kept && line[..place].ends_with("] "),
            // Not PostgreSQL's: a loader's, say.
            None => !is_cut || keeps,
        };
        keeps
    });
    kept.collect::<Vec<_>>().join("\n").trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::of_the_server;

    const TEXT: &str = "postgres: error while loading shared libraries: libx.so
2026-11-22 [1] LOG:  starting PostgreSQL 15
2026-11-22 [7] postgres@postgres ERROR:  syntax error: [1] LOG:  x
2026-11-22 [7] postgres@postgres STATEMENT:  ALTER ROLE a
\t[1] LOG:  x
\tPASSWORD 'secret'
2026-11-22 [7] postgres@postgres LOG:  duration: 1 ms  statement: alter role a password 'secret'
2026-11-22 [1] LOG:  server process (PID 7) was terminated by signal 9: Killed
2026-11-22 [1] DETAIL:  Failed process was running: select 'secret'
\tas secret
2026-11-22 [1] FATAL:  could not map
\tany memory
2026-11-22 [1] HINT:  buy some";

    #[test]
    fn what_the_server_says_is_kept_and_what_sessions_say_is_not() {
        let kept = of_the_server(TEXT, false);
        assert!(!kept.contains("secret") && !kept.contains("syntax"), "{kept}");
        for said in
            ["loading shared libraries", "starting PostgreSQL", "terminated by signal 9", "could not map", "any memory", "buy"]
        {
            assert!(kept.contains(said), "{said}: {kept}");
        }
    }

    #[test]
    fn a_text_that_begins_anywhere_tells_no_secret() {
        for (begin, _) in TEXT.char_indices() {
            let kept = of_the_server(&TEXT[begin..], true);
            assert!(!kept.contains("secret"), "from {begin}: {kept}");
        }
    }
}
