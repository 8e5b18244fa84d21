//! The `vauban` command.

use std::process::ExitCode;

fn main() -> ExitCode {
    vauban_client::run(std::env::args_os().collect())
}
