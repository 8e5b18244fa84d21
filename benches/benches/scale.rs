//! Many: a million entries, ten thousand files at once, fifty devices; real clients and one real node on loopback.
//!
//! `cargo bench -p vauban-benches --bench scale` prints the table. `ENTRIES=n` takes another number than a million, `DEVICES=n` another
//! than 50, `SECONDS=n` lets them save for longer than a minute; `ONLY=carry,rename,many,devices` chooses parts.
#![allow(missing_docs, reason = "a program, not a library")]

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use tokio::runtime::Handle;
use vauban_benches::disk::percentile;
use vauban_benches::process::{high_water_bytes, loopback_bytes, resident_bytes, run};
use vauban_benches::table::{Table, kib, mib, milliseconds, seconds};
use vauban_benches::work::{SMALL_FILES, bytes_of, count_files, many_files, small_files};
use vauban_client::keys::PassphraseSource;
use vauban_client::session::Session;
use vauban_client::state::Home as ClientHome;
use vauban_client::sync::{OpenSpace, Quiet, Watcher, choose, put, spaces};
use vauban_client::tree::TreePath;
use vauban_tests::agency::{Agency, utf8};
use vauban_tests::home::Home;
use vauban_tests::process::Running;
use vauban_tests::wait;

const ENTRIES: usize = 1_000_000;
const DEVICES: usize = 50;
const SECONDS: usize = 60;
/// How often each device saves.
const SAVES_EVERY: Duration = Duration::from_secs(30);
const SAVED_BYTES: usize = 16 * 1024;
const MIB: u64 = 1024 * 1024;
/// Longest that one step may take before the bench gives up.
const LIMIT: Duration = Duration::from_secs(3600);
const PLAN_MAX: Duration = Duration::from_secs(20);
const IDLE_BYTES_MAX: u64 = 300 * MIB;
const ONE_MAX: Duration = Duration::from_secs(1);
const RENAME_BYTES_MAX: u64 = 10 * 1024;
/// How often the files on the other side are counted.
const COUNT_EVERY: Duration = Duration::from_millis(50);
/// A quarter of what Syncthing took for the same, both watching (`shared/design/peers.md`).
const CARRY_MAX: Duration = Duration::from_millis(3150);

fn main() -> anyhow::Result<()> {
    // `cargo test --benches` runs this too, without wanting minutes of work.
    if !std::env::args().any(|argument| argument == "--bench") {
        return Ok(());
    }
    let only = std::env::var("ONLY").ok();
    let wants = |part: &str| only.as_deref().is_none_or(|only| only.split(',').any(|chosen| chosen == part));
    let mut table = Table::default();
    if wants("carry") || wants("rename") {
        carried(&mut table, wants("rename"))?;
    }
    if wants("many") {
        many(&mut table, chosen("ENTRIES", ENTRIES))?;
    }
    if wants("devices") {
        devices(&mut table, chosen("DEVICES", DEVICES), chosen("SECONDS", SECONDS))?;
    }
    println!("{}", table.markdown());
    Ok(())
}

fn chosen(name: &str, usual: usize) -> usize {
    std::env::var(name).ok().and_then(|number| number.parse().ok()).unwrap_or(usual).max(1)
}

/// Two devices of one person that sync a folder each with one space.
struct Pair {
    agency: Agency,
    _node: vauban_tests::node::Node,
    one: Home,
    other: Home,
    here: PathBuf,
    there: PathBuf,
}

impl Pair {
    fn new() -> anyhow::Result<Self> {
        let (agency, node) = Agency::found()?;
        let one = agency.enrol("banc")?;
        let other = agency.add_device(&one, "banc-2")?;
        one.run(&["space", "create", "Projets"])?;
        let (here, there) = (agency.folder().join("here"), agency.folder().join("there"));
        fs::create_dir(&here)?;
        fs::create_dir(&there)?;
        Ok(Self { agency, _node: node, one, other, here, there })
    }

    /// Both begin to watch, and have nothing left to do.
    fn watch(&self) -> anyhow::Result<(Running, Running)> {
        Ok((watch(&self.one, &self.here)?, watch(&self.other, &self.there)?))
    }
}

fn watch(device: &Home, folder: &Path) -> anyhow::Result<Running> {
    let mut running = device.start(&["--json", "sync", "Projets", &utf8(folder)?, "--watch"])?;
    running.line("{\"event\":\"synced\"", LIMIT)?;
    Ok(running)
}

