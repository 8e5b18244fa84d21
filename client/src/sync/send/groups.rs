//! Groups of ops that wait for their commit.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use vauban_protocol::chain::Head;
use vauban_protocol::id::{ChunkId, Digest};
use vauban_protocol::limit::COMMIT_ADDS_MAX;

use crate::content::{Nodes, SealedFile, UploadError, have_chunks, judge_receipts};
use crate::log::{ChunkList, ChunkRef, EntryId, Kind, OPS_PLAIN_BYTES_MAX, Op, OpsBatch, Tree};
use crate::state::cache::{BaseRow, Direction, Folding, RootId, Toll};
use crate::state::journal::Journal;
use crate::sync::author::Draft;
use crate::sync::plan::{Knew, LogChange, RowAfter, Upload};
use crate::sync::report::Summary;
use crate::sync::standing::Spot;
use crate::sync::{OpenSpace, SyncError};
use crate::tree::TreePath;

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
    /// What it was made knowing, by entry.
    knew: Vec<(EntryId, Expected)>,
    /// What is agreed once it stands in the log.
    after: Vec<RowAfter>,
    file: Option<File>,
    /// What it says of the disk, which must be durable before it is agreed on.
    paths: Vec<TreePath>,
}

/// What a group was made knowing of an entry.
#[derive(Debug)]
enum Expected {
    /// What it held.
    Content(Option<Digest>),
    /// Where it stood.
    Spot(Spot),
}

/// A file that a group writes.
#[derive(Debug, Clone, Copy)]
struct File {
    bytes: u64,
    is_damage: bool,
}

/// Groups, in the order in which they are committed.
#[derive(Debug, Default)]
pub(super) struct Groups {
    waiting: VecDeque<Group>,
    op_bytes: usize,
    adds: usize,
    /// Where changes are of which more belong together than one commit holds.
    knots: Vec<TreePath>,
}

impl Groups {
    pub(super) fn push_changes(&mut self, changes: Vec<LogChange>) {
        let (mut ops, mut knew, mut after, mut paths) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for change in changes {
            let entry = change.op.entry();
            // What stepped aside is elsewhere than it was known to be: its first change has said so.
            if let Some(Knew { spot, content }) = change.knew.filter(|_| !ops.iter().any(|op: &Op| op.entry() == entry))
            {
                knew.push((entry, Expected::Spot(spot)));
                knew.extend(content.map(|content| (entry, Expected::Content(content))));
            }
            if matches!(change.op, Op::Create { .. } | Op::Move { .. }) {
                paths.push(change.path);
            }
            ops.push(change.op);
            after.push(change.after);
        }
        self.push(Group { paths, ..Group::new(ops, Vec::new(), knew, after, None) });
    }

    pub(super) fn push_file(&mut self, upload: &Upload, file: SealedFile) {
        let base = base_of(upload, &file);
        let mut ops = if upload.is_new { vec![create(&base)] } else { Vec::new() };
        let what = File { bytes: file.version.bytes, is_damage: upload.is_damage };
        ops.push(Op::Write { entry: upload.entry, version: file.version });
        let knew = if upload.is_new { Vec::new() } else { vec![(upload.entry, Expected::Content(upload.replaces))] };
        let after = vec![RowAfter::Agreed(Box::new(base), upload.was)];
        let paths = upload.source.spot().into_iter().collect();
        self.push(Group { paths, ..Group::new(ops, file.chunks, knew, after, Some(what)) });
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
                } else if is_room && batch.is_empty() {
                    // Nobody may ever see a part of it, so it is said, and left.
                    self.knots.extend(group.paths);
                    continue;
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
        let draft = Draft { ops: batch.into_ops(), adds: adds.into_keys().collect(), stored_at, ..Draft::default() };
        Ok(Some((draft, taken)))
    }

    /// Where changes are of which more belong together than one commit holds; said once.
    pub(super) fn take_knots(&mut self) -> Vec<TreePath> {
        std::mem::take(&mut self.knots)
    }

    /// Puts back what a refused commit held, to be judged again.
    pub(super) fn put_back(&mut self, taken: Vec<Group>) {
        for group in taken.into_iter().rev() {
            self.waiting.push_front(group);
        }
        self.recount();
    }

    /// Whether any of them rests on chunks.
    pub(super) fn has_content(&self) -> bool {
        self.waiting.iter().any(|group| !group.chunks.is_empty())
    }

    /// Drops those that rest on chunks: they are planned again by a later run.
    pub(super) fn drop_content(&mut self) {
        self.waiting.retain(|group| group.chunks.is_empty());
        self.recount();
    }

