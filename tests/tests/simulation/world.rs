//! One life: devices, their people, the cloud between them, and all that goes wrong.
//!
//! Everything that happens is drawn from one seed, call by call: each device's disk has dice of its own, requests have theirs (`fates`),
//! and whatever runs, runs alone. So the same seed is the same life.

mod between;
mod mishaps;
mod people;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::runtime::Handle;
use vauban_client::sync::{Approval, OpenSpace, Quiet, Run, Summary, SyncError, Watcher, sync_once};

use crate::cloud::{Cloud, SimNode};
use crate::desk::{Desk, HomeImage};
use crate::dice::Dice;
use crate::disk::{Blindness, FOLDER, ROOT, Seen, SimDisk};
use crate::fates::Fates;
use crate::invariants::{Invariant, agreement, leaks, losses, trash};
use crate::ledger::Ledger;
use crate::luck::Luck;
use crate::stage::Stage;
use crate::town::{BEGINNING_SECONDS, DEVICES_MAX, device_name};
use crate::weakness::Weakness;

/// Runs within runs, at most.
const NESTED_MAX: usize = 2;
/// Edits and runs in the middle of runs, in one life, at most: each may make the run that it disturbs longer, without end.
const DISTURBANCES_MAX: usize = 150;

pub(crate) struct World {
    pub(crate) luck: Luck,
    weakness: Weakness,
    stage: Arc<Stage>,
    runtime: Handle,
    cloud: Arc<Cloud>,
    devices: Vec<Device>,
    ledger: Mutex<Ledger>,
    story: Option<Mutex<Vec<String>>>,
    dice: Mutex<Dice>,
    fates: Mutex<Fates>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    is_quiet: bool,
    depth: usize,
    calls: u64,
    disturbances: usize,
}

/// A device, and the process on it.
struct Device {
    disk: Arc<SimDisk>,
    process: Mutex<Process>,
    dice: Mutex<Dice>,
    /// What a killed process left of its home.
    left: Mutex<Option<HomeImage>>,
    standing: Mutex<Standing>,
}

