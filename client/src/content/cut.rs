//! One pass over a file: read, hash as a whole, cut.

use std::io::{self, Read};

use vauban_crypto::cut::{Cutter, Input};
use vauban_protocol::id::Digest;
use vauban_protocol::limit::CHUNK_PLAIN_BYTES_MAX;

use super::recall::{LastCut, Recall};

/// What a pass over a file has found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CutSummary {
    /// BLAKE3 of all bytes.
    pub content: Digest,
    /// How many there were.
    pub bytes: u64,
}

/// How a file is cut. The cuts are those of the cutter alone: the last version's only spare it work.
#[derive(Debug, Clone, Copy)]
pub struct HowToCut<'a> {
    /// Says where.
    pub cutter: &'a Cutter,
    /// Where it said so in the last version, if there is one.
    pub last: &'a LastCut,
}

/// Reads `file` to its end through `buffer`, and gives each chunk to `take`, in order.
///
/// `buffer` is reused from file to file and grows as needed, to `read_bytes` (at least [`CHUNK_PLAIN_BYTES_MAX`]) at most;
/// `expected` bytes, as far as known, spare small files a large buffer.
///
/// # Errors
/// Those of reading, and those of `take`.
pub fn cut_file<E: From<io::Error>>(
    mut file: impl Read,
    how: HowToCut<'_>,
    buffer: &mut Vec<u8>,
    read_bytes: usize,
    expected: u64,
    mut take: impl FnMut(&[u8]) -> Result<(), E>,
) -> Result<CutSummary, E> {
    let largest = read_bytes.max(CHUNK_PLAIN_BYTES_MAX);
    // One byte of room more than the file has: its end is then seen by the first read.
    let wanted = usize::try_from(expected).unwrap_or(largest).saturating_add(1).min(largest);
    if buffer.len() < wanted {
        buffer.resize(wanted, 0);
    }
    let mut hasher = blake3::Hasher::new();
    let mut recall = Recall::new(how.last);
    let (mut filled, mut bytes) = (0, 0);
    let mut input = Input::Partial;
    while input == Input::Partial {
        if filled == buffer.len() && filled < largest {
            buffer.resize(largest, 0);
        }
        let (more, end) = fill(&mut file, buffer.get_mut(filled..).unwrap_or_default())?;
        hasher.update(buffer.get(filled..filled.saturating_add(more)).unwrap_or_default());
        bytes += more as u64;
        filled = filled.saturating_add(more);
        if end {
            input = Input::Last;
        }
        let mut rest = buffer.get(..filled).unwrap_or_default();
        while let Some(length) = next_cut(how.cutter, &mut recall, rest, input)
            && let Some((chunk, after)) = rest.split_at_checked(length)
        {
            take(chunk)?;
            rest = after;
        }
        let left = rest.len();
        buffer.copy_within(filled.saturating_sub(left)..filled, 0);
        filled = left;
    }
    Ok(CutSummary { content: Digest(*hasher.finalize().as_bytes()), bytes })
}

/// The length of the chunk that `rest` begins with; `None` if more must be read to tell.
fn next_cut(cutter: &Cutter, recall: &mut Recall<'_>, rest: &[u8], input: Input) -> Option<usize> {
    if input == Input::Partial && rest.len() < CHUNK_PLAIN_BYTES_MAX {
        return None;
    }
    recall.recognise(rest, input).or_else(|| {
        let length = cutter.cut(rest, input)?;
        recall.find(rest.get(..length)?);
        Some(length)
    })
}

/// Reads until `room` is full or the file ends, and says how much, and whether it ended.
fn fill(file: &mut impl Read, room: &mut [u8]) -> io::Result<(usize, bool)> {
    let mut filled = 0;
    while let Some(room) = room.get_mut(filled..).filter(|room| !room.is_empty()) {
        match file.read(room) {
            Ok(0) => return Ok((filled, true)),
            Ok(more) => filled = filled.saturating_add(more),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok((filled, false))
}

#[cfg(test)]
mod tests {
    use vauban_crypto::chunk::{ChunkSecret, ChunkTag};
    use vauban_crypto::cut::CutterKey;
    use vauban_protocol::id::ChunkId;

    use super::*;
    use crate::log::ChunkRef;

    fn noise(bytes: usize) -> Vec<u8> {
        let mut data = vec![0; bytes];
        blake3::Hasher::new().finalize_xof().fill(&mut data);
        data
    }

    fn cut(data: &[u8], cutter: &Cutter, last: &LastCut, read_bytes: usize, expected: u64) -> (CutSummary, Vec<usize>) {
        let (mut lengths, mut joined) = (Vec::new(), Vec::new());
        let summary =
            cut_file::<io::Error>(data, HowToCut { cutter, last }, &mut Vec::new(), read_bytes, expected, |chunk| {
                lengths.push(chunk.len());
                joined.extend_from_slice(chunk);
                Ok(())
            })
            .unwrap();
        assert_eq!(joined, data);
        (summary, lengths)
    }

    fn keyed() -> Cutter {
        Cutter::keyed(&CutterKey::from_bytes([3; 32]))
    }

    #[test]
    fn buffers_and_expectations_change_no_cut() {
        let data = noise(11 * 1024 * 1024 + 17);
        for cutter in [&keyed(), &Cutter::Fixed] {
            let lengths: Vec<_> = cutter.chunks(&data).map(<[u8]>::len).collect();
            for (read_bytes, expected) in [(0, 0), (5 << 20, 11 << 20), (8 << 20, u64::MAX), (64 << 20, 17)] {
                let (summary, cut) = cut(&data, cutter, &LastCut::default(), read_bytes, expected);
                assert_eq!(cut, lengths);
                assert_eq!(summary.content, Digest::of(&data));
                assert_eq!(summary.bytes, data.len() as u64);
            }
        }
    }

    /// The cut of an edited file is the same with the last version's at hand as without it, whatever the edit.
    #[test]
    fn recognised_chunks_change_no_cut() {
        let data = noise(9 * 1024 * 1024);
        let tail = data.len() - 100_000;
        let edits: [Vec<u8>; 7] = [
            data.clone(),
            [b"x", data.as_slice()].concat(),
            [&data[..4_000_000], b"inserted", &data[4_000_000..]].concat(),
            [&data[..3_000_000], &data[5_000_000..]].concat(),
            [data.as_slice(), data.as_slice()].concat(),
            data[..tail].to_vec(),
            [data.as_slice(), b"appended"].concat(),
        ];
        for cutter in [&keyed(), &Cutter::Fixed] {
            let last: Vec<_> = cutter
                .chunks(&data)
                .map(|chunk| ChunkRef {
                    id: ChunkId([0; 32]),
                    secret: ChunkSecret::from_bytes([0; 32]),
                    tag: ChunkTag::of(chunk).unwrap(),
                    plain_bytes: u32::try_from(chunk.len()).unwrap(),
                })
                .collect();
            for edited in &edits {
                let (_, with) = cut(edited, cutter, &LastCut::of(&last), 0, 0);
                let (_, without) = cut(edited, cutter, &LastCut::default(), 0, 0);
                assert_eq!(with, without);
            }
        }
    }

    #[test]
    fn small_and_empty_files() {
        let last = LastCut::default();
        assert_eq!(cut(&[], &Cutter::Fixed, &last, 0, 0).1, [0usize; 0]);
        assert_eq!(cut(b"abc", &Cutter::Fixed, &last, 0, 3).1, [3]);
        assert_eq!(cut(b"abc", &Cutter::Fixed, &last, 0, 1).1, [3], "it has grown since it was looked at");
    }
}
