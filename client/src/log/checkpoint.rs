//! Checkpoints: a space's whole tree at a position, so that a new device need not replay the log first (`formats#19`).
//!
//! ```text
//! sealed ops = format(2) ‖ signed checkpoint: space, position, who, tree hash, digest of the space in clear, roster, pages
//! page       = format(1) ‖ canonical list of rows, by entry        roster = format(1) ‖ organisation's head, last commits
//! ```
//! A checkpoint is a member's word: its author could lie about the tree, as it could write whatever it likes. So what starts
//! from one replays the log behind it and compares, and everyone who folds past one compares with the tree that they hold.
//! Nobody else can make one: it is signed by both of a device's keys, and that device must be allowed to write where it stands.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use vauban_protocol::canonical::{DecodeError, decode, encode};
use vauban_protocol::chain::Head;
use vauban_protocol::id::{ChunkId, DeviceId, Digest, SpaceId};
use vauban_protocol::label;
use vauban_protocol::organisation::Organisation;
use vauban_protocol::signed::{Payload, Signed};
use vauban_protocol::space::{Commit, Control, LastCommit};
use vauban_protocol::time::Timestamp;

use super::entry::{EntryId, EntryName, Kind};
use super::fold::{FOLD_VERSION, Place};
use super::op::OPS_PLAIN_BYTES_MAX;
use super::version::{ChunkRef, Version};
use crate::limit::CHECKPOINT_PAGES_MAX;

/// The first byte of sealed ops that are a checkpoint.
pub(super) const CHECKPOINT_FORMAT: u8 = 2;
/// The first byte of a page of rows, and of a roster.
const ROWS_FORMAT: u8 = 1;

/// What the author of a checkpoint signs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checkpoint {
    /// The space.
    pub space: SpaceId,
    /// The position whose tree it is: the commit's own predecessor, or one before it.
    pub at: Head,
    /// The author.
    pub device: DeviceId,
    /// When, by the author's clock: as for other commits, history shows it.
    pub made_at: Timestamp,
    /// The hash of the tree ([`TreeHasher`]).
    pub tree: Digest,
    /// The digest of the space in clear at that position.
    pub clear: Digest,
    /// The chunk that holds the [`Roster`].
    pub roster: ChunkRef,
    /// The chunks that hold the rows, in order.
    pub pages: Vec<ChunkRef>,
}

impl Payload for Checkpoint {
    const MAGIC: [u8; 3] = *b"VBT";
    const CONTEXT: &'static str = label::SIGN_CHECKPOINT;
    const BYTES_MAX: usize = OPS_PLAIN_BYTES_MAX - 1;

    fn bounded(&self) -> Result<(), DecodeError> {
        if self.pages.len() > CHECKPOINT_PAGES_MAX {
            return Err(DecodeError::TooLong);
        }
        // A chunk is named once: pages that repeat one would be loaded twice.
        let distinct: BTreeSet<_> = self.chunks().map(|chunk| chunk.id).collect();
        if distinct.len() == self.pages.len().saturating_add(1) { Ok(()) } else { Err(DecodeError::NotCanonical) }
    }
}

impl Checkpoint {
    /// Every chunk that it rests on.
    pub fn chunks(&self) -> impl Iterator<Item = &ChunkRef> {
        std::iter::once(&self.roster).chain(&self.pages)
    }
}

/// What the commits before a checkpoint have left in clear, and the outline does not show.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Roster {
    /// The organisation's head that the last commit named.
    pub org: Head,
    /// The last commit of each device.
    pub devices: BTreeMap<DeviceId, LastCommit>,
}

impl Roster {
    /// The content of its chunk.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        encode(&(ROWS_FORMAT, self))
    }

    /// Reads one.
    ///
    /// # Errors
    /// [`DecodeError`], named by the defect.
    pub fn parse(content: &[u8]) -> Result<Self, DecodeError> {
        if content.first() != Some(&ROWS_FORMAT) {
            return Err(DecodeError::Suite);
        }
        decode::<(u8, Self)>(content).map(|(_, roster)| roster)
    }
}

/// A checkpoint whose signatures and place were verified; what it says of the tree is still its author's word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VouchedCheckpoint {
    /// What it says.
    pub checkpoint: Checkpoint,
    /// The position of the commit that carries it.
    pub seq: u64,
}

/// Why a commit's checkpoint is none. Its author is at fault: honest clients write no such thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CheckpointError {
    /// Not the canonical encoding of one, or beyond its bounds.
    #[error("it does not decode: {0}")]
    Decode(#[from] DecodeError),
    /// The commit is not marked as one.
    #[error("its commit bears no mark")]
    Unmarked,
    /// It is of another space, device or position than its commit.
    #[error("it is of another place")]
    Place,
    /// Its commit does not add what it rests on.
    #[error("its pages are not in the space")]
    Pages,
    /// Not signed by both of the author's keys.
    #[error("its signature does not verify")]
    Signature,
}

