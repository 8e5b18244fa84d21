//! A cluster of real nodes: joined, killed, cut off from their majority, emptied, revoked. What was acknowledged stays.
//!
//! Mostly of commits, which the group orders; of chunks, what hangs together with these: the promises that commits rest on, and repair.

mod author;
mod behind;
mod churn;
mod cut_off;
mod failing_disk;
mod history;
mod kill_all;
mod leader;
mod level;
mod look;
mod paused;
mod promises;
mod removal;
mod repair;
mod restored;
mod wrong_clock;

use std::fs;

use vauban_tests::agency::Agency;
use vauban_tests::home::Home;
use vauban_tests::http;
use vauban_tests::node::{NODE_LIMIT, Node};
use vauban_tests::wait;

use self::author::Author;
use self::look::{ensure_kept, leader, look, settled};

/// A command that no node could carry out ends with this code.
const UNREACHABLE: i32 = 6;
/// Commits between two losses.
const COMMITS: usize = 8;

/// An agency with a space, and a device that commits to it.
fn with_author(nodes: usize) -> anyhow::Result<(Agency, Vec<Node>, Author)> {
    let (agency, nodes) = Agency::with_nodes(nodes)?;
    settled(&nodes, nodes.len())?;
    agency.admin().run(&["space", "create", "Projets"])?;
    let author = Author::begin(agency.admin())?;
    Ok((agency, nodes, author))
}

/// Three nodes found and join a cluster; each may be the one that a client talks to.
#[test]
fn three_nodes_make_one_cluster() -> anyhow::Result<()> {
    let (agency, nodes, mut author) = with_author(3)?;
    for node in nodes.iter().chain(&nodes) {
        author.commit_at(&node.home().listen()?)?;
    }
    for node in &nodes {
        ensure_kept(&mut author, node)?;
    }
    let listed = agency.admin().json(&["admin", "node", "list"])?;
    anyhow::ensure!(listed.iter().flat_map(|line| line.as_array()).flatten().count() == 3, "{listed:?}");
    let status = nodes[1].home().attempt(&["cluster", "status"])?.success()?;
    for number in 1..=3 {
        anyhow::ensure!(status.stdout.contains(&format!("Site-{number}")), "{}", status.stdout);
    }
    anyhow::ensure!(!status.stdout.contains("DOES NOT ANSWER"), "{}", status.stdout);
    for node in nodes {
        node.stop()?;
    }
    Ok(())
}

/// Fails if a commit that was acknowledged is lost with the leader that took it, if writes do not go on, or if a node that comes
/// back does not catch up: the next loss would then leave no majority.
#[test]
fn acknowledged_commits_survive_each_leader() -> anyhow::Result<()> {
    let (_agency, mut nodes, mut author) = with_author(3)?;
    for _ in 0..3 {
        (0..COMMITS).try_for_each(|_| author.commit())?;
        let leads = leader(&nodes)?;
        let home = nodes.remove(leads).kill()?;
        (0..COMMITS).try_for_each(|_| author.commit())?;
        nodes.push(home.run()?);
        settled(&nodes, 3)?;
    }
    for node in &nodes {
        ensure_kept(&mut author, node)?;
    }
    Ok(())
}

/// One node of three acknowledges nothing, and says so; with a second one, all goes on.
#[test]
fn a_minority_acknowledges_nothing() -> anyhow::Result<()> {
    let (agency, mut nodes, mut author) = with_author(3)?;
    author.commit()?;
    let leads = leader(&nodes)?;
    nodes.remove(leads).kill()?;
    let second = nodes.remove(0).kill()?;
    let refused = agency.admin().attempt(&["space", "create", "Seul"])?;
    refused.ended_with(UNREACHABLE)?;
    let only = &nodes[0];
    wait::until("nobody to lead", NODE_LIMIT, || Ok(look(only)?["leader"].is_null().then_some(())))?;
    let status = only.home().attempt(&["cluster", "status"])?.success()?;
    anyhow::ensure!(status.stdout.contains("nobody leads"), "{}", status.stdout);
    nodes.push(second.run()?);
    author.commit()?;
    for node in &nodes {
        ensure_kept(&mut author, node)?;
    }
    Ok(())
}

