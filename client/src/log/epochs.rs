//! A space's epochs as a member holds them: certificates from the log, roots from bundles (`formats#3` to `#5`).
//!
//! A member has an epoch's root from its own bundle, or from the one by which the member was admitted to it later, or sealed under the next
//! epoch's. Wherever it comes from, a root is taken only if it fits the commitment of its signed certificate, and a certificate only if its recipient list is
//! the one that this client computes from the chains: no node and no member can slip in a key or a reader.
//!
//! Whoever begins an epoch can still withhold: its root from some or from all, or what came before from all who come later. Neither stops
//! whoever has the root from elsewhere; both are mended by the next epoch of somebody honest who has it, and what is false is named. Where
//! nobody honest has a root, the next epoch goes on without it, as long as nothing was said under it: what was, stops whoever cannot read it,
//! because nobody may write on what they have not read. Whoever is stopped so begins an epoch all the same, without a word: what it leaves out
//! asks those for it who have it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use vauban_crypto::bundle::{EpochBinding, open_bundle};
use vauban_crypto::cut::Cutter;
use vauban_crypto::epoch::{EarlierRoots, EpochKeys, EpochRoot};
use vauban_crypto::error::OpenError;
use vauban_crypto::kem::KemSecret;
use vauban_crypto::ops::OpsPlace;
use vauban_protocol::canonical::DecodeError;
use vauban_protocol::id::{ChunkId, DeviceId, Digest, SpaceId, UserId};
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
    /// This user was to get its root, and what was stored as that opens to nothing that fits the certificate. Alarm.
    #[error("device {by} gave this user no root of epoch {epoch}")]
    Withheld {
        /// Which.
        epoch: u32,
        /// Who was to give it.
        by: DeviceId,
    },
    /// It began while a revoked device held this user's key, so this user was given nothing of it. Whoever begins the next one gives all of it
    /// once the key is renewed.
    #[error("epoch {0} began while a revoked device held this user's key")]
    LeftOut(u32),
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
    /// Whose device admitted them.
    pub by: DeviceId,
}

/// What a commit says of a space's keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeysSaid {
    /// An epoch begins.
    Epoch(Box<EpochCertificate>),
    /// Members are admitted to the epoch in force.
    Admission(Admission),
}

impl KeysSaid {
    /// The epoch whose root is given.
    #[must_use]
    pub fn epoch(&self) -> u32 {
        match self {
            Self::Epoch(certificate) => certificate.epoch,
            Self::Admission(admission) => admission.epoch,
        }
    }

    /// The chunk that holds it, wrapped for each recipient.
    #[must_use]
    pub fn bundle(&self) -> ChunkId {
        match self {
            Self::Epoch(certificate) => certificate.bundle,
            Self::Admission(admission) => admission.bundle,
        }
    }

    /// Whose device gives it.
    #[must_use]
    pub fn by(&self) -> DeviceId {
        match self {
            Self::Epoch(certificate) => certificate.device,
            Self::Admission(admission) => admission.by,
        }
    }
}

