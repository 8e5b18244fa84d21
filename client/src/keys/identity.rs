//! Who this device is, and the secrets that say so.

use vauban_crypto::kem::KemSecret;
use vauban_crypto::name::DirectoryKey;
use vauban_crypto::signing::SigningKeys;
use vauban_protocol::id::{DeviceId, UserId};

/// An enrolled device, unlocked.
#[derive(Debug)]
pub struct Identity {
    pub(super) user: UserId,
    pub(super) device: DeviceId,
    pub(super) signing: SigningKeys,
    pub(super) device_kem: KemSecret,
    pub(super) user_kem: KemSecret,
    pub(super) directory: DirectoryKey,
}

impl Identity {
    /// Puts together what a certified device knows.
    #[must_use]
    pub fn new(
        user: UserId,
        signing: SigningKeys,
        device_kem: KemSecret,
        user_kem: KemSecret,
        directory: DirectoryKey,
    ) -> Self {
        Self { user, device: signing.public().device_id(), signing, device_kem, user_kem, directory }
    }

    /// The person whose device this is.
    #[must_use]
    pub fn user(&self) -> UserId {
        self.user
    }

    /// This device.
    #[must_use]
    pub fn device(&self) -> DeviceId {
        self.device
    }

    /// The keys that sign for this device.
    #[must_use]
    pub fn signing(&self) -> &SigningKeys {
        &self.signing
    }

    /// The key that the person's secret is wrapped for.
    #[must_use]
    pub fn device_kem(&self) -> &KemSecret {
        &self.device_kem
    }

    /// The person's KEM key that this device was enrolled with; [`UserKeys`](super::UserKeys) has those that came since.
    #[must_use]
    pub fn user_kem(&self) -> &KemSecret {
        &self.user_kem
    }

    /// The key that the organisation's names are sealed under.
    #[must_use]
    pub fn directory(&self) -> &DirectoryKey {
        &self.directory
    }
}
