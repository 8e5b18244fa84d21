//! The memory of this process, as Linux counts it.

/// Bytes resident; `None` where the system does not say.
pub(super) fn resident_bytes() -> Option<u64> {
    // proc_pid_statm(5): the second number is the resident pages.
    let statm = std::fs::read_to_string("/proc/self/statm").ok()?;
    let pages: u64 = statm.split_whitespace().nth(1)?.parse().ok()?;
    pages.checked_mul(u64::try_from(rustix::param::page_size()).ok()?)
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_process_has_memory() {
        assert!(super::resident_bytes().unwrap() > 1024);
    }
}
