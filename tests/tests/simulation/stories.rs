//! Lives that are told step by step, since each was once a fault of an engine, this one's or another's.

mod disturbed;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use rustix::io::Errno;
use tokio::runtime::Runtime;
use vauban_client::sync::{Approval, OpenSpace, Quiet, Run, Summary, SyncError, Watcher, sync_once};

use crate::cloud::{Cloud, SimNode};
use crate::dice::Dice;
use crate::disk::{Blindness, Call, FOLDER, Hook, ROOT, Seen, SimDisk, Volume, What};
use crate::stage::{Stage, runtime};
use crate::town::{BEGINNING_SECONDS, Town, device_name};
use crate::weakness::Weakness;

/// Two devices and a cloud; nothing happens but what is told.
struct Pair {
    stage: Arc<Stage>,
    runtime: Runtime,
    cloud: Arc<Cloud>,
    disks: Vec<Arc<SimDisk>>,
}

/// What happens before one step of a run.
enum Told {
    PowerCut,
    /// The disk refuses the step.
    Refuse,
    Save(&'static str, &'static str),
    /// Whatever a person does.
    Act(Box<dyn Fn(&mut Volume) + Send + Sync>),
}

/// Counts steps, or all calls, and does what is told before one of them.
struct At {
    disk: Arc<SimDisk>,
    counts_looks: bool,
    left: Mutex<u64>,
    told: Told,
}

impl Hook for At {
    fn before(&self, _device: usize, call: Call) -> Result<(), Errno> {
        if call != Call::Step && !self.counts_looks {
            return Ok(());
        }
        let mut left = self.left.lock().unwrap();
        *left = left.wrapping_sub(1);
        if *left != u64::MAX {
            return Ok(());
        }
        match &self.told {
            Told::PowerCut => {
                self.disk.kill();
                Err(Errno::IO)
            }
            Told::Refuse => Err(Errno::ACCESS),
            Told::Save(path, content) => {
                write(&self.disk, path, content, false);
                Ok(())
            }
            Told::Act(act) => {
                act(&mut self.disk.volume());
                Ok(())
            }
        }
    }
}

fn write(disk: &SimDisk, path: &str, content: &str, flushes: bool) {
    let mut volume = disk.volume();
    let (folder, name) = volume.make_way(path).unwrap();
    let file = match volume.find(folder, name) {
        Ok(file) => file,
        Err(_) => volume.create(folder, name, What::File(Vec::new()), false).unwrap(),
    };
    volume.write(file, content.as_bytes()).unwrap();
    if flushes {
        volume.flush_all();
    }
}

impl Pair {
    fn new(town: &Arc<Town>) -> Self {
        let runtime = runtime();
        let stage = Stage::set(town, &runtime);
        let mut pair = Self { cloud: Cloud::new(town, stage.founded.clone()), stage, runtime, disks: Vec::new() };
        pair.begin();
        pair
    }

    /// A new life.
    fn begin(&mut self) {
        self.cloud = Cloud::new(&self.stage.town, self.stage.founded.clone());
        let beginning_ns = BEGINNING_SECONDS as i64 * 1_000_000_000;
        self.disks = (0..2).map(|device| SimDisk::new(device, beginning_ns, Weakness::None)).collect();
        for device in 0..2 {
            let desk = self.stage.desk(device);
            desk.machine.begin(&self.disks[device], Dice::new(7, device as u64));
            desk.lay(&self.stage.images[device]);
        }
    }

    fn try_sync(&self, device: usize) -> Result<Summary, SyncError> {
        let node = SimNode { cloud: Arc::clone(&self.cloud), device };
        let session = Arc::clone(&self.stage.desk(device).session);
        let mut space = OpenSpace::open(node, self.runtime.handle().clone(), session, self.stage.town.space)?;
        let watcher: Arc<dyn Watcher> = Arc::new(Quiet);
        let name = device_name(device);
        let run = Run { device_name: &name, approval: Approval::Ask, watcher: &watcher };
        sync_once(&mut space, Path::new(FOLDER), &run)
    }

    fn sync(&self, device: usize) -> Summary {
        self.try_sync(device).unwrap()
    }

    /// Both run until neither has anything to do.
    fn settle(&self) {
        for _ in 0..6 {
            let (one, other) = (self.sync(0), self.sync(1));
            if one.is_idle() && other.is_idle() {
                assert_eq!(self.tree(0), self.tree(1));
                return;
            }
        }
        panic!("they never agree");
    }

    fn tree(&self, device: usize) -> BTreeMap<String, Seen> {
        self.disks[device].volume().tree(ROOT)
    }

    /// The contents of a device's files, conflict copies included.
    fn contents(&self, device: usize) -> Vec<String> {
        let files = self.tree(device).into_values().filter_map(|seen| match seen {
            Seen::File { content, .. } => String::from_utf8(content).ok(),
            Seen::Folder | Seen::Link(_) => None,
        });
        files.collect()
    }

