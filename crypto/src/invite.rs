//! An invite's secret: 128 bits, handed over out of band, that tell the invited person's post from anybody else's.
//!
//! Nodes see MACs under a derived key and cannot make one. A random 128-bit secret leaves nothing to guess offline, so no
//! password hashing is needed here.

use std::fmt;

use subtle::ConstantTimeEq;
use vauban_protocol::id::{DeviceId, InviteId};
use vauban_protocol::label;

use crate::derive;
use crate::error::{OpenError, SealError};
use crate::name::{DirectoryKey, Named};
use crate::secret::{HIDDEN, Secret};

/// The secret that an invite's code carries.
#[derive(Clone)]
pub struct InviteSecret(Secret<16>);

/// A post that was not made with the invite's secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the post was not made with this invite's secret")]
pub struct MacError;

impl InviteSecret {
    /// A fresh secret.
    #[must_use]
    pub fn random() -> Self {
        Self(Secret::random())
    }

    /// A secret that was read from an invite's code, or unwrapped.
    #[must_use]
    pub fn new(secret: Secret<16>) -> Self {
        Self(secret)
    }

    /// The bytes, for the invite's code and for wrapping to those who may finish it alone.
    #[must_use]
    pub fn secret(&self) -> &Secret<16> {
        &self.0
    }

    /// HMAC-SHA-256 over a post on `invite`.
    #[must_use]
    pub fn mac(&self, invite: InviteId, post: &[u8]) -> [u8; 32] {
        let key = self.derive(label::JOIN_MAC, invite);
        *derive::mac(&key, &[post]).expose()
    }

    /// Whether `mac` is that of a post on `invite`, in constant time.
    ///
    /// # Errors
    /// [`MacError`].
    pub fn verify(&self, invite: InviteId, post: &[u8], mac: &[u8]) -> Result<(), MacError> {
        if bool::from(self.mac(invite, post).ct_eq(mac)) { Ok(()) } else { Err(MacError) }
    }

    /// Seals the joining device's name, for the one who finishes the invite.
    ///
    /// # Errors
    /// As [`DirectoryKey::seal_name`].
    pub fn seal_name(&self, invite: InviteId, device: DeviceId, name: &str) -> Result<Vec<u8>, SealError> {
        self.name_key(invite).seal_name(Named::Device(device), name)
    }

    /// Opens the joining device's name.
    ///
    /// # Errors
    /// As [`DirectoryKey::open_name`].
    pub fn open_name(&self, invite: InviteId, device: DeviceId, sealed: &[u8]) -> Result<String, OpenError> {
        self.name_key(invite).open_name(Named::Device(device), sealed)
    }

    fn name_key(&self, invite: InviteId) -> DirectoryKey {
        DirectoryKey::new(self.derive(label::JOIN_NAME, invite))
    }

    fn derive(&self, label: &str, invite: InviteId) -> Secret<32> {
        derive::extract(&[], self.0.expose(), label, &[invite.as_bytes()])
    }
}

impl fmt::Debug for InviteSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(HIDDEN)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const INVITE: InviteId = InviteId([1; 16]);

    #[test]
    fn only_the_secret_makes_the_mac() {
        let secret = InviteSecret::random();
        let mac = secret.mac(INVITE, b"post");
        assert_eq!(secret.verify(INVITE, b"post", &mac), Ok(()));
        assert_eq!(secret.verify(INVITE, b"other post", &mac), Err(MacError));
        assert_eq!(secret.verify(InviteId([2; 16]), b"post", &mac), Err(MacError));
        assert_eq!(secret.verify(INVITE, b"post", &mac[..31]), Err(MacError));
        assert_eq!(secret.verify(INVITE, b"post", &[]), Err(MacError));
        assert_eq!(InviteSecret::random().verify(INVITE, b"post", &mac), Err(MacError));
        assert_eq!(format!("{secret:?}"), "****");
    }

    #[test]
    fn name_is_bound_to_invite_and_device() {
        let (secret, device) = (InviteSecret::random(), DeviceId([3; 16]));
        let sealed = secret.seal_name(INVITE, device, "portable").expect("short");
        assert_eq!(secret.open_name(INVITE, device, &sealed).as_deref(), Ok("portable"));
        assert!(secret.open_name(InviteId([2; 16]), device, &sealed).is_err());
        assert!(secret.open_name(INVITE, DeviceId([4; 16]), &sealed).is_err());
    }
}
