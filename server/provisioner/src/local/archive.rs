//! A project's data into an archive and out of one.

use std::{
    fs, io,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use control_plane::{DATA, DataReader, DataWriter, Entry, EntryKind, ProvisionError};
use postgres_cluster::{Cluster, Error};

use crate::{
    archive::{is_about_data, is_of_running_server, unmovable, unmovable_link},
    error::provision_error,
};

/// Adds the data directory of a stopped cluster.
pub(super) async fn pack(cluster: &Cluster, mut archive: DataWriter) -> Result<DataWriter, ProvisionError> {
    let packing = cluster.while_stopped(move |data_dir| {
        add(data_dir, Path::new(DATA), &mut archive)?;
        Ok(archive)
    });
    packing.await.map_err(failed)
}

/// Makes the data directory of an archive. Nothing is done where there is one.
pub(super) async fn unpack(cluster: &Cluster, archive: DataReader) -> Result<(), ProvisionError> {
    let filling = cluster.make_of(move |data| {
        archive.each(|entry| {
            let Ok(path) = entry.path.strip_prefix(DATA) else {
                return Err(unmovable(format!(
                    "the archive has {}, a volume of its stack, which has no place here; import it into containers",
                    entry.path.display()
                )));
            };
            match entry.kind {
                EntryKind::Folder => data.folder(path),
                EntryKind::File { bytes, content } => data.file(path, bytes, content),
                EntryKind::Link { .. } => Err(unmovable_link(entry.path)),
            }
        })
    });
    filling.await.map(drop).map_err(failed)
}

fn add(folder: &Path, name: &Path, archive: &mut DataWriter) -> io::Result<()> {
    let mode = |metadata: &fs::Metadata| metadata.permissions().mode() & 0o7777;
    let owner = (0, 0);
    archive.add(Entry { path: name, mode: mode(&fs::metadata(folder)?), owner, kind: EntryKind::Folder })?;
    let mut names: Vec<PathBuf> = fs::read_dir(folder)?.map(|entry| Ok(entry?.file_name().into())).collect::<io::Result<_>>()?;
    names.sort();
    for inner in names {
        let (path, name) = (folder.join(&inner), name.join(&inner));
        let metadata = fs::symlink_metadata(&path)?;
        if metadata.is_dir() {
            add(&path, &name, archive)?;
        } else if metadata.is_symlink() {
            return Err(unmovable_link(&name));
        } else if metadata.is_file() && !is_of_running_server(&name) {
            let kind = EntryKind::File { bytes: metadata.len(), content: &mut fs::File::open(&path)? };
            archive.add(Entry { path: &name, mode: mode(&metadata), owner, kind })?;
        }
    }
    Ok(())
}

/// What is wrong with the data itself does not get better.
fn failed(error: Error) -> ProvisionError {
    let stays = matches!(&error, Error::Io { source, .. } if is_about_data(source));
    match provision_error(error) {
        ProvisionError::Transient { cause, source } if stays => ProvisionError::Permanent { cause, source },
        other => other,
    }
}
