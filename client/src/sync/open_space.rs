//! One space in the hands of one device: its log as folded so far, its keys, and what must survive a crash.
//!
//! What the anchor holds is written before it matters: a signed commit before it is sent, a counter with it. What it may
//! forget (how far the log was read) is written with the next thing that must be.

use std::cmp::Ordering;
use std::sync::Arc;

use bytes::Bytes;
use tokio::runtime::Handle;
use vauban_protocol::chain::Head;
use vauban_protocol::id::{ChunkId, Digest, SpaceId};
use vauban_protocol::organisation::Organisation;
use vauban_protocol::signed::Signed;
use vauban_protocol::space::{Commit, Space};
use vauban_protocol::time::Timestamp;
use vauban_protocol::wire::{Request, Response};

use super::SyncError;
use super::checkpoint::Writing;
use super::drops::KnownJunk;
use super::follow::Side;
use super::looked::Looked;
use crate::content::{Dedup, Nodes, NodesError};
use crate::keys::Identity;
use crate::limit::SURVEY_ENTRIES_MAX;
use crate::log::{EntryId, EpochSecrets, Epochs, Falsehood, FalsehoodOf, Seen, VouchedCheckpoint};
use crate::session::Session;
use crate::state::cache::{Cache, VoidOp};
use crate::state::journal::Journal;
use crate::state::{Outbox, SpaceAnchor, StateError};
use crate::tree::Disk;

/// A space, opened by a device. Its calls wait for nodes: they belong on a thread that may wait.
#[derive(Debug)]
pub struct OpenSpace<N> {
    pub(super) nodes: N,
    pub(super) runtime: Handle,
    pub(super) device: Arc<Session>,
    pub(super) org: Arc<Organisation>,
    pub(super) id: SpaceId,
    pub(super) cache: Cache,
    pub(super) journal: Journal,
    pub(super) epochs: Option<Epochs>,
    /// The bundle that this run has stored last, until the commit that names it is folded: it need not be fetched for that.
    pub(super) own_bundle: Option<(ChunkId, Bytes)>,
    /// What the anchor says, or will say when it is written next.
    pub(super) record: SpaceAnchor,
    is_record_dirty: bool,
    /// Whether this process writes to the space: it then has the home's claim.
    is_author: bool,
    /// This run's number in the journal.
    run: u64,
    /// The cache in which the log behind a checkpoint is replayed, while it is.
    pub(super) behind: Option<Cache>,
    /// A checkpoint that is being written, or is to be.
    pub(super) writing: Option<Writing>,
    pub(super) is_checkpoint_wanted: bool,
    /// The position and the tree of the last checkpoint that this run has signed.
    pub(super) written: Option<(Head, Digest)>,
    pub(super) voids: Vec<VoidOp>,
    /// Commits of other devices that this run has folded.
    pub(super) foreign: u64,
    /// How far the last look at a folder came; none where everything must be looked at.
    pub(super) looked: Option<Looked>,
    /// Entries that one look may find to differ.
    pub(super) entries_max: usize,
    /// Drops that were looked at and do not open: they are looked at once.
    pub(super) junk: KnownJunk,
}

impl<N: Nodes> OpenSpace<N> {
    /// Opens what this device keeps of `space`. Nothing is asked of nodes yet. The caller holds the home's claim if it will
    /// commit.
    ///
    /// # Errors
    /// [`SyncError`] of the local disk.
    pub fn open(nodes: N, runtime: Handle, device: Arc<Session>, space: SpaceId) -> Result<Self, SyncError> {
        let mut run = [0; 8];
        draw(&device, &mut run)?;
        let (run, now) = (u64::from_le_bytes(run), device.machine().now());
        let home = device.home();
        let cache_folder = home.cache();
        std::fs::create_dir_all(&cache_folder).map_err(StateError::io(&cache_folder))?;
        let cache = Cache::open(&home.space_cache(space), space)?;
        let journal = Journal::open(&home.journal(), space, run, now)?;
        let record = device.anchor().record().spaces.remove(&space).unwrap_or_default();
        Ok(Self {
            nodes,
            runtime,
            org: device.organisation(),
            device,
            id: space,
            cache,
            journal,
            epochs: None,
            own_bundle: None,
            record,
            is_record_dirty: false,
            is_author: false,
            run,
            behind: None,
            writing: None,
            is_checkpoint_wanted: false,
            written: None,
            voids: Vec::new(),
            foreign: 0,
            looked: None,
            entries_max: SURVEY_ENTRIES_MAX,
            junk: KnownJunk::new(),
        })
    }

