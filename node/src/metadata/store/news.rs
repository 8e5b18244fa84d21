//! Who is told that a space has grown: those who follow it, and nobody else.
//!
//! A watch channel for each space that somebody follows, made when the first comes; those that all have left are forgotten
//! before the table grows. It carries no state: whoever is told reads the replica, which shows what was applied before it tells. A change costs a look-up for
//! each space that it touches, however many others are followed.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;
use vauban_protocol::id::SpaceId;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct News(Mutex<HashMap<SpaceId, watch::Sender<()>>>);

impl News {
    /// From now on, is told of each change of `space`.
    pub(super) fn of(&self, space: SpaceId) -> watch::Receiver<()> {
        let mut followed = self.followed();
        if followed.len() == followed.capacity() {
            // Looked through only when it would grow, and grown when that frees little: a coming costs the same, on average.
            followed.retain(|_, told| told.receiver_count() > 0);
            let kept = followed.len();
            followed.reserve(kept.max(1));
        }
        followed.entry(space).or_insert_with(|| watch::Sender::new(())).subscribe()
    }

    /// These spaces have changed.
    pub(super) fn tell<'a>(&self, spaces: impl Iterator<Item = &'a SpaceId>) {
        let followed = self.followed();
        for told in spaces.filter_map(|space| followed.get(space)) {
            told.send_replace(());
        }
    }

    /// Any space may have changed.
    pub(super) fn tell_all(&self) {
        self.followed().values().for_each(|told| told.send_replace(()));
    }

    fn followed(&self) -> MutexGuard<'_, HashMap<SpaceId, watch::Sender<()>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: SpaceId = SpaceId([1; 16]);
    const OTHER: SpaceId = SpaceId([2; 16]);

    #[test]
    fn followers_are_told_of_their_own_space_alone() {
        let news = News::default();
        let (mut one, mut other) = (news.of(ONE), news.of(OTHER));
        news.tell([ONE].iter());
        assert!(one.has_changed().unwrap() && !other.has_changed().unwrap());
        one.mark_unchanged();
        news.tell_all();
        assert!(one.has_changed().unwrap() && other.has_changed().unwrap());
        other.mark_unchanged();
    }

    #[test]
    fn spaces_that_nobody_follows_take_no_memory() {
        let news = News::default();
        let _one = news.of(ONE);
        for number in 0..10_000u16 {
            let [high, low] = number.to_le_bytes();
            let mut id = [3; 16];
            (id[0], id[1]) = (high, low);
            drop(news.of(SpaceId(id)));
        }
        assert!(news.followed().capacity() < 100);
        assert!(news.followed().contains_key(&ONE));
    }
}
