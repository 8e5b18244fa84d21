//! A cluster: three nodes at three sites, three copies of everything, real processes on loopback, one disk. Files up and down, commits,
//! the leader lost, a node's disk emptied.
//!
//! `cargo bench -p vauban-benches --bench cluster` prints the table; `ONLY=large,small,medium,latency,rate,leader,repair` chooses parts.
//! A Garage of three nodes is the peer that the bounds come from: where it and rclone are installed it is measured in the same run, else its
//! figures of another day and another machine stand for it. Beside it the disk, restic and borg, to a local folder: one copy.
#![allow(missing_docs, reason = "a program, not a library")]

mod commits;
mod files;
mod garage;
mod losses;
mod writer;

use std::path::PathBuf;

use vauban_benches::table::Table;
use vauban_tests::agency::Agency;
use vauban_tests::home::{COMMAND_LIMIT, Home};
use vauban_tests::http::metric;
use vauban_tests::node::Node;
use vauban_tests::wait;

use crate::garage::TRANSFERS;

/// Nodes, and sites: each partition has three copies.
const NODES: usize = 3;
/// Chunks that a node holds, and their bytes.
const CHUNKS: &str = "vauban_chunks";
const CHUNK_BYTES: &str = "vauban_chunk_bytes";

/// One part of the bench.
type Part = fn(&mut Bench) -> anyhow::Result<()>;

fn main() -> anyhow::Result<()> {
    // `cargo test --benches` runs this too, without wanting minutes of work.
    if !std::env::args().any(|argument| argument == "--bench") {
        return Ok(());
    }
    let only = std::env::var("ONLY").ok();
    let wants = |part: &str| only.as_deref().is_none_or(|only| only.split(',').any(|chosen| chosen == part));
    let mut bench = Bench::begin()?;
    let parts: [(&str, Part); 7] = [
        ("large", files::large),
        ("small", files::small),
        ("medium", files::medium),
        ("latency", commits::latency),
        ("rate", commits::rate),
        ("leader", losses::leader),
        ("repair", losses::repair),
    ];
    for (_, measure) in parts.into_iter().filter(|(part, _)| wants(part)) {
        measure(&mut bench)?;
    }
    println!("{}", bench.table.markdown());
    match &bench.garage {
        Some(version) => println!("Garage {version}, three nodes, by rclone {TRANSFERS} files at once."),
        None => println!("No Garage and rclone are installed: the bounds are of another day and another machine."),
    }
    Ok(())
}

/// A cluster whose layout has settled, and a person's device.
struct Bench {
    agency: Agency,
    nodes: Vec<Node>,
    home: Home,
    table: Table,
    /// The version of Garage that is installed.
    garage: Option<String>,
}

impl Bench {
    fn begin() -> anyhow::Result<Self> {
        let (agency, nodes) = Agency::with_nodes(NODES)?;
        for node in &nodes {
            wait::until("the layout to settle", COMMAND_LIMIT, || {
                Ok((metric(node.web(), "vauban_layout_waiting_nodes")? == 0.0).then_some(()))
            })?;
        }
        let home = agency.enrol("banc")?;
        Ok(Self { agency, nodes, home, table: Table::default(), garage: garage::version() })
    }

    fn folder(&self, name: &str) -> anyhow::Result<PathBuf> {
        let folder = self.agency.folder().join(name);
        std::fs::create_dir(&folder)?;
        Ok(folder)
    }

    /// Waits until every node has every copy; how many.
    fn complete(&self) -> anyhow::Result<f64> {
        wait::until("every copy", COMMAND_LIMIT, || {
            let held: Vec<f64> = self.held()?;
            let most = held.iter().copied().fold(0.0, f64::max);
            Ok(held.iter().all(|held| *held >= most).then_some(most))
        })
    }

    /// How many chunks each node holds.
    fn held(&self) -> anyhow::Result<Vec<f64>> {
        self.nodes.iter().map(|node| metric(node.web(), CHUNKS)).collect()
    }
}
