//! File systems of a test's own: small ones that fill, and ones that go away. They take a machine that lets a test mount.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context;

use crate::demands::{Need, missing};

/// A mounted file system; unmounted when dropped.
#[derive(Debug)]
pub struct Mount(PathBuf);

impl Mount {
    /// An empty file system of `kibibytes` at `place`; `None` where this machine allows none: see [`missing`].
    ///
    /// # Errors
    /// If `place` cannot be made, or if it is demanded that this machine lets tests mount.
    pub fn small(place: &Path, kibibytes: u64) -> anyhow::Result<Option<Self>> {
        Self::made(place, &["-t", "tmpfs", "-o", &format!("size={kibibytes}k"), "vauban-test"])
    }

    /// The folder `of`, to be seen at `place`, too; `None` as for [`Mount::small`].
    ///
    /// # Errors
    /// If `place` cannot be made, or if it is demanded that this machine lets tests mount.
    pub fn of(of: &Path, place: &Path) -> anyhow::Result<Option<Self>> {
        let of = of.to_str().context("a path of a test is UTF-8")?;
        Self::made(place, &["--bind", of])
    }

    fn made(place: &Path, arguments: &[&str]) -> anyhow::Result<Option<Self>> {
        std::fs::create_dir_all(place)?;
        let mounted = Command::new("mount").args(arguments).arg(place).output();
        match mounted {
            Ok(done) if done.status.success() => Ok(Some(Self(place.to_owned()))),
            Ok(refused) => {
                let reason = String::from_utf8_lossy(&refused.stderr);
                missing(Need::Mount, &reason).map(|()| None)
            }
            Err(error) => missing(Need::Mount, &format!("no program `mount`: {error}")).map(|()| None),
        }
    }

    /// Gives it this size.
    ///
    /// # Errors
    /// If the system refuses.
    pub fn resize(&self, kibibytes: u64) -> anyhow::Result<()> {
        let size = format!("remount,size={kibibytes}k");
        let done = Command::new("mount").args(["-o", &size]).arg(&self.0).output()?;
        anyhow::ensure!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        Ok(())
    }

    /// Takes it away from its place, whoever still uses it.
    ///
    /// # Errors
    /// If the system refuses.
    pub fn leave(self) -> anyhow::Result<()> {
        let done = self.unmount()?;
        anyhow::ensure!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        std::mem::forget(self);
        Ok(())
    }

    fn unmount(&self) -> std::io::Result<std::process::Output> {
        Command::new("umount").arg("--lazy").arg(&self.0).output()
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        // The folder of a test that failed is then still in use, and says so.
        let _ = self.unmount();
    }
}