/// 10,000 files of 4 KiB moved in at once on one device, until the last is whole on the other; then their folder renamed.
fn carried(table: &mut Table, renames: bool) -> anyhow::Result<()> {
    let pair = Pair::new()?;
    let made = pair.agency.folder().join("made");
    fs::create_dir(&made)?;
    small_files(&made, 7)?;
    let _watching = pair.watch()?;
    let began = Instant::now();
    fs::rename(&made, pair.here.join("made"))?;
    let there = pair.there.join("made");
    wait::until("all files on the other side", LIMIT, || {
        // Counting takes its share of the machine, too.
        std::thread::sleep(COUNT_EVERY);
        Ok((count_files(&there) == SMALL_FILES).then_some(()))
    })?;
    let took = began.elapsed();
    table.must(
        "10,000 files of 4 KiB from one device to the other, both watching",
        "< 3.15 s",
        seconds(took),
        String::new(),
        took < CARRY_MAX,
    );
    if !renames {
        return Ok(());
    }
    settled(&pair)?;
    let (before, began) = (loopback_bytes()?, Instant::now());
    fs::rename(pair.here.join("made"), pair.here.join("renamed"))?;
    let renamed = pair.there.join("renamed");
    wait::until("the renamed folder on the other side", LIMIT, || Ok(renamed.exists().then_some(())))?;
    let (took, bytes) = (began.elapsed(), loopback_bytes()?.saturating_sub(before));
    anyhow::ensure!(count_files(&renamed) == SMALL_FILES, "the folder did not arrive whole");
    table.must(
        "a folder of 10,000 files renamed, until it is on the other device",
        "< 1 s, < 10 KiB sent",
        format!("{}, {}", milliseconds(took), kib(bytes)),
        "bytes: all that went over loopback, both devices and both ways".to_owned(),
        took < ONE_MAX && bytes < RENAME_BYTES_MAX,
    );
    Ok(())
}

/// Waits until a small change passes at once: nothing is under way any more.
fn settled(pair: &Pair) -> anyhow::Result<()> {
    for number in 0..3 {
        one_change(pair, &format!("settled-{number}"))?;
    }
    Ok(())
}

/// One file of 1 KiB, created on one device, until it is whole on the other.
fn one_change(pair: &Pair, name: &str) -> anyhow::Result<Duration> {
    let mut content = vec![0; 1024];
    bytes_of(name.len() as u64).fill(&mut content);
    let (from, to) = (pair.here.join(name), pair.there.join(name));
    let began = Instant::now();
    fs::write(from, &content)?;
    wait::until(name, LIMIT, || Ok(fs::read(&to).is_ok_and(|is| is == content).then_some(())))?;
    Ok(began.elapsed())
}

/// A million entries: files without content, a thousand to a folder.
fn many(table: &mut Table, entries: usize) -> anyhow::Result<()> {
    let pair = Pair::new()?;
    many_files(&pair.here, entries)?;
    let (here, there) = (utf8(&pair.here)?, utf8(&pair.there)?);
    let plan = run(&mut pair.one.command(&["--json", "sync", "Projets", &here, "--dry-run"])?)?;
    table.must(
        &format!("first plan of {entries} entries"),
        "< 20 s",
        seconds(plan.wall),
        format!("at most {}", mib(plan.memory_bytes)),
        plan.wall < PLAN_MAX,
    );
    let first = run(&mut pair.one.command(&["sync", "Projets", &here, "--once"])?)?;
    table.note("all of them sent", seconds(first.wall), format!("at most {}", mib(first.memory_bytes)));
    let again = run(&mut pair.one.command(&["sync", "Projets", &here, "--once"])?)?;
    table.note("a second sync, nothing changed", seconds(again.wall), format!("at most {}", mib(again.memory_bytes)));
    let second = run(&mut pair.other.command(&["sync", "Projets", &there, "--once"])?)?;
    table.note("all of them on another device", seconds(second.wall), format!("at most {}", mib(second.memory_bytes)));

    one_member_more(table, &pair, entries)?;
    let (one, other) = pair.watch()?;
    let changes =
        (0..5).map(|number| one_change(&pair, &format!("change-{number}"))).collect::<anyhow::Result<Vec<_>>>()?;
    let slowest = percentile(&changes, 100);
    table.must(
        "one change then, until it is on the other device: the slowest of five",
        "< 1 s",
        milliseconds(slowest),
        String::new(),
        slowest < ONE_MAX,
    );
    let gone = Instant::now();
    fs::remove_file(pair.here.join("change-0"))?;
    let left = pair.there.join("change-0");
    wait::until("a removal", LIMIT, || Ok((!left.exists()).then_some(())))?;
    table.note("one removal", milliseconds(gone.elapsed()), String::new());
    let idle = resident_bytes(one.id()).max(resident_bytes(other.id()));
    table.must(
        "client memory, idle, with that many entries",
        "< 300 MiB",
        mib(idle),
        format!("at most {}", mib(high_water_bytes(one.id()).max(high_water_bytes(other.id())))),
        idle < IDLE_BYTES_MAX,
    );
    Ok(())
}

