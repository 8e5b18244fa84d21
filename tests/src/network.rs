//! A network between nodes that a test can cut, one way or both, and slow down.
//!
//! Each node is reached at a relay of its own. Nodes call from the address on which they listen, so a relay knows who sends; whoever
//! else comes is a client, and always passes. What is lost is lost without a word, as where a line is cut.

use std::collections::HashMap;
use std::io::ErrorKind;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Context;

use crate::node::NodeHome;

/// How often a relay looks whether its network is gone.
const LOOK: Duration = Duration::from_millis(200);
/// Bytes of the largest datagram.
const DATAGRAM_BYTES: usize = 1 << 16;

/// A network; its relays end when it is dropped.
#[derive(Debug, Default)]
pub struct Network {
    shared: Arc<Shared>,
    /// By where the node listens.
    relays: HashMap<SocketAddr, SocketAddr>,
}

/// What relays look at.
#[derive(Debug, Default)]
struct Shared {
    over: AtomicBool,
    /// By who sends to whom; where nothing stands, all passes.
    lines: Mutex<HashMap<(SocketAddr, SocketAddr), Line>>,
}

/// How a line is, where it is not whole.
#[derive(Debug, Clone, Copy)]
enum Line {
    /// Nothing arrives.
    Cut,
    /// All arrives, later.
    Slow(Duration),
}

/// A datagram on its way.
struct Datagram {
    due: Instant,
    by: Arc<UdpSocket>,
    /// Where to; without it, where its socket is connected to.
    to: Option<SocketAddr>,
    bytes: Vec<u8>,
}

impl Network {
    /// Makes a relay for a node; where others reach it from now on.
    ///
    /// # Errors
    /// If the system gives no socket.
    pub fn relay(&mut self, node: &NodeHome) -> anyhow::Result<String> {
        let listens = listens(node)?;
        let front = Arc::new(socket()?);
        let reached = front.local_addr()?;
        let relay = Relay { shared: Arc::clone(&self.shared), node: listens, front, slowed: slowed() };
        thread::spawn(move || relay.run());
        self.relays.insert(listens, reached);
        Ok(reached.to_string())
    }

    /// Where others reach a node.
    ///
    /// # Errors
    /// If it has no relay.
    pub fn address(&self, node: &NodeHome) -> anyhow::Result<String> {
        Ok(self.relays.get(&listens(node)?).context("a node without a relay")?.to_string())
    }

    /// Nothing that `from` sends reaches `to` any more.
    ///
    /// # Errors
    /// If a node does not say where it listens.
    pub fn cut(&self, from: &NodeHome, to: &NodeHome) -> anyhow::Result<()> {
        self.set(from, to, Line::Cut)
    }

    /// What `from` sends reaches `to` later by `delay`.
    ///
    /// # Errors
    /// As [`Network::cut`].
    pub fn slow(&self, from: &NodeHome, to: &NodeHome, delay: Duration) -> anyhow::Result<()> {
        self.set(from, to, Line::Slow(delay))
    }

    /// Nothing passes between `one` and these others any more.
    ///
    /// # Errors
    /// As [`Network::cut`].
    pub fn part<'a>(&self, one: &NodeHome, others: impl IntoIterator<Item = &'a NodeHome>) -> anyhow::Result<()> {
        for other in others {
            self.cut(one, other)?;
            self.cut(other, one)?;
        }
        Ok(())
    }

    /// Every line is whole again.
    pub fn heal(&self) {
        self.shared.lines().clear();
    }

    fn set(&self, from: &NodeHome, to: &NodeHome, line: Line) -> anyhow::Result<()> {
        self.shared.lines().insert((listens(from)?, listens(to)?), line);
        Ok(())
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        self.shared.over.store(true, Ordering::Relaxed);
    }
}

impl Shared {
    fn lines(&self) -> MutexGuard<'_, HashMap<(SocketAddr, SocketAddr), Line>> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What passes on for one node, both ways.
#[derive(Clone)]
struct Relay {
    shared: Arc<Shared>,
    node: SocketAddr,
    front: Arc<UdpSocket>,
    slowed: Sender<Datagram>,
}

impl Relay {
    /// Takes what comes for the node. Each sender is given a socket of its own, by which the node answers it.
    fn run(&self) {
        let mut ways: HashMap<SocketAddr, Arc<UdpSocket>> = HashMap::new();
        self.receive(&Arc::clone(&self.front), |sender, bytes| {
            let way = match ways.get(&sender) {
                Some(way) => Arc::clone(way),
                None => {
                    let Ok(way) = self.begin(sender) else { return };
                    ways.insert(sender, Arc::clone(&way));
                    way
                }
            };
            self.pass((sender, self.node), &way, None, bytes);
        });
    }

    fn begin(&self, sender: SocketAddr) -> anyhow::Result<Arc<UdpSocket>> {
        let way = socket()?;
        way.connect(self.node)?;
        let way = Arc::new(way);
        let (relay, back) = (self.clone(), Arc::clone(&way));
        thread::spawn(move || {
            relay.receive(&back, |_, bytes| {
                relay.pass((relay.node, sender), &relay.front, Some(sender), bytes);
            });
        });
        Ok(way)
    }

    fn receive(&self, socket: &UdpSocket, mut take: impl FnMut(SocketAddr, &[u8])) {
        let mut bytes = vec![0; DATAGRAM_BYTES];
        while !self.shared.over.load(Ordering::Relaxed) {
            match socket.recv_from(&mut bytes) {
                Ok((length, sender)) => take(sender, bytes.get(..length).unwrap_or_default()),
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
                // A node that does not run is silence, as behind a router; what the system knows of it is dropped.
                Err(error) if error.kind() == ErrorKind::ConnectionRefused => {}
                Err(_) => return,
            }
        }
    }

    fn pass(&self, ends: (SocketAddr, SocketAddr), by: &Arc<UdpSocket>, to: Option<SocketAddr>, bytes: &[u8]) {
        let line = self.shared.lines().get(&ends).copied();
        match line {
            None => send(by, to, bytes),
            Some(Line::Cut) => {}
            Some(Line::Slow(delay)) => {
                let datagram = Datagram { due: Instant::now() + delay, by: Arc::clone(by), to, bytes: bytes.to_vec() };
                // Fails once the network is gone.
                let _gone = self.slowed.send(datagram);
            }
        }
    }
}

/// Lets datagrams out when they are due; it ends with the relays that fill it.
fn slowed() -> Sender<Datagram> {
    let (sender, datagrams): (_, Receiver<Datagram>) = channel();
    thread::spawn(move || {
        for datagram in datagrams {
            thread::sleep(datagram.due.saturating_duration_since(Instant::now()));
            send(&datagram.by, datagram.to, &datagram.bytes);
        }
    });
    sender
}

/// Sends a datagram; one that is not taken is lost, as datagrams are.
fn send(by: &UdpSocket, to: Option<SocketAddr>, bytes: &[u8]) {
    let _lost = match to {
        Some(to) => by.send_to(bytes, to),
        None => by.send(bytes),
    };
}

fn socket() -> anyhow::Result<UdpSocket> {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
    socket.set_read_timeout(Some(LOOK))?;
    Ok(socket)
}

fn listens(node: &NodeHome) -> anyhow::Result<SocketAddr> {
    Ok(node.listen()?.parse()?)
}
