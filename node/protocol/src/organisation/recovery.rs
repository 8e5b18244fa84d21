//! Guardians, and how they give a person's secret back who has lost every device (trust.md, "Recovery").
//!
//! A person's device splits the secret that opens, never what signs, among guardians. An admin certifies a new device for whoever has lost
//! all; it is nobody's device until as many guardians as the person asked for have approved that very device, each here in the chain, with
//! its share sealed for that device alone. So neither admins nor nodes give anybody a device that the person's secrets are wrapped for, and
//! every device of the person sees what is done.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::canonical::DecodeError;
use crate::id::{DeviceId, Digest, InviteId, UserId};
use crate::label;
use crate::limit::{
    GUARD_CHANGES_MAX, GUARDIANS_MAX, GUARDIANS_THRESHOLD_MIN, SEALED_NAME_BYTES_MAX, USER_DEVICES_MAX,
};
use crate::organisation::certificate::{Certificate, Issuer, WRAPPED_SECRET_BYTES_MAX};
use crate::organisation::fold::{DeviceRecord, Organisation, OrganisationError, UserRecord};
use crate::signature::{HybridKey, KemKey};
use crate::time::Timestamp;

/// Who can give a person's secret back, together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Guardians {
    /// Whose secret it is.
    pub user: UserId,
    /// Digest of the person's KEM key in force, whose secret was split.
    pub kem: Digest,
    /// How many of them it takes; 0 if there are to be none any more.
    pub threshold: u8,
    /// Their shares, in strictly ascending order of guardians: the first is the polynomial's value at 1.
    pub shares: Vec<GuardianShare>,
}

/// One guardian's share.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GuardianShare {
    /// Who guards it.
    pub guardian: UserId,
    /// What the share must fit: whoever gives back another one is named.
    pub commitment: Digest,
    /// The share, wrapped for the guardian's KEM key.
    pub wrapped: Vec<u8>,
}

/// A device for a person who has lost theirs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recover {
    /// Who.
    pub user: UserId,
    /// The device's signing keys.
    pub keys: HybridKey,
    /// The device's KEM key, which guardians wrap their shares for.
    pub kem: KemKey,
    /// The directory key, wrapped for that key, so that guardians can be named.
    pub wrapped_directory: Vec<u8>,
    /// The machine's name, sealed under the directory key.
    pub sealed_name: Vec<u8>,
    /// The invite that this answers, which is thereby used up.
    pub invite: InviteId,
}

/// A guardian's word that a device is the person's, with the share for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Approval {
    /// Whose device it is.
    pub user: UserId,
    /// Which.
    pub device: DeviceId,
    /// The guardian's share, wrapped for the device's KEM key.
    pub wrapped: Vec<u8>,
}

/// The guardians that a person has named last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Guard {
    /// Who they are, and what they hold.
    pub said: Guardians,
    /// The position that named them.
    pub since: u64,
    /// When, by the clock of whoever signed.
    pub at: Timestamp,
}

/// A recovery that has begun, and has not ended with new keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recovery {
    /// The device that asks.
    pub device: DeviceId,
    /// What it will be once enough guardians have approved it.
    pub record: DeviceRecord,
    /// The directory key, wrapped for it.
    pub wrapped_directory: Vec<u8>,
    /// Who certified it.
    pub by: Issuer,
    /// When, by the clock of whoever signed.
    pub at: Timestamp,
    /// The guardians who have approved it, with what they wrapped for it, in the order in which they did.
    pub approvals: Vec<(UserId, Vec<u8>)>,
    /// How many it takes.
    pub threshold: u8,
}

impl Recovery {
    /// Whether the device is the person's: enough guardians have said so.
    #[must_use]
    pub fn is_approved(&self) -> bool {
        self.approvals.len() >= usize::from(self.threshold)
    }
}

/// Digest of all keys of a device, which people compare by voice before they give it anything.
#[must_use]
pub fn device_fingerprint(keys: &HybridKey, kem: &KemKey) -> Digest {
    let mut hasher = blake3::Hasher::new();
    hasher.update(label::HASH_DEVICE.as_bytes()).update(&[0]);
    hasher.update(&keys.ed25519.0).update(keys.ml_dsa_65.as_ref()).update(kem.as_ref());
    Digest(*hasher.finalize().as_bytes())
}

