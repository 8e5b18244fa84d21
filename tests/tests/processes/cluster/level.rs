//! The feature level, by the states that an older and a newer version leave behind: no node of another version is needed for these, since
//! the level is one value of the state.

use std::path::PathBuf;

use anyhow::Context;
use rocksdb::{ColumnFamilyDescriptor, DB, Options};
use vauban_protocol::canonical::{decode, encode};
use vauban_tests::http::page;
use vauban_tests::node::{NODE_LIMIT, Node, NodeHome};
use vauban_tests::wait;

use super::look::{ensure_kept, look, settled};
use super::{COMMITS, with_author};
use crate::quotas;

/// The level under which everything begins.
const OLD: u32 = 1;
/// Questions that the leader asks meanwhile.
const QUESTIONS: f64 = 3.0;

/// The level that a stopped node's state says; if it is given another one, that one from now on.
fn level(home: &NodeHome, other: Option<u32>) -> anyhow::Result<u32> {
    let path: PathBuf = home.data().join("meta").join("db");
    let families = DB::list_cf(&Options::default(), &path)?;
    let families = families.iter().map(|name| ColumnFamilyDescriptor::new(name, Options::default()));
    let database = DB::open_cf_descriptors(&Options::default(), &path, families)?;
    let state = database.cf_handle("state").context("no state")?;
    let before: u32 = decode(&database.get_cf(state, b"v")?.context("no level")?)?;
    if let Some(other) = other {
        database.put_cf(state, b"v", encode(&other))?;
        database.flush_wal(true)?;
    }
    Ok(before)
}

/// The level of the group, as a running node sees it.
fn shown(node: &Node) -> anyhow::Result<u32> {
    let level = look(node)?.get("feature_level").and_then(serde_json::Value::as_u64).context("no level")?;
    Ok(u32::try_from(level)?)
}

/// How often a node was asked what it supports.
fn asked(node: &Node) -> anyhow::Result<f64> {
    let (_, metrics) = page(node.web(), "/metrics")?;
    let counts =
        metrics.lines().filter(|line| line.starts_with("vauban_requests_total{") && line.contains("\"peer_level\""));
    Ok(counts.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum())
}

fn all_show(nodes: &[Node], wanted: u32) -> anyhow::Result<()> {
    wait::until("the level", NODE_LIMIT, || {
        let shown = nodes.iter().map(shown).collect::<anyhow::Result<Vec<u32>>>()?;
        Ok(shown.iter().all(|shown| *shown == wanted).then_some(()))
    })
}

/// All nodes of a group at the first level were updated; one of them is not up again yet. Fails if the level rises before it is, or
/// with it does not; if what the first level has not is taken meanwhile, or anything else ends.
#[test]
fn leader_of_next_version_waits_for_feature_level() -> anyhow::Result<()> {
    let (agency, nodes, mut author) = with_author(3)?;
    author.commit()?;
    wait::until("the level of this version", NODE_LIMIT, || Ok((shown(&nodes[0])? > OLD).then_some(())))?;
    let newest = shown(&nodes[0])?;
    all_show(&nodes, newest)?;
    let mut homes = nodes.into_iter().map(Node::stop).collect::<anyhow::Result<Vec<_>>>()?;
    for home in &homes {
        anyhow::ensure!(level(home, Some(OLD))? == newest, "{} says another level", home.data().display());
    }
    let late = homes.pop().context("three nodes")?;
    let mut nodes = homes.into_iter().map(NodeHome::run).collect::<anyhow::Result<Vec<_>>>()?;
    let all_asked = || nodes.iter().map(asked).sum::<anyhow::Result<f64>>();
    wait::until("the leader to ask again and again", NODE_LIMIT, || Ok((all_asked()? >= QUESTIONS).then_some(())))?;
    (0..COMMITS).try_for_each(|_| author.commit())?;
    let quota = ["admin", "quota", "set", "--space", &quotas::space_id(agency.admin())?, "1TB"];
    agency.admin().attempt(&quota)?.says(&["cannot do this yet"])?;
    all_show(&nodes, OLD)?;

    nodes.push(late.run()?);
    all_show(&nodes, newest)?;
    agency.admin().run(&quota)?;
    settled(&nodes, nodes.len())?;
    nodes.iter().try_for_each(|node| ensure_kept(&mut author, node))
}

/// A node of this version is started on what the next one has written. Fails if it runs, or changes it, or says not what to do.
#[test]
fn a_state_of_the_next_version_is_left_alone() -> anyhow::Result<()> {
    let (_agency, mut nodes, mut author) = with_author(3)?;
    author.commit()?;
    wait::until("the level of this version", NODE_LIMIT, || Ok((shown(&nodes[2])? > OLD).then_some(())))?;
    let newest = shown(&nodes[2])?;
    let home = nodes.remove(2).stop()?;
    level(&home, Some(newest + 1))?;
    let refused = home.attempt(&["run"])?;
    anyhow::ensure!(refused.code() != Some(0), "{refused:?}");
    refused.says(&["Install a newer vauban-node"])?;
    anyhow::ensure!(level(&home, Some(newest))? == newest + 1, "it was changed");
    (0..COMMITS).try_for_each(|_| author.commit())?;
    nodes.push(home.run()?);
    settled(&nodes, nodes.len())?;
    ensure_kept(&mut author, &nodes[2])
}
