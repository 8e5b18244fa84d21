//! The secrets of this machine: passphrases, the device's keystore, the organisation's root, and what is wrapped for whom.

mod error;
mod generations;
mod identity;
mod keystore;
mod passphrase;
mod root;
mod wrapping;

mod invite_code;

pub use error::{KeysError, PassphraseError};
pub use generations::{Holder, UserKeys};
pub use identity::Identity;
pub use invite_code::{InviteCode, InviteCodeError};
pub use keystore::{Contents, JoiningKeys, open, save};
pub use passphrase::{Passphrase, PassphraseSource};
pub use root::{Backup, Root};
pub use wrapping::{
    unwrap_directory, unwrap_invite_secret, unwrap_previous_secret, unwrap_user_secret, wrap_directory,
    wrap_invite_secret, wrap_previous_secret, wrap_user_secret,
};

#[cfg(test)]
mod tests;
