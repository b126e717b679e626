//! PostgREST's variables that have no effect here yet, and what to say about them.

use super::variables::{PREFIX, Variables};

/// A variable without its prefix, and the values that ask for what is done anyway.
const UNSUPPORTED: &[(&str, &[&str])] = &[
    ("DB_TIMEZONE_ENABLED", &[]),
    ("JWT_CACHE_MAX_LIFETIME", &[]),
    ("RAW_MEDIA_TYPES", &[]),
    ("DB_LOAD_GUC_CONFIG", &[]),
    ("DB_USE_LEGACY_GUCS", &["false"]),
];

/// A sentence for each variable that would be ignored otherwise. Values are not shown. To be asked once all others were read.
pub(super) fn warnings(variables: &Variables<'_>, app_settings: &str) -> Vec<String> {
    let mut warnings = Vec::new();
    for (variable, value) in variables.beginning_with(PREFIX) {
        if variable.starts_with(app_settings) || value.trim().is_empty() {
            continue;
        }
        let name = variable.strip_prefix(PREFIX).unwrap_or(variable);
        match UNSUPPORTED.iter().find(|(known, _)| *known == name) {
            Some((_, same)) if same.contains(&value.trim()) => {}
            Some(_) => warnings.push(format!("{variable} is not supported yet and has no effect")),
            None if variables.was_asked_for(variable) => {}
            None => warnings.push(format!("{variable} is not known and has no effect")),
        }
    }
    warnings
}
