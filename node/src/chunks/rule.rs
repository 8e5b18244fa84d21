//! The rule of deletion: when a node may drop its copy of a chunk.
//!
//! A client builds a commit on receipts, and a receipt is a promise that a copy stays. The promise is kept without any
//! message between client and sweep, by two comparisons on one number line, the indices of the Raft log:
//!
//! - a copy is stamped with the index of the latest receipt given for it, and apply refuses a commit that rests on a
//!   receipt below the floor;
//! - so a copy with a stamp below the floor carries no promise that a commit could still redeem, and if no row needs it
//!   either, it is garbage.
//!
//! A copy outside every layout goes whatever its stamp was in that state; but a node may be assigned the chunk again, and
//! promise it, while sweep still acts on what it has read before. So a stamp from after that state holds the copy.
//!
//! This holds only if row and floor come from **one** applied state (however old), and if the stamp is compared and the
//! copy dropped in one step that no receipt can enter. `rule/model.rs` searches every interleaving of a small cluster
//! for a promise broken, and shows that without any one of these conditions one is.
//!
//! Pure: deliberately no store, no lock, no clock.

#[cfg(test)]
mod model;

use super::stamp::Stamp;

/// What one applied state says about one chunk on this node. All fields come from the same applied index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Need {
    /// Whether a commit's adds still hold the chunk.
    pub row: RowState,
    /// The index below which receipts are too old to commit on.
    pub floor: Stamp,
    /// Whether placement wants a copy here.
    pub duty: Duty,
    /// The applied index itself.
    pub as_of: Stamp,
}

/// Whether the applied state has a row for a chunk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RowState {
    /// Some commit added the chunk, and no purge took its row.
    Present,
    /// Nothing refers to the chunk: never committed, or released and purged.
    Absent,
}

/// Whether placement wants this node to hold a chunk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Duty {
    /// An active layout assigns the chunk to this node.
    Assigned,
    /// No active layout does, but the last change of layout has not settled: others may still copy from here.
    Leaving,
    /// No active layout does, and the last one has settled: every new replica reported its copies.
    Relieved,
}

/// Whether a copy with `stamp` may be dropped, given what the applied state says.
#[must_use]
pub fn may_delete(need: &Need, stamp: Stamp) -> bool {
    let unneeded = need.row == RowState::Absent && stamp < need.floor;
    let outside = need.duty == Duty::Relieved && stamp <= need.as_of;
    unneeded || outside
}

#[cfg(test)]
mod tests {
    use super::*;

    fn need(row: RowState, floor: u64, duty: Duty) -> Need {
        Need { row, floor: Stamp(floor), duty, as_of: Stamp(10) }
    }

    #[test]
    fn a_row_holds_its_copy() {
        assert!(!may_delete(&need(RowState::Present, 9, Duty::Assigned), Stamp(1)));
        assert!(!may_delete(&need(RowState::Present, 9, Duty::Leaving), Stamp(1)));
    }

    #[test]
    fn a_receipt_at_the_floor_still_holds() {
        assert!(!may_delete(&need(RowState::Absent, 9, Duty::Assigned), Stamp(9)));
        assert!(may_delete(&need(RowState::Absent, 9, Duty::Assigned), Stamp(8)));
    }

    #[test]
    fn a_relieved_node_keeps_nothing() {
        assert!(may_delete(&need(RowState::Present, 0, Duty::Relieved), Stamp(10)));
    }

    #[test]
    fn a_promise_from_after_the_state_holds() {
        assert!(!may_delete(&need(RowState::Present, 0, Duty::Relieved), Stamp(11)));
    }
}
