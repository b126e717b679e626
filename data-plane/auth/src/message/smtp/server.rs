//! A small mail server for tests: it speaks SMTP as it is told and keeps what it is given.

use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use tokio::io::{AsyncBufReadExt as _, AsyncRead, AsyncWrite, AsyncWriteExt as _, BufReader};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// The name that the server's certificate has.
pub(super) const HOST: &str = "mail.test";

#[derive(Debug, Clone, Default)]
pub(super) struct Behaviour {
    pub(super) implicit: bool,
    pub(super) starttls: bool,
    /// What it offers after AUTH, such as `PLAIN LOGIN`; nothing: it asks for no password.
    pub(super) auth: &'static str,
    /// Answers to MAIL before it takes any.
    pub(super) refusals: Vec<&'static str>,
    /// It takes connections and says nothing.
    pub(super) silent: bool,
}

#[derive(Debug, Clone, Default)]
pub(super) struct Taken {
    pub(super) encrypted: bool,
    pub(super) user: Option<(String, String)>,
    pub(super) from: String,
    pub(super) to: Vec<String>,
    pub(super) data: String,
}

#[derive(Debug)]
pub(super) struct Server {
    pub(super) port: u16,
    pub(super) certificate: String,
    pub(super) taken: Arc<Mutex<Vec<Taken>>>,
    /// Every line that was sent to it, by whom it may be read on the way.
    pub(super) heard: Arc<Mutex<Vec<String>>>,
    pub(super) connections: Arc<AtomicUsize>,
}

struct State {
    behaviour: Behaviour,
    acceptor: TlsAcceptor,
    taken: Arc<Mutex<Vec<Taken>>>,
    heard: Arc<Mutex<Vec<String>>>,
    refused: AtomicUsize,
}

enum End {
    Closed,
    StartTls,
}

impl Server {
    pub(super) async fn start(behaviour: Behaviour) -> Self {
        let (certificate, acceptor) = certificate();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (taken, heard, connections) = (Arc::default(), Arc::default(), Arc::new(AtomicUsize::new(0)));
        let state = Arc::new(State {
            behaviour,
            acceptor,
            taken: Arc::clone(&taken),
            heard: Arc::clone(&heard),
            refused: AtomicUsize::new(0),
        });
        let counted = connections.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                counted.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(serve(stream, state.clone()));
            }
        });
        Self { port, certificate, taken, heard, connections }
    }
}

async fn serve(stream: tokio::net::TcpStream, state: Arc<State>) {
    if state.behaviour.silent {
        std::future::pending::<()>().await;
    }
    if state.behaviour.implicit {
        if let Ok(stream) = state.acceptor.accept(stream).await {
            talk(&mut BufReader::new(stream), &state, true, true).await;
        }
        return;
    }
    let mut plain = BufReader::new(stream);
    if let Some(End::StartTls) = talk(&mut plain, &state, false, true).await
        && let Ok(stream) = state.acceptor.accept(plain.into_inner()).await
    {
        talk(&mut BufReader::new(stream), &state, true, false).await;
    }
}

