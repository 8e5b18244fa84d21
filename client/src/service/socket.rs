//! The socket in the home on which a service answers, and who may ask.
//!
//! It stands in the home, whatever the environment of whoever asks. It is made under another name, made its owner's alone, and
//! then given its name: in the place of one that a killed process left, which is safe because only the holder of the service
//! lock does this. Each asker is the same user by the kernel's word, or is turned away; lines and askers are bounded.

use std::fs;
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::Semaphore;
use tokio::task::AbortHandle;
use tokio::time::timeout;

use super::desk::Desk;
use super::request::{Answer, Refusal, Request, line, read};
use crate::limit::{ASKER_SECONDS_MAX, ASKERS_MAX, REQUEST_BYTES_MAX};
use crate::state::{Home, StateError};

/// Bytes of a path that a socket address holds; longer ones go by way of the open folder.
const ADDRESS_BYTES_MAX: usize = 100;

/// The socket of a running service; gone when dropped.
#[derive(Debug)]
pub(super) struct Door {
    path: PathBuf,
    task: AbortHandle,
}

/// A way to a path that fits a socket address.
#[derive(Debug)]
pub(super) struct Address {
    pub(super) path: PathBuf,
    _folder: Option<fs::File>,
}

impl Address {
    /// # Errors
    /// That the folder cannot be opened.
    pub(super) fn of(path: &Path) -> io::Result<Self> {
        let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else {
            return Ok(Self { path: path.to_owned(), _folder: None });
        };
        if path.as_os_str().len() <= ADDRESS_BYTES_MAX {
            return Ok(Self { path: path.to_owned(), _folder: None });
        }
        let folder = fs::File::open(folder)?;
        let path = Path::new("/proc/self/fd").join(folder.as_raw_fd().to_string()).join(name);
        Ok(Self { path, _folder: Some(folder) })
    }
}

impl Door {
    /// Opens it. The caller holds the service lock.
    ///
    /// # Errors
    /// [`StateError::Io`].
    pub(super) fn open(home: &Home, desk: Arc<Desk>) -> Result<Self, StateError> {
        let path = home.socket();
        let listener = bind(&path).map_err(StateError::io(&path))?;
        let task = tokio::spawn(receive(listener, desk)).abort_handle();
        Ok(Self { path, task })
    }
}

impl Drop for Door {
    fn drop(&mut self) {
        self.task.abort();
        let _ = fs::remove_file(&self.path);
    }
}

fn bind(path: &Path) -> io::Result<UnixListener> {
    let fresh = path.with_extension("new");
    match fs::remove_file(&fresh) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let listener = UnixListener::bind(&Address::of(&fresh)?.path)?;
    fs::set_permissions(&fresh, fs::Permissions::from_mode(0o600))?;
    fs::rename(&fresh, path)?;
    Ok(listener)
}

async fn receive(listener: UnixListener, desk: Arc<Desk>) {
    let places = Arc::new(Semaphore::new(ASKERS_MAX));
    let own = rustix::process::geteuid().as_raw();
    loop {
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) => {
                // Too many files are open, or the like: others may close some.
                tracing::warn!(%error, "nobody can be heard");
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        if !stream.peer_cred().is_ok_and(|peer| peer.uid() == own) {
            continue;
        }
        let desk = Arc::clone(&desk);
        match Arc::clone(&places).try_acquire_owned() {
            Ok(place) => {
                tokio::spawn(async move {
                    Asker::new(stream).serve(&desk).await;
                    drop(place);
                });
            }
            Err(_) => {
                tokio::spawn(async move { Asker::new(stream).say(&Answer::Refused { reason: Refusal::Busy }).await });
            }
        }
    }
}

/// One who asks.
pub(super) struct Asker {
    from: BufReader<OwnedReadHalf>,
    to: OwnedWriteHalf,
}

/// It is gone, or does not listen.
pub(super) struct Gone;

impl Asker {
    fn new(stream: UnixStream) -> Self {
        let (from, to) = stream.into_split();
        Self { from: BufReader::new(from), to }
    }

    async fn serve(mut self, desk: &Arc<Desk>) {
        let patience = Duration::from_secs(ASKER_SECONDS_MAX);
        while let Ok(Ok(Some(asked))) = timeout(patience, self.next_line()).await {
            let said = match read::<Request>(&asked) {
                Some(request) => desk.answer(request, &mut self).await,
                None => self.say(&Answer::Refused { reason: Refusal::Unknown }).await,
            };
            if said.is_err() {
                return;
            }
        }
    }

    /// The next line; `None` at the end, or where it is too long.
    async fn next_line(&mut self) -> io::Result<Option<Vec<u8>>> {
        let mut asked = Vec::new();
        (&mut self.from).take(REQUEST_BYTES_MAX).read_until(b'\n', &mut asked).await?;
        Ok((asked.last() == Some(&b'\n')).then_some(asked))
    }

    /// Says one thing.
    pub(super) async fn say(&mut self, answer: &Answer) -> Result<(), Gone> {
        let patience = Duration::from_secs(ASKER_SECONDS_MAX);
        match timeout(patience, self.to.write_all(&line(answer))).await {
            Ok(Ok(())) => Ok(()),
            _ => Err(Gone),
        }
    }

    /// Waits until it is gone; what it says meanwhile ends it, too.
    pub(super) async fn gone(&mut self) {
        let mut one = [0];
        let _ = self.from.read(&mut one).await;
    }
}
