//! The inner loops of cutting: one batch of digests, lane beside lane, with what this processor has.
//!
//! Both ways compute the same digests (a test compares them). The vector way keeps the digests of two lanes in one
//! register, both halves of each; so lanes come in pairs, and a pair's blocks alternate in memory. The processor is asked once,
//! when a cutter is made, and the token that says so is the proof that the way exists.

use aes::Block;

use super::digest::{Digest, Tables};

/// Pairs of lanes that advance side by side: enough to hide the latency of one, and few enough for the registers.
pub(super) const PAIRS: usize = 2;
/// Digests of one lane in one batch.
pub(super) const BATCH_LANE: usize = 240;

/// The bytes that enter, or leave, each lane's window during a batch.
pub(super) struct Stream<'a>(pub(super) [[&'a [u8; BATCH_LANE]; 2]; PAIRS]);

/// The digests of a batch, as blocks for the cipher: the two lanes of a pair alternate.
pub(super) struct Batch(pub(super) [[[Block; 2]; BATCH_LANE]; PAIRS]);

/// How this machine rolls digests.
#[derive(Clone, Copy, Debug)]
pub(super) enum Processor {
    /// In general registers.
    Portable,
    /// In vector registers of x86-64 with AVX2.
    #[cfg(target_arch = "x86_64")]
    Vector(pulp::x86::V3),
}

impl Processor {
    /// The best way that this machine has.
    pub(super) fn detect() -> Self {
        #[cfg(target_arch = "x86_64")]
        if let Some(token) = pulp::x86::V3::try_new() {
            return Self::Vector(token);
        }
        Self::Portable
    }

    /// Rolls each lane's digest over its part of the streams, and writes each digest on the way as a block.
    pub(super) fn roll(
        self,
        tables: &Tables,
        digests: &mut [[Digest; 2]; PAIRS],
        enter: &Stream<'_>,
        leave: &Stream<'_>,
        batch: &mut Batch,
    ) {
        match self {
            Self::Portable => roll_portable(tables, digests, enter, leave, batch),
            #[cfg(target_arch = "x86_64")]
            Self::Vector(token) => {
                token.vectorize(vector::Roll { token, tables, digests, enter, leave, batch });
            }
        }
    }

    /// The least of the first 32 bits of every block, little-endian: one comparison then dismisses nearly every batch.
    pub(super) fn least(self, batch: &Batch) -> u32 {
        match self {
            Self::Portable => batch.0.as_flattened().as_flattened().iter().map(decider).fold(u32::MAX, u32::min),
            #[cfg(target_arch = "x86_64")]
            Self::Vector(token) => token.vectorize(vector::Least { token, batch }),
        }
    }
}

/// The part of an encrypted block that decides: its first 32 bits, little-endian.
#[inline(always)]
pub(super) fn decider(block: &Block) -> u32 {
    let [a, b, c, d, ..] = block.0;
    u32::from_le_bytes([a, b, c, d])
}

#[expect(
    clippy::indexing_slicing,
    clippy::needless_range_loop,
    reason = "constant loops over arrays; the compiler drops the checks"
)]
fn roll_portable(
    tables: &Tables,
    digests: &mut [[Digest; 2]; PAIRS],
    enter: &Stream<'_>,
    leave: &Stream<'_>,
    batch: &mut Batch,
) {
    for at in 0..BATCH_LANE {
        for pair in 0..PAIRS {
            for side in 0..2 {
                let digest = &mut digests[pair][side];
                *digest = tables.roll(*digest, enter.0[pair][side][at], leave.0[pair][side][at]);
                batch.0[pair][at][side] = digest.to_bytes().into();
            }
        }
    }
}

#[cfg(target_arch = "x86_64")]
mod vector {
    //! Closures in the form that `pulp` compiles for the processor's instructions.

    use std::arch::x86_64::{__m128i, __m256i};

    use aes::Block;
    use pulp::x86::V3;
    use pulp::{NullaryFnOnce, cast};

    use super::{BATCH_LANE, Batch, PAIRS, Stream};
    use crate::cut::digest::{Digest, REDUCTION, Tables};

