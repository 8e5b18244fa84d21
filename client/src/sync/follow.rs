//! Reading on: fetch what the log has after the folded head, verify it, fold it.
//!
//! One answer of a node is one transaction of the cache: tree and head never part. Before anything is folded it has passed
//! [`verify_next`]; what fails there stops the run, and proof of a fork is kept beside the anchor.

use bytes::Bytes;
use vauban_protocol::canonical::encode;
use vauban_protocol::chain::Head;
use vauban_protocol::id::Digest;
use vauban_protocol::limit::{CERTIFICATE_BYTES_MAX, CERTIFICATES_BYTES_MAX, COMMIT_BYTES_MAX, COMMITS_BYTES_MAX};
use vauban_protocol::space::Space;
use vauban_protocol::wire::{Request, Response, push_item, split_items};

use super::{OpenSpace, SyncError};
use crate::content::{Nodes, NodesError};
use crate::log::{LogError, Said, VerifiedCommit, VouchedCheckpoint, found, verify_next};
use crate::organisation::is_stale;
use crate::state::cache::{Cache, Mark};
use crate::state::replace;

/// Bytes of the shortest signed object: bounds how many a list of a given length can hold.
pub(super) const SIGNED_BYTES_MIN: usize = 64;

/// Which of the two caches a log is folded into.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    /// The cache itself.
    Head,
    /// The one in which the log behind a checkpoint is replayed.
    Behind,
}

/// A commit that was verified and opened.
struct OpenedCommit {
    commit: VerifiedCommit,
    said: Said,
    checkpoint: Option<VouchedCheckpoint>,
}

impl<N: Nodes> OpenSpace<N> {
    /// Reads the log to its end, as far as the node has it.
    ///
    /// # Errors
    /// [`SyncError`]; [`SyncError::Behind`] if the node has less than this device has seen, which is no alarm until it has
    /// lasted too long (`formats#18`).
    pub fn follow(&mut self) -> Result<(), SyncError> {
        // From before it is asked: what it does not show was not there then.
        let asked = self.now();
        // A link that was lost and made anew has brought what the root says before it shows a log.
        self.renew_organisation();
        let mut followed = self.follow_to_end();
        if matches!(followed, Err(SyncError::Behind { .. })) {
            // The root may have set the space back, and only nodes know of it so far.
            self.refresh_organisation()?;
            if self.is_to_go_back()? {
                followed = Err(SyncError::SetBack);
            }
        }
        let lag = match followed {
            Ok(()) => {
                self.cache.set_mark(Mark::Looked, asked)?;
                None
            }
            Err(SyncError::Behind { ours, theirs }) => Some((ours, theirs)),
            // Nothing can be said of a node that does not answer.
            Err(_) => return followed,
        };
        match (self.note_lag(lag.is_some())?, lag) {
            (Some(since), Some((seen, shown))) if is_stale(since, self.now()) => {
                Err(LogError::Rollback { seen, shown }.into())
            }
            _ => followed,
        }
    }

    fn follow_to_end(&mut self) -> Result<(), SyncError> {
        if self.is_to_go_back()? {
            return Err(SyncError::SetBack);
        }
        loop {
            let mut folded = self.cache.space()?;
            // Whoever was set back needs what the log said then, and not only what it says now.
            if folded.is_none() && self.record.set_back_to.is_none() && self.start()? {
                folded = self.cache.space()?;
            }
            let from = folded.as_ref().map_or(0, |space| space.head().seq.saturating_add(1));
            let (head, items) = self.log_after(from)?;
            if let Some(space) = &folded {
                judge_head(space, head).map_err(|error| self.with_proof(error))?;
            }
            if items.is_empty() {
                if folded.is_none() {
                    return Err(NodesError::Senseless("a log without a genesis").into());
                }
                break;
            }
            self.fold_items(Side::Head, items)?;
            if self.folded()?.head().seq >= head.seq {
                break;
            }
        }
        self.load_epochs()?;
        let space = self.folded()?;
        // Also what was folded before: by a process beside this one, or by one that was killed before the anchor knew.
        self.note(&space);
        let head = space.head();
        match self.record.head {
            Some(seen) if seen.seq > head.seq => Err(SyncError::Behind { ours: seen.seq, theirs: head.seq }),
            Some(seen) if seen.seq == head.seq && seen.digest != head.digest => {
                let fork = LogError::Fork { seq: head.seq, ours: seen.digest, theirs: head.digest };
                Err(self.with_proof(fork.into()))
            }
            _ => Ok(()),
        }
    }

