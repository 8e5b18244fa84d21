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
    /// The person's device that chose them; another one may have split a renewed key among them since.
    pub by: DeviceId,
    /// The position that named them.
    pub since: u64,
    /// When, by the clock of whoever signed.
    pub at: Timestamp,
}

/// A guardian's approval, as it was taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Approved {
    /// Whose.
    pub guardian: UserId,
    /// The guardian's device that gave it.
    pub by: DeviceId,
    /// The share, wrapped for the device that asks.
    pub wrapped: Vec<u8>,
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
    /// What guardians have approved, in the order in which they did; see [`Organisation::approvals_of`] for what counts of it.
    pub approvals: Vec<Approved>,
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

    /// Whether these are guardians of those before, as many of whom it takes as before: whoever could give the key together now, could so
    /// then.
    fn are_left_of(&self, before: &Self) -> bool {
        !self.shares.is_empty()
            && self.threshold == before.threshold
            && self.guardians().all(|one| before.share_of(one).is_some())
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
    /// Names guardians, splits a renewed key among those of the key before, or ends what there is, which no number of changes forbids.
    pub(super) fn name_guardians(
        &mut self,
        said: &Guardians,
        certificate: &Certificate,
        position: u64,
    ) -> Result<(), OrganisationError> {
        let Issuer::Device(device) = certificate.issuer else { return Err(OrganisationError::Authority) };
        let record = self.live_user(said.user).ok_or(OrganisationError::Contradiction)?;
        let before = record.guard_in_force();
        // Whoever names those anew whom a revoked device had chosen, chooses them.
        let split_again = record
            .guard
            .as_deref()
            .filter(|guard| before.is_none() && said.are_left_of(&guard.said) && self.live_device(guard.by).is_some());
        let by = split_again.map_or(device, |guard| guard.by);
        let is_guarded = !said.shares.is_empty();
        let is_named = is_guarded && split_again.is_none();
        let named = record.guards_named.get(&device).copied().unwrap_or_default();
        let ends_nothing = !is_guarded && before.is_none();
        if !said.is_sound()
            || said.kem != record.kem.digest()
            || !said.guardians().all(|guardian| guardian != said.user && self.can_guard(guardian))
            || (is_named && named >= GUARD_CHANGES_MAX)
            || ends_nothing
        {
            return Err(OrganisationError::Contradiction);
        }
        let has_left = before.is_some_and(|guard| guard.said.guardians().any(|one| said.share_of(one).is_none()));
        let record = self.users.get_mut(&said.user).ok_or(OrganisationError::Contradiction)?;
        if is_named {
            record.guards_named.insert(device, named.saturating_add(1));
        }
        if has_left {
            record.guardian_left = Some(position);
        }
        let guard = || Arc::new(Guard { said: said.clone(), by, since: position, at: certificate.issued_at });
        record.guard = is_guarded.then(guard);
        // Shares of other splits do not go together.
        self.end_recovery(said.user);
        Ok(())
    }

    /// A device that asks for a person's secret. One that asked before and was not approved asks no more. One that asks for somebody else
    /// is refused, until that recovery ends: nobody uses it up.
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
            && self.asked_for_by(device).is_none_or(|asked| asked == said.user)
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
            certified_by: certificate.issuer,
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
        self.end_recovery(said.user);
        self.asking.insert(device, said.user);
        if let Some(record) = self.users.get_mut(&said.user) {
            record.recovery = Some(Arc::new(recovery));
        }
        Ok(())
    }

    /// Takes a guardian's approval; with the last one that it takes, the device is the person's. What does not count by then is dropped.
    pub(super) fn approve(
        &mut self,
        said: &Approval,
        certificate: &Certificate,
        position: u64,
    ) -> Result<(), OrganisationError> {
        let guardian = self.guardian_who_says(said, certificate.issuer).ok_or(OrganisationError::Authority)?;
        let Issuer::Device(by) = certificate.issuer else { return Err(OrganisationError::Authority) };
        let has_room = self.live_devices_of(said.user).count() < USER_DEVICES_MAX;
        let recovery = self.live_user(said.user).and_then(|record| record.recovery.as_deref());
        let recovery = recovery.filter(|recovery| recovery.device == said.device);
        let recovery = recovery.ok_or(OrganisationError::Contradiction)?;
        let mut approvals: Vec<Approved> = self.approvals_of(recovery).cloned().collect();
        let has_said = approvals.iter().any(|one| one.guardian == guardian);
        approvals.push(Approved { guardian, by, wrapped: said.wrapped.clone() });
        // Once it is the person's there are more of them.
        let is_last = approvals.len() == usize::from(recovery.threshold);
        if has_said || (is_last && !has_room) {
            return Err(OrganisationError::Contradiction);
        }
        let enrolled = is_last.then(|| DeviceRecord { since: position, ..recovery.record.clone() });
        let record = self.users.get_mut(&said.user).ok_or(OrganisationError::Contradiction)?;
        if let Some(recovery) = &mut record.recovery {
            Arc::make_mut(recovery).approvals = approvals;
        }
        if let Some(enrolled) = enrolled {
            self.add_device(said.device, enrolled);
        }
        Ok(())
    }

    /// The approvals that count: of guardians whose device is not revoked, until the device that asks is the person's; all from then on, for
    /// their shares. Whoever has stolen a guardian's device has approved nothing in the guardian's name once it is revoked.
    pub fn approvals_of<'a>(&'a self, recovery: &'a Recovery) -> impl Iterator<Item = &'a Approved> {
        let is_given = self.devices.contains_key(&recovery.device);
        recovery.approvals.iter().filter(move |one| is_given || self.live_device(one.by).is_some())
    }

    /// The guardian of the person in question whose device this is.
    pub(super) fn guardian_who_says(&self, said: &Approval, issuer: Issuer) -> Option<UserId> {
        let Issuer::Device(device) = issuer else { return None };
        let guardian = self.live_device(device)?.user;
        let guard = self.live_user(said.user)?.guard_in_force()?;
        guard.said.share_of(guardian).map(|_| guardian)
    }

    /// The person for whom a device asks, until the recovery ends.
    pub(super) fn asked_for_by(&self, device: DeviceId) -> Option<UserId> {
        self.asking.get(&device).copied()
    }

    /// Ends what a device has asked for; answers whether it had.
    pub(super) fn refuse_recovery(&mut self, device: DeviceId) -> bool {
        self.asked_for_by(device).is_some_and(|user| self.end_recovery(user))
    }

    /// Ends a person's recovery; answers whether one had begun.
    pub(super) fn end_recovery(&mut self, user: UserId) -> bool {
        let ended = self.users.get_mut(&user).and_then(|record| record.recovery.take());
        if let Some(recovery) = &ended {
            self.asking.remove(&recovery.device);
        }
        ended.is_some()
    }

    /// Those of somebody's guardians among whom a renewed key may be split again without asking the person: none if the device that chose them
    /// was revoked since, and its thief may have been the one who chose, nor if too few are left.
    #[must_use]
    pub fn guardians_left(&self, guard: &Guard) -> Option<Vec<UserId>> {
        self.live_device(guard.by)?;
        let left: Vec<UserId> = guard.said.guardians().filter(|guardian| self.can_guard(*guardian)).collect();
        (left.len() >= usize::from(guard.said.threshold)).then_some(left)
    }

    /// Whether a person is of the organisation, has a device (whoever has none could be given one by an admin, who would then approve in their
    /// name), and no revoked device holds their key: whoever has that device would be given the share.
    fn can_guard(&self, guardian: UserId) -> bool {
        self.live_user(guardian).is_some()
            && self.live_devices_of(guardian).next().is_some()
            && !self.is_key_exposed_at(guardian, self.head.seq)
    }

    /// Whether somebody holds a share of the key in force who is no guardian any more, or no longer of the organisation.
    pub(super) fn has_guardian_left(&self, user: UserId) -> bool {
        let Some(record) = self.live_user(user) else { return false };
        let is_gone = |guardian| self.live_user(guardian).is_none();
        record.guardian_left.is_some_and(|left| left > record.kem_since())
            || record.guard_in_force().is_some_and(|guard| guard.said.guardians().any(is_gone))
    }
}
