//! Entries of a space's tree: their identifiers, kinds and names.

use std::fmt;

use data_encoding::HEXLOWER;
use serde::{Deserialize, Serialize};

use crate::limit::NAME_BYTES_MAX;
use crate::plain::Plain;

/// Hex digits that are printed of an entry: enough to tell apart in messages.
const SHORT_HEX_DIGITS: usize = 12;

/// An entry of a space's tree: random, so that a rename keeps it (`formats#15`).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct EntryId(pub [u8; 16]);

impl EntryId {
    /// The folder that every other entry lies in. It exists from the genesis on; no op can name it as its entry.
    pub const ROOT: Self = Self([0; 16]);
}

impl fmt::Debug for EntryId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hex = HEXLOWER.encode(&self.0);
        write!(f, "EntryId({})", hex.get(..SHORT_HEX_DIGITS).unwrap_or_default())
    }
}

impl fmt::Display for EntryId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hex = HEXLOWER.encode(&self.0);
        f.write_str(hex.get(..SHORT_HEX_DIGITS).unwrap_or_default())
    }
}

/// What an entry is. New variants are added at the end only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Kind {
    /// Holds content.
    File,
    /// Holds entries.
    Folder,
    /// Holds the path it points to, as content. Nobody follows it.
    Symlink,
}

/// A name within a folder: UTF-8, at most [`NAME_BYTES_MAX`] bytes, without separator or NUL, neither `.` nor `..`
/// (`formats#17`).
///
/// That is all a name promises. What it would do to a disk is judged where it is written ([`crate::tree`]).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EntryName(Box<str>);

/// Bytes that are no entry's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// Nothing at all.
    #[error("a name is empty")]
    Empty,
    /// Longer than [`NAME_BYTES_MAX`].
    #[error("a name is longer than {NAME_BYTES_MAX} bytes")]
    TooLong,
    /// Not UTF-8.
    #[error("a name is not UTF-8")]
    NotUtf8,
    /// `.`, `..`, a separator or NUL: it would name another place.
    #[error("a name would lead elsewhere")]
    Path,
}

impl EntryName {
    /// Judges `bytes` as a name.
    ///
    /// # Errors
    /// [`NameError`], named by the defect.
    pub fn parse(bytes: &[u8]) -> Result<Self, NameError> {
        if bytes.is_empty() {
            return Err(NameError::Empty);
        }
        if bytes.len() > NAME_BYTES_MAX {
            return Err(NameError::TooLong);
        }
        let name = std::str::from_utf8(bytes).map_err(|_| NameError::NotUtf8)?;
        // A backslash separates on some disks: an entry that names a path on one machine names a path on none.
        if name == "." || name == ".." || name.contains(['/', '\\', '\0']) {
            return Err(NameError::Path);
        }
        Ok(Self(name.into()))
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// For people: what commands whatever shows it is shown as an escape.
impl fmt::Display for EntryName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&Plain(&self.0), f)
    }
}

impl fmt::Debug for EntryName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", &self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_lead_elsewhere_are_none() {
        for (bytes, error) in [
            (&b""[..], NameError::Empty),
            (b".", NameError::Path),
            (b"..", NameError::Path),
            (b"a/b", NameError::Path),
            (b"a\\b", NameError::Path),
            (b"/etc", NameError::Path),
            (b"a\0", NameError::Path),
            (b"\xff", NameError::NotUtf8),
            (&[b'a'; 256], NameError::TooLong),
        ] {
            assert_eq!(EntryName::parse(bytes), Err(error), "{bytes:?}");
        }
        for name in ["a", "...", "-rf", "Été 2026.odt", "a b", "~"] {
            assert_eq!(EntryName::parse(name.as_bytes()).unwrap().as_str(), name);
        }
        assert!(EntryName::parse(&[b'a'; 255]).is_ok());
        // Others choose names: none commands this terminal.
        let hostile = EntryName::parse("a\u{1b}[31m\nb\u{9b}é".as_bytes()).unwrap();
        assert_eq!(hostile.to_string(), "a\\u{1b}[31m\\nb\\u{9b}é");
        let turning = EntryName::parse("facture\u{202e}gpj.exe".as_bytes()).unwrap();
        assert_eq!(turning.to_string(), "facture\\u{202e}gpj.exe", "reads as it is, not as facture exe.jpg");
    }
}