    /// The space.
    #[must_use]
    pub fn id(&self) -> SpaceId {
        self.id
    }

    /// The log as folded so far.
    #[must_use]
    pub fn cache(&self) -> &Cache {
        &self.cache
    }

    /// The organisation as read so far.
    #[must_use]
    pub fn organisation(&self) -> &Arc<Organisation> {
        &self.org
    }

    /// The space in clear, as folded so far.
    ///
    /// # Errors
    /// [`SyncError`] of the cache, or that the log was never read.
    pub fn folded(&self) -> Result<Space, SyncError> {
        self.cache.space()?.ok_or(SyncError::Bug("the log was not read yet"))
    }

    /// The keys of the epoch in force.
    ///
    /// # Errors
    /// [`SyncError::NoEpoch`] before there is one, [`SyncError::Epoch`] if this user does not have them.
    pub fn current(&self) -> Result<Arc<EpochSecrets>, SyncError> {
        let epoch = self.folded()?.epoch();
        let epochs = self.epochs.as_ref().filter(|_| epoch > 0).ok_or(SyncError::NoEpoch(self.id))?;
        Ok(Arc::clone(epochs.secrets(epoch)?))
    }

    /// Now, by the clock of the machine.
    pub(super) fn now(&self) -> Timestamp {
        self.device.machine().now()
    }

    /// The disk that synced folders lie on.
    pub(super) fn disk(&self) -> &dyn Disk {
        self.device.machine().disk()
    }

    /// An entry that nobody has.
    pub(super) fn fresh_entry(&self) -> Result<EntryId, SyncError> {
        let mut entry = [0; 16];
        self.draw(&mut entry)?;
        Ok(EntryId(entry))
    }

    /// A number that nobody has.
    pub(super) fn fresh_number(&self) -> Result<u64, SyncError> {
        let mut bytes = [0; 8];
        self.draw(&mut bytes)?;
        Ok(u64::from_le_bytes(bytes))
    }

    /// Fills `bytes` with what differs from all before.
    pub(super) fn draw(&self, bytes: &mut [u8]) -> Result<(), SyncError> {
        draw(&self.device, bytes)
    }

    pub(super) fn identity(&self) -> &Arc<Identity> {
        self.device.identity()
    }

    /// Asks a node, and waits for its answer.
    pub(super) fn ask(&self, request: Request, body: Vec<Bytes>) -> Result<(Response, Bytes), NodesError> {
        Ok(self.runtime.block_on(self.nodes.request(request, body))?)
    }

    /// What this device has seen and done here, to judge the log by.
    pub(super) fn seen(&self, side: Side) -> Seen {
        let outstanding = self.record.outbox.as_ref().map(|outbox| Digest::of(&outbox.commit));
        let head = match side {
            Side::Head => self.record.head,
            Side::Behind => self.record.owed.or(self.record.head),
        };
        Seen { device: self.identity().device(), head, acknowledged: self.record.counter, outstanding }
    }

    /// Notes whether the node that was asked lags behind what this device has seen, and answers since when it does.
    pub(super) fn note_lag(&mut self, is_behind: bool) -> Result<Option<Timestamp>, SyncError> {
        let since = is_behind.then(|| self.record.behind_since.unwrap_or_else(|| self.now()));
        if self.record.behind_since != since {
            self.record.behind_since = since;
            self.is_record_dirty = true;
            self.write_record()?;
        }
        Ok(since)
    }

