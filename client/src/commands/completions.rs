//! `vauban completions SHELL`.

use clap_complete::Shell;

use crate::cli;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::say;

/// Arguments.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    #[arg(value_name = "SHELL", hide_possible_values = true, help = say!(
        fr: "bash, elvish, fish, powershell ou zsh",
        en: "bash, elvish, fish, powershell or zsh",
    ))]
    shell: Shell,
}

/// Writes the script to standard output.
pub(crate) fn run(arguments: &Arguments) -> Result<Exit, Failure> {
    clap_complete::generate(arguments.shell, &mut cli::grammar(), "vauban", &mut std::io::stdout().lock());
    Ok(Exit::Done)
}
