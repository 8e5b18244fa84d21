//! `vauban org backup FILE`.

use std::path::PathBuf;

use serde::Serialize;

use crate::commands::Context;
use crate::commands::root_passphrase::RootPassphrase;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::keys::{Backup, KeysError, UserKeys};
use crate::say;
use crate::state::create_new;

/// Arguments.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    #[arg(value_name = "FILE", help = say!(fr: "Le fichier à écrire", en: "The file to write"))]
    file: PathBuf,
    #[command(flatten)]
    root_passphrase: RootPassphrase,
    #[arg(long, value_name = "FILE", env = "VAUBAN_BACKUP_PASSPHRASE_FILE", hide_env = true, help = say!(
        fr: "Phrase de passe de la sauvegarde (VAUBAN_BACKUP_PASSPHRASE_FILE)",
        en: "Passphrase of the backup (VAUBAN_BACKUP_PASSPHRASE_FILE)",
    ))]
    backup_passphrase_file: Option<PathBuf>,
}

#[derive(Debug, Serialize)]
struct Report {
    file: PathBuf,
}

pub(crate) fn run(context: &Context, arguments: &Arguments) -> Result<Exit, Failure> {
    let session = context.session()?;
    let root = arguments.root_passphrase.open_root(context)?;
    let passphrase = context.choose_backup_passphrase(arguments.backup_passphrase_file.as_ref())?;
    let identity = session.identity();
    let keys = UserKeys::of(identity, &session.organisation());
    let backup = Backup {
        root: root.signing.seed().expose().to_vec(),
        authority: root.authority.serialize_der(),
        user: identity.user().0,
        user_kem: *keys.newest().seed().expose(),
        device: identity.signing().seed().expose().to_vec(),
        directory: *identity.directory().secret().expose(),
        servers: session.anchor().record().servers,
        chain: session.certificates().iter().map(|certificate| certificate.to_vec()).collect(),
    };
    let sealed =
        backup.seal(&passphrase).map_err(|source| KeysError::Locked { path: arguments.file.clone(), source })?;
    create_new(&arguments.file, &sealed)?;
    context.output.result(&Report { file: arguments.file.clone() }, |report| {
        let file = report.file.display();
        say!(
            fr: "Sauvegarde écrite dans {file}.\nLa garder hors ligne, en deux lieux, et sa phrase de passe ailleurs : qui a les deux tient l'organisation.",
            en: "Backup written to {file}.\nKeep it offline, in two places, and its passphrase elsewhere: whoever has both holds the organisation.",
        )
    });
    Ok(Exit::Done)
}
