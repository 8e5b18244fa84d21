//! Bringing back what once stood at a path: as ops that name chunks which the space still holds, so that nothing is sent.
//!
//! What was removed is created again under its own identifier, so that its history goes on. What has changed since gets its
//! old content as a new version. What came since stays: restoring takes nothing away, and can itself be taken back.

use serde::Serialize;

use super::author::{Draft, Sent};
use super::past::{find_at, list_at};
use super::{OpenSpace, SyncError};
use crate::content::Nodes;
use crate::limit::COMMIT_TRIES_MAX;
use crate::log::{EntryId, EntryName, Kind, Op, OpsBatch};
use crate::state::cache::{Moment, RemoteChild};
use crate::tree::{ConflictStamp, TreePath, conflict_name};

/// What a restoration came to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Restored {
    /// Files and links that were gone, and are back.
    pub created: u64,
    /// Files and links that have their old content again.
    pub rewritten: u64,
    /// Folders that were gone, and are back.
    pub folders: u64,
    /// Files and links that are as they were then.
    pub unchanged: u64,
}

/// What is to be said of one entry: all of it in one commit.
type Group = Vec<Op>;

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
        let mut groups = groups.into_iter().peekable();
        let mut is_overtaken = false;
        while groups.peek().is_some() && !is_overtaken {
            let mut batch = OpsBatch::default();
            while groups.next_if(|group| batch.push_all(group)).is_some() {}
            is_overtaken = match space.send(&Draft { ops: batch.into_ops(), ..Draft::default() })? {
                Sent::Committed => false,
                // Others have written: what is left is judged again by what the log says now.
                Sent::Overtaken | Sent::TooOld => true,
            };
        }
        // What an overtaken try has committed counts as unchanged in the next one: the first plan says what it comes to.
        let restored = *total.get_or_insert(planned);
        if !is_overtaken {
            space.write_record()?;
            return Ok(Some(restored));
        }
    }
    Err(SyncError::Overtaken)
}

struct Planning<'a, N> {
    space: &'a OpenSpace<N>,
    moment: Moment,
    stamp: &'a ConflictStamp,
    groups: Vec<Group>,
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
        Ok(Some((self.groups, self.restored)))
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
                } else {
                    self.restored.rewritten = self.restored.rewritten.saturating_add(1);
                    self.groups.push(vec![Op::Write { entry: now.entry, version }]);
                }
            }
            in_the_way => {
                let name = self.free_name(&then.name, into, in_the_way.is_some())?;
                let entry = self.identifier(then.entry)?;
                self.restored.created = self.restored.created.saturating_add(1);
                let create = Op::Create { entry, parent: into, name: bytes(&name), kind: then.kind };
                self.groups.push(vec![create, Op::Write { entry, version }]);
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
        self.groups.push(vec![Op::Create { entry, parent, name: bytes(&name), kind: Kind::Folder }]);
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
