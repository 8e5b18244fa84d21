//! How long a change takes from one machine to another: a file of 1 KiB is created in one folder, and waited for in the other;
//! two real clients that watch, one real node, loopback.
//!
//! `cargo bench -p vauban-benches --bench latency` prints the table; `SAMPLES=n` takes another number than 200.
#![allow(missing_docs, reason = "a program, not a library")]

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use vauban_benches::disk::{flush, percentile};
use vauban_benches::table::{Table, milliseconds};
use vauban_benches::work::bytes_of;
use vauban_tests::agency::{Agency, utf8};
use vauban_tests::home::Home;
use vauban_tests::process::Running;

const SAMPLES: usize = 200;
const FILE_BYTES: usize = 1024;
/// Longest that one file may take before the bench gives up.
const ARRIVAL_LIMIT: Duration = Duration::from_secs(30);
/// How often the other folder is looked at.
const PROBE_EVERY: Duration = Duration::from_micros(200);
const MEDIAN_MAX: Duration = Duration::from_millis(100);
const P99_MAX: Duration = Duration::from_millis(300);

fn main() -> anyhow::Result<()> {
    // `cargo test --benches` runs this too, without wanting minutes of work.
    if !std::env::args().any(|argument| argument == "--bench") {
        return Ok(());
    }
    let samples = std::env::var("SAMPLES").ok().and_then(|samples| samples.parse().ok()).unwrap_or(SAMPLES).max(1);
    let (agency, _node) = Agency::found()?;
    let one = agency.enrol("banc")?;
    let other = agency.add_device(&one, "banc-2")?;
    one.run(&["space", "create", "Projets"])?;
    let (here, there) = (folder(&agency, "here")?, folder(&agency, "there")?);
    let _watching = (watch(&one, &here)?, watch(&other, &there)?);

    let times = (0..samples).map(|number| carry(number, &here, &there)).collect::<anyhow::Result<Vec<_>>>()?;
    let (median, p99) = (percentile(&times, 50), percentile(&times, 99));
    let mut table = Table::default();
    table.must(
        "1 KiB file created here until complete there, both watching",
        "median < 100 ms, p99 < 300 ms",
        format!("median {}, p99 {}", milliseconds(median), milliseconds(p99)),
        format!("one fsync of the disk: {}", milliseconds(flush(agency.folder(), samples)?)),
        median < MEDIAN_MAX && p99 < P99_MAX,
    );
    println!("{}", table.markdown());
    Ok(())
}

fn folder(agency: &Agency, name: &str) -> anyhow::Result<PathBuf> {
    let folder = agency.folder().join(name);
    fs::create_dir(&folder)?;
    Ok(folder)
}

/// Begins to watch, and waits until both sides agree.
fn watch(device: &Home, folder: &Path) -> anyhow::Result<Running> {
    let mut running = device.start(&["--json", "sync", "Projets", &utf8(folder)?, "--watch"])?;
    running.line("{\"event\":\"synced\"", ARRIVAL_LIMIT)?;
    Ok(running)
}

/// Creates a file, and waits until it is whole on the other side.
fn carry(number: usize, here: &Path, there: &Path) -> anyhow::Result<Duration> {
    let name = format!("file-{number:04}");
    let mut content = vec![0; FILE_BYTES];
    bytes_of(number as u64).fill(&mut content);
    let began = Instant::now();
    fs::write(here.join(&name), &content)?;
    loop {
        if fs::read(there.join(&name)).is_ok_and(|is| is == content) {
            return Ok(began.elapsed());
        }
        anyhow::ensure!(began.elapsed() < ARRIVAL_LIMIT, "{name} did not arrive");
        std::thread::sleep(PROBE_EVERY);
    }
}
