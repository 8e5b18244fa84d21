//! The space as it once was: what stood at a path at a moment, what has happened to it, and what differs between two moments.

use std::collections::BTreeSet;

use vauban_protocol::id::ChunkId;

use super::{OpenSpace, SyncError};
use crate::content::Nodes;
use crate::log::{EntryId, EntryName, Kind};
use crate::state::cache::{Change, Event, Moment, RemoteChild};
use crate::sync::ReadFile;
use crate::tree::TreePath;

/// Differs differs at one path between two moments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// Where: the new place, of what has moved.
    pub path: TreePath,
    /// How.
    pub what: Differs,
    /// Differs it is.
    pub kind: Kind,
}

/// How something differs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Differs {
    /// It came.
    Added,
    /// It went.
    Removed,
    /// Its content changed.
    Edited,
    /// It came from here; its content may have changed as well.
    Moved(TreePath),
}

/// The moment that the log stands at now.
///
/// # Errors
/// [`SyncError`] of the cache.
pub fn now<N: Nodes>(space: &OpenSpace<N>) -> Result<Moment, SyncError> {
    Ok(Moment(space.folded()?.head().seq))
}

/// The entry that stood at `path` at `moment`; the root has no row of its own, and is `Ok(None)` with an empty path.
///
/// # Errors
/// [`SyncError`] of the cache.
pub fn find_at<N: Nodes>(
    space: &OpenSpace<N>,
    path: &TreePath,
    moment: Moment,
) -> Result<Option<RemoteChild>, SyncError> {
    let mut parent = EntryId::ROOT;
    let mut found = None;
    for name in path.names() {
        let Some(child) = child_at(space, parent, name, moment)? else {
            return Ok(None);
        };
        parent = child.entry;
        found = Some(child);
    }
    Ok(found)
}

/// Differs stood at `path` at `moment`: the entries of a folder, or the file itself; `None` if nothing did.
///
/// # Errors
/// [`SyncError`] of the cache.
pub fn list_at<N: Nodes>(
    space: &OpenSpace<N>,
    path: &TreePath,
    moment: Moment,
) -> Result<Option<Vec<RemoteChild>>, SyncError> {
    if path.names().is_empty() {
        return Ok(Some(space.cache().children_at(EntryId::ROOT, moment)?));
    }
    Ok(match find_at(space, path, moment)? {
        None => None,
        Some(child) if child.kind == Kind::Folder => Some(space.cache().children_at(child.entry, moment)?),
        Some(child) => Some(vec![child]),
    })
}

/// Starts to read what an entry held at `moment`; `None` if it held nothing.
///
/// # Errors
/// [`SyncError`]; [`SyncError::NotKept`] if nodes have deleted it since.
pub fn read_at<N: Nodes>(space: &OpenSpace<N>, entry: EntryId, moment: Moment) -> Result<Option<ReadFile>, SyncError> {
    let Some(version) = space.cache().version_at(entry, moment)? else {
        return Ok(None);
    };
    let released: Vec<ChunkId> = space.released(&space.cache().known_ids(entry, &version)?)?.into_iter().collect();
    if space.held(&released)?.len() < released.len() {
        return Err(SyncError::NotKept);
    }
    ReadFile::of(space, version).map(Some)
}

/// All that has happened to what stands at `path` and to what stood there before it, the latest first; `None` if nothing ever did.
/// A file that comes back after it was removed is an entry of its own: a person looks for both.
///
/// # Errors
/// [`SyncError`] of the cache.
pub fn history<N: Nodes>(space: &OpenSpace<N>, path: &TreePath) -> Result<Option<Vec<(EntryId, Event)>>, SyncError> {
    let mut entries = vec![(Moment(0), EntryId::ROOT)];
    for name in path.names() {
        let folders = std::mem::take(&mut entries);
        for (_, folder) in folders {
            entries.extend(space.cache().all_at(folder, name)?);
        }
    }
    if path.names().is_empty() || entries.is_empty() {
        return Ok(None);
    }
    entries.sort_unstable();
    let mut found = Vec::new();
    // What came later at the same place ends what is told of the one before, which may go on elsewhere.
    let mut until = Moment(u64::MAX);
    for (since, entry) in entries.into_iter().rev() {
        let events = space.cache().events(entry)?.into_iter().filter(|event| event.moment < until);
        found.extend(events.map(|event| (entry, event)));
        until = until.min(since);
    }
    Ok(Some(found))
}

