//! A unix socket in front of the engine's, which can be closed and opened again: an engine that goes away and comes back,
//! as a server sees it, and nobody else.

use std::{
    fs,
    path::{Path, PathBuf},
};

use tokio::{
    io::copy_bidirectional,
    net::{UnixListener, UnixStream},
    task::{JoinHandle, JoinSet},
};

/// The proxy. Closed at first, and when dropped.
#[derive(Debug)]
pub(crate) struct EngineProxy {
    socket: PathBuf,
    engine: PathBuf,
    open: Option<JoinHandle<()>>,
}

impl EngineProxy {
    /// A closed one. Nothing where the engine is not behind a socket of this machine.
    pub(crate) fn below(folder: &Path) -> Option<Self> {
        let host = std::env::var("DOCKER_HOST").unwrap_or_else(|_| "unix:///var/run/docker.sock".to_owned());
        let Some(engine) = host.strip_prefix("unix://") else {
            eprintln!("SKIPPED: the engine at {host} has no socket on this machine that could be taken away");
            return None;
        };
        Some(Self { socket: folder.join("engine.sock"), engine: engine.into(), open: None })
    }

    /// In the form of `DOCKER_HOST`.
    pub(crate) fn host(&self) -> String {
        format!("unix://{}", self.socket.display())
    }

    pub(crate) fn open(&mut self) {
        let (listener, engine) = (UnixListener::bind(&self.socket).unwrap(), self.engine.clone());
        self.open = Some(tokio::spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((mut client, _)) = listener.accept().await {
                let engine = engine.clone();
                connections.spawn(async move {
                    if let Ok(mut engine) = UnixStream::connect(engine).await {
                        let _ = copy_bidirectional(&mut client, &mut engine).await;
                    }
                });
            }
        }));
    }

    /// Breaks every connection, and takes no new one.
    pub(crate) async fn close(&mut self) {
        let open = self.open.take().expect("an open proxy");
        open.abort();
        let _ = open.await;
        fs::remove_file(&self.socket).unwrap();
    }
}

impl Drop for EngineProxy {
    fn drop(&mut self) {
        if let Some(open) = &self.open {
            open.abort();
        }
    }
}
