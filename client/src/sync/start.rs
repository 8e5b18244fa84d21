//! Starting from a checkpoint: a device without a cache has a space's tree in seconds, however long its log is (`formats#19`).
//!
//! ```text
//! outline ─► who may write, epochs ─► the checkpoint's commit: signatures, place ─► roster ─► the space in clear, at S
//!         ─► the log after S begins at S ─► pages, in one transaction ─► follow, from S
//! ```
//! What is believed until the log behind was replayed ([`super::replay`]): the tree, on the word of a device that the outline
//! lets write. Everything else is verified at once: nobody becomes a member or gets a key by a checkpoint. What does not fit is
//! no checkpoint, and the one before it is tried, or the whole log folded; what its author alone can have got wrong is an alarm.

use bytes::Bytes;
use vauban_protocol::chain::Head;
use vauban_protocol::id::Digest;
use vauban_protocol::signed::Signed;
use vauban_protocol::space::{Commit, Control, Outline, Space};
use vauban_protocol::wire::{Request, Response};

use super::follow::commits;
use super::{OpenSpace, SyncError};
use crate::content::{ChunkFault, ChunkStream, FetchError, Nodes, NodesError, fetch_chunk};
use crate::limit::{CHECKPOINT_TRIES_MAX, OUTLINE_BYTES_MAX};
use crate::link::LinkError;
use crate::log::{ChunkRef, Epochs, Roster, Said, VouchedCheckpoint, decode_rows};
use crate::state::cache::{LearnedKeys, LoadError, Start};

/// A space's outline, as a node shows it.
struct Shown {
    genesis: Bytes,
    /// The commits that change the space in clear, with their positions.
    turns: Vec<(u64, Bytes)>,
    /// The checkpoint's commit.
    checkpoint: Bytes,
    seq: u64,
}

/// What was verified of a checkpoint before its pages are read.
struct Verified {
    vouched: VouchedCheckpoint,
    start: Start,
    keys: Vec<LearnedKeys>,
}

/// Why nothing was started from a checkpoint.
enum Unstarted {
    /// It is not to be used; its author may not be at fault.
    Unfit(String),
    /// It is signed, and false.
    False(String, Box<VouchedCheckpoint>),
    /// Something that has nothing to do with it.
    Stopped(Box<SyncError>),
}

impl From<SyncError> for Unstarted {
    fn from(error: SyncError) -> Self {
        match error {
            SyncError::Fetch(FetchError::Nodes(error)) => Self::Stopped(Box::new(error.into())),
            SyncError::Log(_) | SyncError::Epoch(_) | SyncError::Fetch(_) => Self::Unfit(error.to_string()),
            other => Self::Stopped(Box::new(other)),
        }
    }
}

fn unfit(reason: impl ToString) -> Unstarted {
    Unstarted::Unfit(reason.to_string())
}

impl<N: Nodes> OpenSpace<N> {
    /// Loads the last checkpoint that can be used; answers whether there is one.
    pub(super) fn start(&mut self) -> Result<bool, SyncError> {
        let mut before = u64::MAX;
        for _ in 0..CHECKPOINT_TRIES_MAX {
            let Some(shown) = self.outline(before)? else { return Ok(false) };
            before = shown.seq;
            match self.start_from(&shown) {
                Ok(()) => return Ok(true),
                Err(Unstarted::Unfit(reason)) => {
                    tracing::warn!(seq = shown.seq, reason, "a checkpoint cannot be used");
                }
                Err(Unstarted::False(reason, vouched)) => {
                    tracing::warn!(seq = shown.seq, reason, "a checkpoint is false");
                    self.alarm(&vouched, &shown.checkpoint)?;
                }
                Err(Unstarted::Stopped(error)) => return Err(*error),
            }
        }
        Ok(false)
    }

