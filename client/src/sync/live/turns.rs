//! Who may begin a round: the spaces of one process share the home's claim, and lend it.
//!
//! A round runs with a [`Turn`], and there are only so many at once. The claim is lent to another command by waiting until no
//! turn is out: rounds under way are called back, and halt between two of their steps. Invariants: no round runs while the
//! claim is lent; a round that begins after it came back reads again what the other process may have signed (the anchor at
//! once, the space by its [tenure](Turn::tenure)), so no counter is used twice.
//!
//! Deliberately absent: a limit on how long it is lent. It comes back when whoever has it ends, as every claim does.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::limit::{CLAIM_PROBE_MS, ROUNDS_AT_ONCE_MAX};
use crate::state::{Anchor, Claim, Home, StateError};

/// See the module.
#[derive(Debug)]
pub struct Turns {
    rounds: Arc<Semaphore>,
    holding: Mutex<Holding>,
    /// Those who wait for the claim.
    lends: AtomicUsize,
}

#[derive(Debug)]
struct Holding {
    claim: Option<Arc<Claim>>,
    tenure: u64,
}

/// The right to run one round, given back when dropped.
#[derive(Debug)]
pub struct Turn {
    turns: Arc<Turns>,
    tenure: u64,
    /// A process that ends in the middle of a round gives the claim back only when the round's thread does.
    _claim: Arc<Claim>,
    _permit: OwnedSemaphorePermit,
}

/// The claim is elsewhere, and no round runs, until it is [taken back](Lent::take_back).
#[derive(Debug)]
pub struct Lent {
    turns: Arc<Turns>,
    /// All that there are; none have been made before the claim was first taken.
    permits: Option<OwnedSemaphorePermit>,
}

/// Somebody waits for the claim.
struct Waits<'a>(&'a AtomicUsize);

impl Turns {
    /// Turns of a claim that is yet to be taken.
    #[must_use]
    pub fn lent_out() -> (Arc<Self>, Lent) {
        let holding = Mutex::new(Holding { claim: None, tenure: 0 });
        let turns = Arc::new(Self { rounds: Arc::new(Semaphore::new(0)), holding, lends: AtomicUsize::new(0) });
        (Arc::clone(&turns), Lent { turns, permits: None })
    }

    /// A turn, as soon as there is one. May be dropped while it waits.
    pub async fn turn(self: Arc<Self>) -> Turn {
        if let Ok(permit) = Arc::clone(&self.rounds).acquire_owned().await {
            let holding = self.holding.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(claim) = holding.claim.clone() {
                let tenure = holding.tenure;
                drop(holding);
                return Turn { turns: self, tenure, _claim: claim, _permit: permit };
            }
        }
        // Lent for good: this process ends.
        std::future::pending().await
    }

    /// Calls every round back, and gives the claim up once none runs. May be dropped while it waits.
    pub async fn lend(self: &Arc<Self>) -> Lent {
        self.lends.fetch_add(1, Ordering::SeqCst);
        let waits = Waits(&self.lends);
        let Ok(permits) = Arc::clone(&self.rounds).acquire_many_owned(ROUNDS_AT_ONCE_MAX).await else {
            return std::future::pending().await;
        };
        drop(waits);
        self.holding.lock().unwrap_or_else(PoisonError::into_inner).claim = None;
        Lent { turns: Arc::clone(self), permits: Some(permits) }
    }

    /// Whether another process has the claim, or is about to.
    #[must_use]
    pub fn is_lent(&self) -> bool {
        self.holding.lock().unwrap_or_else(PoisonError::into_inner).claim.is_none()
    }
}

impl Turn {
    /// Changes each time the claim was elsewhere.
    #[must_use]
    pub fn tenure(&self) -> u64 {
        self.tenure
    }

    /// Whether the round is to halt.
    #[must_use]
    pub fn is_called_back(&self) -> bool {
        self.turns.lends.load(Ordering::SeqCst) > 0
    }
}

