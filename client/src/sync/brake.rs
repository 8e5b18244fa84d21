//! The brake: removals and damage in bulk wait for a person (sync.md, rule 3). Pure.
//!
//! What was carried out within the last hour counts, too, against the tree at its start: ten times a tenth is everything. A
//! folder that was emptied altogether waits whatever its size, since a disk that is not there looks like that.

use serde::{Deserialize, Serialize};

use crate::limit::{BRAKE_DAMAGED, BRAKE_ENTRIES, BRAKE_ENTRIES_EVER, BRAKE_PERCENT};
use crate::state::cache::Toll;

/// What carrying a plan out would take.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Taking {
    /// Entries removed from the log.
    pub(crate) removed_there: u64,
    /// Entries removed from the disk.
    pub(crate) removed_here: u64,
    /// Files of the log whose new content has lost its type.
    pub(crate) damaged_there: u64,
}

/// What the last hour took already, to each side, and what there is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Hour {
    /// From the log.
    pub(crate) there: Option<Toll>,
    /// From the disk.
    pub(crate) here: Option<Toll>,
    /// Entries that are agreed on now.
    pub(crate) tree: u64,
    /// Whether the synced folder was found empty, though it was not.
    pub(crate) is_emptied: bool,
}

/// Who decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Approval {
    /// The brake.
    Ask,
    /// A person has looked at it, and wants it so.
    Given,
}

/// What the brake holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Held {
    /// Removals from the log.
    pub removals_there: bool,
    /// Removals from the disk.
    pub removals_here: bool,
    /// Versions for the log that have lost their type.
    pub damage_there: bool,
    /// Versions for the disk that have lost their type.
    pub damage_here: bool,
}

impl Held {
    /// What a round holds; what had not landed when the round before ended is still held.
    pub fn take(&mut self, round: Self) {
        *self = Self { damage_here: self.damage_here, ..round };
    }

    /// Whether it holds anything.
    #[must_use]
    pub fn is_any(self) -> bool {
        self.removals_there || self.removals_here || self.damage_there || self.damage_here
    }
}

/// Says what is held of `taking`.
#[must_use]
pub(crate) fn judge(taking: Taking, hour: &Hour, approval: Approval) -> Held {
    if approval == Approval::Given {
        return Held::default();
    }
    let emptied = hour.is_emptied && taking.removed_there > 0;
    Held {
        removals_there: emptied || is_bulk(taking.removed_there, hour.there, hour.tree),
        removals_here: is_bulk(taking.removed_here, hour.here, hour.tree),
        damage_there: is_damage_bulk(taking.damaged_there, hour.there),
        damage_here: false,
    }
}

/// Whether `damaged` more files without their type are too many.
#[must_use]
pub(crate) fn is_damage_bulk(damaged: u64, hour: Option<Toll>) -> bool {
    damaged > 0 && hour.unwrap_or_default().damaged.saturating_add(damaged) >= BRAKE_DAMAGED
}

fn is_bulk(removed: u64, hour: Option<Toll>, tree: u64) -> bool {
    let before = hour.unwrap_or(Toll { tree, ..Toll::default() });
    let all = before.removed.saturating_add(removed);
    let is_share = all.saturating_mul(100) >= before.tree.saturating_mul(BRAKE_PERCENT);
    removed > 0 && (all >= BRAKE_ENTRIES_EVER || (all >= BRAKE_ENTRIES && is_share))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn held(removed: u64, tree: u64, before: Option<Toll>) -> bool {
        let hour = Hour { there: before, tree, ..Hour::default() };
        let there = judge(Taking { removed_there: removed, ..Taking::default() }, &hour, Approval::Ask).removals_there;
        let hour = Hour { here: before, tree, ..Hour::default() };
        let here = judge(Taking { removed_here: removed, ..Taking::default() }, &hour, Approval::Ask).removals_here;
        assert_eq!(there, here, "both directions alike");
        there
    }

    #[test]
    fn bulk_is_a_share_of_the_tree_or_very_many() {
        assert!(!held(49, 49, None), "few");
        assert!(held(50, 100, None));
        assert!(!held(50, 200, None), "a small share");
        assert!(held(60, 200, None));
        assert!(!held(499, 1_000_000, None));
        assert!(held(500, 1_000_000, None));
        assert!(!held(0, 0, None));
    }

    #[test]
    fn slow_ransomware_trips_brake() {
        let before = Some(Toll { removed: 40, damaged: 19, tree: 150 });
        assert!(held(10, 110, before), "a little at a time is as much");
        assert!(!held(0, 110, before), "nothing more, nothing held");
        assert!(is_damage_bulk(1, before) && !is_damage_bulk(0, before) && !is_damage_bulk(19, None));
    }

    /// Each step for itself, without what the hour before it took, trips nothing.
    #[test]
    fn control_of_slow_ransomware_trips_brake() {
        assert!(!held(10, 110, None) && !is_damage_bulk(1, None));
    }

    #[test]
    fn an_emptied_folder_waits_whatever_its_size() {
        let hour = Hour { tree: 3, is_emptied: true, ..Hour::default() };
        let taking = Taking { removed_there: 3, ..Taking::default() };
        assert!(judge(taking, &hour, Approval::Ask).removals_there);
        assert!(!judge(taking, &hour, Approval::Given).is_any());
    }
}
