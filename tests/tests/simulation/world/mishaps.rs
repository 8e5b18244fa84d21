//! What goes wrong between two runs: lost and old caches, nodes that lag, folders begun anew, machines that are copied.

use super::{Standing, World, lock};
use crate::disk::{Blindness, ROOT, Seen};
use crate::town::{BEGINNING_SECONDS, DEVICES_MAX};

const HOUR_NS: i64 = 3_600_000_000_000;

impl World {
    pub(super) fn unreadable(&self, device: usize) -> Blindness {
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
    pub(super) fn befall(&self, device: usize) {
        let (own, desk) = (&self.devices[device], self.stage.desk(device));
        if self.has_luck(self.luck.hours) {
            let hours = 1 + self.roll(100) as i64;
            own.disk.volume().now_ns += hours * HOUR_NS;
            self.cloud.state().pass(device, hours.unsigned_abs() * 3600);
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
            lock(&own.standing).has_old_cache = true;
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
        let passed = (volume.now_ns / 1_000_000_000).unsigned_abs() - BEGINNING_SECONDS;
        self.cloud.state().pass(to, passed);
        *self.devices[to].disk.volume() = volume;
        lock(&self.ledger).copy_device(from, to);
        lock(&self.devices[from].standing).is_copied = true;
        *lock(&self.devices[to].standing) = Standing { is_active: true, is_copied: true, ..Standing::default() };
        self.tell(|| format!("{from} is copied to {to}"));
    }
}