impl Lent {
    /// Takes the claim as soon as nobody else has it. Rounds go on from what is on disk by then.
    ///
    /// # Errors
    /// [`StateError`].
    pub async fn take_back(self, home: &Home, anchor: &Anchor) -> Result<(), StateError> {
        let claim = loop {
            match home.claim() {
                Ok(claim) => break claim,
                Err(StateError::InUse(_)) => tokio::time::sleep(Duration::from_millis(CLAIM_PROBE_MS)).await,
                Err(error) => return Err(error),
            }
        };
        // What the other process signed is in the anchor.
        anchor.update(|_| ())?;
        let mut holding = self.turns.holding.lock().unwrap_or_else(PoisonError::into_inner);
        holding.claim = Some(Arc::new(claim));
        holding.tenure = holding.tenure.saturating_add(1);
        if self.permits.is_none() {
            self.turns.rounds.add_permits(ROUNDS_AT_ONCE_MAX as usize);
        }
        Ok(())
    }
}

impl Drop for Waits<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;
    use vauban_protocol::chain::Head;
    use vauban_protocol::id::{Digest, Fingerprint, SpaceId};

    use super::*;
    use crate::state::AnchorRecord;

    const SPACE: SpaceId = SpaceId([9; 16]);

    fn home() -> (tempfile::TempDir, Home, Anchor) {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::at(Some(folder.path().to_owned()));
        let record = AnchorRecord::new(Fingerprint([1; 32]), Head::of_genesis(Digest([2; 32])), Vec::new());
        let anchor = Anchor::create(&home, record).unwrap();
        (folder, home, anchor)
    }

    /// Fails if two processes could sign at once, or if what the other signed stays unknown: its counter would be used again.
    #[tokio::test]
    async fn no_round_runs_while_the_claim_is_lent() {
        let (_folder, home, anchor) = home();
        let (turns, lent) = Turns::lent_out();
        assert!(Arc::clone(&turns).turn().now_or_never().is_none(), "not taken yet");
        lent.take_back(&home, &anchor).await.unwrap();
        let turn = Arc::clone(&turns).turn().await;
        assert!(home.claim().is_err() && !turn.is_called_back());

        let mut lending = Box::pin(turns.lend());
        assert!((&mut lending).now_or_never().is_none(), "a round is under way");
        assert!(turn.is_called_back() && home.claim().is_err());
        let tenure = turn.tenure();
        drop(turn);
        let lent = lending.await;
        let claim = home.claim().unwrap();
        assert!(turns.is_lent() && Arc::clone(&turns).turn().now_or_never().is_none());
        Anchor::open(&home).unwrap().update(|anchor| anchor.spaces.entry(SPACE).or_default().counter = 7).unwrap();
        let mut taking = Box::pin(lent.take_back(&home, &anchor));
        assert!((&mut taking).now_or_never().is_none(), "the other still has it");
        drop(claim);
        taking.await.unwrap();

        assert_eq!(anchor.record().spaces[&SPACE].counter, 7);
        let turn = Arc::clone(&turns).turn().await;
        assert!(turn.tenure() != tenure && !turn.is_called_back() && home.claim().is_err());
    }

    #[tokio::test]
    async fn who_no_longer_waits_calls_nobody_back() {
        let (_folder, home, anchor) = home();
        let (turns, lent) = Turns::lent_out();
        lent.take_back(&home, &anchor).await.unwrap();
        let turn = Arc::clone(&turns).turn().await;
        let mut lending = Box::pin(turns.lend());
        assert!((&mut lending).now_or_never().is_none() && turn.is_called_back());
        drop(lending);
        assert!(!turn.is_called_back());
        drop(turn);
        for _ in 0..2 * ROUNDS_AT_ONCE_MAX {
            Arc::clone(&turns).turn().await;
        }
    }

    #[tokio::test]
    async fn only_so_many_rounds_run_at_once() {
        let (_folder, home, anchor) = home();
        let (turns, lent) = Turns::lent_out();
        lent.take_back(&home, &anchor).await.unwrap();
        let mut running = Vec::new();
        for _ in 0..ROUNDS_AT_ONCE_MAX {
            running.push(Arc::clone(&turns).turn().await);
        }
        assert!(Arc::clone(&turns).turn().now_or_never().is_none());
        running.pop();
        assert!(Arc::clone(&turns).turn().now_or_never().is_some());
    }
}
