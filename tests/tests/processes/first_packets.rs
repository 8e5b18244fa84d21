//! What a node is sent before it knows by whom.
//!
//! The keys of a first packet follow from a number in it (RFC 9001, section 5.2): so anybody can seal one that opens, with anything in it.
//! Two such packets carry a TLS greeting, and in that the transport parameters: all of it is read before anybody has proven anything.
//! A control makes no sense where the claim is that a process goes on; that the bytes get where they are meant to is shown instead: a
//! right greeting is answered by a handshake, and one whose parameters are wrong by an end.

#![allow(clippy::indexing_slicing, reason = "packets are laid out by their offsets")]

use std::io::ErrorKind;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::quic::{ClientConnection, Suite, Version};
use rustls::version::TLS13;
use rustls::{ClientConfig, RootCertStore, Side};
use vauban_protocol::wire::{ALPN_DEVICE, ALPN_GUEST, ALPN_NODE};
use vauban_tests::agency::Agency;
use vauban_tests::random::Random;

/// Bytes of a datagram with a first packet in it, at least (RFC 9000, section 14.1).
const DATAGRAM_BYTES: usize = 1200;
/// Bytes of a greeting in one packet.
const CRYPTO_BYTES: usize = 1000;
/// Longest that one look for an answer takes, and how many there are: a node that is busy with what came before has time.
const LOOK: Duration = Duration::from_millis(100);
const LOOKS: usize = 100;
/// Kinds of long packets, as their first byte says.
const INITIAL: u8 = 0;
const RETRY: u8 = 3;
/// Bytes of first packets in which the node's part of the key exchange goes, which has 1,120 of its own; an end takes some dozens.
const GREETED_BYTES: usize = 1000;

/// Somebody that the node does not know.
struct Stranger {
    node: SocketAddr,
    random: Random,
    suite: Suite,
    tls: Arc<ClientConfig>,
}

/// One connection that a stranger begins: both sides' names for it.
#[derive(Clone)]
struct Attempt {
    to: Vec<u8>,
    from: Vec<u8>,
}

impl Stranger {
    fn new(node: SocketAddr) -> anyhow::Result<Self> {
        let suite = aws_lc_rs::cipher_suite::TLS13_AES_128_GCM_SHA256;
        let suite = suite.tls13().and_then(|suite| suite.quic_suite()).context("the suite of first packets")?;
        let groups = vec![aws_lc_rs::kx_group::X25519MLKEM768];
        let provider = CryptoProvider { kx_groups: groups, ..aws_lc_rs::default_provider() };
        let mut tls = ClientConfig::builder_with_provider(Arc::new(provider))
            .with_protocol_versions(&[&TLS13])?
            .with_root_certificates(RootCertStore::empty())
            .with_no_client_auth();
        tls.alpn_protocols = vec![ALPN_DEVICE.to_vec()];
        Ok(Self { node, random: Random::of(26), suite, tls: Arc::new(tls) })
    }

    fn bytes(&mut self, count: usize) -> Vec<u8> {
        (0..count).map(|_| self.random.any().to_le_bytes()[0]).collect()
    }

    fn attempt(&mut self) -> Attempt {
        Attempt { to: self.bytes(8), from: self.bytes(8) }
    }

    fn socket(&self) -> anyhow::Result<UdpSocket> {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
        socket.connect(self.node)?;
        socket.set_read_timeout(Some(LOOK))?;
        Ok(socket)
    }

    /// The TLS greeting of a client with these transport parameters.
    fn greeting(&self, parameters: Vec<u8>) -> anyhow::Result<Vec<u8>> {
        let name = "node.vauban.internal".try_into()?;
        let mut client = ClientConnection::new(Arc::clone(&self.tls), Version::V1, name, parameters)?;
        let mut greeting = Vec::new();
        client.write_hs(&mut greeting);
        Ok(greeting)
    }

    /// A first packet with these frames in it, sealed as it should be; filled up to the least length unless it is longer.
    fn initial(&self, attempt: &Attempt, number: u32, frames: &[u8]) -> anyhow::Result<Vec<u8>> {
        self.sealed(attempt, 0xc3, &[], number, frames)
    }

