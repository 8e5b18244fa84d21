//! How long a new device takes until it has a space's tree: by folding the whole log, and from a checkpoint; real client, real
//! node, loopback.
//!
//! `cargo bench -p vauban-benches --bench checkpoint` prints the table; `ENTRIES=n` takes another number than 20,000, up to a
//! million. The entries are empty files in folders of a thousand: what is measured is the tree, not contents.
#![allow(missing_docs, reason = "a program, not a library")]

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use vauban_benches::process::high_water_bytes;
use vauban_benches::table::{Table, milliseconds};
use vauban_tests::agency::{Agency, utf8};
use vauban_tests::home::Home;

const ENTRIES: usize = 20_000;
const FOLDER_FILES: usize = 1000;
/// Longest that the space may take to be filled.
const FILL_LIMIT: Duration = Duration::from_secs(3600);

fn main() -> anyhow::Result<()> {
    // `cargo test --benches` runs this too, without wanting minutes of work.
    if !std::env::args().any(|argument| argument == "--bench") {
        return Ok(());
    }
    let entries = std::env::var("ENTRIES").ok().and_then(|entries| entries.parse().ok()).unwrap_or(ENTRIES).max(1);
    let (agency, _node) = Agency::found()?;
    let one = agency.enrol("banc")?;
    let (folding, starting) = (agency.add_device(&one, "banc-2")?, agency.add_device(&one, "banc-3")?);
    one.run(&["space", "create", "Projets"])?;
    let folder = agency.folder().join("files");
    fs::create_dir(&folder)?;
    fill(&folder, entries)?;
    let began = Instant::now();
    one.start(&["sync", "Projets", &utf8(&folder)?, "--once"])?.wait(FILL_LIMIT)?.success()?;
    let filled = began.elapsed();

    let (fold, _) = ready(&folding)?;
    let began = Instant::now();
    one.start(&["space", "checkpoint", "Projets"])?.wait(FILL_LIMIT)?.success()?;
    let written = began.elapsed();
    let (start, memory_bytes) = ready(&starting)?;
    let mut table = Table::default();
    table.must(
        &format!("a new device has the tree of {entries} entries"),
        "from a checkpoint, in less time than by folding the log",
        format!("{}, {} MiB of memory", milliseconds(start), memory_bytes / (1024 * 1024)),
        format!("folding: {}", milliseconds(fold)),
        start < fold || entries < ENTRIES,
    );
    table.note("the checkpoint is written", milliseconds(written), format!("first sync: {}", milliseconds(filled)));
    println!("{}", table.markdown());
    Ok(())
}

fn fill(folder: &Path, entries: usize) -> anyhow::Result<()> {
    let folders = entries.div_ceil(FOLDER_FILES + 1);
    for number in 0..folders {
        fs::create_dir_all(folder.join(format!("folder-{number:04}")))?;
    }
    for number in 0..entries.saturating_sub(folders) {
        fs::write(folder.join(format!("folder-{:04}/file-{number:07}", number % folders)), [])?;
    }
    Ok(())
}

/// How long a device without a cache takes to list a space.
fn ready(device: &Home) -> anyhow::Result<(Duration, u64)> {
    let began = Instant::now();
    let mut listing = device.start(&["ls", "Projets:"])?;
    let process = listing.id();
    let mut memory_bytes = 0;
    while !listing.has_ended()? {
        memory_bytes = memory_bytes.max(high_water_bytes(process));
        std::thread::sleep(Duration::from_millis(5));
    }
    let took = began.elapsed();
    listing.wait(FILL_LIMIT)?.success()?;
    Ok((took, memory_bytes))
}
