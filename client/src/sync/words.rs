//! Comparing what other devices have seen of a space with what was folded here (trust.md, "Seen").
//!
//! A node can show each device a history of its own, but cannot sign a device's word. A word of the same history confirms this
//! device's view; another hash at a number that is held here, or a position that the node does not show, is an alarm, and the
//! word is kept as its proof.
//!
//! What is asked for before keys are given to somebody hangs on what this device has verified itself: who is a member, whom it has admitted, whom
//! it has heard. A node that shows no word, or no commit, of somebody who is there makes them no less of a witness.

use bytes::Bytes;
use vauban_protocol::id::{DeviceId, Digest};
use vauban_protocol::limit::{SEEN_BYTES_MAX, SEENS_BYTES_MAX};
use vauban_protocol::signed::Signed;
use vauban_protocol::space::{Member, Seen, Space};
use vauban_protocol::time::{DAY_SECONDS, Timestamp};
use vauban_protocol::wire::{Request, Response, split_items};

use super::follow::SIGNED_BYTES_MIN;
use super::second_site::SecondSite;
use super::{MembersError, OpenSpace, SyncError};
use crate::content::{Nodes, NodesError};
use crate::log::LogError;
use crate::organisation::is_stale;
use crate::state::cache::{Cache, CacheError, Mark};
use crate::state::replace;

/// Whether another device of the space agrees with what was folded here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum View {
    /// One does, since this moment by its own clock.
    Confirmed(Timestamp),
    /// None does, or none has for days: it reads and writes, and nothing more is built on it.
    Unconfirmed,
}

/// What another device of the space has signed to have seen of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Word {
    /// The device.
    pub device: DeviceId,
    /// The position up to which it has read.
    pub seq: u64,
    /// When, by its own clock.
    pub time: Timestamp,
    /// Whether its history is the one that was folded here; `None` at a position that is not held here.
    pub is_same: Option<bool>,
}

/// What somebody else says of what the nodes show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Heard {
    /// A node of another site, or another device lately: the same.
    Same,
    /// A node of another site, or another device: there is more.
    More,
    /// Nobody says anything.
    Nothing(Sites),
}

/// On how many sites nodes stand, as far as this device knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sites {
    One,
    Several,
}

/// What other devices have seen of the organisation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Words {
    /// No more than is shown here.
    AsShown,
    /// More, which no node shows here.
    OfMore,
}

impl View {
    /// What the words that were compared last say at `now`.
    ///
    /// # Errors
    /// [`SyncError`] of the cache.
    pub fn of(cache: &Cache, now: Timestamp) -> Result<Self, SyncError> {
        let confirmed = cache.mark(Mark::Confirmed)?.filter(|at| !is_stale(*at, now));
        Ok(confirmed.map_or(Self::Unconfirmed, Self::Confirmed))
    }
}

impl<N: Nodes> OpenSpace<N> {
    /// Whether another device of the space agrees with what was folded here.
    ///
    /// # Errors
    /// [`SyncError`] of the cache.
    pub fn view(&self) -> Result<View, SyncError> {
        View::of(&self.cache, self.now())
    }

    /// Whether keys may be changed on what the nodes show of the space: somebody confirms it; or nobody is there to, as no other device that is
    /// still a member's has ever written to it. Nobody is given by such a change what they have not got: its recipients hold the keys in force.
    pub(super) fn is_confirmed(&mut self) -> Result<bool, SyncError> {
        match self.hear()? {
            Heard::Same => Ok(true),
            Heard::More => Ok(false),
            Heard::Nothing(_) => Ok(!self.has_others()?),
        }
    }

    /// Fails if nothing confirms what keys, or a role, are to be given to somebody by.
    ///
    /// # Errors
    /// [`MembersError::Alone`] where nobody can: all nodes stand on one site, and nobody else is expected to have spoken. Else
    /// [`MembersError::Unconfirmed`] or [`MembersError::Hidden`]; [`SyncError`].
    pub(super) fn judge_view(&mut self) -> Result<(), SyncError> {
        match self.hear()? {
            Heard::Same => Ok(()),
            Heard::More => Err(MembersError::Hidden.into()),
            Heard::Nothing(Sites::One) if !self.has_witnesses()? => Err(MembersError::Alone.into()),
            Heard::Nothing(_) => Err(MembersError::Unconfirmed.into()),
        }
    }

