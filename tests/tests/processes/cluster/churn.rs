//! Members that come and go in a cluster whose log does not go back to its beginning: each is brought in by a snapshot.

use anyhow::Context;
use serde_json::Value;
use vauban_tests::agency::{Agency, utf8};
use vauban_tests::http;
use vauban_tests::node::{NODE_LIMIT, Node};
use vauban_tests::wait;

use super::COMMITS;
use super::author::Author;
use super::look::{ensure_kept, leader, look, settled};
use super::removal::remove;
use crate::replicas;

/// Nodes that come, one after the other.
const COMERS: usize = 3;

/// The founding node was restored from a backup, so that nobody has the entries before that. Fails if a node that comes is not brought
/// in by a snapshot, if writes end with the loss of a leader, or if the last ones do not have all that was ever acknowledged.
#[test]
fn membership_snapshot_churn() -> anyhow::Result<()> {
    let (agency, first) = restored()?;
    let mut author = Author::begin(agency.admin())?;
    let mut nodes = vec![first];
    for number in 0..COMERS {
        (0..COMMITS).try_for_each(|_| author.commit())?;
        let home = agency.charter_at(&format!("comer-{number}"), &format!("Site-{}", number % 3 + 1))?;
        let comer = agency.join(home, &[])?;
        wait::until("all that was acknowledged", NODE_LIMIT, || {
            author.is_kept_at(&comer.home().listen()?).map(|kept| kept.then_some(()))
        })?;
        // From now on the author knows of it.
        author.move_to(&comer.home().listen()?)?;
        let (_, metrics) = http::page(comer.web(), "/metrics")?;
        anyhow::ensure!(metrics.contains("verb=\"peer_snapshot\""), "its entries came one by one:\n{metrics}");
        nodes.push(comer);
        if nodes.len() > 3 {
            leave(&agency, &mut nodes)?;
        }
        // Two do not vote: one of them would then be the end of both.
        if nodes.len() == 3 {
            settled(&nodes, 3)?;
            // Whoever takes over may be one that came by a snapshot.
            let leads = leader(&nodes)?;
            let home = nodes.remove(leads).kill()?;
            author.commit()?;
            nodes.push(home.run()?);
            settled(&nodes, 3)?;
        }
    }
    nodes.iter().try_for_each(|node| ensure_kept(&mut author, node))
}

/// An organisation with a space, whose only node goes on from a backup.
fn restored() -> anyhow::Result<(Agency, Node)> {
    let (agency, node) = Agency::found()?;
    agency.seat(node.name(), &node.home().listen()?, &[])?;
    agency.admin().run(&["space", "create", "Projets"])?;
    let backup = utf8(&agency.folder().join("backup.vbm"))?;
    node.home().attempt(&["backup", &backup])?.success()?;
    let home = node.stop()?;
    std::fs::remove_dir_all(home.data().join("meta"))?;
    home.attempt(&["restore", &backup])?.success()?;
    let request = utf8(&home.data().join("reanchor-request.vbx"))?;
    let node = home.run()?;
    agency.admin().run(&["org", "reanchor", &request])?;
    Ok((agency, node))
}

/// The oldest member is emptied and removed.
fn leave(agency: &Agency, nodes: &mut Vec<Node>) -> anyhow::Result<()> {
    let name = nodes.first().context("a node")?.name().to_owned();
    agency.admin().run(&["admin", "node", "drain", &name])?;
    replicas::settled(nodes)?;
    remove(agency, &name)?;
    let leaves = nodes.remove(0);
    wait::until("it to be out", NODE_LIMIT, || {
        let page = look(nodes.first().context("a node")?)?;
        let members = page.get("nodes").and_then(Value::as_array).into_iter().flatten();
        Ok(members.into_iter().all(|member| member.get("node").is_none_or(|node| node != name.as_str())).then_some(()))
    })?;
    leaves.stop()?;
    Ok(())
}