/// Which of these events' contents can still be had: nodes keep what was replaced or removed for the space's retention. `true` for
/// events without one.
///
/// # Errors
/// [`SyncError`].
pub fn is_kept<N: Nodes>(space: &OpenSpace<N>, events: &[(EntryId, Event)]) -> Result<Vec<bool>, SyncError> {
    let mut wanted = Vec::with_capacity(events.len());
    for (entry, event) in events {
        wanted.push(match &event.change {
            Change::Written(version) => space.released(&space.cache().known_ids(*entry, version)?)?,
            Change::Placed(_) | Change::Removed => BTreeSet::new(),
        });
    }
    let all: BTreeSet<ChunkId> = wanted.iter().flatten().copied().collect();
    let held = space.held(&all.into_iter().collect::<Vec<_>>())?;
    Ok(wanted.iter().map(|ids| ids.iter().all(|id| held.contains_key(id))).collect())
}

/// Differs differs below `path` between two moments, by path.
///
/// # Errors
/// [`SyncError`] of the cache.
pub fn differences<N: Nodes>(
    space: &OpenSpace<N>,
    path: &TreePath,
    from: Moment,
    to: Moment,
) -> Result<Vec<Difference>, SyncError> {
    let mut found = Vec::new();
    let mut visits = vec![path.clone()];
    while let Some(folder) = visits.pop() {
        let (before, after) = (folder_at(space, &folder, from)?, folder_at(space, &folder, to)?);
        for child in &after {
            let path = folder.join(&child.name);
            let was = space.cache().place_at(child.entry, from)?;
            let what = match was {
                None => Some(Differs::Added),
                Some(was) => {
                    let earlier = path_at(space, was.parent, &was.name, from)?;
                    let held = space.cache().version_at(child.entry, from)?;
                    if earlier != path && !is_carried(&earlier, &path, &found) {
                        Some(Differs::Moved(earlier))
                    } else if held.map(|held| held.content) != child.content {
                        Some(Differs::Edited)
                    } else {
                        None
                    }
                }
            };
            if child.kind == Kind::Folder {
                visits.push(path.clone());
            }
            found.extend(what.map(|what| Difference { path, what, kind: child.kind }));
        }
        for child in before {
            if space.cache().place_at(child.entry, to)?.is_none() {
                let path = folder.join(&child.name);
                if child.kind == Kind::Folder {
                    visits.push(path.clone());
                }
                found.push(Difference { path, what: Differs::Removed, kind: child.kind });
            }
        }
    }
    found.sort_by(|a, b| a.path.cmp(&b.path));
    found.dedup();
    Ok(found)
}

/// Whether what was at `earlier` is at `path` only because a folder around it has moved, which is said once.
fn is_carried(earlier: &TreePath, path: &TreePath, found: &[Difference]) -> bool {
    found.iter().any(|difference| match &difference.what {
        Differs::Moved(from) => match (earlier.below(from), path.below(&difference.path)) {
            (Some(before), Some(after)) => before == after,
            _ => false,
        },
        _ => false,
    })
}

fn folder_at<N: Nodes>(space: &OpenSpace<N>, path: &TreePath, moment: Moment) -> Result<Vec<RemoteChild>, SyncError> {
    if path.names().is_empty() {
        return Ok(space.cache().children_at(EntryId::ROOT, moment)?);
    }
    match find_at(space, path, moment)? {
        Some(child) if child.kind == Kind::Folder => Ok(space.cache().children_at(child.entry, moment)?),
        _ => Ok(Vec::new()),
    }
}

fn child_at<N: Nodes>(
    space: &OpenSpace<N>,
    parent: EntryId,
    name: &EntryName,
    moment: Moment,
) -> Result<Option<RemoteChild>, SyncError> {
    let cache = space.cache();
    let Some(entry) = cache.last_at(parent, name, moment)? else {
        return Ok(None);
    };
    // Whoever came last to a name is there, unless it has left since.
    let place = cache.place_at(entry, moment)?.filter(|place| place.parent == parent && place.name == *name);
    let Some(place) = place else {
        return Ok(None);
    };
    let version = cache.version_at(entry, moment)?;
    Ok(Some(RemoteChild {
        entry,
        name: place.name,
        kind: place.kind,
        content: version.as_ref().map(|version| version.content),
        executable: version.as_ref().is_some_and(|version| version.executable),
        bytes: version.map_or(0, |version| version.bytes),
    }))
}

/// Where something named `name` in `parent` was at `moment`, from the root on.
fn path_at<N: Nodes>(
    space: &OpenSpace<N>,
    parent: EntryId,
    name: &EntryName,
    moment: Moment,
) -> Result<TreePath, SyncError> {
    let mut names = vec![name.clone()];
    let mut at = parent;
    while at != EntryId::ROOT {
        let Some(place) = space.cache().place_at(at, moment)? else { break };
        names.push(place.name);
        at = place.parent;
    }
    Ok(names.iter().rev().fold(TreePath::root(), |path, name| path.join(name)))
}
