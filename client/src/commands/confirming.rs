//! Asking before something that cannot be undone.

use std::io::{BufRead, IsTerminal, Read, Write};

use crate::failure::Failure;
use crate::limit::TYPED_ANSWER_BYTES_MAX;
use crate::plain::PlainLines;
use crate::say;

/// The argument for scripts.
#[derive(Debug, Clone, Copy, clap::Args)]
pub(super) struct Confirmed {
    #[arg(long, help = say!(fr: "Sans demander confirmation", en: "Without asking for confirmation"))]
    yes: bool,
}

impl Confirmed {
    /// Asks a person, unless `--yes` was said.
    ///
    /// # Errors
    /// [`Failure::Usage`] if the answer is no, or there is nobody to ask: nothing is to be done then.
    pub(super) fn ask(self, question: &str) -> Result<(), Failure> {
        if self.yes {
            return Ok(());
        }
        let stdin = std::io::stdin();
        if !stdin.is_terminal() {
            return Err(Failure::Usage(say!(
                fr: "Rien n'a été fait : sans terminal pour confirmer, il faut `--yes`.",
                en: "Nothing was done: without a terminal to confirm at, it takes `--yes`.",
            )));
        }
        let hint = say!(fr: "[oui/non]", en: "[yes/no]");
        let mut err = std::io::stderr().lock();
        // Whoever cannot read the question will not say yes to it.
        let _ = write!(err, "{} {hint} ", PlainLines(question)).and_then(|()| err.flush());
        let mut answer = String::new();
        let read = std::io::BufReader::new(stdin.lock().take(TYPED_ANSWER_BYTES_MAX)).read_line(&mut answer);
        if read.is_ok() && is_yes(&answer) {
            return Ok(());
        }
        Err(Failure::Usage(say!(
            fr: "Rien n'a été fait : ce n'était pas confirmé.",
            en: "Nothing was done: it was not confirmed.",
        )))
    }
}

fn is_yes(answer: &str) -> bool {
    ["o", "oui", "y", "yes"].contains(&answer.trim().to_lowercase().as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_but_yes_is_yes() {
        assert!(["oui\n", "O\n", " yes ", "y"].into_iter().all(is_yes));
        assert!(!["", "\n", "no\n", "non\n", "yess\n", "ok\n"].into_iter().any(is_yes));
    }
}
