//! The inner loop of cutting: digests roll, lane beside lane, while those before them are encrypted.
//!
//! The loop is handed to the cipher, which runs it inside its code for this processor. So the digests are rolled with the
//! instructions that the cipher was compiled for, without a choice of ours; and a batch is as many blocks as the cipher takes
//! at a time, which a processor that looks ahead encrypts while it rolls the next ones. That makes cutting about as fast as
//! the cipher alone, half as fast again as rolling and encrypting large batches in turns.

use aes::Block;
use aes::cipher::consts::U16;
use aes::cipher::inout::InOutBuf;
use aes::cipher::typenum::Unsigned;
use aes::cipher::{BlockCipherEncBackend, BlockCipherEncClosure, BlockSizeUser};

use super::digest::{Digest, REDUCTION, Tables};

/// Chains that advance side by side: enough to hide the latency of one, and few enough for the registers.
pub(super) const LANES: usize = 4;
/// Digests of one lane in one batch, at most.
const STEPS_MAX: usize = 16;
/// Points of one lane: long lanes make their start (64 bytes) cheap, short stripes make little work in vain.
pub(super) const LANE: usize = STEPS_MAX * 15 * 17;
/// Lanes in one vector of the digests' halves: two of them fill the registers that most processors have.
const PAIR: usize = 2;

// Two batches of the 30 blocks that 256-bit vectors take are 15 steps; all other widths divide 16 steps of four lanes.
const STEPS_OF_30: usize = 15;
const _: () = assert!(LANE.is_multiple_of(STEPS_MAX) && LANE.is_multiple_of(STEPS_OF_30));
const _: () = assert!(LANES == 2 * PAIR && (STEPS_OF_30 * LANES).is_multiple_of(30));

/// A search of every lane of a stripe.
pub(super) struct Roll<'a> {
    pub(super) tables: &'a Tables,
    /// The bytes that enter each lane's window.
    pub(super) enter: [&'a [u8; LANE]; LANES],
    /// Those that leave it: they begin with the window before the first point.
    pub(super) leave: [&'a [u8; LANE]; LANES],
    /// Blocks whose first 32 bits are below this are cut points.
    pub(super) threshold: u32,
    /// Where they go: lane, and place in it.
    pub(super) hits: &'a mut Vec<(usize, usize)>,
}

/// The blocks of a batch: of each step, each lane.
type Batch = [[[Block; PAIR]; 2]; STEPS_MAX];

impl BlockSizeUser for Roll<'_> {
    type BlockSize = U16;
}

impl BlockCipherEncClosure for Roll<'_> {
    #[inline(always)]
    #[expect(clippy::indexing_slicing, reason = "constant loops over arrays; the compiler drops the checks")]
    fn call<B: BlockCipherEncBackend<BlockSize = U16>>(self, cipher: &B) {
        let Self { tables, enter, leave, threshold, hits } = self;
        let steps = if B::ParBlocksSize::USIZE == 30 { STEPS_OF_30 } else { STEPS_MAX };
        let start = leave.map(|lane| lane.first_chunk().map(|window| tables.digest(window)).unwrap_or_default());
        let mut chains = [halves(start[0], start[1]), halves(start[2], start[3])];
        let mut batch = Batch::default();
        for first in (0..LANE).step_by(steps) {
            let (enter, leave) = (enter.map(|lane| &lane[first..]), leave.map(|lane| &lane[first..]));
            let (enter, leave) = (enter.map(|lane| &lane[..steps]), leave.map(|lane| &lane[..steps]));
            for step in 0..steps {
                for pair in 0..2 {
                    let exchange = |side: usize| {
                        let lane = pair * PAIR + side;
                        let (entering, leaving) =
                            (tables.entering(enter[lane][step]), tables.leaving(leave[lane][step]));
                        [entering[0] ^ leaving[0], entering[1] ^ leaving[1]]
                    };
                    let ([a, b], [c, d]) = (exchange(0), exchange(1));
                    let exchanged = [a, b, c, d];
                    let chain = &mut chains[pair];
                    for half in 0..2 * PAIR {
                        // As in `Tables::roll`, in the form that compilers turn into vectors: a comparison, not a branch.
                        let carried = if chain[half].cast_signed() < 0 { REDUCTION } else { 0 };
                        chain[half] = (chain[half] << 1) ^ carried ^ exchanged[half];
                    }
                    batch[step][pair] = blocks(*chain);
                }
            }
            let flat = batch.as_flattened_mut().as_flattened_mut();
            encrypt(cipher, flat.get_mut(..steps * LANES).unwrap_or_default());
            if least(batch.get(..steps).unwrap_or_default()) < threshold {
                let flat = batch.as_flattened().as_flattened();
                let below = flat.iter().take(steps * LANES).enumerate().filter(|(_, block)| decider(block) < threshold);
                hits.extend(below.map(|(at, _)| (at % LANES, first + at / LANES)));
            }
        }
    }
}

/// The part of an encrypted block that decides: its first 32 bits, little-endian.
#[inline(always)]
pub(super) fn decider(block: &Block) -> u32 {
    let [a, b, c, d, ..] = block.0;
    u32::from_le_bytes([a, b, c, d])
}

#[inline(always)]
fn encrypt<B: BlockCipherEncBackend<BlockSize = U16>>(cipher: &B, blocks: &mut [Block]) {
    let (batches, rest) = InOutBuf::from(blocks).into_chunks::<B::ParBlocksSize>();
    for batch in batches {
        cipher.encrypt_par_blocks(batch);
    }
    for block in rest {
        cipher.encrypt_block(block);
    }
}

/// The least of the first 32 bits of every block: one comparison then dismisses nearly every batch. Whole blocks are compared,
/// word by word, because that is what vectors do; of each block's words only the first counts.
#[inline(always)]
fn least(batch: &[[[Block; PAIR]; 2]]) -> u32 {
    let mut least = [u32::MAX; 4 * PAIR];
    for [first, second] in batch.as_flattened() {
        let words = [words(first), words(second)];
        least.iter_mut().zip(words.as_flattened()).for_each(|(least, word)| *least = (*least).min(*word));
    }
    let [first, _, _, _, second, ..] = least;
    first.min(second)
}

#[inline(always)]
fn words(block: &Block) -> [u32; 4] {
    let (words, _) = block.0.as_chunks::<4>();
    let word = |at: usize| words.get(at).map_or(0, |word| u32::from_le_bytes(*word));
    [word(0), word(1), word(2), word(3)]
}

#[inline(always)]
fn halves(Digest([a, b]): Digest, Digest([c, d]): Digest) -> [u64; 2 * PAIR] {
    [a, b, c, d]
}

#[inline(always)]
fn blocks(halves: [u64; 2 * PAIR]) -> [Block; PAIR] {
    let bytes = halves.map(u64::to_le_bytes);
    let (blocks, _) = bytes.as_flattened().as_chunks::<16>();
    let block = |at: usize| blocks.get(at).copied().unwrap_or_default().into();
    [block(0), block(1)]
}
