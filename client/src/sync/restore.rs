//! Bringing back what once stood at a path: as ops that name chunks which the space still holds, so that nothing is sent.
//!
//! What was removed is created again under its own identifier, so that its history goes on. What has changed since gets its
//! old content as a new version. What came since stays: restoring takes nothing away, and can itself be taken back. Chunks that were
//! released meanwhile are added again, on receipts of the nodes; where those no longer hold them, the content is lost, and said so.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use vauban_protocol::id::ChunkId;
use vauban_protocol::limit::COMMIT_ADDS_MAX;

use super::author::{Draft, Sent};
use super::past::{find_at, list_at};
use super::{OpenSpace, SyncError};
use crate::content::{ChunkFault, FetchError, Nodes, every_id};
use crate::limit::COMMIT_TRIES_MAX;
use crate::log::{ChunkList, EntryId, EntryName, Kind, Op, OpsBatch, Version};
use crate::state::cache::{Moment, RemoteChild};
use crate::tree::{ConflictStamp, TreePath, conflict_name};

/// What a restoration came to.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Restored {
    /// Files and links that were gone, and are back.
    pub created: u64,
    /// Files and links that have their old content again.
    pub rewritten: u64,
    /// Folders that were gone, and are back.
    pub folders: u64,
    /// Files and links that are as they were then.
    pub unchanged: u64,
    /// Files and links whose content is no longer kept, by path.
    pub lost: Vec<String>,
}

/// What is to be said of one entry: all of it in one commit.
struct Group {
    ops: Vec<Op>,
    /// Chunks of it that were released: its commit, or one before it, adds them again.
    again: BTreeSet<ChunkId>,
}

/// Restores what stood at `path` at `moment`; `None` if nothing did. `stamp` names what cannot have its old name back.
///
/// # Errors
/// [`SyncError`]; what was committed until then stands, and the next try goes on from there.
pub fn restore<N: Nodes>(
    space: &mut OpenSpace<N>,
    path: &TreePath,
    moment: Moment,
    stamp: &ConflictStamp,
) -> Result<Option<Restored>, SyncError> {
    space.settle()?;
    space.ensure_epoch()?;
    let mut total = None;
    for _ in 0..COMMIT_TRIES_MAX {
        let Some((groups, planned)) = Planning::new(space, moment, stamp).plan(path)? else {
            return Ok(None);
        };
        // What an overtaken try has committed counts as unchanged in the next one: the first plan says what it comes to.
        let restored = total.get_or_insert(planned);
        if commit_all(space, groups)? {
            space.write_record()?;
            return Ok(Some(std::mem::take(restored)));
        }
    }
    Err(SyncError::Overtaken)
}

/// Commits groups, in order; answers whether all of them are in the log. If not, others have written, and what is left is judged
/// again by what the log says now.
fn commit_all<N: Nodes>(space: &mut OpenSpace<N>, groups: Vec<Group>) -> Result<bool, SyncError> {
    let again: BTreeSet<ChunkId> = groups.iter().flat_map(|group| &group.again).copied().collect();
    let mut held = space.held(&again.into_iter().collect::<Vec<_>>())?;
    let mut groups = groups.into_iter().peekable();
    while let Some(group) = groups.peek() {
        // A large file has more chunks than a commit adds: commits of adds alone go first.
        let mut waiting: Vec<ChunkId> = group.again.iter().filter(|id| held.contains_key(id)).copied().collect();
        while waiting.len() > COMMIT_ADDS_MAX {
            let rest = waiting.split_off(COMMIT_ADDS_MAX);
            let adds: BTreeMap<ChunkId, u64> =
                waiting.iter().filter_map(|id| held.remove(id).map(|at| (*id, at))).collect();
            if space.send(&draft(OpsBatch::default(), adds))? != Sent::Committed {
                return Ok(false);
            }
            waiting = rest;
        }
        let (mut batch, mut adds) = (OpsBatch::default(), BTreeMap::new());
        while let Some(group) = groups.next_if(|group| {
            let more = group.again.iter().filter(|id| held.contains_key(*id) && !adds.contains_key(*id)).count();
            adds.len().saturating_add(more) <= COMMIT_ADDS_MAX && batch.push_all(&group.ops)
        }) {
            adds.extend(group.again.iter().filter_map(|id| held.get(id).map(|at| (*id, *at))));
        }
        held.retain(|id, _| !adds.contains_key(id));
        if space.send(&draft(batch, adds))? != Sent::Committed {
            return Ok(false);
        }
    }
    Ok(true)
}

