//! A space's epoch: one random root, and every key that members need from it.
//!
//! The root is random, never derived from another, so that holding one epoch's root says nothing of the next
//! (`formats#3`). Its commitment stands in the signed epoch certificate: a member that is handed a root which does not
//! fit the commitment refuses it, so all members of an epoch hold the same keys. The previous root is sealed under the new
//! one, so that a new member reads history, and a removed one nothing later (`formats#5`).
//!
//! Whoever begins an epoch could seal junk there, or leave it out, and close what came before to all who come later. Members who hold the
//! root that should stand there see it, and the next epoch brings that root along.

use std::collections::BTreeMap;

use vauban_protocol::id::{Digest, SpaceId};
use vauban_protocol::label;
use zeroize::Zeroizing;

use crate::chunk::ContentKey;
use crate::cut::CutterKey;
use crate::derive;
use crate::error::OpenError;
use crate::limit::EARLIER_ROOTS_MAX;
use crate::ops::LogKey;
use crate::salted::{self, Kind};
use crate::secret::{Secret, random_salt};

/// The roots of epochs before one, sealed.
const PREVIOUS: Kind = Kind { magic: *b"VBR", label: label::EPOCH_PREVIOUS };

/// Bytes of one of them: its epoch's number, and the root.
const NUMBERED_BYTES: usize = 4 + 32;

/// The 32 random bytes that every key of one epoch comes from.
#[derive(Clone, Debug)]
pub struct EpochRoot(Secret<32>);

/// The roots of epochs before one, as they are sealed under its own: that of the epoch before, unless it was withheld from whoever begins this
/// one, and those that should have been brought by epochs before and were not. `EARLIER_ROOTS_MAX` at most.
#[derive(Clone, Debug, Default)]
pub struct EarlierRoots(BTreeMap<u32, EpochRoot>);

/// The keys of one epoch of one space, each with one use (`formats#4`).
#[derive(Clone, Debug)]
pub struct EpochKeys {
    /// Seals chunks.
    pub content: ContentKey,
    /// Decides where files are cut.
    pub cutter: CutterKey,
    /// Seals ops.
    pub log: LogKey,
    /// Seals the pages of checkpoints.
    pub checkpoint: ContentKey,
}

impl EpochRoot {
    /// A fresh root, for an epoch that has not been certified yet. A refused rotation draws another.
    #[must_use]
    pub fn random() -> Self {
        Self(Secret::random())
    }

    /// A root that was unwrapped or opened; it is to be trusted only once its commitment was compared.
    #[must_use]
    pub fn new(secret: Secret<32>) -> Self {
        Self(secret)
    }

    /// The bytes, for wrapping to members and for the keystore alone.
    #[must_use]
    pub fn secret(&self) -> &Secret<32> {
        &self.0
    }

    /// What the epoch's certificate says of the root. It hides the root, and nobody finds two roots for it.
    #[must_use]
    pub fn commitment(&self, space: SpaceId, epoch: u32) -> Digest {
        Digest(*self.expand(label::EPOCH_COMMIT, space, epoch).expose())
    }

    /// The keys of this epoch.
    #[must_use]
    pub fn keys(&self, space: SpaceId, epoch: u32) -> EpochKeys {
        EpochKeys {
            content: ContentKey::new(self.expand(label::EPOCH_CONTENT, space, epoch)),
            cutter: CutterKey::new(self.expand(label::EPOCH_CUTTER, space, epoch)),
            log: LogKey::new(self.expand(label::EPOCH_LOG, space, epoch)),
            checkpoint: ContentKey::new(self.expand(label::EPOCH_CHECKPOINT, space, epoch)),
        }
    }

    /// Seals the roots of epochs before `epoch`, which is this root's.
    #[must_use]
    pub fn seal_earlier(&self, space: SpaceId, epoch: u32, earlier: &EarlierRoots) -> Vec<u8> {
        self.seal_earlier_with(space, epoch, earlier, &random_salt())
    }

    /// Seals with a given salt, for vectors.
    #[doc(hidden)]
    #[must_use]
    pub fn seal_earlier_with(&self, space: SpaceId, epoch: u32, earlier: &EarlierRoots, salt: &[u8; 32]) -> Vec<u8> {
        let context: [&[u8]; 2] = [space.as_bytes(), &epoch.to_le_bytes()];
        salted::seal_with(PREVIOUS, &self.0, &context, &earlier.to_bytes(), salt)
    }

    /// Opens the roots of epochs before `epoch`. Their own commitments are then still to be compared.
    ///
    /// # Errors
    /// [`OpenError`] for anything but what [`Self::seal_earlier`] made with this root, space and epoch.
    pub fn open_earlier(&self, space: SpaceId, epoch: u32, sealed: &[u8]) -> Result<EarlierRoots, OpenError> {
        let context: [&[u8]; 2] = [space.as_bytes(), &epoch.to_le_bytes()];
        let plain = Zeroizing::new(salted::open(PREVIOUS, &self.0, &context, sealed)?);
        EarlierRoots::parse(&plain, epoch).ok_or(OpenError)
    }

    fn expand(&self, label: &str, space: SpaceId, epoch: u32) -> Secret<32> {
        derive::expand(&self.0, label, &[space.as_bytes(), &epoch.to_le_bytes()])
    }
}

