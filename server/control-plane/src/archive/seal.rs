//! The envelope: age's file format, for a passphrase. What is read out of it is authentic, chunk by chunk, and its end is told
//! from a cut.

use std::io::{self, Read, Write};

use age::{
    DecryptError, Decryptor, EncryptError, Encryptor, scrypt,
    stream::{StreamReader, StreamWriter},
};
use secrecy::{ExposeSecret as _, SecretString};

use super::{ArchiveError, MIN_PASSPHRASE_CHARS};

/// Work (scrypt, 2^n) for a passphrase that a person chose: 128 MiB, and half a second.
const WORK: u8 = 17;
/// Most work that is done to open one, as much as the `age` program asks for: 512 MiB.
const MAX_WORK: u8 = 19;
/// Work for a passphrase that is a key: nobody can guess it.
const NO_WORK: u8 = 1;

/// What an archive is sealed with.
#[derive(Debug, Clone)]
pub(super) struct Passphrase {
    words: SecretString,
    work: u8,
}

impl Passphrase {
    /// One that a person chose, to seal with.
    pub(super) fn chosen(words: &SecretString) -> Result<Self, ArchiveError> {
        if words.expose_secret().chars().count() < MIN_PASSPHRASE_CHARS {
            return Err(ArchiveError::ShortPassphrase);
        }
        Ok(Self { words: words.clone(), work: WORK })
    }

    /// One that a person says an archive was sealed with.
    pub(super) fn said(words: &SecretString) -> Self {
        Self { words: words.clone(), work: MAX_WORK }
    }

    /// One that is as long as a key.
    pub(super) fn key(words: SecretString) -> Self {
        Self { words, work: NO_WORK }
    }

    /// What is written to the answer is sealed and goes to `output`; `finish` ends it.
    pub(super) fn seal<W: Write>(&self, output: W) -> io::Result<StreamWriter<W>> {
        let mut recipient = scrypt::Recipient::new(self.words.clone());
        recipient.set_work_factor(self.work);
        let encryptor = Encryptor::with_recipients(std::iter::once(&recipient as &dyn age::Recipient)).map_err(refused)?;
        encryptor.wrap_output(output)
    }

    /// What is read from the answer is what was sealed.
    pub(super) fn open<R: Read>(&self, input: R) -> Result<StreamReader<R>, ArchiveError> {
        let mut identity = scrypt::Identity::new(self.words.clone());
        identity.set_max_work_factor(self.work);
        let decryptor = Decryptor::new(input).map_err(unreadable)?;
        decryptor.decrypt(std::iter::once(&identity as &dyn age::Identity)).map_err(unreadable)
    }
}

fn refused(error: EncryptError) -> io::Error {
    io::Error::other(error)
}

fn unreadable(error: DecryptError) -> ArchiveError {
    match error {
        DecryptError::DecryptionFailed | DecryptError::KeyDecryptionFailed => ArchiveError::WrongPassphrase,
        DecryptError::ExcessiveWork { required, .. } => ArchiveError::TooMuchWork(required),
        DecryptError::Io(error) => ArchiveError::NotAnArchive(error),
        // The header is malformed, or of another kind; age may come to tell more of them apart.
        other => ArchiveError::NotAnArchive(io::Error::other(other)),
    }
}
