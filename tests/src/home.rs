//! One device: a client's home folder, and commands run in it.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::Context;
use serde_json::Value;

use crate::process::{Outcome, Running};
use crate::program::Program;

/// Longest that one command of a test may take.
pub const COMMAND_LIMIT: Duration = Duration::from_secs(120);
/// The passphrase of every home under test.
const PASSPHRASE: &str = "correct cheval pile agrafe";

/// A client's home, locked by a passphrase in a file beside it.
#[derive(Debug, Clone)]
pub struct Home {
    folder: PathBuf,
    passphrase: PathBuf,
    logs: PathBuf,
}

impl Home {
    /// An empty home named `name` under `root`.
    ///
    /// # Errors
    /// If the disk refuses.
    pub fn new(root: &Path, name: &str) -> anyhow::Result<Self> {
        let logs = root.join("logs");
        fs::create_dir_all(&logs)?;
        let passphrase = root.join(format!("{name}.passphrase"));
        fs::write(&passphrase, PASSPHRASE)?;
        fs::set_permissions(&passphrase, fs::Permissions::from_mode(0o600))?;
        Ok(Self { folder: root.join(name), passphrase, logs })
    }

    /// The folder of keys and state.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The file that holds the passphrase.
    #[must_use]
    pub fn passphrase_file(&self) -> &Path {
        &self.passphrase
    }

    /// A command of `vauban` in this home, in English, that sees no other environment.
    ///
    /// # Errors
    /// If the program has not been built.
    pub fn command(&self, arguments: &[&str]) -> anyhow::Result<Command> {
        Ok(self.command_of(&Program::Client.path()?, arguments))
    }

    /// The same, of a program that stands elsewhere.
    #[must_use]
    pub fn command_of(&self, program: &Path, arguments: &[&str]) -> Command {
        let mut command = Command::new(program);
        command
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", &self.folder)
            .env("VAUBAN_HOME", &self.folder)
            .env("VAUBAN_PASSPHRASE_FILE", &self.passphrase)
            .env("VAUBAN_ROOT_PASSPHRASE_FILE", &self.passphrase)
            .env("VAUBAN_LANG", "en")
            .args(arguments);
        command
    }

    /// Starts a command.
    ///
    /// # Errors
    /// If it cannot be started.
    pub fn start(&self, arguments: &[&str]) -> anyhow::Result<Running> {
        Running::start(self.command(arguments)?, &self.logs)
    }

    /// Runs a command to its end, whatever that is.
    ///
    /// # Errors
    /// If it cannot be started, or takes longer than [`COMMAND_LIMIT`].
    pub fn attempt(&self, arguments: &[&str]) -> anyhow::Result<Outcome> {
        self.start(arguments)?.wait(COMMAND_LIMIT)
    }

    /// Runs a command that must succeed.
    ///
    /// # Errors
    /// If it does not, with all that it said.
    pub fn run(&self, arguments: &[&str]) -> anyhow::Result<Outcome> {
        self.attempt(arguments)?.success()
    }

    /// Runs a command with `--json` that must succeed; its results, one value a line.
    ///
    /// # Errors
    /// If it does not, or a line is no JSON.
    pub fn json(&self, arguments: &[&str]) -> anyhow::Result<Vec<Value>> {
        let arguments = [&["--json"], arguments].concat();
        self.run(&arguments)?
            .stdout
            .lines()
            .map(|line| serde_json::from_str(line).with_context(|| line.to_owned()))
            .collect()
    }
}