fn draft(batch: OpsBatch, adds: BTreeMap<ChunkId, u64>) -> Draft {
    let stored_at = adds.values().copied().min().unwrap_or_default();
    Draft { ops: batch.into_ops(), adds: adds.into_keys().collect(), stored_at, ..Draft::default() }
}

struct Planning<'a, N> {
    space: &'a OpenSpace<N>,
    moment: Moment,
    stamp: &'a ConflictStamp,
    /// With where each is restored.
    groups: Vec<(Group, TreePath)>,
    restored: Restored,
}

/// A folder to go through: what was in it then goes where it is now.
struct Visit {
    path: TreePath,
    into: EntryId,
    /// Whether the folder is made by this restoration: nothing is in it yet.
    is_new: bool,
}

impl<'a, N: Nodes> Planning<'a, N> {
    fn new(space: &'a OpenSpace<N>, moment: Moment, stamp: &'a ConflictStamp) -> Self {
        Self { space, moment, stamp, groups: Vec::new(), restored: Restored::default() }
    }

    fn plan(mut self, path: &TreePath) -> Result<Option<(Vec<Group>, Restored)>, SyncError> {
        let mut visits = match path.split_last() {
            None => vec![Visit { path: TreePath::root(), into: EntryId::ROOT, is_new: false }],
            Some((folder, _)) => {
                let Some(then) = find_at(self.space, path, self.moment)? else {
                    return Ok(None);
                };
                let (into, is_new) = self.way_to(&folder)?;
                self.bring_back(path, then, into, is_new)?.into_iter().collect()
            }
        };
        while let Some(visit) = visits.pop() {
            for then in list_at(self.space, &visit.path, self.moment)?.unwrap_or_default() {
                let path = visit.path.join(&then.name);
                visits.extend(self.bring_back(&path, then, visit.into, visit.is_new)?);
            }
        }
        self.leave_lost()?;
        let groups = self.groups.into_iter().map(|(group, _)| group).collect();
        Ok(Some((groups, self.restored)))
    }

    /// Leaves out what nodes no longer hold.
    fn leave_lost(&mut self) -> Result<(), SyncError> {
        let again: BTreeSet<ChunkId> = self.groups.iter().flat_map(|(group, _)| &group.again).copied().collect();
        if again.is_empty() {
            return Ok(());
        }
        let held = self.space.held(&again.into_iter().collect::<Vec<_>>())?;
        let (kept, lost): (Vec<_>, Vec<_>) = std::mem::take(&mut self.groups)
            .into_iter()
            .partition(|(group, _)| group.again.iter().all(|id| held.contains_key(id)));
        self.groups = kept;
        for (group, path) in lost {
            let count = if group.ops.iter().any(|op| matches!(op, Op::Create { .. })) {
                &mut self.restored.created
            } else {
                &mut self.restored.rewritten
            };
            *count = count.saturating_sub(1);
            self.restored.lost.push(path.to_string());
        }
        Ok(())
    }

    /// The chunks of a content that were released, pages among them; `None` if its pages are gone.
    fn again(&self, version: &Version) -> Result<Option<BTreeSet<ChunkId>>, SyncError> {
        let ids = match &version.chunks {
            ChunkList::Inline(chunks) => chunks.iter().map(|chunk| chunk.id).collect(),
            ChunkList::Paged { .. } => {
                let space = self.space;
                match space.runtime.block_on(every_id(&space.nodes, space.id, version)) {
                    Ok(ids) => ids,
                    Err(FetchError::Chunk(fault)) if !matches!(fault, ChunkFault::Unheard(_)) => return Ok(None),
                    Err(error) => return Err(error.into()),
                }
            }
        };
        Ok(Some(self.space.released(&ids)?))
    }

