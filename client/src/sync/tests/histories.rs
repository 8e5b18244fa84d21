//! Histories that nobody would write down: two devices do what they like, and agree in the end without having lost anything.

use std::collections::BTreeSet;
use std::path::Path;

use vauban_protocol::space::Cutting;

use super::world::{Device, World};
use crate::state::SelectionMode;
use crate::sync::{Approval, Problem, Summary, SyncError};
use crate::tree::IGNORE_FILE;

/// Histories that a run of the tests plays; `VAUBAN_HISTORIES=FIRST..LAST` chooses others.
const HISTORIES: std::ops::Range<u64> = 0..24;
const NAMES: [&str; 4] = ["a", "b", "c", "A"];
/// What a `.vaubanignore` may say.
const RULES: [&str; 6] = ["a\n", "b/\n", "*\n!c\n", "/a/b\nc\n", "A/\n!a\n", ""];

/// Which acts people do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Manner {
    /// Writing, renaming, removing.
    Plain,
    /// That, and changing rules and selections.
    Choosy,
    /// Writing, and changing rules and selections: nobody removes anything.
    Gentle,
}

/// Numbers from a seed (SplitMix64).
pub(super) struct Dice(pub(super) u64);

impl Dice {
    pub(super) fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut word = self.0;
        word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((word ^ (word >> 31)) % sides as u64) as usize
    }

    fn path(&mut self) -> String {
        let depth = 1 + self.roll(3);
        (0..depth).map(|_| NAMES[self.roll(NAMES.len())]).collect::<Vec<_>>().join("/")
    }
}

/// Something a person may do to a folder; what the disk refuses is not done.
pub(super) fn act(device: &Device, dice: &mut Dice, count: &mut u32, manner: Manner) -> String {
    let (path, to) = (dice.path(), dice.path());
    let parent = |path: &str| std::fs::create_dir_all(device.path(path).parent().unwrap());
    match dice.roll(8) {
        0..=6 if manner == Manner::Gentle => {
            *count += 1;
            // A new name each time, in a folder that is there or is made; a file on the way is not replaced.
            let path = format!("{path}{count}");
            let done = parent(&path).and_then(|()| std::fs::write(device.path(&path), count.to_string()));
            format!("{} writes {path} ({count}): {}", device.name, done.is_ok())
        }
        0..=2 => {
            *count += 1;
            let content = format!("{count} {}", "x".repeat(dice.roll(3)));
            let done = parent(&path).and_then(|()| std::fs::write(device.path(&path), &content));
            format!("{} writes {path} ({content}): {}", device.name, done.is_ok())
        }
        3..=5 => {
            let (from, into) = (device.path(&path), device.path(&to));
            let done = parent(&to).and_then(|()| std::fs::rename(from, into));
            format!("{} renames {path} to {to}: {}", device.name, done.is_ok())
        }
        6 => {
            let done =
                std::fs::remove_dir_all(device.path(&path)).or_else(|_| std::fs::remove_file(device.path(&path)));
            format!("{} removes {path}: {}", device.name, done.is_ok())
        }
        _ => {
            let done = std::fs::create_dir_all(device.path(&path));
            format!("{} makes {path}: {}", device.name, done.is_ok())
        }
    }
}

/// Something a person may choose about what is synced.
fn choose(device: &Device, dice: &mut Dice) -> String {
    if dice.roll(2) == 0 {
        let (rules, folder) = (RULES[dice.roll(RULES.len())], ["", "a/", "b/"][dice.roll(3)]);
        let path = format!("{folder}{IGNORE_FILE}");
        let done = std::fs::write(device.path(&path), rules);
        return format!("{} writes {path} ({rules:?}): {}", device.name, done.is_ok());
    }
    let (mode, path) = ([SelectionMode::Without, SelectionMode::Only][dice.roll(2)], dice.path());
    device.select(mode, &[&path]);
    format!("{} selects {mode:?} {path}", device.name)
}

/// Takes every rule and choice back.
fn choose_all(device: &Device) {
    device.select(SelectionMode::Without, &[]);
    for name in device.tree().into_keys() {
        if Path::new(&name).file_name().is_some_and(|name| name.to_str().unwrap().starts_with(IGNORE_FILE)) {
            device.remove(&name);
        }
    }
}

