//! The generations of a person's KEM keys: each opens what was wrapped for it, and what is wrapped next goes to the last.
//!
//! The keystore holds the one that a device was enrolled with. Those after it are wrapped for the device in the organisation's chain, those
//! before it for each other; so nothing has to be written to the keystore when a person's keys are renewed.

use vauban_crypto::kem::KemSecret;
use vauban_protocol::id::{DeviceId, UserId};
use vauban_protocol::organisation::{Generation, Organisation, Renewal};

use super::{Identity, unwrap_previous_secret, unwrap_user_secret};

/// A device, as far as a person's secrets are wrapped for it.
#[derive(Debug, Clone, Copy)]
pub struct Holder<'a> {
    /// Whose.
    pub user: UserId,
    /// Which.
    pub device: DeviceId,
    /// Its own KEM key.
    pub device_kem: &'a KemSecret,
}

/// A person's KEM secrets.
#[derive(Debug)]
pub struct UserKeys {
    newest: KemSecret,
    /// The ones before it, the latest first.
    older: Vec<KemSecret>,
}

impl UserKeys {
    /// As many as the chain gives to the device of `identity`. What it should give and does not is left out, and said.
    #[must_use]
    pub fn of(identity: &Identity, organisation: &Organisation) -> Self {
        let holder = Holder { user: identity.user(), device: identity.device(), device_kem: identity.device_kem() };
        Self::held_by(&holder, identity.user_kem(), organisation)
    }

    /// The same, by a device that holds one of them, and is nobody's identity yet.
    #[must_use]
    pub fn held_by(holder: &Holder<'_>, known: &KemSecret, organisation: &Organisation) -> Self {
        let known = KemSecret::from_seed(known.seed().clone());
        let record = organisation.user(holder.user);
        let generations = record.map(|record| record.generations.as_slice()).unwrap_or_default();
        let own = generations.iter().position(|generation| generation.kem == *known.public());
        let (before, after) = generations.split_at(own.map_or(generations.len(), |own| own.saturating_add(1)));
        let mut keys = Self { newest: known, older: Vec::new() };
        for secret in after.iter().filter_map(|generation| given(holder, organisation, generation)) {
            keys.older.insert(0, std::mem::replace(&mut keys.newest, secret));
        }
        keys.descend(holder.user, organisation, before);
        keys
    }

    /// The latest secret that the chain gives to a device by a renewal, if there is one.
    #[must_use]
    pub fn given_to(holder: &Holder<'_>, organisation: &Organisation) -> Option<KemSecret> {
        let record = organisation.user(holder.user)?;
        record.generations.iter().rev().find_map(|generation| given(holder, organisation, generation))
    }

    /// Opens those before the oldest one that is known, whose generation is the last of these.
    fn descend(&mut self, user: UserId, organisation: &Organisation, generations: &[Generation]) {
        for pair in generations.windows(2).rev() {
            let [earlier, Generation { renewal: Some(renewal), .. }] = pair else { return };
            let (fingerprint, next) = (organisation.fingerprint(), self.older.last().unwrap_or(&self.newest));
            let opened = unwrap_previous_secret(fingerprint, user, next, &renewal.wrapped_previous).ok();
            let Some(secret) = opened.filter(|secret| *secret.public() == earlier.kem) else {
                tracing::warn!(
                    since = earlier.since,
                    "a secret from before the person's keys were renewed does not open"
                );
                return;
            };
            self.older.push(secret);
        }
    }

    /// The one that others wrap for now.
    #[must_use]
    pub fn newest(&self) -> &KemSecret {
        &self.newest
    }

    /// What the first of them opens that opens it, from the newest on.
    ///
    /// # Errors
    /// How the oldest failed, if all did.
    pub fn open<T, E>(&self, mut open: impl FnMut(&KemSecret) -> Result<T, E>) -> Result<T, E> {
        self.older.iter().fold(open(&self.newest), |opened, secret| opened.or_else(|_| open(secret)))
    }
}

/// The secret of a generation, as the chain gives it to this device.
fn given(holder: &Holder<'_>, organisation: &Organisation, generation: &Generation) -> Option<KemSecret> {
    let Renewal { wrapped_for, .. } = generation.renewal.as_ref()?;
    let Holder { user, device, device_kem } = *holder;
    let at = wrapped_for.binary_search_by_key(&device, |(device, _)| *device).ok()?;
    let (_, wrapped) = wrapped_for.get(at)?;
    let secret = unwrap_user_secret(organisation.fingerprint(), user, device, device_kem, wrapped).ok();
    let fits = secret.filter(|secret| *secret.public() == generation.kem);
    if fits.is_none() {
        tracing::warn!(
            since = generation.since,
            "the organisation's chain gives this device a secret that is not its person's"
        );
    }
    fits
}