/// A voter that has lost its metadata has forgotten its votes and what it acknowledged: it does not start, and where its marks are
/// gone, too, the others do not count it.
#[test]
fn wiped_voter_cannot_rejoin() -> anyhow::Result<()> {
    let (_agency, mut nodes, mut author) = with_author(3)?;
    author.commit()?;
    let leads = leader(&nodes)?;
    let wiped = if leads == 2 { 1 } else { 2 };
    let home = nodes.remove(wiped).kill()?;
    fs::remove_dir_all(home.data().join("meta"))?;
    let refused = home.attempt(&["run"])?;
    anyhow::ensure!(refused.code() != Some(0), "{refused:?}");
    refused.says(&["are gone"])?;

    fs::remove_dir_all(home.data().join("chunks"))?;
    fs::remove_file(home.data().join("meta.begun"))?;
    let waiting = home.run_waiting()?;
    let greeted = || Ok(http::page(waiting.web(), "/metrics")?.1.contains("verb=\"peer_greet\"").then_some(()));
    wait::until("a greeting", NODE_LIMIT, greeted)?;
    (0..COMMITS).try_for_each(|_| author.commit())?;
    let (_, metrics) = http::page(waiting.web(), "/metrics")?;
    anyhow::ensure!(!metrics.contains("verb=\"peer_append\""), "the leader counts on it:\n{metrics}");
    anyhow::ensure!(!metrics.contains("verb=\"peer_vote\""), "it voted again:\n{metrics}");
    anyhow::ensure!(http::page(waiting.web(), "/healthz")?.1.contains("\"waiting\""));
    waiting.stop()?;
    Ok(())
}

/// A revoked charter ends a node's part at once: the others speak with it no more, and go on.
#[test]
fn revoked_charter_hard_fails() -> anyhow::Result<()> {
    let (agency, nodes, mut author) = with_author(3)?;
    author.commit()?;
    let leads = leader(&nodes)?;
    let revoked = if leads == 2 { 1 } else { 2 };
    author.revoke(agency.admin(), nodes[revoked].name())?;
    let staying: Vec<&Node> = nodes.iter().enumerate().filter(|(at, _)| *at != revoked).map(|(_, node)| node).collect();
    wait::until("the revoked node to be out", NODE_LIMIT, || {
        let page = look(staying[0])?;
        let members = page["nodes"].as_array().map_or(0, Vec::len);
        Ok((members == 2).then_some(()))
    })?;
    wait::until("a refusal", NODE_LIMIT, || {
        let mut said = String::new();
        for node in &staying {
            said += &node.said()?;
        }
        Ok(said.contains("another node is not trusted").then_some(()))
    })?;
    let before = http::metric(nodes[revoked].web(), "vauban_applied_index")?;
    (0..COMMITS).try_for_each(|_| author.commit())?;
    for node in staying {
        ensure_kept(&mut author, node)?;
    }
    let after = http::metric(nodes[revoked].web(), "vauban_applied_index")?;
    anyhow::ensure!(before.to_bits() == after.to_bits(), "it still hears: {before}, then {after}");
    Ok(())
}

/// A node is replaced by another: drained, removed, and refused when it comes back.
#[test]
fn a_removed_node_makes_room_for_another() -> anyhow::Result<()> {
    let (agency, mut nodes, mut author) = with_author(3)?;
    let leaves = nodes[0].name().to_owned();
    agency.admin().run(&["admin", "node", "drain", &leaves])?;
    let fourth = agency.charter_at("node-4", "Site-4")?;
    let pending = agency.admin().run(&["admin", "pending"])?;
    anyhow::ensure!(pending.stdout.contains("Site-4"), "{}", pending.stdout);
    nodes.push(agency.join(fourth, &[])?);
    wait::until("another to vote", NODE_LIMIT, || {
        let page = look(&nodes[1])?;
        let role = page["nodes"].as_array().into_iter().flatten().find(|member| member["node"] == leaves.as_str());
        Ok(role.is_some_and(|member| member["role"] == "learner").then_some(()))
    })?;
    removal::remove(&agency, &leaves)?;
    author.commit()?;
    let gone = nodes.remove(0);
    settled(&nodes, 3)?;
    gone.stop()?;
    (0..COMMITS).try_for_each(|_| author.commit())?;
    for node in &nodes {
        ensure_kept(&mut author, node)?;
    }
    let again: &Home = agency.admin();
    again
        .attempt(&["admin", "node", "add", &leaves, "--address", "n:1", "--capacity", "1TB"])?
        .says(&["never comes back"])?;
    Ok(())
}

/// Other nodes find the founding one by its seat, so it comes first.
#[test]
fn the_founding_node_is_seated_first() -> anyhow::Result<()> {
    let (agency, node) = Agency::found()?;
    let second = agency.charter_at("second", "Lyon-1")?.run_waiting()?;
    let refused =
        agency.admin().attempt(&["admin", "node", "add", second.name(), "--address", "n:1", "--capacity", "1TB"])?;
    refused.says(&["founding node", node.name().get(..12).unwrap_or_default()])?;
    second.stop()?;
    node.stop()?;
    Ok(())
}