/// The contents that stand where they take part.
fn taking_part(device: &Device) -> BTreeSet<Vec<u8>> {
    let apart: Vec<_> = device.apart().listed.into_iter().filter(|item| item.is_here).map(|item| item.path).collect();
    let is_apart = |name: &String| apart.iter().any(|path| Path::new(name).starts_with(path));
    let tree = device.tree();
    let files = tree.into_iter().filter(|(name, what)| what != "folder" && !is_apart(name));
    files.map(|(name, _)| device.read(&name)).collect()
}

fn files(device: &Device) -> BTreeSet<Vec<u8>> {
    let tree = device.tree();
    tree.into_iter().filter(|(_, what)| what != "folder").map(|(name, _)| device.read(&name)).collect()
}

/// Syncs, and looks whether a content has gone that no version in the log holds.
pub(super) fn sync(device: &Device, in_log: &mut BTreeSet<Vec<u8>>, story: &[String]) -> Summary {
    look_on(device, in_log, story, || device.sync_with(Approval::Given))
}

/// The same, of any run.
pub(super) fn look_on(
    device: &Device,
    in_log: &mut BTreeSet<Vec<u8>>,
    story: &[String],
    run: impl FnOnce() -> Result<Summary, SyncError>,
) -> Summary {
    let before = files(device);
    let summary = run().unwrap_or_else(|error| panic!("{error}: {story:#?}"));
    assert_eq!(summary.void_ops, 0, "{story:#?}");
    let may_be = |problem: &Problem| matches!(problem, Problem::Kept | Problem::InTheWay);
    assert!(summary.issues.iter().all(|issue| may_be(&issue.problem)), "{:?} {story:#?}", summary.issues);
    let after = files(device);
    let kept: BTreeSet<_> = after.iter().cloned().chain(device.trash().into_values()).collect();
    let lost: Vec<_> = before.difference(&kept).filter(|content| !in_log.contains(*content)).collect();
    assert!(lost.is_empty(), "{lost:?} is lost on {}: {story:#?}", device.name);
    in_log.extend(taking_part(device));
    summary
}

fn play(seed: u64, manner: Manner) {
    let mut dice = Dice(seed);
    let world = World::new(&["poste", "portable"], Cutting::Keyed);
    let (mut story, mut in_log, mut count) = (vec![format!("history {seed}, {manner:?}")], BTreeSet::new(), 0);
    for _ in 0..4 {
        for device in &world.devices {
            for _ in 0..dice.roll(6) {
                let is_choice = manner != Manner::Plain && dice.roll(3) == 0;
                story.push(if is_choice {
                    choose(device, &mut dice)
                } else {
                    act(device, &mut dice, &mut count, manner)
                });
            }
        }
        for device in &world.devices {
            if dice.roll(3) > 0 {
                let summary = sync(device, &mut in_log, &story);
                let removed = if manner == Manner::Gentle { summary.removed_there } else { 0 };
                assert_eq!(removed, 0, "nobody removed anything: {summary:?} {story:#?}");
                story.push(format!("{} syncs: {summary:?}", device.name));
            }
        }
    }
    for turn in 0.. {
        let mut quiet = 0;
        for device in &world.devices {
            if manner != Manner::Plain && turn < 2 {
                choose_all(device);
            }
            let summary = sync(device, &mut in_log, &story);
            quiet += usize::from(summary.is_quiet());
            story.push(format!("{} settles: {summary:?}", device.name));
        }
        if quiet == world.devices.len() {
            break;
        }
        assert!(turn < 7, "they never agree: {story:#?}");
    }
    assert_eq!(world.a().tree(), world.b().tree(), "{story:#?}");
}

#[test]
fn any_two_histories_agree() {
    let chosen = std::env::var("VAUBAN_HISTORIES").ok().and_then(|range| {
        let (first, last) = range.split_once("..")?;
        Some(first.parse().ok()?..last.parse().ok()?)
    });
    for seed in chosen.unwrap_or(HISTORIES) {
        [Manner::Plain, Manner::Choosy, Manner::Gentle].into_iter().for_each(|manner| play(seed, manner));
    }
}
