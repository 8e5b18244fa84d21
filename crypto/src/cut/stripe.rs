//! The search for cut points, arranged for a processor that does several things at once.
//!
//! Each digest depends on the one before, so a single chain waits on itself. A *stripe* is therefore cut into a few *lanes*,
//! far apart, whose chains advance side by side; and their digests are encrypted in batches as wide as the processor
//! can (`roll`). Lanes start anywhere, since a digest is known after 64 bytes. At most one stripe beyond the first
//! cut point is computed in vain.
//!
//! Bytes enter the window `CUT_WINDOW_BYTES` after they stand where they leave it: the two streams are one slice, shifted.

use std::ops::Range;

use aes::cipher::{BlockCipherEncrypt, KeyInit};
use aes::{Aes128Enc, Block};

use super::digest::{Digest, Tables};
use super::roll::{LANE, LANES, Roll, decider};
use crate::limit::{CUT_BYTES_AVERAGE, CUT_BYTES_MIN, CUT_WINDOW_BYTES};

/// Bytes of the cipher's key.
pub(super) const CIPHER_KEY_BYTES: usize = 16;
/// Blocks that are encrypted at once where there are no lanes.
const BATCH: usize = 64;
/// Points of one stripe.
const STRIPE: usize = LANE * LANES;
/// A point is a cut point if the cipher's first 32 bits, little-endian, are below this: the chance that makes chunks of
/// [`CUT_BYTES_AVERAGE`] out of what follows [`CUT_BYTES_MIN`].
pub(super) const THRESHOLD: u32 = ((1u64 << 32) / (CUT_BYTES_AVERAGE - CUT_BYTES_MIN) as u64) as u32;

const _: () = assert!(LANE >= CUT_WINDOW_BYTES && CUT_BYTES_MIN > CUT_WINDOW_BYTES);

/// The bytes of a stripe's stream, lane after lane.
struct Lanes<'a>([&'a [u8; LANE]; LANES]);

/// `points` in pieces that [`Searcher::hits`] takes.
pub(super) fn stripes(points: Range<usize>) -> impl Iterator<Item = Range<usize>> {
    let end = points.end;
    points.step_by(STRIPE).map(move |start| start..start.saturating_add(STRIPE).min(end))
}

/// Finds cut points.
pub(super) struct Searcher {
    tables: Box<Tables>,
    cipher: Aes128Enc,
}

impl Searcher {
    pub(super) fn new(tables: Box<Tables>, cipher_key: &[u8; CIPHER_KEY_BYTES]) -> Self {
        Self { tables, cipher: Aes128Enc::new(&(*cipher_key).into()) }
    }

    /// The cut points among `points`, ascending. A point is an offset in `data`, decided by the 64 bytes before it; it
    /// lies past the first window, and not past the end.
    pub(super) fn hits(&self, data: &[u8], points: Range<usize>) -> Vec<usize> {
        // The byte before a point is the last to enter, so both streams begin one before the first point.
        let enter_at = points.start.checked_sub(1);
        let leave_at = enter_at.and_then(|at| at.checked_sub(CUT_WINDOW_BYTES));
        let enter = enter_at.and_then(|at| data.get(at..));
        let leave = leave_at.and_then(|at| data.get(at..));
        let Some((enter, leave)) = enter.zip(leave) else { return Vec::new() };
        match (Lanes::of(enter), Lanes::of(leave)) {
            (Some(enter), Some(leave)) if points.len() == STRIPE => self.stripe(enter, leave, points.start),
            _ => self.remainder(enter, leave, points),
        }
    }

    /// A full stripe, in lanes.
    fn stripe(&self, enter: Lanes<'_>, leave: Lanes<'_>, start: usize) -> Vec<usize> {
        let (enter, leave) = (enter.0, leave.0);
        let mut found = Vec::new();
        let roll = Roll { tables: &self.tables, enter, leave, threshold: THRESHOLD, hits: &mut found };
        self.cipher.encrypt_with_backend(roll);
        let mut hits: Vec<_> = found.into_iter().map(|(lane, at)| start + lane * LANE + at).collect();
        hits.sort_unstable();
        hits
    }

    /// Fewer points than a stripe, in one chain: at most once for all that is searched.
    fn remainder(&self, enter: &[u8], leave: &[u8], points: Range<usize>) -> Vec<usize> {
        let mut digest = self.digest(leave);
        let mut blocks = [Block::default(); BATCH];
        let mut hits = Vec::new();
        let streams = enter.chunks(BATCH).zip(leave.chunks(BATCH));
        for (first, (enter, leave)) in points.clone().step_by(BATCH).zip(streams) {
            let wanted = points.end - first;
            for ((block, enter), leave) in blocks.iter_mut().zip(enter).zip(leave).take(wanted) {
                digest = self.tables.roll(digest, *enter, *leave);
                *block = digest.to_bytes().into();
            }
            self.cipher.encrypt_blocks(&mut blocks);
            hits.extend(below(&blocks).take_while(|at| *at < wanted.min(enter.len())).map(|at| first + at));
        }
        hits
    }

    /// The digest of the window that a leaving stream begins with.
    fn digest(&self, leave: &[u8]) -> Digest {
        leave.first_chunk().map(|window| self.tables.digest(window)).unwrap_or_default()
    }
}

impl<'a> Lanes<'a> {
    /// The first stripe of `stream`, if it is long enough.
    fn of(stream: &'a [u8]) -> Option<Self> {
        let (lanes, _) = stream.as_chunks::<LANE>();
        lanes.first_chunk::<LANES>().map(|lanes| Self(lanes.each_ref()))
    }
}

/// Where blocks are cut points, ascending.
fn below(blocks: &[Block]) -> impl Iterator<Item = usize> {
    blocks.iter().enumerate().filter(|(_, block)| decider(block) < THRESHOLD).map(|(at, _)| at)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whatever the cipher's width on this machine: lanes find what one chain finds, and what each window by itself says.
    #[test]
    fn lanes_find_what_windows_say() {
        let mut key = [0; Tables::KEY_BYTES];
        blake3::Hasher::new().update(b"lanes").finalize_xof().fill(&mut key);
        let searcher = Searcher::new(Tables::new(&key), &[9; CIPHER_KEY_BYTES]);
        let mut data = vec![0; 64 + 120 * STRIPE];
        blake3::Hasher::new().update(b"data").finalize_xof().fill(&mut data);
        let mut found = 0;
        for points in stripes(65..data.len()).filter(|points| points.len() == STRIPE) {
            let hits = searcher.hits(&data, points.clone());
            let (enter, leave) = (&data[points.start - 1..], &data[points.start - 65..]);
            assert_eq!(hits, searcher.remainder(enter, leave, points.clone()));
            found += hits.len();
            for point in hits {
                let digest = searcher.tables.digest(data[point - 64..point].first_chunk().expect("a window"));
                let mut block = digest.to_bytes().into();
                searcher.cipher.encrypt_block(&mut block);
                assert!(decider(&block) < THRESHOLD);
            }
        }
        assert!(found > 0, "two megabytes have a cut point or two");
    }
}
