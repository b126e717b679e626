//! Bodies of any size in bounded memory: what is more than a few megabytes goes to a file without a name, from which it is sent.
//!
//! The file is in the folder for temporary files (`TMPDIR`). It takes no room any more once the body was sent, or the client
//! went away. All of a service's together are bounded by [`Space`]; where there is none left, those whose clients read slowly
//! make room ([`crate::sending`]).

use std::{
    io::{self, Write as _},
    sync::Arc,
    time::Duration,
};

use axum::body::{Body, Bytes};
use bytes::BytesMut;
use tokio::{
    fs::File,
    io::{AsyncSeekExt as _, AsyncWriteExt as _},
};

use crate::{
    budget::{Budget, Exhausted, Share},
    error::RestError,
    sending::{self, Readers},
};

/// Bytes of a body in memory at most.
const IN_MEMORY: usize = 4 * 1024 * 1024;
/// Bytes that are written at once, once there is a file.
const WRITTEN_AT_ONCE: usize = 512 * 1024;

/// The room for all files of a service.
#[derive(Debug)]
pub(crate) struct Space {
    budget: Arc<Budget>,
    readers: Readers,
}

/// A body that grows.
#[derive(Debug)]
pub(crate) struct Spool {
    memory: BytesMut,
    file: Option<File>,
    space: Arc<Space>,
    taken: Share,
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
    space: Arc<Space>,
    /// Its length, by the room that it takes.
    taken: Share,
}

impl Space {
    pub(crate) fn new(limit: u64) -> Arc<Self> {
        Self::with_window(limit, sending::WINDOW)
    }

    fn with_window(limit: u64, window: Duration) -> Arc<Self> {
        Arc::new(Self { budget: Budget::new(limit), readers: Readers::new(window) })
    }

    /// Takes more of it, from slow readers if there is not as much left.
    fn take(&self, taken: &mut Share, more: u64) -> Result<(), RestError> {
        let grown = taken.grow(more).or_else(|_| {
            self.readers.cut_off(more);
            taken.grow(more)
        });
        grown.map_err(|Exhausted { limit }| RestError::NoSpace { limit })
    }
}

impl Spool {
    pub(crate) fn new(space: &Arc<Space>) -> Self {
        Self { memory: BytesMut::new(), file: None, space: Arc::clone(space), taken: space.budget.share() }
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
        Ok(Payload::File(Spooled { file, space: self.space, taken: self.taken }))
    }

    async fn write(&mut self) -> Result<(), RestError> {
        // The room is taken before it is used.
        self.space.take(&mut self.taken, self.memory.len() as u64)?;
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

/// Whether files can be written where large results wait.
///
/// # Errors
/// Why they can't.
pub fn check_temporary_folder() -> io::Result<()> {
    tempfile::tempfile()?.write_all(b" ")
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
            Self::File(spooled) => spooled.taken.bytes(),
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
            Self::File(Spooled { file, space, taken }) => Body::from_stream(space.readers.begin(file, taken)),
        }
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt as _;

    use super::*;

    fn taken(space: &Space) -> u64 {
        space.budget.taken()
    }

    async fn filled(space: &Arc<Space>, bytes: usize) -> Result<Payload, RestError> {
        let mut spool = Spool::new(space);
        spool.push(&vec![b'x'; bytes]);
        spool.settle().await?;
        spool.finish().await
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
        let first = filled(&space, IN_MEMORY + 1).await.unwrap();
        assert!(matches!(filled(&space, IN_MEMORY + 1).await.unwrap_err(), RestError::NoSpace { .. }));
        let body = first.into_body();
        // It has just begun.
        assert!(matches!(filled(&space, IN_MEMORY + 1).await.unwrap_err(), RestError::NoSpace { .. }));
        drop(body);
        assert_eq!(taken(&space), 0);
        filled(&space, IN_MEMORY + 1).await.unwrap();
    }

    #[tokio::test]
    async fn who_reads_slowly_makes_room_for_others() {
        let length = IN_MEMORY as u64 + 1;
        // Whoever does not read at this moment is slow.
        let space = Space::with_window(2 * length, Duration::ZERO);
        let fill = async || filled(&space, IN_MEMORY + 1).await;
        let mut slow = fill().await.unwrap().into_body();
        let unsent = fill().await.unwrap();
        slow.frame().await.unwrap().unwrap();
        let other = fill().await.unwrap();
        assert_eq!((unsent.len(), other.len(), taken(&space)), (length, length, 2 * length));
        assert!(slow.frame().await.unwrap().is_err());
        // What is still being made is not read by anyone.
        assert!(matches!(fill().await.unwrap_err(), RestError::NoSpace { .. }));
        let body = other.into_body().collect().await.unwrap().to_bytes();
        assert_eq!((body.len() as u64, taken(&space)), (length, length));
    }
}
