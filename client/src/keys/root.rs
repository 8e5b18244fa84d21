//! The organisation's root and TLS authority: what founds it, and what admits nodes.
//!
//! They lie in a vault of their own, under a passphrase of their own, and are opened only by commands that need them. The
//! root draws its keys once; nothing derives them. A backup holds them together with what a founding admin needs to begin
//! again on another machine.

use rcgen::KeyPair;
use serde::{Deserialize, Serialize};
use vauban_crypto::keystore::{KeystoreError, Purpose, lock_for, unlock_for};
use vauban_crypto::secret::Secret;
use vauban_crypto::signing::SigningKeys;
use vauban_protocol::canonical::{decode, encode};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use crate::keys::{KeysError, Passphrase};
use crate::limit::SMALL_FILE_BYTES_MAX;
use crate::state::{Home, create_new, read_bounded};

/// The organisation's offline secrets, unlocked.
pub struct Root {
    /// Signs admins, charters and policies.
    pub signing: SigningKeys,
    /// Signs nodes' X.509 certificates.
    pub authority: KeyPair,
}

/// The plain form of the vault.
#[derive(Serialize, Deserialize, Zeroize, ZeroizeOnDrop)]
struct Stored {
    signing: Vec<u8>,
    authority: Vec<u8>,
}

/// What an organisation can begin again from on another machine.
///
/// The admin's device is in it because nodes let nobody else in; restoring replaces that device by a new one at once.
#[derive(Serialize, Deserialize, Zeroize, ZeroizeOnDrop)]
pub struct Backup {
    /// The root's seed.
    pub root: Vec<u8>,
    /// The TLS authority's key, PKCS#8.
    pub authority: Vec<u8>,
    /// The admin.
    pub user: [u8; 16],
    /// The admin's KEM seed.
    pub user_kem: [u8; 32],
    /// The seed of the device that made the backup.
    pub device: Vec<u8>,
    /// The directory key.
    pub directory: [u8; 32],
    /// Addresses of nodes.
    pub servers: Vec<String>,
    /// The organisation's signed certificates, the genesis first.
    pub chain: Vec<Vec<u8>>,
}

impl Root {
    /// Opens the vault of `home`.
    ///
    /// # Errors
    /// [`KeysError::NoRoot`] if there is none.
    pub fn open(home: &Home, passphrase: &Passphrase) -> Result<Self, KeysError> {
        let path = home.root_vault();
        let locked = read_bounded(&path, SMALL_FILE_BYTES_MAX)?.ok_or(KeysError::NoRoot)?;
        let cannot = |source| KeysError::Locked { path: path.clone(), source };
        let plain = unlock_for(Purpose::Backup, passphrase.expose(), &locked).map_err(cannot)?;
        let stored: Stored = decode(&plain).map_err(|_| cannot(KeystoreError::Malformed))?;
        Self::from_parts(&stored.signing, &stored.authority)
    }

    /// Writes the vault of `home`, which must have none.
    ///
    /// # Errors
    /// [`KeysError`].
    pub fn save(&self, home: &Home, passphrase: &Passphrase) -> Result<(), KeysError> {
        let stored =
            Stored { signing: self.signing.seed().expose().to_vec(), authority: self.authority.serialize_der() };
        let path = home.root_vault();
        let plain = Zeroizing::new(encode(&stored));
        let locked = lock_for(Purpose::Backup, passphrase.expose(), &plain)
            .map_err(|source| KeysError::Locked { path: path.clone(), source })?;
        Ok(create_new(&path, &locked)?)
    }

    /// The root that seed and key stand for.
    ///
    /// # Errors
    /// [`KeysError`] if they stand for none.
    pub fn from_parts(signing: &[u8], authority: &[u8]) -> Result<Self, KeysError> {
        let seed = Secret::try_from(signing).map_err(|_| vauban_crypto::signing::SigningError)?;
        Ok(Self { signing: SigningKeys::from_seed(seed)?, authority: KeyPair::try_from(authority)? })
    }
}

impl Backup {
    /// The backup's bytes, sealed under a passphrase of its own.
    ///
    /// # Errors
    /// [`KeystoreError`].
    pub fn seal(&self, passphrase: &Passphrase) -> Result<Vec<u8>, KeystoreError> {
        lock_for(Purpose::Backup, passphrase.expose(), &Zeroizing::new(encode(self)))
    }

    /// Opens a backup.
    ///
    /// # Errors
    /// [`KeystoreError`].
    pub fn open(passphrase: &Passphrase, sealed: &[u8]) -> Result<Self, KeystoreError> {
        let plain = unlock_for(Purpose::Backup, passphrase.expose(), sealed)?;
        decode(&plain).map_err(|_| KeystoreError::Malformed)
    }
}

impl std::fmt::Debug for Root {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("****")
    }
}
