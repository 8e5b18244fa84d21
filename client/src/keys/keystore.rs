//! The keystore file: everything secret that this device holds, under one passphrase.
//!
//! It is written twice in a device's life: when its keys are drawn, before anybody is told of them, so that an interrupted
//! joining goes on with the same keys; and when the device has been certified.

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use vauban_crypto::kem::KemSecret;
use vauban_crypto::keystore::{KeystoreError, lock, unlock};
use vauban_crypto::name::DirectoryKey;
use vauban_crypto::secret::Secret;
use vauban_crypto::signing::SigningKeys;
use vauban_protocol::canonical::{decode, encode};
use vauban_protocol::id::UserId;
use vauban_protocol::organisation::JoinPost;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use crate::keys::{Identity, KeysError, Passphrase};
use crate::limit::SMALL_FILE_BYTES_MAX;
use crate::state::{Home, StateError, read_bounded, replace};

/// What a keystore holds.
#[derive(Debug)]
pub enum Contents {
    /// An enrolled device.
    Enrolled(Identity),
    /// A device that answers, or has answered, an invite.
    Joining(JoiningKeys),
    /// A device that asks guardians for its person's keys.
    Recovering(JoiningKeys),
}

/// The keys of a device that is not certified yet.
#[derive(Debug)]
pub struct JoiningKeys {
    /// The invite's code, which holds its secret.
    pub code: Zeroizing<String>,
    /// The one post that this device sends: signed once, so that sending it again is no second answer.
    pub post: JoinPost,
    /// The device's signing keys.
    pub signing: SigningKeys,
    /// The device's KEM key.
    pub device_kem: KemSecret,
    /// The KEM key of a new person; the first device of one draws it.
    pub user_kem: KemSecret,
}

/// The plain form. Seeds are lists because the longest has no fixed-size encoding.
#[derive(Serialize, Deserialize, Zeroize, ZeroizeOnDrop)]
enum Stored {
    Enrolled { user: [u8; 16], signing: Vec<u8>, device_kem: [u8; 32], user_kem: [u8; 32], directory: [u8; 32] },
    Joining(StoredJoining),
    Recovering(StoredJoining),
}

#[derive(Serialize, Deserialize, Zeroize, ZeroizeOnDrop)]
struct StoredJoining {
    code: String,
    post: Vec<u8>,
    signing: Vec<u8>,
    device_kem: [u8; 32],
    user_kem: [u8; 32],
}

/// Opens the keystore of `home`.
///
/// # Errors
/// [`KeysError`]; [`StateError::NoHome`] in it if there is none.
pub fn open(home: &Home, passphrase: &Passphrase) -> Result<Contents, KeysError> {
    let path = home.keystore();
    let locked =
        read_bounded(&path, SMALL_FILE_BYTES_MAX)?.ok_or_else(|| StateError::NoHome(home.folder().to_owned()))?;
    let cannot = |source| KeysError::Locked { path: path.clone(), source };
    let plain = unlock(passphrase.expose(), &locked).map_err(cannot)?;
    let stored: Stored = decode(&plain).map_err(|_| cannot(KeystoreError::Malformed))?;
    let seed = |bytes: &[u8]| Secret::try_from(bytes).map_err(|_| cannot(KeystoreError::Malformed));
    let kem = |bytes: &[u8; 32]| KemSecret::from_seed(Secret::new(*bytes));
    Ok(match &stored {
        Stored::Enrolled { user, signing, device_kem, user_kem, directory } => Contents::Enrolled(Identity::new(
            UserId(*user),
            SigningKeys::from_seed(seed(signing)?)?,
            kem(device_kem),
            kem(user_kem),
            DirectoryKey::new(Secret::new(*directory)),
        )),
        Stored::Joining(joining) => Contents::Joining(joining.keys(cannot)?),
        Stored::Recovering(joining) => Contents::Recovering(joining.keys(cannot)?),
    })
}

/// Writes the keystore of `home`; what it held before is replaced whole.
///
/// # Errors
/// [`KeysError`].
pub fn save(home: &Home, passphrase: &Passphrase, contents: &Contents) -> Result<(), KeysError> {
    let stored = match contents {
        Contents::Enrolled(identity) => Stored::Enrolled {
            user: identity.user.0,
            signing: identity.signing.seed().expose().to_vec(),
            device_kem: *identity.device_kem.seed().expose(),
            user_kem: *identity.user_kem.seed().expose(),
            directory: *identity.directory.secret().expose(),
        },
        Contents::Joining(joining) => Stored::Joining(StoredJoining::of(joining)),
        Contents::Recovering(joining) => Stored::Recovering(StoredJoining::of(joining)),
    };
    let path = home.keystore();
    let plain = Zeroizing::new(encode(&stored));
    let locked =
        lock(passphrase.expose(), &plain).map_err(|source| KeysError::Locked { path: path.clone(), source })?;
    Ok(replace(&path, &locked)?)
}

impl StoredJoining {
    fn of(joining: &JoiningKeys) -> Self {
        Self {
            code: joining.code.to_string(),
            post: joining.post.to_bytes(),
            signing: joining.signing.seed().expose().to_vec(),
            device_kem: *joining.device_kem.seed().expose(),
            user_kem: *joining.user_kem.seed().expose(),
        }
    }

    /// The keys; `cannot` says of which file they are.
    fn keys(&self, cannot: impl Fn(KeystoreError) -> KeysError) -> Result<JoiningKeys, KeysError> {
        let malformed = || cannot(KeystoreError::Malformed);
        let signing = Secret::try_from(self.signing.as_slice()).map_err(|_| malformed())?;
        Ok(JoiningKeys {
            code: Zeroizing::new(self.code.clone()),
            post: JoinPost::parse(&Bytes::copy_from_slice(&self.post)).map_err(|_| malformed())?,
            signing: SigningKeys::from_seed(signing)?,
            device_kem: KemSecret::from_seed(Secret::new(self.device_kem)),
            user_kem: KemSecret::from_seed(Secret::new(self.user_kem)),
        })
    }
}