    /// Runs a device with something told before its step number `step`; `None` if it ended before.
    fn run_told(&self, device: usize, step: u64, told: Told) -> Option<Result<Summary, SyncError>> {
        self.run_with(
            device,
            At { disk: Arc::clone(&self.disks[device]), counts_looks: false, left: step.into(), told },
        )
    }

    /// The same, before the call number `call`, looks and all.
    fn run_told_at_any_call(&self, device: usize, call: u64, told: Told) -> Option<Result<Summary, SyncError>> {
        self.run_with(device, At { disk: Arc::clone(&self.disks[device]), counts_looks: true, left: call.into(), told })
    }

    fn run_with(&self, device: usize, at: At) -> Option<Result<Summary, SyncError>> {
        let (disk, at) = (&self.disks[device], Arc::new(at));
        disk.set_hook(Some(Arc::<At>::clone(&at)));
        let ran = self.try_sync(device);
        disk.set_hook(None);
        let was_reached = *at.left.lock().unwrap() > u64::MAX / 2;
        was_reached.then_some(ran)
    }

    /// The power fails, and nothing is left that was not flushed.
    fn cut_power(&self, device: usize) {
        self.disks[device].volume().lose_all_unflushed();
        self.disks[device].revive();
    }
}

/// The power fails before each step in turn, and nothing survives that was not flushed: names least of all.
#[test]
fn directory_fsync_lost_does_not_revert_peers() {
    let mut pair = Pair::new(&Town::found());
    for step in 0.. {
        pair.begin();
        write(&pair.disks[0], "folder/f", "one", true);
        pair.settle();
        pair.disks[1].volume().flush_all();
        write(&pair.disks[0], "folder/f", "two, and longer", true);
        write(&pair.disks[0], "folder/g", "new", true);
        pair.sync(0);
        if pair.run_told(1, step, Told::PowerCut).is_none() {
            assert!(step > 10, "{step} steps are none");
            return;
        }
        pair.cut_power(1);
        pair.settle();
        assert_eq!(pair.contents(0), ["two, and longer", "new"], "after {step} steps");
    }
}

/// Somebody saves before each step in turn of a run that replaces the very file.
#[test]
fn save_between_check_and_rename_is_kept() {
    let mut pair = Pair::new(&Town::found());
    for step in 0.. {
        pair.begin();
        write(&pair.disks[0], "f", "one", true);
        pair.settle();
        write(&pair.disks[0], "f", "two, and longer", true);
        pair.sync(0);
        let Some(ran) = pair.run_told(1, step, Told::Save("f", "mine, at the last moment")) else {
            assert!(step > 5, "{step} steps are none");
            return;
        };
        ran.unwrap();
        pair.settle();
        let contents = pair.contents(0);
        assert!(contents.iter().any(|content| content.starts_with("mine")), "before step {step}: {contents:?}");
    }
}

/// What was sent before it was flushed, and is lost then, is neither removed from the space nor set back.
#[test]
fn what_the_disk_loses_after_it_was_sent_comes_back() {
    let mut pair = Pair::new(&Town::found());
    for is_new in [true, false] {
        pair.begin();
        write(&pair.disks[0], "stays", "stays", true);
        if !is_new {
            write(&pair.disks[0], "folder/f", "old", true);
        }
        pair.settle();
        write(&pair.disks[0], "folder/f", "sent at once", false);
        pair.sync(0);
        pair.cut_power(0);
        pair.settle();
        assert_eq!(pair.contents(1), ["sent at once", "stays"], "new: {is_new}");
    }
}

/// Two folders change places before each step in turn of a run that writes into both: each file lands in the folder it is for, and
/// nothing but the moves goes into the log.
#[test]
fn folders_swapped_while_files_land_in_them_keep_their_files() {
    let mut pair = Pair::new(&Town::found());
    for step in 0.. {
        pair.begin();
        write(&pair.disks[0], "c/f", "of c", true);
        write(&pair.disks[0], "d/f", "of d", true);
        pair.sync(0);
        let swap = |volume: &mut Volume| {
            let _ = volume.rename((ROOT, "c"), (ROOT, "d"), true);
        };
        let Some(ran) = pair.run_told(1, step, Told::Act(Box::new(swap))) else {
            assert!(step > 20, "{step} steps are none");
            return;
        };
        let uploaded = ran.unwrap().uploaded + pair.sync(1).uploaded;
        pair.settle();
        assert_eq!(uploaded, 0, "before step {step}");
        let mut contents = pair.contents(0);
        contents.sort();
        assert_eq!(contents, ["of c", "of d"], "before step {step}");
    }
}

