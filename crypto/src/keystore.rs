//! Secrets at rest under a passphrase: a device's keystore, and an organisation's backup.
//!
//! ```text
//! locked = "VBV" ‖ suite(1) ‖ purpose(1) ‖ passes(u32 LE) ‖ memory_kib(u32 LE) ‖ lanes(u32 LE) ‖ salt(32) ‖ com(32)
//!          ‖ AES-256-GCM(K, nonce = 0^96, aad = everything before, plain)
//! K ‖ com = HKDF-Expand(Argon2id(passphrase, salt, parameters), label of the purpose, 64)
//! ```
//! The parameters travel with the file so that they can grow; a floor refuses a file that was weakened, and a ceiling one
//! that would take all memory or an hour (`formats#1`). The commitment tells a wrong passphrase from damaged bytes, and no
//! file opens under two passphrases.

use argon2::{Algorithm, Argon2, Params, Version};
use subtle::ConstantTimeEq;
use vauban_protocol::label;
use vauban_protocol::signed::SUITE;
use zeroize::Zeroizing;

use crate::derive;
use crate::limit::{
    ARGON2_LANES_MAX, ARGON2_MEMORY_KIB_MAX, ARGON2_MEMORY_KIB_MIN, ARGON2_PASSES_MAX, ARGON2_PASSES_MIN,
    LOCKED_BYTES_MAX,
};
use crate::salted::{TAG_BYTES, decrypt_once, encrypt_once};
use crate::secret::{Secret, random_salt};

const MAGIC: [u8; 3] = *b"VBV";
/// Bytes before the commitment: what a key is stretched from, beside the passphrase.
const HEADER_BYTES: usize = 3 + 1 + 1 + 3 * 4 + 32;

/// Why a locked file does not open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeystoreError {
    /// The passphrase is not the one it was locked with; or its salt was damaged, which looks the same.
    #[error("the passphrase is wrong")]
    WrongPassphrase,
    /// The passphrase is right, but bytes have changed since.
    #[error("the file is damaged")]
    Damaged,
    /// Truncated, too long, or not such a file at all.
    #[error("this is not a locked file of this kind")]
    Malformed,
    /// Parameters below the floor: somebody made it easier to guess its passphrase.
    #[error("the file is protected less than this version allows")]
    Weak,
    /// Parameters above the ceiling: opening it would take all memory or very long.
    #[error("the file asks for more memory or time than this version grants")]
    Excessive,
    /// This machine could not give the memory that stretching takes.
    #[error("there is not enough memory to open the file")]
    Memory,
}

/// What a locked file is for; each has keys of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// A device's keys.
    Keystore,
    /// An organisation's root and authority.
    Backup,
}

/// Locks a device's keystore. The passphrase's bytes count as they are: normalise them where they are typed.
///
/// # Errors
/// [`KeystoreError::Memory`], or [`KeystoreError::Malformed`] over [`LOCKED_BYTES_MAX`].
pub fn lock(passphrase: &str, plain: &[u8]) -> Result<Vec<u8>, KeystoreError> {
    lock_for(Purpose::Keystore, passphrase, plain)
}

/// Unlocks a device's keystore.
///
/// # Errors
/// [`KeystoreError`].
pub fn unlock(passphrase: &str, locked: &[u8]) -> Result<Zeroizing<Vec<u8>>, KeystoreError> {
    unlock_for(Purpose::Keystore, passphrase, locked)
}

/// Locks secrets for a purpose.
///
/// # Errors
/// As [`lock`].
pub fn lock_for(purpose: Purpose, passphrase: &str, plain: &[u8]) -> Result<Vec<u8>, KeystoreError> {
    lock_with(purpose, passphrase, plain, &random_salt())
}

/// Locks with a given salt, for vectors.
///
/// # Errors
/// As [`lock`].
#[doc(hidden)]
pub fn lock_with(purpose: Purpose, passphrase: &str, plain: &[u8], salt: &[u8; 32]) -> Result<Vec<u8>, KeystoreError> {
    let header =
        Header { purpose, passes: ARGON2_PASSES_MIN, memory_kib: ARGON2_MEMORY_KIB_MIN, lanes: 1, salt: *salt };
    let keys = header.stretch(passphrase)?;
    let mut locked = header.to_bytes();
    locked.extend_from_slice(&keys.commitment);
    let associated = locked.clone();
    locked.extend_from_slice(plain);
    let (_, body) = locked.split_at_mut(associated.len());
    let tag = encrypt_once(&keys.cipher, &associated, body);
    locked.extend_from_slice(&tag);
    if locked.len() > LOCKED_BYTES_MAX { Err(KeystoreError::Malformed) } else { Ok(locked) }
}

/// Unlocks secrets that were locked for the same purpose.
///
/// # Errors
/// [`KeystoreError`].
pub fn unlock_for(purpose: Purpose, passphrase: &str, locked: &[u8]) -> Result<Zeroizing<Vec<u8>>, KeystoreError> {
    let header = Header::parse(locked)?;
    if header.purpose != purpose || locked.len() < HEADER_BYTES + 32 + TAG_BYTES {
        return Err(KeystoreError::Malformed);
    }
    header.stretch(passphrase)?.open(locked)
}

