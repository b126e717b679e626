//! The whole of compose.yaml, brought up by docker-compose: the server in a container, its database, Traefik, and the proxy
//! before the engine. Two images can't be had everywhere and one takes ten minutes to build, so the programs are put into the
//! base image: the file's networks, secrets, limits, health checks and words are what is tried.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::json;
use tempfile::TempDir;

use crate::support::{
    Backend, DB_PASS, Installation,
    connection::Way,
    docker::{docker, node, part, try_docker},
    eventually,
    http::{Request, Response},
    proxy::{Kind, certificate, replaced},
    socket_proxy::{AllowList, SocketProxy},
};

const PROJECT: &str = "supacloudit-all";
const DOMAIN: &str = "example.test";
/// In the place of the proxy's own program: it passes everything on to the socket, behind which ours decides.
const FORWARD: &str = r#"
use IO::Socket::INET; use IO::Socket::UNIX; use IO::Select;
$SIG{CHLD} = 'IGNORE'; $SIG{PIPE} = 'IGNORE';
my $listener = IO::Socket::INET->new(LocalPort => 2375, Listen => 64, ReuseAddr => 1) or die "listen: $!";
while (1) {
  my $client = $listener->accept or next;
  next if fork;
  my $engine = IO::Socket::UNIX->new('/var/run/docker.sock') or die "connect: $!";
  my ($select, %other) = (IO::Select->new($client, $engine), $client => $engine, $engine => $client);
  while ($select->count) {
    for my $from ($select->can_read) {
      my $read = sysread($from, my $bytes, 65536);
      if (!$read) { $select->remove($from); shutdown($other{$from}, 1); next }
      for (my $sent = 0; $sent < $read;) { $sent += syswrite($other{$from}, $bytes, $read - $sent, $sent) // exit }
    }
  }
  exit;
}
"#;
/// In the place of the entrypoint of `postgres:17`, with the same variables.
const PLATFORM: &str = r#"
set -e
data=/var/lib/postgresql/data
if [ "$(id -u)" = 0 ]; then
  chown postgres $data
  exec setpriv --reuid=postgres --regid=postgres --init-groups sh "$0"
fi
umask 077
if [ ! -s $data/PG_VERSION ]; then
  chmod 700 $data
  initdb -D $data -U "$POSTGRES_USER" --pwfile="$POSTGRES_PASSWORD_FILE" -A scram-sha-256
  export PGPASSWORD="$(cat "$POSTGRES_PASSWORD_FILE")"
  pg_ctl -D $data -w -o "-c listen_addresses='' -c unix_socket_directories=/tmp" start
  createdb -h /tmp -U "$POSTGRES_USER" "$POSTGRES_DB"
  pg_ctl -D $data -w stop
  echo 'host all all all scram-sha-256' >>$data/pg_hba.conf
fi
exec postgres -D $data -c listen_addresses='*' -c unix_socket_directories=/tmp
"#;

/// What docker-compose has made of the file. Taken down when dropped.
struct Composed {
    folder: TempDir,
    certificates: Vec<u8>,
}

impl Composed {
    /// Brings it up. `platform` is an image of PostgreSQL.
    fn up(folder: TempDir, traefik: &Path, platform: &str) -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let here = |name: &str| folder.path().join(name).display().to_string();
        for (name, text) in [("forward.pl", FORWARD), ("platform.sh", PLATFORM)] {
            fs::write(here(name), text).unwrap();
        }
        fs::create_dir_all(here("deploy/compose")).unwrap();
        fs::copy(root.join("deploy/compose/secrets.sh"), here("deploy/compose/secrets.sh")).unwrap();
        let made = Command::new("sh").arg(here("deploy/compose/secrets.sh")).output().unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let (certificate, key) = certificate(folder.path());
        let template = replaced(
            &fs::read_to_string(root.join("deploy/compose/traefik.yaml")).unwrap(),
            &[
                ("  # stores:", "  stores:".to_owned()),
                ("  #   default:", "    default:".to_owned()),
                ("  #     defaultCertificate:", "      defaultCertificate:".to_owned()),
                ("  #       certFile: /etc/traefik/certificates/fullchain.pem", "        certFile: /certificate.pem".to_owned()),
                ("  #       keyFile: /etc/traefik/certificates/privkey.pem", "        keyFile: /key.pem".to_owned()),
            ],
        );
        fs::write(here("deploy/compose/traefik.yaml"), template).unwrap();
        let mounted = |paths: &[(&Path, &str)]| {
            paths.iter().map(|(from, to)| format!("\n      - {}:{to}:ro", from.display())).collect::<String>()
        };
        let server = Path::new(env!("CARGO_BIN_EXE_supacloud"));
        let programs = [(server, "/opt/supacloud/bin/supacloud"), (&*node(), "/opt/supacloud/bin/node")];
        let proxied = [(traefik, "/usr/local/bin/traefik"), (&*certificate, "/certificate.pem"), (&*key, "/key.pem")];
        let file = replaced(
            &fs::read_to_string(root.join("compose.yaml")).unwrap(),
            &[
                ("    build:\n      context: .\n    image: ${SUPACLOUD_IMAGE:-supacloud}", format!("    image: {PROJECT}")),
                ("container_name: supacloud\n", format!("container_name: {PROJECT}\n")),
                ("SERVER_CONTAINER: supacloud\n", format!("SERVER_CONTAINER: {PROJECT}\n")),
                ("      - data:/var/lib/supacloud", format!("      - data:/var/lib/supacloud{}", mounted(&programs))),
                ("image: postgres:17\n", format!("image: {platform}\n    user: root\n    entrypoint: [sh, /platform.sh]\n")),
                (
                    "      - platform:/var/lib/postgresql/data",
                    format!("      - platform:/var/lib/postgresql/data\n      - {}:/platform.sh:ro", here("platform.sh")),
                ),
                ("image: traefik:v3.7\n", "image: debian:trixie-slim\n    entrypoint: [traefik]\n".to_owned()),
                ("      - acme:/acme", format!("      - acme:/acme{}", mounted(&proxied))),
                (
                    "image: wollomatic/socket-proxy:1\n",
                    "image: debian:trixie-slim\n    entrypoint: [perl, /forward.pl]\n".to_owned(),
                ),
                ("- /var/run/docker.sock:", format!("- {}:/forward.pl:ro\n      - {}:", here("forward.pl"), here("engine.sock"))),
                ("\"80:80\"", "\"127.0.0.1::80\"".to_owned()),
                ("\"443:443\"", "\"127.0.0.1::443\"".to_owned()),
                ("\"127.0.0.1:5433:5432\"", "\"127.0.0.1::5432\"".to_owned()),
            ],
        );
        fs::write(here("compose.yaml"), file).unwrap();
        let composed = Self { certificates: fs::read(certificate).unwrap(), folder };
        // Of a run that was killed: its database has another password.
        composed.run(&["down", "--volumes", "--timeout", "5"]);
        composed.run(&["up", "--detach", "--no-build"]);
        composed
    }

    fn run(&self, words: &[&str]) -> String {
        let mut command = Command::new("docker-compose");
        command.args(["--project-name", PROJECT, "--ansi", "never"]).args(words).current_dir(self.folder.path());
        command.env("SUPACLOUD_DOMAIN", DOMAIN).env("SUPACLOUD_FRONT_NETWORK", "10.221.144.0/28");
        let ran = command.output().unwrap();
        assert!(ran.status.success(), "docker-compose {words:?}: {}", String::from_utf8_lossy(&ran.stderr));
        String::from_utf8(ran.stdout).unwrap()
    }

    /// The address at which a port of a service is published.
    fn address(&self, service: &str, port: &str) -> std::net::SocketAddr {
        self.run(&["port", service, port]).trim().parse().unwrap()
    }

    fn token(&self) -> String {
        let settings = fs::read_to_string(self.folder.path().join("secrets/supacloud.toml")).unwrap();
        let token = settings.lines().find_map(|line| line.strip_prefix("admin_token = "));
        token.unwrap().trim_matches('"').to_owned()
    }

    /// A request through Traefik, in TLS.
    fn request(&self, host: &str, method: &'static str, target: &str) -> Request {
        let way = Way::from(self.address("traefik", "443")).tls(host, &self.certificates);
        Request::new(way, method, target).header("host", host)
    }

    async fn api(&self, method: &'static str, target: &str) -> Response {
        self.request(DOMAIN, method, target).header("authorization", format!("Bearer {}", self.token())).send().await
    }
}

