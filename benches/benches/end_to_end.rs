//! What a person waits for, with real processes on loopback: upload, download, many small files, nothing changed, one byte
//! inserted; beside the disk's own limit and the peers that are installed, measured in the same run.
//!
//! `cargo bench -p vauban-benches --bench end_to_end` prints the table; `RUNS=n` repeats each fresh upload (3 by default).
#![allow(missing_docs, reason = "a program, not a library")]

use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use vauban_benches::disk::{median, sequential_write};
use vauban_benches::peers::Peer;
use vauban_benches::process::{Finished, high_water_bytes, run};
use vauban_benches::table::{Table, mib, mib_a_second, rate, seconds};
use vauban_benches::work::{LARGE_FILE_BYTES, insert_at_start, large_file, small_files};
use vauban_tests::agency::{Agency, utf8};
use vauban_tests::home::Home;
use vauban_tests::http::metric;
use vauban_tests::node::Node;

/// The metric that counts what a node receives of chunks.
const RECEIVED: &str = "vauban_uploaded_bytes_total";
const MIB: u64 = 1024 * 1024;

fn main() -> anyhow::Result<()> {
    // `cargo test --benches` runs this too, without wanting minutes of work.
    if !std::env::args().any(|argument| argument == "--bench") {
        return Ok(());
    }
    let runs = std::env::var("RUNS").ok().and_then(|runs| runs.parse().ok()).unwrap_or(3);
    let mut bench = Bench::begin()?;
    bench.large(runs)?;
    bench.small()?;
    bench.memory();
    println!("{}", bench.table.markdown());
    Ok(())
}

struct Bench {
    agency: Agency,
    node: Node,
    home: Home,
    table: Table,
    client_memory_bytes: u64,
}

impl Bench {
    fn begin() -> anyhow::Result<Self> {
        let (agency, node) = Agency::found()?;
        let home = agency.enrol("banc")?;
        Ok(Self { agency, node, home, table: Table::default(), client_memory_bytes: 0 })
    }

    /// W1 and W4: one file of 1 GiB.
    fn large(&mut self, runs: usize) -> anyhow::Result<()> {
        let folder = self.folder("large")?;
        let file = folder.join("large.bin");
        let (mut uploads, mut limits) = (Vec::new(), Vec::new());
        for run in 0..runs.max(1) {
            large_file(&file, LARGE_FILE_BYTES, run as u64)?;
            limits.push(sequential_write(self.agency.folder(), LARGE_FILE_BYTES, 1)?);
            uploads.push(self.sync(&space("large", run), &folder, true)?.wall);
            if run + 1 < runs {
                fs::remove_dir_all(&folder)?;
                fs::create_dir(&folder)?;
            }
        }
        let (upload, limit) = (median(uploads), median(limits));
        let ratio = limit.as_secs_f64() / upload.as_secs_f64();
        self.table.must(
            "1 GiB file uploaded durably",
            "≥ 0.45 of raw sequential write with fsync",
            format!("{ratio:.2} ({}, {})", seconds(upload), rate(LARGE_FILE_BYTES, upload)),
            format!("disk: {}", rate(LARGE_FILE_BYTES, limit)),
            ratio >= 0.45,
        );

        let last = space("large", runs.max(1) - 1);
        let read = self.cat(&last, "large.bin")?;
        self.table.must(
            "`vauban cat` of it, into a pipe",
            "≥ 300 MiB/s",
            format!("{} ({})", rate(LARGE_FILE_BYTES, read), seconds(read)),
            String::new(),
            mib_a_second(LARGE_FILE_BYTES, read) >= 300.0,
        );

        let peers = self.peers("large", &folder)?;
        self.table.note("1 GiB file, peers to a local folder", String::new(), told(&peers));
        insert_at_start(&file)?;
        let before = self.received()?;
        let again = self.sync(&last, &folder, false)?.wall;
        let sent = self.received()?.saturating_sub(before);
        let peers = peers
            .iter()
            .map(|(peer, repository, _)| {
                Ok((*peer, repository.clone(), peer.store(repository, &folder, "second")?.wall))
            })
            .collect::<anyhow::Result<Vec<_>>>()?;
        self.table.must(
            "one byte inserted at its start",
            "< 4 MiB sent, < 4 s",
            format!("{}, {}", mib(sent), seconds(again)),
            told(&peers),
            sent < 4 * MIB && again < Duration::from_secs(4),
        );
        fs::remove_dir_all(folder)?;
        Ok(())
    }