    /// The space as far as it was folded; only its genesis, if nothing was read of it yet.
    ///
    /// # Errors
    /// [`SyncError`].
    pub fn founded(&mut self) -> Result<Space, SyncError> {
        if let Some(space) = self.cache.space()? {
            return Ok(space);
        }
        let (_, items) = self.log_after(0)?;
        let genesis = items.first().ok_or(NodesError::Senseless("a log without a genesis"))?;
        self.found(genesis)
    }

    pub(super) fn log_after(&self, from: u64) -> Result<(Head, Vec<Bytes>), SyncError> {
        let (response, body) = self.ask(Request::Log { space: self.id, from }, Vec::new())?;
        let Response::Log { head } = response else {
            return Err(NodesError::Senseless("not a log").into());
        };
        Ok((head, commits(body)?))
    }

    /// The cache of one side. That of the log behind is opened when it is first asked for.
    pub(super) fn side(&mut self, side: Side) -> Result<&mut Cache, SyncError> {
        if side == Side::Head {
            return Ok(&mut self.cache);
        }
        if self.behind.is_none() {
            self.behind = Some(self.cache.open_behind(self.id)?);
        }
        self.behind.as_mut().ok_or(SyncError::Bug("the cache of the log behind was just opened"))
    }

    /// Folds signed objects that follow the folded head, in one transaction.
    pub(super) fn fold_items(&mut self, side: Side, items: Vec<Bytes>) -> Result<(), SyncError> {
        let mut items = items.into_iter();
        let mut space = match self.side(side)?.space()? {
            Some(space) => space,
            None => {
                let genesis = items.next().ok_or(NodesError::Senseless("a log without a genesis"))?;
                let space = self.found(&genesis)?;
                let mut folding = self.side(side)?.begin()?;
                folding.set_space(&space)?;
                folding.commit()?;
                space
            }
        };
        self.load_epochs()?;
        let before = space.head();
        // Verified and opened before the transaction, which then waits for nothing.
        let mut opened = Vec::new();
        for item in items {
            let one = self.open_commit(side, &space, item)?;
            space.append(one.commit.signed());
            opened.push(one);
        }
        let (written, now) = (self.written, self.now());
        let mut folding = self.side(side)?.begin()?;
        if folding.head()? != Some(before) {
            // A process beside this one has folded meanwhile: its tree is the same, and this one goes on from there.
            drop(folding);
            self.epochs = None;
            return Ok(());
        }
        folding.observe(now);
        let (mut voids, mut falsehoods) = (Vec::new(), Vec::new());
        for OpenedCommit { commit, said, checkpoint } in &opened {
            voids.extend(folding.fold(commit, said)?);
            if let Some(vouched) = checkpoint
                && !folding.pass_checkpoint(vouched, written)?
            {
                falsehoods.push((vouched, commit.signed().bytes()));
            }
        }
        folding.set_space(&space)?;
        folding.commit()?;
        for (vouched, commit) in falsehoods {
            self.alarm(vouched, commit)?;
        }
        if side == Side::Head {
            self.voids.extend(voids);
            self.note(&space);
        }
        Ok(())
    }

    fn open_commit(&mut self, side: Side, space: &Space, item: Bytes) -> Result<OpenedCommit, SyncError> {
        let commit = self.verify(side, space, item)?;
        self.learn_keys(side, &commit, space)?;
        let payload = commit.payload();
        self.ensure_keys(side, payload, space)?;
        let mut said = self.epochs_mut()?.open_ops(payload)?;
        let mut checkpoint = None;
        if let Said::Checkpoint(signed) = &said {
            match VouchedCheckpoint::judge(payload, signed.clone(), &self.org) {
                Ok(vouched) => checkpoint = Some(vouched),
                Err(error) => {
                    tracing::warn!(device = %payload.device, counter = payload.counter, %error, "a checkpoint is void");
                    said = Said::Junk;
                }
            }
        }
        if side == Side::Head && payload.device != self.identity().device() {
            self.foreign = self.foreign.saturating_add(1);
        }
        Ok(OpenedCommit { commit, said, checkpoint })
    }

    pub(super) fn found(&mut self, genesis: &Bytes) -> Result<Space, SyncError> {
        match found(genesis.clone(), self.id, &self.org) {
            Err(LogError::OrganisationBehind(_)) => {
                self.refresh_organisation()?;
                Ok(found(genesis.clone(), self.id, &self.org)?)
            }
            other => Ok(other?),
        }
    }

