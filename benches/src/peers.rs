//! Peers in the same run, where they are installed: the same bytes, the same disk, the same hour.

use std::path::Path;
use std::process::Command;

use crate::process::{Finished, is_installed, run};

/// A program that backs a folder up into a local repository, encrypted, with durable writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Peer {
    /// restic: packs, content-defined chunks, AES-256-CTR with Poly1305.
    Restic,
    /// borg: segments, content-defined chunks, AES-256-CTR with HMAC-SHA-256.
    Borg,
}

impl Peer {
    /// Those that are installed here.
    #[must_use]
    pub fn installed() -> Vec<Self> {
        [Self::Restic, Self::Borg].into_iter().filter(|peer| is_installed(peer.program())).collect()
    }

    /// The command's name.
    #[must_use]
    pub fn program(self) -> &'static str {
        match self {
            Self::Restic => "restic",
            Self::Borg => "borg",
        }
    }

    /// Makes an empty repository.
    ///
    /// # Errors
    /// If the peer fails.
    pub fn prepare(self, repository: &Path) -> anyhow::Result<()> {
        let mut command = self.command(repository);
        match self {
            Self::Restic => command.arg("init"),
            Self::Borg => command.args(["init", "--encryption", "repokey"]).arg(repository),
        };
        run(&mut command).map(drop)
    }

    /// Stores `folder`.
    ///
    /// # Errors
    /// If the peer fails.
    pub fn store(self, repository: &Path, folder: &Path, name: &str) -> anyhow::Result<Finished> {
        let mut command = self.command(repository);
        match self {
            Self::Restic => command.arg("backup").arg(folder),
            Self::Borg => {
                let archive = format!("{}::{name}", repository.display());
                command.args(["create", "--compression", "none"]).arg(archive).arg(folder)
            }
        };
        run(&mut command)
    }

    /// Gives back what was stored by this name, into `folder`.
    ///
    /// # Errors
    /// If the peer fails.
    pub fn restore(self, repository: &Path, name: &str, folder: &Path) -> anyhow::Result<Finished> {
        let mut command = self.command(repository);
        match self {
            Self::Restic => command.args(["restore", "latest", "--target"]).arg(folder),
            Self::Borg => command.arg("extract").arg(format!("{}::{name}", repository.display())).current_dir(folder),
        };
        run(&mut command)
    }

    fn command(self, repository: &Path) -> Command {
        let mut command = Command::new(self.program());
        let home = repository.with_extension("home");
        command.env("HOME", &home).env("XDG_CACHE_HOME", &home);
        match self {
            Self::Restic => command.env("RESTIC_PASSWORD", "bench").arg("--repo").arg(repository),
            Self::Borg => command
                .env("BORG_PASSPHRASE", "bench")
                .env("BORG_BASE_DIR", &home)
                .env("BORG_RELOCATED_REPO_ACCESS_IS_OK", "yes"),
        };
        command
    }
}