    /// Asks a node of another site, where there is one, and what other devices have seen: each time, since a word of last week does not tell
    /// what is hidden since.
    fn hear(&mut self) -> Result<Heard, SyncError> {
        let site = self.ask_second_site()?;
        // Whoever has not read all of the log compares nothing.
        let words = if self.cache.knows_all()? { self.hear_words()? } else { Words::AsShown };
        if site == SecondSite::KnowsMore || words == Words::OfMore {
            return Ok(Heard::More);
        }
        if site == SecondSite::Agrees || self.view()? != View::Unconfirmed {
            return Ok(Heard::Same);
        }
        Ok(Heard::Nothing(if site == SecondSite::Missing { Sites::One } else { Sites::Several }))
    }

    /// Whether another device has written to the space whose word still counts. Those that were revoked, and those of people who have gone,
    /// confirm nothing any more: waiting for them, whoever is left alone would keep the keys for ever that they hold.
    fn has_others(&self) -> Result<bool, SyncError> {
        let (space, me) = (self.folded()?, self.identity().device());
        let counts = |device| self.org.live_device(device).is_some_and(|live| space.role(live.user).is_some());
        Ok(space.devices().any(|(device, _)| device != me && counts(device)))
    }

    /// Whether somebody else is in the space who can confirm it: any member with a device, whether a node has shown a word of theirs or not. But
    /// for those whom this device has admitted itself, lately, while it has heard nobody: they may not have come yet.
    fn has_witnesses(&self) -> Result<bool, SyncError> {
        let (space, identity, now) = (self.folded()?, self.identity(), self.now());
        let has_heard = self.cache.mark(Mark::Confirmed)?.is_some();
        let is_new = |member: &Member| member.by == identity.device() && !is_stale(member.at, now);
        let has_device = |user| self.org.live_devices_of(user).next().is_some();
        let has_written = |user| self.org.live_devices_of(user).any(|device| space.last_commit(device).is_some());
        let mut others = space.members().filter(|(user, _)| *user != identity.user() && has_device(*user));
        Ok(others.any(|(user, member)| has_heard || has_written(user) || !is_new(member)))
    }

    /// What the other devices of the space have seen, the latest first. Only says it; judging is a round's.
    ///
    /// # Errors
    /// [`SyncError`]: no node, or one that shows what no device signed.
    pub fn others_words(&self) -> Result<Vec<Word>, SyncError> {
        let mut told = Vec::new();
        for word in self.words()? {
            let Seen { device, head, time, .. } = word.payload();
            let is_same = self.cache.hash_at(head.seq)?.map(|ours| ours == head.digest);
            told.push(Word { device: *device, seq: head.seq, time: *time, is_same });
        }
        told.sort_unstable_by_key(|word| (std::cmp::Reverse(word.time), word.device));
        Ok(told)
    }

    /// Compares the words of other devices with the log, and then gives this device's own.
    pub(super) fn compare_words(&mut self) -> Result<(), SyncError> {
        self.hear_words()?;
        self.give_word(self.now())
    }

    fn hear_words(&mut self) -> Result<Words, SyncError> {
        let mut words = self.words()?;
        // Read after the words: whatever they name, an honest node shows by now. Once more, should the first two answers have
        // come from different nodes.
        self.follow()?;
        if self.first_ahead(&words)?.is_some() {
            words = self.words()?;
            self.follow()?;
        }
        if let Some(word) = self.first_ahead(&words)? {
            self.keep_proof(word)?;
            let (device, seen) = (word.payload().device, word.payload().head.seq);
            return Err(LogError::Withheld { device, seen, shown: self.folded()?.head().seq }.into());
        }
        self.judge_words(&words, Cache::hash_at)
    }

