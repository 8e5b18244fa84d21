//! Where the passphrase of the root comes from, for every command that signs as the organisation.

use std::path::PathBuf;

use crate::commands::Context;
use crate::keys::{KeysError, Passphrase, Root};
use crate::say;

/// The one argument.
#[derive(Debug, clap::Args)]
pub(super) struct RootPassphrase {
    #[arg(long, value_name = "FILE", env = "VAUBAN_ROOT_PASSPHRASE_FILE", hide_env = true, help = say!(
        fr: "Phrase de passe de la racine (VAUBAN_ROOT_PASSPHRASE_FILE)",
        en: "Passphrase of the root (VAUBAN_ROOT_PASSPHRASE_FILE)",
    ))]
    root_passphrase_file: Option<PathBuf>,
}

impl RootPassphrase {
    /// The root of this home, unlocked.
    pub(super) fn open_root(&self, context: &Context) -> Result<Root, KeysError> {
        Root::open(&context.home, &context.root_passphrase(self.root_passphrase_file.as_ref())?)
    }

    /// A passphrase for a root that this home does not hold yet.
    pub(super) fn choose(&self, context: &Context) -> Result<Passphrase, KeysError> {
        context.choose_root_passphrase(self.root_passphrase_file.as_ref())
    }
}