impl Guardians {
    /// Holds it to its bounds.
    pub(super) fn bounded(&self) -> Result<(), DecodeError> {
        let fits = self.shares.len() <= GUARDIANS_MAX
            && self.shares.iter().all(|share| share.wrapped.len() <= WRAPPED_SECRET_BYTES_MAX);
        if !fits {
            Err(DecodeError::TooLong)
        } else if !self.shares.is_sorted_by(|a, b| a.guardian < b.guardian) {
            Err(DecodeError::NotCanonical)
        } else {
            Ok(())
        }
    }

    /// The share of a guardian, and its place: the first is 1.
    #[must_use]
    pub fn share_of(&self, guardian: UserId) -> Option<(u8, &GuardianShare)> {
        let at = self.shares.binary_search_by_key(&guardian, |share| share.guardian).ok()?;
        Some((u8::try_from(at.checked_add(1)?).ok()?, self.shares.get(at)?))
    }

    /// Who they are.
    pub fn guardians(&self) -> impl Iterator<Item = UserId> {
        self.shares.iter().map(|share| share.guardian)
    }

    /// Whether it takes a number of them that there are, and never one alone; none of none ends it.
    fn is_sound(&self) -> bool {
        let (threshold, count) = (usize::from(self.threshold), self.shares.len());
        (GUARDIANS_THRESHOLD_MIN..=count).contains(&threshold) || (threshold == 0 && count == 0)
    }
}

impl Recover {
    /// Whether it keeps to its bounds.
    pub(super) fn is_bounded(&self) -> bool {
        self.wrapped_directory.len() <= WRAPPED_SECRET_BYTES_MAX && self.sealed_name.len() <= SEALED_NAME_BYTES_MAX
    }
}

impl Approval {
    /// Whether it keeps to its bounds.
    pub(super) fn is_bounded(&self) -> bool {
        self.wrapped.len() <= WRAPPED_SECRET_BYTES_MAX
    }
}

impl UserRecord {
    /// The guardians of the key in force: none if it was renewed and not split again.
    #[must_use]
    pub fn guard_in_force(&self) -> Option<&Guard> {
        self.guard.as_deref().filter(|guard| guard.since > self.kem_since())
    }
}

impl Organisation {
    pub(super) fn name_guardians(
        &mut self,
        said: &Guardians,
        at: Timestamp,
        position: u64,
    ) -> Result<(), OrganisationError> {
        let record = self.live_user(said.user).ok_or(OrganisationError::Contradiction)?;
        let before = record.guard_in_force();
        let can_guard = |guardian| {
            guardian != said.user
                && self.live_user(guardian).is_some()
                && self.live_devices_of(guardian).next().is_some()
        };
        let changes = record.guard_changes.saturating_add(u32::from(before.is_some()));
        let ends_nothing = said.shares.is_empty() && before.is_none();
        if !said.is_sound()
            || said.kem != record.kem.digest()
            || !said.guardians().all(can_guard)
            || changes > GUARD_CHANGES_MAX
            || ends_nothing
        {
            return Err(OrganisationError::Contradiction);
        }
        let has_left = before.is_some_and(|guard| guard.said.guardians().any(|one| said.share_of(one).is_none()));
        let record = self.users.get_mut(&said.user).ok_or(OrganisationError::Contradiction)?;
        record.guard_changes = changes;
        if has_left {
            record.guardian_left = Some(position);
        }
        let is_guarded = !said.shares.is_empty();
        record.guard = is_guarded.then(|| Arc::new(Guard { said: said.clone(), since: position, at }));
        // Shares of other splits do not go together.
        record.recovery = None;
        Ok(())
    }

