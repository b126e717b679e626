//! Ways to a server: by which address, from which address, and whether in TLS.

use std::{
    fmt, io,
    net::{IpAddr, SocketAddr},
    sync::Arc,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, BufReader},
    net::TcpSocket,
};
use tokio_rustls::{
    TlsConnector,
    rustls::{
        ClientConfig, RootCertStore,
        pki_types::{CertificateDer, ServerName, pem::PemObject as _},
    },
};

/// An open connection, whatever it is made of.
pub(crate) type Connection = BufReader<Box<dyn Duplex>>;

pub(crate) trait Duplex: AsyncRead + AsyncWrite + fmt::Debug + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + fmt::Debug + Send + Unpin> Duplex for T {}

/// How a client comes to a server.
#[derive(Debug, Clone)]
pub(crate) struct Way {
    to: SocketAddr,
    from: Option<IpAddr>,
    tls: Option<Tls>,
}

#[derive(Debug, Clone)]
struct Tls {
    name: String,
    config: Arc<ClientConfig>,
}

impl From<SocketAddr> for Way {
    fn from(to: SocketAddr) -> Self {
        Self { to, from: None, tls: None }
    }
}

impl Way {
    /// The same way from another address of this machine.
    pub(crate) fn starting_at(mut self, address: impl Into<IpAddr>) -> Self {
        self.from = Some(address.into());
        self
    }

    /// In TLS, to the server of this name, whose certificate must be one of these or signed by one.
    pub(crate) fn tls(mut self, name: &str, certificates: &[u8]) -> Self {
        let mut roots = RootCertStore::empty();
        for certificate in CertificateDer::pem_slice_iter(certificates) {
            roots.add(certificate.unwrap()).unwrap();
        }
        let config = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
        self.tls = Some(Tls { name: name.to_owned(), config: Arc::new(config) });
        self
    }

    /// What a client names as host.
    pub(crate) fn host(&self) -> String {
        match &self.tls {
            Some(tls) => format!("{}:{}", tls.name, self.to.port()),
            None => self.to.to_string(),
        }
    }

    pub(crate) async fn connect(&self) -> io::Result<Connection> {
        let socket = if self.to.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
        if let Some(from) = self.from {
            socket.bind(SocketAddr::new(from, 0))?;
        }
        let stream = socket.connect(self.to).await?;
        let stream: Box<dyn Duplex> = match &self.tls {
            Some(tls) => {
                let name = ServerName::try_from(tls.name.clone()).unwrap();
                Box::new(TlsConnector::from(Arc::clone(&tls.config)).connect(name, stream).await?)
            }
            None => Box::new(stream),
        };
        Ok(BufReader::new(stream))
    }
}
