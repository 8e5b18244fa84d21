//! Where the programs under test are: beside this very test, in the target directory.

use std::path::PathBuf;

use anyhow::Context;

/// One of the two programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Program {
    /// `vauban`, the client.
    Client,
    /// `vauban-node`.
    Node,
}

impl Program {
    /// The file of the program, as `make build` left it.
    ///
    /// # Errors
    /// If it has not been built: cargo builds no other package's programs for a test.
    pub fn path(self) -> anyhow::Result<PathBuf> {
        let name = match self {
            Self::Client => "vauban",
            Self::Node => "vauban-node",
        };
        // A test runs as target/release/deps/NAME-HASH, a bench likewise.
        let test = std::env::current_exe()?;
        let folder = test.ancestors().nth(2).context("the test stands in no target directory")?;
        let path = folder.join(name);
        anyhow::ensure!(path.is_file(), "{} is missing: run `make build`", path.display());
        Ok(path)
    }
}
