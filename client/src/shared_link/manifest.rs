//! What a link shows: names, lengths, chunks, and what opens them. Only its secret opens the manifest.
//!
//! The bytes are for two readers, this client and a browser's page, so they are simple: canonical postcard, whose few shapes stand
//! in `client/SPEC.md`. Whoever made the link may be hostile to whoever opens it: names are judged before they reach a disk.

use serde::{Deserialize, Serialize};
use vauban_crypto::chunk::ChunkSecret;
use vauban_protocol::canonical::{DecodeError, decode, encode};
use vauban_protocol::id::{ChunkId, Digest};
use vauban_protocol::limit::{CHUNK_PLAIN_BYTES_MAX, LINK_MANIFEST_CHUNKS_MAX};

use crate::bounded::{self, Weighed};
use crate::limit::{LINK_ENTRIES_MAX, LINK_LABEL_PATH_BYTES, LINK_NAMES_MAX, LINK_PATH_NAMES_MAX};
use crate::log::{EntryName, Kind, NameError};

/// The first byte of a head, of a manifest and of a label.
const FORMAT: u8 = 1;

/// What a link shows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    format: u8,
    /// The name of what is shared: the first one of every path.
    pub name: String,
    /// Files and folders, each folder before what is in it.
    #[serde(deserialize_with = "bounded::lists::<_, _, LINK_ENTRIES_MAX, LINK_NAMES_MAX>")]
    pub entries: Vec<ManifestEntry>,
}

/// A file or folder of a link.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ManifestEntry {
    /// Its names, from the shared thing's on.
    #[serde(deserialize_with = "bounded::list::<_, _, LINK_PATH_NAMES_MAX>")]
    pub path: Vec<String>,
    /// What it is; never a symbolic link.
    pub kind: Kind,
    /// Whether its owner may execute it.
    pub executable: bool,
    /// When it was last changed, in nanoseconds since 1970.
    pub mtime_ns: i64,
    /// BLAKE3 of its content; zeros for a folder.
    pub content: Digest,
    /// Bytes of its content.
    pub bytes: u64,
    /// Its chunks, in order.
    pub chunks: Vec<LinkChunk>,
}

/// A chunk, and what opens it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkChunk {
    /// Its address.
    pub id: ChunkId,
    /// What opens it.
    pub secret: ChunkSecret,
    /// Bytes of its content.
    pub plain_bytes: u32,
}

/// Where the manifest is: its chunks, in order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    format: u8,
    /// The chunks of the manifest.
    pub chunks: Vec<LinkChunk>,
}

/// What members see of a link.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Label {
    format: u8,
    /// What is shared: a path of the space.
    pub path: String,
    /// Whether it asks for a password.
    pub has_password: bool,
}

/// A manifest, head or label that is none. Whoever made the link is at fault.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ManifestError {
    /// Not its canonical encoding.
    #[error("it does not decode: {0}")]
    Decode(#[from] DecodeError),
    /// A bound is passed, or lengths do not add up.
    #[error("it breaks a bound")]
    Bound,
    /// A name that would lead elsewhere.
    #[error("a name in it: {0}")]
    Name(#[from] NameError),
}

impl Manifest {
    /// A manifest of these entries.
    #[must_use]
    pub fn new(name: String, entries: Vec<ManifestEntry>) -> Self {
        Self { format: FORMAT, name, entries }
    }

    /// Its bytes.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        encode(self)
    }

    /// Reads one, and holds it to its bounds.
    ///
    /// # Errors
    /// [`ManifestError`].
    pub fn parse(bytes: &[u8]) -> Result<Self, ManifestError> {
        formatted(bytes)?;
        let manifest: Self = decode(bytes)?;
        EntryName::parse(manifest.name.as_bytes())?;
        manifest.entries.iter().try_for_each(|entry| entry.judge(&manifest.name))?;
        Ok(manifest)
    }

    /// Whether it is within the bounds to which whoever opens it holds it.
    #[must_use]
    pub fn is_bounded(&self) -> bool {
        let names = self.entries.iter().fold(0usize, |sum, entry| sum.saturating_add(entry.weight()));
        self.entries.len() <= LINK_ENTRIES_MAX
            && names <= LINK_NAMES_MAX
            && self.entries.iter().all(|entry| entry.path.len() <= LINK_PATH_NAMES_MAX)
    }

    /// Bytes of all files.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.entries.iter().fold(0, |sum, entry| sum.saturating_add(entry.bytes))
    }

    /// How many of its entries are files.
    #[must_use]
    pub fn files(&self) -> usize {
        self.entries.iter().filter(|entry| entry.kind == Kind::File).count()
    }
}

impl ManifestEntry {
    /// Its names.
    ///
    /// # Errors
    /// [`NameError`] of one that is none.
    pub fn names(&self) -> Result<Vec<EntryName>, NameError> {
        self.path.iter().map(|name| EntryName::parse(name.as_bytes())).collect()
    }

    fn judge(&self, top: &str) -> Result<(), ManifestError> {
        self.names()?;
        let bytes: u64 = self.chunks.iter().map(|chunk| u64::from(chunk.plain_bytes)).sum();
        let is_sound = self.path.first().is_some_and(|first| first == top)
            && self.kind != Kind::Symlink
            && (self.kind == Kind::File || self.chunks.is_empty())
            && bytes == self.bytes
            && self.chunks.iter().all(|chunk| chunk.plain_bytes as usize <= CHUNK_PLAIN_BYTES_MAX);
        if is_sound { Ok(()) } else { Err(ManifestError::Bound) }
    }
}