#[derive(Default)]
struct Process {
    space: Option<OpenSpace<SimNode>>,
    /// The anchor as it was when the process began.
    began: Option<Vec<u8>>,
    /// The home as it was at some quiet moment.
    kept: Option<HomeImage>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Standing {
    /// Whether the device takes part.
    is_active: bool,
    /// Whether there are two of it: an alarm is then no violation, and ends it.
    is_copied: bool,
    /// Whether its cache was once replaced by an older one: it no longer knows what it saw since.
    has_old_cache: bool,
    /// Whether anything went wrong in this run.
    is_disturbed: bool,
}

/// What came of a run.
enum Ran {
    Whole(Box<Summary>),
    Stopped,
    /// It was not its turn.
    Not,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl World {
    pub(crate) fn new(seed: u64, weakness: Weakness, stage: &Arc<Stage>, runtime: Handle, is_told: bool) -> Arc<Self> {
        let mut dice = Dice::new(seed, 0);
        let luck = Luck::new(&mut dice);
        let cloud = Cloud::new(&stage.town, stage.founded.clone());
        let devices = (0..DEVICES_MAX)
            .map(|device| {
                let now_ns = BEGINNING_SECONDS as i64 * 1_000_000_000 + device as i64;
                let disk = SimDisk::new(device, now_ns, weakness);
                disk.volume().reuses_inodes = luck.reuses_inodes;
                let desk = stage.desk(device);
                desk.machine.begin(&disk, Dice::new(seed, 100 + device as u64));
                let takes_part = device < luck.devices;
                if takes_part {
                    desk.lay(&stage.images[device]);
                }
                let standing = Standing { is_active: takes_part, ..Standing::default() };
                Device {
                    disk,
                    process: Mutex::default(),
                    dice: Mutex::new(Dice::new(seed, 200 + device as u64)),
                    left: Mutex::default(),
                    standing: Mutex::new(standing),
                }
            })
            .collect();
        let world = Arc::new(Self {
            luck,
            weakness,
            stage: Arc::clone(stage),
            runtime,
            cloud,
            devices,
            ledger: Mutex::default(),
            story: is_told.then(Mutex::default),
            dice: Mutex::new(dice),
            fates: Mutex::new(Fates::new(seed)),
            state: Mutex::default(),
        });
        world.cloud.set_witness(Some(Arc::<Self>::clone(&world)));
        for device in &world.devices {
            device.disk.set_hook(Some(Arc::<Self>::clone(&world)));
        }
        world.tell(|| format!("{luck:?}"));
        world
    }

    /// Lives, until all is quiet; says what was violated.
    pub(crate) fn live(&self) -> Vec<String> {
        let has_failed = || !lock(&self.ledger).violations.is_empty();
        for _ in 0..2 + self.roll(4) {
            self.let_act(0);
        }
        for _ in 0..self.luck.turns {
            self.turn();
            if has_failed() {
                break;
            }
        }
        let meant = self.devices[0].disk.volume().tree(ROOT);
        if !has_failed() {
            self.settle(&meant);
        }
        // Nothing refers to itself any longer.
        self.cloud.set_witness(None);
        self.devices.iter().for_each(|device| device.disk.set_hook(None));
        self.devices.iter().for_each(|device| *lock(&device.process) = Process::default());
        std::mem::take(&mut lock(&self.ledger).violations)
    }

    pub(crate) fn story(&self) -> Vec<String> {
        self.story.as_ref().map(|story| lock(story).clone()).unwrap_or_default()
    }

    /// Calls of all disks, and how the log's tree looks: the same for the same seed.
    pub(crate) fn fingerprint(&self) -> String {
        let tree = lock(&self.ledger)
            .tree
            .entries()
            .map(|(entry, place)| format!("{entry} {}", place.name))
            .collect::<Vec<_>>();
        format!("{} {tree:?}", lock(&self.state).calls)
    }

    fn tell(&self, what: impl FnOnce() -> String) {
        if let Some(story) = &self.story {
            lock(story).push(what());
        }
    }

    fn roll(&self, sides: usize) -> usize {
        lock(&self.dice).roll(sides)
    }

    fn has_luck(&self, chances: u32) -> bool {
        lock(&self.dice).per_mille(chances)
    }

    fn is_active(&self, device: usize) -> bool {
        lock(&self.devices[device].standing).is_active
    }

    /// One device's turn: its person does something, something goes wrong, and it runs.
    fn turn(&self) {
        let device = self.roll(self.luck.devices);
        for _ in 0..self.roll(4) {
            self.let_act(if self.luck.is_lone { 0 } else { device });
        }
        if !self.is_active(device) {
            return;
        }
        let own = &self.devices[device];
        self.befall(device);
        let blindness = match () {
            () if self.has_luck(self.luck.unmounted) => Blindness::Unmounted,
            () if self.has_luck(self.luck.emptied) => Blindness::EmptyRoot,
            () if self.has_luck(self.luck.unreadable) => self.unreadable(device),
            () => Blindness::None,
        };
        // Nobody approves of removals in bulk before a folder that was found empty; before a missing disk, some do.
        let may_approve = blindness != Blindness::EmptyRoot && self.has_luck(self.luck.approved_blindly);
        let approval = if may_approve || self.weakness == Weakness::NoBrake { Approval::Given } else { Approval::Ask };
        if blindness != Blindness::None {
            own.disk.set_blindness(blindness);
            lock(&own.standing).is_disturbed = true;
            self.tell(|| format!("the disk of {device} is {blindness:?}"));
        }
        self.run(device, approval);
        own.disk.set_blindness(Blindness::None);
        self.cloud.state().lag(device, 0);
    }

    /// Runs a device's client once.
    fn run(&self, device: usize, approval: Approval) -> Ran {
        let own = &self.devices[device];
        if !self.is_active(device) {
            return Ran::Not;
        }
        let Ok(mut process) = own.process.try_lock() else { return Ran::Not };
        let desk = self.stage.desk(device);
        lock(&self.state).depth += 1;
        own.disk.revive();
        own.disk.forget_looks();
        lock(&self.fates).begin_run(device);
        self.tell(|| format!("{device} runs ({approval:?}) on {}", self.shown(device)));
        let ran = self.run_process(device, &desk, &mut process, approval);
        lock(&self.state).depth -= 1;
        let result = if own.disk.is_dead() {
            process.space = None;
            self.bury(device, &desk, process.began.as_deref());
            Ran::Stopped
        } else {
            match ran {
                Ok(summary) => {
                    self.tell(|| format!("{device} ends with {}: {}", self.shown(device), told(&summary)));
                    Ran::Whole(Box::new(summary))
                }
                Err(error) => {
                    self.judge_error(device, &error);
                    // A process that stays tries again; another one is begun at times.
                    if lock(&own.dice).roll(2) == 0 {
                        process.space = None;
                    }
                    Ran::Stopped
                }
            }
        };
        lock(&own.standing).is_disturbed = false;
        let found = self.found();
        losses::judge(&mut lock(&self.ledger), &found, &format!("after a run of {device}"));
        result
    }

    fn run_process(
        &self,
        device: usize,
        desk: &Desk,
        process: &mut Process,
        approval: Approval,
    ) -> Result<Summary, SyncError> {
        if process.space.is_none() {
            process.began = Some(desk.anchor());
            let node = SimNode { cloud: Arc::clone(&self.cloud), device };
            let session = Arc::clone(&desk.session);
            let space = OpenSpace::open(node, self.runtime.clone(), session, self.stage.town.space)?;
            if self.weakness == Weakness::NoPromise {
                forget_promises(desk.cache());
            }
            process.space = Some(space);
        }
        let Some(space) = process.space.as_mut() else { return Err(SyncError::Bug("it was just opened")) };
        let watcher: Arc<dyn Watcher> = Arc::new(Quiet);
        let name = device_name(device);
        let run = Run { device_name: &name, approval, watcher: &watcher };
        sync_once(space, Path::new(FOLDER), &run)
    }

    /// What a killed process leaves.
    fn bury(&self, device: usize, desk: &Desk, began: Option<&[u8]>) {
        let own = &self.devices[device];
        let Some(mut image) = lock(&own.left).take() else { return };
        let is_power_cut = lock(&own.dice).per_mille(self.luck.power);
        if is_power_cut {
            self.cut_power(device);
            image.cut_power(&mut lock(&own.dice));
            if self.weakness == Weakness::AnchorNotFlushed
                && let Some(began) = began
            {
                image.anchor = began.to_vec();
            }
        }
        desk.lay(&image);
        let how = if is_power_cut { "the power failed" } else { "killed" };
        self.tell(|| format!("{device} was stopped: {how}"));
    }

    fn cut_power(&self, device: usize) {
        let own = &self.devices[device];
        let before: BTreeMap<_, _> = own.disk.volume().contents().into_iter().collect();
        own.disk.volume().cut_power(&mut lock(&own.dice));
        {
            let after = own.disk.volume().contents();
            let mut ledger = lock(&self.ledger);
            for (path, content) in after {
                if ledger.find(&content).is_none() {
                    let whole = before.get(&path).and_then(|whole| ledger.find(whole));
                    ledger.tear(&content, whole);
                }
            }
        }
        let found = self.found();
        losses::judge_power_cut(&mut lock(&self.ledger), &found, &format!("after a power cut of {device}"));
    }

    fn judge_error(&self, device: usize, error: &SyncError) {
        self.tell(|| format!("{device} stops: {error}"));
        let mut standing = lock(&self.devices[device].standing);
        let text = error.to_string();
        if standing.is_copied && (error.is_alarm() || text.contains("counter")) {
            standing.is_active = false;
            return;
        }
        let is_quiet = lock(&self.state).is_quiet;
        if is_quiet || error.is_alarm() || matches!(error, SyncError::Bug(_)) || !standing.is_disturbed {
            lock(&self.ledger).violate(Invariant::Runs, &format!("device {device} stops: {text} ({error:?})"));
        }
    }

    /// Nothing goes wrong any more: all must agree.
    fn settle(&self, meant: &BTreeMap<String, Seen>) {
        lock(&self.state).is_quiet = true;
        self.tell(|| "all is quiet from here on".to_owned());
        let mut issues = BTreeSet::new();
        for round in 0.. {
            // A commit that an earlier run had sent is no work of the one that finds it, and yet news to the others.
            let (mut is_quiet, before) = (true, self.cloud.state().length());
            for device in (0..DEVICES_MAX).filter(|device| self.is_active(*device)) {
                let Ran::Whole(summary) = self.run(device, Approval::Ask) else {
                    is_quiet = false;
                    continue;
                };
                if summary.held.is_any() {
                    is_quiet = false;
                    self.run(device, Approval::Given);
                }
                is_quiet &= summary.is_idle() && summary.agreed;
                issues.extend(summary.issues.iter().map(|issue| format!("{device}: {issue:?}")));
                if summary.void_ops > 0 && !lock(&self.devices[device].standing).is_copied {
                    lock(&self.ledger).violate(Invariant::Runs, &format!("device {device} finds void ops"));
                }
            }
            if is_quiet && self.cloud.state().length() == before {
                break;
            }
            issues.clear();
            if round >= agreement::ROUNDS_MAX {
                lock(&self.ledger).violate(Invariant::Agreement, "they never agree");
                return;
            }
        }
        if !lock(&self.ledger).violations.is_empty() {
            return;
        }
        let trees: Vec<_> = (0..DEVICES_MAX)
            .filter(|device| self.is_active(*device))
            .map(|device| (device, self.devices[device].disk.volume().tree(ROOT)))
            .collect();
        let (elsewhere, everywhere) = (self.found_outside_trash(), self.found());
        let mut ledger = lock(&self.ledger);
        trash::judge(&mut ledger, &elsewhere, &everywhere);
        agreement::judge(&mut ledger, &trees);
        if let Some((0, tree)) = trees.first()
            && self.luck.is_foreseeable()
        {
            agreement::judge_lone(&mut ledger, meant, tree);
        }
        if !issues.is_empty() {
            ledger.violate(Invariant::Runs, &format!("once all is quiet, something is left out: {issues:?}"));
        }
        for (device, _) in &trees {
            leaks::judge(&mut ledger, *device, &self.devices[*device].disk.volume());
        }
    }

    /// What lies on a disk, by texts, for the story.
    fn shown(&self, device: usize) -> String {
        let (tree, ledger) = (self.devices[device].disk.volume().tree(ROOT), lock(&self.ledger));
        let shown = tree.into_iter().map(|(path, seen)| match seen {
            Seen::Folder => format!("{path}/"),
            Seen::File { content, .. } | Seen::Link(content) => match ledger.find(&content) {
                Some(text) => format!("{path}={text}"),
                None => format!("{path}=?"),
            },
        });
        format!("[{}]", shown.collect::<Vec<_>>().join(", "))
    }

    /// The process of `device` ends at this very moment.
    fn kill(&self, device: usize) {
        let own = &self.devices[device];
        *lock(&own.left) = Some(self.stage.desk(device).image());
        own.disk.kill();
    }

    fn disturb(&self, device: usize) {
        lock(&self.devices[device].standing).is_disturbed = true;
    }

    /// Another device runs now, if it is not running already.
    fn run_another(&self, device: usize, which: usize) {
        let other = which % self.luck.devices;
        if other != device && lock(&self.state).depth <= NESTED_MAX {
            self.run(other, Approval::Ask);
        }
    }
}

/// What a run did, for the story.
fn told(summary: &Summary) -> String {
    let Summary { uploaded, downloaded, folders, commits, left, held, conflicts, issues, agreed, .. } = summary;
    let (removed, moved) = ((summary.removed_there, summary.removed_here), (summary.moved_there, summary.moved_here));
    format!(
        "{uploaded} up, {downloaded} down, {folders} folders, removed {removed:?}, moved {moved:?} (there, here), {commits} commits, \
         {left} left, {held:?}, {conflicts:?}, {issues:?}, agreed: {agreed}"
    )
}

/// From now on nothing is noted before it is sent.
fn forget_promises(cache: &Path) {
    let db = rusqlite::Connection::open(cache).unwrap();
    for table in ["promised", "promised_ends"] {
        let trigger = format!(
            "CREATE TRIGGER IF NOT EXISTS none_{table} BEFORE INSERT ON {table} BEGIN SELECT RAISE(IGNORE); END"
        );
        db.execute_batch(&trigger).unwrap();
    }
}
