//! A link's page in a real browser: one file of 1 GiB, opened by the page's own code and saved by Chromium, while the browser's memory is looked
//! at; and the same link by `vauban link get`.
//!
//! `cargo bench -p vauban-benches --bench page` prints the table. `MIB=n` takes a file of another size than 1,024 MiB. Without Chromium and its
//! driver it says so.
#![allow(missing_docs, reason = "a program, not a library")]

use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use vauban_benches::process::{family_resident_bytes, run};
use vauban_benches::table::{Table, mib, mib_a_second, rate, seconds};
use vauban_benches::work::large_file;
use vauban_tests::agency::{Agency, utf8};
use vauban_tests::browser::Browser;

const FILE_MIB: u64 = 1024;
const PAGE_RATE_MIN: f64 = 100.0;
/// What the page may take beside an idle browser: a few chunks, and what Chromium holds of a download on its way to the disk.
const MEMORY_MAX: u64 = 256 << 20;
const LIMIT: Duration = Duration::from_secs(300);
const LOOK_EVERY: Duration = Duration::from_millis(20);

fn main() -> anyhow::Result<()> {
    // `cargo test --benches` runs this too, without wanting minutes of work.
    if !std::env::args().any(|argument| argument == "--bench") {
        return Ok(());
    }
    if !Browser::is_here()? {
        return Ok(());
    }
    let file_mib = std::env::var("MIB").ok().and_then(|number| number.parse().ok()).unwrap_or(FILE_MIB).max(1);
    let bytes = file_mib << 20;
    let agency = Agency::create()?;
    let home = agency.charter("node", &[])?;
    // Released here and bound again by the node.
    let page = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?;
    home.configure("# listen = \"127.0.0.1:9480\"", &format!("listen = \"{page}\""))?;
    home.configure("# origin = \"https://share.example.org\"", &format!("origin = \"http://{page}\""))?;
    let node = home.run()?;
    let alice = agency.enrol("alice")?;
    let folder = agency.folder().join("files");
    fs::create_dir(&folder)?;
    let file = folder.join("large.bin");
    large_file(&file, bytes, 5)?;
    alice.run(&["space", "create", "Banc"])?;
    alice.run(&["sync", "Banc", &utf8(&folder)?, "--once"])?;
    let url = alice.run(&["link", "create", "Banc:large.bin"])?.stdout.trim().to_owned();

    let mut table = Table::default();
    let got = agency.folder().join("got");
    let began = Instant::now();
    run(&mut alice.command(&["link", "get", &url, &utf8(&got)?])?)?;
    let by_client = began.elapsed();
    anyhow::ensure!(is_same(&file, &got.join("large.bin"))?, "`link get` has brought something else");
    fs::remove_dir_all(&got)?;

    let browser = Browser::start(&agency.folder().join("browser"))?;
    browser.open(&url.replace("/#", "/?lang=en#"))?;
    browser.sees("1 file,")?;
    let idle = family_resident_bytes(browser.process());
    let began = Instant::now();
    browser.click("#all")?;
    let saved = browser.downloads().join("large.bin");
    let mut peak = idle;
    while !saved.is_file() {
        anyhow::ensure!(began.elapsed() < LIMIT, "the page did not end: {}", browser.text("body")?);
        peak = peak.max(family_resident_bytes(browser.process()));
        thread::sleep(LOOK_EVERY);
    }
    let by_page = began.elapsed();
    anyhow::ensure!(is_same(&file, &saved)?, "the page has saved something else");
    let reached = mib_a_second(bytes, by_page);
    table.must(
        &format!("{file_mib} MiB by a link's page in headless Chromium"),
        "≥ 100 MiB/s",
        format!("{} ({})", rate(bytes, by_page), seconds(by_page)),
        format!("`vauban link get`: {}", rate(bytes, by_client)),
        reached >= PAGE_RATE_MIN,
    );
    let more = peak.saturating_sub(idle);
    table.must(
        "memory that Chromium takes for it, all processes",
        "flat: < 256 MiB more than idle",
        format!("{} more", mib(more)),
        format!("idle: {}", mib(idle)),
        more < MEMORY_MAX,
    );
    println!("{}", table.markdown());
    node.stop()?;
    Ok(())
}

fn is_same(one: &Path, other: &Path) -> anyhow::Result<bool> {
    let hash = |path: &Path| -> anyhow::Result<blake3::Hash> {
        let mut hasher = blake3::Hasher::new();
        hasher.update_reader(fs::File::open(path).with_context(|| path.display().to_string())?)?;
        Ok(hasher.finalize())
    };
    Ok(hash(one)? == hash(other)?)
}