    fn sealed(
        &self,
        attempt: &Attempt,
        first: u8,
        token: &[u8],
        number: u32,
        frames: &[u8],
    ) -> anyhow::Result<Vec<u8>> {
        let keys = self.suite.keys(&attempt.to, Side::Client, Version::V1).local;
        let mut header = vec![first, 0, 0, 0, 1, u8::try_from(attempt.to.len())?];
        header.extend_from_slice(&attempt.to);
        header.push(u8::try_from(attempt.from.len())?);
        header.extend_from_slice(&attempt.from);
        header.extend_from_slice(&number_of(token.len() as u64));
        header.extend_from_slice(token);
        let mut payload = frames.to_vec();
        let before = header.len() + 2 + 4 + keys.packet.tag_len();
        payload.resize(payload.len().max(DATAGRAM_BYTES.saturating_sub(before)), 0);
        let length = u16::try_from(4 + payload.len() + keys.packet.tag_len())? | 0x4000;
        header.extend_from_slice(&length.to_be_bytes());
        let number_at = header.len();
        header.extend_from_slice(&number.to_be_bytes());
        let tag = keys.packet.encrypt_in_place(number.into(), &header, &mut payload)?;
        let mut packet = [header, payload, tag.as_ref().to_vec()].concat();
        let sample = packet[number_at + 4..][..keys.header.sample_len()].to_vec();
        let (before, rest) = packet.split_at_mut(number_at);
        keys.header.encrypt_in_place(&sample, &mut before[0], &mut rest[..4])?;
        Ok(packet)
    }

    /// A greeting in as many first packets as it takes.
    fn greet(&self, socket: &UdpSocket, attempt: &Attempt, greeting: &[u8]) -> anyhow::Result<()> {
        for (number, piece) in (0_u32..).zip(greeting.chunks(CRYPTO_BYTES)) {
            let offset = u64::from(number) * CRYPTO_BYTES as u64;
            self.send(socket, &self.initial(attempt, number, &crypto(offset, piece))?)?;
        }
        Ok(())
    }

    /// Ends a connection, whatever has become of it, so that it takes nobody's place.
    fn end(&self, socket: &UdpSocket, attempt: &Attempt) -> anyhow::Result<()> {
        self.send(socket, &self.initial(attempt, 1000, &[0x1c, 0, 0, 0])?)
    }

    fn send(&self, socket: &UdpSocket, datagram: &[u8]) -> anyhow::Result<()> {
        match socket.send(datagram) {
            Ok(_) => Ok(()),
            // What nobody listens for any more is told back to the sender: then the node is gone.
            Err(error) if error.kind() == ErrorKind::ConnectionRefused => anyhow::bail!("nobody listens"),
            // Longer than a datagram can be.
            Err(_) => Ok(()),
        }
    }

    /// What a whole greeting is answered with. Asks again until there is an answer that is no delay.
    fn answered(&mut self, parameters: impl Fn(&Attempt) -> Vec<u8>) -> anyhow::Result<Said> {
        for _ in 0..LOOKS {
            let (socket, attempt) = (self.socket()?, self.attempt());
            self.greet(&socket, &attempt, &self.greeting(parameters(&attempt))?)?;
            let mut said = Said::default();
            let mut datagram = [0; 4096];
            while let Some(length) = received(&socket, &mut datagram)? {
                said.hear(&datagram[..length]);
            }
            self.end(&socket, &attempt)?;
            // A node that has many strangers asks them to prove where they are first.
            if said.packets > 0 && !said.is_delay {
                return Ok(said);
            }
        }
        anyhow::bail!("the node does not answer any more")
    }

    /// Fails unless the node takes a stranger's greeting as it did before.
    fn is_served(&mut self) -> anyhow::Result<()> {
        let said = self.answered(|attempt| right_parameters(&attempt.from))?;
        anyhow::ensure!(said.initial_bytes >= GREETED_BYTES, "no handshake: {said:?}");
        Ok(())
    }
}

fn received(socket: &UdpSocket, datagram: &mut [u8]) -> anyhow::Result<Option<usize>> {
    match socket.recv(datagram) {
        Ok(length) => Ok(Some(length)),
        Err(error) if error.kind() == ErrorKind::ConnectionRefused => anyhow::bail!("nobody listens"),
        Err(_) => Ok(None),
    }
}

/// What a node answers a greeting with, as far as whoever has no keys can tell.
#[derive(Debug, Default)]
struct Said {
    packets: usize,
    /// Whether it asks for another greeting first.
    is_delay: bool,
    /// Bytes of first packets, in which its part of the key exchange goes. (The later ones are filled up.)
    initial_bytes: usize,
}

impl Said {
    fn hear(&mut self, mut datagram: &[u8]) {
        while let Some((kind, rest)) = long_packet(datagram) {
            self.packets += 1;
            self.is_delay |= kind == RETRY;
            if kind == INITIAL {
                self.initial_bytes += datagram.len() - rest.len();
            }
            datagram = rest;
        }
    }
}

