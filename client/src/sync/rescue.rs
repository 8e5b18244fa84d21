//! Putting back what an interrupted run had in Vauban's own folder.

use vauban_protocol::time::Timestamp;

use super::receive::stamp;
use super::report::Summary;
use super::standing::Spot;
use super::whereabouts::Whereabouts;
use super::{OpenSpace, SyncError};
use crate::content::Nodes;
use crate::log::EntryName;
use crate::state::cache::RootId;
use crate::tree::{Folder, Leftover, Origin, Shifted, SyncRoot, TreePath};

/// Gives names again to what lies in Vauban's own folder: what was on its way goes on, or back; what was displaced and is no
/// version of the log becomes a conflict copy.
pub(super) fn rescue<N: Nodes>(
    space: &OpenSpace<N>,
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
        let there = space.cache.place(leftover.entry)?.map(|place| Spot::of(&place));
        let was = base.map(|base| Spot { parent: base.parent, name: base.name });
        let mut places = Vec::new();
        for spot in [there, was].into_iter().flatten() {
            if let Some(path) = Whereabouts::default().path(&space.cache, id, spot.parent)?
                && let Ok(folder) = root.open(&path)
            {
                places.push((folder, spot.name));
            }
        }
        // Its folder is gone: it is found at the root, under the number of its entry.
        places.push((root.open(&TreePath::root())?, leftover.name.clone()));
        put(root, &leftover, &places, device_name, space.now(), summary)?;
    }
    Ok(())
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
    let Some((folder, name)) = places.first() else { return Ok(()) };
    let copy = waiting.set_aside(&leftover.name, folder, name, &stamp(device_name, None, now))?;
    folder.sync()?;
    summary.conflicts.push(folder.path().join(&copy).to_string());
    Ok(())
}