    /// The outline up to the last checkpoint before a position; `None` if there is none.
    fn outline(&self, before: u64) -> Result<Option<Shown>, SyncError> {
        let (mut genesis, mut turns, mut bytes, mut from) = (None, Vec::new(), 0usize, 0);
        while bytes <= OUTLINE_BYTES_MAX {
            let (response, body) = match self.ask(Request::Outline { space: self.id, before, from }, Vec::new()) {
                // Whoever refuses this may still show the log, or refuse that as well.
                Err(NodesError::Link(LinkError::Refused { .. })) => return Ok(None),
                other => other?,
            };
            let Response::Outline { .. } = response else {
                return Err(NodesError::Senseless("not an outline").into());
            };
            bytes = bytes.saturating_add(body.len());
            let was = (genesis.is_some(), from);
            let mut items = commits(body)?.into_iter();
            if genesis.is_none() {
                genesis = items.next();
                from = 1;
            }
            let Some(genesis) = &genesis else { return Ok(None) };
            for item in items {
                let Ok(commit) = Signed::<Commit>::parse(item.clone()) else { return Ok(None) };
                let seq = commit.payload().prev.seq.saturating_add(1);
                if commit.payload().control == Some(Control::Checkpoint) {
                    return Ok(Some(Shown { genesis: genesis.clone(), turns, checkpoint: item, seq }));
                }
                from = from.max(seq.saturating_add(1));
                turns.push((seq, item));
            }
            if was == (true, from) {
                return Ok(None);
            }
        }
        Ok(None)
    }

    fn start_from(&mut self, shown: &Shown) -> Result<(), Unstarted> {
        let verified = self.verify_start(shown)?;
        let at = verified.start.space.head();
        // What this device has seen of the log before must still turn out to be in it.
        if let Some(seen) = self.record.head.filter(|seen| seen.seq < at.seq) {
            self.owe(seen)?;
        }
        self.load(verified)
    }

    /// Everything but the tree.
    fn verify_start(&mut self, shown: &Shown) -> Result<Verified, Unstarted> {
        let founded = self.found(&shown.genesis)?;
        let mut outline = Outline::of(founded.clone());
        let mut epochs = Epochs::new(self.id, founded.cutting());
        let mut keys = Vec::new();
        for (_, turn) in &shown.turns {
            let before = outline.space().clone();
            let commit = self.verify_turn(&mut outline, turn)?;
            if let Some(mut learned) = self.fetch_keys(&commit, &before)? {
                self.take_keys(&mut epochs, &mut learned);
                keys.push(learned);
            }
        }
        let commit = self.verify_turn(&mut outline, &shown.checkpoint)?;
        if !epochs.is_open(commit.payload().epoch) {
            // This user came after the checkpoint was written.
            self.look_ahead(&mut outline, |space, mut learned| {
                space.take_keys(&mut epochs, &mut learned);
                keys.push(learned);
                Ok(())
            })?;
        }
        // A stolen device could date its commit back to when it was trusted, before commits that an outline does not show.
        if self.org.live_device(commit.payload().device).is_none() {
            return Err(unfit("its author was revoked since"));
        }
        let Said::Checkpoint(signed) = epochs.open_ops(commit.payload()).map_err(unfit)? else {
            return Err(unfit("its commit holds something else"));
        };
        let vouched = VouchedCheckpoint::judge(commit.payload(), signed, &self.org).map_err(unfit)?;
        let space = self.space_at(founded, shown, &vouched)?;
        let checkpoint = &vouched.checkpoint;
        let start = Start {
            space,
            tree: checkpoint.tree,
            seq: vouched.seq,
            device: checkpoint.device,
            made_at: checkpoint.made_at,
            commit: shown.checkpoint.to_vec(),
        };
        Ok(Verified { vouched, start, keys })
    }

