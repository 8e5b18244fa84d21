//! A space as its chain says in clear: a pure fold of commits, run alike by nodes (in Raft's apply) and clients.
//!
//! A commit is judged at the position it names, against the organisation as it stood at the commit's `org`; so all
//! clients judge every commit alike, however late they read it. What a node adds to this judgement (the floor, a
//! revocation at its own head) can refuse a commit before it is in the chain, never afterwards.

use std::borrow::Cow;
use std::collections::BTreeMap;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::canonical::{DecodeError, encode};
use crate::chain::Head;
use crate::id::{DeviceId, Digest, SpaceId, UserId};
use crate::label;
use crate::limit::MEMBERS_MAX;
use crate::organisation::Organisation;
use crate::signature::KemKey;
use crate::signed::Signed;
use crate::space::commit::{Commit, Control};
use crate::space::epoch::{EpochCertificate, Recipient, recipients_digest};
use crate::space::genesis::{Cutting, SpaceGenesis};
use crate::space::members::{KeysChange, Member, MembersChange, Role, owners};
use crate::space::retention::Retention;

/// The last commit of a device in a space.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastCommit {
    /// Its counter.
    pub counter: u64,
    /// Digest of its signed bytes.
    pub digest: Digest,
    /// The head that it made: the answer to the same bytes sent again.
    pub head: Head,
}

/// Why a genesis or commit has no place in the space's chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CommitError {
    /// The bytes are not what they should be.
    #[error("not decodable: {0}")]
    Decode(#[from] DecodeError),
    /// Made for another space.
    #[error("the commit is for another space")]
    OtherSpace,
    /// A signature in it does not verify.
    #[error("a signature does not verify")]
    Signature,
    /// The author is not an enrolled device at the organisation head that the commit names.
    #[error("the device is not valid at the commit's organisation head")]
    Device,
    /// The author's user is not a member, or the role does not suffice.
    #[error("the author may not write to this space")]
    Role,
    /// The commit names an organisation head that is not of this organisation, or older than an earlier commit's.
    #[error("the commit's organisation head is unknown or went backwards")]
    OrganisationHead,
    /// The space has moved on: fold what came, plan again, sign again.
    #[error("the commit does not follow the space's head")]
    NotHead,
    /// The device has used this counter for other bytes: a cloned or restored device.
    #[error("the counter was used for another commit")]
    CounterUsed,
    /// A counter is missing before this one.
    #[error("the counter skips {expected}")]
    CounterGap {
        /// The counter that is due.
        expected: u64,
    },
    /// The epoch is not the space's, or its certificate does not fit.
    #[error("the epoch is not the space's")]
    Epoch,
    /// An epoch's certificate is for others than its recipients.
    #[error("the epoch's recipients are not the space's members")]
    Recipients,
    /// A change of members that changes nothing, admits somebody who is not of the organisation or whose key a revoked device holds, leaves
    /// nobody who owns the space, or gives keys to others than those who come.
    #[error("the change of members does not fit the space")]
    Members,
}

/// Where a commit stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CommitPlace {
    /// It extends the chain.
    Next,
    /// It is in the chain already and made this head: the answer had been lost.
    Already(Head),
}

/// The clear part of a space.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Space {
    id: SpaceId,
    pub(super) head: Head,
    pub(super) org: Head,
    epoch: u32,
    /// The organisation's position at which the epoch's recipients were read.
    epoch_org: u64,
    /// Whether somebody has left since the epoch began, who holds its keys.
    has_leaver: bool,
    cutting: Cutting,
    retention: Retention,
    fold_version: u16,
    nonce: [u8; 16],
    sealed_name: Vec<u8>,
    members: BTreeMap<UserId, Member>,
    pub(super) devices: BTreeMap<DeviceId, LastCommit>,
}

impl Space {
    /// Begins the fold: verifies the genesis against the organisation's chain.
    ///
    /// # Errors
    /// [`CommitError`], named by the defect.
    pub fn found(genesis: &Signed<SpaceGenesis>, org: &Organisation) -> Result<Self, CommitError> {
        let payload = genesis.payload();
        if !org.passed(payload.org) {
            return Err(CommitError::OrganisationHead);
        }
        let device = org
            .device(payload.device)
            .filter(|device| device.is_valid_at(payload.org.seq) && device.user == payload.owner)
            .ok_or(CommitError::Device)?;
        genesis.verify_hybrid(&device.keys).map_err(|_| CommitError::Signature)?;
        Ok(Self {
            id: SpaceId::of(genesis),
            head: Head::of_genesis(genesis.digest()),
            org: payload.org,
            epoch: 0,
            epoch_org: 0,
            has_leaver: false,
            cutting: payload.cutting,
            retention: Retention::default(),
            fold_version: payload.fold_version,
            nonce: payload.nonce,
            sealed_name: payload.sealed_name.clone(),
            members: BTreeMap::from([(
                payload.owner,
                Member { role: Role::Owner, since: 0, by: payload.device, at: payload.created_at },
            )]),
            devices: BTreeMap::new(),
        })
    }

