//! The project's secrets, from files: what is in the environment is seen by `docker inspect`, files are not.

use std::{
    fmt, fs, io,
    path::{Path, PathBuf},
};

use project_context::ApiKeys;
use secrecy::SecretString;

/// Why there are no secrets.
#[derive(Debug, thiserror::Error)]
pub enum SecretsError {
    /// The file is not there, or not readable.
    #[error("the secret {path} can't be read; mount it, or set NODE_SECRETS_DIR to the folder that has it")]
    Unreadable {
        /// The file.
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    /// There is nothing in it.
    #[error("the secret {path} is empty")]
    Empty {
        /// The file.
        path: PathBuf,
    },
}

/// What the program has to know and never tells.
#[derive(Clone)]
pub struct Secrets {
    /// `authenticator_password`: of the database role that the services connect as.
    pub authenticator_password: SecretString,
    /// `auth_password`: of the database role that Auth connects as. Stacks of earlier versions have none.
    pub auth_password: Option<SecretString>,
    /// `jwt_secret`: what the project's tokens are signed with.
    pub jwt_secret: SecretString,
    /// `anon_key`, `service_role_key`, `publishable_keys` and `secret_keys`.
    pub keys: ApiKeys,
}

impl Secrets {
    /// Reads the files of a folder. A newline at the end is not part of a secret; the last two files have one key per line
    /// and need not be there.
    ///
    /// # Errors
    /// [`SecretsError`] of the first file that can't be used.
    pub fn read(folder: &Path) -> Result<Self, SecretsError> {
        let keys = ApiKeys::new(
            required(folder.join("anon_key"))?,
            required(folder.join("service_role_key"))?,
            several(folder.join("publishable_keys"))?,
            several(folder.join("secret_keys"))?,
        );
        Ok(Self {
            authenticator_password: required(folder.join("authenticator_password"))?,
            auth_password: several(folder.join("auth_password"))?.pop(),
            jwt_secret: required(folder.join("jwt_secret"))?,
            keys,
        })
    }
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Secrets").finish_non_exhaustive()
    }
}

fn required(path: PathBuf) -> Result<SecretString, SecretsError> {
    let text = fs::read_to_string(&path).map_err(|source| SecretsError::Unreadable { path: path.clone(), source })?;
    match text.trim_end_matches(['\r', '\n']) {
        "" => Err(SecretsError::Empty { path }),
        secret => Ok(SecretString::from(secret.to_owned())),
    }
}

fn several(path: PathBuf) -> Result<Vec<SecretString>, SecretsError> {
    match fs::read_to_string(&path) {
        Ok(text) => Ok(text
            .lines()
            .map(str::trim)
            .filter(|line| !line.is_empty())
            .map(|line| SecretString::from(line.to_owned()))
            .collect()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(source) => Err(SecretsError::Unreadable { path, source }),
    }
}

#[cfg(test)]
mod tests {
    use project_context::PresentedKey;
    use secrecy::ExposeSecret as _;

    use super::*;

    const REQUIRED: [(&str, &str); 4] = [
        ("authenticator_password", " pass word \n"),
        ("jwt_secret", "signs\r\n"),
        ("anon_key", "a.n.on"),
        ("service_role_key", "ser.vi.ce\n"),
    ];

    fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in REQUIRED.iter().chain(files) {
            fs::write(folder.path().join(name), text).unwrap();
        }
        folder
    }

    #[test]
    fn newlines_at_the_end_are_no_part_of_a_secret() {
        let secrets =
            Secrets::read(folder(&[("secret_keys", "sb_secret_1\n\nsb_secret_2\n"), ("auth_password", "auth word\n")]).path())
                .unwrap();
        assert_eq!(secrets.authenticator_password.expose_secret(), " pass word ");
        assert_eq!(secrets.auth_password.as_ref().unwrap().expose_secret(), "auth word");
        assert_eq!(secrets.jwt_secret.expose_secret(), "signs");
        assert_eq!(secrets.keys.identify("a.n.on"), Some(PresentedKey::Anon));
        assert_eq!(secrets.keys.identify("sb_secret_2"), Some(PresentedKey::Secret));
        assert_eq!(secrets.keys.identify(""), None);
        assert!(!format!("{secrets:?}").contains("signs"));
    }

    #[test]
    fn errors_name_the_file() {
        let without = folder(&[]);
        fs::remove_file(without.path().join("jwt_secret")).unwrap();
        let error = Secrets::read(without.path()).unwrap_err().to_string();
        assert!(error.contains("/jwt_secret can't be read; mount it"), "{error}");
        let error = Secrets::read(folder(&[("anon_key", "\n")]).path()).unwrap_err().to_string();
        assert!(error.ends_with("/anon_key is empty"), "{error}");
    }
}
