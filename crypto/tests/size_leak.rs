//! What a padded size gives away, in bits, and how many lengths share one: the budget that SPEC.md states, measured.

#![allow(clippy::expect_used, clippy::indexing_slicing, reason = "a test may panic")]

use std::collections::BTreeMap;

use vauban_crypto::cut::{Cutter, CutterKey};
use vauban_crypto::epoch::EpochRoot;
use vauban_crypto::limit::{CUT_FIXED_BYTES, NAME_BYTES_MAX};
use vauban_crypto::name::{DirectoryKey, Named};
use vauban_protocol::id::SpaceId;
use vauban_protocol::limit::{CHUNK_PLAIN_BYTES_MAX, OBJECT_OVERHEAD_BYTES};
use vauban_protocol::size::padded_bytes;

const SPECIFICATION: &str = include_str!("../SPEC.md");

/// Different padded sizes of chunks, at most.
const SIZES_MAX: usize = 258;
/// Bits that a padded size tells of a chunk's length where all padded sizes are equally frequent: no distribution tells more.
const BITS_MAX: f64 = 8.02;
/// Lengths that share a padded size, at least.
const CROWD_MIN: usize = 256;
/// Bits that a padded size tells where small files are as frequent as large ones (log-uniform), as they nearly are on disks.
const BITS_OF_FILES_MAX: f64 = 4.5;
/// Of ten thousand such files, those that no other one has the padded size of, in thousandths.
const SINGLED_OUT_PER_MILLE_MAX: usize = 1;
/// Different sizes of sealed names.
const NAME_SIZES_MAX: usize = 4;

/// How a length shows.
type Shown = fn(usize) -> usize;

/// What is measured of a padding.
struct Leak {
    sizes: usize,
    bits: f64,
    /// The least number of lengths that show alike; the largest size apart.
    crowd: usize,
    bits_of_files: f64,
    singled_out_per_mille: usize,
}

impl Leak {
    /// Of a padding that never shows a longer content as a shorter one.
    fn of(shown: Shown) -> Self {
        let (mut sizes, mut crowd, mut all, mut weighed) = (0_usize, usize::MAX, 0.0_f64, 0.0_f64);
        let mut first = 1;
        while first <= CHUNK_PLAIN_BYTES_MAX {
            let alike = (first..=CHUNK_PLAIN_BYTES_MAX).take_while(|length| shown(*length) == shown(first));
            let (lengths, weight) =
                alike.fold((0_usize, 0.0_f64), |(lengths, weight), length| (lengths + 1, weight + 1.0 / float(length)));
            sizes += 1;
            all += weight;
            weighed += weight * weight.log2();
            first += lengths;
            // What was cut because it would have been too long is known to be: every such chunk is as long as may be.
            if first <= CHUNK_PLAIN_BYTES_MAX {
                crowd = crowd.min(lengths);
            }
        }
        let mut files = BTreeMap::<usize, usize>::new();
        for at in 0..FILES {
            *files.entry(shown(file_bytes(at))).or_default() += 1;
        }
        let singled_out = files.values().filter(|files| **files == 1).count();
        Self {
            sizes,
            bits: float(sizes).log2(),
            crowd,
            bits_of_files: all.log2() - weighed / all,
            singled_out_per_mille: singled_out * 1000 / FILES,
        }
    }

    fn is_within_budget(&self) -> bool {
        self.sizes <= SIZES_MAX
            && self.bits <= BITS_MAX
            && self.crowd >= CROWD_MIN
            && self.bits_of_files <= BITS_OF_FILES_MAX
            && self.singled_out_per_mille <= SINGLED_OUT_PER_MILLE_MAX
    }
}

const FILES: usize = 10_000;

