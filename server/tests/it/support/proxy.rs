//! Reverse proxies in front of a server, run from the files in `deploy/`.

use std::{
    fs,
    net::{SocketAddr, TcpListener},
    path::{Path, PathBuf},
    process::Stdio,
};

use tempfile::TempDir;
use tokio::process::{Child, Command};

use super::{connection::Way, eventually, http::Request, is_root};

/// The domain that proxies serve here.
pub(crate) const DOMAIN: &str = "example.test";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Nginx,
    Caddy,
    Traefik,
}

/// A running proxy. Killed when dropped.
#[derive(Debug)]
pub(crate) struct Proxy {
    https: SocketAddr,
    certificates: Vec<u8>,
    folder: TempDir,
    _child: Child,
}

impl Kind {
    const fn program(self) -> &'static str {
        match self {
            Self::Nginx => "nginx",
            Self::Caddy => "caddy",
            Self::Traefik => "traefik",
        }
    }

    /// Where the system or `setup.sh` has put it.
    pub(crate) fn path(self) -> Option<PathBuf> {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let folders = ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin"].map(PathBuf::from);
        folders
            .into_iter()
            .chain(std::env::split_paths(&path))
            .map(|folder| folder.join(self.program()))
            .find(|file| file.exists())
    }

    /// Those that are installed. `make test` installs all, so that CI must have them.
    pub(crate) fn installed() -> Vec<Self> {
        [Self::Nginx, Self::Caddy, Self::Traefik].into_iter().filter(|kind| kind.is_installed()).collect()
    }

    pub(crate) fn is_installed(self) -> bool {
        let is_there = self.path().is_some();
        if !is_there {
            assert!(std::env::var_os("CI").is_none(), "{} is not installed; `./setup.sh test` does it", self.program());
            eprintln!("NOT TESTED: {} is not installed or not in PATH; `make test` has it so", self.program());
        }
        is_there
    }

    /// Starts the proxy in front of `upstream`, at ports that must be free, and waits until it listens.
    pub(crate) async fn start(self, upstream: SocketAddr, ports: [u16; 2]) -> Proxy {
        self.start_changed(upstream, ports, |file| file).await
    }

    /// As [`Self::start`], with a file that is not quite as it is shipped.
    pub(crate) async fn start_changed(
        self,
        upstream: SocketAddr,
        [http, https]: [u16; 2],
        change: impl Fn(String) -> String,
    ) -> Proxy {
        let folder = tempfile::Builder::new().prefix("supacloud-proxy-").tempdir_in("/tmp").unwrap();
        let mut command = match self {
            Self::Nginx => nginx(folder.path(), upstream, [http, https]),
            Self::Caddy => caddy(folder.path(), upstream, [http, https]),
            Self::Traefik => traefik(&self.path().unwrap(), folder.path(), upstream, [http, https], change),
        };
        let log = fs::File::create(folder.path().join("log")).unwrap();
        command.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log).kill_on_drop(true);
        let mut child = command.spawn().unwrap();
        let certificate = match self {
            Self::Nginx | Self::Traefik => folder.path().join("certificate.pem"),
            Self::Caddy => folder.path().join("data/caddy/pki/authorities/local/root.crt"),
        };
        let https = SocketAddr::from(([127, 0, 0, 1], https));
        let certificates = eventually("a listening proxy", async || {
            let log = || fs::read_to_string(folder.path().join("log")).unwrap();
            assert!(child.try_wait().unwrap().is_none(), "{} has ended: {}", self.program(), log());
            tokio::net::TcpStream::connect(https).await.ok()?;
            let certificates = fs::read(&certificate).ok().filter(|certificate| !certificate.is_empty())?;
            if self == Self::Traefik {
                // It listens before it has read what it is to do.
                Way::from(https).tls(DOMAIN, &certificates).connect().await.ok()?;
            }
            Some(certificates)
        })
        .await;
        Proxy { https, certificates, folder, _child: child }
    }
}

impl Proxy {
    /// The way to a host below the domain, or to the domain itself.
    pub(crate) fn way(&self, host: &str) -> Way {
        Way::from(self.https).tls(host, &self.certificates)
    }

    pub(crate) fn request(&self, host: &str, method: &'static str, target: impl Into<String>) -> Request {
        Request::new(self.way(host), method, target)
    }

    /// As a browser's address line has it.
    pub(crate) fn origin(&self) -> String {
        format!("https://{DOMAIN}:{}", self.https.port())
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("--- the proxy's log\n{}", fs::read_to_string(self.folder.path().join("log")).unwrap_or_default());
        }
    }
}

/// Two ports that are free now.
pub(crate) fn free_ports() -> [u16; 2] {
    let listeners = [(); 2].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
    listeners.map(|listener| listener.local_addr().unwrap().port())
}

/// A file of `deploy/`.
pub(crate) fn deployed(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy").join(name)
}

/// A file with what is shipped replaced by what is here.
pub(crate) fn replaced(text: &str, changes: &[(&str, String)]) -> String {
    changes.iter().fold(text.to_owned(), |text, (shipped, here)| {
        assert!(text.contains(shipped), "{shipped} is no longer in the file:\n{text}");
        text.replace(shipped, here)
    })
}