    /// Notes that the log was read up to the cache's head, where a commit of this device may stand.
    pub(super) fn note(&mut self, space: &Space) {
        if self.record.head.is_none_or(|head| head.seq < space.head().seq) {
            self.record.head = Some(space.head());
            self.is_record_dirty = true;
        }
        let Some(last) = space.last_commit(self.identity().device()) else { return };
        if last.counter > self.record.counter {
            self.record.counter = last.counter;
            self.is_record_dirty = true;
        }
        let is_answered = |outbox: &Outbox| Digest::of(&outbox.commit) == last.digest;
        if self.record.outbox.as_ref().is_some_and(is_answered) {
            self.record.outbox = None;
            self.is_record_dirty = true;
        }
    }

    /// Notes that what the root has said so far takes nothing back here. The caller holds the home's claim.
    pub(super) fn note_reanchored(&mut self) {
        let by = self.org.reanchored_by();
        if by > self.record.reanchored_by {
            self.record.reanchored_by = by;
            (self.is_author, self.is_record_dirty) = (true, true);
        }
    }

    /// Sets the space back to a head that the root has named; on disk when this returns.
    pub(super) fn set_back_to(&mut self, head: Head) -> Result<(), SyncError> {
        self.record.reanchored_by = self.org.reanchored_by();
        (self.record.head, self.record.set_back_to) = (Some(head), Some(head));
        (self.record.outbox, self.record.owed, self.record.behind_since) = (None, None, None);
        (self.is_author, self.is_record_dirty) = (true, true);
        self.write_record()
    }

    /// Notes that the log was read anew, and what it says of this device's counter; on disk when this returns.
    pub(super) fn has_come_back(&mut self, counter: u64) -> Result<(), SyncError> {
        (self.record.counter, self.record.set_back_to) = (counter, None);
        (self.is_author, self.is_record_dirty) = (true, true);
        self.write_record()
    }

    /// Notes, before this device starts from a checkpoint, what it had seen of the log behind.
    pub(super) fn owe(&mut self, seen: Head) -> Result<(), SyncError> {
        self.record.owed = Some(seen);
        self.is_record_dirty = true;
        self.write_record()
    }

    /// Notes that the log behind was replayed, and what had been seen of it found.
    pub(super) fn settle_debt(&mut self) -> Result<(), SyncError> {
        self.record.owed = None;
        self.is_record_dirty = true;
        self.write_record()
    }

    /// Keeps the proof of a false checkpoint, and tells it.
    pub(super) fn alarm(&mut self, vouched: &VouchedCheckpoint, commit: &[u8]) -> Result<(), SyncError> {
        let (seq, device) = (vouched.seq, vouched.checkpoint.device);
        self.tell(Falsehood { seq, device, of: FalsehoodOf::Checkpoint }, commit)
    }

    /// Keeps the commit that carries a false word; it is told at the end of the next run that syncs.
    pub(super) fn tell(&mut self, found: Falsehood, commit: &[u8]) -> Result<(), SyncError> {
        self.keep_commit(found.seq, commit)?;
        Ok(self.cache.add_falsehood(found)?)
    }

    /// Puts a signed commit in the outbox; it is on disk when this returns (`formats#14`).
    pub(super) fn stow(&mut self, commit: &Signed<Commit>) -> Result<(), SyncError> {
        self.is_author = true;
        self.record.outbox = Some(Outbox { counter: commit.payload().counter, commit: commit.bytes().to_vec() });
        self.is_record_dirty = true;
        self.write_record()
    }

    /// Takes a refused commit out of the outbox. On disk it may stay: it would be refused again.
    pub(super) fn drop_outbox(&mut self) {
        self.is_author = true;
        self.record.outbox = None;
        self.is_record_dirty = true;
    }

