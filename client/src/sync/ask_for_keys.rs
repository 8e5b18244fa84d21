//! Asking for keys that were withheld, once something was said under them: the next epoch, by a device that has not read all before it.
//!
//! An epoch says nothing of the tree, and is judged in clear: whoever lacks the keys in force may begin one, though nobody writes on what they
//! have not read. It leaves out the root that its author was not given. Each writer who holds that root sees so, and hands it on with an epoch of
//! their own ([`super::epoch`]); what was said is then read by all. Where no honest writer holds it, nobody answers, and what was said stays.

use std::collections::BTreeMap;

use vauban_protocol::chain::Head;
use vauban_protocol::id::Digest;
use vauban_protocol::signed::Signed;
use vauban_protocol::space::{Commit, Control, Role, Space};
use vauban_protocol::wire::{Refusal, Request, Response};

use super::author::head_of;
use super::follow::Side;
use super::words::Words;
use super::{OpenSpace, SyncError, View};
use crate::content::{Nodes, NodesError};
use crate::limit::COMMIT_TRIES_MAX;
use crate::link::LinkError;
use crate::log::EpochError;

/// The log beyond what was folded, verified, as far as it can be read without keys.
struct InClear {
    space: Space,
    /// Its hashes, by number.
    digests: BTreeMap<u64, Digest>,
}

impl<N: Nodes> OpenSpace<N> {
    /// [Settles](Self::settle). Where withheld keys stop this device, it asks for them, and stops all the same: they come with a later run.
    ///
    /// # Errors
    /// [`SyncError`].
    pub(super) fn settle_or_ask(&mut self) -> Result<(), SyncError> {
        let settled = self.settle();
        if matches!(settled, Err(SyncError::Epoch(EpochError::Withheld { .. } | EpochError::LeftOut(_)))) {
            // Those who are to hand keys on wait to be confirmed, and this device may be the only one that can.
            match self.give_word(self.now()) {
                Err(error) if error.is_alarm() => return Err(error),
                Err(error) => tracing::warn!(space = %self.id, %error, "what was verified is told another time"),
                Ok(()) => {}
            }
        }
        if matches!(settled, Err(SyncError::Epoch(EpochError::Withheld { .. }))) {
            match self.ask_for_keys() {
                Err(error) if error.is_alarm() => return Err(error),
                Err(error) => {
                    tracing::warn!(space = %self.id, %error, "keys that are withheld are asked for another time");
                }
                Ok(()) => {}
            }
        }
        settled
    }

    /// Begins the next epoch, if the last one is withheld from this user. Done once: they hold the keys of the one that they begin.
    fn ask_for_keys(&mut self) -> Result<(), SyncError> {
        self.refresh_organisation()?;
        self.renew_user_keys()?;
        // Whoever could not open what they begin would begin another one, and so for ever.
        if !self.has_newest_keys() || !self.open_epochs()?.lacks_last() {
            return Ok(());
        }
        let mut log = InClear { space: self.folded()?, digests: BTreeMap::new() };
        for _ in 0..COMMIT_TRIES_MAX {
            self.read_in_clear(&mut log)?;
            // What this device has sent may stand there already.
            self.note(&log.space);
            if !self.may_ask(&log)? {
                return self.write_record();
            }
            let commit = self.asking(&log.space)?;
            match self.ask(Request::Commit { space: self.id }, vec![commit.bytes().clone()]) {
                Ok((Response::Committed { head }, _)) if head == head_of(&commit) => {
                    log.space.append(&commit);
                    self.note(&log.space);
                    tracing::info!(space = %self.id, "keys that are withheld were asked for, by changing them");
                    return self.write_record();
                }
                Ok((Response::Committed { .. }, _)) => return Err(SyncError::OtherHead),
                Ok(_) => return Err(NodesError::Senseless("not an answer to a commit").into()),
                Err(NodesError::Link(LinkError::Refused { refusal: Refusal::NotHead { .. }, .. })) => {}
                // It stays in the outbox: what became of it, the log tells.
                Err(error) => return Err(error.into()),
            }
        }
        Err(SyncError::Overtaken)
    }

    fn read_in_clear(&mut self, log: &mut InClear) -> Result<(), SyncError> {
        loop {
            let (shown, items) = self.log_after(log.space.head().seq.saturating_add(1))?;
            let is_end = items.is_empty();
            for item in items {
                let commit = self.verify(Side::Head, &log.space, item)?;
                let Head { seq, digest } = log.space.append(commit.signed());
                log.digests.insert(seq, digest);
            }
            if is_end || log.space.head().seq >= shown.seq {
                return Ok(());
            }
        }
    }

    /// Whether this person may write, nobody has begun another epoch meanwhile, and another device confirms the log to its end, as
    /// [`Self::is_confirmed`] wants it of what was folded. No node of another site is asked: it is compared with what is folded alone.
    fn may_ask(&mut self, log: &InClear) -> Result<bool, SyncError> {
        let authority = log.space.authority(self.identity().user(), &self.org, self.org.head().seq);
        if authority < Some(Role::Writer) || !self.open_epochs()?.lacks(log.space.epoch()) {
            return Ok(false);
        }
        if self.cache.knows_all()? {
            let words = self.words_in(&log.space)?;
            let told = self.judge_words(&words, |cache, seq| match log.digests.get(&seq) {
                Some(digest) => Ok(Some(*digest)),
                None => cache.hash_at(seq),
            })?;
            if told == Words::OfMore {
                return Ok(false);
            }
        }
        Ok(self.view()? != View::Unconfirmed)
    }

    /// The commit that asks: the one that was sent before, if it may still come next; else a new one, in the outbox.
    fn asking(&mut self, space: &Space) -> Result<Signed<Commit>, SyncError> {
        if let Some(outbox) = self.record.outbox.clone() {
            let sent: Signed<Commit> =
                Signed::parse(outbox.commit.into()).map_err(|_| SyncError::Bug("the outbox does not decode"))?;
            if sent.payload().prev == space.head() {
                return Ok(sent);
            }
            // Another one stands in its place.
            self.drop_outbox();
        }
        let draft = self.draft_epoch(space, Control::Epoch)?;
        let commit = self.sign_on(space, &draft)?;
        self.stow(&commit)?;
        Ok(commit)
    }
}
