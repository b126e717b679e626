//! Files of variables, as upstream reads them: one named file, or `.env`; and a folder whose files are read again when
//! they change.

use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

use super::Variables;

#[derive(Debug, Error)]
pub enum FileError {
    #[error("{} can't be read", .0.display())]
    Read(PathBuf, #[source] io::Error),
    #[error("{}, line {line}: expected `NAME=value`", .file.display())]
    Line { file: PathBuf, line: usize },
    #[error("{} must be a JSON object of texts", .0.display())]
    Json(PathBuf),
}

/// The process's variables with those of files. A named file wins over the process, the folder wins over both, in the
/// order of its files' names; `.env` in the working folder, which is read where no file is named, loses to the process.
pub fn with_files(process: Variables, file: Option<&Path>, folder: Option<&Path>) -> Result<Variables, FileError> {
    let mut all = process;
    match file {
        Some(file) => all.extend(read(file)?),
        None => {
            let default = Path::new(".env");
            match read(default) {
                Ok(variables) => variables.into_iter().for_each(|(name, value)| {
                    all.entry(name).or_insert(value);
                }),
                Err(FileError::Read(_, error)) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
    }
    for file in folder.map(files_of).transpose()?.unwrap_or_default() {
        all.extend(read(&file)?);
    }
    Ok(all)
}

/// `*.env` and `*.json`, by name. Where both have the same stem, the JSON counts.
fn files_of(folder: &Path) -> Result<Vec<PathBuf>, FileError> {
    let failed = |error| FileError::Read(folder.to_owned(), error);
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if path.is_file() && path.extension().is_some_and(|extension| extension == "env" || extension == "json") {
            files.push(path);
        }
    }
    files.sort();
    let all = files.clone();
    files.retain(|file| {
        file.extension().is_some_and(|extension| extension == "json") || !all.contains(&file.with_extension("json"))
    });
    Ok(files)
}

fn read(file: &Path) -> Result<Variables, FileError> {
    let text = std::fs::read_to_string(file).map_err(|error| FileError::Read(file.to_owned(), error))?;
    if file.extension().is_some_and(|extension| extension == "json") {
        return serde_json::from_str(&text).map_err(|_| FileError::Json(file.to_owned()));
    }
    parse(&text).map_err(|line| FileError::Line { file: file.to_owned(), line })
}

/// The error is the line's number.
fn parse(text: &str) -> Result<Variables, usize> {
    let mut variables = Variables::new();
    let mut rest = text;
    let mut line = 0;
    while !rest.is_empty() {
        line += 1;
        let (now, after) = rest.split_once('\n').unwrap_or((rest, ""));
        let content = now.trim();
        rest = after;
        if content.is_empty() || content.starts_with('#') {
            continue;
        }
        let content = content.strip_prefix("export ").unwrap_or(content);
        let (name, value) = content.split_once('=').ok_or(line)?;
        let name = name.trim();
        if name.is_empty() || !name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-')) {
            return Err(line);
        }
        let value = value.trim_start();
        let value = match value.chars().next().filter(|quote| *quote == '"' || *quote == '\'') {
            None => expanded(without_comment(value), &variables),
            Some(quote) => {
                // A quoted value may go on in the following lines.
                let mut quoted = value[1..].to_owned();
                let end = loop {
                    if let Some(end) = closing(&quoted, quote) {
                        break end;
                    }
                    if rest.is_empty() {
                        return Err(line);
                    }
                    let (next, after) = rest.split_once('\n').unwrap_or((rest, ""));
                    line += 1;
                    rest = after;
                    quoted.push('\n');
                    quoted.push_str(next.trim_end_matches('\r'));
                };
                let inner = &quoted[..end];
                if quote == '\'' { inner.to_owned() } else { unescaped(&expanded(inner, &variables)) }
            }
        };
        variables.insert(name.to_owned(), value);
    }
    Ok(variables)
}

fn without_comment(value: &str) -> &str {
    if value.starts_with('#') {
        return "";
    }
    value.split(" #").next().unwrap_or_default().trim_end()
}

fn closing(text: &str, quote: char) -> Option<usize> {
    let mut escaped = false;
    for (at, c) in text.char_indices() {
        if c == quote && !escaped {
            return Some(at);
        }
        escaped = quote == '"' && c == '\\' && !escaped;
    }
    None
}

fn unescaped(text: &str) -> String {
    let mut plain = String::new();
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match (c, c == '\\') {
            (_, true) => match chars.next() {
                Some('n') => plain.push('\n'),
                Some('r') => plain.push('\r'),
                Some('t') => plain.push('\t'),
                Some(other) => plain.push(other),
                None => plain.push('\\'),
            },
            (c, false) => plain.push(c),
        }
    }
    plain
}

