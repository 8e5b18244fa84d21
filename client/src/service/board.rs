//! What is known of each space that is kept in step: noted as things happen, read when somebody asks.
//!
//! Moments come in as arguments.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use vauban_protocol::id::SpaceId;
use vauban_protocol::time::Timestamp;

use super::event::Event;
use super::settings::{Pair, Pause};
use super::state::{Pending, Phase, SpaceState, Trouble};
use crate::exit::Exit;
use crate::limit::{EVENT_LIST_MAX, SPEED_SECONDS};
use crate::sync::{PlanSummary, Summary};

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Board {
    cards: Mutex<BTreeMap<SpaceId, Arc<Card>>>,
}

/// One space.
#[derive(Debug)]
pub(super) struct Card {
    began: Instant,
    notes: Mutex<Notes>,
}

#[derive(Debug)]
struct Notes {
    /// What is told, but for what follows from the rest.
    state: SpaceState,
    is_syncing: bool,
    /// Why nothing is sent or received, if so.
    lost: Option<Phase>,
    is_stopped: bool,
    up: Speed,
    down: Speed,
}

impl Board {
    /// The card of a pair; a new one if it had none, or another folder's.
    pub(super) fn card(&self, pair: &Pair) -> Arc<Card> {
        let mut cards = self.cards.lock().unwrap_or_else(PoisonError::into_inner);
        let fresh = Card::new(pair);
        let known = cards.get(&pair.space).filter(|card| card.folder() == fresh.folder());
        if let Some(known) = known {
            return Arc::clone(known);
        }
        let fresh = Arc::new(fresh);
        cards.insert(pair.space, Arc::clone(&fresh));
        fresh
    }

    /// The card of a space, if it is kept in step.
    pub(super) fn get(&self, space: SpaceId) -> Option<Arc<Card>> {
        self.cards.lock().unwrap_or_else(PoisonError::into_inner).get(&space).cloned()
    }

    /// Keeps only the cards of these spaces.
    pub(super) fn retain(&self, is_kept: impl Fn(SpaceId) -> bool) {
        self.cards.lock().unwrap_or_else(PoisonError::into_inner).retain(|space, _| is_kept(*space));
    }

    /// All spaces, by name.
    pub(super) fn states(&self, now: Instant) -> Vec<SpaceState> {
        let cards: Vec<_> = self.cards.lock().unwrap_or_else(PoisonError::into_inner).values().cloned().collect();
        let mut states: Vec<_> = cards.iter().map(|card| card.state(now)).collect();
        states.sort_by(|one, other| (&one.name, &one.space).cmp(&(&other.name, &other.space)));
        states
    }
}

impl Card {
    fn new(pair: &Pair) -> Self {
        let state = SpaceState::starting(pair.space.to_hex(), pair.name.clone(), pair.folder.display().to_string());
        let (up, down) = (Speed::default(), Speed::default());
        let notes = Notes { state, is_syncing: false, lost: None, is_stopped: false, up, down };
        Self { began: Instant::now(), notes: Mutex::new(notes) }
    }

    fn folder(&self) -> String {
        self.with(|notes| notes.state.folder.clone())
    }

