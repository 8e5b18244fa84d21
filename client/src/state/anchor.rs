//! The anchor: the small state of this machine that no node and no cache can give back.
//!
//! It holds what makes a lie detectable (the pinned fingerprint, the heads seen) and what makes a counter never be used twice
//! (counters, outboxes). Invariants: each change is on disk before [`Anchor::update`] returns; a reader sees a whole old
//! record or a whole new one; a damaged anchor is an error, and is never begun anew by itself.
//!
//! ```text
//! "VBH" ‖ version(1) ‖ canonical record ‖ BLAKE3 of everything before (32)
//! ```

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use serde::{Deserialize, Serialize};
use vauban_protocol::canonical::{decode, encode};
use vauban_protocol::chain::Head;
use vauban_protocol::id::{Digest, Fingerprint, SpaceId};
use vauban_protocol::time::Timestamp;

use crate::limit::ANCHOR_BYTES_MAX;
use crate::state::{Home, Selection, StateError, create_new, read_bounded, replace};

const MAGIC: [u8; 3] = *b"VBH";
const VERSION: u8 = 3;

/// What the anchor holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AnchorRecord {
    /// The organisation, pinned when this device joined or founded it.
    pub fingerprint: Fingerprint,
    /// The furthest position of the organisation's chain that this device has verified; it never goes down.
    pub org: Head,
    /// Since when no node reaches that position, where that is so.
    pub behind_since: Option<Timestamp>,
    /// Addresses of nodes, `host:port`, the last good one first.
    pub servers: Vec<String>,
    /// What is known of each space.
    pub spaces: BTreeMap<SpaceId, SpaceAnchor>,
    /// Which part of a space this device keeps, where that is not everything.
    pub selections: BTreeMap<SpaceId, Selection>,
}

/// What cannot be rebuilt of one space.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SpaceAnchor {
    /// The furthest position of the space's chain that this device has verified; it goes down only to where the root has reanchored it.
    pub head: Option<Head>,
    /// The position of the organisation's chain up to which such reanchoring was followed.
    pub reanchored_by: u64,
    /// Where the log was set back to so, until it was read anew: the counter is that of a log that is no more.
    pub set_back_to: Option<Head>,
    /// Commits of this device in this space that are known to stand in its chain.
    pub counter: u64,
    /// The signed commit that is to be sent until it is answered.
    pub outbox: Option<Outbox>,
    /// Since when no node reaches `head`, where that is so.
    pub behind_since: Option<Timestamp>,
    /// A position that was verified before this device started from a checkpoint that lies after it: the log behind, which is
    /// still to be replayed, must pass it.
    pub owed: Option<Head>,
    /// The folder that is kept in step with the space, where there is one.
    pub folder: Option<PathBuf>,
}

/// A signed commit that has not been answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outbox {
    /// Its counter.
    pub counter: u64,
    /// The signed commit, to be sent as it is.
    pub commit: Vec<u8>,
}

/// The anchor of one home. Cheap to share between tasks; changes from several processes do not lose each other.
#[derive(Debug)]
pub struct Anchor {
    home: Home,
    last: Mutex<AnchorRecord>,
}

impl Anchor {
    /// Begins the anchor of a new home.
    ///
    /// # Errors
    /// [`StateError::Exists`] if there is one.
    pub fn create(home: &Home, record: AnchorRecord) -> Result<Self, StateError> {
        create_new(&home.anchor(), &to_bytes(&record))?;
        Ok(Self { home: home.clone(), last: Mutex::new(record) })
    }

    /// Reads the anchor of a home.
    ///
    /// # Errors
    /// [`StateError::NoHome`] if there is none; [`StateError::Damaged`] or [`StateError::Later`] if it cannot be used.
    pub fn open(home: &Home) -> Result<Self, StateError> {
        Ok(Self { last: Mutex::new(read(home)?), home: home.clone() })
    }

    /// The record as this process last read or wrote it.
    #[must_use]
    pub fn record(&self) -> AnchorRecord {
        self.last.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Changes the record; it is on disk when this returns. `change` gets the record as it is on disk, which another process
    /// may have changed since.
    ///
    /// # Errors
    /// [`StateError`]; the record on disk is then the old one.
    pub fn update<T>(&self, change: impl FnOnce(&mut AnchorRecord) -> T) -> Result<T, StateError> {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let _held = self.home.hold()?;
        let mut record = read(&self.home)?;
        let before = record.clone();
        let answer = change(&mut record);
        if record != before {
            replace(&self.home.anchor(), &to_bytes(&record))?;
        }
        *last = record;
        Ok(answer)
    }
}

impl AnchorRecord {
    /// The record of a device that has just pinned its organisation.
    #[must_use]
    pub fn new(fingerprint: Fingerprint, org: Head, servers: Vec<String>) -> Self {
        Self { fingerprint, org, behind_since: None, servers, spaces: BTreeMap::new(), selections: BTreeMap::new() }
    }

