//! TLS to a database: whom to believe, who we are, and the handshake as `tokio-postgres` asks for it.
//!
//! It checks as libpq does: a server's certificate must lead to one of the roots wherever there are roots, and its name is
//! compared where that is asked for.
//!
//! Source: PostgreSQL's documentation, "SSL Support" of libpq; RFC 5929, section 4, of channel binding.

use std::{
    fmt, fs, io,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
};

use sha2::{Digest as _, Sha256, Sha384, Sha512};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_postgres::tls::{ChannelBinding, MakeTlsConnect, TlsConnect, TlsStream};
use tokio_rustls::{
    TlsConnector,
    rustls::{
        CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme,
        client::{
            danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
            verify_server_cert_signed_by_trust_anchor, verify_server_name,
        },
        crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature},
        pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime, pem::PemObject as _},
        server::ParsedCertificate,
    },
};

/// What a server that speaks TLS without being asked in PostgreSQL's words first has to be told.
const ALPN: &[u8] = b"postgresql";

/// What TLS is made from.
#[derive(Debug, Clone, Default)]
pub struct TlsSettings {
    /// Whom to believe; a server may be anyone without.
    pub roots: Option<Roots>,
    /// Whether the server's certificate must have the name by which it is reached.
    pub checks_name: bool,
    /// Who we are, for a server that asks.
    pub identity: Option<Identity>,
    /// Whether TLS begins at once, which only later servers understand.
    pub direct: bool,
    /// Whether the server is not told by which name it is reached.
    pub hides_name: bool,
}

/// Whom to believe.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Roots {
    /// Whomever this machine believes.
    System,
    /// The certificates in a file.
    File(PathBuf),
}

/// Files of a client certificate, with those that lead to its root, and of its key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// Certificates, the client's first.
    pub certificate: PathBuf,
    /// The key, not encrypted.
    pub key: PathBuf,
}

/// Why TLS can't be had.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file.
    #[error("{path} can't be used: {problem}")]
    File {
        /// Which.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// This machine believes nobody.
    #[error("no root certificates are installed on this machine; name a file with some")]
    NoSystemRoots,
}

/// TLS, ready to be spoken.
#[derive(Clone)]
pub struct Tls {
    config: Arc<ClientConfig>,
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls").finish_non_exhaustive()
    }
}

impl Tls {
    /// Reads the files.
    ///
    /// # Errors
    /// [`TlsError`], which names the file.
    pub fn new(settings: &TlsSettings) -> Result<Self, TlsError> {
        let provider = Arc::new(ring::default_provider());
        let roots = settings.roots.as_ref().map(Believed::read).transpose()?;
        let verifier = Verifier { roots, checks_name: settings.checks_name, provider: Arc::clone(&provider) };
        let builder = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("ring's suites fit TLS 1.2 and 1.3")
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(verifier));
        let mut config = match &settings.identity {
            None => builder.with_no_client_auth(),
            Some(Identity { certificate, key }) => {
                let certificates = certificates(certificate)?;
                builder.with_client_auth_cert(certificates, private_key(key)?).map_err(|error| unusable(key, error))?
            }
        };
        config.enable_sni = !settings.hides_name;
        if settings.direct {
            config.alpn_protocols.push(ALPN.to_vec());
        }
        Ok(Self { config: Arc::new(config) })
    }

    /// For one connection.
    pub(crate) fn attempt(&self) -> Attempt {
        Attempt { connector: TlsConnector::from(Arc::clone(&self.config)), began: Arc::default() }
    }
}

fn unusable(path: &Path, problem: impl ToString) -> TlsError {
    TlsError::File { path: path.to_owned(), problem: problem.to_string() }
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let text = fs::read(path).map_err(|error| unusable(path, error))?;
    let found: Vec<_> = CertificateDer::pem_slice_iter(&text).collect::<Result<_, _>>().map_err(|error| unusable(path, error))?;
    if found.is_empty() { Err(unusable(path, "there is no certificate in it")) } else { Ok(found) }
}

/// As libpq, not one that others can read; root's may be read by a group.
fn private_key(path: &Path) -> Result<PrivateKeyDer<'static>, TlsError> {
    let metadata = fs::metadata(path).map_err(|error| unusable(path, error))?;
    let others = if metadata.uid() == 0 { 0o037 } else { 0o077 };
    if metadata.mode() & others != 0 {
        return Err(unusable(path, "others can read it; allow that to its owner only (chmod 600)"));
    }
    let text = fs::read(path).map_err(|error| unusable(path, error))?;
    PrivateKeyDer::from_pem_slice(&text).map_err(|_| unusable(path, "there is no key in it, or it is encrypted"))
}

