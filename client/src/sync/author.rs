//! Writing to the log: sign, stow, send, fold; again if others came first (`formats#13`, `formats#14`).

use std::thread;
use std::time::Duration;

use bytes::Bytes;
use vauban_crypto::ops::OpsPlace;
use vauban_protocol::chain::Head;
use vauban_protocol::id::{ChunkId, Digest};
use vauban_protocol::signed::Signed;
use vauban_protocol::space::{Commit, Control, Space};
use vauban_protocol::wire::{Refusal, Request, Response};

use super::follow::{Side, commits};
use super::{OpenSpace, SyncError};
use crate::content::{Nodes, NodesError};
use crate::limit::COMMIT_WAIT_MS;
use crate::link::LinkError;
use crate::log::{Op, encode_ops};

/// What a commit is to say.
#[derive(Debug, Clone, Default)]
pub(super) struct Draft {
    /// The changes; none for a commit that only adds chunks, or only carries control.
    pub(super) ops: Vec<Op>,
    /// The chunks that are new to the space, in ascending order.
    pub(super) adds: Vec<ChunkId>,
    /// What their receipts rest on.
    pub(super) stored_at: u64,
    /// A change in clear.
    pub(super) control: Option<Control>,
    /// A checkpoint, ready to be sealed in place of changes.
    pub(super) checkpoint: Option<Vec<u8>>,
}

/// What became of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sent {
    /// It is in the log, and folded.
    Committed,
    /// Others came first; what they did is folded, and the draft must be judged again.
    Overtaken,
    /// Its receipts are too old, or nodes do not find what they are for: they must be asked for new ones.
    TooOld,
    /// It keeps a chunk that was purged.
    NotKept,
}

impl<N: Nodes> OpenSpace<N> {
    /// Sends a commit that an earlier run may have sent, until it is answered; then the log is folded to its end.
    ///
    /// # Errors
    /// [`SyncError`].
    pub fn settle(&mut self) -> Result<(), SyncError> {
        self.renew_organisation();
        self.go_back()?;
        self.follow()?;
        self.come_back()?;
        // A run that was killed after its commit was folded has not noted it.
        self.note(&self.folded()?);
        // Folding has taken it out of the outbox if it stands in the log; and whoever may write no more would be refused for ever.
        if self.has_outstanding() && !self.may_write()? {
            self.drop_outbox();
        }
        if let Some(outbox) = self.record.outbox.clone() {
            let commit: Signed<Commit> =
                Signed::parse(outbox.commit.into()).map_err(|_| SyncError::Bug("the outbox does not decode"))?;
            // Whatever the answer: what it was made for is planned again, from what the log then says.
            match self.post(&commit) {
                Ok(Sent::Committed) => {}
                Ok(Sent::Overtaken | Sent::TooOld | Sent::NotKept) => self.drop_outbox(),
                Err(error) if error.is_final() => self.drop_outbox(),
                Err(error) => return Err(error),
            }
        }
        // What a killed run had sent, and is in the log, is agreed on.
        self.cache.keep_promise()?;
        self.write_record()
    }

    /// Whether a commit was signed that is not answered: it must be [settled](Self::settle) before the next one is drafted.
    pub(super) fn has_outstanding(&self) -> bool {
        self.record.outbox.is_some()
    }

    /// Signs and sends one commit.
    pub(super) fn send(&mut self, draft: &Draft) -> Result<Sent, SyncError> {
        let commit = self.sign(draft)?;
        self.send_signed(&commit)
    }

    /// Sends one commit that was signed on the head that is folded now.
    pub(super) fn send_signed(&mut self, commit: &Signed<Commit>) -> Result<Sent, SyncError> {
        self.stow(commit)?;
        let sent = self.post(commit);
        // The group itself has refused it, and would again: what comes next may take its counter.
        let is_out = match &sent {
            Ok(sent) => *sent != Sent::Committed,
            Err(error) => error.is_final(),
        };
        if is_out {
            self.drop_outbox();
        }
        sent
    }

    /// Signs a commit. Never while another is outstanding, whose counter it would use, too (`formats#14`).
    pub(super) fn sign(&self, draft: &Draft) -> Result<Signed<Commit>, SyncError> {
        self.sign_on(&self.folded()?, draft)
    }

