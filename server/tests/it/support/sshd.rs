//! An SSH server on this machine with keys of its own, and a client's configuration that knows nothing else: nobody's
//! `~/.ssh` is looked at or changed.

use std::{
    fs::{self, Permissions},
    net::{SocketAddr, TcpListener},
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::Stdio,
};

use tempfile::TempDir;
use tokio::process::{Child, Command};

use super::{eventually, is_root};

const PROGRAM: &str = "/usr/sbin/sshd";

/// A running server. Killed when dropped.
#[derive(Debug)]
pub(crate) struct Sshd {
    address: SocketAddr,
    folder: TempDir,
    _child: Child,
}

impl Sshd {
    /// One that no client knows and that lets nobody in. Nothing where the program is missing, which CI must have.
    pub(crate) async fn start() -> Option<Self> {
        if !Path::new(PROGRAM).exists() {
            assert!(std::env::var_os("CI").is_none(), "sshd is not installed; `./setup.sh test` does it");
            eprintln!("SKIPPED: sshd is not installed; `./setup.sh test` does it");
            return None;
        }
        let folder = tempfile::Builder::new().prefix("supacloud-ssh-").tempdir_in("/tmp").unwrap();
        let file = |name: &str| folder.path().join(name).display().to_string();
        for name in ["host", "client"] {
            let made = std::process::Command::new("ssh-keygen")
                .args(["-q", "-t", "ed25519", "-N", "", "-C", name, "-f", &file(name)])
                .output()
                .unwrap();
            assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        }
        if is_root() {
            // Its package leaves this to the service.
            fs::create_dir_all("/run/sshd").unwrap();
        }
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let server = format!(
            "ListenAddress {address}\nHostKey {}\nAuthorizedKeysFile {}\nPidFile none\nStrictModes no\nUsePAM no\n\
             PasswordAuthentication no\nKbdInteractiveAuthentication no\nPermitRootLogin prohibit-password\n",
            file("host"),
            file("authorized_keys")
        );
        fs::write(file("sshd_config"), server).unwrap();
        let client = format!(
            "Host *\nIdentityFile {}\nIdentitiesOnly yes\nUserKnownHostsFile {}\nGlobalKnownHostsFile /dev/null\n",
            file("client"),
            file("known_hosts")
        );
        fs::write(file("ssh_config"), client).unwrap();
        fs::create_dir(file("bin")).unwrap();
        fs::write(file("bin/ssh"), format!("#!/bin/sh\nexec /usr/bin/ssh -F {} \"$@\"\n", file("ssh_config"))).unwrap();
        fs::set_permissions(file("bin/ssh"), Permissions::from_mode(0o755)).unwrap();
        let log = fs::File::create(file("log")).unwrap();
        let mut command = Command::new(PROGRAM);
        command.args(["-D", "-e", "-f", &file("sshd_config")]).stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        let mut child = command.kill_on_drop(true).spawn().unwrap();
        eventually("a listening sshd", async || {
            let log = || fs::read_to_string(folder.path().join("log")).unwrap();
            assert!(child.try_wait().unwrap().is_none(), "sshd has ended: {}", log());
            tokio::net::TcpStream::connect(address).await.ok()
        })
        .await;
        Some(Self { address, folder, _child: child })
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The folder with the `ssh` that goes by our configuration, for the front of PATH.
    pub(crate) fn path(&self) -> PathBuf {
        self.file("bin")
    }

    /// In the form of `DOCKER_HOST`.
    pub(crate) fn host(&self) -> String {
        let user = std::process::Command::new("id").arg("-un").output().unwrap().stdout;
        format!("ssh://{}@{}", String::from_utf8(user).unwrap().trim(), self.address)
    }

    /// Has clients know the server.
    pub(crate) fn make_known(&self) {
        let key = fs::read_to_string(self.file("host.pub")).unwrap();
        fs::write(self.file("known_hosts"), format!("[{}]:{} {key}", self.address.ip(), self.address.port())).unwrap();
    }

    /// Lets clients in.
    pub(crate) fn let_in(&self) {
        fs::copy(self.file("client.pub"), self.file("authorized_keys")).unwrap();
    }

    /// What clients are doing.
    pub(crate) fn sessions(&self) -> Vec<super::processes::Found> {
        super::processes::below(&[self.file("ssh_config")])
    }
}

impl Drop for Sshd {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let log = fs::read_to_string(self.file("log")).unwrap_or_default();
            eprintln!("--- the end of sshd's log\n{}", log.get(log.len().saturating_sub(3000)..).unwrap_or(&log));
        }
    }
}