/// Roots, and the same certificates as they are.
#[derive(Debug)]
struct Believed {
    store: RootCertStore,
    certificates: Vec<CertificateDer<'static>>,
}

impl Believed {
    fn read(roots: &Roots) -> Result<Self, TlsError> {
        let mut store = RootCertStore::empty();
        match roots {
            Roots::System => {
                store.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
                if store.is_empty() { Err(TlsError::NoSystemRoots) } else { Ok(Self { store, certificates: Vec::new() }) }
            }
            Roots::File(path) => {
                let certificates = certificates(path)?;
                for certificate in &certificates {
                    store.add(certificate.clone()).map_err(|error| unusable(path, error))?;
                }
                Ok(Self { store, certificates })
            }
        }
    }
}

#[derive(Debug)]
struct Verifier {
    roots: Option<Believed>,
    checks_name: bool,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        _: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let parsed = ParsedCertificate::try_from(certificate);
        if let Some(roots) = &self.roots {
            let algorithms = self.provider.signature_verification_algorithms.all;
            let parsed = parsed.as_ref().map_err(Clone::clone)?;
            match verify_server_cert_signed_by_trust_anchor(parsed, &roots.store, intermediates, now, algorithms) {
                Ok(()) => {}
                // An authority's certificate is no server's, unless it is exactly the one that is believed: a server that has
                // signed for itself. Its times were checked before.
                Err(Error::InvalidCertificate(CertificateError::Other(_))) if roots.certificates.contains(certificate) => {}
                Err(error) => return Err(error),
            }
        }
        if self.checks_name {
            verify_server_name(&parsed?, name)?;
        }
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signed, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signed, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

/// TLS for one connection, which tells afterwards whether it was spoken.
#[derive(Clone)]
pub(crate) struct Attempt {
    connector: TlsConnector,
    began: Arc<AtomicBool>,
}

impl Attempt {
    /// Whether the server offered TLS and the handshake was begun.
    pub(crate) fn began(&self) -> bool {
        self.began.load(Ordering::Acquire)
    }

    /// The handshake with the server of this name.
    pub(crate) fn handshake(&self, name: &str) -> io::Result<Handshake> {
        let name = ServerName::try_from(name.to_owned()).map_err(io::Error::other)?;
        Ok(Handshake { attempt: self.clone(), name })
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> MakeTlsConnect<S> for Attempt {
    type Stream = Encrypted<S>;
    type TlsConnect = Handshake;
    type Error = io::Error;

    fn make_tls_connect(&mut self, name: &str) -> io::Result<Handshake> {
        self.handshake(name)
    }
}

pub(crate) struct Handshake {
    attempt: Attempt,
    name: ServerName<'static>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> TlsConnect<S> for Handshake {
    type Stream = Encrypted<S>;
    type Error = io::Error;
    type Future = Handshaking<S>;

    fn connect(self, stream: S) -> Handshaking<S> {
        self.attempt.began.store(true, Ordering::Release);
        Handshaking(self.attempt.connector.connect(self.name, stream))
    }
}

pub(crate) struct Handshaking<S>(tokio_rustls::Connect<S>);

impl<S: AsyncRead + AsyncWrite + Unpin> Future for Handshaking<S> {
    type Output = io::Result<Encrypted<S>>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0).poll(cx).map_ok(Encrypted)
    }
}

/// A stream by TLS.
pub(crate) struct Encrypted<S>(tokio_rustls::client::TlsStream<S>);

impl<S: AsyncRead + AsyncWrite + Unpin> TlsStream for Encrypted<S> {
    fn channel_binding(&self) -> ChannelBinding {
        let certificate = self.0.get_ref().1.peer_certificates().and_then(<[_]>::first);
        certificate
            .and_then(|certificate| end_point(certificate))
            .map_or_else(ChannelBinding::none, ChannelBinding::tls_server_end_point)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for Encrypted<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, buffer)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Encrypted<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, data)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}

