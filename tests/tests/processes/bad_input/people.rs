//! What people get wrong: a passphrase, an invite, a node without a charter that the policy accepts.

use std::fs;
use std::time::Duration;

use vauban_tests::agency::{Agency, utf8};
use vauban_tests::home::{COMMAND_LIMIT, Home};
use vauban_tests::http;
use vauban_tests::node::NodeHome;

use super::super::device::Device;
use super::exit;

#[test]
fn a_wrong_passphrase_is_said_and_changes_nothing() -> anyhow::Result<()> {
    let (agency, node) = Agency::found()?;
    let laptop = agency.enrol("alice")?;
    let right = fs::read(laptop.passphrase_file())?;
    fs::write(laptop.passphrase_file(), b"wrong")?;
    laptop.attempt(&["device", "list"])?.ended_with(exit::PASSPHRASE)?.says(&["passphrase"])?;
    fs::write(laptop.passphrase_file(), right)?;
    laptop.run(&["device", "list"])?;
    node.stop()?;
    Ok(())
}

#[test]
fn a_used_or_mistyped_invite_is_refused() -> anyhow::Result<()> {
    let (agency, node) = Agency::found()?;
    let code = agency.invite("alice", &[])?;
    let alice = Home::new(agency.folder(), "alice")?;
    let joining = alice.start(&["init", "--invite", &code, "--name", "laptop"])?;
    agency.admin().run(&["user", "accept", "--wait"])?;
    joining.wait(COMMAND_LIMIT)?.success()?;

    let mallory = Home::new(agency.folder(), "mallory")?;
    mallory.attempt(&["init", "--invite", &code, "--name", "laptop"])?.ended_with(exit::INVITE)?.says(&["invite"])?;

    let typo = mistyped(&code);
    let bob = Home::new(agency.folder(), "bob")?;
    bob.attempt(&["init", "--invite", &typo, "--name", "laptop"])?.ended_with(exit::INVITE)?.says(&["invite"])?;
    node.stop()?;
    Ok(())
}

#[test]
fn what_was_mistyped_is_said() -> anyhow::Result<()> {
    let (agency, node) = Agency::found()?;
    let laptop = agency.enrol("alice")?;
    laptop.run(&["space", "create", "Projets"])?;
    let absent = utf8(&agency.folder().join("absent"))?;
    let refused = laptop.attempt(&["sync", "Projets", &absent, "--once"])?.ended_with(exit::LOCAL)?;
    refused.says(&["no folder", "mkdir"])?;
    assert!(!agency.folder().join("absent").exists(), "it is not made unasked");
    let diff = ["diff", "Projets", "--from", "1h", "--to", "2h"];
    laptop.attempt(&diff)?.ended_with(exit::USAGE)?.says(&["--to is earlier than --from"])?;
    let home = NodeHome::init(agency.folder(), "other")?;
    let (request, out) = (utf8(&home.request())?, utf8(&agency.folder().join("other.vba"))?);
    let charter = ["org", "charter", &request, "--out", &out, "--site", "S", "--department", "75", "--operator", "O"];
    let siren = ["--siren", "110000016", "--regime", "droit français"];
    let refused = agency.admin().attempt(&[charter.as_slice(), &siren].concat())?.ended_with(exit::USAGE)?;
    refused.says(&["not a SIREN"])?;
    node.stop()?;
    Ok(())
}

#[test]
fn an_expired_invite_is_refused() -> anyhow::Result<()> {
    let (agency, node) = Agency::found()?;
    let admin = Device::open(agency.admin())?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let code = runtime.block_on(async {
        let link = admin.link().await?;
        // Nodes judge by the cluster's time, which ticks once a minute.
        let soon = link.status().await?.cluster_time.plus(1);
        let code = admin.invite(&link, "alice", soon).await?;
        while link.status().await?.cluster_time <= soon {
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        anyhow::Ok(code)
    })?;
    let alice = Home::new(agency.folder(), "alice")?;
    alice.attempt(&["init", "--invite", &code, "--name", "laptop"])?.ended_with(exit::INVITE)?.says(&["expired"])?;
    node.stop()?;
    Ok(())
}

#[test]
fn a_node_outside_the_policy_gets_nothing() -> anyhow::Result<()> {
    let agency = Agency::create()?;
    let node = NodeHome::init(agency.folder(), "node")?;
    let (admission, signed) = agency.admission(&node, &["--country", "US"])?;
    assert!(
        signed.stdout.contains("does not satisfy your policy"),
        "the root may sign it, and is warned: {}",
        signed.stdout
    );
    node.admit(&admission)?;
    let node = node.run()?;
    agency.admin().attempt(&["user", "invite", "alice"])?.ended_with(exit::POLICY)?.says(&["country"])?;
    node.stop()?;
    Ok(())
}

#[test]
fn a_node_of_others_at_the_known_address_gets_nothing() -> anyhow::Result<()> {
    let (agency, node) = Agency::found()?;
    let laptop = agency.enrol("alice")?;
    let (others, other_node) = Agency::found()?;

    // The other organisation's node, chartered by its own root, takes over the address.
    let home = node.stop()?;
    let other = other_node.stop()?;
    other.configure(&other.listen()?, &home.listen()?)?;
    let impostor = other.run()?;
    let refused = laptop.attempt(&["device", "add"])?.ended_with(exit::POLICY)?;
    refused.says(&["charter"])?;
    assert_eq!(http::metric(impostor.web(), "vauban_uploaded_bytes_total")? as u64, 0);
    impostor.stop()?;
    drop(others);
    Ok(())
}

#[test]
fn a_node_without_an_admission_does_not_run() -> anyhow::Result<()> {
    let agency = Agency::create()?;
    let node = NodeHome::init(agency.folder(), "node")?;
    let refused = node.attempt(&["run"])?;
    assert_ne!(refused.code(), Some(0));
    refused.says(&["admit"])?;

    // Nor does it take the admission of another node.
    let other = NodeHome::init(agency.folder(), "other")?;
    let (admission, _) = agency.admission(&other, &[])?;
    let admission = utf8(&admission)?;
    let refused = node.attempt(&["admit", &admission])?;
    assert_ne!(refused.code(), Some(0));
    refused.says(&["charter"])?;
    Ok(())
}

/// The code with one of its last letters changed.
fn mistyped(code: &str) -> String {
    let (start, last) = code.split_at(code.len() - 1);
    let other = if last == "a" { "b" } else { "a" };
    format!("{start}{other}")
}