/// The kind of the long packet that some bytes begin with, and what follows it.
fn long_packet(bytes: &[u8]) -> Option<(u8, &[u8])> {
    let (first, rest) = bytes.split_first()?;
    if first & 0x80 == 0 {
        return None;
    }
    let kind = first >> 4 & 3;
    let (_version, rest) = rest.split_at_checked(4)?;
    let (length, rest) = rest.split_first()?;
    let (_to, rest) = rest.split_at_checked((*length).into())?;
    let (length, rest) = rest.split_first()?;
    let (_from, rest) = rest.split_at_checked((*length).into())?;
    if kind == RETRY {
        return Some((kind, &[]));
    }
    let rest = if kind == INITIAL {
        let (length, rest) = number(rest)?;
        rest.get(usize::try_from(length).ok()?..)?
    } else {
        rest
    };
    let (length, rest) = number(rest)?;
    Some((kind, rest.get(usize::try_from(length).ok()?..)?))
}

/// A number as QUIC writes it (RFC 9000, section 16), in the fewest bytes.
fn number_of(value: u64) -> Vec<u8> {
    match value {
        0..0x40 => value.to_be_bytes()[7..].to_vec(),
        0x40..0x4000 => (value | 0x4000).to_be_bytes()[6..].to_vec(),
        0x4000..0x4000_0000 => (value | 0x8000_0000).to_be_bytes()[4..].to_vec(),
        _ => (value | 0xc000_0000_0000_0000).to_be_bytes().to_vec(),
    }
}

fn number(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let length = 1 << (bytes.first()? >> 6);
    let (number, rest) = bytes.split_at_checked(length)?;
    let value = number.iter().fold(0, |value: u64, byte| value << 8 | u64::from(*byte));
    Some((value & (u64::MAX >> (66 - 8 * length)), rest))
}

fn crypto(offset: u64, data: &[u8]) -> Vec<u8> {
    [&[6][..], &number_of(offset), &number_of(data.len() as u64), data].concat()
}

fn parameter(id: u64, value: &[u8]) -> Vec<u8> {
    [number_of(id), number_of(value.len() as u64), value.to_vec()].concat()
}

/// What a client says of itself: its name for the connection, and how much it takes in.
fn right_parameters(from: &[u8]) -> Vec<u8> {
    let taken = number_of(1 << 20);
    [parameter(0x0f, from), parameter(0x04, &taken), parameter(0x05, &taken), parameter(0x08, &[8])].concat()
}

/// Random bytes, long and short, behind every kind of first byte, of every version, with names of every length.
fn nonsense(stranger: &mut Stranger, socket: &UdpSocket) -> anyhow::Result<()> {
    for length in [0, 1, 2, 4, 5, 6, 7, 20, 21, 22, 23, 50, 100, 1199, 1200, 1201, 1472, 6500, 9000, 65_507, 65_535] {
        for first in [0x00, 0x40, 0x7f, 0x80, 0xc0, 0xc3, 0xd0, 0xe0, 0xf0, 0xff] {
            let mut datagram = stranger.bytes(length);
            if let Some(byte) = datagram.first_mut() {
                *byte = first;
            }
            stranger.send(socket, &datagram)?;
        }
    }
    for version in [0, 1, 2, 0x6b33_43cf, 0xff00_001d, 0x1a2a_3a4a, u32::MAX] {
        for (to, from) in [(0, 0), (0, 255), (1, 0), (7, 8), (8, 8), (20, 20), (21, 0), (8, 21), (255, 0), (255, 255)] {
            let mut datagram = [&[0xc3][..], &version.to_be_bytes(), &[to]].concat();
            datagram.extend(stranger.bytes(to.into()));
            datagram.push(from);
            datagram.extend(stranger.bytes(from.into()));
            for ending in [&[][..], &[0], &[0xff; 8], &[0x3f], &[0, 0x44, 0xff], &[0xbf, 0xff, 0xff, 0xff]] {
                let mut whole = [datagram.as_slice(), ending].concat();
                stranger.send(socket, &whole)?;
                whole.resize(DATAGRAM_BYTES, 0);
                stranger.send(socket, &whole)?;
            }
        }
    }
    Ok(())
}

