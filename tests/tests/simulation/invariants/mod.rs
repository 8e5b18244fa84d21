//! What must hold, whatever happens; a file each.

pub(crate) mod agreement;
pub(crate) mod counters;
pub(crate) mod leaks;
pub(crate) mod losses;
pub(crate) mod removals;
pub(crate) mod reverts;