    /// Notes a further verified position of the organisation's chain.
    pub fn advance_org(&mut self, head: Head) {
        if head.seq > self.org.seq {
            self.org = head;
        }
    }

    /// Puts an address first among the known ones.
    pub fn prefer_server(&mut self, address: &str) {
        self.servers.retain(|known| known != address);
        self.servers.insert(0, address.to_owned());
        self.servers.truncate(crate::limit::SERVERS_MAX);
    }
}

fn read(home: &Home) -> Result<AnchorRecord, StateError> {
    let path = home.anchor();
    let bytes = read_bounded(&path, ANCHOR_BYTES_MAX)?.ok_or_else(|| StateError::NoHome(home.folder().to_owned()))?;
    let damaged = || StateError::Damaged(path.clone());
    let (content, checksum) = bytes.split_last_chunk::<32>().ok_or_else(damaged)?;
    if Digest::of(content).0 != *checksum {
        return Err(damaged());
    }
    let ([m0, m1, m2, version], body) = content.split_first_chunk::<4>().ok_or_else(damaged)?;
    if [*m0, *m1, *m2] != MAGIC {
        return Err(damaged());
    }
    if *version > VERSION {
        return Err(StateError::Later(path));
    }
    decode(body).map_err(|_| damaged())
}

fn to_bytes(record: &AnchorRecord) -> Vec<u8> {
    let mut bytes = [MAGIC.as_slice(), &[VERSION], &encode(record)].concat();
    let checksum = Digest::of(&bytes);
    bytes.extend_from_slice(&checksum.0);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    const SPACE: SpaceId = SpaceId([9; 16]);

    fn home() -> (tempfile::TempDir, Home) {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::at(Some(folder.path().to_owned()));
        (folder, home)
    }

    fn record() -> AnchorRecord {
        AnchorRecord::new(Fingerprint([1; 32]), Head::of_genesis(Digest([2; 32])), vec!["n:1".into()])
    }

    #[test]
    fn updates_are_on_disk_and_merge_between_processes() {
        let (_folder, home) = home();
        let one = Anchor::create(&home, record()).unwrap();
        let other = Anchor::open(&home).unwrap();
        one.update(|a| a.spaces.entry(SPACE).or_default().counter = 7).unwrap();
        other.update(|a| a.prefer_server("m:2")).unwrap();
        let third = Anchor::open(&home).unwrap().record();
        assert_eq!(third.spaces[&SPACE].counter, 7);
        assert_eq!(third.servers, ["m:2", "n:1"]);
    }

    /// Whatever a crash cuts off or a disk flips: an error, never an empty anchor.
    #[test]
    fn every_truncation_and_flip_is_an_error() {
        let (_folder, home) = home();
        Anchor::create(&home, record()).unwrap();
        let whole = std::fs::read(home.anchor()).unwrap();
        for at in 0..whole.len() {
            std::fs::write(home.anchor(), &whole[..at]).unwrap();
            assert!(matches!(Anchor::open(&home), Err(StateError::Damaged(_))), "cut at {at}");
            let mut flipped = whole.clone();
            flipped[at] ^= 1;
            std::fs::write(home.anchor(), &flipped).unwrap();
            assert!(Anchor::open(&home).is_err(), "flipped at {at}");
        }
    }

    #[test]
    fn missing_later_and_doubled_anchors_are_told_apart() {
        let (_folder, home) = home();
        assert!(matches!(Anchor::open(&home), Err(StateError::NoHome(_))));
        Anchor::create(&home, record()).unwrap();
        assert!(matches!(Anchor::create(&home, record()), Err(StateError::Exists(_))));
        let mut later = [MAGIC.as_slice(), &[VERSION + 1]].concat();
        later.extend_from_slice(&Digest::of(&later).0.clone());
        std::fs::write(home.anchor(), later).unwrap();
        assert!(matches!(Anchor::open(&home), Err(StateError::Later(_))));
    }

    #[test]
    fn heads_never_go_down() {
        let mut record = record();
        let later = record.org.after(Digest([3; 32]));
        record.advance_org(later);
        record.advance_org(Head::of_genesis(Digest([2; 32])));
        assert_eq!(record.org, later);
    }
}
