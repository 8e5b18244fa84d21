//! Where a passphrase comes from: a file that is named, else a person at the terminal. Never an argument or an environment
//! variable's value, which other processes can read.

use std::io::IsTerminal;
use std::path::PathBuf;

use zeroize::Zeroizing;

use crate::keys::{KeysError, PassphraseError};
use crate::limit::{PASSPHRASE_CHARS_MIN, SMALL_FILE_BYTES_MAX};
use crate::state::{StateError, read_bounded};

/// A passphrase; prints as `****`, and is wiped when dropped.
#[derive(Clone)]
pub struct Passphrase(Zeroizing<String>);

/// Where to get a passphrase from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PassphraseSource {
    /// The first line of this file.
    File(PathBuf),
    /// Whoever sits at the terminal.
    Prompt,
}

impl PassphraseSource {
    /// The file if one was named, else the terminal.
    #[must_use]
    pub fn of(file: Option<&PathBuf>) -> Self {
        file.map_or(Self::Prompt, |file| Self::File(file.clone()))
    }

    /// The passphrase of something that exists already.
    ///
    /// # Errors
    /// [`KeysError`].
    pub fn read(&self, question: &str) -> Result<Passphrase, KeysError> {
        let text = match self {
            Self::File(path) => {
                let content = read_bounded(path, SMALL_FILE_BYTES_MAX)?
                    .map(Zeroizing::new)
                    .ok_or_else(|| StateError::io(path)(std::io::ErrorKind::NotFound.into()))?;
                let line = content.split(|byte| *byte == b'\n').next().unwrap_or_default();
                let line = line.strip_suffix(b"\r").unwrap_or(line);
                Zeroizing::new(std::str::from_utf8(line).map_err(|_| PassphraseError::Empty)?.to_owned())
            }
            Self::Prompt => ask(question)?,
        };
        if text.is_empty() { Err(PassphraseError::Empty.into()) } else { Ok(Passphrase(text)) }
    }

    /// A new passphrase: long enough, and typed twice.
    ///
    /// # Errors
    /// [`KeysError`].
    pub fn choose(&self, question: &str, again: &str) -> Result<Passphrase, KeysError> {
        let chosen = self.read(question)?;
        if chosen.0.chars().count() < PASSPHRASE_CHARS_MIN {
            return Err(PassphraseError::TooShort.into());
        }
        if *self == Self::Prompt && *ask(again)? != *chosen.0 {
            return Err(PassphraseError::Differ.into());
        }
        Ok(chosen)
    }
}

fn ask(question: &str) -> Result<Zeroizing<String>, PassphraseError> {
    if !std::io::stdin().is_terminal() {
        return Err(PassphraseError::NoTerminal);
    }
    rpassword::prompt_password(format!("{question} ")).map(Zeroizing::new).map_err(|_| PassphraseError::NoTerminal)
}

impl Passphrase {
    /// The text, for locking and unlocking alone.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Passphrase {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("****")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(content: &[u8]) -> (tempfile::TempDir, PassphraseSource) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("passphrase");
        std::fs::write(&path, content).unwrap();
        (folder, PassphraseSource::File(path))
    }

    #[test]
    fn first_line_counts() {
        let (_folder, source) = file("une phrase très secrète\r\nrest\n".as_bytes());
        let passphrase = source.read("").unwrap();
        assert_eq!(passphrase.expose(), "une phrase très secrète");
        assert_eq!(format!("{passphrase:?}"), "****");
    }

    #[test]
    fn empty_short_and_missing_are_refused() {
        assert!(matches!(file(b"\n").1.read(""), Err(KeysError::State(_) | KeysError::Passphrase(_))));
        let (_folder, short) = file(b"onze signes");
        assert!(short.read("").is_ok(), "an old one may be short");
        assert!(matches!(short.choose("", ""), Err(KeysError::Passphrase(PassphraseError::TooShort))));
        let (_folder, binary) = file(&[0xff; 20]);
        assert!(matches!(binary.read(""), Err(KeysError::Passphrase(PassphraseError::Empty))));
    }
}
