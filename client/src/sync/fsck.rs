//! Whether nodes still hold all that the space's files are made of; and sending again what they have lost, from this machine's files.
//!
//! Nodes verify their own disks; what no copy is left of, they cannot bring back. A client that has the file can: the recorded secret
//! of a chunk seals the same bytes to the same identifier (`formats#6`). Invariants: nothing is written to the disk; a file is sent only
//! if it is, by the disk's numbers, what was agreed on, and is the version that the log has. One that is edited at that very moment
//! is sent as a sync would send it.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde::Serialize;
use vauban_protocol::id::ChunkId;
use vauban_protocol::limit::IDS_MAX;
use vauban_protocol::wire::{ChunkState, Request, Response};

use super::plan::{Plan, Upload};
use super::report::{Summary, Watcher};
use super::send::Send;
use super::{OpenSpace, SyncError};
use crate::content::{
    ChunkFault, FetchError, Nodes, NodesError, Source, UploadError, every_id, have_chunks, judge_receipts,
};
use crate::limit::CHECKED_FILES_MAX;
use crate::log::{ChunkList, EntryId, Kind, Version};
use crate::state::cache::{FileAt, RootId};
use crate::tree::{SyncRoot, TreePath};

/// What was found.
#[derive(Debug, Default, Serialize)]
pub struct FsckReport {
    /// Files looked at, in their current version.
    pub files: u64,
    /// Chunks asked for.
    pub chunks: u64,
    /// Files of which something could not be checked: too few nodes say that they have it, and one that may did not answer. Nothing
    /// says that it is lost.
    pub unchecked: u64,
    /// Files that nodes have lost something of.
    pub damaged: Vec<Damaged>,
}

/// A file that nodes have lost something of.
#[derive(Debug, Serialize)]
pub struct Damaged {
    /// Where it is.
    pub path: String,
    /// Its bytes.
    pub bytes: u64,
    /// Its chunks that no node could show; where the list of them is lost, at least one.
    pub missing: u64,
    /// Whether this run has sent all of them again.
    pub is_healed: bool,
}

/// One file's current version, and what nodes lack of it.
struct Checked {
    file: FileAt,
    version: Version,
    missing: u64,
    /// Its chunks that nobody could say anything about.
    unchecked: u64,
}

/// Chunks that too few replicas say they hold.
#[derive(Debug, Default)]
struct Wanting {
    lost: BTreeSet<ChunkId>,
    unchecked: BTreeSet<ChunkId>,
}

impl FsckReport {
    /// Whether nodes have lost nothing, or have it again; some of it may be [unchecked](Self::unchecked).
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.damaged.iter().all(|damaged| damaged.is_healed)
    }
}

/// Asks nodes for every chunk of every file's current version; with `heal`, sends what they lack and this machine has.
///
/// # Errors
/// [`SyncError`]. What was sent until then is kept.
pub fn fsck<N: Nodes>(
    space: &mut OpenSpace<N>,
    heal: bool,
    watcher: &Arc<dyn Watcher>,
) -> Result<FsckReport, SyncError> {
    space.follow()?;
    let root = if heal { synced(space)? } else { None };
    let (mut report, mut after) = (FsckReport::default(), EntryId::ROOT);
    loop {
        watcher.go_on()?;
        let files = space.cache.files_after(after, CHECKED_FILES_MAX)?;
        let Some(last) = files.last() else { return Ok(report) };
        after = last.entry;
        report.files = report.files.saturating_add(files.len() as u64);
        let (damaged, unchecked): (Vec<_>, Vec<_>) =
            check(space, files, &mut report.chunks)?.into_iter().partition(|checked| checked.missing > 0);
        let is_unchecked = |checked: &&Checked| checked.unchecked > 0;
        let count = unchecked.len().saturating_add(damaged.iter().filter(is_unchecked).count());
        report.unchecked = report.unchecked.saturating_add(count as u64);
        let healed = match &root {
            Some((root, id)) => send_again(space, root, *id, &damaged, watcher)?,
            None => BTreeSet::new(),
        };
        for Checked { file, version, missing, .. } in damaged {
            let folder = space.cache.folder_path(file.parent)?.unwrap_or_else(TreePath::root);
            report.damaged.push(Damaged {
                path: folder.join(&file.name).to_string(),
                bytes: version.bytes,
                missing,
                is_healed: healed.contains(&file.entry),
            });
        }
    }
}

/// The folder that is kept in step with this space, if this machine has one.
fn synced<N: Nodes>(space: &OpenSpace<N>) -> Result<Option<(Arc<SyncRoot>, RootId)>, SyncError> {
    let Some(folder) = &space.record.folder else { return Ok(None) };
    let root = SyncRoot::look(space.disk(), folder, space.id())?;
    let id = space.cache.known_root(root.key())?;
    Ok(id.map(|id| (Arc::new(root), id)))
}

