//! Where a node keeps what: the one place that names the files of its data folder.

use std::path::{Path, PathBuf};

use vauban_protocol::time::Timestamp;

/// A node's data folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DataFolder(PathBuf);

impl DataFolder {
    /// The data folder at `root`.
    #[must_use]
    pub fn at(root: &Path) -> Self {
        Self(root.to_owned())
    }

    /// The folder itself.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.0
    }

    /// The configuration, unless another file is named.
    #[must_use]
    pub fn config(&self) -> PathBuf {
        self.0.join("node.toml")
    }

    /// The secret half of the receipt key.
    #[must_use]
    pub fn receipt_key(&self) -> PathBuf {
        self.0.join("receipt.key")
    }

    /// The secret half of the TLS key, as PEM.
    #[must_use]
    pub fn tls_key(&self) -> PathBuf {
        self.0.join("tls.key")
    }

    /// What an admin charters the node from.
    #[must_use]
    pub fn request(&self) -> PathBuf {
        self.0.join("node-request.vbq")
    }

    /// What the admin answered.
    #[must_use]
    pub fn admission(&self) -> PathBuf {
        self.0.join("node-admission.vba")
    }

    /// Where the web of the node's last run listened.
    #[must_use]
    pub fn web_address(&self) -> PathBuf {
        self.0.join("web.address")
    }

    /// Raft's log and the state that it makes.
    #[must_use]
    pub fn metadata(&self) -> PathBuf {
        self.0.join("meta")
    }

    /// Says that the metadata are gone because they were set aside: the node comes to its cluster as a new one does.
    #[must_use]
    pub fn rejoining(&self) -> PathBuf {
        self.0.join("meta.rejoining")
    }

    /// Where metadata go that a restored cluster has no use for.
    #[must_use]
    pub fn set_aside(&self, now: Timestamp) -> PathBuf {
        self.0.join(format!("meta.set-aside-{}", now.0))
    }

    /// What the root reanchors the cluster from, after a restore.
    #[must_use]
    pub fn reanchor_request(&self) -> PathBuf {
        self.0.join("reanchor-request.vbx")
    }

    /// Sealed chunks.
    #[must_use]
    pub fn chunks(&self) -> PathBuf {
        self.0.join("chunks")
    }

    /// How far scrub has come with them: it goes with the disk that they lie on.
    #[must_use]
    pub fn scrubbed(&self) -> PathBuf {
        self.chunks().join("scrubbed.json")
    }
}
