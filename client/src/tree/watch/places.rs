//! Which watch is on which folder.
//!
//! The kernel names a watch by a number that it never uses twice, and a folder has one watch whatever it is called. So both
//! directions are kept, one to one.

use std::collections::{BTreeMap, HashMap};

use crate::tree::TreePath;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Places {
    paths: HashMap<i32, TreePath>,
    watches: BTreeMap<TreePath, i32>,
}

impl Places {
    /// Folders watched.
    pub(super) fn count(&self) -> usize {
        self.paths.len()
    }

    /// Notes that `watch` is on the folder at `path`; answers with another watch that was thought to be there.
    pub(super) fn put(&mut self, watch: i32, path: TreePath) -> Option<i32> {
        if let Some(before) = self.paths.insert(watch, path.clone())
            && before != path
        {
            self.watches.remove(&before);
        }
        let displaced = self.watches.insert(path, watch).filter(|other| *other != watch)?;
        self.paths.remove(&displaced);
        Some(displaced)
    }

    /// The folder that a watch is on.
    pub(super) fn path(&self, watch: i32) -> Option<&TreePath> {
        self.paths.get(&watch)
    }

    /// Whether a watch is on some folder.
    pub(super) fn knows(&self, watch: i32) -> bool {
        self.paths.contains_key(&watch)
    }

    /// Forgets one watch; answers with the folder that it was on.
    pub(super) fn forget(&mut self, watch: i32) -> Option<TreePath> {
        let path = self.paths.remove(&watch)?;
        self.watches.remove(&path);
        Some(path)
    }

    /// Forgets a folder and all below it; answers with their watches.
    pub(super) fn forget_below(&mut self, top: &TreePath) -> Vec<i32> {
        // Paths in order: those below a folder follow it without a gap.
        let below = self.watches.range(top..).take_while(|(path, _)| path.names().starts_with(top.names()));
        let watches: Vec<i32> = below.map(|(_, watch)| *watch).collect();
        watches.iter().for_each(|watch| drop(self.forget(*watch)));
        watches
    }

    /// All watches.
    pub(super) fn watches(&self) -> impl Iterator<Item = i32> {
        self.paths.keys().copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> TreePath {
        TreePath::parse(text).unwrap()
    }

    fn places() -> Places {
        let mut places = Places::default();
        for (watch, text) in [(1, ""), (2, "a"), (3, "a/b"), (4, "a/b/c"), (5, "a-b"), (6, "ab"), (7, "b")] {
            assert_eq!(places.put(watch, path(text)), None);
        }
        places
    }

    #[test]
    fn a_folder_goes_with_all_below_it_and_nothing_beside_it() {
        let mut places = places();
        let mut gone = places.forget_below(&path("a"));
        gone.sort_unstable();
        assert_eq!(gone, [2, 3, 4]);
        assert_eq!(places.count(), 4);
        assert!(places.path(5).is_some() && places.path(3).is_none());
        assert_eq!(places.forget_below(&path("a")), [0; 0]);
    }

    #[test]
    fn watches_and_folders_stay_one_to_one() {
        let mut places = places();
        // A folder that was moved, and one that took a name.
        assert_eq!(places.put(7, path("z")), None);
        assert_eq!(places.path(7), Some(&path("z")));
        assert_eq!(places.put(8, path("z")), Some(7));
        assert!(!places.knows(7) && places.knows(8));
        assert_eq!(places.forget(8), Some(path("z")));
        assert_eq!(places.forget(8), None);
        assert_eq!(places.count(), 6);
    }
}
