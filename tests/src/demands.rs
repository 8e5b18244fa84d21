//! What a test takes that a machine may lack, and what becomes of the test there.
//!
//! It passes, having looked at nothing, and is not silent about it: it says `SKIPPED`, and adds a line to the file that [`SKIPPED_FILE`]
//! names, which `make test` shows at its end. Where [`DEMANDS`] names what is missing, it fails instead.

use std::fs::OpenOptions;
use std::io::Write;
use std::thread;

/// The environment's list of what may not be missing, with commas between: see [`Need::name`].
pub const DEMANDS: &str = "VAUBAN_DEMANDS";
/// The environment's name of the file that takes a line of each test that was skipped.
pub const SKIPPED_FILE: &str = "VAUBAN_SKIPPED";

/// What a machine may lack.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// Chromium, with its driver.
    Browser,
    /// The rules by which it is judged whether everybody can use a page: axe-core.
    Accessibility,
    /// A clock of a process's own: libfaketime.
    Clock,
    /// To mount file systems.
    Mount,
    /// To listen to packets: as root, with tcpdump or dumpcap.
    Packets,
}

impl Need {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Browser, Self::Accessibility, Self::Clock, Self::Mount, Self::Packets];

    /// What [`DEMANDS`] calls it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Browser => "browser",
            Self::Accessibility => "accessibility",
            Self::Clock => "clock",
            Self::Mount => "mount",
            Self::Packets => "packets",
        }
    }
}

/// To be called where `need` is missing, with a reason in words, before the test that takes it is left.
///
/// # Errors
/// If [`DEMANDS`] names it, or names what is nothing; if the line cannot be added.
pub fn missing(need: Need, why: &str) -> anyhow::Result<()> {
    let line = judged(need, why, &std::env::var(DEMANDS).unwrap_or_default())?;
    // A test runs in a thread of its name.
    let line = format!("{}: {line}\n", thread::current().name().unwrap_or("a part of a test"));
    print!("SKIPPED {line}");
    if let Some(file) = std::env::var_os(SKIPPED_FILE) {
        // In one piece: several tests write at once.
        OpenOptions::new().create(true).append(true).open(file)?.write_all(line.as_bytes())?;
    }
    Ok(())
}

/// What is said of it, unless it is among what is demanded.
fn judged(need: Need, why: &str, demanded: &str) -> anyhow::Result<String> {
    let demanded: Vec<&str> = demanded.split(',').map(str::trim).filter(|name| !name.is_empty()).collect();
    let names = Need::ALL.map(Need::name);
    for name in &demanded {
        anyhow::ensure!(names.contains(name), "{DEMANDS} names `{name}`; it takes {}", names.join(", "));
    }
    let why = why.split_whitespace().collect::<Vec<_>>().join(" ");
    anyhow::ensure!(!demanded.contains(&need.name()), "{DEMANDS} names `{}`, which is missing: {why}", need.name());
    Ok(format!("{}: {why}", need.name()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_demanded_fails_and_what_is_not_is_said() {
        assert_eq!(judged(Need::Clock, "not\n installed", "").unwrap(), "clock: not installed");
        assert_eq!(judged(Need::Clock, "not installed", " mount,browser").unwrap(), "clock: not installed");
        for need in Need::ALL {
            assert!(judged(need, "not installed", "packets, clock,mount,browser,accessibility").is_err());
        }
    }

    #[test]
    fn a_demand_for_what_is_nothing_is_refused() {
        assert!(judged(Need::Clock, "not installed", "clocks").is_err());
    }
}
