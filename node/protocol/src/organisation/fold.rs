//! The organisation as its chain says: a pure fold of certificates.
//!
//! What a certificate says and who may say it; `extending` verifies each one before it gets here. Nodes and clients run this same code.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bytes::Bytes;

use crate::canonical::DecodeError;
use crate::chain::Head;
use crate::id::{DeviceId, Digest, Fingerprint, InviteId, NodeId, UserId};
use crate::limit::USER_DEVICES_MAX;
use crate::organisation::certificate::{Certificate, Issuer, Statement};
use crate::organisation::charter::{Charter, PlacementPolicy};
use crate::organisation::links::LinkPolicy;
use crate::organisation::proposal::{Grant, Proposals};
use crate::organisation::quota::{QuotaOf, Quotas};
use crate::organisation::reanchor::Incarnations;
use crate::organisation::recovery::{Guard, Recovery};
use crate::organisation::renewal::Generation;
use crate::organisation::seat::Seats;
use crate::signature::{HybridKey, KemKey};
use crate::signed::Signed;

/// Why a certificate does not extend the chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum OrganisationError {
    /// The bytes are not a certificate.
    #[error("not a certificate: {0}")]
    Decode(#[from] DecodeError),
    /// The chain does not begin with a genesis, or a genesis stands elsewhere.
    #[error("a genesis stands first, and only there")]
    Genesis,
    /// The genesis is not the one whose fingerprint was pinned.
    #[error("this is another organisation")]
    OtherOrganisation,
    /// It follows another position than the chain's head.
    #[error("the certificate does not follow the chain's head")]
    NotHead,
    /// The signature does not verify under the issuer's keys.
    #[error("the certificate's signature does not verify")]
    Signature,
    /// The issuer is unknown, revoked, or may not say this.
    #[error("the issuer has no authority to say this")]
    Authority,
    /// Two admins are to sign it, too: it can only be proposed.
    #[error("two admins must sign this before it holds")]
    TwoAdmins,
    /// It contradicts what the chain holds: a doubled identifier, an unknown subject, an invite used before.
    #[error("the certificate contradicts the chain")]
    Contradiction,
}

/// A person, as the chain says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserRecord {
    /// The key that secrets for this person are wrapped for now.
    pub kem: KemKey,
    /// All that there were, the first one first.
    pub generations: Vec<Generation>,
    /// The directory key, wrapped for this person.
    pub wrapped_directory: Vec<u8>,
    /// The person's name, sealed.
    pub sealed_name: Vec<u8>,
    /// The position that certified the person.
    pub since: u64,
    /// The position from which the person is no longer a member.
    pub revoked_at: Option<u64>,
    /// The guardians that the person has named last; see [`UserRecord::guard_in_force`].
    pub guard: Option<Arc<Guard>>,
    /// How often each device of the person has named guardians, splits of renewed keys apart.
    pub(super) guards_named: BTreeMap<DeviceId, u32>,
    /// The position that last took a share's holder off the guardians.
    pub(super) guardian_left: Option<u64>,
    /// A recovery that has begun, until the person's keys are renewed or guardians are named anew.
    pub recovery: Option<Arc<Recovery>>,
}

/// A machine, as the chain says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviceRecord {
    /// Whose machine.
    pub user: UserId,
    /// Its signing keys.
    pub keys: HybridKey,
    /// The key that the person's secret is wrapped for.
    pub kem: KemKey,
    /// The person's KEM secret, wrapped for this device; empty for a first device.
    pub wrapped_user_secret: Vec<u8>,
    /// The machine's name, sealed.
    pub sealed_name: Vec<u8>,
    /// Who certified it.
    pub certified_by: Issuer,
    /// The position that enrolled it.
    pub since: u64,
    /// The position from which it is refused.
    pub revoked_at: Option<u64>,
}

