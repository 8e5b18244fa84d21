//! How fast one core cuts, hashes, seals and opens; and the whole pipeline beside what the sum of its parts allows.
//!
//! Criterion keeps the history of each part. The ratios at the end come from rounds of their own, in which every part and
//! both pipelines take turns, so that all meet the same machine; the best round of each counts.
//!
//! The pipeline is what a client does with a file's bytes: cut, hash the whole file, frame, seal, address. Its parts are one
//! cut, three BLAKE3 (the file, the frame, the object) and one AES-256-GCM; the copy into the frame is overhead.
#![allow(missing_docs, clippy::expect_used, reason = "a bench may fail")]

use std::hint::black_box;
use std::time::{Duration, Instant};

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use criterion::{Criterion, Throughput};
use vauban_benches::table::Table;
use vauban_benches::work::bytes_of;
use vauban_crypto::chunk::{Frame, SealedChunk};
use vauban_crypto::cut::{Cutter, CutterKey};
use vauban_crypto::epoch::{EpochKeys, EpochRoot};
use vauban_crypto::secret::Secret;
use vauban_protocol::id::SpaceId;

/// Bytes that every part works on.
const BYTES: usize = 64 * 1024 * 1024;
/// Bytes of a typical frame.
const FRAME_BYTES: usize = 1024 * 1024;
/// Rounds from which the best is taken.
const ROUNDS: usize = 7;
/// How often BLAKE3 passes over each byte in the pipeline.
const HASHES: f64 = 3.0;
/// The part of what the sum of its parts allows that a pipeline must reach.
const RATIO_MIN: f64 = 0.85;
/// GiB a second that the pipeline must reach on one core, with fixed and with keyed cuts.
const FIXED_MIN: f64 = 1.2;
const KEYED_MIN: f64 = 0.4;

/// What is measured.
struct Parts {
    data: Vec<u8>,
    keys: EpochKeys,
    keyed: Cutter,
    sealed: Vec<SealedChunk>,
    frame: Vec<u8>,
    buffer: Vec<u8>,
}

/// One measured thing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Part {
    CutKeyed,
    CutFixed,
    Hash,
    Cipher,
    Seal,
    Open,
    PipelineFixed,
    PipelineKeyed,
}

const PARTS: [Part; 8] = [
    Part::CutKeyed,
    Part::CutFixed,
    Part::Hash,
    Part::Cipher,
    Part::Seal,
    Part::Open,
    Part::PipelineFixed,
    Part::PipelineKeyed,
];

fn main() {
    let mut parts = Parts::new();
    let mut criterion = Criterion::default().configure_from_args();
    let mut group = criterion.benchmark_group("sealing");
    group.throughput(Throughput::Bytes(BYTES as u64)).sample_size(10);
    group.warm_up_time(Duration::from_millis(500)).measurement_time(Duration::from_secs(2));
    for part in PARTS {
        group.bench_function(part.name(), |bencher| bencher.iter(|| parts.run(part)));
    }
    group.finish();
    criterion.final_summary();
    println!("{}", ratios(&mut parts).markdown());
}

/// Each part's best rate, and the pipelines beside what the parts allow.
fn ratios(parts: &mut Parts) -> Table {
    let mut best = PARTS.map(|part| (part, f64::MAX));
    for _ in 0..ROUNDS {
        for (part, seconds) in &mut best {
            let start = Instant::now();
            parts.run(*part);
            *seconds = seconds.min(start.elapsed().as_secs_f64());
        }
    }
    let of = |wanted: Part| best.iter().find(|(part, _)| *part == wanted).map_or(f64::MAX, |(_, seconds)| *seconds);
    let gib = BYTES as f64 / f64::from(1 << 30);
    let mut table = Table::default();
    for (part, seconds) in best {
        table.note(part.name(), format!("{:.2} GiB/s", gib / seconds), String::from("one core"));
    }
    for (pipeline, cut, floor) in
        [(Part::PipelineFixed, Part::CutFixed, FIXED_MIN), (Part::PipelineKeyed, Part::CutKeyed, KEYED_MIN)]
    {
        let (measured, allowed) = (of(pipeline), of(cut) + HASHES * of(Part::Hash) + of(Part::Cipher));
        let rate = gib / measured;
        table.must(
            pipeline.name(),
            &format!("{floor} GiB/s"),
            format!("{rate:.2} GiB/s"),
            format!("AES-256-GCM {:.2}, BLAKE3 {:.2} GiB/s", gib / of(Part::Cipher), gib / of(Part::Hash)),
            rate >= floor,
        );
        let ratio = allowed / measured;
        table.must(
            &format!("{}, of what its parts allow", pipeline.name()),
            &format!("{RATIO_MIN}"),
            format!("{ratio:.2}"),
            format!("{:.2} GiB/s allowed", gib / allowed),
            ratio >= RATIO_MIN,
        );
    }
    table
}