/// A certificate for the domain and its projects that nobody has signed, and its key.
pub(crate) fn certificate(folder: &Path) -> (PathBuf, PathBuf) {
    let (certificate, key) = (folder.join("certificate.pem"), folder.join("key.pem"));
    let subject = format!("subjectAltName=DNS:{DOMAIN},DNS:*.api.{DOMAIN}");
    let made = std::process::Command::new("openssl")
        .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"])
        .args(["-subj", "/CN=test", "-addext", &subject, "-addext", "basicConstraints=critical,CA:FALSE", "-keyout"])
        .arg(&key)
        .arg("-out")
        .arg(&certificate)
        .output()
        .unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    (certificate, key)
}

/// The file as it is shipped, with what the operator is told to replace replaced, and around it what Debian's nginx.conf has.
fn nginx(folder: &Path, upstream: SocketAddr, [http, https]: [u16; 2]) -> Command {
    let (certificate, key) = certificate(folder);
    let site = fs::read_to_string(deployed("nginx/supacloud.conf")).unwrap();
    let site = replaced(
        &site,
        &[
            ("server 127.0.0.1:8000;", format!("server {upstream};")),
            ("listen 80;", format!("listen 127.0.0.1:{http};")),
            ("listen 443 ssl", format!("listen 127.0.0.1:{https} ssl")),
            ("/etc/ssl/supacloud/fullchain.pem", certificate.display().to_string()),
            ("/etc/ssl/supacloud/privkey.pem", key.display().to_string()),
            ("example.com", DOMAIN.to_owned()),
        ],
    );
    fs::write(folder.join("supacloud.conf"), site).unwrap();
    let user = if is_root() { "user root;" } else { "" };
    let temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
    let temporary: String = temporary.iter().map(|name| format!("{name}_temp_path {}/{name};\n", folder.display())).collect();
    let folder = folder.display();
    let main = format!(
        "{user} daemon off; master_process off; pid {folder}/pid; error_log stderr; events {{}}\n\
         http {{ access_log off; {temporary} include {folder}/supacloud.conf; }}\n"
    );
    let configuration = format!("{folder}/nginx.conf");
    fs::write(&configuration, main).unwrap();
    let mut command = Command::new("nginx");
    command.env("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin").args(["-e", "stderr", "-c", &configuration]);
    command
}

/// The file as it is shipped; what differs is in the environment.
fn caddy(folder: &Path, upstream: SocketAddr, [http, https]: [u16; 2]) -> Command {
    let mut command = Command::new("caddy");
    command.env_clear().env("PATH", "/usr/local/bin:/usr/bin").env("HOME", folder);
    command.env("XDG_DATA_HOME", folder.join("data")).env("XDG_CONFIG_HOME", folder.join("config"));
    command.env("SUPACLOUD_DOMAIN", DOMAIN).env("SUPACLOUD_UPSTREAM", upstream.to_string());
    command.env("SUPACLOUD_HTTP_PORT", http.to_string()).env("SUPACLOUD_HTTPS_PORT", https.to_string());
    command.env("SUPACLOUD_ISSUER", "internal").env("SUPACLOUD_CADDY_ADMIN", "off");
    command.args(["run", "--adapter", "caddyfile", "--config"]).arg(deployed("caddy/Caddyfile"));
    command
}

/// Both files as they are shipped, with what the operator is told to replace replaced, and with a certificate of our own as
/// the comment at the end says.
fn traefik(
    program: &Path,
    folder: &Path,
    upstream: SocketAddr,
    [http, https]: [u16; 2],
    change: impl Fn(String) -> String,
) -> Command {
    let (certificate, key) = certificate(folder);
    let fixed = replaced(
        &fs::read_to_string(deployed("traefik/traefik.yaml")).unwrap(),
        &[
            ("\":80\"", format!("\"127.0.0.1:{http}\"")),
            ("\":443\"", format!("\"127.0.0.1:{https}\"")),
            ("    endpoint: \"http://127.0.0.1:8000/", format!("    endpoint: \"http://{upstream}/")),
            ("pollInterval: 5s", "pollInterval: 200ms".to_owned()),
            ("/etc/traefik/dynamic.yaml\n    watch", format!("{}/dynamic.yaml\n    watch", folder.display())),
            ("/var/lib/traefik/", format!("{}/", folder.display())),
        ],
    );
    let dynamic = replaced(
        &fs::read_to_string(deployed("traefik/dynamic.yaml")).unwrap(),
        &[
            ("http://127.0.0.1:8000", format!("http://{upstream}")),
            ("example.com", DOMAIN.to_owned()),
            ("example\\\\.com", DOMAIN.replace('.', "\\\\.")),
            ("  # stores:", "  stores:".to_owned()),
            ("  #   default:", "    default:".to_owned()),
            ("  #     defaultCertificate:", "      defaultCertificate:".to_owned()),
            ("  #       certFile: /etc/ssl/supacloud/fullchain.pem", format!("        certFile: {}", certificate.display())),
            ("  #       keyFile: /etc/ssl/supacloud/privkey.pem", format!("        keyFile: {}", key.display())),
        ],
    );
    fs::write(folder.join("traefik.yaml"), fixed).unwrap();
    fs::write(folder.join("dynamic.yaml"), change(dynamic)).unwrap();
    let mut command = Command::new(program);
    command
        .env_clear()
        .env("SUPACLOUD_DOMAIN", DOMAIN)
        .arg(format!("--configfile={}/traefik.yaml", folder.display()))
        .current_dir(folder);
    command
}
