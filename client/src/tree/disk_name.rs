//! What a name of the log would do to a disk (`formats#17`).
//!
//! Names come from members, and a member may be hostile. Where a name would have effects beyond naming a file in its folder,
//! it is refused here: that is said, the entry stays in the log, and everything else goes on.

use crate::limit::DEPTH_MAX;
use crate::log::EntryName;
use crate::tree::{TreeError, TreePath};

/// The folder of Vauban's own in each sync root. No folder below may have one from the log either: it would be taken for a root.
pub(super) const OWN: &str = ".vauban";

/// A name of Vauban's own making, for its own folder.
///
/// # Errors
/// None that can happen: such names are short, and plain.
pub(super) fn own_name(name: &str) -> Result<EntryName, TreeError> {
    EntryName::parse(name.as_bytes()).map_err(|_| TreeError::MarkerDamaged(name.into()))
}

/// Why a name is not written here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// It is Vauban's own folder.
    #[error("the name is reserved for Vauban's own files")]
    Own,
    /// Too many folders within folders.
    #[error("the folders lie too deep")]
    TooDeep,
    /// A symbolic link that leads out of the root, or is absolute.
    #[error("the link leads out of the folder")]
    LinkOutside,
}

/// Whether `name` in folder `parent` may be written.
///
/// # Errors
/// [`Refused`].
pub fn may_write(parent: &TreePath, name: &EntryName) -> Result<(), Refused> {
    if is_own(name) {
        return Err(Refused::Own);
    }
    if parent.depth() >= DEPTH_MAX {
        return Err(Refused::TooDeep);
    }
    Ok(())
}

/// Whether this is a folder of Vauban's own, at any depth, on disks that tell case apart and on those that don't.
#[must_use]
pub fn is_own(name: &EntryName) -> bool {
    name.as_str().eq_ignore_ascii_case(OWN)
}

/// Whether a symbolic link in folder `parent` may point to `target`: relative, and never above the root on its way.
///
/// # Errors
/// [`Refused::LinkOutside`].
pub fn may_link(parent: &TreePath, target: &[u8]) -> Result<(), Refused> {
    if target.is_empty() || target.starts_with(b"/") || target.contains(&0) || target.contains(&b'\\') {
        return Err(Refused::LinkOutside);
    }
    let mut depth = parent.depth();
    for part in target.split(|byte| *byte == b'/') {
        match part {
            b"" | b"." => {}
            b".." => depth = depth.checked_sub(1).ok_or(Refused::LinkOutside)?,
            _ => depth = depth.saturating_add(1),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> TreePath {
        TreePath::parse(text).unwrap()
    }

    fn name(text: &str) -> EntryName {
        EntryName::parse(text.as_bytes()).unwrap()
    }

    #[test]
    fn own_folders_are_refused_at_any_depth() {
        assert_eq!(may_write(&path(""), &name(".vauban")), Err(Refused::Own));
        assert_eq!(may_write(&path(""), &name(".VAUBAN")), Err(Refused::Own));
        assert_eq!(may_write(&path("a/b"), &name(".Vauban")), Err(Refused::Own));
        assert_eq!(may_write(&path(""), &name(".vaubanignore")), Ok(()));
    }

    #[test]
    fn depth_is_bounded() {
        let deep = path(&"a/".repeat(DEPTH_MAX));
        assert_eq!(may_write(&deep, &name("a")), Err(Refused::TooDeep));
    }

    #[test]
    fn links_stay_inside() {
        for target in ["b", "./b", "../b", "../../b", "b/../../c"] {
            assert_eq!(may_link(&path("x/y"), target.as_bytes()), Ok(()), "{target}");
        }
        for target in ["", "/etc/passwd", "../../../b", "b/../../../../c", "..\\..\\b", "a\0b"] {
            assert_eq!(may_link(&path("x/y"), target.as_bytes()), Err(Refused::LinkOutside), "{target}");
        }
        assert_eq!(may_link(&path(""), b".."), Err(Refused::LinkOutside));
    }
}