impl DeviceRecord {
    /// Whether the device speaks for its user at position `seq` of the chain.
    #[must_use]
    pub fn is_valid_at(&self, seq: u64) -> bool {
        self.since <= seq && self.revoked_at.is_none_or(|revoked| seq < revoked)
    }
}

/// The fold of an organisation's chain.
#[derive(Debug, Clone)]
pub struct Organisation {
    fingerprint: Fingerprint,
    root: HybridKey,
    tls_authority: Vec<u8>,
    /// The chain hash at every position, the genesis first.
    pub(super) digests: Vec<Digest>,
    pub(super) head: Head,
    pub(super) users: BTreeMap<UserId, UserRecord>,
    pub(super) devices: BTreeMap<DeviceId, DeviceRecord>,
    /// The devices that each person ever had: an organisation has thousands of others.
    pub(super) devices_of: BTreeMap<UserId, BTreeSet<DeviceId>>,
    /// The devices of the recoveries that have begun and not ended, and for whom they ask: each for one person alone.
    pub(super) asking: BTreeMap<DeviceId, UserId>,
    pub(super) admins: BTreeSet<UserId>,
    pub(super) charters: BTreeMap<NodeId, Charter>,
    charters_revoked: BTreeSet<NodeId>,
    /// Nodes in the order of their first charter.
    pub(super) chartered: Vec<NodeId>,
    pub(super) seats: Seats,
    pub(super) quotas: Quotas,
    pub(super) incarnations: Incarnations,
    pub(super) proposals: Proposals,
    pub(super) policy: PlacementPolicy,
    pub(super) links: LinkPolicy,
    invites_used: BTreeSet<InviteId>,
}

impl Organisation {
    /// Begins the fold with a genesis, which vouches for itself: compare [`Organisation::fingerprint`] with a pinned one.
    ///
    /// # Errors
    /// [`OrganisationError`] if it is not a genesis signed by the root it names.
    pub fn found(genesis: Bytes) -> Result<Self, OrganisationError> {
        let signed: Signed<Certificate> = Signed::parse(genesis)?;
        let certificate = signed.payload();
        let (Statement::Genesis { root, tls_authority }, Issuer::Root, None) =
            (&certificate.statement, certificate.issuer, certificate.prev)
        else {
            return Err(OrganisationError::Genesis);
        };
        signed.verify_hybrid(root).map_err(|_| OrganisationError::Signature)?;
        let digest = signed.digest();
        Ok(Self {
            fingerprint: Fingerprint(digest.0),
            root: root.clone(),
            tls_authority: tls_authority.clone(),
            digests: vec![digest],
            head: Head::of_genesis(digest),
            users: BTreeMap::new(),
            devices: BTreeMap::new(),
            devices_of: BTreeMap::new(),
            asking: BTreeMap::new(),
            admins: BTreeSet::new(),
            charters: BTreeMap::new(),
            charters_revoked: BTreeSet::new(),
            chartered: Vec::new(),
            seats: Seats::default(),
            quotas: Quotas::default(),
            incarnations: Incarnations::default(),
            proposals: Proposals::default(),
            policy: PlacementPolicy::default(),
            links: LinkPolicy::default(),
            invites_used: BTreeSet::new(),
        })
    }

    /// Begins the fold with the genesis that `pinned` names.
    ///
    /// # Errors
    /// [`OrganisationError::OtherOrganisation`] for any other genesis, however well signed.
    pub fn found_pinned(genesis: Bytes, pinned: Fingerprint) -> Result<Self, OrganisationError> {
        if Fingerprint(Digest::of(&genesis).0) != pinned {
            return Err(OrganisationError::OtherOrganisation);
        }
        Self::found(genesis)
    }

    pub(super) fn issuer_keys(&self, issuer: Issuer) -> Result<&HybridKey, OrganisationError> {
        match issuer {
            Issuer::Root => Ok(&self.root),
            Issuer::Device(device) => {
                self.live_device(device).map(|record| &record.keys).ok_or(OrganisationError::Authority)
            }
        }
    }

