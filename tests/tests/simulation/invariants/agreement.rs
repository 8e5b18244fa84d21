//! Once faults stop, all clients agree: within a bounded number of rounds nothing is left to do, and all trees are the same.
//!
//! Where one person alone wrote, that person's tree is what all agree on, and no conflict copy is in it.

use std::collections::BTreeMap;

use crate::disk::Seen;
use crate::invariants::Invariant;
use crate::ledger::Ledger;

/// Rounds in which every device has run, until all must be quiet.
pub(crate) const ROUNDS_MAX: usize = 10;

/// Judges the trees once all is quiet.
pub(crate) fn judge(ledger: &mut Ledger, trees: &[(usize, BTreeMap<String, Seen>)]) {
    let Some((first, expected)) = trees.first() else { return };
    for (device, tree) in trees {
        if tree != expected {
            let differing: Vec<_> = expected
                .iter()
                .filter(|(path, seen)| tree.get(*path) != Some(seen))
                .chain(tree.iter().filter(|(path, _)| !expected.contains_key(*path)))
                .map(|(path, _)| path)
                .collect();
            ledger
                .violate(Invariant::Agreement, &format!("devices {first} and {device} do not agree on {differing:?}"));
        }
    }
}

/// Judges what became of the tree of one who wrote alone.
pub(crate) fn judge_lone(ledger: &mut Ledger, meant: &BTreeMap<String, Seen>, tree: &BTreeMap<String, Seen>) {
    if let Some(copy) = tree.keys().find(|path| path.contains("(conflit ")) {
        ledger.violate(Invariant::Agreement, &format!("one wrote alone, and {copy} is a conflict"));
    }
    if meant != tree {
        let names = |tree: &BTreeMap<String, Seen>, other: &BTreeMap<String, Seen>| {
            let differing = tree.iter().filter(|(path, seen)| other.get(*path) != Some(seen));
            differing.map(|(path, seen)| format!("{path} {seen:?}")).collect::<Vec<_>>()
        };
        ledger.violate(
            Invariant::Agreement,
            &format!(
                "one wrote alone, and is contradicted: meant {:?}, found {:?}",
                names(meant, tree),
                names(tree, meant)
            ),
        );
    }
}
