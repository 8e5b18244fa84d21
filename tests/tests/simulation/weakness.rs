//! The safety checks, each taken away in turn: what the check rests on is implemented a second time, so that it tells the check
//! what it wants to hear. The engine itself is what people run.

use crate::invariants::Invariant;

/// A check that is taken away.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Weakness {
    /// None is.
    #[default]
    None,
    /// Every removal is approved, by nobody (sync.md, rule 3).
    NoBrake,
    /// What an exchange displaced looks like what stood there before (rule 6).
    NoLookAtDisplaced,
    /// Between the survey and a step, and right after it, every file looks as the survey saw it (rules 1 and 6).
    NoSecondLook,
    /// An open file never looks changed (rule 5).
    NoLookAfterReading,
    /// Folders are not flushed before anything is agreed (rule 6).
    NoFolderFlush,
    /// Contents are not flushed before they land (rule 6).
    NoContentFlush,
    /// A folder that nothing is mounted on bears the mark (rule 2).
    NoMarkCheck,
    /// A folder that cannot be listed is an empty one (rule 2).
    FailedListingIsEmpty,
    /// What was agreed on with one folder counts for another (rule 7).
    BaseOfAnotherFolder,
    /// What a commit will settle is not noted before it is sent.
    NoPromise,
    /// The anchor does not reach the disk before a commit is sent (`formats#14`).
    AnchorNotFlushed,
    /// What a killed run left in Vauban's own folder is not looked for.
    NoRescue,
}

/// A life in which a check is missed once it is taken away, and what is violated then.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Caught {
    pub(crate) weakness: Weakness,
    pub(crate) seed: u64,
    pub(crate) invariant: Invariant,
}

const fn caught(weakness: Weakness, seed: u64, invariant: Invariant) -> Caught {
    Caught { weakness, seed, invariant }
}

/// All of them.
pub(crate) const WEAKNESSES: [Caught; 12] = [
    caught(Weakness::NoBrake, 16, Invariant::Removals),
    caught(Weakness::NoLookAtDisplaced, 996, Invariant::Runs),
    caught(Weakness::NoSecondLook, 157, Invariant::Trash),
    caught(Weakness::NoLookAfterReading, 104, Invariant::Reverts),
    caught(Weakness::NoFolderFlush, 0, Invariant::Runs),
    caught(Weakness::NoContentFlush, 0, Invariant::Runs),
    caught(Weakness::NoMarkCheck, 128, Invariant::Removals),
    caught(Weakness::FailedListingIsEmpty, 50, Invariant::Removals),
    caught(Weakness::BaseOfAnotherFolder, 152, Invariant::Removals),
    caught(Weakness::NoPromise, 1726, Invariant::Agreement),
    caught(Weakness::AnchorNotFlushed, 34, Invariant::Runs),
    caught(Weakness::NoRescue, 7, Invariant::Leaks),
];
