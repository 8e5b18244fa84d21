//! Links: files for people without an account (trust.md, "Links").
//!
//! In the order in which somebody meets them: the address, whose fragment alone holds the secret; the manifest, a sealed list of what
//! the link shows and what opens it; then, for whoever opens one, the way to a node without being enrolled (`door`), the opening
//! (`open`), and the files on their way to a folder (`land`). Links are made in [`crate::sync`], by a device that has the space open.

mod address;
mod door;
mod error;
mod land;
mod manifest;
mod open;

pub use address::{AddressError, LinkAddress};
pub use door::Door;
pub use error::SharedLinkError;
pub use land::{Landed, land};
pub use manifest::{Head, Label, LinkChunk, Manifest, ManifestEntry, ManifestError};
pub use open::{Opened, open};
