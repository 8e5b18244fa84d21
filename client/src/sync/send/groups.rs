//! Groups of ops that wait for their commit.

use std::collections::{BTreeMap, VecDeque};

use vauban_protocol::id::{ChunkId, Digest};
use vauban_protocol::limit::COMMIT_ADDS_MAX;

use crate::clock;
use crate::content::{Nodes, SealedFile, UploadError, have_chunks, judge_receipts};
use crate::log::{ChunkList, ChunkRef, Effect, EntryId, Kind, OPS_PLAIN_BYTES_MAX, Op, OpsBatch, apply};
use crate::state::cache::{BaseRow, Folding, RootId};
use crate::state::journal::Journal;
use crate::sync::author::Draft;
use crate::sync::report::Summary;
use crate::sync::survey::{FolderHere, Upload};
use crate::sync::{OpenSpace, SyncError};

/// Whether groups must be judged against the log again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Judging {
    /// Others have written since they were planned.
    Again,
    /// Nobody has.
    Trusted,
}

/// What belongs together in the log.
#[derive(Debug)]
pub(super) struct Group {
    ops: Vec<Op>,
    op_bytes: usize,
    /// The chunks that it rests on.
    chunks: Vec<ChunkRef>,
    /// What it was made knowing: the content that the log had for the entry that it writes.
    knew: Option<(EntryId, Option<Digest>)>,
    base: BaseRow,
    bytes: u64,
}

/// Groups, in the order in which they are committed.
#[derive(Debug, Default)]
pub(super) struct Groups {
    waiting: VecDeque<Group>,
    op_bytes: usize,
    adds: usize,
}

impl Groups {
    pub(super) fn push_folders(&mut self, folders: Vec<FolderHere>) {
        for FolderHere { base } in folders {
            self.push(Group::new(vec![create(&base)], Vec::new(), None, base, 0));
        }
    }

    pub(super) fn push_file(&mut self, upload: &Upload, file: SealedFile) {
        let base = base_of(upload, &file);
        let mut ops = if upload.is_new { vec![create(&base)] } else { Vec::new() };
        let bytes = file.version.bytes;
        ops.push(Op::Write { entry: upload.entry, version: file.version });
        let knew = (!upload.is_new).then_some((upload.entry, upload.replaces));
        self.push(Group::new(ops, file.chunks, knew, base, bytes));
    }

    fn push(&mut self, group: Group) {
        self.op_bytes = self.op_bytes.saturating_add(group.op_bytes);
        self.adds = self.adds.saturating_add(group.chunks.len());
        self.waiting.push_back(group);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Whether as much waits as one commit holds.
    pub(super) fn fill_a_commit(&self) -> bool {
        self.op_bytes >= OPS_PLAIN_BYTES_MAX || self.adds >= COMMIT_ADDS_MAX
    }

    /// Takes what the next commit holds; `None` if nothing is left. Groups that others have overtaken are dropped.
    ///
    /// A file with more chunks than a commit adds gets commits of adds alone first (`formats#13`).
    pub(super) fn pack<N: Nodes>(
        &mut self,
        space: &mut OpenSpace<N>,
        judging: Judging,
    ) -> Result<Option<(Draft, Vec<Group>)>, SyncError> {
        let mut batch = OpsBatch::default();
        let mut adds: BTreeMap<ChunkId, u64> = BTreeMap::new();
        let mut taken = Vec::new();
        // A transaction that is never committed: what the ops would do now.
        let mut trial = space.cache.begin()?;
        while let Some(group) = self.waiting.pop_front() {
            if judging == Judging::Again && !group.fits(&mut trial)? {
                continue;
            }
            let Some(more) = group.new_chunks(&trial, &space.journal, &adds)? else {
                // Its receipts are of another time: the next round asks anew.
                continue;
            };
            let is_room = adds.len().saturating_add(more.len()) <= COMMIT_ADDS_MAX;
            if !is_room || !batch.push_all(&group.ops) {
                if !is_room && taken.is_empty() {
                    adds = more.into_iter().take(COMMIT_ADDS_MAX).collect();
                }
                self.waiting.push_front(group);
                break;
            }
            adds.extend(more);
            taken.push(group);
        }
        drop(trial);
        self.recount();
        if taken.is_empty() && adds.is_empty() {
            return Ok(None);
        }
        let stored_at = adds.values().copied().min().unwrap_or_default();
        let draft = Draft { ops: batch.into_ops(), adds: adds.into_keys().collect(), stored_at, control: None };
        Ok(Some((draft, taken)))
    }

    /// Puts back what a refused commit held, to be judged again.
    pub(super) fn put_back(&mut self, taken: Vec<Group>) {
        for group in taken.into_iter().rev() {
            self.waiting.push_front(group);
        }
        self.recount();
    }

    /// Records what a commit has made true.
    pub(super) fn settle<N: Nodes>(
        &mut self,
        taken: Vec<Group>,
        space: &mut OpenSpace<N>,
        root: Option<RootId>,
        summary: &mut Summary,
    ) -> Result<(), SyncError> {
        for group in &taken {
            if group.base.kind == Kind::Folder {
                summary.folders = summary.folders.saturating_add(1);
                continue;
            }
            if group.ops.iter().any(is_paged) {
                space.cache.learn_version(group.base.entry, &group.chunks)?;
            }
            summary.uploaded = summary.uploaded.saturating_add(1);
            summary.uploaded_bytes = summary.uploaded_bytes.saturating_add(group.bytes);
        }
        space.journal.forget(taken.iter().flat_map(|group| &group.chunks).map(|chunk| chunk.id))?;
        if let Some(root) = root {
            let rows: Vec<_> = taken.into_iter().map(|group| group.base).collect();
            space.cache.agree(root, &rows)?;
        }
        Ok(())
    }

    fn recount(&mut self) {
        self.op_bytes = self.waiting.iter().map(|group| group.op_bytes).sum();
        self.adds = self.waiting.iter().map(|group| group.chunks.len()).sum();
    }
}

impl Group {
    fn new(
        ops: Vec<Op>,
        chunks: Vec<ChunkRef>,
        knew: Option<(EntryId, Option<Digest>)>,
        base: BaseRow,
        bytes: u64,
    ) -> Self {
        let op_bytes = ops.iter().map(Op::encoded_bytes).sum();
        Self { ops, op_bytes, chunks, knew, base, bytes }
    }