impl Parts {
    fn new() -> Self {
        let mut data = vec![0; BYTES];
        bytes_of(1).fill(&mut data);
        let keys = EpochRoot::new(Secret::new([7; 32])).keys(SpaceId([1; 16]), 1);
        let keyed = Cutter::keyed(&CutterKey::from_bytes([7; 32]));
        let sealed = Cutter::Fixed.chunks(&data).filter_map(|chunk| keys.content.seal(chunk).ok()).collect();
        Self { data, keys, keyed, sealed, frame: vec![0; FRAME_BYTES], buffer: Vec::new() }
    }

    /// Does `part` once for all bytes.
    fn run(&mut self, part: Part) {
        match part {
            Part::CutKeyed => _ = black_box(self.keyed.chunks(&self.data).count()),
            Part::CutFixed => _ = black_box(Cutter::Fixed.chunks(&self.data).count()),
            Part::Hash => self.data.chunks(FRAME_BYTES).for_each(|piece| _ = black_box(blake3::hash(piece))),
            Part::Cipher => self.encrypt(),
            Part::Seal => self.pipeline(&Cutter::Fixed, None),
            Part::Open => self.open(),
            Part::PipelineFixed => self.pipeline(&Cutter::Fixed, Some(blake3::Hasher::new())),
            Part::PipelineKeyed => {
                let keyed = std::mem::replace(&mut self.keyed, Cutter::Fixed);
                self.pipeline(&keyed, Some(blake3::Hasher::new()));
                self.keyed = keyed;
            }
        }
    }

    fn pipeline(&mut self, cutter: &Cutter, mut whole: Option<blake3::Hasher>) {
        for chunk in cutter.chunks(&self.data) {
            if let Some(whole) = &mut whole {
                whole.update(chunk);
            }
            let frame = Frame::in_buffer(chunk, std::mem::take(&mut self.buffer)).expect("cutters keep the bounds");
            let sealed = self.keys.content.seal_frame(frame);
            black_box(sealed.id);
            self.buffer = sealed.object;
        }
        black_box(whole.map(|whole| whole.finalize()));
    }

    fn encrypt(&mut self) {
        for _ in 0..BYTES / FRAME_BYTES {
            let key = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &[7; 32]).expect("a key of 32 bytes"));
            let nonce = Nonce::assume_unique_for_key([0; 12]);
            let tag = key.seal_in_place_separate_tag(nonce, Aad::empty(), &mut self.frame).expect("a short message");
            black_box(tag.as_ref());
        }
    }

    /// Opening wants a buffer that it may overwrite: the copy into it stands for the network.
    fn open(&mut self) {
        for SealedChunk { id, object, secret, .. } in &self.sealed {
            self.buffer.clear();
            self.buffer.extend_from_slice(object);
            black_box(secret.open_in_place(*id, &mut self.buffer).expect("sealed here"));
        }
    }
}

impl Part {
    fn name(self) -> &'static str {
        match self {
            Self::CutKeyed => "cut keyed",
            Self::CutFixed => "cut fixed",
            Self::Hash => "BLAKE3 alone",
            Self::Cipher => "AES-256-GCM alone",
            Self::Seal => "seal",
            Self::Open => "open",
            Self::PipelineFixed => "pipeline, fixed cuts",
            Self::PipelineKeyed => "pipeline, keyed cuts",
        }
    }
}
