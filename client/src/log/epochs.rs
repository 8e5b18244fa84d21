//! A space's epochs as a member holds them: certificates from the log, roots from their bundles (`formats#3` to `#5`).
//!
//! A root is taken only if it fits the commitment of its signed certificate, and a certificate only if its recipient list is
//! the one that this client computes from the chains: no node and no member can slip in a key or a reader.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use vauban_crypto::bundle::{EpochBinding, open_bundle};
use vauban_crypto::cut::Cutter;
use vauban_crypto::epoch::{EpochKeys, EpochRoot};
use vauban_crypto::kem::KemSecret;
use vauban_crypto::ops::OpsPlace;
use vauban_protocol::canonical::DecodeError;
use vauban_protocol::id::{ChunkId, SpaceId, UserId};
use vauban_protocol::organisation::Organisation;
use vauban_protocol::signature::KemKey;
use vauban_protocol::signed::Signed;
use vauban_protocol::space::{Commit, Control, Cutting, EpochCertificate, Recipient, Space, recipients_digest};

use super::chain::VerifiedCommit;
use super::op::{Said, read_ops};

/// Why an epoch's keys cannot be had.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EpochError {
    /// The certificate does not decode.
    #[error("the certificate of epoch {epoch} does not decode: {error}")]
    Decode {
        /// Which.
        epoch: u32,
        /// The defect.
        error: DecodeError,
    },
    /// The recipients are not the space's members: someone would read who may not, or the reverse. Alarm.
    #[error("epoch {0} was made for other readers than the space's members")]
    Recipients(u32),
    /// The bundle holds no root for this user that fits the certificate. Alarm.
    #[error("the key bundle of epoch {0} holds no root that fits its certificate")]
    Bundle(u32),
    /// No certificate of this epoch was folded.
    #[error("epoch {0} is not in the log")]
    Unknown(u32),
}

/// The keys of one epoch, ready for use.
#[derive(Debug)]
pub struct EpochSecrets {
    /// Its number.
    pub epoch: u32,
    /// Its root, for sealing it under the next one.
    pub root: EpochRoot,
    /// What it derives.
    pub keys: EpochKeys,
    /// Where it cuts.
    pub cutter: Cutter,
}

/// Every epoch of one space.
#[derive(Debug)]
pub struct Epochs {
    space: SpaceId,
    cutting: Cutting,
    certificates: BTreeMap<u32, EpochCertificate>,
    opened: BTreeMap<u32, Arc<EpochSecrets>>,
}

/// The exact members that an epoch's root is wrapped for, as the chains say at `org_seq`.
#[must_use]
pub fn recipients(space: &Space, org: &Organisation, org_seq: u64) -> Vec<(UserId, KemKey)> {
    let members: BTreeMap<UserId, _> = space.members().collect();
    org.users()
        .filter(|(user, record)| {
            members.contains_key(user) && record.revoked_at.is_none_or(|revoked| org_seq < revoked)
        })
        .map(|(user, record)| (user, record.kem.clone()))
        .collect()
}

impl Epochs {
    /// No epochs yet.
    #[must_use]
    pub fn new(space: SpaceId, cutting: Cutting) -> Self {
        Self { space, cutting, certificates: BTreeMap::new(), opened: BTreeMap::new() }
    }

    /// Reads the certificate that `commit` carries, if it does, against the space as it stood **before** the commit.
    ///
    /// # Errors
    /// [`EpochError::Decode`] or [`EpochError::Recipients`].
    pub fn judge(
        commit: &VerifiedCommit,
        before: &Space,
        org: &Organisation,
    ) -> Result<Option<EpochCertificate>, EpochError> {
        let Some(Control::Epoch(bytes)) = &commit.payload().control else {
            return Ok(None);
        };
        let epoch = commit.payload().epoch;
        let certificate = Self::parse(epoch, bytes)?;
        let expected = recipients(before, org, certificate.org.seq)
            .iter()
            .map(|(user, kem)| Recipient { user: *user, kem: kem.digest() })
            .collect();
        if certificate.recipients != recipients_digest(expected) {
            return Err(EpochError::Recipients(epoch));
        }
        Ok(Some(certificate))
    }

    /// Decodes a signed certificate whose signature was verified before.
    ///
    /// # Errors
    /// [`EpochError::Decode`].
    pub fn parse(epoch: u32, bytes: &[u8]) -> Result<EpochCertificate, EpochError> {
        Signed::<EpochCertificate>::parse(Bytes::copy_from_slice(bytes))
            .map(|signed| signed.payload().clone())
            .map_err(|error| EpochError::Decode { epoch, error })
    }

    /// Takes a certificate that was judged.
    pub fn learn(&mut self, certificate: EpochCertificate) {
        self.certificates.insert(certificate.epoch, certificate);
    }

    /// The chunk that holds the bundle of `epoch`; `None` if its keys are open already.
    ///
    /// # Errors
    /// [`EpochError::Unknown`].
    pub fn bundle_needed(&self, epoch: u32) -> Result<Option<ChunkId>, EpochError> {
        if self.opened.contains_key(&epoch) {
            return Ok(None);
        }
        self.certificates.get(&epoch).map(|certificate| Some(certificate.bundle)).ok_or(EpochError::Unknown(epoch))
    }

    /// Opens an epoch by its bundle.
    ///
    /// # Errors
    /// [`EpochError::Unknown`] or [`EpochError::Bundle`].
    pub fn open(&mut self, epoch: u32, bundle: &[u8], user: UserId, kem: &KemSecret) -> Result<(), EpochError> {
        let certificate = self.certificates.get(&epoch).ok_or(EpochError::Unknown(epoch))?;
        let binding = EpochBinding {
            space: self.space,
            epoch,
            prev: certificate.prev.digest,
            commitment: certificate.commitment,
            recipients: certificate.recipients,
        };
        let root = open_bundle(bundle, &binding, user, kem).map_err(|_| EpochError::Bundle(epoch))?;
        self.admit(epoch, root);
        Ok(())
    }

    /// Takes the root that this device drew itself.
    pub fn admit(&mut self, epoch: u32, root: EpochRoot) {
        let keys = root.keys(self.space, epoch);
        let cutter = match self.cutting {
            Cutting::Keyed => Cutter::keyed(&keys.cutter),
            Cutting::Fixed => Cutter::Fixed,
        };
        self.opened.insert(epoch, Arc::new(EpochSecrets { epoch, root, keys, cutter }));
    }

    /// The keys of an epoch that was opened.
    ///
    /// # Errors
    /// [`EpochError::Unknown`].
    pub fn secrets(&self, epoch: u32) -> Result<&Arc<EpochSecrets>, EpochError> {
        self.opened.get(&epoch).ok_or(EpochError::Unknown(epoch))
    }

    /// Every epoch that was opened, by number.
    #[must_use]
    pub fn all(&self) -> BTreeMap<u32, Arc<EpochSecrets>> {
        self.opened.clone()
    }

    /// What a commit says.
    ///
    /// # Errors
    /// [`EpochError::Unknown`] if the commit's epoch was not opened: the caller's fault.
    pub fn open_ops(&self, commit: &Commit) -> Result<Said, EpochError> {
        if commit.sealed_ops.is_empty() {
            return Ok(Said::Nothing);
        }
        let place =
            OpsPlace { space: commit.space, epoch: commit.epoch, device: commit.device, counter: commit.counter };
        let secrets = self.secrets(commit.epoch)?;
        let plain = secrets.keys.log.open_ops(place, &commit.sealed_ops);
        Ok(plain.map_or(Said::Junk, |plain| read_ops(&plain)))
    }
}
