//! Files of three sizes, up and down: `vauban sync --once` from its start to its end, each time acknowledged by a majority.

use std::fs;
use std::io::Read as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use vauban_benches::disk::sequential_write;
use vauban_benches::peers::Peer;
use vauban_benches::process::run;
use vauban_benches::table::{rate, seconds};
use vauban_benches::work::{
    LARGE_FILE_BYTES, MEDIUM_FILE_BYTES, MEDIUM_FILES, SMALL_FILES, count_files, large_file, numbered_files,
    small_files,
};
use vauban_tests::agency::utf8;

use crate::Bench;
use crate::garage::{Garage, Remote};

/// How many times a peer's rate ours must reach; and what the peer took on another day and another machine, which stands for it where
/// it is not installed.
struct Bound {
    times: f64,
    once: Duration,
}

/// 1 GiB by rclone crypt on Garage: up, and down from the page cache.
const LARGE_UP: Bound = Bound { times: 3.0, once: Duration::from_millis(22_500) };
const LARGE_DOWN: Bound = Bound { times: 1.0, once: Duration::from_millis(1_900) };
/// 10,000 files of 4 KiB by rclone on plain Garage, up and down, with acknowledgements at once; and up by restic's packs on it.
const SMALL_UP: Bound = Bound { times: 8.0, once: Duration::from_millis(30_000) };
const SMALL_UP_RESTIC: Bound = Bound { times: 1.0, once: Duration::from_millis(2_200) };
const SMALL_DOWN: Bound = Bound { times: 3.0, once: Duration::from_millis(6_600) };
/// 2,000 files of 160 KiB by rclone on plain Garage.
const MEDIUM_UP: Bound = Bound { times: 4.0, once: Duration::from_millis(12_300) };
/// Bytes read from a pipe at once.
const BLOCK_BYTES: usize = 256 * 1024;

/// What a peer took for the same folder.
struct Beside {
    peer: Peer,
    up: Duration,
    down: Duration,
}

/// One file of 1 GiB.
pub(crate) fn large(bench: &mut Bench) -> anyhow::Result<()> {
    let folder = bench.folder("large")?;
    large_file(&folder.join("large.bin"), LARGE_FILE_BYTES, 1)?;
    let limit = sequential_write(bench.agency.folder(), LARGE_FILE_BYTES, 3)?;
    let up = upload(bench, "large", &folder)?;
    let down = drain(bench.home.command(&["cat", "large:large.bin"])?)?;
    let peers = peers(bench, "large", &folder)?;
    let garage = on_garage(bench, |garage, _| {
        let up = garage.store(Remote::Crypt, &folder, "large")?;
        Ok((up, drain(garage.cat(Remote::Crypt, "large", "large.bin"))?))
    })?;
    let (their_up, their_down) = garage.unzip();
    bench.table.must(
        "1 GiB file up",
        &LARGE_UP.told("rclone crypt on Garage"),
        format!("{} ({}){}", rate(LARGE_FILE_BYTES, up), seconds(up), times(up, their_up)),
        format!(
            "disk, written once: {}; {}; rclone crypt on Garage {}",
            rate(LARGE_FILE_BYTES, limit),
            told(&peers, |beside| beside.up),
            took(their_up)
        ),
        LARGE_UP.is_reached(up, their_up),
    );
    bench.table.must(
        "1 GiB file down, into a pipe",
        &LARGE_DOWN.told("rclone crypt on Garage, from its cache"),
        format!("{} ({}){}", rate(LARGE_FILE_BYTES, down), seconds(down), times(down, their_down)),
        format!("{}; rclone crypt on Garage {}", told(&peers, |beside| beside.down), took(their_down)),
        LARGE_DOWN.is_reached(down, their_down),
    );
    Ok(fs::remove_dir_all(folder)?)
}

/// 10,000 files of 4 KiB.
pub(crate) fn small(bench: &mut Bench) -> anyhow::Result<()> {
    let folder = bench.folder("small")?;
    small_files(&folder, 7)?;
    let up = upload(bench, "small", &folder)?;
    let down = download(bench, "small", SMALL_FILES)?;
    let peers = peers(bench, "small", &folder)?;
    let garage = on_garage(bench, |garage, there| {
        let up = garage.store(Remote::Plain, &folder, "small")?;
        let down = garage.restore(Remote::Plain, "small", &there.join("plain"))?;
        Ok((up, (down, garage.by_restic(&folder, "small", &there.join("restic"))?)))
    })?;
    let (their_up, rest) = garage.unzip();
    let (their_down, (restic_up, restic_down)) = (rest.map(|(down, _)| down), rest.map(|(_, restic)| restic).unzip());
    bench.table.must(
        "10,000 files of 4 KiB up",
        &format!("{}; {}", SMALL_UP.told("plain Garage"), SMALL_UP_RESTIC.told("restic on Garage")),
        format!("{}{}", seconds(up), times(up, their_up)),
        format!(
            "{}; rclone on Garage {}; restic on Garage {}",
            told(&peers, |beside| beside.up),
            took(their_up),
            took(restic_up)
        ),
        SMALL_UP.is_reached(up, their_up) && SMALL_UP_RESTIC.is_reached(up, restic_up),
    );
    bench.table.must(
        "10,000 files of 4 KiB down",
        &SMALL_DOWN.told("plain Garage"),
        format!("{}{}", seconds(down), times(down, their_down)),
        format!(
            "{}; rclone on Garage {}; restic on Garage {}",
            told(&peers, |beside| beside.down),
            took(their_down),
            took(restic_down)
        ),
        SMALL_DOWN.is_reached(down, their_down),
    );
    Ok(fs::remove_dir_all(folder)?)
}

