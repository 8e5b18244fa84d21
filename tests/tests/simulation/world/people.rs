//! What people do to their folders, and what is then owed to them.

use std::collections::BTreeSet;

use super::{World, lock};
use crate::ledger::Text;
use crate::person::{Done, Person};

/// Where the engine keeps what it displaced.
const DISPLACED: &str = ".vauban/displaced/";
/// Where it keeps what it removed.
const TRASH: &str = ".vauban/trash/";

impl World {
    /// The person at a device does something.
    pub(super) fn let_act(&self, device: usize) {
        let done = {
            let own = &self.devices[device];
            let (mut dice, mut volume, mut ledger) = (lock(&own.dice), own.disk.volume(), lock(&self.ledger));
            let (dice, volume, ledger) = (&mut *dice, &mut *volume, &mut *ledger);
            Person { device, luck: &self.luck, dice, volume, ledger }.act()
        };
        self.take(device, &done);
    }

    pub(super) fn take(&self, device: usize, done: &Done) {
        self.tell(|| format!("  {device} {}", done.what));
        if done.destroyed.is_empty() {
            return;
        }
        // What was displaced may have been the file that was destroyed, under another of its names: people do not see it.
        let found = self.found_where(|path| !path.starts_with(DISPLACED));
        let safe: Vec<_> = self.devices.iter().flat_map(|device| device.disk.volume().safe_contents()).collect();
        let mut ledger = lock(&self.ledger);
        let safe: BTreeSet<_> = safe.iter().filter_map(|content| ledger.find(content)).collect();
        for text in &done.destroyed {
            if !found.contains(text) && !ledger.in_log.contains(text) {
                ledger.owed.remove(text);
            }
            // Who destroys what was flushed is promised nothing of a copy that was not.
            if !safe.contains(text) {
                ledger.flushed.remove(text);
            }
        }
    }

    /// Every text that lies on any disk.
    pub(super) fn found(&self) -> BTreeSet<Text> {
        self.found_where(|_| true)
    }

    /// The same, but for the trash.
    pub(super) fn found_outside_trash(&self) -> BTreeSet<Text> {
        self.found_where(|path| !path.starts_with(TRASH))
    }

    /// Every text that lies at a path of which `counts` is true, on any disk.
    fn found_where(&self, counts: impl Fn(&str) -> bool) -> BTreeSet<Text> {
        let mut found = BTreeSet::new();
        for device in &self.devices {
            let contents = device.disk.volume().contents();
            let ledger = lock(&self.ledger);
            found.extend(
                contents.iter().filter(|(path, _)| counts(path)).filter_map(|(_, content)| ledger.find(content)),
            );
        }
        found
    }
}