    pub(super) struct Roll<'a> {
        pub(super) token: V3,
        pub(super) tables: &'a Tables,
        pub(super) digests: &'a mut [[Digest; 2]; PAIRS],
        pub(super) enter: &'a Stream<'a>,
        pub(super) leave: &'a Stream<'a>,
        pub(super) batch: &'a mut Batch,
    }

    pub(super) struct Least<'a> {
        pub(super) token: V3,
        pub(super) batch: &'a Batch,
    }

    impl NullaryFnOnce for Roll<'_> {
        type Output = ();

        #[inline(always)]
        #[expect(
            clippy::indexing_slicing,
            clippy::needless_range_loop,
            reason = "constant loops over arrays; the compiler drops the checks"
        )]
        fn call(self) {
            let Self { token, tables, digests, enter, leave, batch } = self;
            let zero: __m256i = cast([0u64; 4]);
            let reduction: __m256i = cast([REDUCTION; 4]);
            let mut chains: [__m256i; PAIRS] = digests.map(|[first, second]| cast([first.0, second.0]));
            for at in 0..BATCH_LANE {
                for pair in 0..PAIRS {
                    let exchange = |side: usize| {
                        let entering: __m128i = cast(tables.entering(enter.0[pair][side][at]));
                        let leaving: __m128i = cast(tables.leaving(leave.0[pair][side][at]));
                        token.sse2._mm_xor_si128(entering, leaving)
                    };
                    let first = token.avx._mm256_castsi128_si256(exchange(0));
                    let exchange = token.avx2._mm256_inserti128_si256::<1>(first, exchange(1));
                    let chain = chains[pair];
                    // A half whose highest bit is set is negative: the comparison gives all ones, which is the mask.
                    let carried = token.avx2._mm256_cmpgt_epi64(zero, chain);
                    let reduced = token.avx2._mm256_and_si256(carried, reduction);
                    let shifted = token.avx2._mm256_add_epi64(chain, chain);
                    let next = token.avx2._mm256_xor_si256(token.avx2._mm256_xor_si256(shifted, exchange), reduced);
                    chains[pair] = next;
                    let blocks: [[u8; 16]; 2] = cast(next);
                    batch.0[pair][at] = blocks.map(Block::from);
                }
            }
            *digests = chains.map(|chain| {
                let halves: [[u64; 2]; 2] = cast(chain);
                halves.map(Digest)
            });
        }
    }

    impl NullaryFnOnce for Least<'_> {
        type Output = u32;

        #[inline(always)]
        fn call(self) -> u32 {
            let Self { token, batch } = self;
            let mut least: [__m256i; PAIRS] = [cast([u32::MAX; 8]); PAIRS];
            for (least, blocks) in least.iter_mut().zip(&batch.0) {
                for [first, second] in blocks {
                    *least = token.avx2._mm256_min_epu32(*least, cast([first.0, second.0]));
                }
            }
            // Only the first of a block's four words decides.
            let [a, b] = least.map(|least| {
                let [first, _, _, _, second, _, _, _]: [u32; 8] = cast(least);
                first.min(second)
            });
            a.min(b)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_way_rolls_alike() {
        let mut bytes = vec![0; Tables::KEY_BYTES + PAIRS * 2 * (BATCH_LANE + 64)];
        blake3::Hasher::new().update(b"roll").finalize_xof().fill(&mut bytes);
        let (key, streams) = bytes.split_first_chunk().expect("long enough");
        let tables = Tables::new(key);
        let lane = |pair: usize, side: usize| &streams[(pair * 2 + side) * (BATCH_LANE + 64)..];
        let each = |from: usize| {
            Stream(std::array::from_fn(|pair| {
                std::array::from_fn(|side| lane(pair, side)[from..].first_chunk().expect("long enough"))
            }))
        };
        let start = each(0).0.map(|pair| pair.map(|lane| tables.digest(lane.first_chunk().expect("long enough"))));
        let run = |processor: Processor| {
            let (mut digests, mut batch) = (start, Batch([[[Block::default(); 2]; BATCH_LANE]; PAIRS]));
            processor.roll(&tables, &mut digests, &each(64), &each(0), &mut batch);
            (digests, batch.0, processor.least(&batch))
        };
        assert_eq!(run(Processor::Portable), run(Processor::detect()));
    }
}
