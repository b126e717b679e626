//! One line of the project list: what it shows, and no more, since two hundred of them travel together.

use control_plane_api::{OperationKind, ProjectOverview, ProjectRef, ProjectState};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

/// A project as the list shows it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct ProjectRow {
    pub(crate) project_ref: ProjectRef,
    pub(crate) name: String,
    pub(crate) state: ProjectState,
    /// The database ended by itself and is being brought back.
    pub(crate) recovering: bool,
    // As exact as it is stored: the browser must sort as the server has, or it hydrates one row as another.
    #[serde(with = "time::serde::timestamp::milliseconds")]
    pub(crate) created_at: OffsetDateTime,
    /// Bytes; missing until measured.
    pub(crate) memory_bytes: Option<u64>,
    /// Bytes; missing until measured.
    pub(crate) disk_bytes: Option<u64>,
}

impl From<ProjectOverview> for ProjectRow {
    fn from(overview: ProjectOverview) -> Self {
        Self {
            project_ref: overview.project.project_ref,
            name: overview.project.name,
            state: overview.project.state,
            recovering: overview.operation.is_some_and(|operation| operation.kind == OperationKind::Recover),
            created_at: overview.project.created_at,
            memory_bytes: overview.usage.as_ref().map(|usage| usage.memory_bytes),
            disk_bytes: overview.usage.as_ref().map(|usage| usage.disk_bytes),
        }
    }
}

/// What the list is sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum SortBy {
    /// Newest first.
    #[default]
    Created,
    /// A to Z.
    Name,
    /// Largest first.
    Memory,
}

impl SortBy {
    pub(crate) const ALL: [Self; 3] = [Self::Created, Self::Name, Self::Memory];

    /// The word in the address, `?sort=…`.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Name => "name",
            Self::Memory => "memory",
        }
    }

    pub(crate) const fn label(self) -> &'static str {
        match self {
            Self::Created => "Created",
            Self::Name => "Name",
            Self::Memory => "Memory",
        }
    }

    /// Unknown words mean the default, as a wrong link should still show the list.
    pub(crate) fn from_word(word: Option<&str>) -> Self {
        Self::ALL.into_iter().find(|sort| Some(sort.word()) == word).unwrap_or_default()
    }
}

/// The rows whose name or ref contains `filter`, sorted.
pub(crate) fn arrange(rows: &[ProjectRow], filter: &str, sort: SortBy) -> Vec<ProjectRow> {
    let filter = lowercase(filter.trim());
    let mut shown: Vec<ProjectRow> = rows
        .iter()
        .filter(|row| filter.is_empty() || lowercase(&row.name).contains(&filter) || row.project_ref.as_str().contains(&filter))
        .cloned()
        .collect();
    // One sort for all, and refs as the last word so that an unstable one, which is smaller, keeps the order still.
    shown.sort_unstable_by(|a, b| {
        let order = match sort {
            SortBy::Created => b.created_at.cmp(&a.created_at),
            SortBy::Name => lowercase(&a.name).cmp(&lowercase(&b.name)),
            SortBy::Memory => b.memory_bytes.cmp(&a.memory_bytes),
        };
        order.then_with(|| a.project_ref.cmp(&b.project_ref))
    });
    shown
}

/// Lower case by Unicode's rules: in a browser its own, which spares the wasm their tables.
fn lowercase(text: &str) -> String {
    #[cfg(target_arch = "wasm32")]
    let text = web_sys::js_sys::JsString::from(text).to_lower_case().into();
    #[cfg(not(target_arch = "wasm32"))]
    let text = text.to_lowercase();
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(name: &str, letter: u8, created: i64, memory: Option<u64>) -> ProjectRow {
        ProjectRow {
            project_ref: ProjectRef::from_letters([letter; 20]),
            name: name.to_owned(),
            state: ProjectState::Running,
            recovering: false,
            created_at: OffsetDateTime::from_unix_timestamp(created).unwrap(),
            memory_bytes: memory,
            disk_bytes: None,
        }
    }

    fn names(rows: &[ProjectRow]) -> Vec<&str> {
        rows.iter().map(|row| row.name.as_str()).collect()
    }

    #[test]
    fn rows_are_filtered_by_name_and_ref_and_sorted() {
        let rows = [row("beta", 0, 1, Some(5)), row("Alpha", 1, 3, None), row("gamma", 2, 2, Some(9))];
        assert_eq!(names(&arrange(&rows, "", SortBy::Created)), ["Alpha", "gamma", "beta"]);
        assert_eq!(names(&arrange(&rows, "", SortBy::Name)), ["Alpha", "beta", "gamma"]);
        assert_eq!(names(&arrange(&rows, "", SortBy::Memory)), ["gamma", "beta", "Alpha"]);
        assert_eq!(names(&arrange(&rows, " ALPH ", SortBy::Name)), ["Alpha"]);
        assert_eq!(names(&arrange(&rows, "cccc", SortBy::Name)), ["gamma"]);
    }

    #[test]
    fn rows_of_one_second_are_sorted_alike_by_server_and_browser() {
        let mut rows = [row("older", 1, 1, None), row("newer", 2, 1, None)];
        for (row, milliseconds) in rows.iter_mut().zip([5, 6]) {
            row.created_at += time::Duration::milliseconds(milliseconds);
        }
        let travelled: Vec<ProjectRow> = serde_json::from_str(&serde_json::to_string(&rows).unwrap()).unwrap();
        assert_eq!(travelled, rows);
        assert_eq!(names(&arrange(&travelled, "", SortBy::Created)), ["newer", "older"]);
    }

    #[test]
    fn an_unknown_sort_is_the_default() {
        assert_eq!(SortBy::from_word(Some("memory")), SortBy::Memory);
        assert_eq!(SortBy::from_word(Some("colour")), SortBy::Created);
        assert_eq!(SortBy::from_word(None), SortBy::Created);
    }
}
