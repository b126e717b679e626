//! How the database is reached: the parameters of a connection string, completed and understood as libpq does it.
//!
//! Source: PostgreSQL's documentation, "Parameter Key Words", "Environment Variables", "The Password File" and "SSL Support" of
//! libpq.

use std::{
    collections::HashMap,
    fs,
    net::IpAddr,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    time::Duration,
};

use secrecy::SecretString;
use tokio_postgres::{
    Config,
    config::{ChannelBinding, Host, SslNegotiation},
};

use crate::{
    Database, Encryption, Identity, Roots, Server, Tls, TlsSettings, Wanted,
    connection_string::{self, Parameters},
};

/// Where Debian's packages and PostgreSQL's image keep the socket.
const SOCKET_DIR: &str = "/var/run/postgresql";

/// Parameters, and the variables that stand in for them.
const PARAMETERS: &[(&str, &str)] = &[
    ("application_name", "PGAPPNAME"),
    ("channel_binding", "PGCHANNELBINDING"),
    ("client_encoding", ""),
    ("connect_timeout", "PGCONNECT_TIMEOUT"),
    ("dbname", "PGDATABASE"),
    ("fallback_application_name", ""),
    ("gssencmode", ""),
    ("host", "PGHOST"),
    ("hostaddr", "PGHOSTADDR"),
    ("keepalives", ""),
    ("keepalives_count", ""),
    ("keepalives_idle", ""),
    ("keepalives_interval", ""),
    ("load_balance_hosts", "PGLOADBALANCEHOSTS"),
    ("options", "PGOPTIONS"),
    ("passfile", "PGPASSFILE"),
    ("password", "PGPASSWORD"),
    ("port", "PGPORT"),
    ("sslcert", "PGSSLCERT"),
    ("sslkey", "PGSSLKEY"),
    ("sslmode", "PGSSLMODE"),
    ("sslnegotiation", "PGSSLNEGOTIATION"),
    ("sslrootcert", "PGSSLROOTCERT"),
    ("sslsni", "PGSSLSNI"),
    ("target_session_attrs", "PGTARGETSESSIONATTRS"),
    ("tcp_user_timeout", ""),
    ("user", "PGUSER"),
];

/// What libpq knows and this does not. Said by its name, so that nobody takes a connection for safer than it is.
const UNSUPPORTED: &[&str] = &[
    "gssdelegation",
    "gsslib",
    "krbsrvname",
    "max_protocol_version",
    "min_protocol_version",
    "replication",
    "require_auth",
    "requirepeer",
    "requiressl",
    "scram_client_key",
    "scram_server_key",
    "service",
    "servicefile",
    "ssl_max_protocol_version",
    "ssl_min_protocol_version",
    "sslcertmode",
    "sslcompression",
    "sslcrl",
    "sslcrldir",
    "sslkeylogfile",
    "sslpassword",
];

/// Reads a connection string. What it does not say is taken from libpq's variables and files.
///
/// The error says what is wrong, and shows nothing of the string: it has a password.
pub(crate) fn database(text: &str, variables: &HashMap<String, String>, application: &str) -> Result<Database, String> {
    let given = connection_string::parse(text).ok_or_else(not_understood)?;
    if let Some(unsupported) = UNSUPPORTED.iter().find(|name| given.contains_key(**name)) {
        return Err(format!("its parameter {unsupported} is not supported"));
    }
    if given.keys().any(|name| !PARAMETERS.iter().any(|(known, _)| known == name)) {
        return Err(not_understood());
    }
    let parameters = Completed { given: &given, variables, application };
    let config = parameters.config()?;
    let (encryption, tls) = parameters.encryption()?;
    Ok(Database {
        servers: parameters.servers(&config)?,
        shuffles: parameters.choice("load_balance_hosts", &[("disable", false), ("random", true)])?.unwrap_or(false),
        wanted: parameters
            .choice(
                "target_session_attrs",
                &[
                    ("any", Wanted::Any),
                    ("read-write", Wanted::ReadWrite),
                    ("read-only", Wanted::ReadOnly),
                    ("primary", Wanted::Primary),
                    ("standby", Wanted::Standby),
                    ("prefer-standby", Wanted::PreferStandby),
                ],
            )?
            .unwrap_or(Wanted::Any),
        encryption,
        tls,
        config,
    })
}

