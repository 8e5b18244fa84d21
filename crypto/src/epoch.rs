//! A space's epoch: one random root, and every key that members need from it.
//!
//! The root is random, never derived from another, so that holding one epoch's root says nothing of the next
//! (`formats#3`). Its commitment stands in the signed epoch certificate: a member that is handed a root which does not
//! fit the commitment refuses it, so all members of an epoch hold the same keys. The previous root is sealed under the new
//! one, so that a new member reads history, and a removed one nothing later (`formats#5`).
//!
//! Whoever begins an epoch could seal junk there, and close what came before to all who come later. Members who hold the root that
//! should stand there see it, and the next epoch brings that root along.

use vauban_protocol::id::{Digest, SpaceId};
use vauban_protocol::label;
use zeroize::Zeroizing;

use crate::chunk::ContentKey;
use crate::cut::CutterKey;
use crate::derive;
use crate::error::OpenError;
use crate::limit::MENDED_ROOTS_MAX;
use crate::ops::LogKey;
use crate::salted::{self, Kind};
use crate::secret::{Secret, random_salt};

/// The previous root and those that are mended, sealed.
const PREVIOUS: Kind = Kind { magic: *b"VBR", label: label::EPOCH_PREVIOUS };

/// Bytes of a mended root: its epoch's number, and the root.
const MENDED_BYTES: usize = 4 + 32;

/// The 32 random bytes that every key of one epoch comes from.
#[derive(Clone, Debug)]
pub struct EpochRoot(Secret<32>);

/// The roots of epochs before one, as they are sealed under its own.
#[derive(Clone, Debug)]
pub struct EarlierRoots {
    /// That of the epoch before.
    pub previous: EpochRoot,
    /// Those that the epoch after each should have brought and did not, in strictly ascending order of their epochs, `MENDED_ROOTS_MAX` at most.
    pub mended: Vec<(u32, EpochRoot)>,
}

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
    /// The root of the epoch before, and nothing to mend.
    #[must_use]
    pub fn only(previous: EpochRoot) -> Self {
        Self { previous, mended: Vec::new() }
    }

    fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        let mended_bytes = self.mended.len().saturating_mul(MENDED_BYTES);
        let mut bytes = Zeroizing::new(Vec::with_capacity(mended_bytes.saturating_add(32)));
        bytes.extend_from_slice(self.previous.0.expose());
        for (epoch, root) in &self.mended {
            bytes.extend_from_slice(&epoch.to_le_bytes());
            bytes.extend_from_slice(root.0.expose());
        }
        bytes
    }

    /// What stands under the root of `epoch`.
    fn parse(plain: &[u8], epoch: u32) -> Option<Self> {
        let (previous, rest) = plain.split_first_chunk::<32>()?;
        let (entries, left) = rest.as_chunks::<MENDED_BYTES>();
        if !left.is_empty() || entries.len() > MENDED_ROOTS_MAX {
            return None;
        }
        let mut mended: Vec<(u32, EpochRoot)> = Vec::with_capacity(entries.len());
        for entry in entries {
            let (number, root) = entry.split_first_chunk::<4>()?;
            let (number, root) = (u32::from_le_bytes(*number), Secret::try_from(root).ok()?);
            let is_next = mended.last().is_none_or(|(last, _)| *last < number);
            // The one before the epoch has its own place.
            if !is_next || number.checked_add(1)? >= epoch {
                return None;
            }
            mended.push((number, EpochRoot(root)));
        }
        Some(Self { previous: EpochRoot(Secret::new(*previous)), mended })
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
        let sealed = new.seal_earlier(SPACE, 2, &EarlierRoots::only(old.clone()));
        let opened = new.open_earlier(SPACE, 2, &sealed).expect("sealed here");
        assert_eq!(opened.previous.commitment(SPACE, 1), old.commitment(SPACE, 1));
        assert!(opened.mended.is_empty());
        assert!(new.open_earlier(SPACE, 3, &sealed).is_err());
        assert!(new.open_earlier(SpaceId([8; 16]), 2, &sealed).is_err());
        assert!(old.open_earlier(SPACE, 2, &sealed).is_err());
    }

    #[test]
    fn mended_roots_stand_in_order_and_below_the_one_before() {
        let root = EpochRoot::random();
        let open = |epochs: &[u32]| {
            let mended = epochs.iter().map(|epoch| (*epoch, EpochRoot::random())).collect();
            let earlier = EarlierRoots { previous: EpochRoot::random(), mended };
            let opened = root.open_earlier(SPACE, 20, &root.seal_earlier(SPACE, 20, &earlier));
            opened.map(|opened| opened.mended.iter().map(|(epoch, _)| *epoch).collect::<Vec<_>>())
        };
        assert_eq!(open(&[1, 4, 18]).as_deref(), Ok([1, 4, 18].as_slice()));
        for refused in [[4, 4].as_slice(), &[4, 1], &[19], &[20], &[u32::MAX], &[0, 1, 2, 3, 4, 5, 6, 7, 8]] {
            assert!(open(refused).is_err(), "{refused:?}");
        }
    }

    #[test]
    fn roots_and_keys_print_as_stars() {
        let root = EpochRoot::new(Secret::new([0xab; 32]));
        let printed = format!("{root:?} {:?}", root.keys(SPACE, 1));
        assert!(printed.contains("****") && !printed.contains("ab, ab") && !printed.contains("171"));
    }
}
