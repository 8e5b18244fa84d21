//! A leader whose clock jumps ahead by more than a retention. By Debian's libfaketime; without it, the test says that it is skipped.

use std::fs;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::Context;
use vauban_protocol::time::Timestamp;
use vauban_tests::agency::Agency;
use vauban_tests::clock::{Clock, NOW};
use vauban_tests::folder::{self, noise};
use vauban_tests::home::COMMAND_LIMIT;
use vauban_tests::http::metric;
use vauban_tests::node::Node;
use vauban_tests::wait;

use super::look::{leader, settled};
use crate::device::{Device, only_space};
use crate::replicas::{self, complete};
use crate::slice::sync;

/// Longer than released chunks are kept, and within what certificates allow.
const LATER: &str = "+40d";
/// Seconds that one tick may move cluster time by.
const STEP_SECONDS: f64 = 120.0;
/// Files, and bytes of each.
const FILES: (u64, usize) = (10, 100_000);

/// Everything was released and that was seen, when the leader says that it is forty days later. Fails if anything is purged, if old
/// promises end by it, or if cluster time follows by more than its leash.
#[test]
fn leader_clock_jump_purges_nothing() -> anyhow::Result<()> {
    let agency = Agency::create()?;
    let Some(clock) = Clock::new(agency.folder())? else { return Ok(()) };
    let mut nodes = with_first_under(&agency, &clock)?;
    let laptop = agency.enrol("alice")?;
    let desktop = agency.add_device(&laptop, "desktop")?;
    let (here, there) = (agency.folder().join("here"), agency.folder().join("there"));
    fs::create_dir_all(&there)?;
    laptop.run(&["space", "create", "Projets"])?;
    for number in 0..FILES.0 {
        folder::write(&here, &number.to_string(), &noise(number, FILES.1))?;
    }
    sync(&laptop, &here)?;
    sync(&desktop, &there)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let released = runtime.block_on(async {
        let device = Device::open(&laptop)?;
        let link = device.link().await?;
        let space = only_space(&link).await?;
        let released = device.release_everything(&link, space).await?;
        // Another device's word that it has seen that begins the retention.
        let device = Device::open(&desktop)?;
        device.see_everything(&device.link().await?, space, now()).await?;
        anyhow::Ok(released)
    })?;
    anyhow::ensure!(released as u64 >= FILES.0, "only {released} chunks were released");
    let follower = nodes[1].web();
    wait::until("a retention", COMMAND_LIMIT, || {
        Ok((metric(follower, "vauban_retention_oldest_seconds")? > 0.0).then_some(()))
    })?;
    let all = complete(&nodes)?;
    let floor = metric(follower, "vauban_floor_index")?;

    // Whoever else leads gives way to it.
    lead(&mut nodes)?;
    clock.set(LATER)?;
    wait::until("cluster time to follow", COMMAND_LIMIT, || {
        Ok((metric(follower, "vauban_cluster_time_lag_seconds")? < 0.0).then_some(()))
    })?;
    let ahead = -metric(follower, "vauban_cluster_time_lag_seconds")?;
    anyhow::ensure!(ahead <= STEP_SECONDS, "cluster time is {ahead} s ahead by one tick");
    for node in &nodes {
        anyhow::ensure!(metric(node.web(), "vauban_rows_purged")? == 0.0, "chunks were purged");
    }
    anyhow::ensure!(metric(follower, "vauban_floor_index")?.to_bits() == floor.to_bits(), "the floor has risen");
    anyhow::ensure!(complete(&nodes)? == all, "copies are gone");
    clock.set(NOW)?;
    for number in 0..FILES.0 {
        let shown = desktop.command(&["cat", &format!("Projets:{number}")])?.output()?;
        anyhow::ensure!(shown.stdout == noise(number, FILES.1), "{}", String::from_utf8_lossy(&shown.stderr));
    }
    nodes.into_iter().try_for_each(|node| node.stop().map(drop))
}

fn now() -> Timestamp {
    Timestamp(SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs()))
}

/// Three nodes, of which the first goes by that clock.
fn with_first_under(agency: &Agency, clock: &Clock) -> anyhow::Result<Vec<Node>> {
    let first = agency.charter_at("node-1", "Site-1")?.run_under(|command| clock.under(command))?;
    agency.seat(first.name(), &first.home().listen()?, &[])?;
    let mut nodes = vec![first];
    for number in 2..=3 {
        let home = agency.charter_at(&format!("node-{number}"), &format!("Site-{number}"))?;
        nodes.push(agency.join(home, &[])?);
    }
    settled(&nodes, 3)?;
    replicas::settled(&nodes)?;
    Ok(nodes)
}

/// Has the first node lead: whoever else does is started again, until it is that one's turn.
fn lead(nodes: &mut Vec<Node>) -> anyhow::Result<()> {
    for _ in 0..20 {
        let leads = leader(nodes)?;
        if leads == 0 {
            return Ok(());
        }
        let home = nodes.remove(leads).stop()?;
        nodes.insert(leads, home.run()?);
        settled(nodes, 3)?;
    }
    None.context("the first node never leads")
}
