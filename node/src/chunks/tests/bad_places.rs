//! Places of segments that a test has made unreadable: the disk reports them as a worn-out one does.
//!
//! No unprivileged process can make a real file do that, so `block` asks here before it asks the system. A place is known by the
//! file's own number, wherever it is opened.

use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use rustix::io::Errno;

static PLACES: Mutex<Vec<Place>> = Mutex::new(Vec::new());

struct Place {
    /// Device and number.
    file: (u64, u64),
    bytes: Range<u64>,
    error: Errno,
    /// How often it fails still.
    times: usize,
}

/// A file with bad places: they are whole again once this is dropped, before its number is another file's.
pub(crate) struct Spoilt((u64, u64));

impl Drop for Spoilt {
    fn drop(&mut self) {
        places().retain(|place| place.file != self.0);
    }
}

/// These bytes of a file cannot be read any more.
pub(crate) fn spoil(path: &Path, bytes: Range<u64>, error: Errno) -> Spoilt {
    spoil_for(path, bytes, error, usize::MAX)
}

/// They cannot for so many reads.
fn spoil_for(path: &Path, bytes: Range<u64>, error: Errno, times: usize) -> Spoilt {
    let metadata = std::fs::metadata(path).unwrap();
    let file = (metadata.dev(), metadata.ino());
    places().push(Place { file, bytes, error, times });
    Spoilt(file)
}

/// The byte in the middle of an object cannot be read for so many reads, in whichever of the segments in this folder it lies. What
/// shares its block is lost with it: an object of three blocks shares that one with nothing.
pub(crate) fn spoil_object(segments: &Path, object: &[u8], error: Errno, times: usize) -> Spoilt {
    let (path, at) = find(segments, object);
    let middle = at + object.len() as u64 / 2;
    spoil_for(&path, middle..middle + 1, error, times)
}

/// The segment that an object lies in, and where it begins.
pub(crate) fn find(segments: &Path, object: &[u8]) -> (PathBuf, u64) {
    for entry in std::fs::read_dir(segments).unwrap() {
        let path = entry.unwrap().path();
        let bytes = std::fs::read(&path).unwrap();
        if let Some(at) = bytes.windows(object.len()).position(|window| window == object) {
            return (path, at as u64);
        }
    }
    panic!("the object is in no segment");
}

/// Fails if a read of `bytes` from `offset` on would meet a bad place.
pub(crate) fn meet(file: &File, offset: u64, bytes: usize) -> io::Result<()> {
    let metadata = file.metadata()?;
    let (file, end) = ((metadata.dev(), metadata.ino()), offset.saturating_add(bytes as u64));
    let mut places = places();
    let is_met = |place: &&mut Place| {
        place.file == file && place.times > 0 && place.bytes.start < end && offset < place.bytes.end
    };
    match places.iter_mut().find(is_met) {
        Some(place) => {
            place.times -= 1;
            Err(place.error.into())
        }
        None => Ok(()),
    }
}

fn places() -> MutexGuard<'static, Vec<Place>> {
    PLACES.lock().unwrap_or_else(PoisonError::into_inner)
}