    /// The same, on a space that was read further than it was folded.
    pub(super) fn sign_on(&self, space: &Space, draft: &Draft) -> Result<Signed<Commit>, SyncError> {
        if self.has_outstanding() {
            return Err(SyncError::Bug("a commit was drafted while another is outstanding"));
        }
        let device = self.identity().device();
        let counter = self.record.counter.saturating_add(1);
        let begins = draft.control.as_ref().is_some_and(|control| control.epoch().is_some());
        let epoch = if begins { space.epoch().saturating_add(1) } else { space.epoch() };
        // Whoever judges a release asks when it was made.
        let is_dated = matches!(draft.control, Some(Control::Release(_) | Control::Keep(_) | Control::Retention(_)));
        let plain = match &draft.checkpoint {
            Some(checkpoint) => checkpoint.clone(),
            None if draft.ops.is_empty() && !is_dated => Vec::new(),
            None => encode_ops(self.now(), &draft.ops),
        };
        let sealed_ops = if plain.is_empty() {
            plain
        } else {
            let place = OpsPlace { space: self.id, epoch, device, counter };
            self.current()?.keys.log.seal_ops(place, &plain)
        };
        Ok(self.identity().signing().seal(Commit {
            space: self.id,
            prev: space.head(),
            org: self.org.head(),
            epoch,
            device,
            counter,
            stored_at: draft.stored_at,
            adds: draft.adds.clone(),
            control: draft.control.clone(),
            sealed_ops,
        })?)
    }

    fn post(&mut self, commit: &Signed<Commit>) -> Result<Sent, SyncError> {
        let request = Request::Commit { space: self.id };
        match self.ask(request, vec![commit.bytes().clone()]) {
            Ok((Response::Committed { head }, _)) => self.take_answer(commit, head),
            Ok(_) => Err(NodesError::Senseless("not an answer to a commit").into()),
            Err(NodesError::Link(LinkError::Refused { refusal, body })) => self.take_refusal(commit, refusal, body),
            Err(error) => Err(error.into()),
        }
    }

    fn take_answer(&mut self, commit: &Signed<Commit>, head: Head) -> Result<Sent, SyncError> {
        if head != head_of(commit) {
            return Err(SyncError::OtherHead);
        }
        if self.folded()?.head() == commit.payload().prev {
            self.fold_items(Side::Head, vec![commit.bytes().clone()])?;
        }
        if self.has_outstanding() {
            // The commit of an earlier run, which stands somewhere in what follows; or a process beside this one was first to fold.
            self.follow()?;
        }
        if self.has_outstanding() {
            return Err(SyncError::Behind { ours: head.seq, theirs: self.folded()?.head().seq });
        }
        Ok(Sent::Committed)
    }

    fn take_refusal(&mut self, commit: &Signed<Commit>, refusal: Refusal, body: Bytes) -> Result<Sent, SyncError> {
        match refusal {
            Refusal::NotHead { .. } => {
                let missing = commits(body)?;
                let follows = self.folded()?.head() == commit.payload().prev;
                if follows && !missing.is_empty() {
                    self.fold_items(Side::Head, missing)?;
                }
                self.follow()?;
                Ok(self.overtaken(commit))
            }
            Refusal::ReceiptsTooOld { .. } | Refusal::NoCopy => Ok(Sent::TooOld),
            Refusal::NotKept => Ok(Sent::NotKept),
            Refusal::OrganisationHead { head } => {
                if head.seq > self.org.head().seq {
                    self.refresh_organisation()?;
                } else {
                    // The node has not applied what this device has read elsewhere: it will.
                    thread::sleep(Duration::from_millis(COMMIT_WAIT_MS));
                }
                Ok(Sent::Overtaken)
            }
            Refusal::CounterUsed => {
                // Either this very commit stands in the log, or another one of this device that it never wrote: folding
                // tells the two apart, and stops at the latter.
                self.follow()?;
                match self.overtaken(commit) {
                    Sent::Committed => Ok(Sent::Committed),
                    _ => Err(refused(refusal)),
                }
            }
            other => Err(refused(other)),
        }
    }

    /// Whether `commit` turned out to stand in the log after all.
    fn overtaken(&self, commit: &Signed<Commit>) -> Sent {
        let digest = Digest::of(commit.bytes());
        let is_in = self.record.outbox.as_ref().is_none_or(|outbox| Digest::of(&outbox.commit) != digest);
        if is_in { Sent::Committed } else { Sent::Overtaken }
    }
}

/// The head of a log whose last commit this is.
pub(super) fn head_of(commit: &Signed<Commit>) -> Head {
    commit.payload().prev.after(commit.digest())
}

pub(super) fn refused(refusal: Refusal) -> SyncError {
    NodesError::Link(LinkError::Refused { refusal, body: Bytes::new() }).into()
}
