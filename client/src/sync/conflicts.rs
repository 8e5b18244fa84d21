//! Conflict copies: which there are, and what a person decides about one (sync.md, rule 4).
//!
//! A decision is a commit that rests on what its person saw: if either side has changed since, nothing is done. Nothing is lost by
//! it either: what is given up stays in the space's history, and goes to the trash where it lies on a disk.

use vauban_protocol::id::Digest;

use super::author::{Draft, Sent};
use super::{OpenSpace, SyncError};
use crate::content::Nodes;
use crate::limit::COMMIT_TRIES_MAX;
use crate::log::{EntryId, EntryName, Kind, Op};
use crate::state::cache::RemoteChild;
use crate::tree::{ConflictCopy, TreePath};

/// A conflict copy that stands in the space.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conflict {
    /// The folder both are in.
    pub folder: TreePath,
    /// The copy.
    pub copy: RemoteChild,
    /// What its name says.
    pub said: ConflictCopy,
    /// What stands at the name that it is a copy of; `None` if nothing does, or no file.
    pub original: Option<RemoteChild>,
}

/// Which content a conflict ends with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keep {
    /// That of the original: the copy is removed.
    Original,
    /// That of the copy: it becomes the original's, or takes its name where the original is gone.
    Copy,
}

/// What was decided on, as it was seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verdict {
    /// The copy, and its content.
    pub copy: (EntryId, Digest),
    /// The original, and its content.
    pub original: Option<(EntryId, Digest)>,
    /// What is kept.
    pub keep: Keep,
}

/// What became of a decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resolved {
    /// It is in the log.
    Done,
    /// One side is not what was seen: it must be looked at again.
    Changed,
}

/// The conflict copies of a space, `at_most` so many.
///
/// # Errors
/// [`SyncError`] of the cache.
pub fn conflicts<N: Nodes>(space: &OpenSpace<N>, at_most: usize) -> Result<Vec<Conflict>, SyncError> {
    let cache = space.cache();
    let mut found = Vec::new();
    for (parent, copy) in cache.files_named_as_copies(at_most)? {
        let (Some(said), Some(folder)) = (ConflictCopy::parse(&copy.name), cache.folder_path(parent)?) else {
            continue;
        };
        let original = cache.child(parent, &said.original)?.filter(|original| original.kind == Kind::File);
        found.push(Conflict { folder, copy, said, original });
    }
    found.sort_by(|a, b| (&a.folder, &a.copy.name).cmp(&(&b.folder, &b.copy.name)));
    Ok(found)
}

/// Carries out what a person has decided. The caller holds the home's claim.
///
/// # Errors
/// [`SyncError`].
pub fn resolve<N: Nodes>(space: &mut OpenSpace<N>, verdict: &Verdict) -> Result<Resolved, SyncError> {
    space.settle()?;
    space.ensure_epoch()?;
    for _ in 0..COMMIT_TRIES_MAX {
        let Some(ops) = ops(space, verdict)? else {
            return Ok(Resolved::Changed);
        };
        if space.send(&Draft { ops, ..Draft::default() })? == Sent::Committed {
            space.write_record()?;
            return Ok(Resolved::Done);
        }
    }
    Err(SyncError::Overtaken)
}

/// What carries a decision out; `None` if what it rests on has changed.
fn ops<N: Nodes>(space: &OpenSpace<N>, verdict: &Verdict) -> Result<Option<Vec<Op>>, SyncError> {
    let (copy, content) = verdict.copy;
    let Some(place) = space.cache().place(copy)? else { return Ok(None) };
    let Some(version) = space.cache().version(copy)?.filter(|version| version.content == content) else {
        return Ok(None);
    };
    let Some(said) = ConflictCopy::parse(&place.name) else { return Ok(None) };
    let there = space.cache().child(place.parent, &said.original)?;
    let seen = there.as_ref().and_then(|there| Some((there.entry, there.content?)));
    if seen != verdict.original || (there.is_some() && seen.is_none()) {
        return Ok(None);
    }
    let remove = Op::Remove { entry: copy };
    Ok(match (verdict.keep, seen) {
        (Keep::Original, None) => None,
        (Keep::Original, Some(_)) => Some(vec![remove]),
        (Keep::Copy, Some((entry, _))) => Some(vec![Op::Write { entry, version }, remove]),
        (Keep::Copy, None) => Some(vec![Op::Move { entry: copy, parent: place.parent, name: bytes(&said.original) }]),
    })
}

fn bytes(name: &EntryName) -> Vec<u8> {
    name.as_str().as_bytes().to_vec()
}
