//! What happened lately: told to whoever follows, and kept in a small file that outlives the process.
//!
//! Two files of bounded size, the older one replaced when the newer is full. They hold names, so only their owner reads them. A
//! line that a crash has torn is left out; what could not be written is only not kept.

use std::fs::{self, File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::sync::{Mutex, PoisonError};

use tokio::sync::broadcast;

use super::event::Told;
use crate::limit::{EVENTS_BYTES_MAX, EVENTS_WAITING_MAX};
use crate::state::{Home, StateError, read_bounded};

/// See the module.
#[derive(Debug)]
pub struct Recent {
    home: Home,
    file: Mutex<Option<Writer>>,
    told: broadcast::Sender<Told>,
}

#[derive(Debug)]
struct Writer {
    file: File,
    bytes: u64,
}

impl Recent {
    /// Goes on with the files of `home`.
    #[must_use]
    pub fn open(home: &Home) -> Self {
        let (told, _) = broadcast::channel(EVENTS_WAITING_MAX);
        Self { home: home.clone(), file: Mutex::new(Writer::open(home).ok()), told }
    }

    /// Keeps and tells one event.
    pub fn push(&self, told: &Told) {
        let short = Told { event: told.event.shortened(), ..told.clone() };
        let mut line = serde_json::to_vec(&short).unwrap_or_default();
        line.push(b'\n');
        if let Err(error) = self.keep(&line) {
            tracing::warn!(%error, "an event was not kept");
        }
        // Nobody may follow.
        let _ = self.told.send(short);
    }

    /// What is told from now on.
    #[must_use]
    pub fn follow(&self) -> broadcast::Receiver<Told> {
        self.told.subscribe()
    }

    fn keep(&self, line: &[u8]) -> std::io::Result<()> {
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        if file.as_ref().is_some_and(|writer| writer.bytes.saturating_add(line.len() as u64) > EVENTS_BYTES_MAX) {
            *file = None;
            fs::rename(self.home.events(), self.home.older_events())?;
        }
        let writer = match &mut *file {
            Some(writer) => writer,
            none => none.insert(Writer::open(&self.home)?),
        };
        writer.file.write_all(line)?;
        writer.bytes = writer.bytes.saturating_add(line.len() as u64);
        Ok(())
    }
}

impl Writer {
    fn open(home: &Home) -> std::io::Result<Self> {
        let mut file = OpenOptions::new().read(true).append(true).create(true).mode(0o600).open(home.events())?;
        let mut bytes = file.metadata()?.len();
        if bytes > 0 {
            let mut last = [0];
            file.seek(SeekFrom::End(-1))?;
            file.read_exact(&mut last)?;
            if last != *b"\n" {
                // The line before was torn: what follows begins on its own.
                file.write_all(b"\n")?;
                bytes = bytes.saturating_add(1);
            }
        }
        Ok(Self { file, bytes })
    }
}

/// What the files of `home` hold, the oldest first.
///
/// # Errors
/// [`StateError`] if they cannot be read.
pub fn recorded(home: &Home) -> Result<Vec<Told>, StateError> {
    let mut all = Vec::new();
    for path in [home.older_events(), home.events()] {
        // One line over is possible where a torn one was ended.
        let content = read_bounded(&path, EVENTS_BYTES_MAX.saturating_mul(2))?.unwrap_or_default();
        all.extend(content.split(|byte| *byte == b'\n').filter_map(|line| serde_json::from_slice(line).ok()));
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::service::Event;

    fn home() -> (tempfile::TempDir, Home) {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::at(Some(folder.path().to_owned()));
        (folder, home)
    }

    fn told(at: u64) -> Told {
        Told { event: Event::Watching { folder: "x".repeat(1000) }, at, space: None, name: Some("Projets".to_owned()) }
    }

    #[test]
    fn events_outlive_the_process_and_a_torn_line() {
        let (_folder, home) = home();
        Recent::open(&home).push(&told(1));
        let whole = fs::read(home.events()).unwrap();
        fs::write(home.events(), [&whole, &whole[..20]].concat()).unwrap();
        let recent = Recent::open(&home);
        let mut followed = recent.follow();
        recent.push(&told(2));
        assert_eq!(followed.try_recv().unwrap(), told(2));
        assert_eq!(recorded(&home).unwrap(), [told(1), told(2)]);
        assert_eq!(fs::metadata(home.events()).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn files_stay_small_and_the_latest_events_stay() {
        let (_folder, home) = home();
        let recent = Recent::open(&home);
        let many = 3 * EVENTS_BYTES_MAX / 1000;
        (0..many).for_each(|at| recent.push(&told(at)));
        for path in [home.events(), home.older_events()] {
            assert!(fs::metadata(path).unwrap().len() <= EVENTS_BYTES_MAX);
        }
        let kept = recorded(&home).unwrap();
        assert!(kept.len() as u64 * 1000 > EVENTS_BYTES_MAX / 2);
        assert_eq!(kept.last(), Some(&told(many - 1)));
        assert!(kept.windows(2).all(|pair| pair[0].at + 1 == pair[1].at));
    }
}
