//! What happens between two calls of a running client: on its disk, and on its way to the cloud.

use std::thread;

use rustix::io::Errno;
use vauban_client::log::{Effect, Op, Said, apply};
use vauban_protocol::space::Commit;
use vauban_protocol::wire::Request;

use super::{DISTURBANCES_MAX, World, lock};
use crate::cloud::{Fate, Witness};
use crate::disk::{Call, Hook};
use crate::fates::{Drawn, Kind};
use crate::invariants::{counters, removals, reverts};
use crate::town::DEVICES_MAX;

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
        if matches!(event, Event::Edit | Event::Nested(_)) && !self.may_disturb() {
            return Ok(());
        }
        match event {
            Event::Nothing => Ok(()),
            Event::Edit => {
                self.disturb(device);
                self.let_act(if luck.is_lone { 0 } else { device });
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

    fn changed(&self, device: usize, what: &dyn Fn() -> String) {
        self.tell(|| format!("    disk {device}: {}", what()));
    }
}

impl World {
    /// Whether this life still has room for what happens in the middle of runs.
    fn may_disturb(&self) -> bool {
        let mut state = lock(&self.state);
        state.disturbances += 1;
        state.disturbances <= DISTURBANCES_MAX
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
        let wanted = self.cloud.state().wanted(request);
        let Drawn { kind, fate, kills, nested } = lock(&self.fates).draw(&self.luck, device, request, wanted);
        if let Some(which) = nested.filter(|_| self.may_disturb()) {
            self.disturb(device);
            // This is a task of the runtime's, which must not wait for another.
            thread::scope(|scope| drop(scope.spawn(|| self.run_another(device, which)).join()));
        }
        if fate != Fate::Pass {
            self.disturb(device);
            // What was asked ahead may come or not before a run ends.
            if kind != Kind::Get {
                self.tell(|| format!("  {kind:?} of {device}: {fate:?}{}", if kills { ", and killed" } else { "" }));
            }
        }
        if kills {
            // What was sent before may be carried out; the process does not see the answer, nor anything else.
            self.kill(device);
        }
        fate
    }

    fn committed(&self, device: usize, commit: &Commit) {
        let Ok(Said::Changes(changes)) = self.stage.epochs.open_ops(commit) else { return };
        let has_old_cache = lock(&self.devices[device].standing).has_old_cache;
        let (ledger, mut ops) = (&mut *lock(&self.ledger), Vec::new());
        for op in &changes.ops {
            match op {
                Op::Remove { entry } => removals::judge(ledger, device, *entry),
                Op::Write { entry, version } => reverts::judge(ledger, (device, has_old_cache), *entry, version),
                Op::Create { .. } | Op::Move { .. } => {}
            }
            ops.push(match apply(&mut ledger.tree, op) {
                Ok(Effect::Void(void)) => format!("{} (void: {void:?})", told(op)),
                _ => told(op),
            });
        }
        self.tell(|| format!("  {device} commits {ops:?}"));
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
