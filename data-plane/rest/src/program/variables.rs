//! The variables that the program is given, by its environment or by a file, and what can be wrong with them.

use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet, HashMap},
    fs, io,
    path::PathBuf,
};

use super::file::{self, Line, Malformed};
use crate::schema::truth;

/// What all of PostgREST's variables begin with.
pub(super) const PREFIX: &str = "PGRST_";

/// Where nothing is a value: no schemas besides the exposed one.
const MAY_BE_EMPTY: &str = "PGRST_DB_EXTRA_SEARCH_PATH";

/// Whether a variable that has this value is set.
fn is_set(name: &str, value: &str) -> bool {
    name == MAY_BE_EMPTY || !value.trim().is_empty()
}

/// Why the settings can't be used. Names the variable and says what to do; never shows a value that may be a secret.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// The value is not of the kind that belongs there.
    #[error("{variable} is {value:?}; set it to {expected}")]
    Invalid {
        /// The variable.
        variable: String,
        /// What was there.
        value: String,
        /// What belongs there.
        expected: &'static str,
    },
    /// The value, which is not shown, can't be used.
    #[error("{variable} can't be used: {problem}")]
    Unusable {
        /// The variable.
        variable: String,
        /// What is wrong with it and what to do.
        problem: String,
    },
    /// The configuration file.
    #[error("the configuration file {path} can't be read")]
    Unreadable {
        /// The file.
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    /// A line of the configuration file.
    #[error("line {number} of {path} can't be used: {problem}")]
    Malformed {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        number: usize,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// A value that begins with `@` names a file.
    #[error("{variable} names the file {path}, which can't be read")]
    File {
        /// The variable.
        variable: String,
        /// The file.
        path: PathBuf,
        #[source]
        source: io::Error,
    },
}

/// Everything that settings are read from: the environment, and the file that stands behind it.
#[derive(Debug, Default)]
pub struct Sources {
    environment: HashMap<String, String>,
    path: PathBuf,
    lines: BTreeMap<String, Line>,
}

impl Sources {
    /// The environment alone.
    #[must_use]
    pub fn of_environment(environment: HashMap<String, String>) -> Self {
        Self { environment, ..Self::default() }
    }

    /// The environment, and a configuration file for what it leaves open.
    ///
    /// # Errors
    /// [`SettingsError`] when the file can't be read or understood.
    pub fn with_file(environment: HashMap<String, String>, path: PathBuf) -> Result<Self, SettingsError> {
        let unreadable = |source| SettingsError::Unreadable { path: path.clone(), source };
        let text = fs::read_to_string(&path).map_err(unreadable)?;
        let malformed = |Malformed { number, problem }| SettingsError::Malformed { path: path.clone(), number, problem };
        let lines = file::parse(&text, &environment).map_err(malformed)?;
        Ok(Self { environment, path, lines })
    }

    /// The same environment, and the file as it is now.
    pub(super) fn again(&self) -> Result<Self, SettingsError> {
        let environment = self.environment.clone();
        if self.path.as_os_str().is_empty() {
            Ok(Self::of_environment(environment))
        } else {
            Self::with_file(environment, self.path.clone())
        }
    }

    /// Names of those that begin so, in order.
    pub(super) fn beginning_with(&self, prefix: &str) -> impl Iterator<Item = &str> {
        let all: BTreeSet<&str> = self.environment.keys().chain(self.lines.keys()).map(String::as_str).collect();
        all.into_iter().filter(move |name| name.starts_with(prefix))
    }

    pub(super) const fn environment(&self) -> &HashMap<String, String> {
        &self.environment
    }

    /// An empty variable counts as not set, but for one; an empty value of the file is one.
    pub(super) fn value(&self, name: &str) -> Option<&str> {
        let given = self.environment.get(name).map(String::as_str).filter(|value| is_set(name, value));
        given.or_else(|| self.lines.get(name).map(|line| line.value.as_str()))
    }

    /// Where the value of a variable is, for a person.
    pub(super) fn origin(&self, name: &str) -> String {
        let is_given = self.environment.get(name).is_some_and(|value| is_set(name, value));
        match self.lines.get(name) {
            Some(line) if !is_given => format!("{} (line {} of {})", line.key, line.number, self.path.display()),
            Some(_) | None => name.to_owned(),
        }
    }
}

/// Variables, which are noted when they are asked for.
#[derive(Debug)]
pub(super) struct Variables<'a> {
    sources: &'a Sources,
    known: RefCell<BTreeSet<&'static str>>,
}

impl<'a> Variables<'a> {
    pub(super) fn new(sources: &'a Sources) -> Self {
        Self { sources, known: RefCell::default() }
    }

    /// The first of these names that is set, with its value. An empty one counts as not set, but for one.
    pub(super) fn get(&self, names: &[&'static str]) -> Option<(&'static str, &'a str)> {
        self.known.borrow_mut().extend(names);
        names.iter().find_map(|name| {
            let value = self.sources.value(name)?;
            is_set(name, value).then_some((*name, value))
        })
    }

    /// As text, or what is in the file that `@file` names, a newline at the end aside.
    pub(super) fn text_or_file(&self, names: &[&'static str]) -> Result<Option<String>, SettingsError> {
        let Some((variable, value)) = self.get(names) else { return Ok(None) };
        let Some(path) = value.strip_prefix('@') else { return Ok(Some(value.to_owned())) };
        let text = fs::read_to_string(path).map_err(|source| SettingsError::File {
            variable: self.sources.origin(variable),
            path: path.into(),
            source,
        })?;
        Ok(Some(text.trim_end_matches(['\r', '\n']).to_owned()))
    }

    pub(super) fn parsed<T>(
        &self,
        names: &[&'static str],
        expected: &'static str,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Result<Option<T>, SettingsError> {
        let Some((variable, value)) = self.get(names) else { return Ok(None) };
        let invalid = || SettingsError::Invalid { variable: self.sources.origin(variable), value: value.to_owned(), expected };
        parse(value.trim()).map(Some).ok_or_else(invalid)
    }

    pub(super) fn number<T: std::str::FromStr>(
        &self,
        names: &[&'static str],
        expected: &'static str,
    ) -> Result<Option<T>, SettingsError> {
        self.parsed(names, expected, |value| value.parse().ok())
    }

    pub(super) fn truth(&self, names: &[&'static str]) -> Result<Option<bool>, SettingsError> {
        self.parsed(names, "true or false", truth)
    }

    /// Names and values of those that begin so, in order of their names.
    pub(super) fn beginning_with(&self, prefix: &str) -> Vec<(&'a str, &'a str)> {
        self.sources.beginning_with(prefix).filter_map(|name| Some((name, self.sources.value(name)?))).collect()
    }

    pub(super) fn was_asked_for(&self, name: &str) -> bool {
        self.known.borrow().contains(name)
    }
}
