//! What is to be looked at, and when: gathers what the disk and the log show, and says when the next round is due.
//!
//! Pure: the moment comes in as an argument, and nothing here waits.

use std::time::{Duration, Instant};

use crate::limit::{WATCH_FULL_SECONDS, WATCH_POLL_SECONDS};
use crate::tree::Scope;

/// See the module.
#[derive(Debug)]
pub(super) struct Agenda {
    /// What changed on the disk.
    here: Scope,
    /// The position up to which the log is folded, and the last one that was shown.
    folded: u64,
    shown: u64,
    /// When everything is looked at, whatever was seen.
    full_at: Instant,
    /// Until when nothing is tried, because it failed.
    held_until: Option<Instant>,
}

impl Agenda {
    /// Everything is due at once.
    pub(super) fn new(now: Instant) -> Self {
        Self { here: Scope::Everything, folded: 0, shown: 0, full_at: now, held_until: None }
    }

    /// The disk changed.
    pub(super) fn changed_here(&mut self, scope: Scope) {
        self.here.merge(scope);
    }

    /// The log has a commit at `seq`.
    pub(super) fn shown(&mut self, seq: u64) {
        self.shown = self.shown.max(seq);
    }

    /// A node is there again: whatever was held is due now, and so is everything, since nobody told what happened meanwhile.
    pub(super) fn told_again(&mut self) {
        self.here = Scope::Everything;
        self.held_until = None;
    }

    /// Nobody tells what the log gains: it is looked at from time to time.
    pub(super) fn untold(&mut self, now: Instant) {
        self.full_at = self.full_at.min(now + Duration::from_secs(WATCH_POLL_SECONDS));
    }

    /// Takes the scope of the next round, if one is due. It may be nothing: the log alone has grown.
    pub(super) fn take_due(&mut self, now: Instant) -> Option<Scope> {
        if self.due_at(now) > now {
            return None;
        }
        if self.full_at <= now {
            self.here = Scope::Everything;
        }
        Some(self.here.take())
    }

    /// When to ask next whether a round is due: at once, or later.
    pub(super) fn due_at(&self, now: Instant) -> Instant {
        let is_due = !self.here.is_nothing() || self.shown > self.folded;
        let due = if is_due { now } else { self.full_at.max(now) };
        self.held_until.map_or(due, |held| held.max(due))
    }

    /// A round over `scope` came to its end, with the log folded up to `folded`.
    pub(super) fn done(&mut self, now: Instant, scope: &Scope, folded: u64) {
        self.folded = folded;
        self.held_until = None;
        if *scope == Scope::Everything {
            self.full_at = now + Duration::from_secs(WATCH_FULL_SECONDS);
        }
    }

    /// A round over `scope` is to be done again, not before `until`.
    pub(super) fn again(&mut self, scope: Scope, until: Instant) {
        self.here.merge(scope);
        self.held_until = Some(until);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::tree::TreePath;

    const SECOND: Duration = Duration::from_secs(1);

    fn folder(name: &str) -> Scope {
        Scope::Folders(BTreeSet::from([TreePath::parse(name).unwrap()]))
    }

    /// An agenda after its first round.
    fn settled(now: Instant) -> Agenda {
        let mut agenda = Agenda::new(now);
        assert_eq!(agenda.take_due(now), Some(Scope::Everything));
        agenda.done(now, &Scope::Everything, 3);
        assert_eq!(agenda.take_due(now), None);
        agenda
    }

    #[test]
    fn what_changed_is_due_and_only_once() {
        let now = Instant::now();
        let mut agenda = settled(now);
        agenda.changed_here(folder("a"));
        agenda.changed_here(folder("a"));
        assert_eq!(agenda.take_due(now), Some(folder("a")));
        assert_eq!(agenda.take_due(now), None);
    }

    /// Fails if this device's own commits, told back to it, make rounds.
    #[test]
    fn only_commits_that_are_not_folded_are_due() {
        let now = Instant::now();
        let mut agenda = settled(now);
        agenda.shown(3);
        assert_eq!(agenda.take_due(now), None);
        agenda.shown(5);
        agenda.shown(4);
        assert_eq!(agenda.take_due(now), Some(Scope::nothing()));
        agenda.done(now, &Scope::nothing(), 4);
        assert_eq!(agenda.take_due(now), Some(Scope::nothing()), "commit 5 came while 4 was folded");
        agenda.done(now, &Scope::nothing(), 5);
        assert_eq!(agenda.take_due(now), None);
    }

    #[test]
    fn what_failed_waits_and_loses_nothing() {
        let now = Instant::now();
        let mut agenda = settled(now);
        agenda.again(folder("a"), now + SECOND);
        agenda.changed_here(folder("b"));
        assert_eq!(agenda.take_due(now), None);
        assert_eq!(agenda.due_at(now), now + SECOND);
        let Some(Scope::Folders(folders)) = agenda.take_due(now + SECOND) else { panic!("not due") };
        assert_eq!(folders.len(), 2);
        agenda.again(folder("a"), now + 60 * SECOND);
        agenda.told_again();
        assert_eq!(agenda.take_due(now), Some(Scope::Everything));
    }

    #[test]
    fn everything_is_due_from_time_to_time_and_sooner_untold() {
        let now = Instant::now();
        let mut agenda = settled(now);
        let (full, poll) = (WATCH_FULL_SECONDS, WATCH_POLL_SECONDS);
        assert_eq!(agenda.due_at(now), now + Duration::from_secs(full));
        agenda.changed_here(folder("a"));
        assert_eq!(agenda.take_due(now + Duration::from_secs(full)), Some(Scope::Everything));
        agenda.done(now, &Scope::Everything, 3);
        agenda.untold(now);
        assert_eq!(agenda.take_due(now + Duration::from_secs(poll)), Some(Scope::Everything));
    }
}
