//! Why a link does not open, by who is at fault.

use std::path::PathBuf;

use super::{AddressError, ManifestError};

/// See the module.
#[derive(Debug, thiserror::Error)]
pub enum SharedLinkError {
    /// What was typed is no link's address.
    #[error(transparent)]
    Address(#[from] AddressError),
    /// The link is not signed by a device of the organisation in the address: the node has made it up.
    #[error("the link is not signed by a device of its organisation")]
    Unsigned,
    /// What opens the link does not open what the node has sent: somebody has changed it.
    #[error("the link's list of files is not the one that was shared")]
    Forged,
    /// The list opens, and is none: whoever made the link is at fault.
    #[error("the link's list of files makes no sense: {0}")]
    Manifest(#[from] ManifestError),
    /// It takes a password, and none was given.
    #[error("the link asks for a password")]
    Password,
    /// What was given as its password is nothing.
    #[error("the password is empty")]
    EmptyPassword,
    /// Typed differently the second time, as it was chosen.
    #[error("the two passwords differ")]
    PasswordsDiffer,
    /// The address is a file request's: it takes files in, and gives none.
    #[error("the address asks for files, and opens none")]
    AsksForFiles,
    /// No node serves the page by which people without an account drop files.
    #[error("no node serves a page")]
    NoPage,
    /// The organisation's policy allows no links.
    #[error("the organisation allows no links")]
    Forbidden,
    /// The node says that the page is where the organisation's policy has none, or what is no origin at all.
    #[error("the node names a page at an origin that the policy does not allow: {0}")]
    Origin(String),
    /// Something stands where the files are to go.
    #[error("{} is there already", .0.display())]
    Exists(PathBuf),
    /// More than one link can show.
    #[error("there are more files than one link can show")]
    TooLarge,
}
