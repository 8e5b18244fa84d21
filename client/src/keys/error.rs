//! What can go wrong with keys.

use std::path::PathBuf;

use vauban_crypto::keystore::KeystoreError;
use vauban_crypto::signing::SigningError;

use crate::limit::PASSPHRASE_CHARS_MIN;
use crate::state::StateError;

/// Keys that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeysError {
    /// No passphrase, or none that may be chosen.
    #[error(transparent)]
    Passphrase(#[from] PassphraseError),
    /// A locked file does not open.
    #[error("{path}: {source}")]
    Locked {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: KeystoreError,
    },
    /// The file cannot be read or written.
    #[error(transparent)]
    State(#[from] StateError),
    /// The organisation's root is not on this machine.
    #[error("the organisation's root is not on this machine")]
    NoRoot,
    /// This home's keys wait for an invite to be finished.
    #[error("this device has not been certified yet")]
    NotEnrolled,
    /// This home's keys wait for guardians.
    #[error("this device has not recovered its person's keys yet")]
    NotRecovered,
    /// The library could not make a key or sign.
    #[error(transparent)]
    Signing(#[from] SigningError),
    /// The TLS authority could not make a key or a certificate.
    #[error("TLS authority: {0}")]
    Authority(#[from] rcgen::Error),
}

/// A passphrase that is missing, or that may not be chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PassphraseError {
    /// No file was named, and nobody is there to be asked.
    #[error("no passphrase: no file was named and there is no terminal")]
    NoTerminal,
    /// The file, or the answer, is empty or not UTF-8.
    #[error("the passphrase is empty or not text")]
    Empty,
    /// Too short to be chosen.
    #[error("a passphrase has at least {PASSPHRASE_CHARS_MIN} characters")]
    TooShort,
    /// Typed differently the second time.
    #[error("the two passphrases differ")]
    Differ,
}
