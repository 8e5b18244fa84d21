//! Admins: made by the root alone, and as good as the first one from then on.

use vauban_tests::agency::Agency;
use vauban_tests::home::{COMMAND_LIMIT, Home};
use vauban_tests::node::NodeHome;

/// Ends of commands, as the client documents them.
const REFUSED: [i32; 2] = [5, 9];
const NOT_FOUND: i32 = 13;

#[test]
fn a_second_admin_invites_without_the_first() -> anyhow::Result<()> {
    let (agency, node) = Agency::found()?;
    let alice = agency.enrol("alice")?;
    let refused = alice.attempt(&["user", "invite", "bob"])?;
    assert!(refused.code().is_some_and(|code| REFUSED.contains(&code)), "who is no admin invites nobody: {refused:?}");
    alice.attempt(&["org", "appoint", "alice"])?.says(&["root"])?;

    agency.admin().attempt(&["org", "appoint", "nobody"])?.ended_with(NOT_FOUND)?.says(&["nobody"])?;
    agency.admin().run(&["org", "appoint", "alice"])?;
    // Said twice, it is as it was.
    let again = agency.admin().run(&["org", "appoint", "alice"])?;
    assert!(again.stdout.contains("has 2"), "{}", again.stdout);

    let invited = alice.run(&["user", "invite", "bob"])?;
    let code = invited.stdout.split_whitespace().find(|word| word.starts_with("vauban1-")).unwrap_or_default();
    let bob = Home::new(agency.folder(), "bob")?;
    let joining = bob.start(&["init", "--invite", code, "--name", "laptop"])?;
    alice.run(&["user", "accept", "--wait"])?;
    joining.wait(COMMAND_LIMIT)?.success()?;
    node.stop()?;
    Ok(())
}

/// Fails if an invite that one admin cannot finish holds up another that they can.
#[test]
fn invites_from_before_an_appointment_hold_up_no_other() -> anyhow::Result<()> {
    let (agency, node) = Agency::found()?;
    let alice = agency.enrol("alice")?;
    agency.invite("carol", &[])?;
    agency.admin().run(&["org", "appoint", "alice"])?;
    let invited = alice.run(&["user", "invite", "dave"])?;
    let code = invited.stdout.split_whitespace().find(|word| word.starts_with("vauban1-")).unwrap_or_default();
    let dave = Home::new(agency.folder(), "dave")?;
    let joining = dave.start(&["init", "--invite", code, "--name", "laptop"])?;
    let accepted = alice.run(&["user", "accept", "--wait"])?;
    assert!(accepted.stdout.contains("dave"), "{}", accepted.stdout);
    joining.wait(COMMAND_LIMIT)?.success()?;
    node.stop()?;
    Ok(())
}

/// Fails if what the root said without a node leaves this admin ahead of all nodes for ever.
#[test]
fn what_was_said_offline_reaches_the_node() -> anyhow::Result<()> {
    let (agency, node) = Agency::found()?;
    let later = NodeHome::init(agency.folder(), "later")?;
    agency.admission(&later, &["--offline"])?;
    agency.admin().run(&["user", "list"])?;
    let alice = agency.enrol("alice")?;
    alice.run(&["device", "list"])?;
    node.stop()?;
    Ok(())
}
