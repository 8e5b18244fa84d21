//! People and devices that leave: nodes answer them no more, from then on, and nobody else is held up.

use vauban_tests::agency::Agency;

/// Ends of commands, as the client documents them.
const USAGE: i32 = 2;
const REFUSED: [i32; 2] = [5, 9];
const NOT_FOUND: i32 = 13;

#[test]
fn a_stolen_device_is_revoked_from_another_one() -> anyhow::Result<()> {
    let (agency, node) = Agency::found()?;
    let laptop = agency.enrol("alice")?;
    let desktop = agency.add_device(&laptop, "desktop")?;
    laptop.run(&["space", "create", "Projets"])?;
    desktop.run(&["space", "list"])?;

    desktop.attempt(&["device", "revoke", "desktop"])?.ended_with(USAGE)?.says(&["another"])?;
    laptop.attempt(&["device", "revoke", "phone"])?.ended_with(NOT_FOUND)?.says(&["phone"])?;
    laptop.run(&["device", "revoke", "desktop"])?;
    laptop.attempt(&["device", "revoke", "desktop"])?.ended_with(NOT_FOUND)?;

    let refused = desktop.attempt(&["ls", "Projets"])?;
    assert!(refused.code().is_some_and(|code| REFUSED.contains(&code)), "{refused:?}");
    refused.says(&["revoked"])?;
    laptop.run(&["ls", "Projets"])?;
    let listed = laptop.json(&["device", "list"])?.remove(0);
    let devices = listed.as_array().into_iter().flatten();
    let revoked: Vec<_> = devices.filter(|device| device["revoked"] == true).map(|device| &device["name"]).collect();
    assert_eq!(revoked, ["desktop"], "{listed:?}");
    node.stop()?;
    Ok(())
}

#[test]
fn an_admin_revokes_people_and_their_devices() -> anyhow::Result<()> {
    let (agency, node) = Agency::found()?;
    let (alice, bob) = (agency.enrol("alice")?, agency.enrol("bob")?);
    let refused = alice.attempt(&["user", "revoke", "bob"])?;
    assert!(refused.code().is_some_and(|code| REFUSED.contains(&code)), "who is no admin revokes nobody: {refused:?}");
    let refused = alice.attempt(&["device", "revoke", "bob", "--user", "bob"])?;
    assert!(refused.code().is_some_and(|code| code != 0), "{refused:?}");
    bob.run(&["space", "list"])?;

    let shown = agency.admin().json(&["user", "show", "bob"])?;
    assert!(shown[0]["fingerprint"].as_str().is_some_and(|fingerprint| fingerprint.len() == 64), "{shown:?}");
    assert_eq!(shown[0]["devices"].as_array().map(Vec::len), Some(1), "{shown:?}");
    agency.admin().attempt(&["user", "revoke", "b"])?.ended_with(NOT_FOUND)?;
    agency.admin().run(&["user", "revoke", "bob"])?;
    bob.attempt(&["space", "list"])?.says(&["revoked"])?;
    agency.admin().attempt(&["user", "revoke", "bob"])?.ended_with(NOT_FOUND)?;
    alice.run(&["space", "list"])?;
    node.stop()?;
    Ok(())
}

#[test]
fn only_the_root_revokes_an_admin() -> anyhow::Result<()> {
    let (agency, node) = Agency::found()?;
    let (alice, bob) = (agency.enrol("alice")?, agency.enrol("bob")?);
    for user in ["alice", "bob"] {
        agency.admin().run(&["org", "appoint", user])?;
    }
    alice.attempt(&["user", "revoke", "bob"])?.ended_with(USAGE)?.says(&["--root"])?;
    alice.attempt(&["device", "revoke", "laptop", "--user", "bob"])?.ended_with(USAGE)?.says(&["--root"])?;
    bob.run(&["space", "list"])?;
    agency.admin().run(&["user", "revoke", "bob", "--root"])?;
    bob.attempt(&["space", "list"])?.says(&["revoked"])?;
    alice.run(&["user", "list"])?;
    node.stop()?;
    Ok(())
}