impl EarlierRoots {
    /// Those of the given epochs, as far as there is room: the latest come first.
    #[must_use]
    pub fn of(roots: impl IntoIterator<Item = (u32, EpochRoot)>) -> Self {
        let mut roots: BTreeMap<u32, EpochRoot> = roots.into_iter().collect();
        while roots.len() > EARLIER_ROOTS_MAX {
            roots.pop_first();
        }
        Self(roots)
    }

    /// The root of the epoch before, as nearly every epoch brings it.
    #[must_use]
    pub fn only(epoch: u32, root: EpochRoot) -> Self {
        Self::of([(epoch, root)])
    }

    /// Each with its epoch's number, in ascending order.
    pub fn iter(&self) -> impl Iterator<Item = (u32, &EpochRoot)> {
        self.0.iter().map(|(epoch, root)| (*epoch, root))
    }

    fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        let mut bytes = Zeroizing::new(Vec::with_capacity(self.0.len().saturating_mul(NUMBERED_BYTES)));
        for (epoch, root) in &self.0 {
            bytes.extend_from_slice(&epoch.to_le_bytes());
            bytes.extend_from_slice(root.0.expose());
        }
        bytes
    }

    /// What stands under the root of `epoch`.
    fn parse(plain: &[u8], epoch: u32) -> Option<Self> {
        let (entries, left) = plain.as_chunks::<NUMBERED_BYTES>();
        if !left.is_empty() || entries.len() > EARLIER_ROOTS_MAX {
            return None;
        }
        let mut roots: BTreeMap<u32, EpochRoot> = BTreeMap::new();
        for entry in entries {
            let (number, root) = entry.split_first_chunk::<4>()?;
            let (number, root) = (u32::from_le_bytes(*number), Secret::try_from(root).ok()?);
            let is_next = roots.last_key_value().is_none_or(|(last, _)| *last < number);
            if !is_next || number >= epoch {
                return None;
            }
            roots.insert(number, EpochRoot(root));
        }
        Some(Self(roots))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    const SPACE: SpaceId = SpaceId([9; 16]);

    #[test]
    fn root_space_and_epoch_each_change_every_key() {
        let mut seen = BTreeSet::new();
        for (root, space, epoch) in [(1, 9, 1), (2, 9, 1), (1, 8, 1), (1, 9, 2)] {
            let root = EpochRoot::new(Secret::new([root; 32]));
            let space = SpaceId([space; 16]);
            let keys = root.keys(space, epoch);
            assert!(seen.insert(root.commitment(space, epoch).0));
            assert!(seen.insert(*keys.content.secret().expose()));
            assert!(seen.insert(*keys.cutter.secret().expose()));
            assert!(seen.insert(*keys.log.secret().expose()));
            assert!(seen.insert(*keys.checkpoint.secret().expose()));
        }
    }

    #[test]
    fn earlier_roots_open_in_their_place_only() {
        let (old, new) = (EpochRoot::random(), EpochRoot::random());
        let sealed = new.seal_earlier(SPACE, 2, &EarlierRoots::only(1, old.clone()));
        let opened = new.open_earlier(SPACE, 2, &sealed).expect("sealed here");
        let opened: Vec<_> = opened.iter().map(|(epoch, root)| (epoch, root.commitment(SPACE, 1))).collect();
        assert_eq!(opened, [(1, old.commitment(SPACE, 1))]);
        assert!(new.open_earlier(SPACE, 3, &sealed).is_err());
        assert!(new.open_earlier(SpaceId([8; 16]), 2, &sealed).is_err());
        assert!(old.open_earlier(SPACE, 2, &sealed).is_err());
    }

    #[test]
    fn earlier_roots_stand_in_order_and_below_their_epoch() {
        let root = EpochRoot::random();
        let open = |epochs: &[u32]| {
            let context: [&[u8]; 2] = [SPACE.as_bytes(), &20_u32.to_le_bytes()];
            let plain: Vec<u8> =
                epochs.iter().flat_map(|epoch| [&epoch.to_le_bytes()[..], &[5; 32]].concat()).collect();
            let opened = root.open_earlier(SPACE, 20, &salted::seal(PREVIOUS, &root.0, &context, &plain));
            opened.map(|opened| opened.iter().map(|(epoch, _)| epoch).collect::<Vec<_>>())
        };
        for taken in [[].as_slice(), &[19], &[1, 4, 19], &[0, 1, 2, 3, 4, 5, 6, 7, 8]] {
            assert_eq!(open(taken).as_deref(), Ok(taken));
        }
        for refused in [[4, 4].as_slice(), &[4, 1], &[20], &[u32::MAX], &[0, 1, 2, 3, 4, 5, 6, 7, 8, 9]] {
            assert!(open(refused).is_err(), "{refused:?}");
        }
    }

    #[test]
    fn the_latest_of_too_many_earlier_roots_are_brought() {
        let all = EarlierRoots::of((0..20).map(|epoch| (epoch, EpochRoot::random())));
        let kept: Vec<u32> = all.iter().map(|(epoch, _)| epoch).collect();
        assert_eq!(kept, (20 - EARLIER_ROOTS_MAX as u32..20).collect::<Vec<_>>());
    }

    #[test]
    fn roots_and_keys_print_as_stars() {
        let root = EpochRoot::new(Secret::new([0xab; 32]));
        let printed = format!("{root:?} {:?}", root.keys(SPACE, 1));
        assert!(printed.contains("****") && !printed.contains("ab, ab") && !printed.contains("171"));
    }
}
