//! Lines between nodes that are cut, both ways or one: what has no majority acknowledges nothing, what has one goes on, and all are
//! level once the lines are whole.

use std::time::Duration;

use anyhow::Context;
use vauban_client::link::CommitAnswer;
use vauban_tests::agency::Agency;
use vauban_tests::network::Network;
use vauban_tests::node::{Node, NodeHome};

use super::COMMITS;
use super::author::Author;
use super::look::{ensure_kept_at, leader, settled};

/// How long a node without a majority is given to acknowledge what it must not.
const TEMPTED: Duration = Duration::from_secs(4);

/// A cluster of three whose lines can be cut, with a space, and a device that commits to it.
pub(super) fn with_network() -> anyhow::Result<(Agency, Vec<Node>, Network, Author)> {
    let (agency, nodes, network) = Agency::with_network(3)?;
    settled(&nodes, nodes.len())?;
    agency.admin().run(&["space", "create", "Projets"])?;
    let author = Author::begin(agency.admin())?;
    Ok((agency, nodes, network, author))
}

/// One of the nodes, and the others.
pub(super) fn apart(nodes: &[Node], one: usize) -> anyhow::Result<(&Node, Vec<&Node>)> {
    let others = nodes.iter().enumerate().filter(|(at, _)| *at != one).map(|(_, node)| node).collect();
    Ok((nodes.get(one).context("no such node")?, others))
}

pub(super) fn homes<'a>(nodes: &[&'a Node]) -> Vec<&'a NodeHome> {
    nodes.iter().map(|node| node.home()).collect()
}

/// Every node has exactly what was acknowledged.
pub(super) fn ensure_kept_everywhere(author: &mut Author, nodes: &[Node], network: &Network) -> anyhow::Result<()> {
    nodes.iter().try_for_each(|node| ensure_kept_at(author, &network.address(node.home())?))
}

/// A node alone is offered the next commit, and does not acknowledge it.
fn tempt(author: &Author, node: &Node) -> anyhow::Result<()> {
    let link = author.alone(&node.home().listen()?)?;
    let answer = author.offer(&link, author.draft()?.bytes(), TEMPTED);
    anyhow::ensure!(!matches!(answer, Some(Ok(CommitAnswer::Committed(_)))), "acknowledged by a minority: {answer:?}");
    Ok(())
}

/// The leader, then a follower, then everybody is alone.
#[test]
fn a_minority_that_is_cut_off_acknowledges_nothing() -> anyhow::Result<()> {
    let (_agency, nodes, network, mut author) = with_network()?;
    author.commit()?;
    let (old, others) = apart(&nodes, leader(&nodes)?)?;
    network.part(old.home(), homes(&others))?;
    // The leader writes it into its own log, and gets no further; the same bytes then go to the others.
    tempt(&author, old)?;
    let majority = network.address(others[0].home())?;
    (0..COMMITS).try_for_each(|_| author.commit_at(&majority))?;
    network.heal();
    settled(&nodes, 3)?;
    ensure_kept_everywhere(&mut author, &nodes, &network)?;

    let leads = leader(&nodes)?;
    let (follower, others) = apart(&nodes, (leads + 1) % nodes.len())?;
    network.part(follower.home(), homes(&others))?;
    let majority = network.address(others[0].home())?;
    (0..COMMITS).try_for_each(|_| author.commit_at(&majority))?;
    tempt(&author, follower)?;
    network.heal();
    // What it was offered it may still hand on, now that it can: the same bytes have their effect once.
    author.commit()?;
    settled(&nodes, 3)?;
    ensure_kept_everywhere(&mut author, &nodes, &network)?;

    for at in 0..nodes.len() {
        let (one, others) = apart(&nodes, at)?;
        network.part(one.home(), homes(&others))?;
    }
    nodes.iter().try_for_each(|node| tempt(&author, node))?;
    network.heal();
    author.commit()?;
    settled(&nodes, 3)?;
    ensure_kept_everywhere(&mut author, &nodes, &network)
}

/// Lines on which one direction is lost: towards a follower, from it, from all to the leader, which others still hear, and from the
/// leader, which still hears all.
#[test]
fn one_way_loss_stops_nothing() -> anyhow::Result<()> {
    let (_agency, nodes, network, mut author) = with_network()?;
    author.commit()?;
    let cut = |way: usize| -> anyhow::Result<String> {
        let leads = leader(&nodes)?;
        let (leading, others) = apart(&nodes, leads)?;
        let (one, other) = (others[0], others[1]);
        match way {
            0 => network.cut(leading.home(), one.home())?,
            1 => network.cut(one.home(), leading.home())?,
            2 => others.iter().try_for_each(|from| network.cut(from.home(), leading.home()))?,
            _ => others.iter().try_for_each(|to| network.cut(leading.home(), to.home()))?,
        }
        network.address(other.home())
    };
    for way in 0..4 {
        let reached = cut(way)?;
        (0..COMMITS).try_for_each(|_| author.commit_at(&reached))?;
        network.heal();
        settled(&nodes, 3)?;
        ensure_kept_everywhere(&mut author, &nodes, &network)?;
    }
    Ok(())
}

/// A line between all of them on which every datagram is late: slower, and nothing else.
#[test]
fn slow_lines_lose_nothing() -> anyhow::Result<()> {
    const LATE: Duration = Duration::from_millis(60);
    let (_agency, nodes, network, mut author) = with_network()?;
    for from in &nodes {
        for to in nodes.iter().filter(|to| to.name() != from.name()) {
            network.slow(from.home(), to.home(), LATE)?;
        }
    }
    (0..COMMITS).try_for_each(|_| author.commit())?;
    ensure_kept_everywhere(&mut author, &nodes, &network)
}
