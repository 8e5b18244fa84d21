//! The machine that a client runs on: its disk, its clock, its chance. A simulation brings one of its own, so that one number
//! makes one run.
//!
//! Keys, salts and secrets are drawn by `vauban_crypto`, never here.

use std::fmt::Debug;

use vauban_protocol::time::Timestamp;

use crate::clock;
use crate::content::Sealer;
use crate::tree::{Disk, ThisDisk};

/// What the engine takes from outside.
pub trait Machine: Debug + Send + Sync {
    /// The disk that synced folders lie on.
    fn disk(&self) -> &dyn Disk;

    /// Now, by this machine's clock.
    fn now(&self) -> Timestamp;

    /// Fills `bytes` with what only has to differ from all before: numbers of entries, names of temporary files.
    ///
    /// # Errors
    /// The operating system's.
    fn draw(&self, bytes: &mut [u8]) -> Result<(), getrandom::Error>;

    /// Threads that read and seal at once.
    fn seal_threads(&self) -> usize;
}

/// The one that this program runs on.
#[derive(Debug, Clone, Copy)]
pub struct ThisMachine;

impl Machine for ThisMachine {
    fn disk(&self) -> &dyn Disk {
        &ThisDisk
    }

    fn now(&self) -> Timestamp {
        clock::now()
    }

    fn draw(&self, bytes: &mut [u8]) -> Result<(), getrandom::Error> {
        getrandom::fill(bytes)
    }

    fn seal_threads(&self) -> usize {
        Sealer::threads()
    }
}
