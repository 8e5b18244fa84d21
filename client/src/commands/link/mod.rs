//! `vauban link …`: files for people without an account.

mod create;
mod get;
mod list;
mod revoke;

use std::io::{self, BufRead as _, Read as _};

use zeroize::Zeroizing;

use crate::commands::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::keys::PassphraseError;
use crate::limit::SMALL_FILE_BYTES_MAX;
use crate::say;
use crate::state::StateError;

/// What to do about links.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    #[command(about = say!(
        fr: "Crée un lien vers un fichier ou un dossier, tel qu'il est maintenant, et affiche son adresse",
        en: "Makes a link to a file or folder, as it is now, and shows its address",
    ))]
    Create(create::Arguments),
    #[command(about = say!(
        fr: "Liste les liens d'un espace, avec leur fin et combien de fois ils ont été ouverts",
        en: "Lists a space's links, with their end and how often they were opened",
    ))]
    List(list::Arguments),
    #[command(about = say!(
        fr: "Révoque un lien : les nœuds n'en donnent plus rien",
        en: "Revokes a link: nodes give nothing of it any more",
    ))]
    Revoke(revoke::Arguments),
    #[command(about = say!(
        fr: "Reçoit ce qu'un lien montre ; aucun compte n'est nécessaire",
        en: "Receives what a link shows; no account is needed",
    ))]
    Get(get::Arguments),
}

pub(crate) fn run(context: &Context, command: &Command) -> Result<Exit, Failure> {
    match command {
        Command::Create(arguments) => create::run(context, arguments),
        Command::List(arguments) => list::run(context, arguments),
        Command::Revoke(arguments) => revoke::run(context, arguments),
        Command::Get(arguments) => get::run(context, arguments),
    }
}

/// The first line of standard input: never an argument, which other processes can read.
fn password_from_stdin() -> Result<Zeroizing<String>, Failure> {
    let mut line = Zeroizing::new(String::new());
    let bound = SMALL_FILE_BYTES_MAX;
    let mut input = io::BufReader::new(io::stdin().lock().take(bound));
    input.read_line(&mut line).map_err(StateError::io("stdin".as_ref()))?;
    let password = line.trim_end_matches(['\n', '\r']);
    if password.is_empty() {
        return Err(crate::keys::KeysError::from(PassphraseError::Empty).into());
    }
    Ok(Zeroizing::new(password.to_owned()))
}