/// Keys move, not data: what one more member costs, the whole command from its start to its end.
fn one_member_more(table: &mut Table, pair: &Pair, entries: usize) -> anyhow::Result<()> {
    pair.agency.enrol("nouvelle")?;
    let before = loopback_bytes()?;
    let added = run(&mut pair.one.command(&["space", "add", "Projets", "nouvelle"])?)?;
    let bytes = loopback_bytes()?.saturating_sub(before);
    table.must(
        &format!("a member added to a space of {entries} entries, the whole command"),
        "< 1 s",
        milliseconds(added.wall),
        format!("{}, at most {}", kib(bytes), mib(added.memory_bytes)),
        added.wall < ONE_MAX,
    );
    Ok(())
}

/// Devices that each save a file every half minute, in one space: light ones, in this process, with the client's own code.
fn devices(table: &mut Table, count: usize, for_seconds: usize) -> anyhow::Result<()> {
    let (agency, _node) = Agency::found()?;
    let first = agency.enrol("banc")?;
    first.run(&["space", "create", "Projets"])?;
    let mut homes = vec![first];
    for number in 1..count {
        let next = agency.add_device(homes.first().context("the first")?, &format!("light-{number}"))?;
        homes.push(next);
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let until = Instant::now() + Duration::from_secs(for_seconds as u64) + Duration::from_secs(count as u64 / 4);
    let taken = Arc::new(Mutex::new(Vec::new()));
    let mut threads = Vec::new();
    for (number, home) in homes.iter().enumerate() {
        let (home, taken, handle) = (home.clone(), Arc::clone(&taken), runtime.handle().clone());
        let phase = SAVES_EVERY.mul_f64(unit(number, count));
        let file = agency.folder().join(format!("saved-{number}"));
        threads.push(std::thread::spawn(move || save_again_and_again(&home, &handle, &file, phase, until, &taken)));
    }
    for thread in threads {
        thread.join().map_err(|_| anyhow::anyhow!("a device ended early"))??;
    }
    let taken = taken.lock().map_err(|_| anyhow::anyhow!("a device ended early"))?;
    let (median, p99) = (percentile(&taken, 50), percentile(&taken, 99));
    table.must(
        &format!("{count} devices that save in one space every 30 s: a save's commit"),
        "p99 < 1 s",
        format!("median {}, p99 {}", milliseconds(median), milliseconds(p99)),
        format!("{} saves", taken.len()),
        p99 < ONE_MAX,
    );
    Ok(())
}

#[expect(clippy::cast_precision_loss, reason = "a share of half a minute")]
fn unit(number: usize, count: usize) -> f64 {
    number as f64 / count as f64
}

/// One device: opens its keys, connects, and writes a new version every half minute.
fn save_again_and_again(
    home: &Home,
    runtime: &Handle,
    file: &Path,
    phase: Duration,
    until: Instant,
    taken: &Mutex<Vec<Duration>>,
) -> anyhow::Result<()> {
    let passphrase = PassphraseSource::File(home.passphrase_file().to_owned()).read("")?;
    let session = Session::open(ClientHome::at(Some(home.folder().to_owned())), &passphrase).map_err(told)?;
    let device = Arc::new(session);
    let link = runtime.block_on(device.connect()).map_err(told)?;
    let known = spaces(&link, runtime, &device)?;
    let space = choose("Projets", &known).map_err(|_| anyhow::anyhow!("no such space"))?.id;
    let mut space = OpenSpace::open(link, runtime.clone(), device, space)?;
    let watcher: Arc<dyn Watcher> = Arc::new(Quiet);
    let name = file.file_name().and_then(|name| name.to_str()).context("a name")?.to_owned();
    let to = TreePath::parse(&name)?;
    let mut content = vec![0; SAVED_BYTES];
    let mut next = Instant::now() + phase;
    for number in 0.. {
        if next >= until {
            break;
        }
        std::thread::sleep(next.saturating_duration_since(Instant::now()));
        next += SAVES_EVERY;
        blake3::Hasher::new().update(name.as_bytes()).update(&[number]).finalize_xof().fill(&mut content);
        fs::write(file, &content)?;
        let began = Instant::now();
        let summary = put(&mut space, file, &to, &watcher)?.map_err(|error| anyhow::anyhow!("{error}"))?;
        anyhow::ensure!(summary.commits == 1, "a save was not committed");
        taken.lock().map_err(|_| anyhow::anyhow!("a device ended early"))?.push(began.elapsed());
    }
    Ok(())
}

fn told(failure: vauban_client::failure::Failure) -> anyhow::Error {
    anyhow::anyhow!("{failure:?}")
}
