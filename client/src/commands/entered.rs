//! Secrets that a person enters: what opens a link, an invite's code. They are asked for without echo at a terminal, or read from standard input:
//! what stands in an argument other programs of this machine can read while the command runs, and the shell's history keeps it.

use std::io::{self, BufRead as _, IsTerminal as _, Read as _};

use zeroize::Zeroizing;

use crate::failure::Failure;
use crate::keys::PassphraseSource;
use crate::limit::SMALL_FILE_BYTES_MAX;
use crate::say;
use crate::state::StateError;

/// Stands in the place of an argument, where standard input has it.
pub(super) const STDIN: &str = "-";

/// A secret: asked for where no argument was given, and at a terminal where standard input was named; the argument itself, for scripts.
///
/// # Errors
/// [`Failure::Usage`], with what `missing` says, where nobody is there to be asked, or nothing was answered.
pub(super) fn entered(
    argument: Option<&str>,
    question: &str,
    missing: impl FnOnce() -> String,
) -> Result<Zeroizing<String>, Failure> {
    match argument {
        Some(text) if text != STDIN => Ok(Zeroizing::new(text.to_owned())),
        Some(_) if !io::stdin().is_terminal() => line(),
        _ => {
            let asked = PassphraseSource::Prompt.read(question).map_err(|_| Failure::Usage(missing()))?;
            Ok(Zeroizing::new(asked.expose().to_owned()))
        }
    }
}

/// The code of an invite.
pub(super) fn invite_code(argument: Option<&str>) -> Result<Zeroizing<String>, Failure> {
    entered(argument, &say!(fr: "Le code de l'invitation :", en: "The invite's code:"), || {
        say!(
            fr: "Il manque le code de l'invitation : le taper dans un terminal, ou `--invite -` le lit sur l'entrée standard.",
            en: "The invite's code is missing: type it at a terminal, or `--invite -` reads it from standard input.",
        )
    })
}

/// The next line of standard input.
pub(super) fn line() -> Result<Zeroizing<String>, Failure> {
    let mut line = Zeroizing::new(String::new());
    // Not by a buffer of its own: the line after it may be asked for, too.
    let mut input = io::stdin().lock().take(SMALL_FILE_BYTES_MAX);
    input.read_line(&mut line).map_err(StateError::io("stdin".as_ref()))?;
    let end = line.trim_end_matches(['\n', '\r']).len();
    line.truncate(end);
    Ok(line)
}