    /// Writes what the anchor may still lack.
    ///
    /// # Errors
    /// [`SyncError::State`].
    pub fn write_record(&mut self) -> Result<(), SyncError> {
        if !self.is_record_dirty {
            return Ok(());
        }
        let (id, record, is_author) = (self.id, self.record.clone(), self.is_author);
        self.record = self.device.anchor().update(|anchor| {
            let kept = anchor.spaces.entry(id).or_default();
            *kept = merged(std::mem::take(kept), record, is_author);
            kept.clone()
        })?;
        self.is_record_dirty = false;
        Ok(())
    }

    /// Reads again what a process that writes beside this one may have signed meanwhile.
    pub(super) fn reload_record(&mut self) -> Result<(), SyncError> {
        let id = self.id;
        let kept = self.device.anchor().update(|anchor| anchor.spaces.get(&id).cloned().unwrap_or_default())?;
        self.record = merged(kept, std::mem::take(&mut self.record), false);
        Ok(())
    }

    /// Remembers which folder is kept in step with this space.
    pub(super) fn remember_folder(&mut self, folder: std::path::PathBuf) -> Result<(), SyncError> {
        if self.record.folder.as_ref() != Some(&folder) {
            self.is_author = true;
            self.record.folder = Some(folder);
            self.is_record_dirty = true;
        }
        self.write_record()
    }

    /// Forgets that folder: one without a mark is no longer taken for one whose disk is not there.
    ///
    /// # Errors
    /// [`SyncError`].
    pub fn forget_folder(&mut self) -> Result<(), SyncError> {
        (self.is_author, self.is_record_dirty) = (true, true);
        self.record.folder = None;
        self.write_record()
    }

    /// What looks up chunks, one for each thread that does.
    pub(super) fn dedups(&self, threads: usize) -> Result<Vec<Dedup>, SyncError> {
        (0..threads)
            .map(|_| {
                let journal = Journal::open(&self.device.home().journal(), self.id, self.run, self.now())?;
                Ok(Dedup::new(self.cache.tag_reader()?, journal))
            })
            .collect()
    }
}

/// What is kept, and what this process knows. Heads and counters were read in the log, and only grow, unless the root has set them back;
/// what was signed and is not answered is the word of whoever writes.
fn merged(kept: SpaceAnchor, known: SpaceAnchor, is_author: bool) -> SpaceAnchor {
    // Whoever knows less of what the root has said speaks of a log that is no more.
    match kept.reanchored_by.cmp(&known.reanchored_by) {
        Ordering::Greater => return kept,
        Ordering::Less if known.set_back_to.is_some() => return known,
        Ordering::Equal if kept.set_back_to.is_some() => return if is_author { known } else { kept },
        Ordering::Less | Ordering::Equal => {}
    }
    let (head, counter) = (further(kept.head, known.head), kept.counter.max(known.counter));
    // The last look at a node is the one that counts.
    let (reanchored_by, behind_since, owed) = (known.reanchored_by, known.behind_since, known.owed);
    let SpaceAnchor { outbox, folder, .. } = if is_author { known } else { kept };
    // A commit that was found in the log is answered, whoever found it.
    let outbox = outbox.filter(|outbox| outbox.counter > counter);
    SpaceAnchor { head, reanchored_by, set_back_to: None, counter, outbox, behind_since, owed, folder }
}

fn further(one: Option<Head>, other: Option<Head>) -> Option<Head> {
    match (one, other) {
        (Some(one), Some(other)) => Some(if one.seq >= other.seq { one } else { other }),
        (one, other) => one.or(other),
    }
}

fn draw(device: &Session, bytes: &mut [u8]) -> Result<(), SyncError> {
    device.machine().draw(bytes).map_err(|_| SyncError::Bug("the operating system has no random source"))
}
