//! Nodes that are taken out: only those that nobody needs, or that are lost; one that others still need goes on until they do not. And
//! what no node has, which is no reason to need anybody for ever.

use std::fs;

use vauban_protocol::id::ChunkId;
use vauban_tests::agency::Agency;
use vauban_tests::http::{self, metric};
use vauban_tests::node::{NODE_LIMIT, Node, NodeHome};
use vauban_tests::wait;

use super::look::{look, settled};
use super::with_author;
use crate::device::object;
use crate::replicas;

/// Copies that a node holds.
const CHUNKS: &str = "vauban_chunks";
/// Chunks of an upload, and bytes of each.
const UPLOAD: (usize, usize) = (16, 20_000);
/// Limits of a disk on which everything has room, and on which nothing has: whatever lies on it already is more.
const ROOMY: (&str, &str) = ("upload_percent_max = 90", "repair_percent_max = 97");
const FULL: (&str, &str) = ("upload_percent_max = 0", "repair_percent_max = 1");

/// Takes a node out as soon as the cluster lets it go.
pub(super) fn remove(agency: &Agency, name: &str) -> anyhow::Result<()> {
    wait::until("the node to be let go", NODE_LIMIT, || {
        let removed = agency.admin().attempt(&["admin", "node", "remove", name])?;
        Ok((removed.code() == Some(0)).then_some(()))
    })
}

/// Waits until taking a node out, with `more` arguments, is refused in these words: without a leader it fails in others.
fn refused(agency: &Agency, name: &str, more: &[&str], wanted: &str) -> anyhow::Result<()> {
    wait::until(wanted, NODE_LIMIT, || {
        let attempt = agency.admin().attempt(&[&["admin", "node", "remove", name], more].concat())?;
        anyhow::ensure!(attempt.code() != Some(0), "it was taken out:\n{}", attempt.stdout);
        Ok(attempt.stderr.contains(wanted).then_some(()))
    })
}

/// Waits until a node says something.
fn says(node: &Node, wanted: &str) -> anyhow::Result<()> {
    wait::until(wanted, NODE_LIMIT, || Ok(node.said()?.contains(wanted).then_some(())))
}

fn set_limits(home: &NodeHome, from: (&str, &str), to: (&str, &str)) -> anyhow::Result<()> {
    home.configure(from.0, to.0)?;
    home.configure(from.1, to.1)
}

/// A device commits to a chunk that it has sent to nobody; then a node is replaced. Fails if the layout never settles, the drained node
/// never empties, or nobody says what is lacking.
#[test]
fn a_chunk_that_no_node_has_holds_up_no_layout() -> anyhow::Result<()> {
    let (agency, nodes, mut author) = with_author(3)?;
    replicas::settled(&nodes)?;
    let hasty = |node: Node| {
        let home = node.stop()?;
        home.configure("lost_after = \"1h\"", "lost_after = \"1s\"")?;
        home.run()
    };
    let mut nodes = nodes.into_iter().map(hasty).collect::<anyhow::Result<Vec<Node>>>()?;
    settled(&nodes, 3)?;
    let objects: Vec<_> = (0..).take(UPLOAD.0).map(|seed| object(seed, UPLOAD.1)).collect();
    let ids: Vec<ChunkId> = objects.iter().map(|(id, _)| *id).collect();
    let stored_at = author.put(&objects)?;
    let (made_up, _) = object(1_000_000, UPLOAD.1);
    anyhow::ensure!(author.add(&[ids.as_slice(), &[made_up]].concat(), stored_at)?, "promised, and too old");

    let fourth = agency.charter_at("node-4", "Site-4")?;
    fourth.configure("lost_after = \"1h\"", "lost_after = \"1s\"")?;
    nodes.push(agency.join(fourth, &[])?);
    let leaves = nodes[0].name().to_owned();
    agency.admin().run(&["admin", "node", "drain", &leaves])?;
    replicas::settled(&nodes)?;
    let lacking = nodes.last().unwrap_or(&nodes[0]);
    anyhow::ensure!(metric(lacking.web(), "vauban_chunks_lost")? >= 1.0, "nothing is said to be lost");
    let status = lacking.home().attempt(&["cluster", "status"])?.success()?;
    anyhow::ensure!(status.stdout.contains("on NO node"), "{}", status.stdout);
    says(lacking, "no node has these chunks")?;
    remove(&agency, &leaves)?;
    nodes.remove(0).stop()?;
    nodes.iter().try_for_each(|node| author.ensure_read_at(&node.home().listen()?, &ids))
}