    fn recount(&mut self) {
        self.op_bytes = self.waiting.iter().map(|group| group.op_bytes).sum();
        self.adds = self.waiting.iter().map(|group| group.chunks.len()).sum();
    }
}

/// Where the disk has what a commit speaks of.
pub(super) fn paths(taken: &[Group]) -> BTreeSet<TreePath> {
    taken.iter().flat_map(|group| &group.paths).cloned().collect()
}

/// Notes what a commit will settle once it stands as `head`, before it is sent: a run that is killed in between has then lost nothing.
pub(super) fn promise<N: Nodes>(
    taken: &[Group],
    space: &mut OpenSpace<N>,
    root: RootId,
    head: Head,
) -> Result<(), SyncError> {
    let (mut rows, mut forgotten) = (Vec::new(), Vec::new());
    for after in taken.iter().flat_map(|group| &group.after) {
        match after {
            RowAfter::Agreed(row, was) => {
                rows.push(row.as_ref().clone());
                forgotten.extend(was);
            }
            RowAfter::Moved(entry, Spot { parent, name }, identity) => {
                // Of a file that is moved and written in one commit, what is written comes after.
                let known = rows.iter().rfind(|row| row.entry == *entry).cloned();
                let row = known.map_or_else(|| space.cache.base(root, *entry), |row| Ok(Some(row)))?;
                if let Some(row) = row {
                    let identity = identity.unwrap_or(row.identity);
                    rows.push(BaseRow { parent: *parent, name: name.clone(), identity, ..row });
                }
            }
            RowAfter::Forgotten(entry) => forgotten.push(*entry),
            RowAfter::Nothing => {}
        }
    }
    Ok(space.cache.promise(root, head, &rows, &forgotten)?)
}

/// Records what a commit has made true.
pub(super) fn settle<N: Nodes>(
    taken: &[Group],
    space: &mut OpenSpace<N>,
    root: Option<RootId>,
    summary: &mut Summary,
) -> Result<(), SyncError> {
    for group in taken {
        group.count(summary);
        if let (true, Some(entry)) = (group.ops.iter().any(is_paged), group.ops.first().map(Op::entry)) {
            space.cache.learn_version(entry, &group.chunks)?;
        }
    }
    space.journal.forget(taken.iter().flat_map(|group| &group.chunks).map(|chunk| chunk.id))?;
    let Some(root) = root else { return Ok(()) };
    let toll = Toll {
        removed: taken.iter().map(Group::removals).sum(),
        damaged: taken.iter().filter(|group| group.file.is_some_and(|file| file.is_damage)).count() as u64,
        tree: 0,
    };
    space.take_toll(root, Direction::ToLog, toll)?;
    Ok(space.cache.keep_promise()?)
}

impl Group {
    fn new(
        ops: Vec<Op>,
        chunks: Vec<ChunkRef>,
        knew: Vec<(EntryId, Expected)>,
        after: Vec<RowAfter>,
        file: Option<File>,
    ) -> Self {
        let op_bytes = ops.iter().map(Op::encoded_bytes).sum();
        Self { ops, op_bytes, chunks, knew, after, file, paths: Vec::new() }
    }

    /// Whether the log is still as this group was made knowing it.
    fn fits(&self, trial: &mut Folding<'_>) -> Result<bool, SyncError> {
        for (entry, expected) in &self.knew {
            let is_so = match expected {
                Expected::Content(content) => trial.content(*entry)? == *content,
                Expected::Spot(spot) => trial.place(*entry)?.is_some_and(|place| Spot::of(&place) == *spot),
            };
            if !is_so {
                return Ok(false);
            }
        }
        Ok(trial.apply_all(&self.ops.iter().collect::<Vec<_>>())?)
    }

    fn removals(&self) -> u64 {
        self.ops.iter().filter(|op| matches!(op, Op::Remove { .. })).count() as u64
    }

    fn count(&self, summary: &mut Summary) {
        if let Some(file) = self.file {
            summary.uploaded = summary.uploaded.saturating_add(1);
            summary.uploaded_bytes = summary.uploaded_bytes.saturating_add(file.bytes);
            return;
        }
        for after in &self.after {
            let counter = match after {
                RowAfter::Agreed(..) => &mut summary.folders,
                RowAfter::Moved(..) => &mut summary.moved_there,
                RowAfter::Forgotten(_) => &mut summary.removed_there,
                RowAfter::Nothing => continue,
            };
            *counter = counter.saturating_add(1);
        }
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
        file_type: (upload.kind == Kind::File).then_some(file.file_type),
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
        let at = judge_receipts(&receipts, &present, space.id, &space.org, space.now()).map_err(UploadError::from)?;
        space.journal.restamp(&present, at)?;
    }
    Ok(space.journal.forget(lost)?)
}
