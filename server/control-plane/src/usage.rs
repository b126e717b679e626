//! Memory and disk of projects over the last while, kept in memory: a chart, not a record.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use control_plane_api::{ProjectRef, Usage, UsageSample};

/// The latest samples of every project.
#[derive(Debug, Default)]
pub(crate) struct UsageBook {
    usages: Mutex<HashMap<ProjectRef, Usage>>,
}

impl UsageBook {
    /// Adds a sample; the oldest falls out.
    pub(crate) fn record(&self, project_ref: &ProjectRef, sample: UsageSample) {
        let mut usages = self.usages();
        match usages.get_mut(project_ref) {
            Some(usage) => usage.push(sample),
            None => drop(usages.insert(project_ref.clone(), sample.into())),
        }
    }

    /// The latest figures with their history, if any were taken.
    pub(crate) fn usage(&self, project_ref: &ProjectRef) -> Option<Usage> {
        self.usages().get(project_ref).cloned()
    }

    /// The latest sample, if any was taken.
    pub(crate) fn latest(&self, project_ref: &ProjectRef) -> Option<UsageSample> {
        self.usages().get(project_ref).and_then(|usage| usage.history.last().cloned())
    }

    /// Drops a project's samples.
    pub(crate) fn forget(&self, project_ref: &ProjectRef) {
        self.usages().remove(project_ref);
    }

    fn usages(&self) -> MutexGuard<'_, HashMap<ProjectRef, Usage>> {
        self.usages.lock().unwrap_or_else(PoisonError::into_inner)
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
        assert_eq!(usage.history.len(), Usage::MAX_HISTORY);
        assert_eq!(usage.history[0].at_ms, 40);
        assert_eq!(book.latest(&project_ref).map(|sample| sample.at_ms), Some(99));
        book.forget(&project_ref);
        assert!(book.usage(&project_ref).is_none());
    }
}