/// Every epoch of one space.
#[derive(Debug)]
pub struct Epochs {
    space: SpaceId,
    cutting: Cutting,
    certificates: BTreeMap<u32, EpochCertificate>,
    opened: BTreeMap<u32, Arc<EpochSecrets>>,
    /// The epochs whose roots a later one brings, as far as those are open.
    brought: BTreeSet<u32>,
    /// Who was to give this user an epoch's root, and did not.
    withheld: BTreeMap<u32, DeviceId>,
    /// The epochs that this user was rightly given no root of: see [`EpochError::LeftOut`].
    left_out: BTreeSet<u32>,
    /// The epochs that bring something else than the roots which they say it is.
    junk: BTreeSet<u32>,
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
        Self {
            space,
            cutting,
            certificates: BTreeMap::new(),
            opened: BTreeMap::new(),
            brought: BTreeSet::new(),
            withheld: BTreeMap::new(),
            left_out: BTreeSet::new(),
            junk: BTreeSet::new(),
        }
    }

    /// Reads what `commit` says of the keys, against the space as it stood **before** the commit, and whether it gives any to `user`.
    ///
    /// # Errors
    /// [`EpochError::Decode`].
    pub fn judge(
        commit: &VerifiedCommit,
        before: &Space,
        org: &Organisation,
        user: UserId,
    ) -> Result<Option<(KeysSaid, bool)>, EpochError> {
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
        Ok(Some((KeysSaid::Epoch(Box::new(certificate)), is_mine)))
    }

    fn admission(commit: &Commit, before: &Space, org: &Organisation, user: UserId) -> Option<(KeysSaid, bool)> {
        let Some(Control::Members(change)) = &commit.control else { return None };
        let KeysChange::Shared(bundle) = change.keys else { return None };
        let comers: Vec<UserId> = change.comers(|user| before.role(user).is_some()).collect();
        let recipients = listed(&keys_of(&comers, org, commit.org.seq));
        let (epoch, prev, by) = (commit.epoch, commit.prev.digest, commit.device);
        let admission = Admission { epoch, prev, recipients, bundle, by };
        Some((KeysSaid::Admission(admission), comers.contains(&user)))
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

    /// Takes note of what was judged: a certificate, if it is one. A root that does not fit it is forgotten.
    pub fn learn(&mut self, said: &KeysSaid) {
        let KeysSaid::Epoch(certificate) = said else { return };
        let epoch = certificate.epoch;
        let fits = |open: &Arc<EpochSecrets>| open.root.commitment(self.space, epoch) == certificate.commitment;
        if !self.opened.get(&epoch).is_some_and(fits) {
            self.opened.remove(&epoch);
            self.brought.remove(&epoch);
        }
        self.certificates.insert(epoch, (**certificate).clone());
        self.descend(epoch);
    }

    /// Opens what was learned by the bundle that holds the root for `user`, and what can be had by that of the epochs before.
    ///
    /// # Errors
    /// [`OpenError`] if the bundle holds no root for this user and key that fits the certificate.
    pub fn open(&mut self, said: &KeysSaid, bundle: &[u8], user: UserId, kem: &KemSecret) -> Result<(), OpenError> {
        let epoch = said.epoch();
        let (prev, recipients) = match said {
            KeysSaid::Epoch(certificate) => (certificate.prev.digest, certificate.recipients),
            KeysSaid::Admission(admission) => (admission.prev, admission.recipients),
        };
        let commitment = self.certificates.get(&epoch).ok_or(OpenError)?.commitment;
        let binding = EpochBinding { space: self.space, epoch, prev, commitment, recipients };
        let root = open_bundle(bundle, &binding, user, kem)?;
        self.admit(epoch, root);
        self.descend(epoch);
        Ok(())
    }

    /// Notes that nothing opens which should have given this user what was said.
    pub fn withhold(&mut self, said: &KeysSaid) {
        self.withheld.insert(said.epoch(), said.by());
    }

    /// Notes that an epoch began while a revoked device held this user's key.
    pub fn leave_out(&mut self, epoch: u32) {
        self.left_out.insert(epoch);
    }

    /// Whether the keys of an epoch are at hand.
    #[must_use]
    pub fn is_open(&self, epoch: u32) -> bool {
        self.opened.contains_key(&epoch)
    }

    /// Whether whoever began an epoch that is open withholds what came before from those who come later: by something else in place of the roots
    /// that it says it brings, or by leaving out one that they drew themselves. Whoever was not given a root leaves it out rightly.
    #[must_use]
    pub fn withholds_earlier(&self, epoch: u32) -> bool {
        let is_own = || {
            let before = epoch.checked_sub(1)?;
            Some(before > 0 && self.author(before)? == self.author(epoch)? && !self.brought.contains(&before))
        };
        self.is_open(epoch) && (self.junk.contains(&epoch) || is_own().unwrap_or(false))
    }

    fn author(&self, epoch: u32) -> Option<DeviceId> {
        self.certificates.get(&epoch).map(|certificate| certificate.device)
    }

    /// Whether the next epoch should bring along what others have withheld: from this user, whom the last one then gave no root to write under, or
    /// from those who come later.
    #[must_use]
    pub fn is_to_be_mended(&self) -> bool {
        self.mendable().next().is_some() || self.lacks_last()
    }

    /// Whether the last epoch is one whose root is withheld from this user, so that there is nothing to write under.
    #[must_use]
    pub fn lacks_last(&self) -> bool {
        self.certificates.keys().next_back().is_some_and(|epoch| self.lacks(*epoch))
    }

    /// Whether this user was to be given the root of an epoch, and has it from nowhere.
    #[must_use]
    pub fn lacks(&self, epoch: u32) -> bool {
        self.withheld.contains_key(&epoch) && !self.is_open(epoch)
    }

    /// The roots that an epoch is to bring which begins now: the last one that is at hand, and what others have withheld.
    #[must_use]
    pub fn earlier(&self) -> EarlierRoots {
        let last = self.opened.last_key_value().map(|(epoch, open)| (*epoch, &open.root));
        EarlierRoots::of(self.mendable().chain(last).map(|(epoch, root)| (epoch, root.clone())))
    }

    /// What whoever comes later could not have, though this member has it: its epoch, and its root.
    fn mendable(&self) -> impl Iterator<Item = (u32, &EpochRoot)> {
        let in_force = self.certificates.last_key_value().map_or(0, |(epoch, _)| *epoch);
        let is_lost = move |epoch: u32| epoch < in_force && !self.brought.contains(&epoch);
        self.opened.iter().filter(move |(epoch, _)| is_lost(**epoch)).map(|(epoch, open)| (*epoch, &open.root))
    }

    /// Opens the epochs before one that is open, as far as their certificates are known.
    fn descend(&mut self, from: u32) {
        let mut waiting = vec![from];
        while let Some(epoch) = waiting.pop() {
            let Some(brought) = self.brought_by(epoch) else {
                self.junk.insert(epoch);
                continue;
            };
            self.junk.remove(&epoch);
            for (number, root) in brought.iter() {
                let Some(certificate) = self.certificates.get(&number) else { continue };
                if root.commitment(self.space, number) != certificate.commitment {
                    self.junk.insert(epoch);
                    continue;
                }
                self.brought.insert(number);
                if !self.is_open(number) {
                    self.admit(number, root.clone());
                    waiting.push(number);
                }
            }
        }
    }

    /// The roots that are sealed under an epoch's, as its author says; none if it is not open, and nothing if they do not open.
    fn brought_by(&self, epoch: u32) -> Option<EarlierRoots> {
        let (Some(open), Some(certificate)) = (self.opened.get(&epoch), self.certificates.get(&epoch)) else {
            return Some(EarlierRoots::default());
        };
        if certificate.sealed_earlier.is_empty() {
            return Some(EarlierRoots::default());
        }
        open.root.open_earlier(self.space, epoch, &certificate.sealed_earlier).ok()
    }

    /// Takes a root as an epoch's. The caller knows that it is.
    pub fn admit(&mut self, epoch: u32, root: EpochRoot) {
        let keys = root.keys(self.space, epoch);
        let cutter = match self.cutting {
            Cutting::Keyed => Cutter::keyed(&keys.cutter),
            Cutting::Fixed => Cutter::Fixed,
        };
        self.withheld.remove(&epoch);
        self.opened.insert(epoch, Arc::new(EpochSecrets { epoch, root, keys, cutter }));
    }

    /// The keys of an epoch that was opened.
    ///
    /// # Errors
    /// [`EpochError::Withheld`] if somebody should have given them to this user, [`EpochError::LeftOut`] if nobody may have,
    /// [`EpochError::Unknown`] if nobody should have.
    pub fn secrets(&self, epoch: u32) -> Result<&Arc<EpochSecrets>, EpochError> {
        self.opened.get(&epoch).ok_or_else(|| match self.withheld_by(epoch) {
            Some(by) => EpochError::Withheld { epoch, by },
            None if self.left_out.contains(&epoch) => EpochError::LeftOut(epoch),
            None => EpochError::Unknown(epoch),
        })
    }

    /// Who has withheld the root of an epoch that is closed: whoever was to give it to this user, or a later one; else whoever withholds it from all
    /// who come later. Where an honest author was not given it, nobody can tell who has it.
    fn withheld_by(&self, epoch: u32) -> Option<DeviceId> {
        let directly = self.withheld.range(epoch..).next().map(|(_, by)| *by);
        let after = || self.opened.range(epoch..).map(|(after, _)| *after).find(|after| self.withholds_earlier(*after));
        directly.or_else(|| after().and_then(|after| self.author(after)))
    }

    /// Every epoch that was opened, by number.
    #[must_use]
    pub fn all(&self) -> BTreeMap<u32, Arc<EpochSecrets>> {
        self.opened.clone()
    }

    /// What a commit says.
    ///
    /// # Errors
    /// [`EpochError`] if the commit's epoch was not opened: the caller's fault.
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

#[cfg(test)]
mod tests;