    /// Verifies the commit that follows `space`'s head. What proves a fork is kept.
    pub(super) fn verify(&mut self, side: Side, space: &Space, commit: Bytes) -> Result<VerifiedCommit, SyncError> {
        let mut judged = verify_next(space, commit.clone(), &self.org, &self.seen(side));
        if let Err(LogError::OrganisationBehind(_)) = judged {
            self.refresh_organisation()?;
            judged = verify_next(space, commit.clone(), &self.org, &self.seen(side));
        }
        if let Err(LogError::Cloned { .. }) = judged {
            // A process beside this one may have written it: it is in the anchor since before it was sent.
            self.reload_record()?;
            judged = verify_next(space, commit.clone(), &self.org, &self.seen(side));
        }
        if let Err(error) = &judged {
            self.keep_fork(error, space.head(), &[commit])?;
        }
        Ok(judged?)
    }

    /// Keeps what proves a fork that heads have shown, with the signed objects by which the node comes to its own, as far as it
    /// still tells them.
    fn with_proof(&self, error: SyncError) -> SyncError {
        let SyncError::Log(fork @ LogError::Fork { seq, ours, .. }) = &error else { return error };
        let shown = self.log_after(*seq).map(|(_, items)| items).unwrap_or_default();
        if let Err(unkept) = self.keep_fork(fork, Head { seq: *seq, digest: *ours }, &shown) {
            tracing::error!(%unkept, "the proof of the fork could not be kept");
        }
        error
    }

    /// Keeps what proves an alarm (`formats#18`), if it is one: where this device stands, what it was shown, and the signed
    /// objects that were. See SPEC.md.
    pub(super) fn keep_fork(&self, error: &LogError, folded: Head, objects: &[Bytes]) -> Result<(), SyncError> {
        let (seq, ours, shown) = match *error {
            LogError::Fork { seq, ours, theirs } => (seq, Head { seq, digest: ours }, Head { seq, digest: theirs }),
            LogError::Invalid { seq, .. } => {
                let shown = objects.first().map_or(folded, |object| folded.after(Digest::of(object)));
                (seq, folded, shown)
            }
            _ => return Ok(()),
        };
        let mut proof = Vec::new();
        push_item(&mut proof, &encode(&ours));
        push_item(&mut proof, &encode(&shown));
        objects.iter().for_each(|object| push_item(&mut proof, object));
        Ok(replace(&self.device.home().proof(&format!("{}-{seq}", self.id.to_hex())), &proof)?)
    }

    /// Takes up what this device has learned of the organisation, on any link.
    pub(super) fn renew_organisation(&mut self) {
        self.org = self.device.organisation();
    }

    /// Reads the organisation's chain to its end, and keeps it.
    ///
    /// # Errors
    /// [`SyncError`].
    pub fn refresh_organisation(&mut self) -> Result<(), SyncError> {
        loop {
            let from = self.device.organisation().head().seq.saturating_add(1);
            let (response, body) = self.ask(Request::Organisation { from }, Vec::new())?;
            let Response::Organisation { head } = response else {
                return Err(NodesError::Senseless("not the organisation's chain").into());
            };
            let items = certificates(body)?;
            if !items.is_empty() {
                self.device.append(&items)?;
            }
            self.org = self.device.organisation();
            if items.is_empty() || self.org.head().seq >= head.seq {
                return Ok(());
            }
        }
    }
}

/// A node that shows another hash at the folded head, or less than it.
fn judge_head(space: &Space, shown: Head) -> Result<(), SyncError> {
    let ours = space.head();
    if shown.seq < ours.seq {
        return Err(SyncError::Behind { ours: ours.seq, theirs: shown.seq });
    }
    if shown.seq == ours.seq && shown.digest != ours.digest {
        return Err(LogError::Fork { seq: ours.seq, ours: ours.digest, theirs: shown.digest }.into());
    }
    Ok(())
}

/// The certificates in the body of an answer.
pub(super) fn certificates(body: Bytes) -> Result<Vec<Bytes>, NodesError> {
    split_items(body, CERTIFICATES_BYTES_MAX / SIGNED_BYTES_MIN, CERTIFICATE_BYTES_MAX)
        .map_err(|_| NodesError::Senseless("not a list of certificates"))
}

/// The commits in the body of an answer.
pub(super) fn commits(body: Bytes) -> Result<Vec<Bytes>, NodesError> {
    split_items(body, COMMITS_BYTES_MAX / SIGNED_BYTES_MIN, COMMIT_BYTES_MAX)
        .map_err(|_| NodesError::Senseless("not a list of commits"))
}
