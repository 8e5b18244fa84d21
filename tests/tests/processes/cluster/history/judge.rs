//! The model: a space is one register that holds its head; a commit moves it from one head to the next, a refusal and a read name it.
//!
//! The log itself says in which order the heads came, so what a search would have to find is known: each answer has its place, between
//! the commit that made its head and the next. A history is linearizable if and only if no answer was had before a question was asked
//! whose own answer has an earlier place.

use std::collections::BTreeSet;

use vauban_protocol::chain::Head;

/// What one device asked and was told. Moments are counted, whoever asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Event {
    pub(super) asked: u64,
    pub(super) answered: u64,
    pub(super) told: Told,
}

/// What it was told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Told {
    /// Its commit has led to this head.
    Committed(Head),
    /// Its commit came too late: this was the head.
    Late(Head),
    /// A node has applied up to here.
    Read(Head),
}

/// Whether all of this can have been told by one log, whose heads are given by their numbers.
pub(super) fn judge(heads: &[Head], events: &[Event]) -> anyhow::Result<()> {
    let mut made = BTreeSet::new();
    let mut placed: Vec<(u64, Event)> = Vec::with_capacity(events.len());
    for event in events {
        let (Told::Committed(head) | Told::Late(head) | Told::Read(head)) = event.told;
        let number = usize::try_from(head.seq)?;
        anyhow::ensure!(heads.get(number) == Some(&head), "a head that is not in the log: {event:?}");
        let is_commit = matches!(event.told, Told::Committed(_));
        anyhow::ensure!(!is_commit || made.insert(head.seq), "two commits led to one head: {event:?}");
        placed.push((2 * head.seq + u64::from(!is_commit), *event));
    }
    placed.sort_by_key(|(_, event)| event.asked);
    let is_read = |event: &Event| matches!(event.told, Told::Read(_));

    // What was answered before a question was asked comes before its answer. A node may lag, so that is not asked of reads.
    let mut answered: Vec<&(u64, Event)> = placed.iter().filter(|(_, event)| !is_read(event)).collect();
    answered.sort_by_key(|(_, event)| event.answered);
    let mut earlier = answered.into_iter().peekable();
    let mut latest: Option<&(u64, Event)> = None;
    for (place, event) in placed.iter().filter(|(_, event)| !is_read(event)) {
        while let Some(before) = earlier.next_if(|(_, before)| before.answered < event.asked) {
            latest = latest.max_by_place(before);
        }
        if let Some((other, before)) = latest {
            anyhow::ensure!(other <= place, "{before:?} was over before {event:?} began");
        }
    }
    // Nobody reads what nobody has begun to commit.
    for (place, read) in placed.iter().filter(|(_, event)| is_read(event)) {
        let future = placed.iter().find(|(other, event)| {
            matches!(event.told, Told::Committed(_)) && other < place && event.asked > read.answered
        });
        anyhow::ensure!(future.is_none(), "{read:?} shows what began later: {future:?}");
    }
    Ok(())
}

/// The later of two places.
trait Latest<'a> {
    fn max_by_place(self, other: &'a (u64, Event)) -> Option<&'a (u64, Event)>;
}

impl<'a> Latest<'a> for Option<&'a (u64, Event)> {
    fn max_by_place(self, other: &'a (u64, Event)) -> Self {
        match self {
            Some(one) if one.0 >= other.0 => Some(one),
            _ => Some(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use vauban_protocol::id::Digest;

    use super::*;

    fn log() -> Vec<Head> {
        let mut heads = vec![Head::of_genesis(Digest([0; 32]))];
        for byte in 1..5 {
            let next = heads[heads.len() - 1].after(Digest([byte; 32]));
            heads.push(next);
        }
        heads
    }

    fn judged(events: &[(u64, u64, Told)]) -> anyhow::Result<()> {
        let events: Vec<Event> = events
            .iter()
            .map(|(asked, answered, told)| Event { asked: *asked, answered: *answered, told: *told })
            .collect();
        judge(&log(), &events)
    }

    #[test]
    fn answers_that_one_log_could_have_given_pass() {
        let log = log();
        judged(&[(0, 3, Told::Committed(log[1])), (1, 2, Told::Late(log[1])), (4, 5, Told::Late(log[1]))]).unwrap();
        // Both are under way at once: either may come first.
        judged(&[(0, 5, Told::Committed(log[2])), (1, 4, Told::Committed(log[1])), (2, 3, Told::Read(log[2]))])
            .unwrap();
        // A node that lags.
        judged(&[(0, 1, Told::Committed(log[1])), (2, 3, Told::Read(log[0]))]).unwrap();
    }

    #[test]
    fn each_answer_that_no_log_gives_is_found() {
        let log = log();
        let other = log[0].after(Digest([9; 32]));
        let wrong: [&[(u64, u64, Told)]; 6] = [
            &[(0, 1, Told::Committed(other))],
            &[(0, 1, Told::Late(other))],
            &[(0, 1, Told::Committed(log[1])), (2, 3, Told::Committed(log[1]))],
            &[(0, 1, Told::Committed(log[2])), (2, 3, Told::Committed(log[1]))],
            &[(0, 1, Told::Committed(log[2])), (2, 3, Told::Late(log[1]))],
            &[(0, 1, Told::Read(log[1])), (2, 3, Told::Committed(log[1]))],
        ];
        for events in wrong {
            assert!(judged(events).is_err(), "{events:?}");
        }
    }
}
