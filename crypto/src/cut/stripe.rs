//! The search for cut points, arranged for a processor that does several things at once.
//!
//! Each digest depends on the one before, so a single chain waits on itself. A *stripe* is therefore cut into a few *lanes*,
//! far apart, whose chains advance side by side; and their digests are encrypted in large batches, as wide as the
//! processor can. Lanes start anywhere, since a digest is known after 64 bytes. At most one stripe beyond the first
//! cut point is computed in vain.
//!
//! Bytes enter the window `CUT_WINDOW_BYTES` after they stand where they leave it: the two streams are one slice, shifted.

use std::ops::Range;

use aes::cipher::{BlockCipherEncrypt, KeyInit};
use aes::{Aes128Enc, Block};

use super::digest::{Digest, Tables};
use super::roll::{BATCH_LANE, Batch, PAIRS, Processor, Stream, decider};
use crate::limit::{CUT_BYTES_AVERAGE, CUT_BYTES_MIN, CUT_WINDOW_BYTES};

/// Bytes of the cipher's key.
pub(super) const CIPHER_KEY_BYTES: usize = 16;
/// Chains that advance side by side.
const LANES: usize = PAIRS * 2;
/// Blocks of a batch. With the tables they fill three quarters of a first-level cache of 32 KiB.
const BATCH: usize = BATCH_LANE * LANES;
/// Batches of a stripe: long lanes make their start (64 bytes) cheap, short stripes make little work in vain.
const BATCHES: usize = 17;
/// Points of one lane.
const LANE: usize = BATCH_LANE * BATCHES;
/// Points of one stripe.
const STRIPE: usize = LANE * LANES;
/// A point is a cut point if the cipher's first 32 bits, little-endian, are below this: the chance that makes chunks of
/// [`CUT_BYTES_AVERAGE`] out of what follows [`CUT_BYTES_MIN`].
pub(super) const THRESHOLD: u32 = ((1u64 << 32) / (CUT_BYTES_AVERAGE - CUT_BYTES_MIN) as u64) as u32;

// The blocks that a cipher takes at a time, as the processor has it. What is left over would be encrypted one by one.
const _: () = assert!(BATCH.is_multiple_of(8) && BATCH.is_multiple_of(30) && BATCH.is_multiple_of(64));
const _: () = assert!(LANE >= CUT_WINDOW_BYTES && CUT_BYTES_MIN > CUT_WINDOW_BYTES);

/// The bytes of a stripe's stream: of each pair of lanes, each lane, each batch.
struct Lanes<'a>(&'a [[[[u8; BATCH_LANE]; BATCHES]; 2]; PAIRS]);

/// `points` in pieces that [`Searcher::hits`] takes.
pub(super) fn stripes(points: Range<usize>) -> impl Iterator<Item = Range<usize>> {
    let end = points.end;
    points.step_by(STRIPE).map(move |start| start..start.saturating_add(STRIPE).min(end))
}

/// Finds cut points.
pub(super) struct Searcher {
    tables: Box<Tables>,
    cipher: Aes128Enc,
    processor: Processor,
}

impl Searcher {
    pub(super) fn new(tables: Box<Tables>, cipher_key: &[u8; CIPHER_KEY_BYTES]) -> Self {
        Self { tables, cipher: Aes128Enc::new(&(*cipher_key).into()), processor: Processor::detect() }
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
        let starts = leave.0.each_ref().map(|pair| pair.each_ref());
        let mut digests = starts.map(|pair| pair.map(|lane| self.digest(lane.as_flattened())));
        let mut batch = Batch([[[Block::default(); 2]; BATCH_LANE]; PAIRS]);
        let mut hits = Vec::new();
        for number in 0..BATCHES {
            self.processor.roll(&self.tables, &mut digests, &enter.batch(number), &leave.batch(number), &mut batch);
            self.cipher.encrypt_blocks(batch.0.as_flattened_mut().as_flattened_mut());
            if self.processor.least(&batch) < THRESHOLD {
                hits.extend(below(batch.0.as_flattened().as_flattened()).map(|at| {
                    let (pair, at) = (at / (2 * BATCH_LANE), at % (2 * BATCH_LANE));
                    let lane = 2 * pair + at % 2;
                    start + lane * LANE + number * BATCH_LANE + at / 2
                }));
            }
        }
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
        let (batches, _) = stream.as_chunks::<BATCH_LANE>();
        let (lanes, _) = batches.as_chunks::<BATCHES>();
        let (pairs, _) = lanes.as_chunks::<2>();
        pairs.first_chunk::<PAIRS>().map(Self)
    }

    /// One batch of every lane.
    #[expect(clippy::indexing_slicing, reason = "only a stripe's own loop calls it, with numbers below their number")]
    fn batch(&self, number: usize) -> Stream<'a> {
        Stream(self.0.each_ref().map(|pair| pair.each_ref().map(|lane| &lane[number])))
    }
}

/// Where blocks are cut points, ascending.
fn below(blocks: &[Block]) -> impl Iterator<Item = usize> {
    blocks.iter().enumerate().filter(|(_, block)| decider(block) < THRESHOLD).map(|(at, _)| at)
}
