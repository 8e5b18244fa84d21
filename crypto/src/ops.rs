//! Sealing the ops of one commit (`formats#11`), and what else members alone are told under the same key.

use vauban_protocol::id::{DeviceId, LinkId, SpaceId};
use vauban_protocol::label;

use crate::error::OpenError;
use crate::salted::{self, Kind, SALTED_OVERHEAD_BYTES};
use crate::secret::Secret;

const OPS: Kind = Kind { magic: *b"VBP", label: label::OPS };

/// Bytes that sealing adds to a commit's ops.
pub const OPS_OVERHEAD_BYTES: usize = SALTED_OVERHEAD_BYTES;

/// The key of an epoch that seals ops.
#[derive(Clone, Debug)]
pub struct LogKey(Secret<32>);

/// The place of a commit, which its ops are bound to: sealed ops open nowhere else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OpsPlace {
    /// The space whose log the commit is in.
    pub space: SpaceId,
    /// The epoch whose log key seals the ops.
    pub epoch: u32,
    /// The commit's author.
    pub device: DeviceId,
    /// The author's count of commits in this space (`formats#14`).
    pub counter: u64,
}

/// The place of a link or a file request among those of a space.
#[derive(Clone, Copy)]
pub(crate) struct LinkPlace {
    pub(crate) space: SpaceId,
    /// The epoch whose log key seals.
    pub(crate) epoch: u32,
    pub(crate) link: LinkId,
}

impl LogKey {
    pub(crate) fn new(secret: Secret<32>) -> Self {
        Self(secret)
    }

    #[cfg(test)]
    pub(crate) fn secret(&self) -> &Secret<32> {
        &self.0
    }

    /// Seals the encoded ops of the commit at `place`. The caller bounds them (`COMMIT_OPS_BYTES_MAX`).
    #[must_use]
    pub fn seal_ops(&self, place: OpsPlace, plain: &[u8]) -> Vec<u8> {
        place.with(|context| salted::seal(OPS, &self.0, context, plain))
    }

    /// Seals with a given salt, for vectors.
    #[doc(hidden)]
    #[must_use]
    pub fn seal_ops_with(&self, place: OpsPlace, plain: &[u8], salt: &[u8; 32]) -> Vec<u8> {
        place.with(|context| salted::seal_with(OPS, &self.0, context, plain, salt))
    }

    /// Opens the ops of the commit at `place`.
    ///
    /// # Errors
    /// [`OpenError`] for anything but what [`Self::seal_ops`] made for this place.
    pub fn open_ops(&self, place: OpsPlace, sealed: &[u8]) -> Result<Vec<u8>, OpenError> {
        place.with(|context| salted::open(OPS, &self.0, context, sealed))
    }

    /// Seals what members alone are told of a link or a file request.
    pub(crate) fn seal_for_members(&self, kind: Kind, place: LinkPlace, plain: &[u8]) -> Vec<u8> {
        place.with(|context| salted::seal(kind, &self.0, context, plain))
    }

    /// Opens what [`Self::seal_for_members`] made with the same kind and place.
    pub(crate) fn open_for_members(&self, kind: Kind, place: LinkPlace, sealed: &[u8]) -> Result<Vec<u8>, OpenError> {
        place.with(|context| salted::open(kind, &self.0, context, sealed))
    }
}

impl OpsPlace {
    fn with<R>(self, run: impl FnOnce(&[&[u8]]) -> R) -> R {
        let (epoch, counter) = (self.epoch.to_le_bytes(), self.counter.to_le_bytes());
        run(&[self.space.as_bytes(), &epoch, self.device.as_bytes(), &counter])
    }
}

impl LinkPlace {
    fn with<R>(self, run: impl FnOnce(&[&[u8]]) -> R) -> R {
        run(&[self.space.as_bytes(), &self.epoch.to_le_bytes(), self.link.as_bytes()])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ops_open_in_their_place_only() {
        let key = LogKey::new(Secret::random());
        let place = OpsPlace { space: SpaceId([1; 16]), epoch: 1, device: DeviceId([2; 16]), counter: 3 };
        let sealed = key.seal_ops(place, b"ops");
        assert_eq!(key.open_ops(place, &sealed), Ok(b"ops".to_vec()));
        for elsewhere in [
            OpsPlace { space: SpaceId([2; 16]), ..place },
            OpsPlace { epoch: 2, ..place },
            OpsPlace { device: DeviceId([1; 16]), ..place },
            OpsPlace { counter: 4, ..place },
        ] {
            assert_eq!(key.open_ops(elsewhere, &sealed), Err(OpenError), "{elsewhere:?}");
        }
        assert_eq!(LogKey::new(Secret::random()).open_ops(place, &sealed), Err(OpenError));
    }
}
