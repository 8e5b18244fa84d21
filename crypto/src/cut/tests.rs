use proptest::prelude::{any, prop, proptest};

use super::*;
use crate::limit::{CUT_BYTES_AVERAGE, CUT_BYTES_MIN};

fn cutter() -> KeyedCutter {
    KeyedCutter::new(&CutterKey::from_bytes([1; 32]))
}

fn noise(seed: u64, length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    blake3::Hasher::new().update(&seed.to_le_bytes()).finalize_xof().fill(&mut bytes);
    bytes
}

fn ends(cutter: &Cutter, data: &[u8]) -> Vec<usize> {
    cutter
        .chunks(data)
        .scan(0, |end, chunk| {
            *end += chunk.len();
            Some(*end)
        })
        .collect()
}

#[test]
fn chunks_are_of_the_promised_sizes() {
    let data = noise(1, 96 << 20);
    let cutter = Cutter::keyed(&CutterKey::from_bytes([1; 32]));
    let chunks: Vec<_> = cutter.chunks(&data).map(<[u8]>::len).collect();
    assert_eq!(chunks.iter().sum::<usize>(), data.len());
    let (_, all_but_last) = chunks.split_last().expect("some chunks");
    assert!(all_but_last.iter().all(|length| (CUT_BYTES_MIN..=CUT_BYTES_MAX).contains(length)));
    let average = data.len() / chunks.len();
    assert!((CUT_BYTES_AVERAGE * 3 / 4..CUT_BYTES_AVERAGE * 4 / 3).contains(&average), "{average}");
}

/// What a byte inserted in front costs: the first chunk, and nothing after the next common cut.
#[test]
fn an_insertion_moves_one_cut() {
    let data = noise(2, 16 << 20);
    let mut inserted = vec![0xff];
    inserted.extend_from_slice(&data);
    let cutter = Cutter::keyed(&CutterKey::from_bytes([1; 32]));
    let before: std::collections::HashSet<_> = cutter.chunks(&data).map(blake3::hash).collect();
    let changed: usize =
        cutter.chunks(&inserted).filter(|chunk| !before.contains(&blake3::hash(chunk))).map(<[u8]>::len).sum();
    assert!(changed <= CUT_BYTES_MAX, "{changed} bytes changed");
}

#[test]
fn another_key_cuts_elsewhere() {
    let data = noise(3, 8 << 20);
    let one = ends(&Cutter::keyed(&CutterKey::from_bytes([1; 32])), &data);
    let other = ends(&Cutter::keyed(&CutterKey::from_bytes([2; 32])), &data);
    assert_eq!(one.iter().filter(|end| other.contains(end)).collect::<Vec<_>>(), [&data.len()]);
}

/// Bytes beyond the chunk, and buffers of other sizes, do not change where it ends.
#[test]
fn a_stream_is_cut_like_a_slice() {
    let data = noise(4, 20 << 20);
    let cutter = Cutter::keyed(&CutterKey::from_bytes([1; 32]));
    for buffer in [CUT_BYTES_MAX, CUT_BYTES_MAX + 1, 3 * CUT_BYTES_MAX - 7] {
        let (mut at, mut streamed) = (0, Vec::new());
        while at < data.len() {
            let end = (at + buffer).min(data.len());
            let input = if end == data.len() { Input::Last } else { Input::Partial };
            at += cutter.cut(&data[at..end], input).expect("enough bytes");
            streamed.push(at);
        }
        assert_eq!(streamed, ends(&cutter, &data), "buffer of {buffer}");
    }
    assert_eq!(cutter.cut(&data[..CUT_BYTES_MAX - 1], Input::Partial), None);
    assert_eq!(cutter.cut(&[], Input::Last), None);
}

/// Fails if a digest depended on anything but its window, or a search lost points where its pieces meet.
#[test]
fn segments_on_several_cores_cut_alike() {
    let data = noise(5, 12 << 20);
    let cutter = cutter();
    let whole = cutter.candidates(&data, 0..data.len());
    let expected = ends(&Cutter::keyed(&CutterKey::from_bytes([1; 32])), &data);
    assert_eq!(select(&whole, data.len()), expected);
    for segment in [1 << 20, (1 << 20) + 1, 777_777, 5 << 20] {
        let starts = (0..data.len()).step_by(segment);
        let points: Vec<usize> = std::thread::scope(|scope| {
            let (cutter, data) = (&cutter, &data);
            let searches: Vec<_> =
                starts.map(|start| scope.spawn(move || cutter.candidates(data, start..start + segment))).collect();
            searches.into_iter().flat_map(|search| search.join().expect("a search does not panic")).collect()
        });
        assert_eq!(select(&points, data.len()), expected, "segments of {segment}");
    }
}

/// Input with a period has few distinct windows, each of which cuts everywhere or nowhere: the bounds on a chunk's length
/// must hold all the same, and the search must not slow down.
#[test]
fn periodic_input_cut_points() {
    let cutter = Cutter::keyed(&CutterKey::from_bytes([1; 32]));
    for period in [1usize, 2, 3, 7, 32, 63, 64, 65, 1000] {
        let pattern = noise(period as u64, period);
        let data: Vec<u8> = pattern.iter().copied().cycle().take(9 << 20).collect();
        let chunks: Vec<_> = cutter.chunks(&data).map(<[u8]>::len).collect();
        let (_, all_but_last) = chunks.split_last().expect("some chunks");
        assert!(
            all_but_last.iter().all(|length| (CUT_BYTES_MIN..=CUT_BYTES_MAX).contains(length)),
            "period {period}: {chunks:?}"
        );
    }
    let zeros = vec![0; 9 << 20];
    assert_eq!(ends(&cutter, &zeros), [4 << 20, 8 << 20, 9 << 20], "this key does not cut at a window of zeros");
}

#[test]
fn fixed_cuts_are_fixed() {
    let data = vec![0; 2 * CUT_FIXED_BYTES + 1];
    assert_eq!(ends(&Cutter::Fixed, &data), [CUT_FIXED_BYTES, 2 * CUT_FIXED_BYTES, data.len()]);
}

proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(24))]

    /// Any way of dividing a search finds the same points.
    #[test]
    fn searches_divide(seed in any::<u64>(), divisions in prop::collection::vec(0usize..(3 << 20), 0..6)) {
        let data = noise(seed, 3 << 20);
        let cutter = cutter();
        let mut bounds = divisions;
        bounds.extend([0, data.len() + 1]);
        bounds.sort_unstable();
        let divided: Vec<_> = bounds.windows(2).flat_map(|pair| cutter.candidates(&data, pair[0]..pair[1])).collect();
        proptest::prop_assert_eq!(divided, cutter.candidates(&data, 0..data.len() + 1));
    }
}
