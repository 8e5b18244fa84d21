//! From one machine to another, both watching: one large file, many small ones, a real source tree; beside Syncthing in the same
//! run, plain and through an untrusted, encrypted device.
//!
//! Everything appears at once in the one folder, by one rename from the same disk, and is waited for in the other, by names;
//! then contents are compared. `cargo bench -p vauban-benches --bench peers_sync` prints the table; `RUNS=n` takes the median
//! of n turns (3 by default), in which the three take turns; `ONLY=large|small|source` does one kind of work.
#![allow(missing_docs, reason = "a program, not a library")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use vauban_benches::disk::median;
use vauban_benches::process::run;
use vauban_benches::syncthing::{Between, Syncthing, version};
use vauban_benches::table::{Table, mib, seconds};
use vauban_benches::work::{LARGE_FILE_BYTES, copy_sources, large_file, small_files};
use vauban_tests::agency::{Agency, utf8};
use vauban_tests::folder::ensure_same;
use vauban_tests::home::Home;
use vauban_tests::process::Running;

/// Longest that one arrival may take before the bench gives up.
const ARRIVAL_LIMIT: Duration = Duration::from_secs(900);
/// How often the other folder is looked at, at most; a look must not cost more than a small part of the time.
const PROBE_EVERY: Duration = Duration::from_millis(20);
/// Parts of the time between two looks that a look may take.
const PROBE_SHARE: u32 = 20;

/// What is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Work {
    Large,
    Small,
    Source,
}

/// Who sends it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Way {
    Vauban,
    Plain,
    Untrusted,
}

fn main() -> anyhow::Result<()> {
    // `cargo test --benches` runs this too, without wanting minutes of work.
    if !std::env::args().any(|argument| argument == "--bench") {
        return Ok(());
    }
    let runs = std::env::var("RUNS").ok().and_then(|runs| runs.parse().ok()).unwrap_or(3).max(1);
    let only = std::env::var("ONLY").ok();
    let mut table = Table::default();
    for work in [Work::Large, Work::Small, Work::Source] {
        if only.as_ref().is_none_or(|only| only == work.name()) {
            measure(work, runs, &mut table)?;
        }
    }
    println!("{}", table.markdown());
    Ok(())
}

fn measure(work: Work, runs: usize, table: &mut Table) -> anyhow::Result<()> {
    let peer = version();
    let ways: &[Way] = if peer.is_some() { &[Way::Vauban, Way::Plain, Way::Untrusted] } else { &[Way::Vauban] };
    let (mut times, mut told) = (BTreeMap::<Way, Vec<Duration>>::new(), String::new());
    for turn in 0..runs {
        for way in ways {
            let (time, what) = carry(*way, work, turn as u64)?;
            eprintln!("{what}, {way:?}: {}", seconds(time));
            times.entry(*way).or_default().push(time);
            told = what;
        }
    }
    let of = |way| times.get(&way).cloned().map(median);
    let ours = of(Way::Vauban).unwrap_or_default();
    let ratio = |way| of(way).map(|theirs| theirs.as_secs_f64() / ours.as_secs_f64());
    let (plain, untrusted) = work.targets();
    let must = format!("{untrusted} × Syncthing through an encrypted device, {plain} × plain");
    match (peer, of(Way::Plain).zip(ratio(Way::Plain)), of(Way::Untrusted).zip(ratio(Way::Untrusted))) {
        (Some(version), Some((plainly, by_plain)), Some((through, by_untrusted))) => {
            let is_reached = by_plain >= plain && by_untrusted >= untrusted;
            let measured = format!("{}: {by_untrusted:.1} ×, {by_plain:.1} ×", seconds(ours));
            let beside = format!("Syncthing {version}: encrypted {}, plain {}", seconds(through), seconds(plainly));
            table.must(&told, &must, measured, beside, is_reached);
        }
        _ => table.note(&told, seconds(ours), "Syncthing is not installed: nothing to compare with".to_owned()),
    }
    Ok(())
}

