//! Memory and disk of projects over the last while, kept in memory: a chart, not a record.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Mutex, PoisonError},
};

use control_plane_api::{ProjectRef, Usage, UsageSample};

/// Samples kept per project.
const HISTORY: usize = 60;

/// The latest samples of every project.
#[derive(Debug, Default)]
pub(crate) struct UsageBook {
    samples: Mutex<HashMap<ProjectRef, VecDeque<UsageSample>>>,
}

impl UsageBook {
    /// Adds a sample; the oldest falls out.
    pub(crate) fn record(&self, project_ref: &ProjectRef, sample: UsageSample) {
        let mut samples = self.samples.lock().unwrap_or_else(PoisonError::into_inner);
        let history = samples.entry(project_ref.clone()).or_default();
        if history.len() == HISTORY {
            history.pop_front();
        }
        history.push_back(sample);
    }

    /// The latest figures with their history, if any were taken.
    pub(crate) fn usage(&self, project_ref: &ProjectRef) -> Option<Usage> {
        let samples = self.samples.lock().unwrap_or_else(PoisonError::into_inner);
        let history = samples.get(project_ref)?;
        let latest = history.back()?;
        Some(Usage {
            memory_bytes: latest.memory_bytes,
            disk_bytes: latest.disk_bytes,
            history: history.iter().cloned().collect(),
        })
    }

    /// Drops a project's samples.
    pub(crate) fn forget(&self, project_ref: &ProjectRef) {
        self.samples.lock().unwrap_or_else(PoisonError::into_inner).remove(project_ref);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_only_the_latest_samples() {
        let book = UsageBook::default();
        let project_ref = ProjectRef::from_letters([0; 20]);
        assert!(book.usage(&project_ref).is_none());
        for at_ms in 0..100 {
            book.record(&project_ref, UsageSample { at_ms, memory_bytes: 1, disk_bytes: 2 });
        }
        let usage = book.usage(&project_ref).unwrap();
        assert_eq!(usage.history.len(), HISTORY);
        assert_eq!(usage.history[0].at_ms, 40);
        book.forget(&project_ref);
        assert!(book.usage(&project_ref).is_none());
    }
}
