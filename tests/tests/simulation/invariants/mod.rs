//! What must hold, whatever happens; a file each.

pub(crate) mod agreement;
pub(crate) mod counters;
pub(crate) mod leaks;
pub(crate) mod losses;
pub(crate) mod removals;
pub(crate) mod reverts;
pub(crate) mod trash;

/// What was violated: a file each, but for the last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Invariant {
    Agreement,
    Counters,
    Leaks,
    Losses,
    Removals,
    Reverts,
    Trash,
    /// A run that nothing has disturbed ends well.
    Runs,
}