impl Drop for Composed {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("{}", self.run(&["logs", "--tail", "30"]));
        }
        self.run(&["down", "--volumes", "--timeout", "5"]);
        let _ = Command::new("docker").args(["image", "rm", PROJECT]).output();
    }
}

#[tokio::test]
async fn a_project_is_made_by_all_of_the_compose_file() {
    let Some(installation) = Installation::docker(Backend::Sqlite, "10.221.128.0/20").await else { return };
    let (Some(traefik), true) = (Kind::Traefik.path(), Kind::Traefik.is_installed()) else { return };
    if Command::new("docker-compose").arg("version").output().is_err() {
        assert!(std::env::var_os("CI").is_none(), "CI needs docker-compose; `./setup.sh test` installs it");
        eprintln!("SKIPPED: there is no docker-compose; `./setup.sh test` installs it");
        return;
    }
    let folder = tempfile::Builder::new().prefix("supacloud-composed-").tempdir_in("/tmp").unwrap();
    let platform = platform(&installation).await;
    server_image(folder.path()).await;
    let proxy = SocketProxy::start_at(&folder.path().join("engine.sock"), AllowList::of_compose_file());
    let composed = Composed::up(folder, &traefik, &platform);

    let answers = async || (composed.api("GET", "/v1/projects").await.status == 200).then_some(());
    eventually("the server behind Traefik", answers).await;
    let unsigned = composed.request(DOMAIN, "GET", "/v1/projects").send().await;
    assert_eq!(unsigned.status, 401, "{}", unsigned.text());
    let create = composed.request(DOMAIN, "POST", "/v1/projects").header("authorization", format!("Bearer {}", composed.token()));
    let made = create.json(&json!({ "name": "composed", "db_pass": DB_PASS })).send().await.expect(201).json();
    let project_ref = made["ref"].as_str().unwrap().to_owned();
    let host = format!("{project_ref}.api.{DOMAIN}");
    assert_eq!(made["api_url"], format!("https://{host}"));
    let target = format!("/v1/projects/{project_ref}");
    let status = async || composed.api("GET", &target).await.json()["status"].as_str().unwrap_or_default().to_owned();
    eventually("a live project", async || (status().await == "ACTIVE_HEALTHY").then_some(())).await;
    let keys = composed.api("GET", &format!("{target}/api-keys?reveal=true")).await.expect(200).json();
    let key = keys.as_array().unwrap().iter().find(|key| key["id"] == "anon").unwrap()["api_key"].as_str().unwrap().to_owned();
    composed.request(&host, "GET", "/rest/v1/").header("apikey", key).send().await.expect(200);

    let label = "{{index .Config.Labels \"supacloud.installation\"}}";
    let theirs = docker(&["container", "inspect", "--format", label, &part(&project_ref, "node")]).await;
    composed.api("DELETE", &target).await.expect(200);
    eventually("the project's end", async || (composed.api("GET", &target).await.status == 404).then_some(())).await;
    let filter = format!("label=supacloud.installation={theirs}");
    assert_eq!(docker(&["container", "ls", "--all", "--quiet", "--filter", &filter]).await, "");
    assert_eq!(docker(&["network", "ls", "--quiet", "--filter", &filter]).await, "");
    assert_eq!(proxy.refused(), Vec::<String>::new());
    drop(composed);
    for volume in docker(&["volume", "ls", "--quiet", "--filter", &filter]).await.lines() {
        docker(&["volume", "rm", volume]).await;
    }
}

