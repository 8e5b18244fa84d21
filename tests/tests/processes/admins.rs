//! Admins: made by the root alone, and as good as the first one from then on.

use vauban_tests::agency::Agency;
use vauban_tests::home::{COMMAND_LIMIT, Home};

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
