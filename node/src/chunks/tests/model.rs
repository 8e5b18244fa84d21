//! Any sequence of requests and restarts answers as a map of (id → stamp) would.

use std::collections::BTreeMap;
use std::path::Path;

use proptest::prelude::{Just, ProptestConfig, Strategy, prop_oneof};
use proptest::{collection, prop_assert_eq, proptest};

use super::{SPACE, Stamp, object, put, unneeded};
use crate::chunks::{ChunkStore, Deletion, StoreOptions, VerifiedChunk};

/// Distinct chunks in a story: few, so that requests meet.
const CHUNKS: u64 = 12;

#[derive(Debug, Clone)]
enum Step {
    Put(Vec<u64>, u64),
    Have(Vec<u64>, u64),
    DeleteIf(u64, u64),
    Reclaim,
    Restart,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let numbers = || collection::vec(0..CHUNKS, 1..6);
    let step = prop_oneof![
        4 => (numbers(), 0..50u64).prop_map(|(numbers, at)| Step::Put(numbers, at)),
        2 => (numbers(), 0..50u64).prop_map(|(numbers, at)| Step::Have(numbers, at)),
        4 => (0..CHUNKS, 0..50u64).prop_map(|(number, floor)| Step::DeleteIf(number, floor)),
        2 => Just(Step::Reclaim),
        1 => Just(Step::Restart),
    ];
    collection::vec(step, 1..40)
}

fn chunk(number: u64) -> VerifiedChunk {
    object(number, 100 + number as usize * 700)
}

fn open(root: &Path) -> ChunkStore {
    ChunkStore::open(root, StoreOptions { segment_bytes: 8 * 1024, ..StoreOptions::default() }).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn the_store_answers_as_a_map_would(steps in steps()) {
        let root = tempfile::tempdir().unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let mut expected = BTreeMap::<u64, u64>::new();
        let mut store = open(root.path());
        for step in steps {
            match step {
                Step::Put(numbers, at) => {
                    let chunks: Vec<_> = numbers.iter().map(|number| chunk(*number)).collect();
                    runtime.block_on(put(&store, &chunks, at)).unwrap();
                    for number in numbers {
                        let stamp = expected.entry(number).or_insert(at);
                        *stamp = at.max(*stamp);
                    }
                }
                Step::Have(numbers, at) => {
                    let ids = numbers.iter().map(|number| chunk(*number).id()).collect();
                    let held = runtime.block_on(store.have(SPACE, ids, Stamp(at))).unwrap();
                    for (number, held) in numbers.into_iter().zip(held) {
                        prop_assert_eq!(held, expected.contains_key(&number));
                        expected.entry(number).and_modify(|stamp| *stamp = at.max(*stamp));
                    }
                }
                Step::DeleteIf(number, floor) => {
                    let answer = runtime.block_on(store.delete_if(SPACE, chunk(number).id(), unneeded(floor))).unwrap();
                    let right = match expected.get(&number) {
                        None => Deletion::Absent,
                        Some(stamp) if *stamp < floor => Deletion::Deleted,
                        Some(_) => Deletion::Needed,
                    };
                    prop_assert_eq!(answer, right);
                    if right == Deletion::Deleted {
                        expected.remove(&number);
                    }
                }
                Step::Reclaim => drop(runtime.block_on(store.reclaim()).unwrap()),
                Step::Restart => {
                    drop(store);
                    store = open(root.path());
                }
            }
            prop_assert_eq!(store.stats().unwrap().chunks, expected.len() as u64);
        }
        for number in 0..CHUNKS {
            let whole = chunk(number);
            let object = runtime.block_on(store.get(SPACE, whole.id())).unwrap();
            prop_assert_eq!(object.as_ref(), expected.contains_key(&number).then_some(whole.object()));
            let stamp = runtime.block_on(super::stamp_of(&store, whole.id()));
            prop_assert_eq!(stamp, expected.get(&number).map(|stamp| Stamp(*stamp)));
        }
    }
}
