//! From the points at which a file may be cut to those at which it is.

use crate::limit::{CUT_BYTES_MAX, CUT_BYTES_MIN};

/// The ends of a file's chunks, out of all its cut points (ascending) and its length.
///
/// The result is that of cutting from the start, chunk by chunk: the first point that leaves the chunk neither too short nor
/// too long, else the longest chunk. It is cheap, so only the search for points is worth spreading over cores.
#[must_use]
pub fn select(candidates: &[usize], length: usize) -> Vec<usize> {
    let mut ends = Vec::new();
    let mut start = 0usize;
    let mut candidates = candidates.iter().copied().peekable();
    while start < length {
        let (least, most) = (start.saturating_add(CUT_BYTES_MIN), start.saturating_add(CUT_BYTES_MAX).min(length));
        while candidates.next_if(|point| *point < least).is_some() {}
        start = candidates.next_if(|point| *point <= most).unwrap_or(most);
        ends.push(start);
    }
    ends
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIN: usize = CUT_BYTES_MIN;
    const MAX: usize = CUT_BYTES_MAX;

    #[test]
    fn chunks_are_neither_too_short_nor_too_long() {
        assert_eq!(select(&[], 0), []);
        assert_eq!(select(&[], 1), [1]);
        assert_eq!(select(&[MIN - 1, MIN, MIN + 1], 3 * MIN), [MIN, 3 * MIN]);
        assert_eq!(select(&[MAX + 1], MAX + 2), [MAX, MAX + 2]);
        assert_eq!(select(&[MAX], 2 * MAX), [MAX, 2 * MAX]);
        assert_eq!(select(&[MAX + MIN], 2 * MAX), [MAX, MAX + MIN, 2 * MAX]);
    }
}
