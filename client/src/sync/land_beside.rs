//! New files of a space that stand beside what is there: nothing gets another version, and nothing arrives twice.
//!
//! Each finds its place by name and content: where its name stands with another content, under the next number, or, where all numbers are
//! taken, told by its content; where it stands with the same content, it is there already. So carrying this out again, after a crash, or by
//! two devices at once, ends with each file once.

use std::collections::BTreeMap;
use std::iter::once;
use std::path::PathBuf;
use std::sync::Arc;

use vauban_protocol::id::Digest;

use super::plan::{LogChange, Plan, Upload};
use super::report::{Summary, Watcher};
use super::send::Send;
use super::{OpenSpace, SyncError};
use crate::content::{Nodes, Source};
use crate::file_request::{numbered, told_by_content};
use crate::limit::{COMMIT_TRIES_MAX, DROP_NAMES_TRIED_MAX};
use crate::log::{EntryId, EntryName, Kind};
use crate::state::cache::BaseRow;
use crate::tree::{Identity, TreePath};

/// A file that is to stand in the space.
#[derive(Debug)]
pub(super) struct Newcomer {
    /// Where it is on this machine.
    pub(super) from: PathBuf,
    /// What it is to be called, from the folder on that it goes to; never empty.
    pub(super) names: Vec<EntryName>,
    /// Its bytes.
    pub(super) bytes: u64,
    /// BLAKE3 of them.
    pub(super) content: Digest,
}

/// What is planned so far.
#[derive(Default)]
struct Landing {
    plan: Plan,
    folders: BTreeMap<TreePath, EntryId>,
    files: BTreeMap<TreePath, Digest>,
}

impl<N: Nodes> OpenSpace<N> {
    /// Makes these files of the space, below `folder`, and the folders that they lie in; where each of them is then.
    ///
    /// # Errors
    /// [`SyncError`]; those that were committed until then are in the space.
    pub(super) fn land_beside(
        &mut self,
        folder: &TreePath,
        newcomers: &[Newcomer],
        watcher: &Arc<dyn Watcher>,
    ) -> Result<Vec<TreePath>, SyncError> {
        // Each try plans anew from the log as it then stands: what came first keeps its name.
        for _ in 0..COMMIT_TRIES_MAX {
            let mut landing = Landing::default();
            let mut paths = Vec::with_capacity(newcomers.len());
            for newcomer in newcomers {
                watcher.go_on()?;
                paths.push(self.place(folder, newcomer, &mut landing)?);
            }
            if landing.plan.uploads.is_empty() {
                return Ok(paths);
            }
            self.ensure_epoch()?;
            Send::new(self, None, watcher, &mut Summary::default()).run(&mut landing.plan)?;
            self.follow()?;
        }
        Err(SyncError::Overtaken)
    }

    /// Finds the place of one, and plans it if it is not there yet.
    fn place(&self, folder: &TreePath, newcomer: &Newcomer, landing: &mut Landing) -> Result<TreePath, SyncError> {
        let (name, below) = newcomer.names.split_last().ok_or(SyncError::Bug("a new file has no name"))?;
        let (mut parent, mut path) = (EntryId::ROOT, TreePath::root());
        for name in folder.names().iter().chain(below) {
            (parent, path) = self.place_folder(parent, &path, name, landing)?;
        }
        let numbers = (1..=DROP_NAMES_TRIED_MAX).map(|number| numbered(name, number));
        for name in numbers.chain(once(told_by_content(name, &newcomer.content))) {
            let to = path.join(&name);
            let there = match landing.files.get(&to) {
                Some(planned) => Some(Some(*planned)),
                None => self.cache.child(parent, &name)?.map(|child| child.content),
            };
            match there {
                Some(Some(content)) if content == newcomer.content => return Ok(to),
                Some(_) => {}
                None if landing.folders.contains_key(&to) => {}
                None => {
                    landing.files.insert(to.clone(), newcomer.content);
                    landing.plan.uploads.push(Upload {
                        source: Source::Path(newcomer.from.clone()),
                        entry: self.fresh_entry()?,
                        is_new: true,
                        was: None,
                        parent,
                        name,
                        kind: Kind::File,
                        bytes: newcomer.bytes,
                        replaces: None,
                        replaces_executable: false,
                        is_damage: false,
                    });
                    return Ok(to);
                }
            }
        }
        Err(SyncError::Overtaken)
    }

    /// The folder of this name, or, where a file has it, of the next number; planned if it is not there yet.
    fn place_folder(
        &self,
        parent: EntryId,
        path: &TreePath,
        name: &EntryName,
        landing: &mut Landing,
    ) -> Result<(EntryId, TreePath), SyncError> {
        for number in 1..=DROP_NAMES_TRIED_MAX {
            let name = numbered(name, number);
            let to = path.join(&name);
            if let Some(planned) = landing.folders.get(&to) {
                return Ok((*planned, to));
            }
            match self.cache.child(parent, &name)? {
                Some(child) if child.kind == Kind::Folder => return Ok((child.entry, to)),
                Some(_) => {}
                None if landing.files.contains_key(&to) => {}
                None => {
                    let base = BaseRow {
                        entry: self.fresh_entry()?,
                        parent,
                        name,
                        kind: Kind::Folder,
                        content: None,
                        executable: false,
                        identity: Identity::default(),
                        file_type: None,
                    };
                    let entry = base.entry;
                    landing.plan.log_changes.push(LogChange::create(base, None, to.clone()));
                    landing.folders.insert(to.clone(), entry);
                    return Ok((entry, to));
                }
            }
        }
        Err(SyncError::Overtaken)
    }
}