/// 2,000 files of 160 KiB.
pub(crate) fn medium(bench: &mut Bench) -> anyhow::Result<()> {
    let folder = bench.folder("medium")?;
    numbered_files(&folder, MEDIUM_FILES, MEDIUM_FILE_BYTES, 9)?;
    let bytes = (MEDIUM_FILES * MEDIUM_FILE_BYTES) as u64;
    let limit = sequential_write(bench.agency.folder(), bytes, 3)?;
    let up = upload(bench, "medium", &folder)?;
    let down = download(bench, "medium", MEDIUM_FILES)?;
    let peers = peers(bench, "medium", &folder)?;
    let garage = on_garage(bench, |garage, there| {
        let up = garage.store(Remote::Plain, &folder, "medium")?;
        Ok((up, garage.restore(Remote::Plain, "medium", &there.join("plain"))?))
    })?;
    let (their_up, their_down) = garage.unzip();
    bench.table.must(
        "2,000 files of 160 KiB up",
        &MEDIUM_UP.told("plain Garage"),
        format!("{} ({}){}", seconds(up), rate(bytes, up), times(up, their_up)),
        format!(
            "disk, written once: {}; {}; rclone on Garage {}",
            seconds(limit),
            told(&peers, |beside| beside.up),
            took(their_up)
        ),
        MEDIUM_UP.is_reached(up, their_up),
    );
    bench.table.note(
        "2,000 files of 160 KiB down",
        format!("{}{}", seconds(down), times(down, their_down)),
        format!("{}; rclone on Garage {}", told(&peers, |beside| beside.down), took(their_down)),
    );
    Ok(fs::remove_dir_all(folder)?)
}

impl Bound {
    fn told(&self, peer: &str) -> String {
        let Self { times, once } = self;
        format!("≥ {times} × {peer} ({} where it was measured first)", seconds(*once))
    }

    /// Beside what the peer took in this run, if it did.
    fn is_reached(&self, ours: Duration, theirs: Option<Duration>) -> bool {
        ours.mul_f64(self.times) <= theirs.unwrap_or(self.once)
    }
}

/// How many times as fast as the peer.
fn times(ours: Duration, theirs: Option<Duration>) -> String {
    theirs.map_or_else(String::new, |theirs| format!(": {:.1} ×", theirs.as_secs_f64() / ours.as_secs_f64()))
}

fn took(theirs: Option<Duration>) -> String {
    theirs.map_or_else(|| "is not installed".to_owned(), seconds)
}

/// What is measured on a Garage of three nodes, and in a folder for what it gives back, where it is installed.
fn on_garage<T>(bench: &Bench, measure: impl FnOnce(&Garage, &Path) -> anyhow::Result<T>) -> anyhow::Result<Option<T>> {
    if bench.garage.is_none() {
        return Ok(None);
    }
    let (folder, there) = (bench.folder("garage")?, bench.folder("garage-there")?);
    let measured = match Garage::start(&folder) {
        Ok(garage) => Some(measure(&garage, &there)?),
        Err(error) => {
            println!("Garage is installed, and was not measured: {error:#}");
            None
        }
    };
    fs::remove_dir_all(folder)?;
    fs::remove_dir_all(there)?;
    Ok(measured)
}

fn upload(bench: &Bench, space: &str, folder: &Path) -> anyhow::Result<Duration> {
    bench.home.run(&["space", "create", space])?;
    Ok(run(&mut bench.home.command(&["sync", space, &utf8(folder)?, "--once"])?)?.wall)
}

/// All of a space, on another device, once every node has its copies.
fn download(bench: &Bench, space: &str, files: usize) -> anyhow::Result<Duration> {
    let other = bench.agency.add_device(&bench.home, &format!("banc-{space}"))?;
    let folder = bench.folder(&format!("{space}-there"))?;
    bench.complete()?;
    let took = run(&mut other.command(&["sync", space, &utf8(&folder)?, "--once"])?)?.wall;
    anyhow::ensure!(count_files(&folder) >= files, "not all files came");
    fs::remove_dir_all(folder)?;
    Ok(took)
}

/// Reads 1 GiB that a command writes into a pipe, to the end, and throws it away.
fn drain(mut command: Command) -> anyhow::Result<Duration> {
    let began = Instant::now();
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn()?;
    let mut pipe = child.stdout.take().context("no standard output")?;
    let (mut block, mut total) = (vec![0; BLOCK_BYTES], 0u64);
    loop {
        match pipe.read(&mut block)? {
            0 => break,
            read => total += read as u64,
        }
    }
    anyhow::ensure!(child.wait()?.success() && total == LARGE_FILE_BYTES, "{command:?} ended early, at {total} bytes");
    Ok(began.elapsed())
}

fn peers(bench: &Bench, name: &str, folder: &Path) -> anyhow::Result<Vec<Beside>> {
    let mut all = Vec::new();
    for peer in Peer::installed() {
        let repository = bench.agency.folder().join(format!("{}-{name}", peer.program()));
        peer.prepare(&repository)?;
        let up = peer.store(&repository, folder, "first")?.wall;
        let restored = bench.folder(&format!("{}-{name}-there", peer.program()))?;
        let down = peer.restore(&repository, "first", &restored)?.wall;
        fs::remove_dir_all(restored)?;
        fs::remove_dir_all(repository)?;
        all.push(Beside { peer, up, down });
    }
    Ok(all)
}

fn told(peers: &[Beside], took: impl Fn(&Beside) -> Duration) -> String {
    if peers.is_empty() {
        return "no peer is installed (restic, borg)".to_owned();
    }
    let told = peers.iter().map(|beside| format!("{} {}", beside.peer.program(), seconds(took(beside))));
    told.collect::<Vec<_>>().join(", ")
}
