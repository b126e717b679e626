//! A project's data into an archive and out of one, by the engine's own way into a container: one that is made for it and never
//! runs, with the project's volumes in it.

use std::{
    io,
    path::{Path, PathBuf},
    time::Duration,
};

use bollard::{
    models::{HostConfig, Mount},
    query_parameters::{DownloadFromContainerOptionsBuilder, UploadToContainerOptionsBuilder},
};
use control_plane::{DATA, DataReader, DataWriter, Entry, EntryKind, Placement, ProvisionError, VOLUMES};
use futures::TryStreamExt as _;
use tokio_util::io::{ReaderStream, StreamReader, SyncIoBridge};

use super::{
    Docker, Quiet,
    container::volume,
    image::Image,
    names::Names,
    project::Plan,
    template::{TO, copying, remove_volume},
    transient,
};
use crate::{
    archive::{failed, is_of_running_server, unmovable, unmovable_link},
    error::interrupted,
};

/// Longest time for the engine to take or give all data.
const LIMIT: Duration = Duration::from_secs(24 * 60 * 60);
/// User and group of the database in every image that a stack may use.
const DATABASE_USER: u64 = 999;
/// What is on its way between the engine and us, in bytes.
const IN_BETWEEN: usize = 1 << 20;

impl Docker {
    /// Adds the volumes of a stopped project.
    pub(super) async fn pack(
        &self,
        placement: &Placement,
        plan: &Plan,
        mut archive: DataWriter,
    ) -> Result<DataWriter, ProvisionError> {
        let (_, _, copier) = self.template(plan, &Quiet).await?;
        if self.data_volume(placement, plan).await?.is_none() {
            return Err(ProvisionError::Permanent { cause: "the project's volume is gone".to_owned(), source: None });
        }
        let container = self.container_with_volumes(placement, plan, &copier, "pack").await?;
        let packed = async {
            archive = self.pack_folder(&container, format!("{TO}/{DATA}"), Path::new(""), archive).await?;
            for name in other_volumes(plan) {
                archive = self.pack_folder(&container, format!("/{VOLUMES}/{name}"), Path::new(VOLUMES), archive).await?;
            }
            Ok(archive)
        };
        let packed = packed.await;
        self.runtime().remove(&container).await?;
        packed
    }

    /// Adds a folder of a container, below this name.
    async fn pack_folder(
        &self,
        container: &str,
        folder: String,
        below: &Path,
        mut archive: DataWriter,
    ) -> Result<DataWriter, ProvisionError> {
        let options = DownloadFromContainerOptionsBuilder::new().path(&folder).build();
        let given = self.engine.docker().await?.clone().with_timeout(LIMIT).download_from_container(container, Some(options));
        let given = StreamReader::new(Box::pin(given.map_err(io::Error::other)));
        let below = below.to_owned();
        let packing = tokio::task::spawn_blocking(move || {
            let mut tar = tar::Archive::new(SyncIoBridge::new(given));
            for entry in tar.entries()? {
                let mut entry = entry?;
                let path = below.join(entry.path()?);
                if !is_of_running_server(&path) {
                    add(&mut archive, &path, &mut entry)?;
                }
            }
            Ok(archive)
        });
        packing.await.map_err(interrupted)?.map_err(|error| failed(&format!("pack {folder}"), error))
    }

    /// Has the volumes filled from an archive, anew unless they are complete.
    pub(super) async fn unpack(&self, placement: &Placement, plan: &Plan, archive: DataReader) -> Result<(), ProvisionError> {
        let (_, _, copier) = self.template(plan, &Quiet).await?;
        let data = self.data_volume(placement, plan).await?;
        if data.is_some() && self.marks.data(&placement.project_ref) == data {
            return Ok(());
        }
        for step in ["unpack", "accept"] {
            self.runtime().clear(&Names::part(&placement.project_ref, step)).await?;
        }
        for name in plan.stack.volumes() {
            remove_volume(self, &Names::part(&placement.project_ref, name)).await?;
        }
        self.volumes(placement, plan).await?;
        let container = self.container_with_volumes(placement, plan, &copier, "unpack").await?;
        let filled = self.fill(&container, plan, archive).await;
        self.runtime().remove(&container).await?;
        filled?;
        let mounts = vec![volume(&self.data_volume_name(placement, plan), TO, false)];
        let accept = copying(self, &copier, &["accept", TO], mounts);
        match self.runtime().work(&Names::part(&placement.project_ref, "accept"), accept).await? {
            (0, _) => {}
            (code, words) => {
                return Err(transient(&format!("the data could not be made durable (exit code {code}): {words}")));
            }
        }
        let identity = self.data_volume(placement, plan).await?.ok_or_else(|| transient("the volume was removed meanwhile"))?;
        self.marks.set_data(&placement.project_ref, &identity)
    }

