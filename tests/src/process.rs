//! One process: started, watched, and ended by its own identifier.
//!
//! Its output goes to files, never to pipes: a process cannot stall on a reader, and what it wrote outlives a kill.

use std::fs::{self, File};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::Context;
use rustix::process::{Pid, Signal, kill_process};

use crate::wait;

/// A process that has not been waited for; killed when dropped.
#[derive(Debug)]
pub struct Running {
    child: Child,
    name: String,
    stdout: PathBuf,
    stderr: PathBuf,
}

/// What a process left.
#[derive(Debug)]
pub struct Outcome {
    /// What was run, for messages.
    pub name: String,
    /// Its end.
    pub status: ExitStatus,
    /// All that it wrote to standard output.
    pub stdout: String,
    /// All that it wrote to standard error.
    pub stderr: String,
}

impl Running {
    /// Starts `command`; its output goes to two new files in `logs`.
    ///
    /// # Errors
    /// If it cannot be started.
    pub fn start(mut command: Command, logs: &Path) -> anyhow::Result<Self> {
        static STARTED: AtomicU64 = AtomicU64::new(0);
        let number = STARTED.fetch_add(1, Ordering::Relaxed);
        let program = Path::new(command.get_program()).file_name().unwrap_or_default();
        let name = program.to_string_lossy().into_owned();
        let stdout = logs.join(format!("{number:04}-{name}.out"));
        let stderr = logs.join(format!("{number:04}-{name}.err"));
        let child = command
            .stdin(Stdio::null())
            .stdout(File::create(&stdout)?)
            .stderr(File::create(&stderr)?)
            .spawn()
            .with_context(|| format!("{name} does not start"))?;
        let arguments: Vec<_> = command.get_args().map(|is| is.to_string_lossy()).collect();
        Ok(Self { child, name: format!("{name} {}", arguments.join(" ")), stdout, stderr })
    }

    /// The process's identifier.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// What it has written to standard output so far.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub fn stdout(&self) -> anyhow::Result<String> {
        text(&self.stdout)
    }

    /// What it has written to standard error so far.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub fn stderr(&self) -> anyhow::Result<String> {
        text(&self.stderr)
    }

    /// Waits for a line of its standard output that begins with `start`.
    ///
    /// # Errors
    /// If it ends first, or `limit` passes; with what it had said.
    pub fn line(&mut self, start: &str, limit: Duration) -> anyhow::Result<String> {
        wait::until(start, limit, || {
            let said = self.stdout()?;
            let complete = said.split_inclusive('\n').filter(|line| line.ends_with('\n'));
            if let Some(line) = complete.map(str::trim_end).find(|line| line.starts_with(start)) {
                return Ok(Some(line.to_owned()));
            }
            if let Some(status) = self.child.try_wait()? {
                anyhow::bail!("{} ended ({status}) before `{start}`:\n{said}\n{}", self.name, self.stderr()?);
            }
            Ok(None)
        })
        .with_context(|| format!("{} said: {}", self.name, self.stderr().unwrap_or_default()))
    }

    /// Whether it has ended.
    ///
    /// # Errors
    /// If the system does not tell.
    pub fn has_ended(&mut self) -> anyhow::Result<bool> {
        Ok(self.child.try_wait()?.is_some())
    }

    /// Waits for its end.
    ///
    /// # Errors
    /// If `limit` passes first; it is then killed.
    pub fn wait(mut self, limit: Duration) -> anyhow::Result<Outcome> {
        let name = self.name.clone();
        let status = wait::until(&format!("the end of {name}"), limit, || Ok(self.child.try_wait()?))
            .with_context(|| format!("it said: {}", self.stderr().unwrap_or_default()))?;
        Ok(Outcome { name, status, stdout: self.stdout()?, stderr: self.stderr()? })
    }

    /// Asks it to end (SIGTERM), and waits.
    ///
    /// # Errors
    /// As [`Running::wait`].
    pub fn terminate(self, limit: Duration) -> anyhow::Result<Outcome> {
        self.signal(Signal::TERM)?;
        self.wait(limit)
    }

    /// Kills it (SIGKILL), and waits until it is gone.
    ///
    /// # Errors
    /// If the system refuses.
    pub fn kill(mut self) -> anyhow::Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    /// Sends `signal`.
    ///
    /// # Errors
    /// If the process is gone.
    pub fn signal(&self, signal: Signal) -> anyhow::Result<()> {
        Ok(kill_process(Pid::from_child(&self.child), signal)?)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Both fail only where the process has ended, which is what is wanted.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Outcome {
    /// The exit code; `None` if a signal ended it.
    #[must_use]
    pub fn code(&self) -> Option<i32> {
        self.status.code()
    }

    /// Itself, if it succeeded.
    ///
    /// # Errors
    /// Otherwise, with all that it said.
    pub fn success(self) -> anyhow::Result<Self> {
        self.ended_with(0)
    }

    /// Itself, if it ended with this code.
    ///
    /// # Errors
    /// Otherwise, with all that it said.
    pub fn ended_with(self, code: i32) -> anyhow::Result<Self> {
        anyhow::ensure!(
            self.code() == Some(code),
            "{} ended with {:?} (signal {:?}) instead of {code}:\n{}\n{}",
            self.name,
            self.code(),
            self.status.signal(),
            self.stdout,
            self.stderr
        );
        Ok(self)
    }

    /// Itself, if its error says all of `words`, and says what to do: a person reads two lines.
    ///
    /// # Errors
    /// Otherwise, with all that it said.
    pub fn says(self, words: &[&str]) -> anyhow::Result<Self> {
        for word in words {
            anyhow::ensure!(self.stderr.contains(word), "{} does not say `{word}`:\n{}", self.name, self.stderr);
        }
        let lines = self.stderr.lines().filter(|line| !line.trim().is_empty()).count();
        anyhow::ensure!(lines >= 2, "{} does not say what to do now:\n{}", self.name, self.stderr);
        anyhow::ensure!(!self.stderr.contains("panicked at"), "{} panicked:\n{}", self.name, self.stderr);
        Ok(self)
    }
}

fn text(path: &Path) -> anyhow::Result<String> {
    let bytes = fs::read(path).with_context(|| path.display().to_string())?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    #[test]
    fn a_process_is_watched_and_ended() {
        let logs = tempfile::tempdir().unwrap();
        let mut running = Running::start(shell("echo ready 7; exec sleep 60"), logs.path()).unwrap();
        assert_eq!(running.line("ready", Duration::from_secs(10)).unwrap(), "ready 7");
        assert!(!running.has_ended().unwrap());
        let outcome = running.terminate(Duration::from_secs(10)).unwrap();
        assert_eq!(outcome.status.signal(), Some(Signal::TERM.as_raw()));
    }

    #[test]
    fn an_early_end_is_an_error_that_tells_what_was_said() {
        let logs = tempfile::tempdir().unwrap();
        let mut running = Running::start(shell("echo broken >&2; exit 3"), logs.path()).unwrap();
        let error = running.line("ready", Duration::from_secs(10)).unwrap_err();
        assert!(format!("{error:#}").contains("broken"), "{error:#}");
        assert!(running.wait(Duration::from_secs(1)).unwrap().ended_with(3).is_ok());
    }
}
