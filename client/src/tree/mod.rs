//! What the disk looks like, and how it is changed: only below the sync root, never through a symbolic link.
//!
//! Every access walks from the root's own descriptor, one component at a time, and follows nothing: a name from the log or a
//! link that someone swaps in meanwhile leads nowhere else. Names of the log are data until here; what one would do to a
//! disk is judged in `disk_name`; what takes no part at all, in `ignores`. All of it asks the disk through the calls of `disk`,
//! which `kernel` makes.

mod conflict;
mod disk;
mod disk_name;
mod displaced;
mod error;
mod file_type;
mod folder;
mod identity;
mod ignores;
mod kernel;
mod land;
mod new_file;
mod path;
mod root;
mod scope;
mod shift;
mod trash;
mod watch;

pub use conflict::{ConflictCopy, ConflictStamp, conflict_name};
pub(crate) use conflict::{MARK as CONFLICT_MARK, split_extension, truncated};
pub use disk::{Access, Disk, DiskFile, Listed, Look, Onto, Place};
pub use disk_name::{Refused, is_own, may_link, may_write};
pub use displaced::{AllDisplaced, Displaced};
pub use error::TreeError;
pub use file_type::{FILE_TYPE_BYTES, FileType};
pub use folder::{Folder, Listing, LocalChild, LocalKind, Searched, Unfit};
pub use identity::Identity;
pub use ignores::{IGNORE_FILE, IgnoreMistake, IgnoreRule, Ignores, IgnoresWithin, is_ignore_file};
pub use kernel::ThisDisk;
pub use land::{Landed, Leftover, Origin, Ready, Temporary, flush_all, flush_paths};
pub use path::TreePath;
pub use root::{RootKey, SyncRoot};
pub use scope::Scope;
pub use shift::{Emptied, Shifted, waiting_name};
pub use trash::{Binning, Trash, TrashRecord, Trashed};
pub use watch::{Coverage, Seen, TreeWatch};