    /// Judges whether `commit` has a place here, its signature apart (see [`Space::verify`]).
    ///
    /// # Errors
    /// [`CommitError`]. A repeated commit is judged before the head is, so that a lost answer is given again.
    pub fn judge(&self, commit: &Signed<Commit>, org: &Organisation) -> Result<CommitPlace, CommitError> {
        let payload = commit.payload();
        if payload.space != self.id {
            return Err(CommitError::OtherSpace);
        }
        let last = self.devices.get(&payload.device);
        let expected = last.map_or(0, |last| last.counter).saturating_add(1);
        match last {
            Some(last) if payload.counter == last.counter && commit.digest() == last.digest => {
                return Ok(CommitPlace::Already(last.head));
            }
            _ if payload.counter < expected => return Err(CommitError::CounterUsed),
            _ if payload.counter > expected => return Err(CommitError::CounterGap { expected }),
            _ => {}
        }
        if payload.prev != self.head {
            return Err(CommitError::NotHead);
        }
        self.judge_content(payload, org)?;
        Ok(CommitPlace::Next)
    }

    /// Judges all that does not hang on the commits before it one by one.
    pub(super) fn judge_content(&self, commit: &Commit, org: &Organisation) -> Result<(), CommitError> {
        self.judge_author(commit, org)?;
        self.judge_epoch(commit, org)?;
        match &commit.control {
            Some(Control::Members(change)) => self.judge_members(commit, change, org),
            _ => Ok(()),
        }
    }

    fn judge_author(&self, commit: &Commit, org: &Organisation) -> Result<(), CommitError> {
        if commit.org.seq < self.org.seq || !org.passed(commit.org) {
            return Err(CommitError::OrganisationHead);
        }
        let device =
            org.device(commit.device).filter(|device| device.is_valid_at(commit.org.seq)).ok_or(CommitError::Device)?;
        let authority = self.authority(device.user, org, commit.org.seq);
        if authority < Some(role_needed(commit)) { Err(CommitError::Role) } else { Ok(()) }
    }

    /// Judges who may change whom, and that the keys follow.
    fn judge_members(&self, commit: &Commit, change: &MembersChange, org: &Organisation) -> Result<(), CommitError> {
        let author = org.device(commit.device).ok_or(CommitError::Device)?.user;
        let seq = commit.org.seq;
        let authority = self.authority(author, org, seq);
        for (user, role) in &change.roles {
            let before = self.role(*user);
            let is_real = before != *role && (role.is_none() || org.is_user_at(*user, seq));
            // Whoever comes is given the keys in force.
            let is_exposed = before.is_none() && org.is_key_exposed_at(*user, seq);
            if !is_real || is_exposed {
                return Err(CommitError::Members);
            }
            let leaves = *user == author && role.is_none();
            let needed = if before.max(*role) > Some(Role::Writer) { Role::Owner } else { Role::Manager };
            if !leaves && authority < Some(needed) {
                return Err(CommitError::Role);
            }
        }
        let after = self.with_members(change, commit.device);
        let is_left_alone = self.is_owned(org, seq) && !after.is_owned(org, seq);
        if after.members.len() > MEMBERS_MAX || after.members.is_empty() || is_left_alone {
            return Err(CommitError::Members);
        }
        let comes = change.comers(|user| self.role(user).is_some()).next().is_some();
        let goes = change.goers().next().is_some();
        let leaves = change.goers().any(|user| user == author);
        let fits = match &change.keys {
            KeysChange::Unchanged => !comes && change.goers().all(|user| user == author) && commit.adds.is_empty(),
            KeysChange::Shared(bundle) => comes && !goes && commit.adds == [*bundle],
            // Whoever leaves would know the keys that they are not to have.
            KeysChange::Epoch(_) => (comes || goes) && !leaves,
        };
        // Whoever may only read says nothing else by leaving.
        if fits && commit.sealed_ops.is_empty() { Ok(()) } else { Err(CommitError::Members) }
    }