/// An image of PostgreSQL, made by a project if there is none yet.
async fn platform(installation: &Installation) -> String {
    let list = ["image", "ls", "--format", "{{.Repository}}:{{.Tag}}", "--filter", "reference=supacloud/postgres:17-*"];
    if docker(&list).await.is_empty() {
        let server = installation.start().await;
        let project_ref = server.create_live("first").await;
        server.delete_all(&[project_ref]).await;
        server.stop().await;
    }
    docker(&list).await.lines().next().unwrap().to_owned()
}

/// What the Dockerfile says of its last stage, with the programs still to come.
async fn server_image(folder: &Path) {
    let dockerfile = Path::new(env!("CARGO_MANIFEST_DIR")).join("../Dockerfile");
    let text = fs::read_to_string(dockerfile).unwrap();
    let (_, last) = text.rsplit_once("FROM ${BASE}\n").unwrap();
    // Packages come over the network, and the server has none of what they are for to do here.
    let (certificates, rest) = last.split_once("  && groupadd").unwrap();
    assert!(certificates.contains("ca-certificates"));
    let kept: Vec<&str> = rest.lines().filter(|line| !line.starts_with("COPY --from=build")).collect();
    let context: PathBuf = folder.join("image");
    fs::create_dir(&context).unwrap();
    fs::write(context.join("Dockerfile"), format!("FROM debian:trixie-slim\nRUN true && groupadd{}\n", kept.join("\n"))).unwrap();
    try_docker(&["build", "--tag", PROJECT, context.to_str().unwrap()]).await.unwrap();
}
