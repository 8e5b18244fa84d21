//! A clock that a test sets, for processes that it starts: by Debian's libfaketime.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::demands::{Need, missing};

/// As it is.
pub const NOW: &str = "+0";

/// See the module.
#[derive(Debug)]
pub struct Clock {
    library: PathBuf,
    /// What it shows, read anew at each look.
    file: PathBuf,
}

impl Clock {
    /// A clock whose file stands in `folder`. `None` where the library is not installed: see [`missing`].
    ///
    /// # Errors
    /// If the disk refuses, or if the library is demanded and missing.
    pub fn new(folder: &Path) -> anyhow::Result<Option<Self>> {
        let places = ["/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/usr/lib64", "/usr/lib"];
        let library = places.iter().map(|place| Path::new(place).join("faketime/libfaketimeMT.so.1"));
        let Some(library) = library.into_iter().find(|library| library.exists()) else {
            return missing(Need::Clock, "libfaketime is not installed").map(|()| None);
        };
        let clock = Self { library, file: folder.join("clock") };
        clock.set(NOW)?;
        Ok(Some(clock))
    }

    /// Sets it: `-365d` is a year ago.
    ///
    /// # Errors
    /// If the disk refuses.
    pub fn set(&self, to: &str) -> anyhow::Result<()> {
        // Whole at once: a half-written file would be another time.
        let new = self.file.with_extension("new");
        fs::write(&new, format!("{to}\n"))?;
        Ok(fs::rename(new, &self.file)?)
    }

    /// Makes a program look at this clock. What it waits for is not measured by it.
    #[must_use]
    pub fn under(&self, mut command: Command) -> Command {
        command
            .env("LD_PRELOAD", &self.library)
            .env("FAKETIME_TIMESTAMP_FILE", &self.file)
            .env("FAKETIME_NO_CACHE", "1")
            .env("FAKETIME_DONT_FAKE_MONOTONIC", "1")
            .env("DONT_FAKE_MONOTONIC", "1");
        command
    }
}