    /// The folder at `path` as it is now, made again where it is gone.
    fn way_to(&mut self, path: &TreePath) -> Result<(EntryId, bool), SyncError> {
        let (mut at, mut is_new) = (EntryId::ROOT, false);
        let mut walked = TreePath::root();
        for name in path.names() {
            walked = walked.join(name);
            let now = if is_new { None } else { self.space.cache().child(at, name)? };
            let then = find_at(self.space, &walked, self.moment)?;
            let found = self.folder(at, name, now, then.map(|then| then.entry))?;
            (at, is_new) = (found.0, is_new || found.1);
        }
        Ok((at, is_new))
    }

    /// Plans what brings `then` back into the folder `into`; a folder is to be gone through next.
    fn bring_back(
        &mut self,
        path: &TreePath,
        then: RemoteChild,
        into: EntryId,
        is_new: bool,
    ) -> Result<Option<Visit>, SyncError> {
        let now = if is_new { None } else { self.space.cache().child(into, &then.name)? };
        if then.kind == Kind::Folder {
            let (entry, is_made) = self.folder(into, &then.name, now, Some(then.entry))?;
            return Ok(Some(Visit { path: path.clone(), into: entry, is_new: is_new || is_made }));
        }
        let Some(version) = self.space.cache().version_at(then.entry, self.moment)? else {
            return Ok(None);
        };
        match now {
            Some(now) if now.kind == then.kind => {
                if now.content == Some(version.content) && now.executable == version.executable {
                    self.restored.unchanged = self.restored.unchanged.saturating_add(1);
                } else if let Some(again) = self.again(&version)? {
                    self.restored.rewritten = self.restored.rewritten.saturating_add(1);
                    let ops = vec![Op::Write { entry: now.entry, version }];
                    self.groups.push((Group { ops, again }, path.clone()));
                } else {
                    self.restored.lost.push(path.to_string());
                }
            }
            in_the_way => {
                let Some(again) = self.again(&version)? else {
                    self.restored.lost.push(path.to_string());
                    return Ok(None);
                };
                let name = self.free_name(&then.name, into, in_the_way.is_some())?;
                let entry = self.identifier(then.entry)?;
                self.restored.created = self.restored.created.saturating_add(1);
                let create = Op::Create { entry, parent: into, name: bytes(&name), kind: then.kind };
                let ops = vec![create, Op::Write { entry, version }];
                self.groups.push((Group { ops, again }, path.clone()));
            }
        }
        Ok(None)
    }

    /// The folder `name` in `parent`: the one that is there, or one made again; and whether it was made.
    fn folder(
        &mut self,
        parent: EntryId,
        name: &EntryName,
        now: Option<RemoteChild>,
        then: Option<EntryId>,
    ) -> Result<(EntryId, bool), SyncError> {
        let is_taken = match now {
            Some(now) if now.kind == Kind::Folder => return Ok((now.entry, false)),
            Some(_) => true,
            None => false,
        };
        let name = self.free_name(name, parent, is_taken)?;
        let entry = match then {
            Some(then) => self.identifier(then)?,
            None => self.space.fresh_entry()?,
        };
        self.restored.folders = self.restored.folders.saturating_add(1);
        let ops = vec![Op::Create { entry, parent, name: bytes(&name), kind: Kind::Folder }];
        self.groups.push((Group { ops, again: BTreeSet::new() }, TreePath::root()));
        Ok((entry, true))
    }

    /// The identifier that an entry had, or a fresh one if it lives on elsewhere.
    fn identifier(&self, then: EntryId) -> Result<EntryId, SyncError> {
        if self.space.cache().place(then)?.is_some() { self.space.fresh_entry() } else { Ok(then) }
    }

    /// `name`, or what it is called where something of another kind has taken it.
    fn free_name(&self, name: &EntryName, parent: EntryId, is_taken: bool) -> Result<EntryName, SyncError> {
        if !is_taken {
            return Ok(name.clone());
        }
        for copy in 1..=crate::limit::CONFLICT_COPIES_MAX {
            let Some(free) = conflict_name(name, self.stamp, copy) else { break };
            if self.space.cache().child(parent, &free)?.is_none() {
                return Ok(free);
            }
        }
        Err(SyncError::Bug("every name for a copy is taken"))
    }
}

fn bytes(name: &EntryName) -> Vec<u8> {
    name.as_str().as_bytes().to_vec()
}
