//! One life: devices, their people, the cloud between them, and all that goes wrong.
//!
//! Everything that happens is drawn from one seed, call by call: each device's disk and each kind of request has dice of its own,
//! and whatever runs, runs alone. So the same seed is the same life.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

use rustix::io::Errno;
use tokio::runtime::Handle;
use vauban_client::log::{Op, Said, apply};
use vauban_client::sync::{Approval, OpenSpace, Quiet, Run, Summary, SyncError, Watcher, sync_once};
use vauban_protocol::space::Commit;
use vauban_protocol::wire::Request;

use crate::cloud::{Cloud, Fate, SimNode, Witness};
use crate::desk::{Desk, HomeImage};
use crate::dice::Dice;
use crate::disk::{Blindness, Call, Hook, ROOT, Seen, SimDisk};
use crate::invariants::{agreement, counters, leaks, losses, removals, reverts};
use crate::ledger::{Ledger, Text};
use crate::luck::Luck;
use crate::person::{Done, Person};
use crate::stage::Stage;
use crate::town::{BEGINNING_SECONDS, DEVICES_MAX, device_name};
use crate::weakness::Weakness;

/// Where every synced folder is, on its device's disk.
const FOLDER: &str = "/simulated/dossier";
/// Runs within runs, at most.
const NESTED_MAX: usize = 2;
const HOUR_NS: i64 = 3_600_000_000_000;

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
    /// Dice of each kind of request, by device.
    fates: Mutex<BTreeMap<(usize, &'static str), Dice>>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    is_quiet: bool,
    depth: usize,
    calls: u64,
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
    /// The home as it was when the process began, or at some quiet moment.
    began: Option<HomeImage>,
    kept: Option<HomeImage>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Standing {
    /// Whether the device takes part.
    is_active: bool,
    /// Whether there are two of it: an alarm is then no violation, and ends it.
    is_copied: bool,
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
                desk.lay(&stage.images[device]);
                let standing = Standing { is_active: device < luck.devices, ..Standing::default() };
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
            fates: Mutex::new(BTreeMap::new()),
            state: Mutex::default(),
        });
        for device in 0..DEVICES_MAX as u64 {
            for kind in ["log", "commit", "put", "get", "other"] {
                let stream = 1000 + 10 * device + kind.len() as u64 + u64::from(kind.as_bytes()[0]) * 100;
                lock(&world.fates).insert((device as usize, kind), Dice::new(seed, stream));
            }
        }
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
            self.let_act(0, false);
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
            self.let_act(if self.luck.is_lone { 0 } else { device }, false);
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

    fn unreadable(&self, device: usize) -> Blindness {
        let volume = self.devices[device].disk.volume();
        let folders: Vec<_> = volume
            .tree(ROOT)
            .into_iter()
            .filter(|(_, seen)| *seen == Seen::Folder)
            .filter_map(|(path, _)| volume.at(&path).ok())
            .collect();
        lock(&self.dice).pick(&folders).map_or(Blindness::None, |folder| Blindness::Unreadable(*folder))
    }

    /// What goes wrong between two runs.
    fn befall(&self, device: usize) {
        let (own, desk) = (&self.devices[device], self.stage.desk(device));
        if self.has_luck(self.luck.hours) {
            let hours = 1 + self.roll(100) as i64;
            own.disk.volume().now_ns += hours * HOUR_NS;
        }
        if self.has_luck(self.luck.lag) {
            let behind = 1 + self.roll(3);
            self.cloud.state().lag(device, behind);
            lock(&own.standing).is_disturbed = true;
            self.tell(|| format!("{device} reaches a node that is {behind} behind"));
        }
        let mut process = lock(&own.process);
        if self.has_luck(self.luck.cache_lost) {
            process.space = None;
            let mut image = desk.image();
            image.lose_cache();
            desk.lay(&image);
            self.tell(|| format!("{device} loses its cache"));
        }
        if self.has_luck(self.luck.cache_restored)
            && let Some(kept) = process.kept.take()
        {
            process.space = None;
            let mut image = desk.image();
            image.restore_cache(&kept);
            desk.lay(&image);
            self.tell(|| format!("{device} gets an old cache"));
        }
        if process.kept.is_none() && self.luck.cache_restored > 0 && self.has_luck(300) {
            process.kept = Some(desk.image());
        }
        if self.has_luck(self.luck.new_folder) {
            process.space = None;
            self.begin_another_folder(device);
        }
        let copy = DEVICES_MAX - 1;
        if self.has_luck(self.luck.copied) && !self.is_active(copy) && self.luck.devices < DEVICES_MAX {
            process.space = None;
            self.copy(device, copy);
        }
    }

    /// The folder is put away as it is, and an empty one takes its place.
    fn begin_another_folder(&self, device: usize) {
        let volume = &mut *self.devices[device].disk.volume();
        let names: Vec<_> = volume.children(ROOT).map(|names| names.keys().cloned().collect()).unwrap_or_default();
        let away = format!(".away-{}", self.roll(1_000_000));
        for name in names.iter().filter(|name| !name.starts_with(".away")) {
            let put = volume.make_way(&format!("{away}/{name}")).map(|(folder, _)| folder);
            if let Ok(folder) = put {
                let _ = volume.rename((ROOT, name), (folder, name), false);
            }
        }
        volume.flush_all();
        // What was put away is none of the engine's business; it is found there, though.
        volume.hide(&away);
        self.tell(|| format!("{device} begins another folder"));
        // The anchor remembers a folder with a mark: whoever begins another one says so by another path.
        let space = self.stage.town.space;
        let forgotten = self.stage.desk(device).session.anchor().update(|anchor| {
            if let Some(space) = anchor.spaces.get_mut(&space) {
                space.folder = None;
            }
        });
        forgotten.unwrap();
    }

    /// A second machine with the same keys, state and folder.
    fn copy(&self, from: usize, to: usize) {
        let image = self.stage.desk(from).image();
        self.stage.lend_keys(from, to, &image);
        let volume = self.devices[from].disk.volume().clone();
        *self.devices[to].disk.volume() = volume;
        lock(&self.ledger).copy_device(from, to);
        lock(&self.devices[from].standing).is_copied = true;
        *lock(&self.devices[to].standing) = Standing { is_active: true, is_copied: true, is_disturbed: false };
        self.tell(|| format!("{from} is copied to {to}"));
    }

    /// The person at a device does something.
    fn let_act(&self, device: usize, is_mid_run: bool) {
        let done = {
            let own = &self.devices[device];
            let (mut dice, mut volume, mut ledger) = (lock(&own.dice), own.disk.volume(), lock(&self.ledger));
            let (dice, volume, ledger) = (&mut *dice, &mut *volume, &mut *ledger);
            Person { device, luck: &self.luck, is_mid_run, dice, volume, ledger }.act()
        };
        self.take(device, &done);
    }

    fn take(&self, device: usize, done: &Done) {
        self.tell(|| format!("  {device} {}", done.what));
        if done.destroyed.is_empty() {
            return;
        }
        let found = self.found();
        let mut ledger = lock(&self.ledger);
        for text in &done.destroyed {
            if !found.contains(text) && !ledger.in_log.contains(text) {
                ledger.owed.remove(text);
            }
        }
    }

    /// Every text that lies on any disk.
    fn found(&self) -> BTreeSet<Text> {
        let mut found = BTreeSet::new();
        for device in &self.devices {
            let contents = device.disk.volume().contents();
            let ledger = lock(&self.ledger);
            found.extend(contents.iter().filter_map(|(_, content)| ledger.find(content)));
        }
        found
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
        self.tell(|| format!("{device} runs ({approval:?})"));
        let ran = self.run_process(device, &desk, &mut process, approval);
        lock(&self.state).depth -= 1;
        let result = if own.disk.is_dead() {
            process.space = None;
            self.bury(device, &desk, process.began.as_ref());
            Ran::Stopped
        } else {
            match ran {
                Ok(summary) => {
                    self.tell(|| format!("{device} ends: {summary:?}"));
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
            process.began = Some(desk.image());
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
    fn bury(&self, device: usize, desk: &Desk, began: Option<&HomeImage>) {
        let own = &self.devices[device];
        let Some(mut image) = lock(&own.left).take() else { return };
        let is_power_cut = lock(&own.dice).per_mille(self.luck.power);
        if is_power_cut {
            self.cut_power(device);
            image.cut_power(&mut lock(&own.dice));
            if self.weakness == Weakness::AnchorNotFlushed
                && let Some(began) = began
            {
                image.anchor = began.anchor.clone();
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
            lock(&self.ledger).violate(format!("device {device} stops: {text} ({error:?})"));
        }
    }

    /// Nothing goes wrong any more: all must agree.
    fn settle(&self, meant: &BTreeMap<String, Seen>) {
        lock(&self.state).is_quiet = true;
        self.tell(|| "all is quiet from here on".to_owned());
        let mut issues = BTreeSet::new();
        for round in 0.. {
            let mut is_quiet = true;
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
                    lock(&self.ledger).violate(format!("device {device} finds void ops"));
                }
            }
            if is_quiet {
                break;
            }
            issues.clear();
            if round >= agreement::ROUNDS_MAX {
                lock(&self.ledger).violate("they never agree".to_owned());
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
        let mut ledger = lock(&self.ledger);
        agreement::judge(&mut ledger, &trees);
        if let Some((0, tree)) = trees.first()
            && self.luck.is_foreseeable()
        {
            agreement::judge_lone(&mut ledger, meant, tree);
        }
        if !issues.is_empty() {
            ledger.violate(format!("once all is quiet, something is left out: {issues:?}"));
        }
        for (device, _) in &trees {
            leaks::judge(&mut ledger, *device, &self.devices[*device].disk.volume());
        }
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

/// What is to happen at a call.
enum Event {
    Nothing,
    Edit,
    Crash,
    Refuse(Errno),
    Nested(usize),
}

impl Hook for World {
    fn before(&self, device: usize, call: Call) -> Result<(), Errno> {
        {
            let mut state = lock(&self.state);
            state.calls += 1;
            if state.is_quiet {
                return Ok(());
            }
        }
        let (luck, own) = (&self.luck, &self.devices[device]);
        let event = {
            let dice = &mut *lock(&own.dice);
            match call {
                Call::Look | Call::Read if dice.per_mille(luck.edit / 3) => Event::Edit,
                Call::Look | Call::Read => Event::Nothing,
                Call::Step if dice.per_mille(luck.crash) => Event::Crash,
                Call::Step if dice.per_mille(luck.edit) => Event::Edit,
                Call::Step if dice.per_mille(luck.nested) => Event::Nested(dice.roll(DEVICES_MAX)),
                Call::Step if dice.per_mille(luck.refusal) => {
                    Event::Refuse([Errno::IO, Errno::NOSPC, Errno::ACCESS][dice.roll(3)])
                }
                Call::Step => Event::Nothing,
            }
        };
        match event {
            Event::Nothing => Ok(()),
            Event::Edit => {
                self.disturb(device);
                self.let_act(if luck.is_lone { 0 } else { device }, true);
                Ok(())
            }
            Event::Crash => {
                self.kill(device);
                Err(Errno::IO)
            }
            Event::Refuse(errno) => {
                self.disturb(device);
                self.tell(|| format!("  the disk of {device} refuses: {errno}"));
                Err(errno)
            }
            Event::Nested(which) => {
                self.disturb(device);
                self.run_another(device, which);
                Ok(())
            }
        }
    }
}

impl Witness for World {
    fn asked(&self, device: usize, request: &Request) -> Fate {
        if self.devices[device].disk.is_dead() {
            return Fate::Lost;
        }
        if lock(&self.state).is_quiet {
            return Fate::Pass;
        }
        let kind = match request {
            Request::Log { .. } => "log",
            Request::Commit { .. } => "commit",
            Request::PutChunks { .. } | Request::HaveChunks { .. } => "put",
            Request::GetChunks { .. } => "get",
            _ => "other",
        };
        let luck = &self.luck;
        let (fate, kills, nested) = {
            let mut fates = lock(&self.fates);
            let Some(dice) = fates.get_mut(&(device, kind)) else { return Fate::Pass };
            let fate = match () {
                () if dice.per_mille(luck.lost_request) => Fate::Lost,
                () if dice.per_mille(luck.lost_answer) => Fate::AnswerLost,
                () if dice.per_mille(luck.doubled) => Fate::Doubled,
                () => Fate::Pass,
            };
            let is_foreground = matches!(kind, "log" | "commit");
            let kills =
                is_foreground && matches!(fate, Fate::Lost | Fate::AnswerLost) && dice.roll(2) == 0 && luck.crash > 0;
            let nested = (is_foreground && dice.per_mille(luck.nested * 5)).then(|| dice.roll(DEVICES_MAX));
            (fate, kills, nested)
        };
        if let Some(which) = nested {
            self.disturb(device);
            // This is a task of the runtime's, which must not wait for another.
            thread::scope(|scope| drop(scope.spawn(|| self.run_another(device, which)).join()));
        }
        if fate != Fate::Pass {
            self.disturb(device);
            self.tell(|| format!("  {kind} of {device}: {fate:?}{}", if kills { ", and killed" } else { "" }));
        }
        if kills {
            // What was sent before may be carried out; the process does not see the answer, nor anything else.
            self.kill(device);
        }
        fate
    }

    fn committed(&self, device: usize, commit: &Commit) {
        let Ok(Said::Changes(changes)) = self.stage.epochs.open_ops(commit) else { return };
        let ledger = &mut *lock(&self.ledger);
        for op in &changes.ops {
            match op {
                Op::Remove { entry } => removals::judge(ledger, device, *entry),
                Op::Write { entry, version } => reverts::judge(ledger, device, *entry, version),
                Op::Create { .. } | Op::Move { .. } => {}
            }
            let _ = apply(&mut ledger.tree, op);
        }
        self.tell(|| format!("  {device} commits {:?}", changes.ops.iter().map(told).collect::<Vec<_>>()));
    }

    fn counter_used(&self, device: usize) {
        let is_copied = lock(&self.devices[device].standing).is_copied;
        counters::judge(&mut lock(&self.ledger), device, is_copied);
    }
}

fn told(op: &Op) -> String {
    let name = |name: &[u8]| String::from_utf8_lossy(name).into_owned();
    match op {
        Op::Create { entry, parent, name: at, .. } => format!("create {entry} in {parent} as {}", name(at)),
        Op::Move { entry, parent, name: to } => format!("move {entry} to {parent} as {}", name(to)),
        Op::Remove { entry } => format!("remove {entry}"),
        Op::Write { entry, .. } => format!("write {entry}"),
    }
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
