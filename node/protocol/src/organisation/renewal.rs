//! New keys for a person's secrets, once a device that held the old ones was revoked, or a guardian of them has left (trust.md, "Devices").
//!
//! What was wrapped before stays readable to that person: the old secret is wrapped for the new key. What is wrapped from here on is
//! nothing to whoever holds the revoked device; and between the revocation and the renewal nothing is wrapped for the person at all.

use serde::{Deserialize, Serialize};

use crate::canonical::DecodeError;
use crate::id::{DeviceId, UserId};
use crate::limit::USER_DEVICES_MAX;
use crate::organisation::certificate::WRAPPED_SECRET_BYTES_MAX;
use crate::organisation::fold::{DeviceRecord, Organisation, OrganisationError, UserRecord};
use crate::signature::KemKey;

/// A person's next key for secrets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Renewal {
    /// Whose.
    pub user: UserId,
    /// The key that secrets for this person are wrapped for from here on.
    pub kem: KemKey,
    /// The secret before, wrapped for that key.
    pub wrapped_previous: Vec<u8>,
    /// The secret, wrapped for exactly the devices of the person that are not revoked, in strictly ascending order.
    pub wrapped_for: Vec<(DeviceId, Vec<u8>)>,
}

impl Renewal {
    /// Holds it to its bounds.
    pub(super) fn bounded(&self) -> Result<(), DecodeError> {
        let is_short = |wrapped: &[u8]| wrapped.len() <= WRAPPED_SECRET_BYTES_MAX;
        let fits = self.wrapped_for.len() <= USER_DEVICES_MAX
            && is_short(&self.wrapped_previous)
            && self.wrapped_for.iter().all(|(_, wrapped)| is_short(wrapped));
        if !fits {
            Err(DecodeError::TooLong)
        } else if !self.wrapped_for.is_sorted_by(|(a, _), (b, _)| a < b) {
            Err(DecodeError::NotCanonical)
        } else {
            Ok(())
        }
    }
}

/// One of the keys that secrets for a person are, or were, wrapped for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Generation {
    /// The position from which on they are.
    pub since: u64,
    /// The key.
    pub kem: KemKey,
    /// How the person's devices come by its secret; `None` for the first, which they have from their own certificates.
    pub renewal: Option<Renewal>,
}

impl UserRecord {
    /// The key that secrets for this person were wrapped for at position `seq` of the chain.
    #[must_use]
    pub fn kem_at(&self, seq: u64) -> &KemKey {
        self.generation_at(seq).map_or(&self.kem, |generation| &generation.kem)
    }

    fn generation_at(&self, seq: u64) -> Option<&Generation> {
        self.generations.iter().rev().find(|generation| generation.since <= seq)
    }

    /// The position from which on the key in force is.
    #[must_use]
    pub fn kem_since(&self) -> u64 {
        self.generations.last().map_or(self.since, |generation| generation.since)
    }
}

impl Organisation {
    pub(super) fn renew(&mut self, renewal: &Renewal, position: u64) -> Result<(), OrganisationError> {
        let devices = renewal.wrapped_for.iter().map(|(device, _)| *device);
        // Each renewal makes every space of the person rotate: never without a cause.
        let is_due = self.is_renewal_due(renewal.user) && renewal.kem.is_well_formed();
        if !is_due || !self.live_devices_of(renewal.user).eq(devices) {
            return Err(OrganisationError::Contradiction);
        }
        let record = self.users.get_mut(&renewal.user).ok_or(OrganisationError::Contradiction)?;
        if record.revoked_at.is_some() || record.generations.iter().any(|generation| generation.kem == renewal.kem) {
            return Err(OrganisationError::Contradiction);
        }
        record.kem = renewal.kem.clone();
        let (kem, said) = (renewal.kem.clone(), Some(renewal.clone()));
        record.generations.push(Generation { since: position, kem, renewal: said });
        // Shares of the key before give nothing of this one.
        self.end_recovery(renewal.user);
        Ok(())
    }

    /// The devices of a person that were not revoked, in the order of their identifiers.
    pub fn live_devices_of(&self, user: UserId) -> impl Iterator<Item = DeviceId> {
        let devices = self.devices_of.get(&user).into_iter().flatten().copied();
        devices.filter(|device| self.live_device(*device).is_some())
    }

    /// Whether a device of a person was revoked that holds the keys in force for the person's secrets, or somebody has left who guards a
    /// share of them.
    #[must_use]
    pub fn is_renewal_due(&self, user: UserId) -> bool {
        self.live_user(user).is_some() && (self.is_key_exposed_at(user, self.head.seq) || self.has_guardian_left(user))
    }

    /// Whether a device of a person that is revoked at position `seq` of the chain holds the secret of the key that is in force there. Nothing is
    /// sealed for that key any more: whoever has stolen the device could open it. Only a revocation leads to this, and a renewal by any device that
    /// is left ends it, so nobody else can keep a person there.
    #[must_use]
    pub fn is_key_exposed_at(&self, user: UserId, seq: u64) -> bool {
        let Some(record) = self.users.get(&user) else { return false };
        let since = record.generation_at(seq).map_or(record.since, |generation| generation.since);
        let is_cut = |device: &DeviceRecord| device.revoked_at.is_some_and(|revoked| since < revoked && revoked <= seq);
        let mut devices =
            self.devices_of.get(&user).into_iter().flatten().filter_map(|device| self.devices.get(device));
        devices.any(is_cut)
    }

    /// Whether a person is of the organisation at position `seq` of the chain.
    #[must_use]
    pub fn is_user_at(&self, user: UserId, seq: u64) -> bool {
        let is_valid =
            |record: &UserRecord| record.since <= seq && record.revoked_at.is_none_or(|revoked| seq < revoked);
        self.users.get(&user).is_some_and(is_valid)
    }

    /// Whether one of these people, or a device of theirs, was revoked after position `seq` of the chain, or got new keys for that.
    #[must_use]
    pub fn cut_since(&self, seq: u64, is_asked: impl Fn(UserId) -> bool) -> bool {
        let is_cut = |revoked: Option<u64>| revoked.is_some_and(|revoked| revoked > seq);
        let is_other = |record: &UserRecord| is_cut(record.revoked_at) || record.kem_since() > seq.max(record.since);
        self.users.iter().any(|(user, record)| is_other(record) && is_asked(*user))
            || self.devices.values().any(|device| is_cut(device.revoked_at) && is_asked(device.user))
    }
}
