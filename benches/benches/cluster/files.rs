//! Files of three sizes, up and down: `vauban sync --once` from its start to its end, each time acknowledged by a majority.

use std::fs;
use std::io::Read as _;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use vauban_benches::disk::sequential_write;
use vauban_benches::peers::Peer;
use vauban_benches::process::run;
use vauban_benches::table::{mib_a_second, rate, seconds};
use vauban_benches::work::{
    LARGE_FILE_BYTES, MEDIUM_FILE_BYTES, MEDIUM_FILES, SMALL_FILES, count_files, large_file, numbered_files,
    small_files,
};
use vauban_tests::agency::utf8;

use crate::Bench;

/// Three times what rclone crypt on Garage took in (45 MiB/s), and what it gave back from the page cache, in MiB a second.
const LARGE_UP_MIN: f64 = 135.0;
const LARGE_DOWN_MIN: f64 = 544.0;
/// What restic's packs on Garage took, which is less than an eighth of plain Garage's 30 s, with delayed acknowledgements off; and a third
/// of what the latter took to give them back (6.6 s).
const SMALL_UP_MAX: Duration = Duration::from_millis(2200);
const SMALL_DOWN_MAX: Duration = Duration::from_millis(2200);
/// A quarter of what Garage took (12.3 s).
const MEDIUM_UP_MAX: Duration = Duration::from_millis(3075);
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
    let down = cat(bench, "large:large.bin")?;
    let peers = peers(bench, "large", &folder)?;
    let disk = rate(LARGE_FILE_BYTES, limit);
    bench.table.must(
        "1 GiB file up",
        "≥ 135 MiB/s: 3 × rclone crypt on Garage",
        format!("{} ({})", rate(LARGE_FILE_BYTES, up), seconds(up)),
        format!("disk, written once: {disk}; {}", told(&peers, |beside| beside.up)),
        mib_a_second(LARGE_FILE_BYTES, up) >= LARGE_UP_MIN,
    );
    bench.table.must(
        "1 GiB file down, into a pipe",
        "≥ 544 MiB/s: rclone crypt on Garage, from its cache",
        format!("{} ({})", rate(LARGE_FILE_BYTES, down), seconds(down)),
        told(&peers, |beside| beside.down),
        mib_a_second(LARGE_FILE_BYTES, down) >= LARGE_DOWN_MIN,
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
    bench.table.must(
        "10,000 files of 4 KiB up",
        "≤ 2.2 s: restic on Garage; 8 × plain Garage is 3.75 s",
        seconds(up),
        told(&peers, |beside| beside.up),
        up <= SMALL_UP_MAX,
    );
    bench.table.must(
        "10,000 files of 4 KiB down",
        "≤ 2.2 s: 3 × plain Garage",
        seconds(down),
        told(&peers, |beside| beside.down),
        down <= SMALL_DOWN_MAX,
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
    bench.table.must(
        "2,000 files of 160 KiB up",
        "≤ 3.1 s: 4 × plain Garage",
        format!("{} ({})", seconds(up), rate(bytes, up)),
        format!("disk, written once: {}; {}", seconds(limit), told(&peers, |beside| beside.up)),
        up <= MEDIUM_UP_MAX,
    );
    bench.table.note("2,000 files of 160 KiB down", seconds(down), told(&peers, |beside| beside.down));
    Ok(fs::remove_dir_all(folder)?)
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

/// Reads a file through a pipe, to the end, and throws it away.
fn cat(bench: &Bench, path: &str) -> anyhow::Result<Duration> {
    let began = Instant::now();
    let mut child = bench.home.command(&["cat", path])?.stdin(Stdio::null()).stdout(Stdio::piped()).spawn()?;
    let mut pipe = child.stdout.take().context("no standard output")?;
    let (mut block, mut total) = (vec![0; BLOCK_BYTES], 0u64);
    loop {
        match pipe.read(&mut block)? {
            0 => break,
            read => total += read as u64,
        }
    }
    anyhow::ensure!(child.wait()?.success() && total == LARGE_FILE_BYTES, "cat ended early, at {total} bytes");
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
