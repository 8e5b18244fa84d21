//! Waiting for a condition, with a limit; never for luck.

use std::thread;
use std::time::{Duration, Instant};

/// How often a condition is asked for.
const PROBE_EVERY: Duration = Duration::from_millis(5);

/// Asks `probe` until it has a value.
///
/// # Errors
/// What `probe` fails with, or that `limit` has passed without `what`.
pub fn until<T>(
    what: &str,
    limit: Duration,
    mut probe: impl FnMut() -> anyhow::Result<Option<T>>,
) -> anyhow::Result<T> {
    let began = Instant::now();
    loop {
        if let Some(value) = probe()? {
            return Ok(value);
        }
        anyhow::ensure!(began.elapsed() < limit, "waited {limit:?} in vain for {what}");
        thread::sleep(PROBE_EVERY);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_condition_that_never_comes_is_an_error() {
        let never = until("nothing", Duration::from_millis(20), || Ok(None::<()>));
        assert!(never.unwrap_err().to_string().contains("nothing"));
    }
}