/// A folder is taken out of the synced one before each step in turn of a run that writes into it: what its person did not see in
/// it is removed from nobody.
#[test]
fn a_folder_that_is_taken_away_takes_nothing_that_nobody_saw() {
    let mut pair = Pair::new(&Town::found());
    for step in 0.. {
        pair.begin();
        write(&pair.disks[0], "c/f", "of c", true);
        pair.sync(0);
        let was_seen = Arc::new(AtomicBool::new(false));
        let sees = Arc::clone(&was_seen);
        let take_away = move |volume: &mut Volume| {
            sees.store(volume.at("c/f").is_ok(), Ordering::Relaxed);
            volume.hide("c");
        };
        let Some(ran) = pair.run_told(1, step, Told::Act(Box::new(take_away))) else {
            assert!(step > 20, "{step} steps are none");
            return;
        };
        ran.unwrap();
        // An empty folder is no reason to remove anything, so that there is one file to stay.
        write(&pair.disks[1], "stays", "stays", true);
        pair.settle();
        let is_kept = pair.contents(0).iter().any(|content| content == "of c");
        assert!(is_kept || was_seen.load(Ordering::Relaxed), "before step {step}");
    }
}

/// A disk whose root lists nothing, though all is in it: nothing is removed, and nothing makes way for what is there.
#[test]
fn a_root_that_lists_nothing_moves_nothing_aside() {
    let mut pair = Pair::new(&Town::found());
    pair.begin();
    write(&pair.disks[0], "b/a", "one", true);
    pair.settle();
    write(&pair.disks[1], "c/d", "two", true);
    pair.sync(1);
    pair.disks[0].set_blindness(Blindness::EmptyRoot);
    let summary = pair.sync(0);
    pair.disks[0].set_blindness(Blindness::None);
    assert!(summary.held.removals_there && summary.conflicts.is_empty(), "{summary:?}");
    assert_eq!(pair.contents(0), ["one"], "nothing is put into it, either");
    pair.settle();
    assert_eq!(pair.contents(1), ["one", "two"]);
}

/// A file has two names, and one of them is where the log has a folder now, into which the other one goes.
#[test]
fn the_other_name_of_what_leaves_makes_way_for_a_folder() {
    let mut pair = Pair::new(&Town::found());
    pair.begin();
    write(&pair.disks[0], "c", "one", true);
    write(&pair.disks[0], "d", "two", true);
    pair.settle();
    {
        let mut volume = pair.disks[1].volume();
        let file = volume.find(ROOT, "c").unwrap();
        volume.remove(ROOT, "d").unwrap();
        volume.link(ROOT, "d", file).unwrap();
    }
    {
        let mut volume = pair.disks[0].volume();
        volume.remove(ROOT, "d").unwrap();
        let (folder, name) = volume.make_way("d/b").unwrap();
        volume.rename((ROOT, "c"), (folder, name), false).unwrap();
    }
    pair.sync(0);
    pair.settle();
    assert_eq!(pair.contents(0), ["one", "one"]);
}

/// Killed while it marks its folder, and the power fails during the next run: the mark is there once it is remembered.
#[test]
fn a_mark_that_is_remembered_is_durable() {
    let mut pair = Pair::new(&Town::found());
    for first in 0..12 {
        for second in 0..6 {
            pair.begin();
            pair.run_told(0, first, Told::PowerCut);
            pair.disks[0].revive();
            pair.run_told(0, second, Told::PowerCut);
            pair.cut_power(0);
            pair.sync(0);
        }
    }
}

/// A program holds a file open while another version lands, and writes to it afterwards.
#[test]
fn what_is_written_to_a_displaced_file_is_found() {
    let mut pair = Pair::new(&Town::found());
    pair.begin();
    write(&pair.disks[0], "f", "one", true);
    pair.settle();
    let held = pair.disks[1].volume().find(ROOT, "f").unwrap();
    write(&pair.disks[0], "f", "two, and longer", true);
    pair.sync(0);
    pair.sync(1);
    pair.disks[1].volume().write(held, b"one, and what came late").unwrap();
    pair.settle();
    let contents = pair.contents(0);
    assert_eq!(contents.len(), 2, "{contents:?}");
    assert!(contents.iter().any(|content| content == "one, and what came late"), "{contents:?}");
}

/// A folder leaves another one that goes, and is removed by a person before each step in turn of the run that moves it: what others
/// have put into it brings it back.
#[test]
fn a_folder_removed_as_it_is_moved_comes_back_for_what_is_new_in_it() {
    let mut pair = Pair::new(&Town::found());
    for step in 0.. {
        pair.begin();
        write(&pair.disks[0], "d/a/f", "old", true);
        write(&pair.disks[0], "x/stays", "stays", true);
        pair.settle();
        {
            let mut volume = pair.disks[0].volume();
            let (from, to) = (volume.at("d").unwrap(), volume.at("x").unwrap());
            volume.rename((from, "a"), (to, "a"), false).unwrap();
            volume.remove(ROOT, "d").unwrap();
        }
        pair.sync(0);
        let remove = |volume: &mut Volume| {
            if let Ok(folder) = volume.at("x") {
                let _ = volume.remove_all(folder, "a");
            }
        };
        let Some(ran) = pair.run_told(1, step, Told::Act(Box::new(remove))) else {
            assert!(step > 10, "{step} steps are none");
            return;
        };
        ran.unwrap();
        write(&pair.disks[0], "x/a/new", "new", true);
        pair.sync(0);
        pair.settle();
        assert!(pair.contents(1).iter().any(|content| content == "new"), "before step {step}");
    }
}