    /// Compares words with the hashes that this device has read, by number, and notes until when the latest of the same history confirms them;
    /// answers whether one tells of certificates that are not shown here.
    pub(super) fn judge_words(
        &mut self,
        words: &[Signed<Seen>],
        hash_at: impl Fn(&Cache, u64) -> Result<Option<Digest>, CacheError>,
    ) -> Result<Words, SyncError> {
        let now = self.now();
        let mut confirmed = None;
        // Who was revoked is part of what must be the same.
        if words.iter().any(|word| word.payload().org.seq > self.org.head().seq) {
            self.refresh_organisation()?;
        }
        let is_behind = words.iter().any(|word| word.payload().org.seq > self.org.head().seq);
        for word in words {
            let (head, time) = (word.payload().head, word.payload().time);
            match hash_at(&self.cache, head.seq)? {
                Some(ours) if ours != head.digest => {
                    self.keep_proof(word)?;
                    let (device, seq) = (word.payload().device, head.seq);
                    return Err(LogError::SplitView { device, seq, ours, theirs: head.digest }.into());
                }
                // A clock that is ahead would confirm for ever.
                Some(_) if time <= now.plus(DAY_SECONDS) && !is_behind && self.org.passed(word.payload().org) => {
                    confirmed = confirmed.max(Some(time));
                }
                _ => {}
            }
        }
        if let Some(time) = confirmed {
            self.cache.set_mark(Mark::Confirmed, time)?;
        }
        Ok(if is_behind { Words::OfMore } else { Words::AsShown })
    }

    fn words(&self) -> Result<Vec<Signed<Seen>>, SyncError> {
        self.words_in(&self.folded()?)
    }

    /// The verified words of the other devices that are not revoked and are of members of `space`.
    pub(super) fn words_in(&self, space: &Space) -> Result<Vec<Signed<Seen>>, SyncError> {
        let (response, body) = self.ask(Request::Seens { space: self.id }, Vec::new())?;
        let Response::Seens = response else {
            return Err(NodesError::Senseless("not what devices have seen").into());
        };
        let items = split_items(body, SEENS_BYTES_MAX / SIGNED_BYTES_MIN, SEEN_BYTES_MAX)
            .map_err(|_| NodesError::Senseless("not a list of what devices have seen"))?;
        let mut words = Vec::new();
        for item in items {
            let word = parse(item)?;
            let seen = word.payload();
            if seen.space != self.id {
                return Err(NodesError::Senseless("what was seen of another space").into());
            }
            // A device that this one has not read of yet confirms nothing; nor does one that is revoked, or of no member.
            let Some(device) = self.org.live_device(seen.device).filter(|device| space.role(device.user).is_some())
            else {
                continue;
            };
            if seen.device == self.identity().device() {
                continue;
            }
            word.verify(&device.keys.ed25519)
                .map_err(|_| NodesError::Senseless("what a device has seen, without its signature"))?;
            words.push(word);
        }
        Ok(words)
    }

    fn first_ahead<'a>(&self, words: &'a [Signed<Seen>]) -> Result<Option<&'a Signed<Seen>>, SyncError> {
        let head = self.folded()?.head();
        Ok(words.iter().find(|word| word.payload().head.seq > head.seq))
    }

    fn keep_proof(&self, word: &Signed<Seen>) -> Result<(), SyncError> {
        let name = format!("{}-seen-{}", self.id.to_hex(), word.payload().device.to_hex());
        Ok(replace(&self.device.home().proof(&name), word.bytes())?)
    }

    pub(super) fn give_word(&self, time: Timestamp) -> Result<(), SyncError> {
        let (head, org) = (self.folded()?.head(), self.org.head());
        let seen = Seen { space: self.id, device: self.identity().device(), head, org, time };
        let word = self.identity().signing().seal(seen)?;
        match self.ask(Request::Seen { space: self.id }, vec![word.bytes().clone()])? {
            (Response::SeenKept, _) => Ok(()),
            _ => Err(NodesError::Senseless("not an answer to what was seen").into()),
        }
    }
}

fn parse(item: Bytes) -> Result<Signed<Seen>, NodesError> {
    Signed::parse(item).map_err(|_| NodesError::Senseless("not what a device has seen"))
}
