//! Who a wrapped secret is for, bound into it: a secret that a node moves to another place does not open there.
//!
//! HPKE `info` is always the organisation's fingerprint, then what the secret is about.

use vauban_crypto::error::{OpenError, SealError};
use vauban_crypto::invite::InviteSecret;
use vauban_crypto::kem::{KemSecret, wrap};
use vauban_crypto::name::DirectoryKey;
use vauban_crypto::secret::Secret;
use vauban_protocol::id::{DeviceId, Fingerprint, InviteId, UserId};
use vauban_protocol::label;
use vauban_protocol::signature::KemKey;

/// Wraps the directory key for a person.
///
/// # Errors
/// [`SealError::InvalidKey`] if the person's key is none.
pub fn wrap_directory(
    organisation: Fingerprint,
    user: UserId,
    recipient: &KemKey,
    directory: &DirectoryKey,
) -> Result<Vec<u8>, SealError> {
    wrap(recipient, label::WRAP_DIRECTORY, &info(organisation, &[user.as_bytes()]), directory.secret().expose())
}

/// Opens what [`wrap_directory`] made for this person.
///
/// # Errors
/// [`OpenError`].
pub fn unwrap_directory(
    organisation: Fingerprint,
    user: UserId,
    user_kem: &KemSecret,
    wrapped: &[u8],
) -> Result<DirectoryKey, OpenError> {
    let plain = user_kem.unwrap(label::WRAP_DIRECTORY, &info(organisation, &[user.as_bytes()]), wrapped)?;
    Ok(DirectoryKey::new(Secret::try_from(plain.as_slice()).map_err(|_| OpenError)?))
}

/// Wraps a person's KEM secret for one of that person's devices.
///
/// # Errors
/// [`SealError::InvalidKey`] if the device's key is none.
pub fn wrap_user_secret(
    organisation: Fingerprint,
    user: UserId,
    device: DeviceId,
    recipient: &KemKey,
    user_kem: &KemSecret,
) -> Result<Vec<u8>, SealError> {
    let info = info(organisation, &[user.as_bytes(), device.as_bytes()]);
    wrap(recipient, label::WRAP_USER_SECRET, &info, user_kem.seed().expose())
}

/// Opens what [`wrap_user_secret`] made for this device.
///
/// # Errors
/// [`OpenError`].
pub fn unwrap_user_secret(
    organisation: Fingerprint,
    user: UserId,
    device: DeviceId,
    device_kem: &KemSecret,
    wrapped: &[u8],
) -> Result<KemSecret, OpenError> {
    let info = info(organisation, &[user.as_bytes(), device.as_bytes()]);
    let plain = device_kem.unwrap(label::WRAP_USER_SECRET, &info, wrapped)?;
    Ok(KemSecret::from_seed(Secret::try_from(plain.as_slice()).map_err(|_| OpenError)?))
}

/// Wraps a person's KEM secret for the key that takes its place.
///
/// # Errors
/// [`SealError::InvalidKey`] if that key is none.
pub fn wrap_previous_secret(
    organisation: Fingerprint,
    user: UserId,
    recipient: &KemKey,
    previous: &KemSecret,
) -> Result<Vec<u8>, SealError> {
    let info = info(organisation, &[user.as_bytes()]);
    wrap(recipient, label::WRAP_PREVIOUS_SECRET, &info, previous.seed().expose())
}

/// Opens what [`wrap_previous_secret`] made, by the secret that came after.
///
/// # Errors
/// [`OpenError`].
pub fn unwrap_previous_secret(
    organisation: Fingerprint,
    user: UserId,
    next: &KemSecret,
    wrapped: &[u8],
) -> Result<KemSecret, OpenError> {
    let plain = next.unwrap(label::WRAP_PREVIOUS_SECRET, &info(organisation, &[user.as_bytes()]), wrapped)?;
    Ok(KemSecret::from_seed(Secret::try_from(plain.as_slice()).map_err(|_| OpenError)?))
}

/// Wraps an invite's secret for a person who may finish it.
///
/// # Errors
/// [`SealError::InvalidKey`] if the person's key is none.
pub fn wrap_invite_secret(
    organisation: Fingerprint,
    invite: InviteId,
    user: UserId,
    recipient: &KemKey,
    secret: &InviteSecret,
) -> Result<Vec<u8>, SealError> {
    let info = info(organisation, &[invite.as_bytes(), user.as_bytes()]);
    wrap(recipient, label::WRAP_INVITE, &info, secret.secret().expose())
}

/// Opens what [`wrap_invite_secret`] made for this person.
///
/// # Errors
/// [`OpenError`].
pub fn unwrap_invite_secret(
    organisation: Fingerprint,
    invite: InviteId,
    user: UserId,
    user_kem: &KemSecret,
    wrapped: &[u8],
) -> Result<InviteSecret, OpenError> {
    let info = info(organisation, &[invite.as_bytes(), user.as_bytes()]);
    let plain = user_kem.unwrap(label::WRAP_INVITE, &info, wrapped)?;
    Ok(InviteSecret::new(Secret::try_from(plain.as_slice()).map_err(|_| OpenError)?))
}

fn info(organisation: Fingerprint, about: &[&[u8; 16]]) -> Vec<u8> {
    let mut info = organisation.as_bytes().to_vec();
    about.iter().for_each(|part| info.extend_from_slice(*part));
    info
}

#[cfg(test)]
mod tests {
    use super::*;

    const ORGANISATION: Fingerprint = Fingerprint([1; 32]);
    const USER: UserId = UserId([2; 16]);
    const DEVICE: DeviceId = DeviceId([3; 16]);

    #[test]
    fn user_secret_opens_on_its_device_and_place_only() {
        let (user_kem, device_kem) = (KemSecret::generate(), KemSecret::generate());
        let wrapped = wrap_user_secret(ORGANISATION, USER, DEVICE, device_kem.public(), &user_kem).unwrap();
        let open = |organisation, user, device| {
            unwrap_user_secret(organisation, user, device, &device_kem, &wrapped).map(|kem| kem.public().clone())
        };
        assert_eq!(open(ORGANISATION, USER, DEVICE).as_ref(), Ok(user_kem.public()));
        assert!(open(Fingerprint([9; 32]), USER, DEVICE).is_err());
        assert!(open(ORGANISATION, UserId([9; 16]), DEVICE).is_err());
        assert!(open(ORGANISATION, USER, DeviceId([9; 16])).is_err());
        assert!(unwrap_user_secret(ORGANISATION, USER, DEVICE, &user_kem, &wrapped).is_err());
    }
}
