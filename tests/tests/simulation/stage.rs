//! What the lives of one thread share: the town, its devices' desks, and how everything lies when a life begins.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::runtime::{Builder, Runtime};
use vauban_client::log::Epochs;
use vauban_client::sync::OpenSpace;

use crate::cloud::{Cloud, SimNode, State};
use crate::desk::{Desk, HomeImage};
use crate::dice::Dice;
use crate::disk::SimDisk;
use crate::town::{BEGINNING_SECONDS, DEVICES_MAX, Town};
use crate::weakness::Weakness;

/// See the module.
pub(crate) struct Stage {
    pub(crate) town: Arc<Town>,
    pub(crate) founded: State,
    pub(crate) epochs: Epochs,
    pub(crate) images: Vec<HomeImage>,
    desks: Mutex<Vec<Arc<Desk>>>,
}

/// A runtime of one thread: tasks run in the order in which they were begun.
pub(crate) fn runtime() -> Runtime {
    Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap()
}

impl Stage {
    pub(crate) fn set(town: &Arc<Town>, runtime: &Runtime) -> Arc<Self> {
        let desks: Vec<_> = (0..DEVICES_MAX).map(|device| Arc::new(Desk::new(town, device))).collect();
        let cloud = Cloud::new(town, State::default());
        let open = |device: usize| {
            let desk = &desks[device];
            let disk = SimDisk::new(device, BEGINNING_SECONDS as i64 * 1_000_000_000, Weakness::None);
            desk.machine.begin(&disk, Dice::new(0, device as u64));
            let node = SimNode { cloud: Arc::clone(&cloud), device };
            OpenSpace::open(node, runtime.handle().clone(), Arc::clone(&desk.session), town.space).unwrap()
        };
        open(0).found_space(&town.genesis).unwrap();
        for device in 0..DEVICES_MAX {
            open(device).settle().unwrap();
        }
        let images = desks.iter().map(|desk| desk.image()).collect();
        let founded = cloud.state().clone();
        let (certificate, bundle) = founded.first_epoch();
        let epochs = town.epochs(&bundle, &certificate);
        Arc::new(Self { town: Arc::clone(town), founded, epochs, images, desks: Mutex::new(desks) })
    }

    pub(crate) fn desk(&self, device: usize) -> Arc<Desk> {
        Arc::clone(&self.desks.lock().unwrap_or_else(PoisonError::into_inner)[device])
    }

    /// For this life, device `to` has the keys of `from`, and its home as in `image`.
    pub(crate) fn lend_keys(&self, from: usize, to: usize, image: &HomeImage) {
        let desk = Desk::new(&self.town, from);
        desk.machine.begin(&self.desk(to).machine.current(), Dice::new(from as u64, 300 + to as u64));
        desk.lay(image);
        self.desks.lock().unwrap_or_else(PoisonError::into_inner)[to] = Arc::new(desk);
    }

    /// Every device has its own keys again.
    pub(crate) fn take_keys_back(&self) {
        let mut desks = self.desks.lock().unwrap_or_else(PoisonError::into_inner);
        let last = DEVICES_MAX - 1;
        if desks[last].device != last {
            desks[last] = Arc::new(Desk::new(&self.town, last));
        }
    }
}
