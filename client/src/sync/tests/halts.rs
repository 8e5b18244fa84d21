//! A run that is told to halt does so between two steps, and the next one goes on from there.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use vauban_protocol::space::Cutting;

use super::world::World;
use crate::content::Meter;
use crate::sync::{SyncError, Watcher};

/// Lets a run ask so many times whether it may go on, and then halts it.
#[derive(Debug)]
struct Halts {
    asked: AtomicU64,
    after: u64,
}

impl Meter for Halts {}

impl Watcher for Halts {
    fn goes_on(&self) -> bool {
        self.asked.fetch_add(1, Ordering::Relaxed) < self.after
    }
}

/// Halted at each of its questions in turn, with work in both directions: nothing is lost, doubled or reverted.
#[test]
fn a_halted_run_goes_on_where_it_stopped() {
    let mut halted = 0;
    for after in 0.. {
        let world = World::new(&["a", "b"], Cutting::Keyed);
        let (a, b) = (world.a(), world.b());
        a.write("kept", "1");
        a.write("gone", "2");
        a.sync();
        b.sync();
        b.remove("gone");
        b.rename("kept", "folder/moved");
        b.write("from b", vec![3; 400_000]);
        b.write("from b too", "4");
        b.sync();
        a.write("from a", vec![5; 400_000]);
        a.write("more/from a", "6");

        let ended = a.sync_watched(Arc::new(Halts { asked: AtomicU64::new(0), after }));
        let is_over = match ended {
            Err(SyncError::Halted) => false,
            other => other.unwrap().agreed,
        };
        halted += u64::from(!is_over);
        a.sync();
        b.sync();
        for device in [a, b] {
            assert_eq!(device.read("folder/moved"), b"1", "after {after}");
            assert_eq!(device.read("from b"), vec![3; 400_000]);
            assert_eq!(device.read("from a"), vec![5; 400_000]);
            assert_eq!((device.read("from b too"), device.read("more/from a")), (b"4".to_vec(), b"6".to_vec()));
            assert!(!device.has("gone") && !device.has("kept"));
        }
        assert!(a.sync().agreed && b.sync().agreed);
        if is_over {
            break;
        }
    }
    assert!(halted > 8, "a run asks often enough: {halted}");
}
