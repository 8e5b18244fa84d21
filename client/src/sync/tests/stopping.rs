//! A machine whose disk can be stopped: from then on it refuses every change, as a power cut would, and the run ends. Its clock can be
//! wrong.

use std::io;
use std::os::fd::BorrowedFd;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use rustix::io::Errno;
use vauban_protocol::time::Timestamp;

use crate::machine::{Machine, ThisMachine};
use crate::tree::{Access, Disk, DiskFile, Listed, Look, Onto, Place, ThisDisk};

/// Changes that the disk still takes, all if there is no number; and by how many seconds the clock is ahead.
#[derive(Debug, Clone, Default)]
pub(super) struct Stopping(Arc<Mutex<Option<u64>>>, Arc<AtomicU64>);

impl Stopping {
    /// From now on the disk may be changed `steps` times.
    pub(super) fn stop_after(&self, steps: u64) {
        *self.0.lock().unwrap() = Some(steps);
    }

    /// The disk may be changed again; says whether it was stopped.
    pub(super) fn stop_never(&self) -> bool {
        self.0.lock().unwrap().take() == Some(0)
    }

    /// The clock is ahead by so much from now on.
    pub(super) fn set_ahead(&self, seconds: u64) {
        self.1.store(seconds, Ordering::Relaxed);
    }

    fn step(&self) -> Result<(), Errno> {
        match self.0.lock().unwrap().as_mut() {
            None => Ok(()),
            Some(0) => Err(Errno::NOSPC),
            Some(left) => {
                *left -= 1;
                Ok(())
            }
        }
    }
}

impl Machine for Stopping {
    fn disk(&self) -> &dyn Disk {
        self
    }

    fn now(&self) -> Timestamp {
        ThisMachine.now().plus(self.1.load(Ordering::Relaxed))
    }

    fn draw(&self, bytes: &mut [u8]) -> Result<(), getrandom::Error> {
        ThisMachine.draw(bytes)
    }

    fn seal_threads(&self) -> usize {
        ThisMachine.seal_threads()
    }
}

impl Disk for Stopping {
    fn resolve(&self, path: &Path) -> io::Result<PathBuf> {
        ThisDisk.resolve(path)
    }

    fn open(&self, path: &Path) -> Result<Arc<dyn Place>, Errno> {
        Ok(Arc::new(Watched { place: ThisDisk.open(path)?, disk: self.clone() }))
    }
}

/// A folder of a disk that may be stopped.
#[derive(Debug)]
struct Watched {
    place: Arc<dyn Place>,
    disk: Stopping,
}

impl Place for Watched {
    fn names(&self) -> Result<Vec<Listed>, Errno> {
        self.place.names()
    }

    fn look_at(&self, name: &str) -> Result<Look, Errno> {
        self.place.look_at(name)
    }

    fn look_at_itself(&self) -> Result<Look, Errno> {
        self.place.look_at_itself()
    }

    fn open_folder(&self, name: &str) -> Result<Arc<dyn Place>, Errno> {
        Ok(Arc::new(Self { place: self.place.open_folder(name)?, disk: self.disk.clone() }))
    }

    fn open_file(&self, name: &str) -> Result<Box<dyn DiskFile>, Errno> {
        self.place.open_file(name)
    }

    fn read_link(&self, name: &str) -> Result<Vec<u8>, Errno> {
        self.place.read_link(name)
    }

    fn create_file(&self, name: &str, access: Access) -> Result<Box<dyn DiskFile>, Errno> {
        self.disk.step()?;
        self.place.create_file(name, access)
    }

    fn create_link(&self, name: &str, target: &[u8]) -> Result<(), Errno> {
        self.disk.step()?;
        self.place.create_link(name, target)
    }

    fn create_folder(&self, name: &str) -> Result<(), Errno> {
        self.disk.step()?;
        self.place.create_folder(name)
    }

    fn rename(&self, name: &str, target: &dyn Place, to: &str, onto: Onto) -> Result<(), Errno> {
        self.disk.step()?;
        self.place.rename(name, target, to, onto)
    }

    fn remove_file(&self, name: &str) -> Result<(), Errno> {
        self.disk.step()?;
        self.place.remove_file(name)
    }

    fn remove_folder(&self, name: &str) -> Result<(), Errno> {
        self.disk.step()?;
        self.place.remove_folder(name)
    }

    fn flush(&self) -> Result<(), Errno> {
        self.place.flush()
    }

    fn flush_disk(&self) -> Result<(), Errno> {
        self.place.flush_disk()
    }

    fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        self.place.descriptor()
    }
}