    fn with<T>(&self, note: impl FnOnce(&mut Notes) -> T) -> T {
        note(&mut self.notes.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn second(&self, now: Instant) -> u64 {
        now.saturating_duration_since(self.began).as_secs()
    }

    /// A round begins.
    pub(super) fn begins(&self) {
        self.with(|notes| {
            notes.is_syncing = true;
            notes.state.pending = Pending::default();
        });
    }

    /// A round is planned; it may be one of several looks.
    pub(super) fn planned(&self, plan: &PlanSummary) {
        self.with(|notes| {
            let pending = &mut notes.state.pending;
            pending.uploads = pending.uploads.saturating_add(plan.uploads);
            pending.upload_bytes = pending.upload_bytes.saturating_add(plan.upload_bytes);
            pending.downloads = pending.downloads.saturating_add(plan.downloads);
            pending.download_bytes = pending.download_bytes.saturating_add(plan.download_bytes);
        });
    }

    /// Content is done, in either direction.
    pub(super) fn done(&self, bytes: u64) {
        self.with(|notes| notes.state.pending.done_bytes = notes.state.pending.done_bytes.saturating_add(bytes));
    }

    /// Bytes were sent.
    pub(super) fn sent(&self, now: Instant, bytes: u64) {
        let second = self.second(now);
        self.with(|notes| notes.up.add(second, bytes));
    }

    /// Bytes came.
    pub(super) fn received(&self, now: Instant, bytes: u64) {
        let second = self.second(now);
        self.with(|notes| notes.down.add(second, bytes));
    }

    /// A round is over: with this summary, or halted, or failed.
    pub(super) fn over(&self, now: Timestamp, summary: Option<&Summary>) {
        self.with(|notes| {
            notes.is_syncing = false;
            let Some(summary) = summary else { return };
            if std::mem::take(&mut notes.is_stopped) {
                notes.state.trouble = None;
            }
            let state = &mut notes.state;
            state.pending = Pending::default();
            if summary.agreed {
                state.last_sync = Some(now.0);
            }
            (state.held, state.left) = (summary.held, summary.left);
            state.left_out = summary.issues.iter().take(EVENT_LIST_MAX).cloned().collect();
            state.left_out_count = summary.issues.len() as u64;
            keep_latest(&mut state.conflicts, &summary.conflicts);
            keep_latest(&mut state.contested, &summary.contested);
            keep_latest(&mut state.falsehoods, &summary.falsehoods);
        });
    }

    /// Something was told of it.
    pub(super) fn told(&self, event: &Event) {
        self.with(|notes| match event {
            Event::Watching { .. } => {
                (notes.is_stopped, notes.lost, notes.state.trouble) = (false, None, None);
            }
            Event::Offline { error, now } => notes.lose(Phase::Offline, Exit::Unreachable, (error, now)),
            Event::Waiting { error, now } => notes.lose(Phase::Waiting, Exit::Refused, (error, now)),
            Event::Online => (notes.lost, notes.state.trouble) = (None, None),
            Event::Failed { error, now, exit } => {
                (notes.is_stopped, notes.is_syncing) = (true, false);
                notes.state.trouble = Some(Trouble { error: error.clone(), now: now.clone(), exit: *exit });
            }
            Event::PartlyWatched => notes.state.is_partly_watched = true,
            Event::FullyWatched => notes.state.is_partly_watched = false,
            _ => {}
        });
    }

    /// A pause begins, or ends. Answers whether that is news.
    pub(super) fn pause(&self, pause: Option<Pause>) -> bool {
        self.with(|notes| std::mem::replace(&mut notes.state.pause, pause) != pause)
    }

    /// Whether it has stopped, for whatever reason.
    pub(super) fn is_stopped(&self) -> bool {
        self.with(|notes| notes.is_stopped)
    }

    /// Whether it has stopped for this very reason.
    pub(super) fn has_stopped_for(&self, trouble: &Trouble) -> bool {
        self.with(|notes| notes.is_stopped && notes.state.trouble.as_ref() == Some(trouble))
    }

    /// What is told of it.
    pub(super) fn state(&self, now: Instant) -> SpaceState {
        let second = self.second(now);
        self.with(|notes| {
            let phase = match notes {
                Notes { is_stopped: true, .. } => Phase::Stopped,
                Notes { state: SpaceState { pause: Some(_), .. }, is_syncing: false, .. } => Phase::Paused,
                Notes { lost: Some(phase), .. } => *phase,
                Notes { is_syncing: true, .. } => Phase::Syncing,
                Notes { state: SpaceState { last_sync: None, .. }, .. } => Phase::Starting,
                _ => Phase::InStep,
            };
            let (up_bytes_second, down_bytes_second) = (notes.up.bytes_second(second), notes.down.bytes_second(second));
            SpaceState { phase, up_bytes_second, down_bytes_second, ..notes.state.clone() }
        })
    }
}

/// Adds to a list of bounded length, whose oldest items go.
fn keep_latest<T: Clone>(list: &mut Vec<T>, more: &[T]) {
    list.extend_from_slice(more);
    let surplus = list.len().saturating_sub(EVENT_LIST_MAX);
    list.drain(..surplus);
}

impl Notes {
    fn lose(&mut self, phase: Phase, exit: Exit, (error, now): (&str, &str)) {
        self.lost = Some(phase);
        self.state.trouble = Some(Trouble { error: error.to_owned(), now: now.to_owned(), exit: exit as u8 });
    }
}

/// Bytes of the last few seconds, each by itself.
#[derive(Debug, Default)]
struct Speed {
    seconds: VecDeque<(u64, u64)>,
}

impl Speed {
    fn add(&mut self, second: u64, bytes: u64) {
        match self.seconds.back_mut() {
            Some((last, sum)) if *last == second => *sum = sum.saturating_add(bytes),
            _ => self.seconds.push_back((second, bytes)),
        }
        while self.seconds.len() as u64 > SPEED_SECONDS {
            self.seconds.pop_front();
        }
    }

    /// The mean of the last [`SPEED_SECONDS`].
    fn bytes_second(&self, now: u64) -> u64 {
        let recent = self.seconds.iter().filter(|(second, _)| second.saturating_add(SPEED_SECONDS) > now);
        recent.fold(0u64, |sum, (_, bytes)| sum.saturating_add(*bytes)) / SPEED_SECONDS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn card() -> Arc<Card> {
        let pair = Pair { space: SpaceId([1; 16]), name: "Projets".to_owned(), folder: "/p".into() };
        Board::default().card(&pair)
    }

    fn phase(card: &Card) -> Phase {
        card.state(Instant::now()).phase
    }

    #[test]
    fn the_phase_follows_from_what_happened() {
        let card = card();
        assert_eq!(phase(&card), Phase::Starting);
        card.begins();
        assert_eq!(phase(&card), Phase::Syncing);
        card.over(Timestamp(5), Some(&Summary { agreed: true, ..Summary::default() }));
        assert_eq!((phase(&card), card.state(Instant::now()).last_sync), (Phase::InStep, Some(5)));
        card.told(&Event::Offline { error: "e".to_owned(), now: "n".to_owned() });
        assert_eq!(phase(&card), Phase::Offline);
        card.told(&Event::Waiting { error: "e".to_owned(), now: "n".to_owned() });
        assert_eq!(phase(&card), Phase::Waiting, "nodes are there, and full");
        assert!(
            card.pause(Some(Pause { since: 1, until: None })) && !card.pause(Some(Pause { since: 1, until: None }))
        );
        assert_eq!(phase(&card), Phase::Paused);
        card.pause(None);
        card.told(&Event::Online);
        assert_eq!((phase(&card), card.state(Instant::now()).trouble), (Phase::InStep, None));
        card.told(&Event::Failed { error: "e".to_owned(), now: "n".to_owned(), exit: 8 });
        card.pause(Some(Pause { since: 1, until: None }));
        assert_eq!(phase(&card), Phase::Stopped, "an alarm is not hidden by a pause");
        card.told(&Event::Watching { folder: "/p".to_owned() });
        assert_eq!(card.state(Instant::now()).trouble, None);
    }

    #[test]
    fn speed_is_the_mean_of_the_last_seconds() {
        let mut speed = Speed::default();
        speed.add(10, 500);
        speed.add(10, 500);
        speed.add(12, 4000);
        assert_eq!(speed.bytes_second(12), 5000 / SPEED_SECONDS);
        assert_eq!(speed.bytes_second(10 + SPEED_SECONDS), 4000 / SPEED_SECONDS);
        assert_eq!(speed.bytes_second(100), 0);
        (0..1000).for_each(|second| speed.add(second, 1));
        assert_eq!(speed.seconds.len() as u64, SPEED_SECONDS);
    }

    #[test]
    fn lists_stay_bounded() {
        let card = card();
        let conflicts: Vec<_> = (0..3 * EVENT_LIST_MAX).map(|number| number.to_string()).collect();
        let last = conflicts.last().cloned();
        card.over(Timestamp(5), Some(&Summary { conflicts, ..Summary::default() }));
        let state = card.state(Instant::now());
        assert_eq!((state.conflicts.len(), state.conflicts.last().cloned()), (EVENT_LIST_MAX, last));
    }
}