    /// The space in clear at a checkpoint's position, as its outline, its roster and its author agree that it is.
    fn space_at(&mut self, founded: Space, shown: &Shown, vouched: &VouchedCheckpoint) -> Result<Space, Unstarted> {
        let at = vouched.checkpoint.at;
        let mut outline = Outline::of(founded);
        for (_, turn) in shown.turns.iter().filter(|(seq, _)| *seq <= at.seq) {
            self.verify_turn(&mut outline, turn)?;
        }
        let is_false = |reason: &str| Unstarted::False(reason.to_owned(), Box::new(vouched.clone()));
        let content = self.fetch_whole(&vouched.checkpoint.roster)?;
        let roster = Roster::parse(&content).map_err(|_| is_false("its roster does not decode"))?;
        if roster.org.seq > self.org.head().seq {
            self.refresh_organisation()?;
        }
        // A node that left something out of the outline is as likely the cause of a contradiction as the author.
        let space = outline.at(at, roster.org, roster.devices, &self.org).map_err(unfit)?;
        if space.digest() != vouched.checkpoint.clear {
            return Err(unfit("the space in clear is not the one that its author signed"));
        }
        self.judge_own(&space)?;
        self.judge_next(at)?;
        Ok(space)
    }

    /// No checkpoint may count commits of this device's own that it does not know of: that is for the log to show.
    fn judge_own(&self, space: &Space) -> Result<(), Unstarted> {
        let Some(last) = space.last_commit(self.identity().device()) else { return Ok(()) };
        let outstanding = self.record.outbox.as_ref().map(|outbox| Digest::of(&outbox.commit));
        let is_known = last.counter <= self.record.counter || Some(last.digest) == outstanding;
        if is_known { Ok(()) } else { Err(unfit("it counts commits of this device that this device never wrote")) }
    }

    /// The log that the node shows goes on from the checkpoint's position.
    fn judge_next(&self, at: Head) -> Result<(), Unstarted> {
        let (_, items) = self.log_after(at.seq.saturating_add(1))?;
        let next = items.first().and_then(|item| Signed::<Commit>::parse(item.clone()).ok());
        match next {
            Some(next) if next.payload().prev == at => Ok(()),
            _ => Err(unfit("the log does not go on from its position")),
        }
    }

    fn fetch_whole(&self, chunk: &ChunkRef) -> Result<Vec<u8>, Unstarted> {
        let object = self.runtime.block_on(fetch_chunk(&self.nodes, self.id, chunk.id)).map_err(SyncError::from)?;
        chunk.secret.open(chunk.id, &object).map_err(|_| unfit(ChunkFault::Forged(chunk.id)))
    }

    /// Reads the pages into the cache.
    fn load(&mut self, verified: Verified) -> Result<(), Unstarted> {
        let Verified { vouched, start, keys } = verified;
        let is_false = |reason: String| Unstarted::False(reason, Box::new(vouched.clone()));
        let judged = |error| match error {
            LoadError::Cache(error) => Unstarted::Stopped(Box::new(error.into())),
            LoadError::False(reason) => is_false(reason.to_owned()),
            LoadError::TooLarge => unfit("it has more folders than fit into memory"),
        };
        let pages = vouched.checkpoint.pages.clone();
        let mut stream = ChunkStream::start(self.nodes.clone(), &self.runtime, self.id, pages.into_iter());
        let mut loading = self.cache.begin_loading(start).map_err(SyncError::from)?;
        if !loading.is_first().map_err(SyncError::from)? {
            // A process beside this one has begun: this one goes on from there.
            return Ok(());
        }
        while let Some(page) = stream.next_chunk().map_err(SyncError::from)? {
            let page = page.map_err(|fault| SyncError::from(FetchError::from(fault)))?;
            let (rows, bytes) = decode_rows(page.as_ref()).map_err(|error| is_false(error.to_string()))?;
            loading.take(&rows, bytes).map_err(judged)?;
        }
        loading.finish(&vouched, &keys).map_err(judged)?;
        Ok(self.cache.end_bulk().map_err(SyncError::from)?)
    }
}
