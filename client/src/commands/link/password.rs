//! The password of a link or file request: typed where nobody sees it, or read from standard input; never an argument.

use std::io::{self, IsTerminal as _};

use zeroize::Zeroizing;

use crate::commands::entered::line;
use crate::failure::Failure;
use crate::keys::{KeysError, PassphraseError, PassphraseSource};
use crate::say;
use crate::shared_link::SharedLinkError;

/// How whoever makes a link gives it a password.
#[derive(Debug, Clone, Copy, clap::Args)]
pub(super) struct PasswordToChoose {
    #[arg(long, help = say!(
        fr: "Protège aussi par un mot de passe, demandé deux fois dans ce terminal sans s'afficher",
        en: "Guards it by a password as well, asked for twice at this terminal and not shown",
    ))]
    password: bool,
    #[arg(long, conflicts_with = "password", help = say!(
        fr: "De même, pour un script : le lit sur la première ligne de l'entrée standard",
        en: "The same, for a script: reads it from the first line of standard input",
    ))]
    password_stdin: bool,
}

impl PasswordToChoose {
    /// The password, if there is to be one.
    pub(super) fn chosen(self) -> Result<Option<Zeroizing<String>>, Failure> {
        if !(self.password || self.password_stdin) {
            return Ok(None);
        }
        if self.password_stdin && !io::stdin().is_terminal() {
            return of_line().map(Some);
        }
        let chosen = asked(&say!(fr: "Choisir le mot de passe du lien :", en: "Choose the link's password:"))?;
        if *asked(&say!(fr: "Encore une fois :", en: "Once more:"))? != *chosen {
            return Err(SharedLinkError::PasswordsDiffer.into());
        }
        Ok(Some(chosen))
    }
}

/// The password of a link that asks for one.
pub(super) fn known(is_on_stdin: bool) -> Result<Zeroizing<String>, Failure> {
    if is_on_stdin && !io::stdin().is_terminal() {
        return of_line();
    }
    asked(&say!(fr: "Mot de passe du lien :", en: "The link's password:"))
}

fn of_line() -> Result<Zeroizing<String>, Failure> {
    let password = line()?;
    if password.is_empty() { Err(SharedLinkError::EmptyPassword.into()) } else { Ok(password) }
}

fn asked(question: &str) -> Result<Zeroizing<String>, Failure> {
    let asked = PassphraseSource::Prompt.read(question).map_err(|error| match error {
        KeysError::Passphrase(PassphraseError::Empty) => SharedLinkError::EmptyPassword,
        _ => SharedLinkError::Password,
    })?;
    Ok(Zeroizing::new(asked.expose().to_owned()))
}