async fn talk<S: AsyncRead + AsyncWrite + Unpin>(
    stream: &mut BufReader<S>,
    state: &State,
    encrypted: bool,
    greet: bool,
) -> Option<End> {
    let behaviour = &state.behaviour;
    if greet {
        say(stream, "220 mail.test").await?;
    }
    let mut mail = Taken { encrypted, ..Taken::default() };
    loop {
        let line = hear(stream, state, encrypted).await?;
        let upper = line.to_uppercase();
        if upper.starts_with("EHLO") {
            let mut lines = vec!["250-mail.test".to_owned(), "250-8BITMIME".to_owned()];
            if behaviour.starttls && !encrypted {
                lines.push("250-STARTTLS".to_owned());
            }
            if !behaviour.auth.is_empty() {
                lines.push(format!("250-AUTH {}", behaviour.auth));
            }
            lines.push("250 SMTPUTF8".to_owned());
            say(stream, &lines.join("\r\n")).await?;
        } else if upper == "STARTTLS" {
            say(stream, "220 go").await?;
            return Some(End::StartTls);
        } else if let Some(given) = line.strip_prefix("AUTH PLAIN ") {
            let given = decoded(given);
            let mut parts = given.split('\0').skip(1);
            let (user, password) = (parts.next()?.to_owned(), parts.next()?.to_owned());
            authenticate(stream, &mut mail, user, password).await?;
        } else if upper.starts_with("AUTH LOGIN") {
            say(stream, "334 VXNlcm5hbWU6").await?;
            let user = decoded(&hear(stream, state, encrypted).await?);
            say(stream, "334 UGFzc3dvcmQ6").await?;
            let password = decoded(&hear(stream, state, encrypted).await?);
            authenticate(stream, &mut mail, user, password).await?;
        } else if upper.starts_with("MAIL FROM:") {
            let at = state.refused.load(Ordering::SeqCst);
            if !behaviour.auth.is_empty() && mail.user.is_none() {
                say(stream, "530 authenticate").await?;
            } else if let Some(refusal) = behaviour.refusals.get(at) {
                state.refused.fetch_add(1, Ordering::SeqCst);
                say(stream, refusal).await?;
            } else {
                mail.from = line[10..].to_owned();
                say(stream, "250 ok").await?;
            }
        } else if upper.starts_with("RCPT TO:") {
            mail.to.push(line[8..].to_owned());
            say(stream, "250 ok").await?;
        } else if upper == "DATA" {
            say(stream, "354 go").await?;
            loop {
                let line = hear(stream, state, encrypted).await?;
                if line == "." {
                    break;
                }
                mail.data.push_str(&line);
                mail.data.push('\n');
            }
            state.taken.lock().unwrap().push(mail.clone());
            (mail.to, mail.data) = Default::default();
            say(stream, "250 taken").await?;
        } else if upper == "QUIT" {
            say(stream, "221 bye").await?;
            return Some(End::Closed);
        } else {
            say(stream, "250 ok").await?;
        }
    }
}

async fn authenticate<S: AsyncWrite + Unpin>(stream: &mut S, mail: &mut Taken, user: String, password: String) -> Option<()> {
    if password == "right" {
        mail.user = Some((user, password));
        say(stream, "235 ok").await
    } else {
        say(stream, "535 wrong").await
    }
}

async fn say<S: AsyncWrite + Unpin>(stream: &mut S, line: &str) -> Option<()> {
    stream.write_all(format!("{line}\r\n").as_bytes()).await.ok()?;
    stream.flush().await.ok()
}

async fn hear<S: AsyncRead + Unpin>(stream: &mut BufReader<S>, state: &State, encrypted: bool) -> Option<String> {
    let mut line = String::new();
    if stream.read_line(&mut line).await.ok()? == 0 {
        return None;
    }
    let line = line.trim_end().to_owned();
    if !encrypted {
        state.heard.lock().unwrap().push(line.clone());
    }
    Some(line)
}

fn decoded(text: &str) -> String {
    String::from_utf8(STANDARD.decode(text).unwrap()).unwrap()
}

/// A certificate for [`HOST`] that is its own authority, as PEM, and the server's side of it.
fn certificate() -> (String, TlsAcceptor) {
    let subject = format!("/CN={HOST}");
    let names = format!("subjectAltName=DNS:{HOST}");
    let made = Command::new("openssl")
        .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"])
        .args(["-keyout", "/dev/stdout", "-out", "/dev/stdout", "-subj", &subject, "-addext", &names])
        .args(["-addext", "basicConstraints=critical,CA:FALSE"])
        .output()
        .unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let pem = String::from_utf8(made.stdout).unwrap();
    let certificate = CertificateDer::from_pem_slice(pem.as_bytes()).unwrap();
    let key = PrivateKeyDer::from_pem_slice(pem.as_bytes()).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider())).with_safe_default_protocol_versions();
    let config = config.unwrap().with_no_client_auth().with_single_cert(vec![certificate], key).unwrap();
    let certificate = pem[pem.find("-----BEGIN CERTIFICATE").unwrap()..].to_owned();
    (certificate, TlsAcceptor::from(Arc::new(config)))
}
