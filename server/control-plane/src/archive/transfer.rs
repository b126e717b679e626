//! The two steps that move a project's data between its driver and the depot. Both take as long as there is data, on a thread of
//! their own, tell how far they are, and end soon when nobody waits for them any more.

use std::{
    io,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use super::{ArchiveError, Depot, Head, writer::Job};
use crate::provisioner::{Placement, Progress, ProvisionError, Provisioner};

/// Between two words about how far it is.
const TELL_AFTER: Duration = Duration::from_secs(2);

/// Ends the work when it is dropped.
struct Waiting(Arc<Job>);

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.is_abandoned.store(true, Ordering::Relaxed);
    }
}

/// Makes the archive of a stopped project.
pub(crate) async fn pack(
    depot: &Depot,
    provisioner: &dyn Provisioner,
    placement: &Placement,
    head: Head,
    progress: &dyn Progress,
) -> Result<(), ProvisionError> {
    let job = Arc::new(Job::default());
    let work = async {
        let writer = blocking(depot, {
            let job = Arc::clone(&job);
            move |depot| depot.begin(&head, job)
        })
        .await?;
        let writer = provisioner.pack(placement, writer).await?;
        let project_ref = placement.project_ref.clone();
        blocking(depot, move |depot| depot.finish(writer, &project_ref)).await
    };
    telling(work, &job, "packed", progress).await
}

/// Has the data of the project's archive in place.
pub(crate) async fn unpack(
    depot: &Depot,
    provisioner: &dyn Provisioner,
    placement: &Placement,
    progress: &dyn Progress,
) -> Result<(), ProvisionError> {
    let job = Arc::new(Job::default());
    let work = async {
        let project_ref = placement.project_ref.clone();
        let reader = blocking(depot, {
            let job = Arc::clone(&job);
            move |depot| depot.open_import(&project_ref, job)
        })
        .await?;
        provisioner.unpack(placement, reader).await
    };
    telling(work, &job, "unpacked", progress).await
}

async fn telling(
    work: impl Future<Output = Result<(), ProvisionError>>,
    job: &Arc<Job>,
    done: &str,
    progress: &dyn Progress,
) -> Result<(), ProvisionError> {
    let _waiting = Waiting(Arc::clone(job));
    let mut work = std::pin::pin!(work);
    let mut ticks = tokio::time::interval(TELL_AFTER);
    // The first one is now.
    ticks.tick().await;
    loop {
        tokio::select! {
            result = &mut work => return result,
            _ = ticks.tick() => {
                let megabytes = job.bytes.load(Ordering::Relaxed) / 1_000_000;
                progress.line(&format!("{megabytes} MB of data {done}."));
            }
        }
    }
}

async fn blocking<T: Send + 'static>(
    depot: &Depot,
    work: impl FnOnce(&Depot) -> Result<T, ArchiveError> + Send + 'static,
) -> Result<T, ProvisionError> {
    let depot = depot.clone();
    match tokio::task::spawn_blocking(move || work(&depot)).await {
        Ok(worked) => worked.map_err(failed),
        Err(error) => Err(failed(ArchiveError::Io(io::Error::other(error)))),
    }
}

fn failed(error: ArchiveError) -> ProvisionError {
    let cause = match &error {
        ArchiveError::NotAnArchive(detail) | ArchiveError::Io(detail) => format!("{error} {detail}"),
        ArchiveError::NoArchive => {
            "The archive that the project is to be made of is gone. Delete the project and import it again.".to_owned()
        }
        ArchiveError::WrongPassphrase
        | ArchiveError::ShortPassphrase
        | ArchiveError::TooMuchWork(_)
        | ArchiveError::NewerFormat(_)
        | ArchiveError::DiskFull { .. } => error.to_string(),
    };
    let may_pass = matches!(error, ArchiveError::DiskFull { .. } | ArchiveError::Io(_));
    let source = Some(Box::new(error) as Box<dyn std::error::Error + Send + Sync>);
    if may_pass { ProvisionError::Transient { cause, source } } else { ProvisionError::Permanent { cause, source } }
}
