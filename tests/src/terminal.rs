//! Somebody at a terminal: a command in a pseudo-terminal (util-linux's `script`), whose questions are answered as they are asked.

use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::Context as _;
use tempfile::TempDir;

use crate::agency::utf8;
use crate::home::{COMMAND_LIMIT, Home};
use crate::process::{Outcome, Running};
use crate::program::Program;
use crate::wait;

/// A command at a terminal; killed when dropped.
#[derive(Debug)]
pub struct Terminal {
    running: Running,
    keys: File,
    /// Bytes of the screen up to the last question that was answered.
    answered: usize,
    _folder: TempDir,
}

impl Terminal {
    /// Runs a command of `vauban` in this home, at a terminal.
    ///
    /// # Errors
    /// If it cannot be started.
    pub fn start(home: &Home, arguments: &[&str]) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        let keys = folder.path().join("keys");
        let made = Command::new("mkfifo").arg(&keys).status()?;
        anyhow::ensure!(made.success(), "mkfifo: {made}");
        // Opened for both, which waits for nobody, and lets the terminal's keyboard never end.
        let writing = OpenOptions::new().read(true).write(true).open(&keys)?;
        let program = utf8(&Program::Client.path()?)?;
        let line: Vec<String> = [program.as_str()].iter().chain(arguments).map(|word| quoted(word)).collect();
        let keys = utf8(&keys)?;
        let at_terminal = "exec script -q -e -f -c \"$2\" /dev/null <\"$1\"";
        let command = home.command_of(Path::new("/bin/sh"), &["-c", at_terminal, "sh", &keys, &line.join(" ")]);
        let running = Running::start(command, folder.path())?;
        Ok(Self { running, keys: writing, answered: 0, _folder: folder })
    }

    /// Waits for a question, and types a line.
    ///
    /// # Errors
    /// If it is not asked.
    pub fn answer(&mut self, question: &str, line: &str) -> anyhow::Result<()> {
        let Self { running, keys, answered, .. } = self;
        *answered = wait::until(question, COMMAND_LIMIT, || {
            let screen = running.stdout()?;
            if let Some(at) = screen.get(*answered..).and_then(|rest| rest.find(question)) {
                return Ok(Some(*answered + at + question.len()));
            }
            anyhow::ensure!(!running.has_ended()?, "it ended before `{question}`:\n{screen}");
            Ok(None)
        })?;
        keys.write_all(format!("{line}\n").as_bytes()).context("the keyboard")
    }

    /// Waits for its end; all that stood on the screen is its standard output.
    ///
    /// # Errors
    /// If `limit` passes first.
    pub fn wait(self, limit: Duration) -> anyhow::Result<Outcome> {
        // The folder, with what it has said, stays until that was read.
        let Self { running, _folder, .. } = self;
        running.wait(limit)
    }
}

/// A word as a shell reads it.
fn quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_read_as_they_are() {
        assert_eq!(quoted("l'été #1"), r"'l'\''été #1'");
    }
}
