//! The space's keys as the log gives them to this user: learned commit by commit, and looked for ahead where they come later.
//!
//! Whoever was admitted reads what was written before: the keys of that are sealed under those of the epoch that the admission gave, which
//! stands further on in the log. What was looked up ahead is judged again when the log comes there.

use bytes::Bytes;
use vauban_protocol::signed::Signed;
use vauban_protocol::space::{Commit, Outline, Space};
use vauban_protocol::wire::{Request, Response};

use super::follow::{Side, commits};
use super::{OpenSpace, SyncError};
use crate::content::{Nodes, NodesError, fetch_chunk};
use crate::keys::UserKeys;
use crate::log::{Epochs, KeysSaid, LogError, VerifiedCommit, verify_outline};
use crate::state::cache::LearnedKeys;

impl<N: Nodes> OpenSpace<N> {
    /// Opens what the cache knows of the space's epochs, once.
    pub(super) fn load_epochs(&mut self) -> Result<(), SyncError> {
        if self.epochs.is_some() {
            return Ok(());
        }
        let space = self.folded()?;
        let mut epochs = Epochs::new(self.id, space.cutting());
        for learned in self.cache.keys()? {
            self.take_keys(&mut epochs, &learned)?;
        }
        self.epochs = Some(epochs);
        Ok(())
    }

    pub(super) fn epochs_mut(&mut self) -> Result<&mut Epochs, SyncError> {
        self.epochs.as_mut().ok_or(SyncError::Bug("epochs are opened before ops"))
    }

    /// Takes up what a commit says of the keys, `before` being the space before it; on disk when this returns.
    pub(super) fn learn_keys(&mut self, side: Side, commit: &VerifiedCommit, before: &Space) -> Result<(), SyncError> {
        match self.fetch_keys(commit, before)? {
            Some(learned) => self.keep_keys(side, &learned),
            None => Ok(()),
        }
    }

    fn keep_keys(&mut self, side: Side, learned: &LearnedKeys) -> Result<(), SyncError> {
        let mut folding = self.side(side)?.begin()?;
        folding.set_keys(learned)?;
        folding.commit()?;
        let mut epochs = self.epochs.take().ok_or(SyncError::Bug("epochs are opened before ops"))?;
        let taken = self.take_keys(&mut epochs, learned);
        self.epochs = Some(epochs);
        taken
    }

    /// What a commit says of the keys, with the bundle if it holds them for this user.
    pub(super) fn fetch_keys(&self, commit: &VerifiedCommit, before: &Space) -> Result<Option<LearnedKeys>, SyncError> {
        let Some(said) = Epochs::judge(commit, before, &self.org, self.identity().user())? else { return Ok(None) };
        let (chunk, is_mine) = match &said {
            KeysSaid::Epoch(certificate, is_mine) => (certificate.bundle, *is_mine),
            KeysSaid::Admission(admission, is_mine) => (admission.bundle, *is_mine),
        };
        let fetch = || self.runtime.block_on(fetch_chunk(&self.nodes, self.id, chunk));
        let bundle = is_mine.then(fetch).transpose()?;
        Ok(Some(LearnedKeys { said, bundle: bundle.map(|bundle| bundle.to_vec()) }))
    }

    pub(super) fn take_keys(&self, epochs: &mut Epochs, learned: &LearnedKeys) -> Result<(), SyncError> {
        let user = self.identity().user();
        let keys = UserKeys::of(self.identity(), &self.org);
        Ok(keys.open(|kem| epochs.take(&learned.said, learned.bundle.as_deref(), user, kem))?)
    }

    /// Has the keys of a commit's epoch at hand, if it says anything under them; they may have come to this user later only.
    pub(super) fn ensure_keys(&mut self, side: Side, commit: &Commit, before: &Space) -> Result<(), SyncError> {
        if commit.sealed_ops.is_empty() || self.epochs_mut()?.is_open(commit.epoch) {
            return Ok(());
        }
        self.look_ahead(&mut Outline::of(before.clone()), |space, learned| space.keep_keys(side, &learned))?;
        // Whoever was a member all along has found them in the bundle: for a stranger to the epoch there is no other way.
        Ok(self.epochs_mut()?.secrets(commit.epoch).map(drop)?)
    }

    /// Takes up what the commits that follow an outline say of the keys, up to where the node has come.
    pub(super) fn look_ahead(
        &mut self,
        outline: &mut Outline,
        mut take: impl FnMut(&mut Self, LearnedKeys) -> Result<(), SyncError>,
    ) -> Result<(), SyncError> {
        let mut from = outline.space().head().seq.saturating_add(1);
        loop {
            let turns = self.turns(from)?;
            if turns.is_empty() {
                return Ok(());
            }
            for turn in turns {
                let before = outline.space().clone();
                let turn = self.verify_turn(outline, &turn)?;
                from = turn.payload().prev.seq.saturating_add(2);
                if let Some(learned) = self.fetch_keys(&turn, &before)? {
                    take(self, learned)?;
                }
            }
        }
    }

    /// Some of the commits from a position on that change the space in clear; none if there is none.
    fn turns(&self, from: u64) -> Result<Vec<Bytes>, SyncError> {
        let (response, body) = self.ask(Request::Turns { space: self.id, from }, Vec::new())?;
        let Response::Outline { .. } = response else {
            return Err(NodesError::Senseless("not an outline").into());
        };
        let turns = commits(body)?;
        // A node that shows what was asked for before would never come to an end.
        let is_further = |turn: &Bytes| {
            Signed::<Commit>::parse(turn.clone()).is_ok_and(|turn| turn.payload().prev.seq.saturating_add(1) >= from)
        };
        if turns.iter().all(is_further) {
            Ok(turns)
        } else {
            Err(NodesError::Senseless("another part of the log").into())
        }
    }

    /// Verifies the next commit of an outline, and passes it.
    pub(super) fn verify_turn(&mut self, outline: &mut Outline, turn: &Bytes) -> Result<VerifiedCommit, SyncError> {
        let mut judged = verify_outline(outline, turn.clone(), &self.org);
        if let Err(LogError::OrganisationBehind(_)) = judged {
            self.refresh_organisation()?;
            judged = verify_outline(outline, turn.clone(), &self.org);
        }
        Ok(judged?)
    }
}