/// `tls-server-end-point`: a certificate's digest by the hash of its own signature, or by SHA-256 for weaker ones. `None` for
/// signatures that name no hash there.
fn end_point(certificate: &[u8]) -> Option<Vec<u8>> {
    const RSA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01];
    const ECDSA: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04];
    let (fields, _) = der(0x30, certificate)?;
    let (_, after_content) = der(0x30, fields)?;
    let (algorithm, _) = der(0x30, after_content)?;
    let (identifier, _) = der(0x06, algorithm)?;
    let of_rsa = identifier.strip_prefix(RSA).map(|hash| match hash {
        [4 | 5 | 11] => 256,
        [12] => 384,
        [13] => 512,
        _ => 0,
    });
    let of_ecdsa = identifier.strip_prefix(ECDSA).map(|hash| match hash {
        [1] | [3, 2] => 256,
        [3, 3] => 384,
        [3, 4] => 512,
        _ => 0,
    });
    match of_rsa.or(of_ecdsa)? {
        256 => Some(Sha256::digest(certificate).to_vec()),
        384 => Some(Sha384::digest(certificate).to_vec()),
        512 => Some(Sha512::digest(certificate).to_vec()),
        _ => None,
    }
}

/// What is in a value of this tag, and what follows it.
fn der(tag: u8, text: &[u8]) -> Option<(&[u8], &[u8])> {
    let (found, text) = text.split_first()?;
    let (first, text) = text.split_first()?;
    let (length, text) = if *first < 0x80 {
        (usize::from(*first), text)
    } else {
        let (digits, text) = text.split_at_checked(usize::from(first & 0x7f))?;
        let length =
            digits.iter().try_fold(0_usize, |length, digit| length.checked_mul(256)?.checked_add(usize::from(*digit)))?;
        (length, text)
    };
    (*found == tag).then_some(())?;
    text.split_at_checked(length)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(folder: &tempfile::TempDir, text: &str, mode: u32) -> PathBuf {
        let path = folder.path().join(format!("{mode:o}"));
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(mode)).unwrap();
        path
    }

    #[test]
    fn a_file_that_can_not_be_used_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let roots = |path: PathBuf| Tls::new(&TlsSettings { roots: Some(Roots::File(path)), ..TlsSettings::default() });
        let nothing = file(&folder, "nothing", 0o600);
        let error = roots(nothing.clone()).unwrap_err().to_string();
        assert_eq!(error, format!("{} can't be used: there is no certificate in it", nothing.display()));
        let error = roots("/nowhere/root.crt".into()).unwrap_err().to_string();
        assert!(error.starts_with("/nowhere/root.crt can't be used: No such file"), "{error}");
        let error = private_key(&file(&folder, "key", 0o644)).unwrap_err().to_string();
        assert!(error.contains("others can read it"), "{error}");
        let error = private_key(&nothing).unwrap_err().to_string();
        assert!(error.ends_with("there is no key in it, or it is encrypted"), "{error}");
    }

    #[test]
    fn a_server_may_have_signed_for_itself() {
        let folder = tempfile::tempdir().unwrap();
        let make = |name: &str| {
            let path = folder.path().join(name);
            let mut command = std::process::Command::new("openssl");
            command.args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]);
            command.args(["-subj", "/CN=server", "-addext", "subjectAltName=DNS:localhost", "-keyout", "/dev/null", "-out"]);
            assert!(command.arg(&path).output().unwrap().status.success());
            path
        };
        let (one, other) = (make("one"), make("other"));
        let shown = certificates(&one).unwrap();
        let believes = |path: &Path, name: &str| {
            let roots = Some(Believed::read(&Roots::File(path.to_owned())).unwrap());
            let verifier = Verifier { roots, checks_name: true, provider: Arc::new(ring::default_provider()) };
            let name = ServerName::try_from(name.to_owned()).unwrap();
            verifier.verify_server_cert(&shown[0], &[], &name, &[], UnixTime::now()).is_ok()
        };
        assert!(believes(&one, "localhost"));
        assert!(!believes(&one, "localhost.example"));
        assert!(!believes(&other, "localhost"));
    }

    #[test]
    fn a_certificate_is_told_by_the_hash_of_its_signature() {
        // A certificate without content but for its algorithm.
        let certificate = |identifier: &[u8]| {
            let of = |tag: u8, content: &[u8]| [&[tag, u8::try_from(content.len()).unwrap()], content].concat();
            of(0x30, &[of(0x30, &[]), of(0x30, &of(0x06, identifier))].concat())
        };
        for (identifier, length) in [
            (&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 5][..], Some(32)),
            (&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 13], Some(64)),
            (&[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 3, 3], Some(48)),
            (&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 10], None),
            (&[0x2b, 0x65, 0x70], None),
        ] {
            assert_eq!(end_point(&certificate(identifier)).map(|digest| digest.len()), length, "{identifier:x?}");
        }
        assert_eq!(end_point(&[0x30, 0x84, 0xff, 0xff, 0xff, 0xff]), None);
        assert_eq!(end_point(&[]), None);
    }
}
