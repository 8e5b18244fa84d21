//! A space's epoch: one random root, and every key that members need from it.
//!
//! The root is random, never derived from another, so that holding one epoch's root says nothing of the next
//! (`formats#3`). Its commitment stands in the signed epoch certificate: a member that is handed a root which does not
//! fit the commitment refuses it, so all members of an epoch hold the same keys. The previous root is sealed under the new
//! one, so that a new member reads history, and a removed one nothing later (`formats#5`).

use vauban_protocol::id::{Digest, SpaceId};
use vauban_protocol::label;

use crate::chunk::ContentKey;
use crate::cut::CutterKey;
use crate::derive;
use crate::error::OpenError;
use crate::ops::LogKey;
use crate::salted::{self, Kind};
use crate::secret::{Secret, random_salt};

/// The previous root, sealed.
const PREVIOUS: Kind = Kind { magic: *b"VBR", label: label::EPOCH_PREVIOUS };

/// The 32 random bytes that every key of one epoch comes from.
#[derive(Clone, Debug)]
pub struct EpochRoot(Secret<32>);

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

    /// Seals the root of the epoch before `epoch`, which is this root's.
    #[must_use]
    pub fn seal_previous(&self, space: SpaceId, epoch: u32, previous: &Self) -> Vec<u8> {
        self.seal_previous_with(space, epoch, previous, &random_salt())
    }

    /// Seals with a given salt, for vectors.
    #[doc(hidden)]
    #[must_use]
    pub fn seal_previous_with(&self, space: SpaceId, epoch: u32, previous: &Self, salt: &[u8; 32]) -> Vec<u8> {
        let context: [&[u8]; 2] = [space.as_bytes(), &epoch.to_le_bytes()];
        salted::seal_with(PREVIOUS, &self.0, &context, previous.0.expose(), salt)
    }

    /// Opens the root of the epoch before `epoch`. Its own commitment is then still to be compared.
    ///
    /// # Errors
    /// [`OpenError`] for anything but what [`Self::seal_previous`] made with this root, space and epoch.
    pub fn open_previous(&self, space: SpaceId, epoch: u32, sealed: &[u8]) -> Result<Self, OpenError> {
        let plain = zeroize::Zeroizing::new(salted::open(
            PREVIOUS,
            &self.0,
            &[space.as_bytes(), &epoch.to_le_bytes()],
            sealed,
        )?);
        Secret::try_from(plain.as_slice()).map(Self).map_err(|_| OpenError)
    }

    fn expand(&self, label: &str, space: SpaceId, epoch: u32) -> Secret<32> {
        derive::expand(&self.0, label, &[space.as_bytes(), &epoch.to_le_bytes()])
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
    fn previous_root_opens_in_its_place_only() {
        let (old, new) = (EpochRoot::random(), EpochRoot::random());
        let sealed = new.seal_previous(SPACE, 2, &old);
        let opened = new.open_previous(SPACE, 2, &sealed).expect("sealed here");
        assert_eq!(opened.commitment(SPACE, 1), old.commitment(SPACE, 1));
        assert!(new.open_previous(SPACE, 3, &sealed).is_err());
        assert!(new.open_previous(SpaceId([8; 16]), 2, &sealed).is_err());
        assert!(old.open_previous(SPACE, 2, &sealed).is_err());
    }

    #[test]
    fn roots_and_keys_print_as_stars() {
        let root = EpochRoot::new(Secret::new([0xab; 32]));
        let printed = format!("{root:?} {:?}", root.keys(SPACE, 1));
        assert!(printed.contains("****") && !printed.contains("ab, ab") && !printed.contains("171"));
    }
}
