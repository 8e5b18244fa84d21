//! Writing one file to a space, from anywhere on this machine.

use std::path::Path;
use std::sync::Arc;

use super::plan::{LogChange, Plan, Upload};
use super::report::{Summary, Watcher};
use super::send::Send;
use super::{OpenSpace, SyncError};
use crate::content::{Nodes, Source};
use crate::log::{EntryId, Kind};
use crate::state::cache::BaseRow;
use crate::tree::{Identity, TreePath, is_own};

/// Why a file cannot stand where it was to be put.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PutError {
    /// A file stands where a folder was meant.
    #[error("{0} is not a folder")]
    NotAFolder(String),
    /// A folder stands where the file was meant, or no name was given.
    #[error("{0} is a folder")]
    IsAFolder(String),
    /// A name in it is Vauban's own, which no device would write.
    #[error("{0} has a name that is reserved")]
    Reserved(String),
}

/// Writes the file at `from` to `to` in the space, making folders on the way, as a new version if a file is there already.
///
/// # Errors
/// [`SyncError`], and a [`PutError`] if something else is in the way.
pub fn put<N: Nodes>(
    space: &mut OpenSpace<N>,
    from: &Path,
    to: &TreePath,
    watcher: &Arc<dyn Watcher>,
) -> Result<Result<Summary, PutError>, SyncError> {
    let Some((folder, name)) = to.split_last() else {
        return Ok(Err(PutError::IsAFolder(to.to_string())));
    };
    if to.names().iter().any(is_own) {
        return Ok(Err(PutError::Reserved(to.to_string())));
    }
    space.settle()?;
    space.ensure_epoch()?;
    let mut summary = Summary::default();
    let mut plan = Plan::default();
    let (mut parent, mut path) = (EntryId::ROOT, TreePath::root());
    let mut is_new = false;
    for part in folder.names() {
        let there = if is_new { None } else { space.cache.child(parent, part)? };
        let entry = match there {
            Some(child) if child.kind == Kind::Folder => child.entry,
            Some(_) => return Ok(Err(PutError::NotAFolder(folder.to_string()))),
            None => {
                is_new = true;
                let base = BaseRow {
                    entry: space.fresh_entry()?,
                    parent,
                    name: part.clone(),
                    kind: Kind::Folder,
                    content: None,
                    executable: false,
                    identity: Identity::default(),
                    file_type: None,
                };
                let entry = base.entry;
                plan.log_changes.push(LogChange::create(base, None, path.join(part)));
                entry
            }
        };
        parent = entry;
        path = path.join(part);
    }
    let there = if is_new { None } else { space.cache.child(parent, name)? };
    if there.as_ref().is_some_and(|there| there.kind != Kind::File) {
        return Ok(Err(PutError::IsAFolder(to.to_string())));
    }
    let bytes = std::fs::metadata(from).map_or(0, |metadata| metadata.len());
    plan.uploads.push(Upload {
        source: Source::Path(from.to_owned()),
        entry: there.as_ref().map_or_else(|| space.fresh_entry(), |there| Ok(there.entry))?,
        is_new: there.is_none(),
        was: None,
        parent,
        name: name.clone(),
        kind: Kind::File,
        bytes,
        replaces: there.as_ref().and_then(|there| there.content),
        replaces_executable: there.is_some_and(|there| there.executable),
        is_damage: false,
    });
    Send::new(space, None, watcher, &mut summary).run(&mut plan)?;
    summary.agreed = true;
    Ok(Ok(summary))
}
