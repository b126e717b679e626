//! Takes secrets from standard input, then becomes the service. See `docker/delivery.rs`, which is the other end.
//!
//! One file without dependencies: build.rs compiles it by itself, statically, so that it runs in any image.

use std::{
    env,
    ffi::OsString,
    fs::{self, File, OpenOptions},
    io::{self, BufRead, Write},
    os::unix::{fs::OpenOptionsExt, process::CommandExt},
    path::Path,
    process::{Command, ExitCode, Stdio},
};

const SECRETS: &str = "/run/secrets";
/// Largest secret, in bytes.
const MAX_BYTES: usize = 64 * 1024;

fn main() -> ExitCode {
    let mut words = env::args_os().skip(1);
    let Some(program) = words.next() else {
        eprintln!("hand-over: no command line was given");
        return ExitCode::from(64);
    };
    let variables = match take(&mut io::stdin().lock()) {
        Ok(variables) => variables,
        Err(error) => {
            eprintln!("hand-over: {error}");
            return ExitCode::from(65);
        }
    };
    let error = Command::new(&program).args(words).envs(variables).stdin(Stdio::null()).exec();
    eprintln!("hand-over: {}: {error}", Path::new(&program).display());
    ExitCode::from(127)
}

/// Reads the document: writes its files, and answers its variables.
pub(crate) fn take(input: &mut impl BufRead) -> io::Result<Vec<(String, OsString)>> {
    let mut variables = Vec::new();
    loop {
        let mut line = String::new();
        if input.read_line(&mut line)? == 0 {
            return Err(malformed("the document has no end"));
        }
        let mut words = line.trim_end().split(' ');
        let (kind, name, length) = (words.next().unwrap_or_default(), words.next(), words.next());
        if kind == "end" {
            return Ok(variables);
        }
        let name = name.filter(|name| is_plain(name)).ok_or_else(|| malformed("a name is missing"))?;
        let length: usize = length
            .and_then(|length| length.parse().ok())
            .filter(|length| *length <= MAX_BYTES)
            .ok_or_else(|| malformed("a length is missing"))?;
        // The line break after it, too.
        let mut value = vec![0; length + 1];
        input.read_exact(&mut value)?;
        value.truncate(length);
        match kind {
            "file" => write(name, &value)?,
            "env" => variables.push((name.to_owned(), String::from_utf8(value).map_err(io::Error::other)?.into())),
            _ => return Err(malformed("neither a file nor a variable")),
        }
    }
}

fn is_plain(name: &str) -> bool {
    !name.is_empty() && !name.starts_with('.') && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
}

fn write(name: &str, value: &[u8]) -> io::Result<()> {
    fs::create_dir_all(SECRETS)?;
    let path = Path::new(SECRETS).join(name);
    let _ = fs::remove_file(&path);
    let mut file: File = OpenOptions::new().write(true).create_new(true).mode(0o400).open(&path)?;
    file.write_all(value)
}

fn malformed(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}
