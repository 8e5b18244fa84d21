//! Work on many items that do not depend on each other, spread over the cores.

use std::panic::resume_unwind;
use std::sync::LazyLock;
use std::thread;

/// Fewer items are not worth a thread.
const SPREAD_MIN: usize = 16;

/// Threads that work at once, the caller's own among them.
static THREADS: LazyLock<usize> = LazyLock::new(|| thread::available_parallelism().map_or(1, usize::from));

/// What `work` makes of each item, in the order of the items.
pub(crate) fn spread<T: Sync, R: Send>(items: &[T], work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    if items.len() < SPREAD_MIN {
        return items.iter().map(work).collect();
    }
    let work_on = |part: &[T]| part.iter().map(&work).collect::<Vec<R>>();
    let (own, others) = items.split_at(items.len().div_ceil(*THREADS));
    let mut made = Vec::with_capacity(items.len());
    thread::scope(|scope| {
        let started: Vec<_> = others
            .chunks(own.len())
            .map(|part| (part, thread::Builder::new().spawn_scoped(scope, move || work_on(part))))
            .collect();
        made.extend(work_on(own));
        for (part, thread) in started {
            made.extend(match thread {
                Ok(thread) => thread.join().unwrap_or_else(|panic| resume_unwind(panic)),
                // The system gives no thread.
                Err(_) => work_on(part),
            });
        }
    });
    made
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_is_done_once_and_in_order() {
        for count in [0, 1, SPREAD_MIN - 1, SPREAD_MIN, SPREAD_MIN + 1, 1000, 1001] {
            let items: Vec<usize> = (0..count).collect();
            let doubled: Vec<usize> = items.iter().map(|item| item * 2).collect();
            assert_eq!(spread(&items, |item| item * 2), doubled, "{count} items");
        }
    }
}