    /// A device that asks for a person's secret. One that asked before and was not approved asks no more.
    pub(super) fn recover(
        &mut self,
        said: &Recover,
        certificate: &Certificate,
        position: u64,
    ) -> Result<(), OrganisationError> {
        let device = said.keys.device_id();
        let record = self.live_user(said.user).ok_or(OrganisationError::Contradiction)?;
        let guard = record.guard_in_force().ok_or(OrganisationError::Contradiction)?;
        let threshold = guard.said.threshold;
        let guarding = guard.said.guardians().filter(|guardian| self.live_user(*guardian).is_some()).count();
        let is_in_order = guarding >= usize::from(threshold)
            && said.kem.is_well_formed()
            && !self.devices.contains_key(&device)
            && self.live_devices_of(said.user).count() < USER_DEVICES_MAX;
        if !is_in_order {
            return Err(OrganisationError::Contradiction);
        }
        self.use_invite(Some(said.invite))?;
        let asking = DeviceRecord {
            user: said.user,
            keys: said.keys.clone(),
            kem: said.kem.clone(),
            wrapped_user_secret: Vec::new(),
            sealed_name: said.sealed_name.clone(),
            since: position,
            revoked_at: None,
        };
        let recovery = Recovery {
            device,
            record: asking,
            wrapped_directory: said.wrapped_directory.clone(),
            by: certificate.issuer,
            at: certificate.issued_at,
            approvals: Vec::new(),
            threshold,
        };
        if let Some(record) = self.users.get_mut(&said.user) {
            record.recovery = Some(Arc::new(recovery));
        }
        Ok(())
    }

    /// Takes a guardian's approval; with the last one that it takes, the device is the person's.
    pub(super) fn approve(
        &mut self,
        said: &Approval,
        certificate: &Certificate,
        position: u64,
    ) -> Result<(), OrganisationError> {
        let guardian = self.guardian_who_says(said, certificate.issuer).ok_or(OrganisationError::Authority)?;
        let is_known = self.devices.contains_key(&said.device);
        let has_room = self.live_devices_of(said.user).count() < USER_DEVICES_MAX;
        let record = self.users.get_mut(&said.user).ok_or(OrganisationError::Contradiction)?;
        let recovery = record.recovery.as_mut().filter(|recovery| recovery.device == said.device);
        let recovery = recovery.ok_or(OrganisationError::Contradiction)?;
        let has_said = recovery.approvals.iter().any(|(one, _)| *one == guardian);
        let is_last = recovery.approvals.len().saturating_add(1) == usize::from(recovery.threshold);
        if has_said || (is_last && (is_known || !has_room)) {
            return Err(OrganisationError::Contradiction);
        }
        let recovery = Arc::make_mut(recovery);
        recovery.approvals.push((guardian, said.wrapped.clone()));
        if is_last {
            let enrolled = DeviceRecord { since: position, ..recovery.record.clone() };
            self.add_device(said.device, enrolled);
        }
        Ok(())
    }

    /// The guardian of the person in question whose device this is.
    pub(super) fn guardian_who_says(&self, said: &Approval, issuer: Issuer) -> Option<UserId> {
        let Issuer::Device(device) = issuer else { return None };
        let guardian = self.live_device(device)?.user;
        let guard = self.live_user(said.user)?.guard_in_force()?;
        guard.said.share_of(guardian).map(|_| guardian)
    }

    /// The person for whom a device asks that is not theirs yet.
    pub(super) fn asked_for_by(&self, device: DeviceId) -> Option<UserId> {
        let asks = |record: &UserRecord| record.recovery.as_ref().is_some_and(|recovery| recovery.device == device);
        self.users.iter().find(|(_, record)| asks(record)).map(|(user, _)| *user)
    }

    /// Ends what a device has asked for; answers whether it had.
    pub(super) fn refuse_recovery(&mut self, device: DeviceId) -> bool {
        let asked = self.asked_for_by(device);
        let record = asked.and_then(|user| self.users.get_mut(&user));
        record.is_some_and(|record| record.recovery.take().is_some())
    }

    /// Whether somebody holds a share of the key in force who is no guardian any more, or no longer of the organisation.
    pub(super) fn has_guardian_left(&self, user: UserId) -> bool {
        let Some(record) = self.live_user(user) else { return false };
        let is_gone = |guardian| self.live_user(guardian).is_none();
        record.guardian_left.is_some_and(|left| left > record.kem_since())
            || record.guard_in_force().is_some_and(|guard| guard.said.guardians().any(is_gone))
    }
}
