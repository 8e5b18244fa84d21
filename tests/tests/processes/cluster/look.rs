//! What nodes say of their cluster.

use anyhow::Context;
use serde_json::Value;
use vauban_tests::http;
use vauban_tests::node::{NODE_LIMIT, Node};
use vauban_tests::wait;

use super::author::Author;

/// The cluster as a node sees it.
pub(super) fn look(node: &Node) -> anyhow::Result<Value> {
    let (code, body) = http::page(node.web(), "/cluster.json")?;
    anyhow::ensure!(code == 200, "{code}: {body}");
    Ok(serde_json::from_str(&body)?)
}

/// Waits until `voters` nodes vote and that has come to stay, all of these nodes answer, and none lags.
pub(super) fn settled(nodes: &[Node], voters: usize) -> anyhow::Result<()> {
    let what = format!("{voters} voters that are level");
    wait::until(&what, NODE_LIMIT, || {
        for node in nodes {
            let page = look(node)?;
            let members: Vec<&Value> = page.get("nodes").and_then(Value::as_array).into_iter().flatten().collect();
            let is_level = |member: &&&Value| {
                let votes = member["role"] == "leader" || member["role"] == "voter";
                votes && member["reached"] == true && member["lag"] == 0
            };
            let is_led = page.get("leader").is_some_and(Value::is_string)
                && page.get("voters_change") == Some(&Value::Bool(false));
            if members.iter().filter(is_level).count() != voters || !is_led {
                return Ok(None);
            }
        }
        Ok(Some(()))
    })
    .with_context(|| nodes.iter().map(|node| format!("{:?}\n", look(node))).collect::<String>())
}

/// Which of the nodes leads, as most of them say.
pub(super) fn leader(nodes: &[Node]) -> anyhow::Result<usize> {
    wait::until("a leader", NODE_LIMIT, || {
        let mut named = vec![0usize; nodes.len()];
        for node in nodes {
            let page = look(node)?;
            let leads = nodes.iter().position(|other| page.get("leader").and_then(Value::as_str) == Some(other.name()));
            if let Some(count) = leads.and_then(|at| named.get_mut(at)) {
                *count += 1;
            }
        }
        Ok(named.iter().position(|count| *count > nodes.len() / 2))
    })
}

/// Fails unless a node has every commit that was acknowledged, in its place.
pub(super) fn ensure_kept(author: &mut Author, node: &Node) -> anyhow::Result<()> {
    ensure_kept_at(author, &node.home().listen()?)
}

/// The same, of the node that is reached at this address.
pub(super) fn ensure_kept_at(author: &mut Author, address: &str) -> anyhow::Result<()> {
    wait::until("all that was acknowledged", NODE_LIMIT, || Ok(author.is_kept_at(address)?.then_some(())))
        .with_context(|| format!("at {address}"))
}
