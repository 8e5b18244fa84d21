//! Changes of names that a power cut may still take, and which of them rest on which.

use super::volume::Serial;

/// A change of names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Change {
    Create { folder: Serial, name: String, thing: Serial },
    Remove { folder: Serial, name: String, thing: Serial },
    Rename { from: (Serial, String), to: (Serial, String), moved: Serial, displaced: Option<Serial>, ctime_ns: i64 },
}

/// A change that is not durable.
#[derive(Debug, Clone)]
pub(super) struct Pending {
    pub(super) change: Change,
    /// Whether it moves a folder: such changes reach the disk in their order.
    pub(super) is_of_folder: bool,
}

impl Pending {
    /// What it is about.
    pub(super) fn things(&self) -> Vec<Serial> {
        match &self.change {
            Change::Create { thing, .. } | Change::Remove { thing, .. } => vec![*thing],
            Change::Rename { moved, displaced, .. } => [Some(*moved), *displaced].into_iter().flatten().collect(),
        }
    }

    /// The names that it is about.
    fn spots(&self) -> Vec<(Serial, &str)> {
        match &self.change {
            Change::Create { folder, name, .. } | Change::Remove { folder, name, .. } => vec![(*folder, name.as_str())],
            Change::Rename { from, to, .. } => vec![(from.0, from.1.as_str()), (to.0, to.1.as_str())],
        }
    }

    /// Whether it is about a name in `folder`.
    pub(super) fn is_in(&self, folder: Serial) -> bool {
        self.spots().iter().any(|(of, _)| *of == folder)
    }

    /// Whether this cannot have reached the disk without `earlier`.
    pub(super) fn rests_on(&self, earlier: &Self) -> bool {
        let (mine, its) = (self.spots(), earlier.spots());
        let shares_a_spot = mine.iter().any(|spot| its.contains(spot));
        let (my_things, its_things) = (self.things(), earlier.things());
        // A folder is there before anything is in it, and empty before it goes.
        let is_of_my_folder = mine.iter().any(|(folder, _)| its_things.contains(folder));
        let is_removal = matches!(self.change, Change::Remove { .. });
        let empties_mine = is_removal && its.iter().any(|(folder, _)| my_things.contains(folder));
        let shares_a_thing = my_things.iter().any(|thing| its_things.contains(thing));
        shares_a_spot
            || is_of_my_folder
            || empties_mine
            || shares_a_thing
            || (self.is_of_folder && earlier.is_of_folder)
    }
}
