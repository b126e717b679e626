//! Copies a directory tree as fast as the file system allows.
//!
//! Where the file system shares blocks (btrfs, XFS), a copy is a reference; elsewhere bytes are copied in the kernel,
//! by a few threads, one folder at a time each, as the file system locks folders. Holes stay holes.

use std::collections::VecDeque;
use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::fs::{CWD, Dir, FileType, Gid, Mode, OFlags, SeekFrom, Uid};
use rustix::io::Errno;

use crate::Error;

const THREADS: usize = 4;

/// Copies the folder `from` to `to`, which must not exist; every copy is owned by `owner` and closed to others.
///
/// Not durable yet: see [`sync_file_system`]. Blocks the thread.
pub(crate) fn tree(from: &Path, to: &Path, owner: Option<(Uid, Gid)>) -> Result<(), Error> {
    let copy = Copy { owner, reflink: AtomicBool::new(true) };
    let mut folders = VecDeque::new();
    copy.folders(from, to, &mut folders)?;
    let queue = Mutex::new(folders);
    let next = || queue.lock().unwrap_or_else(std::sync::PoisonError::into_inner).pop_front();
    let work = || -> Result<(), Error> {
        while let Some((from, to)) = next() {
            copy.files(&from, &to)?;
        }
        Ok(())
    };
    let threads = std::thread::available_parallelism().map_or(1, usize::from).min(THREADS);
    std::thread::scope(|scope| {
        let helpers: Vec<_> = (1..threads).map(|_| scope.spawn(work)).collect();
        let mine = work();
        let panicked = || Err(Error::io("copy", from)(io::Error::other("a copying thread panicked")));
        helpers.into_iter().map(|helper| helper.join().unwrap_or_else(|_| panicked())).fold(mine, Result::and)
    })
}

/// Makes everything written to the file system that holds `path` durable, in one journal commit.
pub(crate) fn sync_file_system(path: &Path) -> Result<(), Error> {
    let sync = || rustix::fs::syncfs(File::open(path)?).map_err(io::Error::from);
    sync().map_err(Error::io("sync", path))
}

struct Copy {
    owner: Option<(Uid, Gid)>,
    /// Cleared by the first file that can't be shared, so that the others do not try.
    reflink: AtomicBool,
}

impl Copy {
    /// Makes the folders and lists them, the large ones (databases) first.
    fn folders(&self, from: &Path, to: &Path, list: &mut VecDeque<(PathBuf, PathBuf)>) -> Result<(), Error> {
        let make = || -> io::Result<Vec<PathBuf>> {
            rustix::fs::mkdirat(CWD, to, Mode::RWXU)?;
            if let Some((uid, gid)) = self.owner {
                rustix::fs::chownat(CWD, to, Some(uid), Some(gid), rustix::fs::AtFlags::SYMLINK_NOFOLLOW)?;
            }
            let mut inner = Vec::new();
            for entry in std::fs::read_dir(from)? {
                let entry = entry?;
                if entry.file_type()?.is_dir() {
                    inner.push(PathBuf::from(entry.file_name()));
                }
            }
            Ok(inner)
        };
        let inner = make().map_err(Error::io("create", to))?;
        let pair = (from.to_owned(), to.to_owned());
        if inner.is_empty() {
            list.push_front(pair)
        } else {
            list.push_back(pair)
        }
        inner.iter().try_for_each(|name| self.folders(&from.join(name), &to.join(name), list))
    }

    fn files(&self, from: &Path, to: &Path) -> Result<(), Error> {
        let open = |path: &Path| rustix::fs::open(path, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty());
        let copy = || -> io::Result<()> {
            let (source, target) = (open(from)?, open(to)?);
            for entry in Dir::read_from(&source)? {
                let entry = entry?;
                if entry.file_type() == FileType::RegularFile {
                    self.file(&source, &target, entry.file_name())?;
                }
            }
            Ok(())
        };
        copy().map_err(Error::io("copy to", to))
    }

    fn file(&self, source: &OwnedFd, target: &OwnedFd, name: &std::ffi::CStr) -> io::Result<()> {
        let read = rustix::fs::openat(source, name, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())?;
        let create = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
        let write = rustix::fs::openat(target, name, create, Mode::RUSR | Mode::WUSR)?;
        if let Some((uid, gid)) = self.owner {
            rustix::fs::fchown(&write, Some(uid), Some(gid))?;
        }
        let stat = rustix::fs::fstat(&read)?;
        let size = u64::try_from(stat.st_size).unwrap_or(0);
        if size == 0 {
            return Ok(());
        }
        if self.reflink.load(Ordering::Relaxed) {
            if rustix::fs::ioctl_ficlone(&write, &read).is_ok() {
                return Ok(());
            }
            self.reflink.store(false, Ordering::Relaxed);
        }
        let sparse = u64::try_from(stat.st_blocks).unwrap_or(0) * 512 < size;
        if sparse { data_only(&read, &write, size) } else { range(&read, &write, 0, size) }
    }
}

/// Copies what lies between holes, and ends with the right length.
fn data_only(read: &OwnedFd, write: &OwnedFd, size: u64) -> io::Result<()> {
    let mut end = 0;
    while end < size {
        let start = match rustix::fs::seek(read, SeekFrom::Data(end)) {
            Ok(start) => start,
            // No data after `end`.
            Err(Errno::NXIO) => break,
            Err(error) => return Err(error.into()),
        };
        end = rustix::fs::seek(read, SeekFrom::Hole(start))?;
        range(read, write, start, end)?;
    }
    Ok(rustix::fs::ftruncate(write, size)?)
}

fn range(read: &OwnedFd, write: &OwnedFd, start: u64, end: u64) -> io::Result<()> {
    let (mut from, mut to) = (start, start);
    while from < end {
        let length = usize::try_from(end - from).unwrap_or(usize::MAX);
        match rustix::fs::copy_file_range(read, Some(&mut from), write, Some(&mut to), length) {
            // Shorter than `fstat` said: the template was changed under us.
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(_) => {}
            // Another file system than the template's, or one without the call.
            Err(Errno::XDEV | Errno::NOSYS | Errno::OPNOTSUPP | Errno::INVAL) => return by_hand(read, write, from, end),
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

fn by_hand(read: &OwnedFd, write: &OwnedFd, mut from: u64, end: u64) -> io::Result<()> {
    use std::os::unix::fs::FileExt;
    let (read, write) = (File::from(read.try_clone()?), File::from(write.try_clone()?));
    let mut buffer = vec![0; 128 << 10];
    while from < end {
        let wanted = usize::try_from(end - from).unwrap_or(usize::MAX).min(buffer.len());
        let got = read.read_at(&mut buffer[..wanted], from)?;
        if got == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        write.write_all_at(&buffer[..got], from)?;
        from += got as u64;
    }
    Ok(())
}
