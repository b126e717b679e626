//! The variables that the program is given, and what can be wrong with them.

use std::{
    cell::RefCell,
    collections::{BTreeSet, HashMap},
    fs, io,
    path::PathBuf,
};

use crate::schema::truth;

/// What all of PostgREST's variables begin with.
pub(super) const PREFIX: &str = "PGRST_";

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
        variable: &'static str,
        /// What is wrong with it and what to do.
        problem: String,
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

/// Variables, which are noted when they are asked for.
#[derive(Debug)]
pub(super) struct Variables<'a> {
    given: &'a HashMap<String, String>,
    known: RefCell<BTreeSet<&'static str>>,
}

impl<'a> Variables<'a> {
    pub(super) fn new(given: &'a HashMap<String, String>) -> Self {
        Self { given, known: RefCell::default() }
    }

    /// The first of these names that is set, with its value. An empty one counts as not set.
    pub(super) fn get(&self, names: &[&'static str]) -> Option<(&'static str, &'a str)> {
        self.known.borrow_mut().extend(names);
        names.iter().find_map(|name| {
            let value = self.given.get(*name)?;
            (!value.trim().is_empty()).then_some((*name, value.as_str()))
        })
    }

    /// As text, or what is in the file that `@file` names, a newline at the end aside.
    pub(super) fn text_or_file(&self, names: &[&'static str]) -> Result<Option<String>, SettingsError> {
        let Some((variable, value)) = self.get(names) else { return Ok(None) };
        let Some(path) = value.strip_prefix('@') else { return Ok(Some(value.to_owned())) };
        let text = fs::read_to_string(path).map_err(|source| SettingsError::File {
            variable: variable.to_owned(),
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
        let invalid = || SettingsError::Invalid { variable: variable.to_owned(), value: value.to_owned(), expected };
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
        let mut found: Vec<_> = self.given.iter().filter(|(name, _)| name.starts_with(prefix)).collect();
        found.sort();
        found.into_iter().map(|(name, value)| (name.as_str(), value.as_str())).collect()
    }

    pub(super) fn was_asked_for(&self, name: &str) -> bool {
        self.known.borrow().contains(name)
    }
}
