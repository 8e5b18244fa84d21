//! The planner: what is to be done about one name in one folder. Pure; every situation has a letter and a test.
//!
//! Three trees: **here** (the disk), **there** (the log), and the **base**, what both last agreed on.
//!
//! ```text
//!        here        there        →
//!  A     as base     as base      nothing
//!  B     edited      as base      its content is written to the log
//!  C     as base     edited       written here
//!  D     edited      edited alike agreed
//!  E     edited      edited       what is there is written here, what was here becomes a conflict copy
//!  F     gone        as base      left: this version carries out no removals
//!  G     gone        edited       the edit wins: written here
//!  H     as base     gone         left: this version carries out no removals
//!  I     edited      gone         the edit wins: a new entry
//!  J     gone        gone         forgotten
//!  K     new         –            a new entry
//!  L     –           new          written here
//!  M     new         new alike    agreed
//!  N     new         new          as E
//!  O     a file and a folder (or link) bear one name: as E
//!  P     moved there              left: this version carries out no moves
//! ```
//! "Edited" is about content and the executable bit; folders have neither, and are never edited.

use vauban_protocol::id::Digest;

use crate::log::Kind;
use crate::state::cache::{BaseRow, RemoteChild};
use crate::tree::{LocalChild, LocalKind};

/// What stands around one name.
#[derive(Debug, Clone, Copy, Default)]
pub struct Neighbourhood<'a> {
    /// What was agreed on at this name.
    pub base: Option<&'a BaseRow>,
    /// What the disk has at this name.
    pub here: Option<&'a LocalChild>,
    /// What the log has at this name.
    pub there: Option<&'a RemoteChild>,
    /// Whether the base's entry lives on in the log, elsewhere.
    pub has_left: bool,
    /// Whether the entry in the log was last agreed on elsewhere.
    pub has_come: bool,
    /// What is here, where it had to be read to tell.
    pub content: Option<LocalContent>,
}

/// A content on the disk, read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LocalContent {
    /// BLAKE3 of it.
    pub content: Digest,
}

/// What is to be done. The letters are those of the module's table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Situation {
    /// A: nothing. Folders are looked into.
    Same,
    /// B: a new version of this entry.
    WriteThere,
    /// C, G, L: the version in the log is written here; it may replace exactly the base version.
    WriteHere,
    /// D, M: both are alike, which only needs to be recorded.
    Agree,
    /// E, N, O: the version in the log is written here; what is here becomes a conflict copy.
    Conflict,
    /// I, K: a new entry.
    CreateThere,
    /// F, H, P: a removal or move that this version does not carry out.
    Leave,
    /// J: forgotten.
    Forget,
    /// Both sides may be alike: the disk must be read to tell. Asked only without [`Neighbourhood::content`].
    Compare,
}

/// Says what is to be done.
#[must_use]
pub fn situation(around: &Neighbourhood<'_>) -> Situation {
    if around.has_left || around.has_come {
        return Situation::Leave;
    }
    match (around.base, around.here, around.there) {
        (None, None, None) | (Some(_), None, None) => Situation::Forget,
        (None, Some(_), None) => Situation::CreateThere,
        (None, None, Some(_)) => Situation::WriteHere,
        (None, Some(here), Some(there)) => both(around, here, there),
        (Some(base), Some(here), None) => {
            if is_same_here(base, here) {
                Situation::Leave
            } else {
                Situation::CreateThere
            }
        }
        (Some(base), None, Some(there)) => {
            if is_same_there(base, there) {
                Situation::Leave
            } else {
                Situation::WriteHere
            }
        }
        (Some(base), Some(here), Some(there)) => match (is_same_here(base, here), is_same_there(base, there)) {
            (true, true) => Situation::Same,
            (false, true) if is_kind(here.kind, there.kind) => Situation::WriteThere,
            (true, false) if is_kind(here.kind, there.kind) => Situation::WriteHere,
            _ => both(around, here, there),
        },
    }
}

/// Both sides have something, and neither is known to be the older one.
fn both(around: &Neighbourhood<'_>, here: &LocalChild, there: &RemoteChild) -> Situation {
    if !is_kind(here.kind, there.kind) {
        return Situation::Conflict;
    }
    if there.kind == Kind::Folder {
        return Situation::Agree;
    }
    if there.content.is_none() {
        return Situation::WriteThere;
    }
    let may_be_alike = match there.kind {
        Kind::File => here.identity.bytes == there.bytes && here.executable == there.executable,
        Kind::Symlink | Kind::Folder => true,
    };
    match around.content {
        _ if !may_be_alike => Situation::Conflict,
        None => Situation::Compare,
        Some(read) if Some(read.content) == there.content => Situation::Agree,
        Some(_) => Situation::Conflict,
    }
}

fn is_same_here(base: &BaseRow, here: &LocalChild) -> bool {
    is_kind(here.kind, base.kind) && (base.kind == Kind::Folder || here.identity.is_unchanged(&base.identity))
}

fn is_same_there(base: &BaseRow, there: &RemoteChild) -> bool {
    base.entry == there.entry
        && base.kind == there.kind
        && base.content == there.content
        && base.executable == there.executable
}

fn is_kind(local: LocalKind, kind: Kind) -> bool {
    matches!(
        (local, kind),
        (LocalKind::File, Kind::File) | (LocalKind::Folder, Kind::Folder) | (LocalKind::Symlink, Kind::Symlink)
    )
}

#[cfg(test)]
mod tests;
