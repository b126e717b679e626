//! The key that every secret is sealed under: from the environment, or a generated file that only its owner reads.

use std::{
    fs,
    io::Write as _,
    os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _},
    path::Path,
};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use secrecy::{ExposeSecret as _, SecretString};

use crate::error::StartError;

/// 32 bytes under which secrets are sealed.
#[derive(Clone)]
pub struct MasterKey {
    bytes: [u8; 32],
    origin: &'static str,
}

impl std::fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MasterKey").field("origin", &self.origin).finish_non_exhaustive()
    }
}

impl MasterKey {
    /// Takes the key from `configured` (64 hexadecimal digits or base64 of 32 bytes), else from the file. A missing file is
    /// made, with mode 0600, only where `may_generate` says that nothing has been sealed yet.
    pub fn load(configured: Option<&SecretString>, file: &Path, may_generate: bool) -> Result<Self, StartError> {
        if let Some(text) = configured {
            let bytes = parse(text.expose_secret()).ok_or(StartError::MalformedMasterKey)?;
            return Ok(Self { bytes, origin: "SUPACLOUD_MASTER_KEY" });
        }
        let path = || file.display().to_string();
        match fs::read_to_string(file) {
            Ok(text) => {
                let bytes = parse(&text).ok_or_else(|| StartError::MalformedKeyFile { path: path() })?;
                restrict(file).map_err(|source| StartError::DataDir { path: path(), source })?;
                Ok(Self { bytes, origin: "the key file" })
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound && may_generate => {
                let bytes: [u8; 32] = rand::random();
                write(file, &bytes).map_err(|source| StartError::DataDir { path: path(), source })?;
                Ok(Self { bytes, origin: "the key file" })
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Err(StartError::LostMasterKey { path: path() }),
            Err(source) => Err(StartError::DataDir { path: path(), source }),
        }
    }

    #[cfg(test)]
    pub(crate) const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self { bytes, origin: "a test" }
    }

    /// Where the key came from, for messages.
    #[must_use]
    pub const fn origin(&self) -> &'static str {
        self.origin
    }

    /// A key for another purpose, derived from this one: 64 bytes, different for every purpose and context.
    #[must_use]
    pub fn derive(&self, purpose: &str, context: &[u8]) -> [u8; 64] {
        use sha2::{Digest as _, Sha512};
        let mut hash = Sha512::new();
        hash.update(self.bytes);
        hash.update(Sha512::digest(purpose.as_bytes()));
        hash.update(Sha512::digest(context));
        hash.finalize().into()
    }

    pub(super) const fn bytes(&self) -> &[u8; 32] {
        &self.bytes
    }
}

fn parse(text: &str) -> Option<[u8; 32]> {
    let text = text.trim();
    let bytes = if text.len() == 64 { hex::decode(text).ok()? } else { BASE64_STANDARD.decode(text).ok()? };
    bytes.try_into().ok()
}

/// Writes the key durably under a temporary name first, so that a crash never leaves half a key.
fn write(file: &Path, bytes: &[u8; 32]) -> std::io::Result<()> {
    let temporary = file.with_extension("new");
    let _ = fs::remove_file(&temporary);
    let mut new = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&temporary)?;
    writeln!(new, "{}", hex::encode(bytes))?;
    new.sync_all()?;
    fs::rename(&temporary, file)?;
    match file.parent() {
        Some(parent) => fs::File::open(parent)?.sync_all(),
        None => Ok(()),
    }
}

fn restrict(file: &Path) -> std::io::Result<()> {
    let mode = fs::metadata(file)?.permissions().mode();
    if mode & 0o077 != 0 {
        tracing::warn!(file = %file.display(), "the master key file was readable by others; its mode is now 0600");
        fs::set_permissions(file, fs::Permissions::from_mode(0o600))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn generates_a_private_file_once_and_reads_it_again() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("master.key");
        assert!(matches!(MasterKey::load(None, &file, false), Err(StartError::LostMasterKey { .. })));
        assert!(!file.exists());
        let first = MasterKey::load(None, &file, true).unwrap();
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        let second = MasterKey::load(None, &file, false).unwrap();
        assert_eq!(first.bytes(), second.bytes());
    }

    #[test]
    fn takes_hex_and_base64_and_refuses_the_rest() {
        let file = Path::new("/nonexistent/master.key");
        let load = |text: &str| MasterKey::load(Some(&SecretString::from(text.to_owned())), file, false);
        assert_eq!(load(&"ab".repeat(32)).unwrap().bytes(), &[0xab; 32]);
        assert_eq!(load(&BASE64_STANDARD.encode([7; 32])).unwrap().bytes(), &[7; 32]);
        for bad in ["", "short", &"zz".repeat(32), &"ab".repeat(31)] {
            assert!(matches!(load(bad), Err(StartError::MalformedMasterKey)), "{bad:?}");
        }
    }

    #[test]
    fn a_damaged_file_is_named_and_kept() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("master.key");
        fs::write(&file, "garbage").unwrap();
        assert!(matches!(MasterKey::load(None, &file, true), Err(StartError::MalformedKeyFile { .. })));
        assert_eq!(fs::read_to_string(&file).unwrap(), "garbage");
    }

    #[test]
    fn derived_keys_differ_by_purpose_and_context() {
        let key = MasterKey::from_bytes([1; 32]);
        assert_ne!(key.derive("session", b"a"), key.derive("session", b"b"));
        assert_ne!(key.derive("session", b"a"), key.derive("other", b"a"));
    }
}