    /// Whether the log is still as this group was made knowing it.
    fn fits(&self, trial: &mut Folding<'_>) -> Result<bool, SyncError> {
        if let Some((entry, content)) = self.knew
            && trial.content(entry)? != content
        {
            return Ok(false);
        }
        for op in &self.ops {
            if apply(trial, op)? != Effect::Applied {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// The chunks that this group's commit must add to `adds`, with what their receipts rest on; `None` if one has none.
    fn new_chunks(
        &self,
        log: &Folding<'_>,
        journal: &Journal,
        adds: &BTreeMap<ChunkId, u64>,
    ) -> Result<Option<BTreeMap<ChunkId, u64>>, SyncError> {
        let mut more = BTreeMap::new();
        for chunk in &self.chunks {
            if adds.contains_key(&chunk.id) || more.contains_key(&chunk.id) || log.is_live(chunk.id)? {
                continue;
            }
            let Some(at) = journal.stored_at(chunk.id)? else {
                return Ok(None);
            };
            more.insert(chunk.id, at);
        }
        Ok(Some(more))
    }
}

fn is_paged(op: &Op) -> bool {
    matches!(op, Op::Write { version, .. } if matches!(version.chunks, ChunkList::Paged { .. }))
}

fn create(base: &BaseRow) -> Op {
    Op::Create { entry: base.entry, parent: base.parent, name: base.name.as_str().as_bytes().to_vec(), kind: base.kind }
}

/// What both sides agree on once the file is in the log.
pub(super) fn base_of(upload: &Upload, file: &SealedFile) -> BaseRow {
    BaseRow {
        entry: upload.entry,
        parent: upload.parent,
        name: upload.name.clone(),
        kind: upload.kind,
        content: Some(file.version.content),
        executable: file.version.executable,
        identity: file.identity,
    }
}

/// Asks for newer receipts, and forgets what nodes no longer hold: its files are sent again in the next round.
pub(super) fn restamp<N: Nodes>(space: &mut OpenSpace<N>, adds: &[ChunkId]) -> Result<(), SyncError> {
    let (held, receipts) = space.runtime.block_on(have_chunks(&space.nodes, space.id, adds))?;
    let (mut present, mut lost) = (Vec::new(), Vec::new());
    for (id, held) in adds.iter().zip(held) {
        if held { present.push(*id) } else { lost.push(*id) }
    }
    if !present.is_empty() {
        let at = judge_receipts(&receipts, &present, space.id, &space.org, clock::now()).map_err(UploadError::from)?;
        space.journal.restamp(&present, at)?;
    }
    Ok(space.journal.forget(lost)?)
}