/// Sends `work` once, between two fresh folders; says how long that took, and what it was.
fn carry(way: Way, work: Work, seed: u64) -> anyhow::Result<(Duration, String)> {
    if way == Way::Vauban {
        let (agency, _node) = Agency::found()?;
        let one = agency.enrol("banc")?;
        let other = agency.add_device(&one, "banc-2")?;
        one.run(&["space", "create", "Projets"])?;
        let (here, there) = (folder(&agency, "here")?, folder(&agency, "there")?);
        let _watching = (watch(&one, &here)?, watch(&other, &there)?);
        return pass(work, seed, agency.folder(), &here, &there);
    }
    let place = tempfile::tempdir()?;
    let between = if way == Way::Plain { Between::Nothing } else { Between::Untrusted };
    let peers = Syncthing::start(place.path(), between)?;
    pass(work, seed, place.path(), peers.one(), peers.other())
}

/// Puts the work into `here`, and waits until all of it is `there`.
fn pass(work: Work, seed: u64, place: &Path, here: &Path, there: &Path) -> anyhow::Result<(Duration, String)> {
    let made = place.join("work");
    fs::create_dir(&made)?;
    let (files, bytes) = work.make(&made, seed)?;
    // What was just written is not to be flushed in somebody's time.
    run(&mut Command::new("sync"))?;
    let (target, arrived) = (here.join("work"), there.join("work"));
    let began = Instant::now();
    fs::rename(&made, &target)?;
    let mut found = 0;
    while found < files {
        let looked = Instant::now();
        found = count(&arrived);
        anyhow::ensure!(began.elapsed() < ARRIVAL_LIMIT, "of {files} files, {found} arrived");
        if found < files {
            std::thread::sleep(PROBE_EVERY.max(looked.elapsed() * PROBE_SHARE));
        }
    }
    let took = began.elapsed();
    ensure_same(&target, &arrived)?;
    Ok((took, format!("{}: {files} file(s), {}", work.title(), mib(bytes))))
}

impl Work {
    fn name(self) -> &'static str {
        match self {
            Self::Large => "large",
            Self::Small => "small",
            Self::Source => "source",
        }
    }

    fn title(self) -> &'static str {
        match self {
            Self::Large => "from A to B, one large file",
            Self::Small => "from A to B, small files",
            Self::Source => "from A to B, a real source tree",
        }
    }

    /// How many times faster than plain Syncthing, and than it is through an encrypted device (issue 3, "Must reach").
    fn targets(self) -> (f64, f64) {
        match self {
            Self::Large => (1.0, 2.0),
            Self::Small => (4.0, 10.0),
            Self::Source => (5.0, 5.0),
        }
    }

    /// Makes it in `folder`; says how many files and bytes it is.
    fn make(self, folder: &Path, seed: u64) -> anyhow::Result<(usize, u64)> {
        match self {
            Self::Large => large_file(&folder.join("large.bin"), LARGE_FILE_BYTES, seed)?,
            Self::Small => small_files(folder, seed)?,
            Self::Source => copy_sources(&cargo_sources()?, folder)?,
        }
        total(folder)
    }
}

/// The sources of every crate that this machine has fetched.
fn cargo_sources() -> anyhow::Result<PathBuf> {
    let home = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    let home = home.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".cargo")));
    let sources = home.unwrap_or_default().join("registry/src");
    anyhow::ensure!(sources.is_dir(), "no crate's sources in {}", sources.display());
    Ok(sources)
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

/// Files below a folder under names of their own: what is not whole yet has another.
fn count(folder: &Path) -> usize {
    let Ok(items) = fs::read_dir(folder) else { return 0 };
    items
        .flatten()
        .map(|item| match item.file_type() {
            Ok(kind) if kind.is_dir() => count(&item.path()),
            Ok(_) if !item.file_name().to_string_lossy().starts_with(".syncthing.") => 1,
            _ => 0,
        })
        .sum()
}

fn total(folder: &Path) -> anyhow::Result<(usize, u64)> {
    let mut sum = (0, 0);
    for item in fs::read_dir(folder)? {
        let item = item?;
        let (files, bytes) =
            if item.file_type()?.is_dir() { total(&item.path())? } else { (1, item.metadata()?.len()) };
        sum = (sum.0 + files, sum.1 + bytes);
    }
    Ok(sum)
}