impl VouchedCheckpoint {
    /// Judges what stands in the sealed ops of `commit`, whose own place and signature were verified.
    ///
    /// # Errors
    /// [`CheckpointError`].
    pub fn judge(commit: &Commit, signed: Bytes, org: &Organisation) -> Result<Self, CheckpointError> {
        if commit.control != Some(Control::Checkpoint) {
            return Err(CheckpointError::Unmarked);
        }
        let signed: Signed<Checkpoint> = Signed::parse(signed)?;
        let checkpoint = signed.payload();
        let (at, prev) = (checkpoint.at, commit.prev);
        let is_before = at.seq < prev.seq || at == prev;
        if checkpoint.space != commit.space || checkpoint.device != commit.device || !is_before {
            return Err(CheckpointError::Place);
        }
        if !checkpoint.chunks().all(|chunk| commit.adds.binary_search(&chunk.id).is_ok()) {
            return Err(CheckpointError::Pages);
        }
        let author = org.device(commit.device).ok_or(CheckpointError::Signature)?;
        signed.verify_hybrid(&author.keys).map_err(|_| CheckpointError::Signature)?;
        Ok(Self { checkpoint: signed.payload().clone(), seq: prev.seq.saturating_add(1) })
    }

    /// The chunks that must stay while this is the last checkpoint.
    pub fn chunk_ids(&self) -> impl Iterator<Item = ChunkId> {
        self.checkpoint.chunks().map(|chunk| chunk.id)
    }
}

/// The bytes that are sealed into a checkpoint's commit.
#[must_use]
pub fn encode_checkpoint(signed: &Signed<Checkpoint>) -> Vec<u8> {
    [&[CHECKPOINT_FORMAT], signed.bytes().as_ref()].concat()
}

/// One live entry, as a page lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// Which.
    pub entry: EntryId,
    /// Where it is, and what.
    pub place: Place,
    /// Its content; none for a folder, and for what nothing was written to yet.
    pub version: Option<Version>,
}

/// Why a page is none. Its author is at fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RowsError {
    /// Not the canonical encoding of a page.
    #[error("the page does not decode: {0}")]
    Decode(#[from] DecodeError),
    /// It lists nothing, or not in ascending order: an entry would stand twice.
    #[error("the page's entries are not in order")]
    Order,
    /// An entry that the fold would never let into a tree.
    #[error("the page holds an entry that cannot be")]
    Entry,
}

/// A row as it is encoded, before it is judged.
type RawRow = (EntryId, EntryId, Vec<u8>, Kind, Option<Version>);

/// Appends a row to `rows`, as pages hold it; `version` is encoded already.
pub fn push_row(rows: &mut Vec<u8>, entry: EntryId, parent: EntryId, name: &str, kind: Kind, version: Option<&[u8]>) {
    rows.extend_from_slice(&encode(&(entry, parent, name.as_bytes(), kind)));
    rows.push(u8::from(version.is_some()));
    rows.extend_from_slice(version.unwrap_or_default());
}

/// The content of a page of `count` rows.
#[must_use]
pub fn encode_rows(count: u64, rows: &[u8]) -> Vec<u8> {
    let mut content = encode(&(ROWS_FORMAT, count));
    content.extend_from_slice(rows);
    content
}

/// What a page lists, and the bytes of it that count for the tree's hash. That parents are live folders, and names taken once, only the whole tree shows.
///
/// # Errors
/// [`RowsError`].
pub fn decode_rows(content: &[u8]) -> Result<(Vec<Row>, &[u8]), RowsError> {
    if content.first() != Some(&ROWS_FORMAT) {
        return Err(DecodeError::Suite.into());
    }
    let (_, raw): (u8, Vec<RawRow>) = decode(content)?;
    if raw.is_empty() || !raw.is_sorted_by(|(a, ..), (b, ..)| a < b) {
        return Err(RowsError::Order);
    }
    let prefix = encode(&(ROWS_FORMAT, raw.len() as u64)).len();
    let rows = raw.into_iter().map(judge_row).collect::<Result<_, _>>()?;
    Ok((rows, content.get(prefix..).unwrap_or_default()))
}

fn judge_row((entry, parent, name, kind, version): RawRow) -> Result<Row, RowsError> {
    let name = EntryName::parse(&name).map_err(|_| RowsError::Entry)?;
    let fits = match (&version, kind) {
        (Some(_), Kind::Folder) => false,
        (Some(version), _) => version.is_bounded(),
        (None, _) => true,
    };
    if entry == EntryId::ROOT || entry == parent || !fits {
        return Err(RowsError::Entry);
    }
    Ok(Row { entry, place: Place { parent, name, kind }, version })
}

/// The hash of a tree: of its rows, by entry, whatever pages they stand in and whatever ops led to them.
#[derive(Debug, Clone)]
pub struct TreeHasher {
    hasher: blake3::Hasher,
    count: u64,
}

impl TreeHasher {
    /// Begins with the tree that holds nothing.
    #[must_use]
    pub fn new(space: SpaceId) -> Self {
        let mut hasher = blake3::Hasher::new();
        hasher.update(label::HASH_TREE.as_bytes()).update(&[0]);
        hasher.update(&space.0).update(&FOLD_VERSION.to_le_bytes());
        Self { hasher, count: 0 }
    }

    /// Takes the next rows, as [`push_row`] encodes them.
    pub fn update(&mut self, count: u64, rows: &[u8]) {
        self.count = self.count.saturating_add(count);
        self.hasher.update(rows);
    }

    /// The hash of all that was taken.
    #[must_use]
    pub fn finish(&self) -> Digest {
        Digest(*self.hasher.clone().update(&self.count.to_le_bytes()).finalize().as_bytes())
    }
}

#[cfg(test)]
mod tests;
