//! Spaces that several people share: they come and read what was before, they go and read nothing that comes after.

use std::fs;
use std::path::PathBuf;

use anyhow::Context;
use vauban_tests::agency::{Agency, utf8};
use vauban_tests::folder;
use vauban_tests::home::Home;
use vauban_tests::node::Node;

use crate::slice::sync;

/// Ends of commands, as the client documents them.
const PARTIAL: i32 = 11;
const REFUSED: i32 = 5;
const UNREACHABLE: i32 = 6;
const NOT_FOUND: i32 = 13;

/// A person with a folder.
pub(crate) struct Person {
    pub(crate) home: Home,
    pub(crate) folder: PathBuf,
}

impl Person {
    pub(crate) fn of(agency: &Agency, name: &str) -> anyhow::Result<Self> {
        let folder = agency.folder().join(format!("of {name}"));
        fs::create_dir_all(&folder)?;
        Ok(Self { home: agency.enrol(name)?, folder })
    }

    pub(crate) fn sync(&self) -> anyhow::Result<()> {
        sync(&self.home, &self.folder)
    }

    pub(crate) fn write(&self, name: &str, content: &str) -> anyhow::Result<()> {
        folder::write(&self.folder, name, content.as_bytes()).map(drop)
    }

    pub(crate) fn has(&self, name: &str, content: &str) -> anyhow::Result<()> {
        let found =
            fs::read_to_string(self.folder.join(name)).with_context(|| format!("{name} at {:?}", self.folder))?;
        anyhow::ensure!(found == content, "{name} is {found:?} at {:?}", self.folder);
        Ok(())
    }

    /// What is said of the space's members, name by name.
    fn members(&self) -> anyhow::Result<Vec<(String, String)>> {
        let report = self.home.json(&["space", "members", "Projets"])?.remove(0);
        let word = |value: &serde_json::Value| value.as_str().unwrap_or("-").to_owned();
        let members = report.get("members").and_then(serde_json::Value::as_array).context("no list")?;
        Ok(members.iter().map(|member| (word(&member["name"]), word(&member["role"]))).collect())
    }
}

/// Alice, who owns a space with a file, and two others who have none.
pub(crate) fn three() -> anyhow::Result<(Agency, Node, [Person; 3])> {
    let (agency, node) = Agency::found()?;
    let [alice, bob, carol] = ["alice", "bob", "carol"].map(|name| Person::of(&agency, name));
    let (alice, bob, carol) = (alice?, bob?, carol?);
    alice.home.run(&["space", "create", "Projets"])?;
    alice.write("before.txt", "before anybody came")?;
    alice.sync()?;
    Ok((agency, node, [alice, bob, carol]))
}

/// Fails if whoever comes does not read what was before, writes nothing, or reads on after going; or if the others do not go on.
#[test]
fn whoever_comes_reads_all_and_whoever_goes_nothing_more() -> anyhow::Result<()> {
    let (_agency, node, [alice, bob, carol]) = three()?;
    bob.home.attempt(&["space", "members", "Projets"])?.ended_with(NOT_FOUND)?;
    // Bob starts from a checkpoint of before he came.
    alice.home.run(&["space", "checkpoint", "Projets"])?;
    alice.home.run(&["space", "add", "Projets", "bob"])?;
    bob.sync()?;
    bob.has("before.txt", "before anybody came")?;
    bob.write("from bob.txt", "bob was here")?;
    bob.sync()?;
    alice.sync()?;
    alice.has("from bob.txt", "bob was here")?;
    let fingerprint = |person: &Person| person.home.json(&["space", "fingerprint", "Projets", "--at", "4"]);
    assert_eq!(fingerprint(&alice)?, fingerprint(&bob)?);

    // Alice has not yet read what bob's device has said that it saw: her client asks for it now.
    alice.home.run(&["space", "remove", "Projets", "bob"])?;
    alice.write("after.txt", "after bob went")?;
    alice.sync()?;
    let refused = bob.home.attempt(&["sync", "Projets", &utf8(&bob.folder)?, "--once"])?;
    assert_ne!(refused.code(), Some(0), "{refused:?}");
    bob.has("from bob.txt", "bob was here")?;
    assert!(!bob.folder.join("after.txt").exists());

    alice.home.run(&["space", "checkpoint", "Projets"])?;

    // Who comes after the change of keys reads what was sealed under the old ones, and under the new.
    alice.home.run(&["space", "add", "Projets", "carol", "--role", "manager"])?;
    carol.sync()?;
    folder::ensure_same(&alice.folder, &carol.folder)?;
    assert_eq!(alice.members()?, [("alice".into(), "owner".into()), ("carol".into(), "manager".into())]);

    // And who comes back reads what was written meanwhile.
    carol.home.run(&["space", "add", "Projets", "bob"])?;
    bob.sync()?;
    bob.has("after.txt", "after bob went")?;
    node.stop()?;
    Ok(())
}