/// A right first packet, cut short everywhere, and with every byte of its header changed, and some of the rest.
fn mutilated(stranger: &mut Stranger, socket: &UdpSocket) -> anyhow::Result<()> {
    let attempt = stranger.attempt();
    let greeting = stranger.greeting(right_parameters(&attempt.from))?;
    let packet = stranger.initial(&attempt, 0, &crypto(0, &greeting[..CRYPTO_BYTES]))?;
    for length in (0..64).chain((64..packet.len()).step_by(37)) {
        stranger.send(socket, &packet[..length])?;
    }
    for at in (0..64).chain((64..packet.len()).step_by(61)) {
        for by in [1, 0x40, 0x80, 0xff] {
            let mut changed = packet.clone();
            changed[at] ^= by;
            stranger.send(socket, &changed)?;
        }
    }
    // Twice in one datagram, behind itself cut short, before nonsense, and again and again.
    let nonsense = stranger.bytes(300);
    for whole in
        [[&packet[..], &packet].concat(), [&packet[..100], &packet].concat(), [&packet[..], &nonsense].concat()]
    {
        stranger.send(socket, &whole)?;
    }
    for _ in 0..50 {
        stranger.send(socket, &packet)?;
    }
    stranger.end(socket, &attempt)
}

/// First packets that open, with frames of every kind in them: those that belong there and those that do not, whole, cut short, and with
/// the greatest numbers that there are.
fn frames(stranger: &mut Stranger, socket: &UdpSocket) -> anyhow::Result<()> {
    let greatest = [0xff; 8];
    for kind in (0..0x40).chain([0xff]) {
        let bodies: [Vec<u8>; 6] = [
            vec![],
            vec![0],
            greatest.to_vec(),
            greatest.repeat(6),
            [vec![0, 0, 0x40, 0x64], greatest.to_vec()].concat(),
            stranger.bytes(200),
        ];
        for body in bodies {
            let attempt = stranger.attempt();
            let frame = [vec![kind], body].concat();
            stranger.send(socket, &stranger.initial(&attempt, 0, &frame)?)?;
            stranger.end(socket, &attempt)?;
        }
    }
    // Acknowledgements of what was never sent; pieces of a greeting that overlap, contradict, leave gaps, or lie beyond all bounds.
    let greeting = stranger.greeting(right_parameters(&[1; 8]))?;
    let odd: [Vec<u8>; 8] = [
        vec![],
        [&[2][..], &number_of(1 << 40), &[0], &number_of(1 << 20), &[0]].concat(),
        [&[2, 5, 0, 3, 9][..], &greatest].concat(),
        [crypto(0, &greeting[..400]), crypto(200, &greeting[..400]), crypto(100, &[0xff; 300])].concat(),
        crypto(500, &greeting[..400]),
        crypto((1 << 62) - 1, &[1; 10]),
        crypto((1 << 62) - 400, &greeting[..400]),
        [&[6][..], &number_of(0), &number_of(1 << 30), &[1; 50]].concat(),
    ];
    for frames in odd {
        let attempt = stranger.attempt();
        for number in [0, 1, u32::MAX] {
            stranger.send(socket, &stranger.initial(&attempt, number, &frames)?)?;
        }
        stranger.end(socket, &attempt)?;
    }
    // Reserved bits, shorter packet numbers than there are, tokens that nobody gave, and names that are too short or too long.
    for first in [0xc0, 0xc1, 0xc2, 0xcf, 0xd3, 0xe3, 0x83] {
        for token in [&[][..], &[1], &[0xaa; 100], &[0; 600]] {
            let attempt = stranger.attempt();
            stranger.send(socket, &stranger.sealed(&attempt, first, token, 0, &crypto(0, &greeting[..100]))?)?;
            stranger.end(socket, &attempt)?;
        }
    }
    for (to, from) in [(0, 8), (1, 8), (7, 0), (8, 0), (20, 20), (21, 8), (8, 21), (255, 255)] {
        let attempt = Attempt { to: stranger.bytes(to), from: stranger.bytes(from) };
        stranger.send(socket, &stranger.initial(&attempt, 0, &crypto(0, &greeting[..100]))?)?;
        stranger.end(socket, &attempt)?;
    }
    Ok(())
}

