//! Bodies of any size in bounded memory: what is more than a few megabytes goes to a file without a name, from which it is sent.
//!
//! The file is in the folder for temporary files (`TMPDIR`). It takes no room any more once the body was sent, or the client
//! went away. All of a service's together are bounded by [`Space`].

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use axum::body::{Body, Bytes};
use bytes::BytesMut;
use futures::StreamExt as _;
use tokio::{
    fs::File,
    io::{AsyncSeekExt as _, AsyncWriteExt as _},
};
use tokio_util::io::ReaderStream;

use crate::error::RestError;

/// Bytes of a body in memory at most.
const IN_MEMORY: usize = 4 * 1024 * 1024;
/// Bytes that are written at once, once there is a file.
const WRITTEN_AT_ONCE: usize = 512 * 1024;
/// Bytes that are read and sent at once.
const SENT_AT_ONCE: usize = 128 * 1024;

/// The room for all files of a service.
#[derive(Debug)]
pub(crate) struct Space {
    limit: u64,
    taken: AtomicU64,
}

/// A part of it, given back when it is dropped.
#[derive(Debug)]
struct Taken {
    space: Arc<Space>,
    bytes: u64,
}

/// A body that grows.
#[derive(Debug)]
pub(crate) struct Spool {
    memory: BytesMut,
    file: Option<File>,
    taken: Taken,
}

/// A body that is complete.
#[derive(Debug)]
pub(crate) enum Payload {
    Memory(Bytes),
    File(Spooled),
}

#[derive(Debug)]
pub(crate) struct Spooled {
    file: File,
    /// Its length, by the room that it takes.
    taken: Taken,
}

impl Space {
    pub(crate) fn new(limit: u64) -> Arc<Self> {
        Arc::new(Self { limit, taken: AtomicU64::new(0) })
    }
}

impl Taken {
    /// Takes more of it, if there is as much left.
    fn grow(&mut self, more: u64) -> Result<(), RestError> {
        let Space { limit, taken } = &*self.space;
        let fits = |now: u64| now.checked_add(more).filter(|sum| sum <= limit);
        taken.fetch_update(Ordering::Relaxed, Ordering::Relaxed, fits).map_err(|_| RestError::NoSpace { limit: *limit })?;
        self.bytes += more;
        Ok(())
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        self.space.taken.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

impl Spool {
    pub(crate) fn new(space: &Arc<Space>) -> Self {
        Self { memory: BytesMut::new(), file: None, taken: Taken { space: Arc::clone(space), bytes: 0 } }
    }

    /// Appends bytes; to be followed by [`Self::settle`] now and then.
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        self.memory.extend_from_slice(bytes);
    }

    /// Writes to the file what is too much for the memory.
    pub(crate) async fn settle(&mut self) -> Result<(), RestError> {
        let most = if self.file.is_some() { WRITTEN_AT_ONCE } else { IN_MEMORY };
        if self.memory.len() > most { self.write().await } else { Ok(()) }
    }

    pub(crate) async fn finish(mut self) -> Result<Payload, RestError> {
        if self.file.is_none() {
            return Ok(Payload::Memory(self.memory.freeze()));
        }
        self.write().await?;
        let Some(mut file) = self.file else { return Err(RestError::Internal { cause: "a file that was written is gone" }) };
        file.rewind().await.map_err(RestError::Space)?;
        Ok(Payload::File(Spooled { file, taken: self.taken }))
    }

    async fn write(&mut self) -> Result<(), RestError> {
        // The room is taken before it is used.
        self.taken.grow(self.memory.len() as u64)?;
        let file = match &mut self.file {
            Some(file) => file,
            None => self.file.insert(unnamed().await.map_err(RestError::Space)?),
        };
        let written = async {
            file.write_all(&self.memory).await?;
            // Otherwise it would be the next use that fails.
            file.flush().await
        };
        written.await.map_err(RestError::Space)?;
        self.memory.clear();
        if self.memory.capacity() > 2 * WRITTEN_AT_ONCE {
            self.memory = BytesMut::with_capacity(WRITTEN_AT_ONCE);
        }
        Ok(())
    }
}

async fn unnamed() -> io::Result<File> {
    tokio::task::spawn_blocking(tempfile::tempfile).await.map_err(io::Error::other)?.map(File::from_std)
}

impl Default for Payload {
    fn default() -> Self {
        Self::Memory(Bytes::new())
    }
}

impl From<Bytes> for Payload {
    fn from(bytes: Bytes) -> Self {
        Self::Memory(bytes)
    }
}

impl Payload {
    pub(crate) fn len(&self) -> u64 {
        match self {
            Self::Memory(bytes) => bytes.len() as u64,
            Self::File(spooled) => spooled.taken.bytes,
        }
    }

    /// The whole, if it is small.
    pub(crate) fn in_memory(&self) -> Option<&Bytes> {
        match self {
            Self::Memory(bytes) => Some(bytes),
            Self::File(_) => None,
        }
    }

    pub(crate) fn into_body(self) -> Body {
        match self {
            Self::Memory(bytes) => Body::from(bytes),
            Self::File(Spooled { file, taken }) => {
                let chunks = ReaderStream::with_capacity(file, SENT_AT_ONCE);
                // The room is given back with the file.
                Body::from_stream(chunks.map(move |chunk| {
                    let _ = &taken;
                    chunk
                }))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt as _;

    use super::*;

    fn taken(space: &Space) -> u64 {
        space.taken.load(Ordering::Relaxed)
    }

    #[tokio::test]
    async fn a_large_body_is_kept_in_a_file_and_comes_back_whole() {
        let space = Space::new(64 * 1024 * 1024);
        let mut spool = Spool::new(&space);
        let mut expected = Vec::new();
        for number in 0..1_500_000 {
            let text = format!("{number},");
            spool.push(text.as_bytes());
            spool.settle().await.unwrap();
            expected.extend_from_slice(text.as_bytes());
            assert!(spool.memory.len() <= IN_MEMORY);
        }
        let payload = spool.finish().await.unwrap();
        assert!(payload.in_memory().is_none());
        assert_eq!((payload.len(), taken(&space)), (expected.len() as u64, expected.len() as u64));
        let body = payload.into_body().collect().await.unwrap().to_bytes();
        assert!(body == expected, "the bytes differ");
        assert_eq!(taken(&space), 0);
    }

    #[tokio::test]
    async fn a_small_body_takes_no_room() {
        let space = Space::new(0);
        let mut spool = Spool::new(&space);
        spool.push(b"[]");
        spool.settle().await.unwrap();
        let payload = spool.finish().await.unwrap();
        assert_eq!(payload.in_memory().unwrap(), "[]");
    }

    #[tokio::test]
    async fn the_room_is_shared_and_comes_back() {
        let space = Space::new(IN_MEMORY as u64 + 10);
        let fill = async |bytes: usize| {
            let mut spool = Spool::new(&space);
            spool.push(&vec![b'x'; bytes]);
            spool.settle().await.map(|()| spool)
        };
        let first = fill(IN_MEMORY + 1).await.unwrap();
        assert!(matches!(fill(IN_MEMORY + 1).await.unwrap_err(), RestError::NoSpace { .. }));
        let payload = first.finish().await.unwrap();
        drop(payload.into_body());
        assert_eq!(taken(&space), 0);
        fill(IN_MEMORY + 1).await.unwrap();
    }
}
