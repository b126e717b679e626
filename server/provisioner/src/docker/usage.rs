//! Memory and disk of a project's containers.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use bollard::{
    container::LogOutput,
    exec::{CreateExecOptions, StartExecResults},
    query_parameters::StatsOptionsBuilder,
};
use control_plane::{Placement, ProvisionError};
use control_plane_api::{ProjectRef, Usage};
use futures::{StreamExt as _, future::try_join_all};
use tokio::sync::Mutex;

use super::{Docker, look::Seen, project::Plan, runtime};

/// How long a measured disk size is good enough: measuring it starts a process and reads a whole folder.
const DISK_IS_GOOD_FOR: Duration = Duration::from_secs(300);

/// The last disk sizes, in bytes.
#[derive(Debug, Default)]
pub(super) struct DiskUsage {
    measured: Mutex<HashMap<ProjectRef, (Instant, u64)>>,
}

impl DiskUsage {
    /// It was this large just now.
    pub(super) async fn remember(&self, project_ref: &ProjectRef, bytes: u64) {
        self.measured.lock().await.insert(project_ref.clone(), (Instant::now(), bytes));
    }

    pub(super) async fn forget(&self, project_ref: &ProjectRef) {
        self.measured.lock().await.remove(project_ref);
    }
}

impl Docker {
    /// Memory that the project's containers use now, without what the kernel merely remembers of files; and what its
    /// database takes on the disk, as of the last few minutes.
    pub(super) async fn usage(&self, placement: &Placement, plan: &Plan) -> Result<Usage, ProvisionError> {
        let seen = self.look(placement, plan).await?;
        let running = plan.services.iter().filter_map(|service| seen.of(&service.name)).filter(|one| runtime::is_running(one));
        let measured = try_join_all(running.map(|container| self.memory(container.id.as_deref().unwrap_or_default()))).await?;
        let memory_bytes = measured.into_iter().sum();
        let disk_bytes = self.disk_bytes(placement, plan, &seen).await?;
        Ok(Usage { memory_bytes, disk_bytes, history: Vec::new() })
    }

    async fn memory(&self, id: &str) -> Result<u64, ProvisionError> {
        let options = StatsOptionsBuilder::new().stream(false).one_shot(true).build();
        let mut stats = std::pin::pin!(self.engine.docker().await?.stats(id, Some(options)));
        let Some(answer) = stats.next().await else { return Ok(0) };
        let memory = answer.map_err(|error| self.engine.failed("measure a container", error))?.memory_stats.unwrap_or_default();
        let inactive = memory
            .stats
            .as_ref()
            .and_then(|stats| stats.get("total_inactive_file").or_else(|| stats.get("inactive_file")).copied());
        Ok(memory.usage.unwrap_or_default().saturating_sub(inactive.unwrap_or_default()))
    }

    async fn disk_bytes(&self, placement: &Placement, plan: &Plan, seen: &Seen<'_>) -> Result<u64, ProvisionError> {
        let known = self.disk.measured.lock().await.get(&placement.project_ref).copied();
        if let Some((at, bytes)) = known
            && at.elapsed() < DISK_IS_GOOD_FOR
        {
            return Ok(bytes);
        }
        let database = plan.database();
        let mount = database.volumes.iter().find(|mount| mount.volume == plan.stack.binding().database.volume);
        let container = seen.of(&database.name).filter(|container| runtime::is_running(container));
        // A stopped one can't be measured; its size has not changed.
        let (Some(mount), Some(container)) = (mount, container) else { return Ok(known.map_or(0, |(_, bytes)| bytes)) };
        let id = container.id.as_deref().unwrap_or_default();
        let failed = |error| self.engine.failed("measure a volume", error);
        let docker = self.engine.docker().await?;
        let exec = CreateExecOptions {
            cmd: Some(vec!["du".to_owned(), "-sxk".to_owned(), mount.target.clone()]),
            attach_stdout: Some(true),
            ..CreateExecOptions::default()
        };
        let exec = docker.create_exec(id, exec).await.map_err(failed)?;
        let mut printed = String::new();
        if let StartExecResults::Attached { mut output, .. } = docker.start_exec(&exec.id, None).await.map_err(failed)? {
            while let Some(Ok(LogOutput::StdOut { message })) = output.next().await {
                printed.push_str(&String::from_utf8_lossy(&message));
            }
        }
        let kilobytes: u64 = printed.split_whitespace().next().and_then(|number| number.parse().ok()).unwrap_or_default();
        self.disk.remember(&placement.project_ref, kilobytes * 1024).await;
        Ok(kilobytes * 1024)
    }
}
