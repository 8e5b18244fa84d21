//! All nodes lose their metadata at once: one is restored from a backup, the root puts the cluster into force, the others come to it, and
//! devices commit again what the backup lacked.

use std::fs;
use std::time::Duration;

use vauban_tests::agency::{Agency, utf8};
use vauban_tests::folder::{self, noise};
use vauban_tests::home::COMMAND_LIMIT;
use vauban_tests::node::{Node, NodeHome};
use vauban_tests::{http, wait};

use super::look::{look, settled};
use crate::slice::sync;

/// Longest until every copy is where it belongs.
const HEALED: Duration = Duration::from_secs(120);
/// The exit code of a command that may succeed later, without anybody's doing here.
const UNREACHABLE: i32 = 6;

/// Fails if what came after a backup is lost, if a restored cluster writes before the root has said so, if a node of the incarnation before
/// is listened to, or if a certificate from after the backup is forgotten.
#[test]
fn a_lost_cluster_is_restored_and_loses_nothing_that_a_device_has() -> anyhow::Result<()> {
    let (agency, nodes) = Agency::with_nodes(3)?;
    let laptop = agency.enrol("alice")?;
    laptop.run(&["space", "create", "Projets"])?;
    let (here, there) = (agency.folder().join("here"), agency.folder().join("there"));
    for number in 0..4 {
        folder::write(&here, &format!("avant/{number}"), &noise(number, 1 << 20))?;
    }
    sync(&laptop, &here)?;
    let backup = utf8(&agency.folder().join("backup.vbm"))?;
    // The node that writes it runs on; which one it is counts for nothing.
    wait::until("a backup with everything in it", COMMAND_LIMIT, || {
        let _older = fs::remove_file(&backup);
        nodes[2].home().attempt(&["backup", &backup])?.success()?;
        let pages: Vec<_> = nodes.iter().map(look).collect::<Result<_, _>>()?;
        Ok(pages.iter().all(|page| page["applied"] == pages[0]["applied"]).then_some(()))
    })?;
    nodes[2].home().attempt(&["backup", &backup])?.ended_with(1)?;

    // Another device, and other files, since then.
    let desktop = agency.add_device(&laptop, "desktop")?;
    fs::write(here.join("avant/0"), noise(90, 1 << 20))?;
    folder::write(&here, "après/rapport", &noise(91, 1 << 20))?;
    sync(&laptop, &here)?;
    fs::create_dir_all(&there)?;
    sync(&desktop, &there)?;

    let homes: Vec<NodeHome> = nodes.into_iter().map(Node::kill).collect::<Result<_, _>>()?;
    for home in &homes[..2] {
        fs::remove_dir_all(home.data().join("meta"))?;
    }
    // A node whose metadata are gone begins nothing by itself.
    homes[0].attempt(&["run"])?.ended_with(3)?;
    homes[0].attempt(&["restore", &backup])?.success()?;
    let mut nodes = vec![homes[0].clone().run()?];
    anyhow::ensure!(look(&nodes[0])?["in_force"] == false);
    let health = |node: &Node| http::page(node.web(), "/healthz");
    let (code, said) = health(&nodes[0])?;
    anyhow::ensure!(code == 503 && said.contains("\"not_in_force\""), "{code}: {said}");
    // Its old metadata would have it vote in what is no more: it is not listened to.
    let stale = homes[2].clone().run()?;
    laptop.attempt(&["sync", "Projets", &utf8(&here)?, "--once"])?.ended_with(UNREACHABLE)?;
    anyhow::ensure!(fs::read(here.join("avant/0"))? == noise(90, 1 << 20), "nothing was touched");

    let request = utf8(&homes[0].data().join("reanchor-request.vbx"))?;
    agency.admin().run(&["org", "reanchor", &request])?;
    anyhow::ensure!(look(&nodes[0])?["in_force"] == true);
    anyhow::ensure!(health(&nodes[0])?.0 == 200);
    wait::until("the node of the incarnation before to be told apart", COMMAND_LIMIT, || {
        Ok(nodes[0].said()?.contains("another incarnation").then_some(()))
    })?;
    stale.kill()?;
    for home in &homes[1..] {
        home.attempt(&["rejoin"])?.success()?;
        nodes.push(home.clone().run_waiting()?.joined()?);
    }
    settled(&nodes, 3)?;

    for (device, folder) in [(&laptop, &here), (&desktop, &there), (&laptop, &here)] {
        sync(device, folder)?;
    }
    folder::ensure_same(&here, &there)?;
    anyhow::ensure!(fs::read(there.join("avant/0"))? == noise(90, 1 << 20));
    anyhow::ensure!(fs::read(there.join("après/rapport"))? == noise(91, 1 << 20));
    // And whatever is read anew from the nodes is that.
    let fresh = agency.add_device(&laptop, "neuf")?;
    let anew = agency.folder().join("anew");
    fs::create_dir_all(&anew)?;
    sync(&fresh, &anew)?;
    folder::ensure_same(&here, &anew)?;
    wait::until("repair to find nothing wanting", HEALED, || {
        // A job that has not looked yet says nothing.
        let wanting = |node: &Node| http::metric(node.web(), "vauban_job_wanting{job=\"repair\"}").ok();
        Ok(nodes.iter().all(|node| wanting(node) == Some(0.0)).then_some(()))
    })
}