    pub(super) fn judge_authority(&self, certificate: &Certificate) -> Result<(), OrganisationError> {
        let Issuer::Device(device) = certificate.issuer else {
            // Whoever gave a person keys could read what others then wrap for them; and the root is nobody's second signature.
            let is_own = matches!(
                certificate.statement,
                Statement::Renew(_) | Statement::Guardians(_) | Statement::Approve(_) | Statement::Cosign { .. }
            );
            return match self.is_for_the_root_alone(&certificate.statement) {
                _ if is_own => Err(OrganisationError::Authority),
                false => Err(OrganisationError::TwoAdmins),
                true => Ok(()),
            };
        };
        let issuer = self.live_device(device).ok_or(OrganisationError::Authority)?.user;
        let is_admin = self.admins.contains(&issuer);
        let may = match &certificate.statement {
            Statement::User { .. }
            | Statement::SeatNode(_)
            | Statement::DrainNode { .. }
            | Statement::RemoveNode { .. }
            | Statement::Cosign { .. }
            | Statement::Withdraw { .. }
            | Statement::Quota(_)
            | Statement::Recover(_) => is_admin,
            Statement::RevokeUser { user } => is_admin && (!self.admins.contains(user) || *user == issuer),
            Statement::Renew(renewal) => renewal.user == issuer,
            Statement::Guardians(guardians) => guardians.user == issuer,
            Statement::Approve(approval) => self.guardian_who_says(approval, certificate.issuer).is_some(),
            Statement::Device { user, .. } => *user == issuer || (is_admin && !self.has_device(*user)),
            Statement::RevokeDevice { device } => {
                let owner = self.devices.get(device).map(|record| record.user).or_else(|| self.asked_for_by(*device));
                // An admin whose every device is revoked would be one no more.
                owner == Some(issuer) || (is_admin && owner.is_none_or(|owner| !self.admins.contains(&owner)))
            }
            Statement::Genesis { .. }
            | Statement::Admin { .. }
            | Statement::Charter(_)
            | Statement::RevokeCharter { .. }
            | Statement::Policy(_)
            | Statement::Links(_)
            | Statement::Propose(_)
            | Statement::Reanchor(_) => false,
        };
        if may { Ok(()) } else { Err(OrganisationError::Authority) }
    }

