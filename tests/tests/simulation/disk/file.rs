//! An open file of the simulated disk. It is read in small pieces, so that it can change in between.

use std::io::{self, Read, Write};
use std::sync::Arc;

use rustix::io::Errno;
use vauban_client::tree::{DiskFile, Look};

use super::place::look;
use super::volume::{Serial, What};
use super::{Call, SimDisk};
use crate::weakness::Weakness;

/// Bytes of a piece.
const PIECE_BYTES: usize = 6;

#[derive(Debug)]
pub(super) struct SimFile {
    disk: Arc<SimDisk>,
    serial: Serial,
    read: usize,
    /// What it was created as, if it was.
    name: String,
    first_look: Option<Look>,
}

impl SimFile {
    pub(super) fn new(disk: &Arc<SimDisk>, serial: Serial, name: &str) -> Self {
        let first_look = disk.volume().thing(serial).map(look).ok();
        Self { disk: Arc::clone(disk), serial, read: 0, name: name.to_owned(), first_look }
    }
}

impl Read for SimFile {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.disk.before(Call::Read)?;
        let volume = self.disk.volume();
        let What::File(content) = &volume.thing(self.serial)?.what else { return Err(Errno::ISDIR.into()) };
        let rest = content.get(self.read..).unwrap_or_default();
        let piece = rest.get(..rest.len().min(PIECE_BYTES).min(buffer.len())).unwrap_or_default();
        if let Some(room) = buffer.get_mut(..piece.len()) {
            room.copy_from_slice(piece);
        }
        self.read += piece.len();
        Ok(piece.len())
    }
}

impl Write for SimFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.disk.before(Call::Step)?;
        // A weakened client marks every root alike.
        let is_mark = self.disk.weakness == Weakness::BaseOfAnotherFolder && self.name == "root";
        let marked = is_mark.then(|| same_mark(bytes));
        self.disk.volume().append(self.serial, marked.as_deref().unwrap_or(bytes))?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn same_mark(text: &[u8]) -> Vec<u8> {
    let text = String::from_utf8_lossy(text);
    let lines = text.lines().map(|line| match line.strip_prefix("marker ") {
        Some(mark) => format!("marker {}\n", "0".repeat(mark.len())),
        None => format!("{line}\n"),
    });
    lines.collect::<String>().into_bytes()
}

impl DiskFile for SimFile {
    fn look(&self) -> Result<Look, Errno> {
        self.disk.before(Call::Look)?;
        if self.disk.weakness == Weakness::NoLookAfterReading
            && let Some(first) = self.first_look
        {
            return Ok(first);
        }
        Ok(look(self.disk.volume().thing(self.serial)?))
    }

    fn set_mtime(&self, mtime_ns: i64) -> Result<(), Errno> {
        self.disk.before(Call::Step)?;
        self.disk.volume().set_mtime(self.serial, mtime_ns)
    }

    fn flush_content(&self) -> Result<(), Errno> {
        self.disk.before(Call::Step)?;
        if self.disk.weakness != Weakness::NoContentFlush {
            self.disk.volume().flush_content(self.serial);
        }
        Ok(())
    }
}
