//! The rule as the store carries it out: what sweep may take, and what a receipt in time saves.

use super::{Duty, Need, RowState, SPACE, Stamp, object, open, put, unneeded};
use crate::chunks::Deletion;

#[tokio::test]
async fn sweep_takes_only_what_the_rule_allows() {
    let root = tempfile::tempdir().unwrap();
    let chunk = object(1, 5000);
    let id = chunk.id();
    {
        let store = open(root.path());
        put(&store, &[chunk], 10).await.unwrap();
        let rowed = Need { row: RowState::Present, ..unneeded(99) };
        assert_eq!(store.delete_if(SPACE, id, rowed).await.unwrap(), Deletion::Needed);
        assert_eq!(store.delete_if(SPACE, id, unneeded(10)).await.unwrap(), Deletion::Needed);
        assert_eq!(store.delete_if(SPACE, id, unneeded(11)).await.unwrap(), Deletion::Deleted);
        assert_eq!(store.delete_if(SPACE, id, unneeded(11)).await.unwrap(), Deletion::Absent);
        assert_eq!(store.get(SPACE, id).await.unwrap(), None);
    }
    let store = open(root.path());
    assert_eq!(store.get(SPACE, id).await.unwrap(), None);
    assert_eq!((store.stats().unwrap().chunks, store.stats().unwrap().object_bytes), (0, 0));
}

#[tokio::test]
async fn a_relieved_node_gives_up_even_rowed_chunks() {
    let root = tempfile::tempdir().unwrap();
    let store = open(root.path());
    let chunk = object(1, 10);
    put(&store, std::slice::from_ref(&chunk), 10).await.unwrap();
    let leaving = Need { row: RowState::Present, floor: Stamp(0), duty: Duty::Leaving, as_of: Stamp(10) };
    assert_eq!(store.delete_if(SPACE, chunk.id(), leaving).await.unwrap(), Deletion::Needed);
    let relieved = Need { duty: Duty::Relieved, ..leaving };
    assert_eq!(store.delete_if(SPACE, chunk.id(), relieved).await.unwrap(), Deletion::Deleted);
}

#[tokio::test]
async fn sweep_after_reupload_keeps_the_new_promise() {
    let root = tempfile::tempdir().unwrap();
    let store = open(root.path());
    let chunk = object(1, 5000);
    put(&store, std::slice::from_ref(&chunk), 10).await.unwrap();
    put(&store, std::slice::from_ref(&chunk), 20).await.unwrap();
    assert_eq!(store.delete_if(SPACE, chunk.id(), unneeded(15)).await.unwrap(), Deletion::Needed);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_receipt_and_a_sweep_never_both_win() {
    const ROUNDS: u64 = 200;
    let root = tempfile::tempdir().unwrap();
    let store = open(root.path());
    for round in 0..ROUNDS {
        let chunk = object(round, 64);
        let id = chunk.id();
        put(&store, &[chunk], 10).await.unwrap();
        let (asking, sweeping) = (store.clone(), store.clone());
        let have = tokio::spawn(async move { asking.have(SPACE, vec![id], Stamp(20)).await.unwrap()[0] });
        let sweep = tokio::spawn(async move { sweeping.delete_if(SPACE, id, unneeded(15)).await.unwrap() });
        let (promised, swept) = (have.await.unwrap(), sweep.await.unwrap());
        assert_eq!(promised, swept == Deletion::Needed, "round {round}: promised {promised}, {swept:?}");
        assert_eq!(store.get(SPACE, id).await.unwrap().is_some(), promised);
    }
}