    pub(super) fn fold(&mut self, certificate: &Certificate) -> Result<(), OrganisationError> {
        let position = self.head.seq.saturating_add(1);
        match &certificate.statement {
            Statement::Genesis { .. } => return Err(OrganisationError::Genesis),
            Statement::User { user, kem, wrapped_directory, sealed_name, invite } => {
                if self.users.contains_key(user) || !kem.is_well_formed() {
                    return Err(OrganisationError::Contradiction);
                }
                self.use_invite(*invite)?;
                let record = UserRecord {
                    kem: kem.clone(),
                    generations: vec![Generation { since: position, kem: kem.clone(), renewal: None }],
                    wrapped_directory: wrapped_directory.clone(),
                    sealed_name: sealed_name.clone(),
                    since: position,
                    revoked_at: None,
                    guard: None,
                    guards_named: BTreeMap::new(),
                    guardian_left: None,
                    recovery: None,
                };
                self.users.insert(*user, record);
            }
            Statement::Device { user, keys, kem, wrapped_user_secret, sealed_name, invite } => {
                let device = keys.device_id();
                let has_room = self.live_devices_of(*user).count() < USER_DEVICES_MAX && kem.is_well_formed();
                // Whoever enrolled a device that asks guardians for another one's keys would keep it from being that person's.
                let is_taken = self.devices.contains_key(&device) || self.asking.contains_key(&device);
                if self.live_user(*user).is_none() || is_taken || !has_room {
                    return Err(OrganisationError::Contradiction);
                }
                self.use_invite(*invite)?;
                let record = DeviceRecord {
                    user: *user,
                    keys: keys.clone(),
                    kem: kem.clone(),
                    wrapped_user_secret: wrapped_user_secret.clone(),
                    sealed_name: sealed_name.clone(),
                    certified_by: certificate.issuer,
                    since: position,
                    revoked_at: None,
                };
                self.add_device(device, record);
            }
            Statement::Admin { user } => self.appoint(*user)?,
            Statement::RevokeUser { user } => self.revoke_user(*user, position)?,
            Statement::RevokeDevice { device } => {
                let is_refused = self.refuse_recovery(*device);
                match self.devices.get_mut(device) {
                    Some(record) => {
                        record.revoked_at.get_or_insert(position);
                    }
                    None if is_refused => {}
                    None => return Err(OrganisationError::Contradiction),
                }
            }
            Statement::Charter(charter) => self.admit(charter)?,
            Statement::RevokeCharter { node } => {
                self.charters.remove(node).ok_or(OrganisationError::Contradiction)?;
                self.charters_revoked.insert(*node);
            }
            Statement::Policy(policy) => self.policy = policy.clone(),
            Statement::Links(policy) => self.links = policy.clone(),
            Statement::SeatNode(seat) => self.seats.take(seat, &self.charters, position)?,
            Statement::DrainNode { node } => self.seats.drain(*node, &self.charters)?,
            Statement::RemoveNode { node } => self.seats.remove(*node, &self.charters)?,
            Statement::Quota(quota) => {
                // Spaces are no matter of this chain; people are.
                if let QuotaOf::User(user) = quota.of
                    && !self.users.contains_key(&user)
                {
                    return Err(OrganisationError::Contradiction);
                }
                self.quotas.set(*quota)?;
            }
            Statement::Reanchor(part) => self.incarnations.take(part, position)?,
            Statement::Renew(renewal) => self.renew(renewal, position)?,
            Statement::Guardians(guardians) => self.name_guardians(guardians, certificate, position)?,
            Statement::Recover(recover) => self.recover(recover, certificate, position)?,
            Statement::Approve(approval) => self.approve(approval, certificate, position)?,
            Statement::Propose(grant) => self.propose(grant, certificate.issued_at, position)?,
            Statement::Cosign { proposal } => match certificate.issuer {
                Issuer::Device(device) => self.cosign(*proposal, device, position)?,
                Issuer::Root => return Err(OrganisationError::Authority),
            },
            Statement::Withdraw { proposal } => self.withdraw(*proposal)?,
        }
        Ok(())
    }

    /// Folds in what was proposed and has its signatures.
    pub(super) fn put_into_force(&mut self, grant: &Grant, position: u64) -> Result<(), OrganisationError> {
        match grant {
            // Else whoever then gave them a first device would be two admins.
            Grant::Admin { user } if !self.has_device(*user) => return Err(OrganisationError::Contradiction),
            Grant::Admin { user } => self.appoint(*user)?,
            Grant::Charter(charter) => self.admit(charter)?,
            Grant::Policy(policy) => self.policy = policy.clone(),
            Grant::Links(policy) => self.links = policy.clone(),
            Grant::Reanchor(part) => self.incarnations.take(part, position)?,
            Grant::Rule(rule) => self.set_rule(*rule),
        }
        Ok(())
    }

    pub(super) fn add_device(&mut self, device: DeviceId, record: DeviceRecord) {
        self.devices_of.entry(record.user).or_default().insert(device);
        self.devices.insert(device, record);
    }

    fn appoint(&mut self, user: UserId) -> Result<(), OrganisationError> {
        self.live_user(user).ok_or(OrganisationError::Contradiction)?;
        self.admins.insert(user);
        Ok(())
    }

    fn admit(&mut self, charter: &Charter) -> Result<(), OrganisationError> {
        let node = charter.node();
        if self.charters_revoked.contains(&node) {
            return Err(OrganisationError::Contradiction);
        }
        if self.charters.insert(node, charter.clone()).is_none() {
            self.chartered.push(node);
        }
        Ok(())
    }