    /// W2: 10,000 files of 4 KiB.
    fn small(&mut self) -> anyhow::Result<()> {
        let folder = self.folder("small")?;
        small_files(&folder, 7)?;
        let upload = self.sync("small", &folder, true)?.wall;
        let peers = self.peers("small", &folder)?;
        self.table.must(
            "10,000 files of 4 KiB uploaded",
            "< 3 s",
            seconds(upload),
            told(&peers),
            upload < Duration::from_secs(3),
        );
        let nothing = self.sync("small", &folder, false)?.wall;
        self.table.must(
            "a second sync, nothing changed",
            "< 1 s",
            seconds(nothing),
            String::new(),
            nothing < Duration::from_secs(1),
        );
        let other = self.agency.add_device(&self.home, "banc-2")?;
        let restored = self.folder("small-restored")?;
        let mut command = other.command(&["sync", "small", &utf8(&restored)?, "--once"])?;
        let download = self.watched(run(&mut command)?).wall;
        self.table.note("10,000 files of 4 KiB restored on another device", seconds(download), String::new());
        Ok(())
    }

    fn memory(&mut self) {
        let node_bytes = high_water_bytes(self.node.id());
        let client_bytes = self.client_memory_bytes;
        let bounds = [("client", client_bytes, 200), ("node", node_bytes, 400)];
        for (who, bytes, bound) in bounds {
            let (what, must) = (format!("{who} memory, throughout"), format!("< {bound} MiB"));
            self.table.must(&what, &must, mib(bytes), String::new(), bytes < bound * MIB);
        }
    }

    fn folder(&self, name: &str) -> anyhow::Result<PathBuf> {
        let folder = self.agency.folder().join(name);
        fs::create_dir(&folder)?;
        Ok(folder)
    }

    fn sync(&mut self, space: &str, folder: &Path, is_new: bool) -> anyhow::Result<Finished> {
        if is_new {
            self.home.run(&["space", "create", space])?;
        }
        let mut command = self.home.command(&["sync", space, &utf8(folder)?, "--once"])?;
        Ok(self.watched(run(&mut command)?))
    }

    /// Reads a file through a pipe, to the end, and throws it away.
    fn cat(&mut self, space: &str, path: &str) -> anyhow::Result<Duration> {
        let mut command = self.home.command(&["cat", &format!("{space}:{path}")])?;
        let began = Instant::now();
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn()?;
        let mut pipe = child.stdout.take().context("no standard output")?;
        let mut block = vec![0; 256 * 1024];
        let mut total = 0u64;
        loop {
            let read = pipe.read(&mut block)?;
            if read == 0 {
                break;
            }
            total += read as u64;
            if total % (64 * MIB) < read as u64 {
                self.client_memory_bytes = self.client_memory_bytes.max(high_water_bytes(child.id()));
            }
        }
        anyhow::ensure!(child.wait()?.success() && total == LARGE_FILE_BYTES, "cat ended early, at {total} bytes");
        Ok(began.elapsed())
    }

    fn peers(&self, name: &str, folder: &Path) -> anyhow::Result<Vec<(Peer, PathBuf, Duration)>> {
        let mut times = Vec::new();
        for peer in Peer::installed() {
            let repository = self.agency.folder().join(format!("{}-{name}", peer.program()));
            peer.prepare(&repository)?;
            let wall = peer.store(&repository, folder, "first")?.wall;
            times.push((peer, repository, wall));
        }
        Ok(times)
    }

    fn watched(&mut self, finished: Finished) -> Finished {
        self.client_memory_bytes = self.client_memory_bytes.max(finished.memory_bytes);
        finished
    }

    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count of bytes")]
    fn received(&self) -> anyhow::Result<u64> {
        Ok(metric(self.node.web(), RECEIVED)? as u64)
    }
}

fn space(name: &str, run: usize) -> String {
    format!("{name}-{run}")
}

fn told(peers: &[(Peer, PathBuf, Duration)]) -> String {
    if peers.is_empty() {
        return "no peer is installed (restic, borg)".to_owned();
    }
    let told = peers.iter().map(|(peer, _, wall)| format!("{} {}", peer.program(), seconds(*wall)));
    told.collect::<Vec<_>>().join(", ")
}
