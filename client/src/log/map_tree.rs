//! A tree in memory: what tests and simulations fold into.

use std::collections::BTreeMap;
use std::convert::Infallible;

use super::entry::{EntryId, EntryName};
use super::fold::{Place, Tree};
use super::version::Version;

/// A tree of maps.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MapTree {
    places: BTreeMap<EntryId, Place>,
    names: BTreeMap<(EntryId, EntryName), EntryId>,
    versions: BTreeMap<EntryId, Version>,
}

impl MapTree {
    /// Every live entry but the root.
    pub fn entries(&self) -> impl Iterator<Item = (EntryId, &Place)> {
        self.places.iter().map(|(entry, place)| (*entry, place))
    }

    /// Whether an entry is live.
    #[must_use]
    pub fn has(&self, entry: EntryId) -> bool {
        self.places.contains_key(&entry)
    }

    /// The content of an entry.
    #[must_use]
    pub fn version(&self, entry: EntryId) -> Option<&Version> {
        self.versions.get(&entry)
    }
}

impl Tree for MapTree {
    type Error = Infallible;

    fn place(&self, entry: EntryId) -> Result<Option<Place>, Infallible> {
        Ok(self.places.get(&entry).cloned())
    }

    fn child(&self, parent: EntryId, name: &EntryName) -> Result<Option<EntryId>, Infallible> {
        Ok(self.names.get(&(parent, name.clone())).copied())
    }

    fn has_child(&self, parent: EntryId) -> Result<bool, Infallible> {
        Ok(self.places.values().any(|place| place.parent == parent))
    }

    fn put(&mut self, entry: EntryId, place: &Place) -> Result<(), Infallible> {
        if let Some(from) = self.places.insert(entry, place.clone()) {
            self.names.remove(&(from.parent, from.name));
        }
        self.names.insert((place.parent, place.name.clone()), entry);
        Ok(())
    }

    fn write(&mut self, entry: EntryId, version: &Version) -> Result<(), Infallible> {
        self.versions.insert(entry, version.clone());
        Ok(())
    }

    fn remove(&mut self, entry: EntryId) -> Result<(), Infallible> {
        if let Some(from) = self.places.remove(&entry) {
            self.names.remove(&(from.parent, from.name));
        }
        self.versions.remove(&entry);
        Ok(())
    }
}
