//! What is ignored unless a file of rules takes it back: what editors and systems leave beside people's files.
//!
//! Only what no person has ever made on purpose stands here: a file that is ignored is a file that is not saved.

use std::sync::LazyLock;

use ignore::Match;
use ignore::gitignore::Gitignore;

use super::{IgnoreRule, builder};
use crate::log::EntryName;

/// The built-in set, in the syntax of `.vaubanignore`.
pub(super) const DEFAULTS: [&str; 23] = [
    // Locks and unsaved work of office suites and editors.
    "~$*",
    ".~lock.*#",
    "*.swp",
    "*.swo",
    "*.swx",
    ".*.kate-swp",
    ".#*",
    "\\#*#",
    ".goutputstream-*",
    // Downloads on their way.
    "*.crdownload",
    "*.filepart",
    // macOS.
    ".DS_Store",
    "._*",
    ".Spotlight-V100/",
    ".Trashes/",
    ".fseventsd/",
    // Windows.
    "Thumbs.db",
    "desktop.ini",
    "$RECYCLE.BIN/",
    "System Volume Information/",
    // Linux: files that are removed and still open, trash, and what is at the root of a disk.
    ".nfs????????????????*",
    ".fuse_hidden*",
    ".Trash-*/",
];

static MATCHER: LazyLock<Gitignore> = LazyLock::new(|| {
    let mut builder = builder();
    for line in DEFAULTS {
        // A test holds that each is a pattern.
        let _known = builder.add_line(None, line);
    }
    builder.build().unwrap_or_else(|_| Gitignore::empty())
});

/// The rule of the built-in set that ignores this name, if one does.
pub(super) fn rule(name: &EntryName, is_folder: bool) -> Option<IgnoreRule> {
    if !may_match(name.as_str()) {
        return None;
    }
    let Match::Ignore(glob) = MATCHER.matched(name.as_str(), is_folder) else { return None };
    let line = (1..).zip(DEFAULTS).find(|(_, line)| *line == glob.original()).map_or(0, |(line, _)| line);
    Some(IgnoreRule { folder: None, line, pattern: glob.original().to_owned() })
}

/// Whether a name is worth a look: nearly none is, and every name of a tree is asked about.
fn may_match(name: &str) -> bool {
    const ENDS: [&str; 8] =
        [".swp", ".swo", ".swx", ".crdownload", ".filepart", "humbs.db", "esktop.ini", "Volume Information"];
    name.starts_with(['.', '~', '#', '$']) || ENDS.iter().any(|end| name.ends_with(end))
}
