//! TLS in front of the engine of this machine, as a dockerd has it that listens on tcp: whoever has no certificate of the
//! right authority is refused.

use std::{fs, net::SocketAddr, path::Path, process::Command, sync::Arc};

use tempfile::TempDir;
use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, UnixStream},
    task::{JoinHandle, JoinSet},
};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        RootCertStore, ServerConfig,
        pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
        server::WebPkiClientVerifier,
    },
};

/// Who signs certificates.
pub(crate) struct Authority(TempDir);

impl Authority {
    pub(crate) fn new(name: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (key, certificate) = (folder.path().join("ca-key.pem"), folder.path().join("ca.pem"));
        let subject = format!("/CN={name}");
        openssl(&["-subj", &subject, "-addext", "basicConstraints=critical,CA:TRUE"], &key, &certificate);
        Self(folder)
    }

    /// A folder as `DOCKER_CERT_PATH` names it: this authority's certificate, and one signed by it.
    pub(crate) fn sign(&self, usage: &str) -> TempDir {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str| self.0.path().join(name).display().to_string();
        fs::copy(file("ca.pem"), folder.path().join("ca.pem")).unwrap();
        let usage = format!("extendedKeyUsage={usage}");
        let words = ["-subj", "/CN=test", "-addext", "subjectAltName=IP:127.0.0.1", "-addext", &usage];
        let authority = ["-addext", "basicConstraints=critical,CA:FALSE", "-CA", &file("ca.pem"), "-CAkey", &file("ca-key.pem")];
        openssl(&[&words[..], &authority].concat(), &folder.path().join("key.pem"), &folder.path().join("cert.pem"));
        folder
    }
}

fn openssl(words: &[&str], key: &Path, certificate: &Path) {
    let mut command = Command::new("openssl");
    command.args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]);
    let made = command.args(words).arg("-keyout").arg(key).arg("-out").arg(certificate).output().unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
}

/// The engine behind TLS. Gone when dropped.
pub(crate) struct TlsEngine {
    address: SocketAddr,
    serving: JoinHandle<()>,
}

impl TlsEngine {
    /// With the certificate in `server`, for clients with one of the authority that is in there, too.
    pub(crate) async fn new(server: &Path, clients: &Authority) -> Self {
        let certificates = |file: &Path| CertificateDer::pem_file_iter(file).unwrap().map(Result::unwrap);
        let mut roots = RootCertStore::empty();
        certificates(&clients.0.path().join("ca.pem")).for_each(|certificate| roots.add(certificate).unwrap());
        let verifier = WebPkiClientVerifier::builder(Arc::new(roots)).build().unwrap();
        let key = PrivateKeyDer::from_pem_file(server.join("key.pem")).unwrap();
        let config = ServerConfig::builder().with_client_cert_verifier(verifier);
        let config = config.with_single_cert(certificates(&server.join("cert.pem")).collect(), key).unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let serving = tokio::spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((client, _)) = listener.accept().await {
                let acceptor = acceptor.clone();
                connections.spawn(async move {
                    // Whoever is refused has been told so by the handshake.
                    let Ok(mut client) = acceptor.accept(client).await else { return };
                    let mut engine = UnixStream::connect("/var/run/docker.sock").await.unwrap();
                    let _ = copy_bidirectional(&mut client, &mut engine).await;
                });
                while connections.try_join_next().is_some() {}
            }
        });
        Self { address, serving }
    }

    /// In the form of `DOCKER_HOST`.
    pub(crate) fn host(&self) -> String {
        format!("tcp://{}", self.address)
    }
}

impl Drop for TlsEngine {
    fn drop(&mut self) {
        self.serving.abort();
    }
}