    async fn fill(&self, container: &str, plan: &Plan, archive: DataReader) -> Result<(), ProvisionError> {
        let (taken, given) = tokio::io::duplex(IN_BETWEEN);
        let others: Vec<String> = other_volumes(plan).map(str::to_owned).collect();
        let reading = tokio::task::spawn_blocking(move || {
            let mut tar = tar::Builder::new(SyncIoBridge::new(given));
            archive.each(|entry| put(&mut tar, &others, entry))?;
            tar.into_inner()?.shutdown()
        });
        let options = UploadToContainerOptionsBuilder::new().path("/").build();
        let engine = self.engine.docker().await?.clone().with_timeout(LIMIT);
        let body = bollard::body_try_stream(ReaderStream::with_capacity(taken, IN_BETWEEN));
        let uploaded = engine.upload_to_container(container, Some(options), body).await;
        // What the archive has to say comes first: the engine sees an end only.
        let read = reading.await.map_err(interrupted)?;
        match (read, uploaded) {
            (Ok(()), Ok(())) => Ok(()),
            (Err(error), Ok(())) => Err(failed("unpack the archive", error)),
            // The engine stopped taking.
            (Err(error), Err(refused)) if error.kind() == io::ErrorKind::BrokenPipe => {
                Err(self.engine.failed("unpack the archive", refused))
            }
            (Err(error), Err(_)) => Err(failed("unpack the archive", error)),
            (Ok(()), Err(refused)) => Err(self.engine.failed("unpack the archive", refused)),
        }
    }

    /// A container with the project's volumes, which is not started: those that are not the database's are below
    /// [`VOLUMES`].
    async fn container_with_volumes(
        &self,
        placement: &Placement,
        plan: &Plan,
        image: &Image,
        what: &str,
    ) -> Result<String, ProvisionError> {
        let mut mounts: Vec<Mount> = vec![volume(&self.data_volume_name(placement, plan), TO, false)];
        mounts.extend(
            other_volumes(plan)
                .map(|name| volume(&Names::part(&placement.project_ref, name), &format!("/{VOLUMES}/{name}"), false)),
        );
        let name = Names::part(&placement.project_ref, what);
        self.runtime().clear(&name).await?;
        let mut body = copying(self, image, &["true"], mounts);
        // The engine writes to nothing of a container that is read-only, but for a single volume.
        body.host_config = body.host_config.map(|host| HostConfig { readonly_rootfs: Some(false), ..host });
        self.runtime().create(&name, body).await
    }

    fn data_volume_name(&self, placement: &Placement, plan: &Plan) -> String {
        Names::part(&placement.project_ref, &plan.stack.binding().database.volume)
    }
}

fn other_volumes(plan: &Plan) -> impl Iterator<Item = &str> {
    plan.stack.volumes().filter(|name| *name != plan.stack.binding().database.volume)
}

/// Adds what the engine gave; sockets and the like, which nothing can be done with, are left out.
fn add(archive: &mut DataWriter, path: &Path, entry: &mut tar::Entry<'_, impl io::Read>) -> io::Result<()> {
    let header = entry.header();
    let (mode, owner, bytes) = (header.mode()? & 0o7777, (header.uid()?, header.gid()?), entry.size());
    let kind = header.entry_type();
    let target = entry.link_name()?.map(std::borrow::Cow::into_owned);
    let kind = match (kind, &target) {
        (tar::EntryType::Directory, _) => EntryKind::Folder,
        (tar::EntryType::Regular, _) => EntryKind::File { bytes, content: entry },
        (tar::EntryType::Symlink, Some(target)) if path.starts_with(VOLUMES) => EntryKind::Link { target },
        (tar::EntryType::Symlink | tar::EntryType::Link, _) => {
            return Err(unmovable_link(path));
        }
        _ => return Ok(()),
    };
    archive.add(Entry { path, mode, owner, kind })
}

/// Passes an entry on to the engine, to where its volume is mounted.
fn put(tar: &mut tar::Builder<impl io::Write>, others: &[String], entry: Entry<'_>) -> io::Result<()> {
    let is_of = |name: &&String| entry.path.starts_with(Path::new(VOLUMES).join(name));
    let (path, owner): (PathBuf, _) = match entry.path.strip_prefix(DATA) {
        // The mount itself is there. Empty, `join` would add a slash.
        Ok(_) => (Path::new(TO.trim_start_matches('/')).join(entry.path), (DATABASE_USER, DATABASE_USER)),
        Err(_) if others.iter().any(|name| is_of(&name)) => (entry.path.to_owned(), entry.owner),
        Err(_) => {
            return Err(unmovable(format!(
                "the archive has {}, and the stack has no such volume; import it with the stack that it was made with (--stack)",
                entry.path.display()
            )));
        }
    };
    entry.kind.append_to(tar, &path, entry.mode, owner)
}