/// Whole greetings whose transport parameters are wrong: unknown, doubled, cut short, of a server's alone, out of bounds.
fn parameters(stranger: &mut Stranger, socket: &UdpSocket) -> anyhow::Result<()> {
    let numbers = [0, 1, 2, 20, 21, 0x3fff, 0x4000, (1 << 32) - 1, 1 << 60, (1 << 62) - 1].map(number_of);
    let mut wrong: Vec<Vec<u8>> = vec![vec![], vec![0xff], vec![0x40], [0xff; 40].to_vec()];
    for id in (0..0x22).chain([0x2ab2, 0x3129, (1 << 62) - 1]) {
        wrong.extend(numbers.iter().map(|value| parameter(id, value)));
        for length in [0, 1, 15, 16, 17, 20, 21, 41, 60, 255] {
            wrong.push(parameter(id, &vec![0xff; length]));
        }
        // The length is announced, and nothing comes; or less.
        wrong.push([number_of(id), number_of(100)].concat());
        wrong.push([number_of(id), number_of((1 << 62) - 1), vec![1; 10]].concat());
        wrong.push(parameter(id, &[1]).repeat(2));
    }
    for (count, wrong) in wrong.into_iter().enumerate() {
        let attempt = stranger.attempt();
        // Alone, and beside what is right.
        let mut said =
            if count.is_multiple_of(2) { right_parameters(&attempt.from) } else { parameter(0x0f, &attempt.from) };
        said.extend(wrong);
        stranger.greet(socket, &attempt, &stranger.greeting(said)?)?;
        stranger.end(socket, &attempt)?;
        if count % 100 == 99 {
            stranger.is_served().with_context(|| format!("after {count} sets of parameters"))?;
        }
    }
    Ok(())
}

/// Whole greetings with bytes changed, taken out and put in, for each of the protocols that are spoken, and for none.
fn greetings(stranger: &mut Stranger, socket: &UdpSocket) -> anyhow::Result<()> {
    for round in 0..600_usize {
        let mut tls = ClientConfig::clone(&stranger.tls);
        let protocols = [ALPN_DEVICE, ALPN_GUEST, ALPN_NODE, b"h3"];
        tls.alpn_protocols = protocols.get(round % 5).map(|protocol| protocol.to_vec()).into_iter().collect();
        stranger.tls = Arc::new(tls);
        let attempt = stranger.attempt();
        let mut greeting = stranger.greeting(right_parameters(&attempt.from))?;
        for _ in 0..=stranger.random.below(4) {
            let at = usize::try_from(stranger.random.below(greeting.len() as u64))?;
            let byte = stranger.random.any().to_le_bytes()[0];
            match stranger.random.below(4) {
                0 => drop(greeting.remove(at)),
                1 => greeting.insert(at, byte),
                2 => greeting.truncate(at.max(1)),
                _ => greeting[at] = byte,
            }
        }
        stranger.greet(socket, &attempt, &greeting)?;
        stranger.end(socket, &attempt)?;
        if round % 100 == 99 {
            stranger.tls = with_protocol(&stranger.tls);
            stranger.is_served().with_context(|| format!("after {round} greetings"))?;
        }
    }
    stranger.tls = with_protocol(&stranger.tls);
    Ok(())
}

fn with_protocol(tls: &ClientConfig) -> Arc<ClientConfig> {
    let mut tls = tls.clone();
    tls.alpn_protocols = vec![ALPN_DEVICE.to_vec()];
    Arc::new(tls)
}

#[test]
fn initial_packet_fuzz_no_exit() -> anyhow::Result<()> {
    let (agency, mut node) = Agency::found()?;
    let laptop = agency.enrol("alice")?;
    laptop.run(&["space", "create", "Projets"])?;
    let mut stranger = Stranger::new(node.home().listen()?.parse()?)?;
    stranger.is_served().context("before anything")?;
    // Only a server may say under which name it was called first: what the parameters say is read, and judged.
    let judged =
        stranger.answered(|attempt| [right_parameters(&attempt.from), parameter(0x00, &attempt.to)].concat())?;
    anyhow::ensure!(judged.initial_bytes < GREETED_BYTES, "parameters are not judged: {judged:?}");

    type Attack = fn(&mut Stranger, &UdpSocket) -> anyhow::Result<()>;
    let attacks: [(&str, Attack); 5] = [
        ("nonsense", nonsense),
        ("mutilated packets", mutilated),
        ("frames", frames),
        ("parameters", parameters),
        ("greetings", greetings),
    ];
    for (what, attack) in attacks {
        let socket = stranger.socket()?;
        attack(&mut stranger, &socket).context(what)?;
        stranger.is_served().with_context(|| format!("after {what}"))?;
        anyhow::ensure!(!node.has_ended()?, "the node has ended: {what}");
    }
    // Who is known is served as ever; nothing has panicked on the way, and the node ends when it is told to.
    laptop.run(&["ls", "Projets"])?;
    let said = node.said()?;
    anyhow::ensure!(!said.contains("panicked"), "{said}");
    node.stop()?;
    Ok(())
}
