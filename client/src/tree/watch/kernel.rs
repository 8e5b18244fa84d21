//! The kernel's events (inotify), as far as they matter: something changed in a watched folder, a folder came or went, a watch
//! ended, or events were lost.

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, OwnedFd};
use std::time::Instant;

use rustix::event::{EventfdFlags, PollFd, PollFlags, Timespec, eventfd, poll};
use rustix::fs::inotify::{self, CreateFlags, ReadFlags, Reader, WatchFlags};
use rustix::io::Errno;

use crate::limit::WATCH_READ_BYTES;
use crate::log::EntryName;
use crate::tree::Folder;

/// What is told of a folder: all that can change what a listing or a file's content shows.
const TOLD: WatchFlags = WatchFlags::CREATE
    .union(WatchFlags::DELETE)
    .union(WatchFlags::MOVED_FROM)
    .union(WatchFlags::MOVED_TO)
    .union(WatchFlags::MODIFY)
    .union(WatchFlags::CLOSE_WRITE)
    .union(WatchFlags::ATTRIB)
    .union(WatchFlags::MOVE_SELF)
    .union(WatchFlags::ONLYDIR);

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Happened {
    /// In the folder of `watch`, to what has this name; `None` for one that the log cannot have.
    In {
        /// Which watch tells it.
        watch: i32,
        /// To what.
        name: Option<EntryName>,
        /// Whether it is a folder that came or went.
        folder: Option<Passage>,
        /// Whether it was removed, not moved.
        is_removed: bool,
    },
    /// To the folder of `watch` itself, which only says that somebody wants it looked at.
    Touched {
        /// Which watch tells it.
        watch: i32,
    },
    /// The folder of `watch` has another name now.
    Moved {
        /// Which watch tells it.
        watch: i32,
    },
    /// `watch` is no more: its folder is gone, or its disk.
    Ended {
        /// Which.
        watch: i32,
    },
    /// More happened than the kernel keeps.
    Overflow,
}

impl Happened {
    /// Whether something was removed.
    pub(super) fn is_removal(&self) -> bool {
        matches!(self, Self::In { is_removed: true, .. })
    }
}

/// Which way a folder went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Passage {
    /// It is new at its name.
    Came,
    /// It has left its name.
    Went,
}

/// Why waiting ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Woken {
    /// The bell was rung.
    Rung,
    /// There are events.
    Queue,
    /// The time has come.
    Time,
}

/// What ends the waiting from another thread.
pub(super) fn bell() -> io::Result<OwnedFd> {
    Ok(eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?)
}

/// Rings it. It stays rung.
pub(super) fn ring(bell: &OwnedFd) {
    // Fails only where it has been rung more often than it counts.
    let _rung = rustix::io::write(bell, &1u64.to_ne_bytes());
}

/// Waits for events, the bell or a moment.
pub(super) fn wait(queue: &OwnedFd, bell: &OwnedFd, until: Option<Instant>) -> io::Result<Woken> {
    let mut fds = [PollFd::new(bell, PollFlags::IN), PollFd::new(queue, PollFlags::IN)];
    let left = until.map(|until| until.saturating_duration_since(Instant::now()));
    let left = left.map(Timespec::try_from).transpose().map_err(io::Error::other)?;
    match poll(&mut fds, left.as_ref()) {
        Ok(_) | Err(Errno::INTR) => {}
        Err(errno) => return Err(errno.into()),
    }
    let [bell, queue] = fds.map(|fd| !fd.revents().is_empty());
    Ok(match (bell, queue) {
        (true, _) => Woken::Rung,
        (false, true) => Woken::Queue,
        (false, false) => Woken::Time,
    })
}

/// A queue of the kernel's, that never makes its reader wait.
pub(super) fn queue() -> io::Result<OwnedFd> {
    Ok(inotify::init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK)?)
}

/// Watches a folder by its descriptor: whatever has taken its name meanwhile is not followed.
pub(super) fn watch(queue: &OwnedFd, folder: &Folder) -> io::Result<i32> {
    let descriptor = folder.place().descriptor().ok_or(io::ErrorKind::Unsupported)?;
    let path = format!("/proc/self/fd/{}", descriptor.as_raw_fd());
    Ok(inotify::add_watch(queue, path, TOLD)?)
}

/// Ends a watch. That it has ended by itself is as good.
pub(super) fn unwatch(queue: &OwnedFd, watch: i32) {
    let _ended = inotify::remove_watch(queue, watch);
}

/// What has happened, as much as is read at once.
///
/// # Errors
/// [`io::ErrorKind::WouldBlock`] if nothing has.
pub(super) fn read(queue: &OwnedFd) -> io::Result<Vec<Happened>> {
    let mut buffer = vec![MaybeUninit::uninit(); WATCH_READ_BYTES];
    let mut reader = Reader::new(queue, &mut buffer);
    let mut happened = Vec::new();
    loop {
        match reader.next() {
            Ok(event) => happened.extend(meaning(&event)),
            Err(Errno::INTR) => continue,
            Err(errno) => return Err(errno.into()),
        }
        if reader.is_buffer_empty() {
            return Ok(happened);
        }
    }
}

fn meaning(event: &inotify::Event<'_>) -> Option<Happened> {
    let (watch, flags) = (event.wd(), event.events());
    if flags.contains(ReadFlags::QUEUE_OVERFLOW) {
        return Some(Happened::Overflow);
    }
    if flags.contains(ReadFlags::IGNORED) {
        return Some(Happened::Ended { watch });
    }
    if flags.contains(ReadFlags::MOVE_SELF) {
        return Some(Happened::Moved { watch });
    }
    let Some(name) = event.file_name() else { return Some(Happened::Touched { watch }) };
    let name = EntryName::parse(name.to_bytes()).ok();
    let came = ReadFlags::CREATE | ReadFlags::MOVED_TO;
    let went = ReadFlags::DELETE | ReadFlags::MOVED_FROM;
    let folder = if !flags.contains(ReadFlags::ISDIR) {
        None
    } else if flags.intersects(came) {
        Some(Passage::Came)
    } else if flags.intersects(went) {
        Some(Passage::Went)
    } else {
        None
    };
    Some(Happened::In { watch, name, folder, is_removed: flags.contains(ReadFlags::DELETE) })
}