/// The length of one of ten thousand files, spread evenly over the magnitudes from one byte to the largest chunk.
fn file_bytes(at: usize) -> usize {
    let share = float(at) / float(FILES - 1);
    // Between 1 and four million, both exact in the 53 bits of a float.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a positive number below 2^23")]
    let bytes = (share * float(CHUNK_PLAIN_BYTES_MAX).log2()).exp2().round() as usize;
    bytes.clamp(1, CHUNK_PLAIN_BYTES_MAX)
}

#[allow(clippy::cast_precision_loss, reason = "numbers of bytes, far below 2^53")]
fn float(number: usize) -> f64 {
    number as f64
}

#[test]
fn size_leak_budget() {
    let padded = Leak::of(padded_bytes);
    assert!(
        padded.is_within_budget(),
        "{} sizes, {} bits, crowd {}, {} bits of files, {} ‰ singled out",
        padded.sizes,
        padded.bits,
        padded.crowd,
        padded.bits_of_files,
        padded.singled_out_per_mille
    );
    // The budget is spent, and not a multiple of what there is: a padding that gave away a quarter more would pass it.
    assert!(padded.sizes * 5 > SIZES_MAX * 4 && padded.bits_of_files * 1.25 > BITS_OF_FILES_MAX);

    objects_have_the_padded_size();
    names_come_in_four_sizes();
    the_budget_stands_in_the_specification();
}

/// Lengths without padding, and rounded to blocks as ciphers of blocks do, tell most of what there is to tell.
#[test]
fn control_of_size_leak_budget() {
    let bare = Leak::of(|length| length);
    assert!(!bare.is_within_budget() && bare.bits > 21.9 && bare.singled_out_per_mille > 500);
    assert!(!Leak::of(|length| length.next_multiple_of(16)).is_within_budget());
}

/// What is measured above is what nodes see: an object's length is the padded one and a constant, whatever the content.
fn objects_have_the_padded_size() {
    let keys = EpochRoot::random().keys(SpaceId([1; 16]), 1);
    for length in [1, 4092, 4093, 70_000, 262_144, CUT_FIXED_BYTES, CHUNK_PLAIN_BYTES_MAX] {
        for byte in [0, 0xff] {
            let sealed = keys.content.seal(&vec![byte; length]).expect("within bounds");
            assert_eq!(sealed.object.len(), padded_bytes(length) + OBJECT_OVERHEAD_BYTES);
        }
    }
    // Fixed cuts: all but a file's last chunk are of one size. Keyed ones: every chunk's size is one of the padded ones.
    let file = vec![7; 3 * CUT_FIXED_BYTES + 100];
    let sizes: Vec<_> = Cutter::Fixed.chunks(&file).map(|chunk| padded_bytes(chunk.len())).collect();
    assert_eq!(sizes, [1 << 20, 1 << 20, 1 << 20, 4096]);
    let keyed = Cutter::keyed(&CutterKey::from_bytes([1; 32]));
    assert!(keyed.chunks(&file).all(|chunk| padded_bytes(chunk.len()) >= chunk.len() + 4));
}

fn names_come_in_four_sizes() {
    let key = DirectoryKey::random();
    let sizes = (0..=NAME_BYTES_MAX).map(|length| {
        let sealed = key.seal_name(Named::Organisation, &"a".repeat(length)).expect("short");
        sealed.len()
    });
    let mut sizes: Vec<_> = sizes.collect();
    sizes.dedup();
    assert_eq!(sizes.len(), NAME_SIZES_MAX);
}

fn the_budget_stands_in_the_specification() {
    for figure in [
        format!("{SIZES_MAX} padded sizes"),
        format!("{BITS_MAX} bits"),
        format!("{CROWD_MIN} lengths"),
        format!("{BITS_OF_FILES_MAX} bits"),
        format!("{SINGLED_OUT_PER_MILLE_MAX} of a thousand"),
        format!("{NAME_SIZES_MAX} sizes"),
    ] {
        assert!(SPECIFICATION.contains(&figure), "`{figure}` stands nowhere in SPEC.md");
    }
}