/// Fails if a reader's change reaches anybody, or is lost; if a manager rules over owners; or if the last owner can go.
#[test]
fn everybody_does_what_the_role_says() -> anyhow::Result<()> {
    let (_agency, node, [alice, bob, carol]) = three()?;
    alice.home.run(&["space", "add", "Projets", "bob", "--role", "reader"])?;
    bob.sync()?;
    bob.write("before.txt", "bob would have it otherwise")?;
    bob.write("new.txt", "of bob's")?;
    let told = bob.home.attempt(&["sync", "Projets", &utf8(&bob.folder)?, "--once"])?;
    told.ended_with(PARTIAL)?.says(&["new.txt", "before.txt", "only read"])?;
    alice.sync()?;
    alice.has("before.txt", "before anybody came")?;
    bob.has("new.txt", "of bob's")?;
    bob.home.attempt(&["space", "add", "Projets", "carol"])?.ended_with(REFUSED)?.says(&["manager"])?;

    alice.home.run(&["space", "add", "Projets", "bob", "--role", "manager"])?;
    bob.sync()?;
    alice.sync()?;
    alice.has("new.txt", "of bob's")?;
    bob.home.run(&["space", "add", "Projets", "carol", "--role", "reader"])?;
    bob.home
        .attempt(&["space", "add", "Projets", "carol", "--role", "owner"])?
        .ended_with(REFUSED)?
        .says(&["owner"])?;
    bob.home.attempt(&["space", "remove", "Projets", "alice"])?.ended_with(REFUSED)?.says(&["owner"])?;
    bob.home.attempt(&["space", "remove", "Projets", "nobody"])?.ended_with(NOT_FOUND)?;
    alice.home.attempt(&["space", "leave", "Projets"])?.ended_with(REFUSED)?.says(&["owner"])?;

    // A reader leaves; the next writer changes the keys.
    carol.sync()?;
    carol.home.run(&["space", "leave", "Projets"])?;
    carol.home.attempt(&["space", "members", "Projets"])?.ended_with(NOT_FOUND)?;
    let pending = |person: &Person| anyhow::Ok(person.home.json(&["space", "members", "Projets"])?.remove(0));
    assert_eq!(pending(&alice)?["rotation_pending"], true);
    alice.sync()?;
    let after = pending(&alice)?;
    assert_eq!((&after["rotation_pending"], &after["epoch"]), (&false.into(), &2.into()), "{after:?}");
    bob.sync()?;
    node.stop()?;
    Ok(())
}

/// Fails if a revocation by an admin leaves a space under keys that the revoked hold, once a writer's client has come by.
#[test]
fn a_central_revocation_changes_the_keys() -> anyhow::Result<()> {
    let (agency, node, [alice, bob, carol]) = three()?;
    alice.home.run(&["space", "add", "Projets", "bob", "carol"])?;
    bob.sync()?;
    carol.sync()?;
    agency.admin().run(&["user", "revoke", "bob"])?;
    carol.write("after.txt", "bob is gone")?;
    carol.sync()?;
    let report = carol.home.json(&["space", "members", "Projets"])?.remove(0);
    assert_eq!((&report["epoch"], &report["rotation_pending"]), (&2.into(), &false.into()), "{report:?}");
    alice.sync()?;
    alice.has("after.txt", "bob is gone")?;
    alice.home.run(&["space", "remove", "Projets", "bob"])?;
    assert_eq!(alice.members()?.len(), 2);
    node.stop()?;
    Ok(())
}

/// Fails if one command does not change all keys that a stolen laptop has, if what is then shared is still wrapped for it, or if the person's
/// other devices, old and new, do not read everything.
#[test]
fn a_stolen_laptop_is_revoked_by_one_command() -> anyhow::Result<()> {
    let (agency, node, [alice, bob, carol]) = three()?;
    let desktop =
        Person { home: agency.add_device(&alice.home, "desktop")?, folder: agency.folder().join("of desktop") };
    fs::create_dir_all(&desktop.folder)?;
    desktop.sync()?;
    alice.home.run(&["space", "add", "Projets", "bob"])?;
    bob.sync()?;
    desktop.sync()?;
    let fingerprint = |of: &str| anyhow::Ok(carol.home.json(&["user", "show", of])?.remove(0)["fingerprint"].clone());
    let before = (fingerprint("alice")?, fingerprint("bob")?);
    let report = desktop.home.json(&["device", "revoke", "laptop"])?.remove(0);
    assert_eq!((&report["rotated"], &report["pending"]), (&1.into(), &0.into()), "{report:?}");
    assert_ne!(fingerprint("alice")?, before.0, "secrets for alice are wrapped for the stolen laptop");
    assert_eq!(fingerprint("bob")?, before.1);
    alice.home.attempt(&["ls", "Projets"])?.says(&["revoked"])?;

    bob.write("after.txt", "after the theft")?;
    bob.sync()?;
    desktop.sync()?;
    desktop.has("after.txt", "after the theft")?;
    desktop.has("before.txt", "before anybody came")?;
    let members = |person: &Person| anyhow::Ok(person.home.json(&["space", "members", "Projets"])?.remove(0));
    assert_eq!((&members(&bob)?["epoch"], &members(&bob)?["rotation_pending"]), (&2.into(), &false.into()));

    // A device that is enrolled now reads what was sealed before, and is given what comes after.
    let phone = Person { home: agency.add_device(&desktop.home, "phone")?, folder: agency.folder().join("of phone") };
    fs::create_dir_all(&phone.folder)?;
    phone.sync()?;
    folder::ensure_same(&bob.folder, &phone.folder)?;
    bob.home.run(&["space", "create", "Autre"])?;
    bob.home.run(&["space", "add", "Autre", "alice"])?;
    for home in [&desktop.home, &phone.home] {
        home.run(&["ls", "Autre"])?;
    }
    node.stop()?;
    Ok(())
}

