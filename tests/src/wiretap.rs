//! A wire between a browser and a server that a test listens to, and bends.
//!
//! A TCP relay on loopback: it keeps all that passes, each way, and may change what the server answers.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

/// Bytes that are passed on at once.
const PIECE_BYTES: usize = 1 << 16;
/// Longest silence on a connection.
const LIMIT: Duration = Duration::from_secs(120);

/// See the module. Its connections end with their ends.
#[derive(Debug)]
pub struct Wiretap {
    address: SocketAddr,
    heard: Arc<Heard>,
}

/// What has passed.
#[derive(Debug, Default)]
struct Heard {
    asked: Mutex<Vec<u8>>,
    answered: Mutex<Vec<u8>>,
    /// Bytes of an answer after which one is changed; none if it is zero.
    bend_after: AtomicUsize,
    is_deaf: AtomicBool,
}

impl Wiretap {
    /// A wire to `server`.
    ///
    /// # Errors
    /// If there is no port.
    pub fn to(server: SocketAddr) -> anyhow::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let (address, heard) = (listener.local_addr()?, Arc::new(Heard::default()));
        let all = Arc::clone(&heard);
        thread::spawn(move || {
            for browser in listener.incoming().flatten() {
                let Ok(there) = TcpStream::connect(server) else { continue };
                // One that is gone already needs no relay.
                let _ = relay(browser, there, &all);
            }
        });
        Ok(Self { address, heard })
    }

    /// Where the browser reaches it.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// All that was asked so far.
    #[must_use]
    pub fn asked(&self) -> Vec<u8> {
        self.heard.asked.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// All that was answered so far.
    #[must_use]
    pub fn answered(&self) -> Vec<u8> {
        self.heard.answered.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// From now on changes one byte of each piece of an answer that is longer than `bytes`; of none, if that is 0.
    pub fn bend_after(&self, bytes: usize) {
        self.heard.bend_after.store(bytes, Ordering::Release);
    }

    /// Keeps nothing any more of what passes.
    pub fn ignore(&self) {
        self.heard.is_deaf.store(true, Ordering::Release);
    }
}

fn relay(browser: TcpStream, server: TcpStream, heard: &Arc<Heard>) -> anyhow::Result<()> {
    for stream in [&browser, &server] {
        stream.set_read_timeout(Some(LIMIT))?;
        stream.set_nodelay(true)?;
    }
    let (asking, asked) = (browser.try_clone()?, server.try_clone()?);
    let all = Arc::clone(heard);
    thread::spawn(move || pass(asking, asked, |bytes| all.keep(&all.asked, bytes)));
    let all = Arc::clone(heard);
    thread::spawn(move || {
        pass(server, browser, |bytes| {
            let after = all.bend_after.load(Ordering::Acquire);
            if let Some(byte) = bytes.get_mut(after).filter(|_| after > 0) {
                *byte ^= 1;
            }
            all.keep(&all.answered, bytes);
        });
    });
    Ok(())
}

impl Heard {
    fn keep(&self, kept: &Mutex<Vec<u8>>, bytes: &[u8]) {
        if !self.is_deaf.load(Ordering::Acquire) {
            kept.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        }
    }
}

/// Until one end is gone.
fn pass(mut from: TcpStream, mut to: TcpStream, mut hear: impl FnMut(&mut [u8])) {
    let mut piece = vec![0; PIECE_BYTES];
    while let Ok(read @ 1..) = from.read(&mut piece) {
        let bytes = piece.get_mut(..read).unwrap_or_default();
        hear(bytes);
        if to.write_all(bytes).is_err() {
            break;
        }
    }
    // Either may be gone already.
    let _ = to.shutdown(Shutdown::Write);
    let _ = from.shutdown(Shutdown::Read);
}