    pub(super) fn use_invite(&mut self, invite: Option<InviteId>) -> Result<(), OrganisationError> {
        match invite {
            Some(invite) if !self.invites_used.insert(invite) => Err(OrganisationError::Contradiction),
            _ => Ok(()),
        }
    }

    fn revoke_user(&mut self, user: UserId, position: u64) -> Result<(), OrganisationError> {
        let record = self.users.get_mut(&user).ok_or(OrganisationError::Contradiction)?;
        record.revoked_at.get_or_insert(position);
        self.end_recovery(user);
        self.admins.remove(&user);
        for device in self.devices_of.get(&user).into_iter().flatten() {
            if let Some(record) = self.devices.get_mut(device) {
                record.revoked_at.get_or_insert(position);
            }
        }
        Ok(())
    }

    pub(super) fn has_device(&self, user: UserId) -> bool {
        self.devices_of.contains_key(&user)
    }

    /// What clients pin.
    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        self.fingerprint
    }

    /// The root's public keys.
    #[must_use]
    pub fn root(&self) -> &HybridKey {
        &self.root
    }

    /// The TLS authority's certificate, in DER.
    #[must_use]
    pub fn tls_authority(&self) -> &[u8] {
        &self.tls_authority
    }

    /// The chain's head.
    #[must_use]
    pub fn head(&self) -> Head {
        self.head
    }

    /// Whether `head` is a position of this chain.
    #[must_use]
    pub fn passed(&self, head: Head) -> bool {
        usize::try_from(head.seq).ok().and_then(|seq| self.digests.get(seq)) == Some(&head.digest)
    }

    /// A person, revoked or not.
    #[must_use]
    pub fn user(&self, user: UserId) -> Option<&UserRecord> {
        self.users.get(&user)
    }

    /// A person who has not been revoked.
    #[must_use]
    pub fn live_user(&self, user: UserId) -> Option<&UserRecord> {
        self.users.get(&user).filter(|record| record.revoked_at.is_none())
    }

    /// A device that has not been revoked.
    #[must_use]
    pub fn live_device(&self, device: DeviceId) -> Option<&DeviceRecord> {
        self.devices.get(&device).filter(|record| record.revoked_at.is_none())
    }

    /// A device, live or revoked: history stays attributable.
    #[must_use]
    pub fn device(&self, device: DeviceId) -> Option<&DeviceRecord> {
        self.devices.get(&device)
    }

    /// Every person ever certified.
    pub fn users(&self) -> impl Iterator<Item = (UserId, &UserRecord)> {
        self.users.iter().map(|(id, record)| (*id, record))
    }

    /// Every device ever certified.
    pub fn devices(&self) -> impl Iterator<Item = (DeviceId, &DeviceRecord)> {
        self.devices.iter().map(|(id, record)| (*id, record))
    }

    /// Whether the person is an admin.
    #[must_use]
    pub fn is_admin(&self, user: UserId) -> bool {
        self.admins.contains(&user)
    }

    /// The admins.
    pub fn admins(&self) -> impl Iterator<Item = UserId> {
        self.admins.iter().copied()
    }

    /// A node's charter, unless revoked; its dates are for the caller to judge.
    #[must_use]
    pub fn charter(&self, node: NodeId) -> Option<&Charter> {
        self.charters.get(&node)
    }

    /// Whether the node had a charter that was revoked: it never gets another.
    #[must_use]
    pub fn is_charter_revoked(&self, node: NodeId) -> bool {
        self.charters_revoked.contains(&node)
    }

    /// Every charter that has not been revoked.
    pub fn charters(&self) -> impl Iterator<Item = &Charter> {
        self.charters.values()
    }

    /// Whether a certificate has already answered this invite.
    #[must_use]
    pub fn is_invite_used(&self, invite: InviteId) -> bool {
        self.invites_used.contains(&invite)
    }
}
