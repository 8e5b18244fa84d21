//! The limit of the disk: one file written from one end to the other, and synced once.

use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

/// Bytes handed to the kernel at once.
const WRITE_BYTES: usize = 1024 * 1024;

/// Seconds to write `bytes` sequentially into `folder`, with one fsync at the end; the median of `runs`.
///
/// # Errors
/// Whatever the disk says.
pub fn sequential_write(folder: &Path, bytes: u64, runs: usize) -> std::io::Result<Duration> {
    let block = vec![0x5a; WRITE_BYTES];
    let path = folder.join("sequential-write");
    let mut times = Vec::new();
    for _ in 0..runs.max(1) {
        let began = Instant::now();
        let mut file = File::create(&path)?;
        let mut left = bytes;
        while left > 0 {
            let now = usize::try_from(left).unwrap_or(WRITE_BYTES).min(WRITE_BYTES);
            file.write_all(block.get(..now).unwrap_or_default())?;
            left = left.saturating_sub(now as u64);
        }
        file.sync_all()?;
        times.push(began.elapsed());
        std::fs::remove_file(&path)?;
    }
    Ok(median(times))
}

/// The median time that one small write takes to be durable in `folder`.
///
/// # Errors
/// Whatever the disk says.
pub fn flush(folder: &Path, runs: usize) -> std::io::Result<Duration> {
    let path = folder.join("flush");
    let mut file = File::create(&path)?;
    let mut times = Vec::new();
    for _ in 0..runs.max(1) {
        let began = Instant::now();
        file.write_all(&[0x5a; 1024])?;
        file.sync_data()?;
        times.push(began.elapsed());
    }
    std::fs::remove_file(&path)?;
    Ok(median(times))
}

/// The time within which `percent` of the given ones lie; zero of none.
#[must_use]
pub fn percentile(times: &[Duration], percent: usize) -> Duration {
    let mut times = times.to_vec();
    times.sort_unstable();
    let rank = times.len().saturating_mul(percent).div_ceil(100).max(1);
    times.get(rank.saturating_sub(1)).copied().unwrap_or_default()
}

/// The middle of the given times; zero of none.
#[must_use]
pub fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times.get(times.len() / 2).copied().unwrap_or_default()
}