fn not_understood() -> String {
    let known: Vec<_> = PARAMETERS.iter().map(|(name, _)| *name).collect();
    format!(
        "it is neither a URI, such as postgres://user:password@host:5432/database with special characters percent-encoded, nor \
         of the form host=... user=... password=... dbname=...; of parameters it may have {}",
        known.join(", ")
    )
}

/// A server of the string, before passwords are looked up.
struct Named {
    host: String,
    address: Option<IpAddr>,
    port: u16,
}

struct Completed<'a> {
    given: &'a Parameters,
    variables: &'a HashMap<String, String>,
    application: &'a str,
}

impl<'a> Completed<'a> {
    fn variable(&self, name: &str) -> Option<&'a str> {
        self.variables.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// The value, and where it is from. An empty one counts as not given.
    fn value(&self, name: &'a str) -> Option<(&'a str, &'a str)> {
        let given = self.given.get(name).map(|value| (name, value.as_str())).filter(|(_, value)| !value.is_empty());
        given.or_else(|| {
            let (_, variable) = PARAMETERS.iter().find(|(known, _)| *known == name)?;
            Some((*variable, self.variable(variable)?))
        })
    }

    fn text(&self, name: &'a str) -> Option<&'a str> {
        self.value(name).map(|(_, value)| value)
    }

    fn number<T: std::str::FromStr>(&self, name: &'a str) -> Result<Option<T>, String> {
        let Some((origin, value)) = self.value(name) else { return Ok(None) };
        value.trim().parse().map(Some).map_err(|_| format!("{origin} is no number that can be used"))
    }

    fn choice<T: Copy>(&self, name: &'a str, choices: &[(&str, T)]) -> Result<Option<T>, String> {
        let Some((origin, value)) = self.value(name) else { return Ok(None) };
        let chosen = choices.iter().find(|(choice, _)| *choice == value).map(|(_, chosen)| *chosen);
        let known = || choices.iter().map(|(choice, _)| *choice).collect::<Vec<_>>().join(", ");
        chosen.map(Some).ok_or_else(|| format!("{origin} has a value that is not known; it may be {}", known()))
    }

    /// Everything but the servers and TLS.
    fn config(&self) -> Result<Config, String> {
        let mut config = Config::new();
        let application = self.text("application_name").or_else(|| self.text("fallback_application_name"));
        config.application_name(application.unwrap_or(self.application));
        if let Some(user) = self.text("user") {
            config.user(user);
        }
        if let Some(password) = self.text("password") {
            config.password(password);
        }
        if let Some(name) = self.text("dbname") {
            config.dbname(name);
        }
        if let Some(options) = self.text("options") {
            config.options(options);
        }
        self.choice("gssencmode", &[("disable", ()), ("prefer", ())])?;
        if let Some(binding) = self.choice(
            "channel_binding",
            &[("disable", ChannelBinding::Disable), ("prefer", ChannelBinding::Prefer), ("require", ChannelBinding::Require)],
        )? {
            config.channel_binding(binding);
        }
        // As libpq: not positive is without end, which would be a request that waits without end.
        if let Some(seconds) =
            self.number::<i64>("connect_timeout")?.and_then(|seconds| u64::try_from(seconds).ok()).filter(|s| *s > 0)
        {
            config.connect_timeout(Duration::from_secs(seconds));
        }
        if let Some(milliseconds) = self.number::<u64>("tcp_user_timeout")?.filter(|time| *time > 0) {
            config.tcp_user_timeout(Duration::from_millis(milliseconds));
        }
        if let Some(keeps) = self.number::<i64>("keepalives")? {
            config.keepalives(keeps != 0);
        }
        if let Some(seconds) = self.number::<u64>("keepalives_idle")?.filter(|time| *time > 0) {
            config.keepalives_idle(Duration::from_secs(seconds));
        }
        if let Some(seconds) = self.number::<u64>("keepalives_interval")?.filter(|time| *time > 0) {
            config.keepalives_interval(Duration::from_secs(seconds));
        }
        if let Some(count) = self.number::<u32>("keepalives_count")?.filter(|count| *count > 0) {
            config.keepalives_retries(count);
        }
        if self.is_direct()? {
            config.ssl_negotiation(SslNegotiation::Direct);
        }
        Ok(config)
    }

    fn is_direct(&self) -> Result<bool, String> {
        Ok(self.choice("sslnegotiation", &[("postgres", false), ("direct", true)])?.unwrap_or(false))
    }

    fn servers(&self, config: &Config) -> Result<Vec<Server>, String> {
        let named = self.named()?;
        if config.get_password().is_some() {
            return Ok(named.into_iter().map(|named| named.server(None)).collect());
        }
        let passwords = self.pass_file();
        let user = config.get_user().or_else(|| self.variable("USER")).unwrap_or_default();
        let database = config.get_dbname().unwrap_or(user);
        let server = |named: Named| {
            let host = if named.host == SOCKET_DIR { "localhost" } else { named.host.as_str() };
            let port = named.port.to_string();
            let password = passwords.as_deref().and_then(|text| password(text, [host, &port, database, user]));
            named.server(password.map(SecretString::from))
        };
        Ok(named.into_iter().map(server).collect())
    }

    fn named(&self) -> Result<Vec<Named>, String> {
        let list = |name| self.text(name).map(|text| text.split(',').map(str::trim).collect::<Vec<_>>()).unwrap_or_default();
        let (hosts, addresses, ports) = (list("host"), list("hostaddr"), list("port"));
        let count = hosts.len().max(addresses.len()).max(1);
        if !addresses.is_empty() && !hosts.is_empty() && addresses.len() != hosts.len() {
            return Err(format!("it has {} hosts and {} addresses of hosts", hosts.len(), addresses.len()));
        }
        if ports.len() > 1 && ports.len() != count {
            return Err(format!("it has {count} hosts and {} ports", ports.len()));
        }
        let named = |at: usize| -> Result<Named, String> {
            let address = match addresses.get(at).copied().filter(|address| !address.is_empty()) {
                Some(address) => Some(address.parse::<IpAddr>().map_err(|_| "hostaddr is no address".to_owned())?),
                None => None,
            };
            let host = hosts.get(at).copied().filter(|host| !host.is_empty()).map(str::to_owned);
            let port = match ports.get(at).or(ports.first()).copied().filter(|port| !port.is_empty()) {
                Some(port) => {
                    port.parse::<u16>().ok().filter(|port| *port != 0).ok_or("the port is no number from 1 to 65535")?
                }
                None => 5432,
            };
            let host = host.unwrap_or_else(|| address.map_or_else(|| SOCKET_DIR.to_owned(), |address| address.to_string()));
            Ok(Named { host, address, port })
        };
        (0..count).map(named).collect()
    }

    /// The file of passwords, unless others can read it.
    fn pass_file(&self) -> Option<String> {
        let path = match self.text("passfile") {
            Some(path) => PathBuf::from(path),
            None => Path::new(self.variable("HOME")?).join(".pgpass"),
        };
        let metadata = fs::metadata(&path).ok().filter(fs::Metadata::is_file)?;
        if metadata.mode() & 0o077 != 0 {
            return None;
        }
        fs::read_to_string(path).ok()
    }

    fn encryption(&self) -> Result<(Encryption, Option<Tls>), String> {
        let roots = match self.text("sslrootcert") {
            Some("system") => Some(Roots::System),
            Some(path) => Some(Roots::File(path.into())),
            None => self.in_home("root.crt").map(Roots::File),
        };
        let modes = [
            ("disable", (Encryption::Never, false, false)),
            ("allow", (Encryption::IfRefused, false, false)),
            ("prefer", (Encryption::IfOffered, false, false)),
            ("require", (Encryption::Always, false, false)),
            ("verify-ca", (Encryption::Always, true, false)),
            ("verify-full", (Encryption::Always, true, true)),
        ];
        let default = modes[if roots == Some(Roots::System) { 5 } else { 2 }].1;
        let (encryption, needs_roots, checks_name) = self.choice("sslmode", &modes)?.unwrap_or(default);
        if roots == Some(Roots::System) && !checks_name {
            return Err("sslrootcert=system says whom to believe only with sslmode=verify-full".to_owned());
        }
        if self.is_direct()? && encryption != Encryption::Always {
            return Err("sslnegotiation=direct needs sslmode=require or a stronger one".to_owned());
        }
        if encryption == Encryption::Never {
            return Ok((encryption, None));
        }
        if needs_roots && roots.is_none() {
            return Err(
                "sslmode asks to check the server's certificate, and there is nobody to believe; set sslrootcert to a file \
                 of root certificates, or to system"
                    .to_owned(),
            );
        }
        let certificate = self.text("sslcert").map(PathBuf::from).or_else(|| self.in_home("postgresql.crt"));
        let key = self.text("sslkey").map(PathBuf::from).or_else(|| self.in_home("postgresql.key"));
        let identity = match (certificate, key) {
            (Some(certificate), Some(key)) => Some(Identity { certificate, key }),
            (Some(_), None) => return Err("there is a certificate (sslcert) without its key; set sslkey".to_owned()),
            (None, _) => None,
        };
        let settings = TlsSettings {
            roots,
            checks_name,
            identity,
            direct: self.is_direct()?,
            hides_name: self.choice("sslsni", &[("1", false), ("0", true)])?.unwrap_or(false),
        };
        Tls::new(&settings).map(|tls| (encryption, Some(tls))).map_err(|error| error.to_string())
    }

    /// A file that counts when it is there.
    fn in_home(&self, name: &str) -> Option<PathBuf> {
        let path = Path::new(self.variable("HOME")?).join(".postgresql").join(name);
        path.exists().then_some(path)
    }
}

impl Named {
    fn server(self, password: Option<SecretString>) -> Server {
        let Self { host, address, port } = self;
        let host = if host.starts_with('/') { Host::Unix(host.into()) } else { Host::Tcp(host) };
        Server { host, address, port, password }
    }
}

/// The password of the first line that fits: host, port, database and user, each of which may be `*`.
fn password(text: &str, asked: [&str; 4]) -> Option<String> {
    text.lines().filter(|line| !line.starts_with('#')).find_map(|line| {
        let fields = fields(line);
        let (known, password) = (fields.get(..4)?, fields.get(4)?);
        known.iter().zip(asked).all(|(known, asked)| known == "*" || known == asked).then(|| password.clone())
    })
}

/// Between colons; a backslash takes the next character as it is.
fn fields(line: &str) -> Vec<String> {
    let (mut fields, mut field) = (Vec::new(), String::new());
    let mut characters = line.chars();
    while let Some(character) = characters.next() {
        match character {
            ':' => fields.push(std::mem::take(&mut field)),
            '\\' => field.extend(characters.next()),
            other => field.push(other),
        }
    }
    fields.push(field);
    fields
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use secrecy::ExposeSecret as _;

    use super::*;

    fn read(text: &str, variables: &[(&str, &str)]) -> Result<Database, String> {
        database(text, &variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(), "a test")
    }

    /// Hosts, addresses and ports.
    fn servers(database: &Database) -> String {
        let shown = |server: &Server| {
            let host = match &server.host {
                Host::Tcp(name) => name.clone(),
                Host::Unix(folder) => folder.display().to_string(),
            };
            let address = server.address.map_or_else(String::new, |address| format!("({address})"));
            format!("{host}{address}:{}", server.port)
        };
        database.servers.iter().map(shown).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn both_forms_say_the_same() {
        for text in [
            "postgres://authenticator:p%40ss@db:5433/app",
            "postgresql://authenticator:p%40ss@db:5433/app",
            "host=db port=5433 user=authenticator password='p@ss' dbname=app",
        ] {
            let found = read(text, &[("PGHOST", "other"), ("PGUSER", "other"), ("PGPASSWORD", "other")]).unwrap();
            assert_eq!(servers(&found), "db:5433");
            assert_eq!((found.config.get_user(), found.config.get_dbname()), (Some("authenticator"), Some("app")));
            assert_eq!(found.config.get_password(), Some(b"p@ss".as_slice()));
            assert_eq!((found.encryption, found.wanted), (Encryption::IfOffered, Wanted::Any));
        }
    }

    #[test]
    fn the_rest_comes_from_libpqs_variables() {
        let variables = [
            ("PGHOST", "db"),
            ("PGPORT", "5433"),
            ("PGUSER", "u"),
            ("PGPASSWORD", "p"),
            ("PGDATABASE", "d"),
            ("PGSSLMODE", "disable"),
        ];
        let found = read("postgresql://", &variables).unwrap();
        assert_eq!(servers(&found), "db:5433");
        assert_eq!((found.config.get_user(), found.config.get_dbname()), (Some("u"), Some("d")));
        assert_eq!((found.config.get_password(), found.encryption), (Some(b"p".as_slice()), Encryption::Never));
        assert_eq!(read("sslmode=require", &variables).unwrap().encryption, Encryption::Always);
        assert_eq!(servers(&read("postgres://user@/app", &[]).unwrap()), format!("{SOCKET_DIR}:5432"));
    }

    #[test]
    fn there_may_be_several_servers() {
        for (text, expected) in [
            ("postgres://a,b:5433/d?target_session_attrs=primary", "a:5432 b:5433"),
            ("host=a,b port=5433 target_session_attrs=primary", "a:5433 b:5433"),
            ("host=a,/run hostaddr=::1, target_session_attrs=primary", "a(::1):5432 /run:5432"),
            ("hostaddr=10.0.0.1,10.0.0.2 target_session_attrs=primary", "10.0.0.1(10.0.0.1):5432 10.0.0.2(10.0.0.2):5432"),
        ] {
            let found = read(text, &[]).unwrap();
            assert_eq!((servers(&found).as_str(), found.wanted), (expected, Wanted::Primary), "{text}");
        }
    }

    #[test]
    fn a_password_is_found_in_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("passwords");
        fs::write(&file, "# a comment\ndb:5432:app:u:one\n*:5433:*:u:t\\:w\\\\o\nlocalhost:*:*:*:three\n").unwrap();
        let mode = |mode| fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
        mode(0o600);
        let found = |text: &str| {
            let found = read(text, &[("PGPASSFILE", file.to_str().unwrap())]).unwrap();
            found.servers.iter().map(|s| s.password.as_ref().map(|p| p.expose_secret().to_owned())).collect::<Vec<_>>()
        };
        let some = |password: &str| Some(password.to_owned());
        assert_eq!(found("postgres://u@db,x:5433,y/app"), [some("one"), some("t:w\\o"), None]);
        assert_eq!(found("postgres://v@/app"), [some("three")]);
        assert_eq!(found("postgres://u:given@db/app"), [None]);
        mode(0o640);
        assert_eq!(found("postgres://u@db/app"), [None], "others can read it");
    }

    #[test]
    fn what_is_asked_of_tls_must_fit() {
        for (text, part) in [
            ("sslmode=verify-full", "set sslrootcert"),
            ("sslmode=verify-ca sslrootcert=/nowhere", "/nowhere can't be used"),
            ("sslmode=require sslrootcert=system", "sslmode=verify-full"),
            ("sslcert=/nowhere", "set sslkey"),
            ("sslnegotiation=direct", "sslmode=require"),
            ("sslmode=yes", "disable, allow, prefer, require, verify-ca, verify-full"),
            ("sslcrl=/nowhere", "sslcrl is not supported"),
        ] {
            let error = read(text, &[]).unwrap_err();
            assert!(error.contains(part), "{text}: {error}");
        }
        let error = read("host=h", &[("PGSSLMODE", "x")]).unwrap_err();
        assert!(error.starts_with("PGSSLMODE has a value"), "{error}");
    }

    #[test]
    fn refusals_show_nothing_of_it() {
        for (text, part) in [
            ("mysql://u:secret@h/d", "neither a URI"),
            ("postgres://u:secret@h/d?sslrotcert=x", "of parameters it may have"),
            ("postgres://u:secret@h:port/d", "no number"),
            ("postgres://u:secret@a,b/d?port=1,2,3", "2 hosts and 3 ports"),
            ("postgres://u:secret@h/d?connect_timeout=x", "connect_timeout is no number"),
        ] {
            let error = read(text, &[]).unwrap_err();
            assert!(error.contains(part) && !error.contains("sec"), "{error}");
        }
    }
}