impl Weighed for ManifestEntry {
    fn weight(&self) -> usize {
        self.path.len()
    }
}

impl Head {
    /// A head of a manifest's chunks.
    #[must_use]
    pub fn new(chunks: Vec<LinkChunk>) -> Self {
        Self { format: FORMAT, chunks }
    }

    /// Its bytes.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        encode(self)
    }

    /// Reads one.
    ///
    /// # Errors
    /// [`ManifestError`].
    pub fn parse(bytes: &[u8]) -> Result<Self, ManifestError> {
        formatted(bytes)?;
        let head: Self = decode(bytes)?;
        let is_bounded = !head.chunks.is_empty() && head.chunks.len() <= LINK_MANIFEST_CHUNKS_MAX;
        if is_bounded { Ok(head) } else { Err(ManifestError::Bound) }
    }
}

impl Label {
    /// What a link to `path` shows.
    #[must_use]
    pub fn new(path: &str, has_password: bool) -> Self {
        let mut start = path.len().saturating_sub(LINK_LABEL_PATH_BYTES);
        while !path.is_char_boundary(start) {
            start = start.saturating_add(1);
        }
        Self { format: FORMAT, path: path.get(start..).unwrap_or_default().to_owned(), has_password }
    }

    /// Its bytes.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        encode(self)
    }

    /// Reads one.
    ///
    /// # Errors
    /// [`ManifestError`].
    pub fn parse(bytes: &[u8]) -> Result<Self, ManifestError> {
        formatted(bytes)?;
        Ok(decode(bytes)?)
    }
}

fn formatted(bytes: &[u8]) -> Result<(), DecodeError> {
    if bytes.first() == Some(&FORMAT) { Ok(()) } else { Err(DecodeError::Suite) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &[&str]) -> ManifestEntry {
        ManifestEntry {
            path: path.iter().map(|name| (*name).to_owned()).collect(),
            kind: Kind::File,
            executable: false,
            mtime_ns: -1,
            content: Digest([7; 32]),
            bytes: 3,
            chunks: vec![LinkChunk { id: ChunkId([1; 32]), secret: ChunkSecret::from_bytes([2; 32]), plain_bytes: 3 }],
        }
    }

    #[test]
    fn a_manifest_is_read_back() {
        let manifest = Manifest::new("Budget".into(), vec![file(&["Budget", "été.ods"])]);
        assert_eq!(Manifest::parse(&manifest.to_bytes()).unwrap(), manifest);
        assert_eq!((manifest.bytes(), manifest.files()), (3, 1));
    }

    /// Fails if a name of a hostile link's leads out of the folder that it is written to, or lengths lie.
    #[test]
    fn what_would_lead_elsewhere_is_refused() {
        for path in [&["Budget", ".."][..], &["Budget", "a/b"], &["..", "a"], &["Other"], &[]] {
            let manifest = Manifest::new("Budget".into(), vec![file(path)]);
            assert!(Manifest::parse(&manifest.to_bytes()).is_err(), "{path:?}");
        }
        assert!(Manifest::parse(&Manifest::new("..".into(), vec![]).to_bytes()).is_err());
        let lies = ManifestEntry { bytes: 4, ..file(&["Budget"]) };
        assert!(Manifest::parse(&Manifest::new("Budget".into(), vec![lies]).to_bytes()).is_err());
        let link = ManifestEntry { kind: Kind::Symlink, ..file(&["Budget"]) };
        assert!(Manifest::parse(&Manifest::new("Budget".into(), vec![link]).to_bytes()).is_err());
    }

    /// Fails if a manifest of empty names or entries becomes something many times its own length before it is refused.
    #[test]
    fn lists_are_held_to_their_bounds_as_they_are_read() {
        let deep = |names: usize| {
            let path = std::iter::repeat_n("Budget", names).collect::<Vec<_>>();
            Manifest::parse(&Manifest::new("Budget".into(), vec![file(&path)]).to_bytes())
        };
        assert!(deep(LINK_PATH_NAMES_MAX).is_ok());
        assert!(matches!(deep(LINK_PATH_NAMES_MAX + 1), Err(ManifestError::Decode(_))));
        let entries = Manifest::new("B".into(), vec![file(&["B"]); LINK_ENTRIES_MAX + 1]);
        assert!(!entries.is_bounded());
        assert!(matches!(Manifest::parse(&entries.to_bytes()), Err(ManifestError::Decode(_))));
        // Neither has too many entries, nor a path of too many names: their sum is what takes memory.
        let wide = |entries: usize| Manifest::new("B".into(), vec![file(&["B"; LINK_PATH_NAMES_MAX]); entries]);
        let most = wide(LINK_NAMES_MAX / LINK_PATH_NAMES_MAX);
        assert!(most.is_bounded() && Manifest::parse(&most.to_bytes()).is_ok());
        drop(most);
        let more = wide(LINK_NAMES_MAX / LINK_PATH_NAMES_MAX + 1);
        assert!(!more.is_bounded() && more.entries.len() < LINK_ENTRIES_MAX);
        assert!(matches!(Manifest::parse(&more.to_bytes()), Err(ManifestError::Decode(_))));
    }

    /// The bytes that the page reads, too (`client/SPEC.md`).
    #[test]
    fn the_bytes_of_a_manifest_are_frozen() {
        let bytes = Manifest::new("B".into(), vec![file(&["B"])]).to_bytes();
        let written = [&[1, 1, b'B', 1, 1, 1, b'B', 0, 0, 1][..], &[7; 32], &[3, 1], &[1; 32], &[2; 32], &[3]].concat();
        assert_eq!(bytes, written);
    }
}