    fn members_after(&self, change: &MembersChange, by: DeviceId) -> BTreeMap<UserId, Member> {
        let mut members = self.members.clone();
        for (user, role) in &change.roles {
            match (*role, members.get_mut(user)) {
                (Some(role), Some(member)) => member.role = role,
                (Some(role), None) => {
                    let since = self.head.seq.saturating_add(1);
                    members.insert(*user, Member { role, since, by, at: change.at });
                }
                (None, _) => drop(members.remove(user)),
            }
        }
        members
    }

    fn judge_epoch(&self, commit: &Commit, org: &Organisation) -> Result<(), CommitError> {
        let Some(bytes) = commit.control.as_ref().and_then(Control::epoch) else {
            return if commit.epoch == self.epoch && self.epoch > 0 { Ok(()) } else { Err(CommitError::Epoch) };
        };
        let signed: Signed<EpochCertificate> = Signed::parse(Bytes::copy_from_slice(bytes))?;
        let certificate = signed.payload();
        // The founder's alone: members come once there are keys to give them.
        let is_first = self.epoch == 0 && matches!(commit.control, Some(Control::Epoch(_)));
        let follows = certificate.space == self.id
            && certificate.prev == commit.prev
            && certificate.org == commit.org
            && certificate.device == commit.device
            && Some(certificate.epoch) == self.epoch.checked_add(1)
            && certificate.epoch == commit.epoch
            && commit.adds == [certificate.bundle]
            && certificate.sealed_earlier.is_empty() == is_first
            && (self.epoch > 0 || is_first);
        if !follows {
            return Err(CommitError::Epoch);
        }
        // Whoever comes by this very commit is a recipient, and whoever goes is none.
        let after = match &commit.control {
            Some(Control::Members(change)) => Cow::Owned(self.members_after(change, commit.device)),
            _ => Cow::Borrowed(&self.members),
        };
        let listed =
            recipients(&after, org, commit.org.seq).map(|(user, kem)| Recipient { user, kem: kem.digest() }).collect();
        if certificate.recipients == recipients_digest(listed) { Ok(()) } else { Err(CommitError::Recipients) }
    }

    /// Verifies the commit's own signature, and that of a certificate it carries.
    ///
    /// # Errors
    /// [`CommitError::Device`] or [`CommitError::Signature`].
    pub fn verify(commit: &Signed<Commit>, org: &Organisation) -> Result<(), CommitError> {
        let keys = &org.device(commit.payload().device).ok_or(CommitError::Device)?.keys;
        commit.verify(&keys.ed25519).map_err(|_| CommitError::Signature)?;
        if let Some(bytes) = commit.payload().control.as_ref().and_then(Control::epoch) {
            let signed: Signed<EpochCertificate> = Signed::parse(Bytes::copy_from_slice(bytes))?;
            signed.verify_hybrid(keys).map_err(|_| CommitError::Signature)?;
        }
        Ok(())
    }

    /// Appends a commit that [`Space::judge`] has found to be [`CommitPlace::Next`], and returns the new head.
    pub fn append(&mut self, commit: &Signed<Commit>) -> Head {
        let payload = commit.payload();
        let digest = commit.digest();
        match &payload.control {
            Some(Control::Retention(retention)) => self.retention = *retention,
            Some(Control::Members(change)) => {
                self.has_leaver |= change.goers().next().is_some();
                self.members = self.members_after(change, payload.device);
            }
            _ => {}
        }
        if payload.epoch != self.epoch {
            (self.epoch, self.epoch_org, self.has_leaver) = (payload.epoch, payload.org.seq, false);
        }
        self.head = self.head.after(digest);
        self.org = payload.org;
        let last = LastCommit { counter: payload.counter, digest, head: self.head };
        self.devices.insert(payload.device, last);
        self.head
    }

    /// The space's identifier.
    #[must_use]
    pub fn id(&self) -> SpaceId {
        self.id
    }

    /// The space's head.
    #[must_use]
    pub fn head(&self) -> Head {
        self.head
    }

    /// The organisation head that the last commit named.
    #[must_use]
    pub fn org(&self) -> Head {
        self.org
    }

    /// The epoch in force; 0 before the first one.
    #[must_use]
    pub fn epoch(&self) -> u32 {
        self.epoch
    }

    /// How files are cut.
    #[must_use]
    pub fn cutting(&self) -> Cutting {
        self.cutting
    }

    /// How long released chunks are kept.
    #[must_use]
    pub fn retention(&self) -> Retention {
        self.retention
    }