/// What stretching takes, beside the passphrase. A parsed header lies between floor and ceiling.
struct Header {
    purpose: Purpose,
    passes: u32,
    memory_kib: u32,
    lanes: u32,
    salt: [u8; 32],
}

/// What a stretched passphrase expands to.
struct Keys {
    cipher: Secret<32>,
    commitment: [u8; 32],
}

impl Header {
    fn parse(locked: &[u8]) -> Result<Self, KeystoreError> {
        if locked.len() > LOCKED_BYTES_MAX {
            return Err(KeystoreError::Malformed);
        }
        let (magic, rest) = locked.split_first_chunk::<3>().ok_or(KeystoreError::Malformed)?;
        let (kind, rest) = rest.split_first_chunk::<2>().ok_or(KeystoreError::Malformed)?;
        let (passes, rest) = rest.split_first_chunk::<4>().ok_or(KeystoreError::Malformed)?;
        let (memory_kib, rest) = rest.split_first_chunk::<4>().ok_or(KeystoreError::Malformed)?;
        let (lanes, rest) = rest.split_first_chunk::<4>().ok_or(KeystoreError::Malformed)?;
        let (salt, _) = rest.split_first_chunk::<32>().ok_or(KeystoreError::Malformed)?;
        if *magic != MAGIC || kind.first() != Some(&SUITE) {
            return Err(KeystoreError::Malformed);
        }
        let header = Self {
            purpose: Purpose::from_byte(kind.last().copied())?,
            passes: u32::from_le_bytes(*passes),
            memory_kib: u32::from_le_bytes(*memory_kib),
            lanes: u32::from_le_bytes(*lanes),
            salt: *salt,
        };
        if header.passes < ARGON2_PASSES_MIN || header.memory_kib < ARGON2_MEMORY_KIB_MIN || header.lanes == 0 {
            return Err(KeystoreError::Weak);
        }
        let excessive = header.passes > ARGON2_PASSES_MAX
            || header.memory_kib > ARGON2_MEMORY_KIB_MAX
            || header.lanes > ARGON2_LANES_MAX;
        if excessive { Err(KeystoreError::Excessive) } else { Ok(header) }
    }

    fn to_bytes(&self) -> Vec<u8> {
        let parameters = [self.passes, self.memory_kib, self.lanes].map(u32::to_le_bytes);
        [MAGIC.as_slice(), &[SUITE, self.purpose.byte()], parameters.as_flattened(), &self.salt].concat()
    }

    fn stretch(&self, passphrase: &str) -> Result<Keys, KeystoreError> {
        let params =
            Params::new(self.memory_kib, self.passes, self.lanes, Some(32)).map_err(|_| KeystoreError::Malformed)?;
        let mut stretched = Secret::<32>::zero();
        Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
            .hash_password_into(passphrase.as_bytes(), &self.salt, stretched.expose_mut())
            .map_err(|_| KeystoreError::Memory)?;
        let both: Secret<64> = derive::expand(&stretched, self.purpose.label(), &[]);
        let mut keys = Keys { cipher: Secret::zero(), commitment: [0; 32] };
        let (cipher, commitment) = both.expose().split_at(32);
        keys.cipher.expose_mut().copy_from_slice(cipher);
        keys.commitment.copy_from_slice(commitment);
        Ok(keys)
    }
}

impl Keys {
    fn open(&self, locked: &[u8]) -> Result<Zeroizing<Vec<u8>>, KeystoreError> {
        let (associated, rest) = locked.split_at_checked(HEADER_BYTES + 32).ok_or(KeystoreError::Malformed)?;
        let (_, commitment) = associated.split_last_chunk::<32>().ok_or(KeystoreError::Malformed)?;
        let (body, tag) = rest.split_last_chunk::<TAG_BYTES>().ok_or(KeystoreError::Malformed)?;
        if !bool::from(self.commitment.ct_eq(commitment)) {
            return Err(KeystoreError::WrongPassphrase);
        }
        let mut plain = Zeroizing::new(body.to_vec());
        decrypt_once(&self.cipher, associated, &mut plain, tag).map_err(|_| KeystoreError::Damaged)?;
        Ok(plain)
    }
}

impl Purpose {
    fn byte(self) -> u8 {
        match self {
            Self::Keystore => 1,
            Self::Backup => 2,
        }
    }

    fn from_byte(byte: Option<u8>) -> Result<Self, KeystoreError> {
        match byte {
            Some(1) => Ok(Self::Keystore),
            Some(2) => Ok(Self::Backup),
            _ => Err(KeystoreError::Malformed),
        }
    }

    fn label(self) -> &'static str {
        match self {
            Self::Keystore => label::KEYSTORE,
            Self::Backup => label::BACKUP,
        }
    }
}

#[cfg(test)]
mod tests;
