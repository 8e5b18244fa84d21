//! The Vauban client: the only place where keys meet the network.
//!
//! In the order in which a command meets it: what a person types and reads; keys and state of this machine; the link to
//! nodes; and what is done with them. Everything is reachable as a library, so that tests run what people run.

pub mod cli;
pub mod complaint;
pub mod exit;
pub mod failure;
pub mod limit;
pub mod message;
pub mod output;
pub mod plain;
pub mod qr;
pub mod spoken;

pub mod backoff;
mod bounded;
pub mod capacity;
pub mod clock;
pub mod fingerprint_code;
pub mod keys;
pub mod link;
pub mod machine;
pub mod organisation;
pub mod rate;
pub mod session;
pub mod size;
pub mod state;

pub mod content;
pub mod log;
pub mod sync;
pub mod tree;

pub mod file_request;
pub mod service;
pub mod shared_link;
pub mod ui;

pub mod commands;

use std::ffi::OsString;
use std::process::ExitCode;

use crate::cli::Parsed;
use crate::message::Language;
use crate::output::Output;

/// Runs one command line, the program's name first, and says all there is to say about it.
#[must_use]
pub fn run(arguments: Vec<OsString>) -> ExitCode {
    log_to_stderr();
    message::speak(Language::choose(&arguments, |name| std::env::var(name).ok()));
    let cli = match cli::parse(&arguments) {
        Parsed::Run(cli) => cli,
        Parsed::Said(exit) => return exit.into(),
    };
    let output = if cli.global.json { Output::Json } else { Output::Text };
    let exit = commands::run(&cli).unwrap_or_else(|failure| output.failure(&failure, &cli::meant(&arguments)));
    exit.into()
}

/// What happens underneath, for whoever looks into a fault: nothing unless `VAUBAN_LOG` asks for it.
fn log_to_stderr() {
    let filter = tracing_subscriber::EnvFilter::try_from_env("VAUBAN_LOG")
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("off"));
    // Tests run several commands in one process; the first one's log stands.
    let _ = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).try_init();
}
