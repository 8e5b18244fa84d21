//! Telling a copy that cannot be read from a disk that cannot.
//!
//! A copy that cannot be read loses its row, so that another is brought; a disk that gives nothing must not lose all rows to that.
//! So before a copy is set aside, something else is read: if of some places all over the segments not a single one can be, it is the
//! disk, or the way to it, that fails. One place that can be read says that the disk answers.
//!
//! Deliberately absent: what the bytes are. A disk that answers with wrong ones has damaged its copies, each by itself.

use super::error::StoreError;
use super::segment::Segments;
use crate::limit::DISK_PROBES;

/// Whether any of [`DISK_PROBES`] places can be read; other ones for another `seed`, so that no cache answers for the disk each time.
pub(super) fn is_readable(segments: &Segments, seed: u64) -> Result<bool, StoreError> {
    let numbers = match segments.numbers() {
        Err(error) if error.is_loss() => return Ok(false),
        numbers => numbers?,
    };
    for probe in 0..DISK_PROBES {
        let Some(number) = numbers.get(place(seed, probe, numbers.len())) else { return Ok(false) };
        let random = seed.rotate_left(u32::try_from(probe).unwrap_or(0).saturating_mul(4));
        let found = segments
            .bytes(*number)
            .and_then(|bytes| segments.has_block(*number, random.checked_rem(bytes).unwrap_or_default()));
        match found {
            Ok(true) => return Ok(true),
            Ok(false) => {}
            Err(error) if error.is_loss() => {}
            // Too many open files, say: no word about the disk.
            Err(error) => return Err(error),
        }
    }
    Ok(false)
}

/// Which of `count` segments a probe looks at: all over them, from one that the seed says.
fn place(seed: u64, probe: usize, count: usize) -> usize {
    let from = usize::try_from(seed % u64::from(u32::MAX)).unwrap_or_default();
    let stride = (count / DISK_PROBES).max(1);
    from.wrapping_add(probe.wrapping_mul(stride)).checked_rem(count).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn probes_are_spread_over_all_segments() {
        for count in [1, 3, 16, 40, 1000] {
            for seed in [0, 7, u64::MAX] {
                let mut places: Vec<_> = (0..DISK_PROBES).map(|probe| place(seed, probe, count)).collect();
                places.sort_unstable();
                places.dedup();
                assert_eq!(places.len(), count.min(DISK_PROBES));
                assert!(places.iter().all(|place| *place < count));
            }
        }
        assert_eq!(place(7, 3, 0), 0);
    }
}