/// The files that nodes have lost something of, or could not say everything about.
fn check<N: Nodes>(space: &OpenSpace<N>, files: Vec<FileAt>, asked: &mut u64) -> Result<Vec<Checked>, SyncError> {
    let (mut all, mut wanted) = (Vec::new(), BTreeSet::new());
    for file in files {
        let Some(version) = space.cache.version(file.entry)? else { continue };
        let ids = match &version.chunks {
            ChunkList::Inline(chunks) => chunks.iter().map(|chunk| chunk.id).collect(),
            ChunkList::Paged { .. } => match space.runtime.block_on(every_id(&space.nodes, space.id(), &version)) {
                Ok(ids) => ids,
                // The pages themselves, which is what can be told of them.
                Err(FetchError::Chunk(fault)) if !matches!(fault, ChunkFault::Unheard(_)) => pages(&version),
                Err(error) => return Err(error.into()),
            },
        };
        wanted.extend(ids.iter().copied());
        all.push((file, version, ids));
    }
    *asked = asked.saturating_add(wanted.len() as u64);
    let wanting = wanting(space, &wanted)?;
    let checked = all.into_iter().map(|(file, version, ids): (_, _, BTreeSet<ChunkId>)| {
        let missing = ids.intersection(&wanting.lost).count() as u64;
        let unchecked = ids.intersection(&wanting.unchecked).count() as u64;
        Checked { file, version, missing, unchecked }
    });
    Ok(checked.filter(|checked| checked.missing > 0 || checked.unchecked > 0).collect())
}

fn pages(version: &Version) -> BTreeSet<ChunkId> {
    match &version.chunks {
        ChunkList::Inline(chunks) | ChunkList::Paged { pages: chunks, .. } => {
            chunks.iter().map(|chunk| chunk.id).collect()
        }
    }
}

/// Which of these chunks nodes neither show receipts for that satisfy the policy, nor have a copy of that repair works with.
fn wanting<N: Nodes>(space: &OpenSpace<N>, wanted: &BTreeSet<ChunkId>) -> Result<Wanting, SyncError> {
    let wanted: Vec<ChunkId> = wanted.iter().copied().collect();
    let mut wanting = Wanting::default();
    for ids in wanted.chunks(IDS_MAX) {
        let (held, receipts) = space.runtime.block_on(have_chunks(&space.nodes, space.id(), ids))?;
        let (present, absent): (Vec<_>, Vec<_>) = ids.iter().zip(held).partition(|(_, held)| *held);
        let present: Vec<ChunkId> = present.into_iter().map(|(id, _)| *id).collect();
        if !present.is_empty() {
            judge_receipts(&receipts, &present, space.id(), &space.org, space.now()).map_err(UploadError::from)?;
        }
        let absent: Vec<ChunkId> = absent.into_iter().map(|(id, _)| *id).collect();
        if absent.is_empty() {
            continue;
        }
        // A node that is down is no loss: who was asked, and what they said, is another question.
        let states = match space.ask(Request::CheckChunks { space: space.id(), ids: absent.clone() }, Vec::new())? {
            (Response::Checked { chunks }, _) if chunks.len() == absent.len() => chunks,
            _ => return Err(NodesError::Senseless("not what replicas have").into()),
        };
        for (id, state) in absent.into_iter().zip(states) {
            match state {
                ChunkState::There => {}
                ChunkState::Unheard => drop(wanting.unchecked.insert(id)),
                ChunkState::Lost => drop(wanting.lost.insert(id)),
            }
        }
    }
    Ok(wanting)
}

/// Seals those of the files again that are here as the log has them, and sends what nodes lack; answers which are whole now.
fn send_again<N: Nodes>(
    space: &mut OpenSpace<N>,
    root: &Arc<SyncRoot>,
    id: RootId,
    damaged: &[Checked],
    watcher: &Arc<dyn Watcher>,
) -> Result<BTreeSet<EntryId>, SyncError> {
    let mut plan = Plan::default();
    let mut sent = Vec::new();
    for Checked { file, version, .. } in damaged {
        let Some(base) = space.cache.base(id, file.entry)?.filter(|base| base.content == Some(version.content)) else {
            continue;
        };
        let Some(path) = space.cache.folder_path(file.parent)? else { continue };
        let looked = root.open(&path).and_then(|folder| Ok((folder.identity()?.inode, folder.child(&file.name)?)));
        // What is not here, or was edited since, is for a sync to tell.
        let Ok((folder_inode, Some(here))) = looked else { continue };
        if !here.identity.is_unchanged(&base.identity) {
            continue;
        }
        plan.uploads.push(Upload {
            source: Source::InRoot { root: Arc::clone(root), folder: path, folder_inode, name: file.name.clone() },
            entry: file.entry,
            is_new: false,
            was: None,
            parent: file.parent,
            name: file.name.clone(),
            kind: Kind::File,
            bytes: version.bytes,
            replaces: Some(version.content),
            replaces_executable: version.executable,
            is_damage: false,
        });
        sent.push(file.clone());
    }
    if sent.is_empty() {
        return Ok(BTreeSet::new());
    }
    Send::new(space, None, watcher, &mut Summary::default()).run(&mut plan)?;
    let entries: BTreeSet<EntryId> = sent.iter().map(|file| file.entry).collect();
    let still: BTreeSet<EntryId> = check(space, sent, &mut 0)?.into_iter().map(|checked| checked.file.entry).collect();
    Ok(entries.difference(&still).copied().collect())
}
