//! A space's epochs as a member holds them: certificates from the log, roots from bundles (`formats#3` to `#5`).
//!
//! A member has an epoch's root from its own bundle, or from the one by which the member was admitted to it later, or sealed under the next
//! epoch's. Wherever it comes from, a root is taken only if it fits the commitment of its signed certificate, and a certificate only if its recipient list is
//! the one that this client computes from the chains: no node and no member can slip in a key or a reader.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use vauban_crypto::bundle::{EpochBinding, open_bundle};
use vauban_crypto::cut::Cutter;
use vauban_crypto::epoch::{EpochKeys, EpochRoot};
use vauban_crypto::kem::KemSecret;
use vauban_crypto::ops::OpsPlace;
use vauban_protocol::canonical::DecodeError;
use vauban_protocol::id::{ChunkId, Digest, SpaceId, UserId};
use vauban_protocol::organisation::Organisation;
use vauban_protocol::signature::KemKey;
use vauban_protocol::signed::Signed;
use vauban_protocol::space::{
    Commit, Control, Cutting, EpochCertificate, KeysChange, Recipient, Space, recipients_digest,
};

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
    /// The bundle holds no root for this user that fits the certificate. Alarm.
    #[error("the key bundle of epoch {0} holds no root that fits its certificate")]
    Bundle(u32),
    /// No certificate of this epoch was folded, or none gives this user its keys.
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

/// Where a root may be had that is not in the epoch's own bundle: the one for those who were admitted to it later.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Admission {
    /// The epoch that they were admitted to.
    pub epoch: u32,
    /// The hash of the space's head before they were.
    pub prev: Digest,
    /// The digest of exactly those who were.
    pub recipients: Digest,
    /// The chunk that holds the root, wrapped for them.
    pub bundle: ChunkId,
}

/// What a commit says of a space's keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeysSaid {
    /// An epoch begins; its root is wrapped for this user, or not.
    Epoch(Box<EpochCertificate>, bool),
    /// Members are admitted to the epoch in force; this user is one of them, or not.
    Admission(Admission, bool),
}

/// Every epoch of one space.
#[derive(Debug)]
pub struct Epochs {
    space: SpaceId,
    cutting: Cutting,
    certificates: BTreeMap<u32, EpochCertificate>,
    opened: BTreeMap<u32, Arc<EpochSecrets>>,
}

/// The keys that secrets for these people are wrapped for at `org_seq`.
#[must_use]
pub fn keys_of(people: &[UserId], org: &Organisation, org_seq: u64) -> Vec<(UserId, KemKey)> {
    people.iter().filter_map(|user| Some((*user, org.user(*user)?.kem_at(org_seq).clone()))).collect()
}

/// The digest of a list of recipients, as certificates name it.
#[must_use]
pub fn listed(recipients: &[(UserId, KemKey)]) -> Digest {
    recipients_digest(recipients.iter().map(|(user, kem)| Recipient { user: *user, kem: kem.digest() }).collect())
}

impl Epochs {
    /// No epochs yet.
    #[must_use]
    pub fn new(space: SpaceId, cutting: Cutting) -> Self {
        Self { space, cutting, certificates: BTreeMap::new(), opened: BTreeMap::new() }
    }

    /// Reads what `commit` says of the keys, for `user`, against the space as it stood **before** the commit.
    ///
    /// # Errors
    /// [`EpochError::Decode`].
    pub fn judge(
        commit: &VerifiedCommit,
        before: &Space,
        org: &Organisation,
        user: UserId,
    ) -> Result<Option<KeysSaid>, EpochError> {
        let payload = commit.payload();
        let Some(control) = &payload.control else { return Ok(None) };
        let Some(bytes) = control.epoch() else {
            return Ok(Self::admission(payload, before, org, user));
        };
        let certificate = Self::parse(payload.epoch, bytes)?;
        // Whoever goes by this very commit is no recipient any more, and whoever comes is one.
        let mut after = before.clone();
        after.append(commit.signed());
        let is_mine = after.recipients(org, certificate.org.seq).any(|(member, _)| member == user);
        Ok(Some(KeysSaid::Epoch(Box::new(certificate), is_mine)))
    }

    fn admission(commit: &Commit, before: &Space, org: &Organisation, user: UserId) -> Option<KeysSaid> {
        let Some(Control::Members(change)) = &commit.control else { return None };
        let KeysChange::Shared(bundle) = change.keys else { return None };
        let comers: Vec<UserId> = change.comers(|user| before.role(user).is_some()).collect();
        let recipients = listed(&keys_of(&comers, org, commit.org.seq));
        let admission = Admission { epoch: commit.epoch, prev: commit.prev.digest, recipients, bundle };
        Some(KeysSaid::Admission(admission, comers.contains(&user)))
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

    /// Takes what was judged, with the bundle that holds the root for `user`, if it does; and opens what can be had by it, of this epoch and
    /// of those before.
    ///
    /// # Errors
    /// [`EpochError::Unknown`] or [`EpochError::Bundle`].
    pub fn take(
        &mut self,
        said: &KeysSaid,
        bundle: Option<&[u8]>,
        user: UserId,
        kem: &KemSecret,
    ) -> Result<(), EpochError> {
        let (epoch, prev, recipients) = match said {
            KeysSaid::Epoch(certificate, _) => {
                self.learn(certificate);
                (certificate.epoch, certificate.prev.digest, certificate.recipients)
            }
            KeysSaid::Admission(admission, _) => (admission.epoch, admission.prev, admission.recipients),
        };
        let Some(bundle) = bundle.filter(|_| !self.is_open(epoch)) else {
            return Ok(());
        };
        let commitment = self.certificates.get(&epoch).ok_or(EpochError::Unknown(epoch))?.commitment;
        let binding = EpochBinding { space: self.space, epoch, prev, commitment, recipients };
        let root = open_bundle(bundle, &binding, user, kem).map_err(|_| EpochError::Bundle(epoch))?;
        self.admit(epoch, root);
        self.descend(epoch);
        Ok(())
    }

    /// A root that does not fit its certificate is forgotten.
    fn learn(&mut self, certificate: &EpochCertificate) {
        let epoch = certificate.epoch;
        let fits = |open: &Arc<EpochSecrets>| open.root.commitment(self.space, epoch) == certificate.commitment;
        if !self.opened.get(&epoch).is_some_and(fits) {
            self.opened.remove(&epoch);
        }
        self.certificates.insert(epoch, certificate.clone());
    }

    /// Whether the keys of an epoch are at hand.
    #[must_use]
    pub fn is_open(&self, epoch: u32) -> bool {
        self.opened.contains_key(&epoch)
    }

    /// Opens the epochs before one that is open, as far down as their certificates are known and they are not open.
    fn descend(&mut self, from: u32) {
        let mut epoch = from;
        while let (Some(open), Some(certificate)) = (self.opened.get(&epoch), self.certificates.get(&epoch)) {
            let Some(before) = epoch.checked_sub(1).filter(|before| !self.is_open(*before)) else { return };
            let Some(expected) = self.certificates.get(&before).map(|certificate| certificate.commitment) else {
                return;
            };
            let Ok(root) = open.root.open_previous(self.space, epoch, &certificate.sealed_previous) else { return };
            if root.commitment(self.space, before) != expected {
                tracing::warn!(epoch = before, "the root that is sealed under the next epoch's is not that epoch's");
                return;
            }
            self.admit(before, root);
            epoch = before;
        }
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
