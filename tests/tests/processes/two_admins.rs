//! The two-admin rule, by real processes: the root proposes, two admins sign, and nothing holds before.

use serde_json::Value;
use vauban_tests::agency::{Agency, utf8};
use vauban_tests::home::Home;
use vauban_tests::node::NodeHome;

/// Ends of commands, as the client documents them.
const USAGE: i32 = 2;
const NOT_FOUND: i32 = 13;

/// How the one proposal is called that waits.
fn waiting(home: &Home) -> anyhow::Result<(String, Value)> {
    let listed = home.json(&["admin", "pending"])?.remove(0);
    let found = listed.as_array().into_iter().flatten().find(|waits| waits["proposal"].is_string()).cloned();
    let found = found.ok_or_else(|| anyhow::anyhow!("nothing waits: {listed}"))?;
    Ok((found.get("proposal").and_then(serde_json::Value::as_str).unwrap_or_default().to_owned(), found))
}

fn countries(home: &Home) -> anyhow::Result<Value> {
    Ok(home.json(&["org", "policy"])?.remove(0).get("countries").cloned().unwrap_or_default())
}

fn approve(home: &Home) -> anyhow::Result<()> {
    let (proposal, _) = waiting(home)?;
    let said = home.run(&["admin", "approve", &proposal, "--yes"])?;
    anyhow::ensure!(said.stdout.contains("in force"), "{said:?}");
    Ok(())
}

/// Fails if one admin with the root gets anything through, or if two do not.
#[test]
fn one_admin_with_the_root_changes_nothing_and_two_do() -> anyhow::Result<()> {
    let (agency, node) = Agency::found()?;
    let (alice, bob) = (agency.enrol("alice")?, agency.enrol("bob")?);
    let admin = agency.admin();
    admin.attempt(&["org", "policy", "--two-admins", "on", "--yes"])?.ended_with(USAGE)?.says(&["only one admin"])?;
    admin.run(&["org", "appoint", "alice"])?;
    admin.attempt(&["org", "policy", "--two-admins", "on"])?.ended_with(USAGE)?.says(&["--yes"])?;
    admin.run(&["org", "policy", "--two-admins", "on", "--yes"])?;
    bob.attempt(&["admin", "approve", &waiting(&bob)?.0, "--yes"])?.ended_with(USAGE)?.says(&["no admin"])?;
    approve(&alice)?;

    // The policy: proposed with the first admin's signature, which is not given twice.
    let said = admin.run(&["org", "policy", "--country", "FR", "--country", "BE"])?;
    assert!(said.stdout.contains("admin approve p"), "{said:?}");
    let (proposal, shown) = waiting(&alice)?;
    assert_eq!(shown["approved_by"].as_array().map(Vec::len), Some(1), "{shown}");
    assert!(shown["what"].as_str().is_some_and(|what| what.contains("FR, BE")), "{shown}");
    admin.attempt(&["admin", "approve", &proposal, "--yes"])?.ended_with(USAGE)?.says(&["already"])?;
    for home in [admin, &alice, &bob] {
        assert_eq!(countries(home)?, Value::from(vec!["FR"]));
    }
    approve(&alice)?;
    for home in [admin, &alice, &bob] {
        assert_eq!(countries(home)?, Value::from(vec!["FR", "BE"]));
    }
    alice.attempt(&["admin", "approve", &proposal, "--yes"])?.ended_with(NOT_FOUND)?;

    // A third admin; one of the last two is not revoked by the way.
    admin.attempt(&["user", "revoke", "alice", "--root"])?.ended_with(USAGE)?.says(&["admin offboard alice"])?;
    admin.run(&["org", "appoint", "bob"])?;
    bob.attempt(&["user", "invite", "carol"])?;
    approve(&alice)?;
    bob.run(&["user", "invite", "carol"])?;

    // A node's charter: the admission is written once it holds.
    let second = NodeHome::init(agency.folder(), "second")?;
    let (admission, said) = agency.admission(&second, &[])?;
    assert!(said.stdout.contains("--approved") && !admission.exists(), "{said:?}");
    let (proposal, _) = waiting(&bob)?;
    let (request, out) = (utf8(&second.request())?, utf8(&admission)?);
    let again = ["org", "charter", &request, "--out", &out, "--approved", "--site", "S", "--department", "75"];
    let again = [&again[..], &["--operator", "O", "--siren", "110000015", "--regime", "R"]].concat();
    admin.attempt(&again)?.ended_with(NOT_FOUND)?.says(&["admin pending"])?;
    bob.run(&["admin", "approve", &proposal, "--yes"])?;
    admin.run(&again)?;
    second.admit(&admission)?;

    // What is withdrawn is gone; the rule ends as it began.
    admin.run(&["org", "policy", "--copies", "2"])?;
    alice.run(&["admin", "withdraw", &waiting(&alice)?.0])?;
    admin.run(&["org", "policy", "--two-admins", "off"])?;
    assert_eq!(admin.json(&["org", "policy"])?.remove(0)["two_admins"], true);
    approve(&bob)?;
    let report = admin.json(&["org", "policy", "--country", "FR"])?.remove(0);
    assert_eq!((&report["two_admins"], &report["waits"]), (&false.into(), &Value::Array(vec![])), "{report}");
    node.stop()?;
    Ok(())
}

/// Fails if an organisation under the rule cannot be taken up from its backup, where the root gives nobody a device.
#[test]
fn the_root_is_restored_under_the_rule() -> anyhow::Result<()> {
    let (agency, node) = Agency::found()?;
    let alice = agency.enrol("alice")?;
    let admin = agency.admin();
    admin.run(&["org", "appoint", "alice"])?;
    admin.run(&["org", "policy", "--two-admins", "on", "--yes"])?;
    approve(&alice)?;
    let backup = utf8(&agency.folder().join("root.backup"))?;
    admin.run(&["org", "backup", &backup])?;
    let fresh = Home::new(agency.folder(), "fresh")?;
    fresh.run(&["org", "restore", &backup])?;
    admin.attempt(&["user", "list"])?.says(&["revoked"])?;
    fresh.run(&["org", "policy", "--copies", "1", "--country", "FR", "--country", "BE"])?;
    approve(&alice)?;
    assert_eq!(countries(&fresh)?, Value::from(vec!["FR", "BE"]));
    node.stop()?;
    Ok(())
}