/// Fails if a person whose laptop an admin has revoked is admitted, or given keys, before another device has renewed their own; or if that device
/// does not come back to everything once it has.
#[test]
fn whoever_was_away_when_a_device_was_revoked_comes_back() -> anyhow::Result<()> {
    let (agency, node, [alice, bob, _carol]) = three()?;
    let desktop =
        Person { home: agency.add_device(&alice.home, "desktop")?, folder: agency.folder().join("of desktop") };
    fs::create_dir_all(&desktop.folder)?;
    alice.home.run(&["space", "add", "Projets", "bob"])?;
    bob.sync()?;
    desktop.sync()?;
    bob.home.run(&["space", "create", "Autre"])?;
    let said = agency.admin().run(&["device", "revoke", "laptop", "--user", "alice"])?.stdout;
    assert!(said.contains("alice is given no new ones before another device"), "{said}");
    let members = |person: &Person| anyhow::Ok(person.home.json(&["space", "members", "Projets"])?.remove(0));
    assert_eq!(members(&bob)?["members"][0]["renewal_due"], true);

    bob.write("after.txt", "after the theft")?;
    bob.sync()?;
    let report = members(&bob)?;
    assert_eq!((&report["epoch"], &report["rotation_pending"]), (&2.into(), &false.into()), "{report:?}");
    bob.home.attempt(&["space", "add", "Autre", "alice"])?.ended_with(REFUSED)?.says(&["not renewed yet"])?;

    // Alice's own device renews her keys, and says what it waits for.
    desktop
        .home
        .attempt(&["sync", "Projets", &utf8(&desktop.folder)?, "--once"])?
        .ended_with(UNREACHABLE)?
        .says(&["you were not given the keys of epoch 2", "space rotate"])?;
    let report = members(&bob)?;
    assert_eq!((&report["rotation_pending"], &report["members"][0]["renewal_due"]), (&true.into(), &false.into()));
    bob.sync()?;
    desktop.sync()?;
    desktop.has("after.txt", "after the theft")?;
    desktop.write("back.txt", "alice is back")?;
    desktop.sync()?;
    bob.sync()?;
    bob.has("back.txt", "alice is back")?;
    assert_eq!(members(&bob)?["epoch"], 3);
    bob.home.run(&["space", "add", "Autre", "alice"])?;
    desktop.home.run(&["ls", "Autre"])?;
    node.stop()?;
    Ok(())
}

/// Fails if it is said that somebody lost access, or that keys were changed, where nothing of the kind was done.
#[test]
fn whoever_is_no_member_is_not_removed() -> anyhow::Result<()> {
    let (_agency, node, [alice, bob, carol]) = three()?;
    alice.home.run(&["space", "add", "Projets", "bob"])?;
    bob.sync()?;
    let refused = alice.home.attempt(&["space", "remove", "Projets", "bob", "carol"])?;
    refused.ended_with(NOT_FOUND)?.says(&["carol is no member", "nothing was changed"])?;
    assert_eq!(alice.members()?.len(), 2, "bob is removed without carol");

    bob.home.run(&["space", "leave", "Projets"])?;
    let refused = alice.home.attempt(&["space", "remove", "Projets", "bob"])?;
    refused.ended_with(NOT_FOUND)?.says(&["bob is no member", "the keys are still those from before", "rotate"])?;
    let report = || anyhow::Ok(alice.home.json(&["space", "members", "Projets"])?.remove(0));
    assert_eq!(report()?["rotation_pending"], true);
    alice.home.run(&["space", "rotate", "Projets"])?;
    assert_eq!((&report()?["rotation_pending"], &report()?["epoch"]), (&false.into(), &2.into()));
    let refused = alice.home.attempt(&["space", "remove", "Projets", "bob"])?.ended_with(NOT_FOUND)?;
    assert!(!refused.stderr.contains("rotate"), "{refused:?}");
    carol.home.attempt(&["space", "members", "Projets"])?.ended_with(NOT_FOUND)?;
    node.stop()?;
    Ok(())
}
