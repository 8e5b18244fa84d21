//! The attack that a cutter must withstand: predict a cut from others, without the key.
//!
//! Digests of two halves of a window add up in many cutters: `D(a‖b) = f(a) + g(b)`, where `+` is addition of integers (gear)
//! or of polynomials (buzhash, Rabin, our digest without its cipher). An attacker who gets files stored and sees where they are cut
//! finds three windows `a‖b`, `a′‖b`, `a‖b′` at which they are; then `D(a′‖b′) = D(a′‖b) + D(a‖b′) − D(a‖b)`, which is small
//! again: the fourth corner of the rectangle is a cut point, though never seen, far more often than chance allows. That
//! distinguishes the cutter from a random one; from there, published attacks go on to its tables and to known files (eprint
//! 2025/532, 2025/558). Behind a block cipher the fourth corner is a fresh coin toss.

use super::digest::Tables;
use super::stripe::THRESHOLD;
use super::{CutterKey, KeyedCutter};
use crate::limit::CUT_BYTES_MIN;

/// Bytes of a window, and of each of its halves.
const WINDOW: usize = 64;
const HALF: usize = WINDOW / 2;
/// Windows of one query, and queries of one search: about ten times as many windows as a cut takes on average.
const QUERY_WINDOWS: usize = 1 << 17;
const QUERIES_MAX: usize = 64;
/// Other first and second halves that are searched: their product is the number of predictions.
const FIRSTS: usize = 3;
const SECONDS: usize = 2;

/// A cutter as its victim runs it: bytes in, points out at which a file may be cut. Points below [`CUT_BYTES_MIN`] do not count.
trait Oracle {
    fn points(&self, data: &[u8]) -> Vec<usize>;
}

#[test]
fn cut_points_distinguisher() {
    let ours = predicted(&KeyedCutter::new(&CutterKey::from_bytes([1; 32])));
    assert_eq!(ours, 0, "chance gives one prediction away in a hundred thousand runs");
}

/// The attack breaks a gear cutter, and ours without its cipher.
#[test]
fn control_of_cut_points_distinguisher() {
    // Three values below the threshold give a fourth that is about as small; it lies below the threshold two times in three.
    // Two such predictions come true by chance in one of ten thousand million runs.
    let broken = 2;
    let gear = predicted(&Gear::new());
    assert!(gear >= broken, "gear gives {gear} predictions away");
    let uncyphered = predicted(&Uncyphered(tables()));
    assert!(uncyphered >= broken, "the digest alone gives {uncyphered} away");
}

/// How many fourth corners are cut points, of [`FIRSTS`] × [`SECONDS`] that the attack predicts.
fn predicted(oracle: &impl Oracle) -> usize {
    let (first, second) = search(oracle, |at| (half(0, at), half(1, at)));
    let firsts: Vec<_> = (0..FIRSTS as u64).map(|run| search(oracle, |at| (half(2 + run, at), second)).0).collect();
    let seconds: Vec<_> = (0..SECONDS as u64).map(|run| search(oracle, |at| (first, half(9 + run, at))).1).collect();
    let corners: Vec<_> = firsts.iter().flat_map(|first| seconds.iter().map(|second| (*first, *second))).collect();
    hits(oracle, &corners).len()
}

/// The first of the windows `make(0)`, `make(1)`, … after which the oracle may cut.
fn search(oracle: &impl Oracle, make: impl Fn(usize) -> ([u8; HALF], [u8; HALF])) -> ([u8; HALF], [u8; HALF]) {
    (0..QUERIES_MAX)
        .find_map(|query| {
            let windows: Vec<_> = (0..QUERY_WINDOWS).map(|at| make(query * QUERY_WINDOWS + at)).collect();
            hits(oracle, &windows).first().map(|at| windows[*at])
        })
        .expect("a cut point among ten times as many windows as it takes on average")
}

/// Which of `windows` the oracle may cut after, when they stand in one file.
fn hits(oracle: &impl Oracle, windows: &[([u8; HALF], [u8; HALF])]) -> Vec<usize> {
    let mut file = vec![0; CUT_BYTES_MIN];
    windows.iter().for_each(|(first, second)| file.extend(first.iter().chain(second)));
    let ends = oracle.points(&file).into_iter().filter(|point| *point > CUT_BYTES_MIN && point.is_multiple_of(WINDOW));
    ends.map(|end| (end - CUT_BYTES_MIN) / WINDOW - 1).collect()
}

/// Bytes that look random, different for each stream and position (SplitMix64).
fn half(stream: u64, at: usize) -> [u8; HALF] {
    let mut bytes = [0; HALF];
    for (word, chunk) in bytes.chunks_exact_mut(8).enumerate() {
        let mut z = (stream << 40 | (at as u64) << 3 | word as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        chunk.copy_from_slice(&(z ^ z >> 31).to_le_bytes());
    }
    bytes
}

fn tables() -> Box<Tables> {
    let mut key = [0; Tables::KEY_BYTES];
    blake3::Hasher::new().update(b"distinguisher").finalize_xof().fill(&mut key);
    Tables::new(&key)
}

impl Oracle for KeyedCutter {
    fn points(&self, data: &[u8]) -> Vec<usize> {
        self.candidates(data, CUT_BYTES_MIN..data.len() + 1)
    }
}

/// Ours without its cipher: the digest decides.
struct Uncyphered(Box<Tables>);

impl Oracle for Uncyphered {
    fn points(&self, data: &[u8]) -> Vec<usize> {
        let mut digest = self.0.digest(data.first_chunk().expect("at least a window"));
        let mut points = Vec::new();
        for (at, (enter, leave)) in data[WINDOW..].iter().zip(data).enumerate() {
            digest = self.0.roll(digest, *enter, *leave);
            let point = at + WINDOW + 1;
            if (digest.0[0] >> 32) < u64::from(THRESHOLD) && point >= CUT_BYTES_MIN + WINDOW {
                points.push(point);
            }
        }
        points
    }
}

/// The usual gear cutter, with a secret table.
struct Gear([u64; 256]);

impl Gear {
    fn new() -> Self {
        Self(std::array::from_fn(|byte| u64::from_le_bytes(half(99, byte)[..8].try_into().expect("eight bytes"))))
    }
}

impl Oracle for Gear {
    fn points(&self, data: &[u8]) -> Vec<usize> {
        let mut digest = 0u64;
        let mut points = Vec::new();
        for (at, byte) in data.iter().enumerate() {
            digest = (digest << 1).wrapping_add(self.0[usize::from(*byte)]);
            if (digest >> 32) < u64::from(THRESHOLD) && at + 1 >= CUT_BYTES_MIN + WINDOW {
                points.push(at + 1);
            }
        }
        points
    }
}