/// `$NAME` and `${NAME}` of the lines before; a `$` that names none of them stays, as in a password.
fn expanded(text: &str, variables: &Variables) -> String {
    let mut all = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        let (before, after) = rest.split_at(at);
        all.push_str(before);
        let after = &after[1..];
        let braced = after.strip_prefix('{').and_then(|inner| inner.split_once('}'));
        let end = after.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(after.len());
        let (name, following) = braced.unwrap_or((&after[..end], &after[end..]));
        match variables.get(name).filter(|_| !before.ends_with('\\')) {
            Some(value) => {
                all.push_str(value);
                rest = following;
            }
            None => {
                all.push('$');
                rest = after;
            }
        }
    }
    all.push_str(rest);
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_read_as_shells_write_it() {
        let text = "# all of it\n\nexport A=1\nB = two words # and why\nC=\"quoted # \\\"x\\\"\\n\"\nD='raw $A \\n'\n\
                    E=\"a\nb\" \nF=${A}-$B\nG=pa$$word#1\r\nH=\nI=#nothing\nJ={\"a\": \"b=c\"}\n";
        let variables = parse(text).unwrap();
        let expected = [
            ("A", "1"),
            ("B", "two words"),
            ("C", "quoted # \"x\"\n"),
            ("D", "raw $A \\n"),
            ("E", "a\nb"),
            ("F", "1-two words"),
            ("G", "pa$$word#1"),
            ("H", ""),
            ("I", ""),
            ("J", "{\"a\": \"b=c\"}"),
        ];
        assert_eq!(variables.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect::<Vec<_>>(), expected);
        assert_eq!(parse("A=1\nno line\n"), Err(2));
        assert_eq!(parse("A=\"not closed\nB=1"), Err(2));
        assert_eq!(parse("=1"), Err(1));
    }

    #[test]
    fn a_named_file_and_the_folder_win_over_the_process() {
        let folder = std::env::temp_dir().join(format!("auth-settings-{}", uuid::Uuid::new_v4()));
        let watched = folder.join("conf.d");
        std::fs::create_dir_all(&watched).unwrap();
        let named = folder.join("auth.env");
        std::fs::write(&named, "A=file\nB=file\nC=file").unwrap();
        std::fs::write(watched.join("10.env"), "B=ten\nC=ten").unwrap();
        std::fs::write(watched.join("20.json"), r#"{"C": "twenty"}"#).unwrap();
        std::fs::write(watched.join("20.env"), "C=not read").unwrap();
        std::fs::write(watched.join("30.txt"), "C=not read").unwrap();
        let process = Variables::from([("A".to_owned(), "process".to_owned()), ("Z".to_owned(), "process".to_owned())]);
        let all = with_files(process.clone(), Some(&named), Some(&watched)).unwrap();
        let values: Vec<_> = all.iter().map(|(name, value)| format!("{name}={value}")).collect();
        assert_eq!(values, ["A=file", "B=ten", "C=twenty", "Z=process"]);
        let missing = with_files(process, Some(&folder.join("none")), None).unwrap_err();
        assert!(missing.to_string().ends_with("none can't be read"), "{missing}");
        std::fs::remove_dir_all(folder).unwrap();
    }
}
