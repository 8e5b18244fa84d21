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
use crate::log::{Epochs, Falsehood, FalsehoodOf, KeysSaid, LogError, VerifiedCommit, verify_outline};
use crate::state::cache::LearnedKeys;

impl<N: Nodes> OpenSpace<N> {
    /// Opens what the cache knows of the space's epochs, once.
    pub(super) fn load_epochs(&mut self) -> Result<(), SyncError> {
        if self.epochs.is_some() {
            return Ok(());
        }
        let space = self.folded()?;
        let mut epochs = Epochs::new(self.id, space.cutting());
        for mut learned in self.cache.keys()? {
            // What is false of it was told when it was learned.
            self.take_keys(&mut epochs, &mut learned);
        }
        self.epochs = Some(epochs);
        Ok(())
    }

    pub(super) fn open_epochs(&self) -> Result<&Epochs, SyncError> {
        self.epochs.as_ref().ok_or(SyncError::Bug("epochs are opened before they are used"))
    }

    pub(super) fn epochs_mut(&mut self) -> Result<&mut Epochs, SyncError> {
        self.epochs.as_mut().ok_or(SyncError::Bug("epochs are opened before ops"))
    }

    /// Takes up what a commit says of the keys, `before` being the space before it; on disk when this returns. What is false of it is told,
    /// and stops nobody who has the keys from elsewhere.
    pub(super) fn learn_keys(&mut self, side: Side, commit: &VerifiedCommit, before: &Space) -> Result<(), SyncError> {
        let Some(learned) = self.fetch_keys(commit, before)? else { return Ok(()) };
        let Some(of) = self.keep_keys(side, learned)? else { return Ok(()) };
        let (signed, payload) = (commit.signed().bytes(), commit.payload());
        let found = Falsehood { seq: payload.prev.seq.saturating_add(1), device: payload.device, of };
        self.tell(found, signed)
    }

    fn keep_keys(&mut self, side: Side, mut learned: LearnedKeys) -> Result<Option<FalsehoodOf>, SyncError> {
        let mut epochs = self.epochs.take().ok_or(SyncError::Bug("epochs are opened before ops"))?;
        let found = self.take_keys(&mut epochs, &mut learned);
        self.epochs = Some(epochs);
        let mut folding = self.side(side)?.begin()?;
        folding.set_keys(&learned)?;
        folding.commit()?;
        Ok(found)
    }

    /// What a commit says of the keys, with the bundle if it holds them for this user. One that nodes do not show is their fault, and asked for
    /// again; what they show is what its author has stored. What this run has stored is at hand.
    pub(super) fn fetch_keys(
        &mut self,
        commit: &VerifiedCommit,
        before: &Space,
    ) -> Result<Option<LearnedKeys>, SyncError> {
        let judged = Epochs::judge(commit, before, &self.org, self.identity().user())?;
        let Some((said, is_mine)) = judged else { return Ok(None) };
        let own = self.own_bundle.take_if(|(id, _)| *id == said.bundle());
        let bundle = match own {
            _ if !is_mine => None,
            Some((_, bundle)) => Some(bundle),
            None => Some(self.runtime.block_on(fetch_chunk(&self.nodes, self.id, said.bundle()))?),
        };
        Ok(Some(LearnedKeys { said, is_mine, bundle: bundle.map(|bundle| bundle.to_vec()) }))
    }

    /// Opens what was learned, as far as it can be, and answers what is false of it. A bundle that holds nothing for this user is not kept.
    pub(super) fn take_keys(&self, epochs: &mut Epochs, learned: &mut LearnedKeys) -> Option<FalsehoodOf> {
        let LearnedKeys { said, is_mine, bundle } = learned;
        epochs.learn(said);
        let user = self.identity().user();
        let keys = UserKeys::of(self.identity(), &self.org);
        let opened = bundle.as_deref().map(|bundle| keys.open(|kem| epochs.open(said, bundle, user, kem)));
        if matches!(opened, Some(Err(_))) {
            *bundle = None;
        }
        if *is_mine && !epochs.is_open(said.epoch()) {
            epochs.withhold(said);
        }
        let began = match said {
            KeysSaid::Epoch(certificate) => Some(certificate.org.seq),
            KeysSaid::Admission(_) => None,
        };
        if !*is_mine && began.is_some_and(|seq| self.org.is_key_exposed_at(user, seq)) {
            epochs.leave_out(said.epoch());
        }
        match opened {
            // Where the person's own keys are not at hand, whoever wrapped for them is not at fault.
            Some(Err(_)) => self.has_newest_keys().then_some(FalsehoodOf::Keys),
            _ if matches!(said, KeysSaid::Epoch(_)) && epochs.withholds_earlier(said.epoch()) => {
                Some(FalsehoodOf::EarlierKeys)
            }
            _ => None,
        }
    }

    /// Whether this device has the key that secrets for its person are wrapped for now: another device of theirs may have renewed it, and left
    /// this one out.
    pub(super) fn has_newest_keys(&self) -> bool {
        let keys = UserKeys::of(self.identity(), &self.org);
        self.org.user(self.identity().user()).is_some_and(|record| record.kem == *keys.newest().public())
    }

    /// Has the keys of a commit's epoch at hand, if it says anything under them; they may have come to this user later only.
    pub(super) fn ensure_keys(&mut self, side: Side, commit: &Commit, before: &Space) -> Result<(), SyncError> {
        if commit.sealed_ops.is_empty() || self.epochs_mut()?.is_open(commit.epoch) {
            return Ok(());
        }
        self.look_ahead(&mut Outline::of(before.clone()), |space, learned| space.keep_keys(side, learned).map(drop))?;
        if !self.epochs_mut()?.is_open(commit.epoch) {
            // Whoever was left out for a device that was revoked is given the next epoch once their own key is new.
            self.renew_or_put_off()?;
        }
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