/// Fails if an admin can take out a node that others may still need: not drained, not empty, or silent without being called lost; or
/// call one lost that answers.
#[test]
fn only_a_node_that_nobody_needs_is_taken_out() -> anyhow::Result<()> {
    let (agency, mut nodes, mut author) = with_author(3)?;
    replicas::settled(&nodes)?;
    let objects: Vec<_> = (0..).take(UPLOAD.0).map(|seed| object(seed, UPLOAD.1)).collect();
    let ids: Vec<ChunkId> = objects.iter().map(|(id, _)| *id).collect();
    let stored_at = author.put(&objects)?;
    anyhow::ensure!(author.add(&ids, stored_at)?, "promised, and too old");
    let leaves = nodes[2].name().to_owned();
    refused(&agency, &leaves, &[], "first empty it")?;
    refused(&agency, &leaves, &["--lost"], "answers: it is not lost")?;

    let home = nodes.remove(2).kill()?;
    refused(&agency, &leaves, &[], "first empty it")?;
    agency.admin().run(&["admin", "node", "drain", &leaves])?;
    refused(&agency, &leaves, &[], "does not answer")?;
    let node = home.run()?;
    remove(&agency, &leaves)?;
    anyhow::ensure!(metric(node.web(), CHUNKS)? == 0.0, "it was taken out with its copies");
    let again = agency.admin().run(&["admin", "node", "remove", &leaves])?;
    anyhow::ensure!(again.stdout.contains("It may be stopped"), "{}", again.stdout);
    says(&node, "it may be stopped")?;
    let refused = node.stop()?.attempt(&["run"])?;
    anyhow::ensure!(refused.code() != Some(0), "{refused:?}");
    refused.says(&["has been taken out", "needs its copies no longer"])?;
    nodes.iter().try_for_each(|node| author.ensure_read_at(&node.home().listen()?, &ids))
}

/// A machine is called lost, and comes back; by then it alone has what was acknowledged. Fails if it does not serve, also after another
/// start, if what it has does not come to those who stay, or if it does not say when it may be stopped.
#[test]
fn a_node_that_was_taken_out_serves_until_no_layout_names_it() -> anyhow::Result<()> {
    let (agency, mut nodes, mut author) = with_author(3)?;
    replicas::settled(&nodes)?;
    // One of those who stay has no room: it holds nothing of what comes, and the layout waits for it.
    let full = nodes.remove(2).stop()?;
    set_limits(&full, ROOMY, FULL)?;
    nodes.push(full.run()?);
    settled(&nodes, 3)?;
    let objects: Vec<_> = (0..).take(UPLOAD.0).map(|seed| object(seed, UPLOAD.1)).collect();
    let ids: Vec<ChunkId> = objects.iter().map(|(id, _)| *id).collect();
    let stored_at = author.put(&objects)?;
    anyhow::ensure!(author.add(&ids, stored_at)?, "promised, and too old");

    let name = nodes[1].name().to_owned();
    let lost = nodes.remove(1).kill()?;
    wait::until("the lost machine to be taken out", NODE_LIMIT, || {
        let removed = agency.admin().attempt(&["admin", "node", "remove", &name, "--lost"])?;
        Ok(removed.stdout.contains("do not stop or wipe it").then_some(()))
    })?;
    // The other one that has it loses its disk.
    let emptied = nodes.remove(0).stop()?;
    fs::remove_dir_all(emptied.data().join("chunks"))?;
    nodes.insert(0, emptied.run()?);

    let back = lost.run()?;
    says(&back, "others may still need its copies")?;
    let back = back.stop()?.run()?;
    let health = http::page(back.web(), "/healthz")?.1;
    anyhow::ensure!(health.contains("\"leaving\""), "{health}");
    let status = back.home().attempt(&["cluster", "status"])?.success()?;
    anyhow::ensure!(status.stdout.contains("do not stop it yet"), "{}", status.stdout);
    wait::until("all that it had", NODE_LIMIT, || {
        Ok((metric(nodes[0].web(), CHUNKS)? >= f64::from(u32::try_from(ids.len())?)).then_some(()))
    })?;
    author.ensure_read_at(&nodes[0].home().listen()?, &ids)?;
    anyhow::ensure!(!back.said()?.contains("it may be stopped"), "the layout has not settled");

    let roomy = nodes.remove(1).stop()?;
    set_limits(&roomy, FULL, ROOMY)?;
    nodes.push(roomy.run()?);
    replicas::settled(&nodes)?;
    says(&back, "it may be stopped")?;
    wait::until("it to be out", NODE_LIMIT, || {
        let page = look(&nodes[0])?;
        let mut members = page["nodes"].as_array().into_iter().flatten();
        Ok(members.all(|member| member["node"] != name.as_str()).then_some(()))
    })?;
    let refused = back.stop()?.attempt(&["run"])?;
    refused.says(&["has been taken out"])?;
    nodes.iter().try_for_each(|node| author.ensure_read_at(&node.home().listen()?, &ids))
}
