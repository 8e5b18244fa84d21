//! How often links are opened, and guessed at: this node's own word, for each link that exists.
//!
//! A password is guessed at by whoever has a link's address: each guess costs them the stretching, and here a place of the minute's few.
//! Openings are counted in the applied state, added up for some seconds first: one entry of the log for many.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use vauban_protocol::id::LinkId;
use vauban_protocol::wire::Refusal;

use crate::limit::{LINK_COUNT_SECONDS, LINK_OPENS_MINUTE_MAX, LINKS_PACED_MAX};
use crate::metadata::{Metadata, Proposal};

/// See the module.
#[derive(Debug, Default)]
pub(super) struct LinkGate {
    paces: Mutex<HashMap<LinkId, Paces>>,
    uncounted: Arc<Mutex<HashMap<LinkId, u32>>>,
    origin: Option<String>,
}

/// What a link has left.
#[derive(Debug)]
struct Paces {
    opens: Pace,
    guesses: Pace,
}

/// A bucket that fills within a minute.
#[derive(Debug)]
struct Pace {
    left: f64,
    seen: Instant,
}

impl LinkGate {
    /// Links that a browser opens at `origin`.
    pub(super) fn at(origin: Option<String>) -> Self {
        Self { origin, ..Self::default() }
    }

    /// Where a browser opens links, if it can.
    pub(super) fn origin(&self) -> Option<String> {
        self.origin.clone()
    }

    /// Whether a token may be looked at, now.
    pub(super) fn may_ask(&self, link: LinkId, now: Instant) -> Result<(), Refusal> {
        self.with(link, now, |paces| if paces.guesses.has_one(now) { Ok(()) } else { Err(Refusal::LinkBusy) })
    }

    /// Notes a token that was wrong.
    pub(super) fn missed(&self, link: LinkId, now: Instant) -> Refusal {
        match self.with(link, now, |paces| paces.guesses.take(now)) {
            Ok(()) => Refusal::LinkToken,
            Err(busy) => busy,
        }
    }

    /// Takes a place among a minute's openings.
    pub(super) fn open(&self, link: LinkId, now: Instant) -> Result<(), Refusal> {
        self.with(link, now, |paces| paces.opens.take(now))
    }

    /// Has an opening counted, within some seconds.
    pub(super) fn count(&self, link: LinkId, metadata: &Metadata) {
        let mut uncounted = self.uncounted.lock().unwrap_or_else(PoisonError::into_inner);
        match uncounted.entry(link) {
            Entry::Occupied(mut entry) => {
                let times = entry.get().saturating_add(1);
                entry.insert(times);
            }
            Entry::Vacant(entry) => {
                entry.insert(1);
                let (uncounted, metadata) = (Arc::clone(&self.uncounted), metadata.clone());
                tokio::spawn(async move {
                    tokio::time::sleep(Duration::from_secs(LINK_COUNT_SECONDS)).await;
                    let times = uncounted.lock().unwrap_or_else(PoisonError::into_inner).remove(&link);
                    let Some(times) = times else { return };
                    if let Err(error) = metadata.propose(Proposal::LinkOpened { link, times }).await {
                        tracing::debug!(%link, times, %error, "openings were not counted");
                    }
                });
            }
        }
    }

    fn with<T>(
        &self,
        link: LinkId,
        now: Instant,
        run: impl FnOnce(&mut Paces) -> Result<T, Refusal>,
    ) -> Result<T, Refusal> {
        let mut paces = self.paces.lock().unwrap_or_else(PoisonError::into_inner);
        if paces.len() >= LINKS_PACED_MAX {
            paces.retain(|_, paces| !(paces.opens.is_full(now) && paces.guesses.is_full(now)));
        }
        if paces.len() >= LINKS_PACED_MAX && !paces.contains_key(&link) {
            return Err(Refusal::LinkBusy);
        }
        run(paces.entry(link).or_insert_with(|| Paces { opens: Pace::full(now), guesses: Pace::full(now) }))
    }
}

impl Pace {
    fn full(now: Instant) -> Self {
        Self { left: LINK_OPENS_MINUTE_MAX.into(), seen: now }
    }

    fn fill(&mut self, now: Instant) {
        let most = f64::from(LINK_OPENS_MINUTE_MAX);
        let come = now.saturating_duration_since(self.seen).as_secs_f64() * most / 60.0;
        self.left = most.min(self.left + come);
        self.seen = now;
    }

    fn is_full(&mut self, now: Instant) -> bool {
        self.fill(now);
        self.left >= f64::from(LINK_OPENS_MINUTE_MAX)
    }

    fn has_one(&mut self, now: Instant) -> bool {
        self.fill(now);
        self.left >= 1.0
    }

    fn take(&mut self, now: Instant) -> Result<(), Refusal> {
        if !self.has_one(now) {
            return Err(Refusal::LinkBusy);
        }
        self.left -= 1.0;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Fails if guesses are not bounded, if they bar another link, or if they never come free again.
    #[test]
    fn guesses_are_paced() {
        let (gate, now) = (LinkGate::default(), Instant::now());
        let (one, other) = (LinkId([1; 16]), LinkId([2; 16]));
        for _ in 0..LINK_OPENS_MINUTE_MAX {
            assert_eq!(gate.may_ask(one, now), Ok(()));
            assert_eq!(gate.missed(one, now), Refusal::LinkToken);
        }
        assert_eq!(gate.may_ask(one, now), Err(Refusal::LinkBusy));
        assert_eq!(gate.may_ask(other, now), Ok(()));
        assert_eq!(gate.open(one, now), Ok(()), "what was guessed takes no opening's place");
        let later = now + Duration::from_secs(3);
        assert_eq!(gate.may_ask(one, later), Ok(()));
        assert_eq!(gate.missed(one, later), Refusal::LinkToken);
        assert_eq!(gate.may_ask(one, later), Err(Refusal::LinkBusy));
    }

    #[test]
    fn the_memory_of_links_is_bounded() {
        let (gate, now) = (LinkGate::default(), Instant::now());
        for number in 0..LINKS_PACED_MAX as u64 {
            let mut id = [0; 16];
            id[..8].copy_from_slice(&number.to_le_bytes());
            assert_eq!(gate.open(LinkId(id), now), Ok(()));
        }
        assert_eq!(gate.open(LinkId([255; 16]), now), Err(Refusal::LinkBusy));
        assert_eq!(gate.open(LinkId([255; 16]), now + Duration::from_secs(60)), Ok(()));
    }
}
