//! Rounds that look at a part alone, what changed or as much as one look takes: a look at everything, right after one, finds nothing
//! that it has missed.

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use vauban_protocol::space::Cutting;

use super::histories::{Dice, Manner, act, look_on, sync};
use super::node::ModelNode;
use super::world::{Device, World};
use crate::sync::{Approval, OpenSpace, Summary};
use crate::tree::{Scope, TreePath};

/// Histories that a run of the tests plays; `VAUBAN_HISTORIES=FIRST..LAST` chooses others.
const HISTORIES: std::ops::Range<u64> = 0..24;

/// What a watcher would know of a disk: each folder's listing.
type Listings = BTreeMap<TreePath, Vec<(String, u64, u64, i64)>>;

/// A device that stays, with what it saw of its disk last.
struct Staying<'a> {
    device: &'a Device,
    space: OpenSpace<ModelNode>,
    seen: Listings,
    /// What was seen to change, and no round was told of yet.
    untold: Scope,
}

/// How a history is played.
#[derive(Debug, Clone, Copy)]
struct Play {
    /// Whether some of what changes is never told.
    misses_news: bool,
    /// Entries that one look may find to differ.
    entries_max: usize,
}

impl<'a> Staying<'a> {
    fn new(device: &'a Device, entries_max: usize) -> Self {
        let mut space = device.open().unwrap();
        space.entries_max = entries_max;
        let mut staying = Self { device, space, seen: listings(device), untold: Scope::nothing() };
        staying.round(&Scope::Everything).unwrap();
        staying.seen = listings(device);
        staying
    }

    /// Which folders changed since this was asked last.
    fn changed(&mut self) -> BTreeSet<TreePath> {
        let now = listings(self.device);
        let changed = now.iter().filter(|(folder, listing)| self.seen.get(*folder) != Some(listing));
        let changed = changed.map(|(folder, _)| folder.clone()).collect();
        self.seen = now;
        changed
    }

    fn round(&mut self, scope: &Scope) -> Result<Summary, crate::sync::SyncError> {
        self.device.sync_changed(&mut self.space, scope, Approval::Given)
    }
}

fn listings(device: &Device) -> Listings {
    let mut found = BTreeMap::new();
    list(&device.path(""), &TreePath::root(), &mut found);
    found
}

fn list(folder: &Path, path: &TreePath, found: &mut Listings) {
    let mut listing = Vec::new();
    for item in std::fs::read_dir(folder).unwrap() {
        let item = item.unwrap();
        let (name, metadata) = (item.file_name().into_string().unwrap(), item.metadata().unwrap());
        if name == ".vauban" {
            continue;
        }
        if metadata.is_dir() {
            let below = TreePath::parse(&format!("{path}/{name}")).unwrap();
            list(&item.path(), &below, found);
            listing.push((name, metadata.ino(), 0, 0));
        } else {
            listing.push((
                name,
                metadata.ino(),
                metadata.size(),
                metadata.ctime() * 1_000_000_000 + metadata.ctime_nsec(),
            ));
        }
    }
    listing.sort();
    found.insert(path.clone(), listing);
}

fn play(seed: u64, Play { misses_news, entries_max }: Play) {
    let mut dice = Dice(seed);
    let world = World::new(&["poste", "portable"], Cutting::Keyed);
    let (mut story, mut in_log, mut count) = (vec![format!("history {seed}")], BTreeSet::new(), 0);
    let mut staying: Vec<_> = world.devices.iter().map(|device| Staying::new(device, entries_max)).collect();
    for _ in 0..6 {
        for staying in &mut staying {
            for _ in 0..dice.roll(6) {
                story.push(act(staying.device, &mut dice, &mut count, Manner::Plain));
            }
            for folder in staying.changed() {
                if !misses_news || dice.roll(3) > 0 {
                    staying.untold.add(&folder);
                }
            }
        }
        for staying in &mut staying {
            if dice.roll(3) == 0 {
                continue;
            }
            let scope = staying.untold.take();
            story.push(format!("{} looks at {scope:?}", staying.device.name));
            let summary = look_on(staying.device, &mut in_log, &story.clone(), || staying.round(&scope));
            story.push(format!("{} syncs: {summary:?}", staying.device.name));
            if !misses_news && dice.roll(2) == 0 {
                let whole = sync(staying.device, &mut in_log, &story);
                assert!(whole.is_quiet(), "{whole:?} was missed: {story:#?}");
            }
            staying.seen = listings(staying.device);
        }
    }
    for turn in 0.. {
        let mut quiet = 0;
        for device in &world.devices {
            let summary = sync(device, &mut in_log, &story);
            quiet += usize::from(summary.is_quiet());
            story.push(format!("{} settles: {summary:?}", device.name));
        }
        if quiet == world.devices.len() {
            break;
        }
        assert!(turn < 5, "they never agree: {story:#?}");
    }
    assert_eq!(world.a().tree(), world.b().tree(), "{story:#?}");
}

fn histories() -> std::ops::Range<u64> {
    let chosen = std::env::var("VAUBAN_HISTORIES").ok().and_then(|range| {
        let (first, last) = range.split_once("..")?;
        Some(first.parse().ok()?..last.parse().ok()?)
    });
    chosen.unwrap_or(HISTORIES)
}

#[test]
fn a_look_at_what_changed_misses_nothing() {
    histories().for_each(|seed| play(seed, Play { misses_news: false, entries_max: usize::MAX }));
}

/// Whoever is not told of everything finds it later, and takes nothing for gone meanwhile.
#[test]
fn news_that_never_came_cost_nothing() {
    histories().for_each(|seed| play(seed, Play { misses_news: true, entries_max: usize::MAX }));
}

/// Fails if a part of a tree is taken for all of it.
#[test]
fn a_look_at_one_part_after_another_misses_nothing() {
    histories().for_each(|seed| {
        play(seed, Play { misses_news: false, entries_max: 1 });
        play(seed, Play { misses_news: true, entries_max: 3 });
    });
}
