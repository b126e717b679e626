//! The way to an engine by tcp with TLS, in which both sides show a certificate of one authority's: the engine's must be signed
//! by `ca.pem` and by nobody else. bollard itself would believe whomever this machine believes, too, and so give a project's
//! secrets to whoever has any public certificate for the engine's name.

use std::{io, path::Path, sync::Arc};

use bollard::{Docker, errors::Error};
use hyper_rustls::HttpsConnectorBuilder;
use tokio_rustls::rustls::{
    ClientConfig, RootCertStore,
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
};

use super::engine::{over, said};

/// A client of the engine at `tcp://host:port`, by `ca.pem`, `cert.pem` and `key.pem` in the folder. Connects when it is asked
/// something.
pub(super) fn client(host: &str, folder: &Path, seconds: u64) -> Result<Docker, Error> {
    let connector = HttpsConnectorBuilder::new().with_tls_config(config(folder)?).https_only().enable_http1().build();
    over(connector, &host.replacen("tcp://", "https://", 1), seconds)
}

fn config(folder: &Path) -> Result<ClientConfig, Error> {
    let file = |name: &str| folder.join(name);
    let unusable = |name: &str, why: &dyn std::fmt::Display| said(format!("{} can't be used: {why}", file(name).display()));
    let certificates = |name: &str| -> Result<Vec<CertificateDer<'static>>, Error> {
        let text = std::fs::read(file(name)).map_err(|error| unusable(name, &error))?;
        let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&text).collect();
        match read {
            Ok(read) if read.is_empty() => Err(unusable(name, &"there is no certificate in it")),
            read => read.map_err(|error| unusable(name, &error)),
        }
    };
    let mut roots = RootCertStore::empty();
    for certificate in certificates("ca.pem")? {
        roots.add(certificate).map_err(|error| unusable("ca.pem", &error))?;
    }
    let text = std::fs::read(file("key.pem")).map_err(|error| unusable("key.pem", &error))?;
    let key = PrivateKeyDer::from_pem_slice(&text).map_err(|error| unusable("key.pem", &error))?;
    ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| Error::from(io::Error::other(error)))?
        .with_root_certificates(roots)
        .with_client_auth_cert(certificates("cert.pem")?, key)
        .map_err(|error| unusable("cert.pem", &error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_can_not_be_used_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let said = |folder: &Path| config(folder).unwrap_err().to_string();
        assert!(said(folder.path()).contains("ca.pem can't be used"), "{}", said(folder.path()));
        std::fs::write(folder.path().join("ca.pem"), "no certificate").unwrap();
        assert!(said(folder.path()).contains("no certificate in it"), "{}", said(folder.path()));
    }
}