    /// Version of the rules that fold the sealed ops.
    #[must_use]
    pub fn fold_version(&self) -> u16 {
        self.fold_version
    }

    /// The sealed name, and the nonce that it is bound to.
    #[must_use]
    pub fn sealed_name(&self) -> (&[u8], [u8; 16]) {
        (&self.sealed_name, self.nonce)
    }

    /// A member's role.
    #[must_use]
    pub fn role(&self, user: UserId) -> Option<Role> {
        self.members.get(&user).map(|member| member.role)
    }

    /// What a member may do at position `seq` of the organisation's chain: the role, but that the oldest manager owns a space whose owners
    /// were all revoked.
    #[must_use]
    pub fn authority(&self, user: UserId, org: &Organisation, seq: u64) -> Option<Role> {
        match self.role(user) {
            Some(Role::Manager)
                if owners(&self.members, |user| org.is_user_at(user, seq)).any(|owner| owner == user) =>
            {
                Some(Role::Owner)
            }
            role => role,
        }
    }

    /// For whom the root of an epoch is wrapped that begins now, and by which key, at position `seq` of the organisation's chain: its members
    /// who are of the organisation then, and whose key no revoked device holds. Whoever is left out is given the next epoch, which is pending
    /// once they have renewed their key.
    pub fn recipients<'a>(
        &'a self,
        org: &'a Organisation,
        seq: u64,
    ) -> impl Iterator<Item = (UserId, &'a KemKey)> + use<'a> {
        recipients(&self.members, org, seq)
    }

    /// Whether somebody bears the role of owner who is of the organisation at position `seq` of its chain. Such a one never goes without
    /// another: only a revocation leaves a space to an heir.
    #[must_use]
    pub fn is_owned(&self, org: &Organisation, seq: u64) -> bool {
        self.members.iter().any(|(user, member)| member.role == Role::Owner && org.is_user_at(*user, seq))
    }

    /// Whether somebody holds keys of the epoch who should not read what is written next: a member or a device of one was revoked, a
    /// member's keys were changed for that, or somebody has left. Any writer's client then rotates.
    #[must_use]
    pub fn is_rotation_pending(&self, org: &Organisation) -> bool {
        self.epoch > 0 && (self.has_leaver || org.cut_since(self.epoch_org, |user| self.members.contains_key(&user)))
    }

    /// The space as a change of members by a device would leave it, where it stands.
    #[must_use]
    pub fn with_members(&self, change: &MembersChange, by: DeviceId) -> Self {
        Self { members: self.members_after(change, by), ..self.clone() }
    }

    /// The members.
    pub fn members(&self) -> impl Iterator<Item = (UserId, &Member)> {
        self.members.iter().map(|(user, member)| (*user, member))
    }

    /// Every device that has committed, with its last commit.
    pub fn devices(&self) -> impl Iterator<Item = (DeviceId, LastCommit)> {
        self.devices.iter().map(|(device, last)| (*device, *last))
    }

    /// The digest of all that the space is in clear: a checkpoint names it, so that no node can leave anything out.
    #[must_use]
    pub fn digest(&self) -> Digest {
        let mut hasher = blake3::Hasher::new();
        hasher.update(label::HASH_SPACE.as_bytes()).update(&[0]).update(&encode(self));
        Digest(*hasher.finalize().as_bytes())
    }

    /// The last commit of `device` here.
    #[must_use]
    pub fn last_commit(&self, device: DeviceId) -> Option<LastCommit> {
        self.devices.get(&device).copied()
    }
}

fn recipients<'a>(
    members: &'a BTreeMap<UserId, Member>,
    org: &'a Organisation,
    seq: u64,
) -> impl Iterator<Item = (UserId, &'a KemKey)> + use<'a> {
    let reads = move |user: &UserId| org.is_user_at(*user, seq) && !org.is_key_exposed_at(*user, seq);
    members.keys().copied().filter(reads).filter_map(move |user| Some((user, org.user(user)?.kem_at(seq))))
}

/// The least role whose members may write such a commit (trust.md, "Spaces").
fn role_needed(commit: &Commit) -> Role {
    match commit.control {
        Some(Control::Retention(_)) => Role::Owner,
        // Anybody may leave; who may do more is judged person by person.
        Some(Control::Members(_)) => Role::Reader,
        Some(Control::Epoch(_) | Control::Release(_) | Control::Keep(_) | Control::Checkpoint) | None => Role::Writer,
    }
}
