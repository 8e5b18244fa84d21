//! Where a simulated device keeps its keys and state, and the machine that its session runs on.
//!
//! Founding an organisation and verifying its chain costs more than a whole simulated life; so each thread of the simulator has
//! one set of desks, and each life begins by laying the same files on them.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use rustix::io::Errno;
use vauban_client::machine::Machine;
use vauban_client::session::Session;
use vauban_client::state::{Anchor, ChainFile, Home};
use vauban_client::tree::{Disk, Place};
use vauban_protocol::time::Timestamp;

use crate::dice::Dice;
use crate::disk::SimDisk;
use crate::town::Town;

/// One device's home, and its session.
pub(crate) struct Desk {
    /// The device whose keys lie on it.
    pub(crate) device: usize,
    pub(crate) session: Arc<Session>,
    pub(crate) machine: Arc<SimMachine>,
    home: Home,
    cache: PathBuf,
    _folder: tempfile::TempDir,
}

/// The files of a home that change.
#[derive(Debug, Clone)]
pub(crate) struct HomeImage {
    pub(crate) anchor: Vec<u8>,
    cache: Vec<u8>,
    cache_wal: Vec<u8>,
    journal: Vec<u8>,
    journal_wal: Vec<u8>,
}

/// The machine of one desk; it has another disk in each life.
#[derive(Debug)]
pub(crate) struct SimMachine {
    disk: CurrentDisk,
    dice: Mutex<Dice>,
}

#[derive(Debug, Default)]
struct CurrentDisk(Mutex<Option<Arc<SimDisk>>>);

impl SimMachine {
    fn new() -> Self {
        Self { disk: CurrentDisk::default(), dice: Mutex::new(Dice::new(0, 0)) }
    }

    /// A new life.
    pub(crate) fn begin(&self, disk: &Arc<SimDisk>, dice: Dice) {
        *self.disk.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(disk));
        *self.dice.lock().unwrap_or_else(PoisonError::into_inner) = dice;
    }
}

impl SimMachine {
    /// The disk of this life.
    pub(crate) fn current(&self) -> Arc<SimDisk> {
        self.disk.disk().unwrap()
    }
}

impl CurrentDisk {
    fn disk(&self) -> Option<Arc<SimDisk>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Disk for CurrentDisk {
    fn resolve(&self, path: &Path) -> io::Result<PathBuf> {
        Ok(path.to_owned())
    }

    fn open(&self, path: &Path) -> Result<Arc<dyn Place>, Errno> {
        self.disk().ok_or(Errno::NODEV)?.open(path)
    }
}

impl Machine for SimMachine {
    fn disk(&self) -> &dyn Disk {
        &self.disk
    }

    fn now(&self) -> Timestamp {
        let now_ns = self.disk.disk().map_or(0, |disk| disk.volume().now_ns);
        Timestamp(now_ns.unsigned_abs() / 1_000_000_000)
    }

    fn draw(&self, bytes: &mut [u8]) -> Result<(), getrandom::Error> {
        self.dice.lock().unwrap_or_else(PoisonError::into_inner).fill(bytes);
        Ok(())
    }

    fn seal_threads(&self) -> usize {
        // One, so that files come in one order.
        1
    }
}

impl Desk {
    /// A desk for the town's device of this number, whose keys are laid on it.
    pub(crate) fn new(town: &Town, device: usize) -> Self {
        let folder = memory_folder();
        let home = Home::at(Some(folder.path().to_owned()));
        let anchor = Anchor::create(&home, town.anchor_record()).unwrap();
        ChainFile::of(&home).append(0, &town.certificates).unwrap();
        fs::create_dir_all(home.cache()).unwrap();
        let machine = Arc::new(SimMachine::new());
        let session = Session::assemble(home.clone(), anchor, town.identity(device)).unwrap();
        let session = Arc::new(session.on(Arc::<SimMachine>::clone(&machine)));
        let cache = home.space_cache(town.space);
        Self { device, session, machine, home, cache, _folder: folder }
    }

    /// The anchor as it lies on it now.
    pub(crate) fn anchor(&self) -> Vec<u8> {
        fs::read(self.home.anchor()).unwrap_or_default()
    }

    /// What lies on it now.
    pub(crate) fn image(&self) -> HomeImage {
        let read = |path: &Path| fs::read(path).unwrap_or_default();
        HomeImage {
            anchor: read(&self.home.anchor()),
            cache: read(&self.cache),
            cache_wal: read(&beside(&self.cache, "-wal")),
            journal: read(&self.home.journal()),
            journal_wal: read(&beside(&self.home.journal(), "-wal")),
        }
    }

    /// Lays an image on it; nothing of the home may be open.
    pub(crate) fn lay(&self, image: &HomeImage) {
        fs::write(self.home.anchor(), &image.anchor).unwrap();
        lay_database(&self.cache, &image.cache, &image.cache_wal);
        lay_database(&self.home.journal(), &image.journal, &image.journal_wal);
        // The session reads it again.
        self.session.anchor().update(|_| ()).unwrap();
    }

    /// The file of the cache.
    pub(crate) fn cache(&self) -> &Path {
        &self.cache
    }
}

impl HomeImage {
    /// What a power cut leaves: the anchor was flushed, of the databases only what their last checkpoint held.
    pub(crate) fn cut_power(&mut self, dice: &mut Dice) {
        for wal in [&mut self.cache_wal, &mut self.journal_wal] {
            if dice.roll(2) == 0 {
                wal.truncate(dice.roll(wal.len() + 1));
            }
        }
    }

    /// The cache is gone.
    pub(crate) fn lose_cache(&mut self) {
        (self.cache, self.cache_wal) = (Vec::new(), Vec::new());
    }

    /// The cache is that of another time.
    pub(crate) fn restore_cache(&mut self, from: &Self) {
        (self.cache, self.cache_wal) = (from.cache.clone(), from.cache_wal.clone());
    }
}

fn lay_database(path: &Path, database: &[u8], wal: &[u8]) {
    for suffix in ["", "-wal", "-shm"] {
        let _ = fs::remove_file(beside(path, suffix));
    }
    if !database.is_empty() {
        fs::write(path, database).unwrap();
        fs::write(beside(path, "-wal"), wal).unwrap();
    }
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

/// A folder in memory, where there is such a thing: lives are short, and many.
pub(crate) fn memory_folder() -> tempfile::TempDir {
    let memory = Path::new("/dev/shm");
    if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() }.unwrap()
}
