//! Somebody leaves the agency: what they leave behind is said first, and nothing is done before that is confirmed.

use std::fs;

use serde_json::Value;
use vauban_tests::agency::Agency;

use crate::slice::sync;

/// Ends of commands, as the client documents them.
const USAGE: i32 = 2;

/// Fails if an admin revokes somebody without having seen what becomes of their spaces, or if that does not become of them.
#[test]
fn whoever_leaves_is_revoked_once_it_is_clear_what_stays() -> anyhow::Result<()> {
    let (agency, node) = Agency::found()?;
    let (alice, bob, carol) = (agency.enrol("alice")?, agency.enrol("bob")?, agency.enrol("carol")?);
    agency.admin().run(&["org", "appoint", "alice"])?;
    let here = agency.folder().join("here");
    fs::create_dir(&here)?;
    fs::write(here.join("note.txt"), "a note")?;
    for space in ["Projets", "Privé", "Lecture"] {
        alice.run(&["space", "create", space])?;
    }
    sync(&alice, &here)?;
    alice.run(&["space", "add", "Projets", "bob", "--role", "manager", "--unconfirmed"])?;
    alice.run(&["space", "add", "Projets", "carol", "--unconfirmed"])?;
    alice.run(&["space", "add", "Lecture", "bob", "--role", "reader", "--unconfirmed"])?;
    alice.run(&["link", "create", "Projets:note.txt"])?;
    alice.run(&["user", "invite", "dora"])?;
    for (person, name) in [(&bob, "of bob"), (&carol, "of carol")] {
        fs::create_dir(agency.folder().join(name))?;
        sync(person, &agency.folder().join(name))?;
    }

    let admin = agency.admin();
    bob.attempt(&["admin", "offboard", "alice", "--dry-run"])?.ended_with(USAGE)?.says(&["no admin"])?;
    admin.attempt(&["admin", "offboard", "alice", "--yes"])?.ended_with(USAGE)?.says(&["--root"])?;
    let shown = admin.json(&["admin", "offboard", "alice", "--dry-run"])?.remove(0);
    assert_eq!((&shown["user"], &shown["admin"], &shown["other_admins"]), (&"alice".into(), &true.into(), &1.into()));
    assert_eq!((&shown["invites"], &shown["links"]), (&Value::from(vec!["dora"]), &1.into()));
    let spaces = shown["spaces"].as_array().cloned().unwrap_or_default();
    let of =
        |afterwards: &str| spaces.iter().filter(|space| space["owner_afterwards"] == afterwards).collect::<Vec<_>>();
    assert_eq!((spaces.len(), of("closed").len(), of("unowned").len()), (3, 1, 1), "{shown:?}");
    assert_eq!(of("heir").iter().map(|space| &space["heir"]).collect::<Vec<_>>(), ["bob"], "{shown:?}");
    assert!(spaces.iter().all(|space| space["name"].is_null()), "the admin reads no name: {shown:?}");

    // Nobody is at the terminal to say yes: nothing is done.
    let asked = admin.attempt(&["admin", "offboard", "alice", "--root"])?.ended_with(USAGE)?.says(&["--yes"])?;
    for said in ["falls to bob", "NOBODY WILL BE ABLE TO READ IT", "WILL HAVE NO OWNER", "open invites"] {
        assert!(asked.stdout.contains(said), "{said}: {asked:?}");
    }
    alice.run(&["ls", "Projets"])?;

    let report = admin.json(&["admin", "offboard", "alice", "--root", "--yes"])?.remove(1);
    assert_eq!((&report["user"], &report["rotated"]), (&"alice".into(), &0.into()), "{report:?}");
    assert_eq!((&report["pending"], &report["stuck"]), (&2.into(), &1.into()), "{report:?}");
    alice.attempt(&["ls", "Projets"])?.says(&["revoked"])?;

    // The heir's client sees to the keys, and the heir rules.
    sync(&bob, &agency.folder().join("of bob"))?;
    let members = bob.json(&["space", "members", "Projets"])?.remove(0);
    assert_eq!((&members["rotation_pending"], &members["epoch"]), (&false.into(), &2.into()), "{members:?}");
    bob.run(&["space", "add", "Projets", "carol", "--role", "owner", "--unconfirmed"])?;
    node.stop()?;
    Ok(())
}

/// The admin who is a member writes there, and so changes the keys at once.
#[test]
fn spaces_of_the_admin_get_new_keys_at_once() -> anyhow::Result<()> {
    let (agency, node) = Agency::found()?;
    let bob = agency.enrol("bob")?;
    let admin = agency.admin();
    admin.run(&["space", "create", "Projets"])?;
    admin.run(&["space", "add", "Projets", "bob", "--unconfirmed"])?;
    bob.run(&["ls", "Projets"])?;
    let said = admin.run(&["admin", "offboard", "bob", "--yes"])?;
    assert!(said.stdout.contains("Projets") && said.stdout.contains("new keys: 1"), "{said:?}");
    bob.attempt(&["ls", "Projets"])?.says(&["revoked"])?;
    let members = admin.json(&["space", "members", "Projets"])?.remove(0);
    assert_eq!(members["rotation_pending"], false, "{members:?}");
    node.stop()?;
    Ok(())
}
