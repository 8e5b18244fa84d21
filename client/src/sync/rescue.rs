//! What an interrupted run left: what it had in Vauban's own folder is put back, what it put at its place is recorded.

use std::collections::BTreeMap;

use vauban_protocol::time::Timestamp;

use super::matching::is_kind;
use super::receive::stamp;
use super::report::Summary;
use super::standing::Spot;
use super::whereabouts::Whereabouts;
use super::{OpenSpace, SyncError};
use crate::content::Nodes;
use crate::limit::DISPLACED_SECONDS;
use crate::log::{EntryId, EntryName, Kind};
use crate::state::cache::{BaseRow, Cache, RootId};
use crate::tree::{AllDisplaced, Folder, Identity, Leftover, LocalChild, Origin, Shifted, SyncRoot, TreePath};

/// Gives names again to what lies in Vauban's own folder: what was on its way goes on, or back; what was displaced and is no
/// version of the log becomes a conflict copy. Then records what had come to stand at its place.
pub(super) fn rescue<N: Nodes>(
    space: &mut OpenSpace<N>,
    root: &SyncRoot,
    id: RootId,
    device_name: &str,
    summary: &mut Summary,
) -> Result<(), SyncError> {
    for leftover in Leftover::find(root)? {
        let base = space.cache.base(id, leftover.entry)?;
        if leftover.origin == Origin::Displaced
            && let (Some(base), Some(child)) = (&base, root.temporary()?.child(&leftover.name)?)
            && child.identity.is_unchanged_but_moved(&base.identity)
        {
            leftover.discard(root)?;
            continue;
        }
        let places = places(space, root, id, leftover.entry, &leftover.name)?;
        put(root, &leftover, &places, device_name, space.now(), summary)?;
    }
    agree_on_intended(space, root, id)?;
    rescue_displaced(space, root, id, device_name, summary)
}

/// What an interrupted run was putting at its place, and stands there: it is agreed on, as that run would have recorded.
fn agree_on_intended<N: Nodes>(space: &mut OpenSpace<N>, root: &SyncRoot, id: RootId) -> Result<(), SyncError> {
    let intended = space.cache.intended(id)?;
    if intended.is_empty() {
        return Ok(());
    }
    let (mut whereabouts, mut folders, mut rows) = (Whereabouts::default(), BTreeMap::new(), Vec::new());
    for row in intended {
        let Some(folder) = stands(root, (&space.cache, id), &whereabouts, row.parent)? else { continue };
        // What cannot be looked at now is for the survey to say.
        let Ok(Some(here)) = folder.child(&row.name) else { continue };
        if let Some(identity) = shown(&space.cache, id, &row, &here)? {
            whereabouts.set(row.entry, Spot { parent: row.parent, name: row.name.clone() }, here.identity.inode);
            folders.insert(row.parent, folder);
            rows.push(BaseRow { identity, ..row });
        }
    }
    folders.values().try_for_each(Folder::sync)?;
    space.cache.agree(id, &rows, &[])?;
    // Where nothing came of it, that is over, too; not before the rest is recorded.
    Ok(space.cache.intend(id, &[])?)
}

/// The folder of an entry, if it stands where it was seen last.
fn stands(
    root: &SyncRoot,
    cache: (&Cache, RootId),
    whereabouts: &Whereabouts,
    folder: EntryId,
) -> Result<Option<Folder>, SyncError> {
    match whereabouts.open(root, cache, folder) {
        Err(SyncError::Tree(error)) if error.is_way_lost() => Ok(None),
        opened => opened,
    }
}

/// What `here` is to be known by, if it is what `row` says was to stand there: as it is shown, if nobody has changed it since.
fn shown(cache: &Cache, id: RootId, row: &BaseRow, here: &LocalChild) -> Result<Option<Identity>, SyncError> {
    let (is, was) = (here.identity, row.identity);
    if !is_kind(here.kind, row.kind) {
        return Ok(None);
    }
    if row.kind == Kind::Folder {
        // Of one that was yet to be made the number is not known: it is no other entry's, at least.
        let is_it = if was.inode == 0 { cache.base_by_inode(id, is.inode)?.is_empty() } else { is.inode == was.inode };
        return Ok(is_it.then_some(Identity { device: was.device, ..is }));
    }
    let is_unchanged = here.executable == row.executable && is.is_unchanged_but_moved(&was);
    Ok((is.inode == was.inode).then_some(if is_unchanged { is } else { was }))
}

/// What was displaced, and somebody has written to since, becomes a conflict copy; the rest goes once it is old.
fn rescue_displaced<N: Nodes>(
    space: &OpenSpace<N>,
    root: &SyncRoot,
    id: RootId,
    device_name: &str,
    summary: &mut Summary,
) -> Result<(), SyncError> {
    let Some(mut displaced) = AllDisplaced::find(root)? else { return Ok(()) };
    for changed in displaced.found.iter_mut().filter(|displaced| displaced.is_changed) {
        // What has another name here, too, was written to under that one.
        if !space.cache.base_by_inode(id, changed.identity.inode)?.is_empty() {
            changed.is_changed = false;
            continue;
        }
        let places = places(space, root, id, changed.entry, &changed.name)?;
        set_aside(&displaced.folder, &changed.name, &places, device_name, space.now(), summary)?;
    }
    let since = space.now().0.saturating_sub(DISPLACED_SECONDS);
    Ok(displaced.expire(i64::try_from(since).unwrap_or(i64::MAX).saturating_mul(1_000_000_000))?)
}

/// Where an entry may stand: as the log has it, as it was agreed on; at last at the root, under another name.
fn places<N: Nodes>(
    space: &OpenSpace<N>,
    root: &SyncRoot,
    id: RootId,
    entry: EntryId,
    other_name: &EntryName,
) -> Result<Vec<(Folder, EntryName)>, SyncError> {
    let there = space.cache.place(entry)?.map(|place| Spot::of(&place));
    let was = space.cache.base(id, entry)?.map(|base| Spot { parent: base.parent, name: base.name });
    let mut places = Vec::new();
    for spot in [there, was].into_iter().flatten() {
        if let Some(path) = Whereabouts::default().path(&space.cache, id, spot.parent)?
            && let Ok(folder) = root.open(&path)
        {
            places.push((folder, spot.name));
        }
    }
    // Its folder is gone: it is found at the root, under the number of its entry.
    places.push((root.open(&TreePath::root())?, other_name.clone()));
    Ok(places)
}

fn put(
    root: &SyncRoot,
    leftover: &Leftover,
    places: &[(Folder, EntryName)],
    device_name: &str,
    now: Timestamp,
    summary: &mut Summary,
) -> Result<(), SyncError> {
    let waiting = root.temporary()?;
    let ways_on = if leftover.origin == Origin::Waiting { places } else { &[] };
    for (folder, name) in ways_on {
        if let Shifted::Done(_) = waiting.shift(&leftover.name, folder, name)? {
            return Ok(folder.sync()?);
        }
    }
    set_aside(waiting, &leftover.name, places, device_name, now, summary)
}

/// Makes a conflict copy of `left`, which lies in a folder of Vauban's own, at the first of `places`.
fn set_aside(
    from: &Folder,
    left: &EntryName,
    places: &[(Folder, EntryName)],
    device_name: &str,
    now: Timestamp,
    summary: &mut Summary,
) -> Result<(), SyncError> {
    let Some((folder, name)) = places.first() else { return Ok(()) };
    let copy = from.set_aside(left, folder, name, &stamp(device_name, None, now))?;
    folder.sync()?;
    summary.conflicts.push(folder.path().join(&copy).to_string());
    Ok(())
}
