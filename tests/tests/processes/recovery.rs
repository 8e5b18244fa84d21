//! People who lose every device, and the guardians who give their keys back; those who guard badly, and those who ask in another's name.

use std::fs;

use anyhow::Context;
use serde_json::Value;
use vauban_client::session::Certifying;
use vauban_protocol::organisation::{Approval, Statement};
use vauban_tests::agency::Agency;
use vauban_tests::folder::noise;
use vauban_tests::home::Home;
use vauban_tests::node::Node;
use vauban_tests::process::Outcome;

use crate::device::Device;
use crate::sharing::{Person, three};

/// Ends of commands, as the client documents them.
const USAGE: i32 = 2;
const REFUSED: i32 = 5;
const RECOVERY: i32 = 16;

/// Alice, who shares a space with Bob, and whose guardians are Bob, Carol and Dave, two of them together.
struct Circle {
    agency: Agency,
    node: Node,
    alice: Person,
    bob: Person,
    carol: Person,
    dave: Home,
}

impl Circle {
    fn guarded() -> anyhow::Result<Self> {
        let (agency, node, [alice, bob, carol]) = three()?;
        let dave = agency.enrol("dave")?;
        alice.home.run(&["space", "add", "Projets", "bob"])?;
        bob.sync()?;
        let set_up = ["recovery", "setup", "--guardians", "bob,carol,dave", "--threshold"];
        let attempt = |threshold| alice.home.attempt(&[&set_up[..], &[threshold]].concat());
        attempt("1")?.ended_with(USAGE)?.says(&["one guardian alone"])?;
        attempt("4")?.ended_with(USAGE)?;
        shows(&attempt("2")?.success()?, &["2 of them TOGETHER", "bob", "carol", "dave"])?;
        Ok(Self { agency, node, alice, bob, carol, dave })
    }

    /// A new machine that asks for Alice's keys, certified by the admin; and its words.
    fn asks(&self, name: &str) -> anyhow::Result<(Home, String)> {
        let code = self.agency.recovery("alice")?;
        let machine = Home::new(self.agency.folder(), name)?;
        let begun = machine.json(&["recovery", "begin", "--invite", &code, "--name", name])?.remove(0);
        let words = begun.get("words").and_then(serde_json::Value::as_str).context("no words")?.to_owned();
        machine.attempt(&["recovery", "finish"])?.ended_with(RECOVERY)?.says(&["No admin"])?;
        shows(&self.agency.admin().run(&["user", "accept", "--wait"])?, &[&words])?;
        Ok((machine, words))
    }
}

/// Fails unless a command's result has these words.
fn shows(outcome: &Outcome, words: &[&str]) -> anyhow::Result<()> {
    for word in words {
        anyhow::ensure!(outcome.stdout.contains(word), "no `{word}` in:\n{}", outcome.stdout);
    }
    Ok(())
}

fn approve(guardian: &Home, words: &str) -> anyhow::Result<()> {
    guardian.run(&["recovery", "approve", "alice", "--words", words]).map(drop)
}

fn standing(home: &Home) -> anyhow::Result<Value> {
    Ok(home.json(&["recovery", "list"])?.remove(0))
}

/// A guardian whose machine gives back junk instead of its share.
fn approve_with_junk(guardian: &Home) -> anyhow::Result<()> {
    let device = Device::open(guardian)?;
    tokio::runtime::Runtime::new()?.block_on(async {
        let link = device.link().await?;
        let session = device.session();
        let organisation = session.organisation();
        let asked = organisation.users().find_map(|(user, record)| Some((user, record.recovery.as_ref()?.device)));
        let (user, device) = asked.context("nobody asks")?;
        let junk = Statement::Approve(Approval { user, device, wrapped: noise(1, 1168) });
        let said = session
            .certify(Certifying::At(&link), |draft| Ok(draft.say(session.identity().as_ref().into(), junk.clone())?));
        Ok(said.await?)
    })
}

/// Fails if two of three guardians do not give Alice her files back, if fewer do, or if a guardian who gives back something else is not named.
#[test]
fn whoever_has_lost_every_device_recovers_with_the_guardians() -> anyhow::Result<()> {
    let circle = Circle::guarded()?;
    let (phone, words) = circle.asks("phone")?;
    phone.attempt(&["recovery", "finish"])?.ended_with(RECOVERY)?.says(&["0 of 2", "recovery approve"])?;

    // The guardian is shown the words, gives nothing for others, and is named to nobody but for what was given.
    let bob = &circle.bob.home;
    shows(&bob.run(&["status"])?, &["asks for alice's keys"])?;
    let shown = bob.attempt(&["recovery", "approve", "alice"])?.ended_with(RECOVERY)?;
    shows(&shown, &[&words, "Nothing was given"])?;
    let others = words.replacen(&words[..5], "babab", 1);
    bob.attempt(&["recovery", "approve", "alice", "--words", &others])?
        .ended_with(RECOVERY)?
        .says(&["not those of the device"])?;
    phone.attempt(&["recovery", "finish"])?.ended_with(RECOVERY)?.says(&["0 of 2"])?;
    approve(bob, &words.to_uppercase())?;
    bob.attempt(&["recovery", "approve", "alice", "--words", &words])?.ended_with(RECOVERY)?.says(&["already"])?;
    phone.attempt(&["recovery", "finish"])?.ended_with(RECOVERY)?.says(&["1 of 2"])?;
    for other in [&["ls", "Projets"][..], &["init"]] {
        phone.attempt(other)?.ended_with(RECOVERY)?.says(&["guardians", "recovery finish"])?;
    }

    // Each device that she still has is told, once, and shows it for as long as it lasts.
    let told = circle.alice.home.run(&["space", "list"])?;
    anyhow::ensure!(told.stderr.contains("ATTENTION") && told.stderr.contains("bob"), "{told:?}");
    shows(&circle.alice.home.run(&["status"])?, &["recovery refuse", "phone"])?;

    approve_with_junk(&circle.carol.home)?;
    phone.attempt(&["recovery", "finish"])?.ended_with(RECOVERY)?.says(&["carol did not give back", "1 of 2"])?;
    approve(&circle.dave, &words)?;
    let done = phone.json(&["recovery", "finish"])?.remove(0);
    assert_eq!((&done["user"], &done["device"]), (&"alice".into(), &"phone".into()), "{done:?}");
    assert_eq!((&done["bad_shares"], &done["revoked"]), (&vec!["carol"].into(), &vec!["laptop"].into()), "{done:?}");
    assert_eq!((&done["rotated"], &done["pending"]), (&1.into(), &0.into()), "{done:?}");

    // What was written before the loss and after it is hers; the lost laptop has nothing more.
    let recovered = Person { home: phone, folder: circle.agency.folder().join("of phone") };
    fs::create_dir_all(&recovered.folder)?;
    recovered.sync()?;
    recovered.has("before.txt", "before anybody came")?;
    circle.bob.write("after.txt", "after the loss")?;
    circle.bob.sync()?;
    recovered.sync()?;
    recovered.has("after.txt", "after the loss")?;
    circle.alice.home.attempt(&["ls", "Projets"])?.says(&["revoked"])?;
    // Run again, or on a device that has recovered nothing, it revokes nobody.
    recovered.home.attempt(&["recovery", "finish"])?.ended_with(RECOVERY)?.says(&["it is over"])?;
    circle.bob.home.attempt(&["recovery", "finish"])?.ended_with(RECOVERY)?;
    // Whoever has the device that chose her guardians may have chosen them: she names them anew.
    let after = standing(&recovered.home)?;
    assert_eq!((&after["guardians"], &after["lapsed"]), (&Value::Null, &true.into()), "{after:?}");
    assert_eq!(after["asked"], Value::Null);
    shows(&recovered.home.run(&["recovery", "list"])?, &["recovery setup"])?;
    recovered.home.run(&["recovery", "setup", "--guardians", "bob,carol,dave", "--threshold", "2"])?;

    // And once more, with the shares of the new keys.
    let (desktop, words) = circle.asks("desktop")?;
    approve(&circle.carol.home, &words)?;
    approve(&circle.dave, &words)?;
    let done = desktop.json(&["recovery", "finish", "--wait"])?.remove(0);
    assert_eq!((&done["bad_shares"], &done["revoked"]), (&Value::Array(vec![]), &vec!["phone"].into()), "{done:?}");
    shows(&desktop.run(&["cat", "Projets:after.txt"])?, &["after the loss"])?;
    circle.node.stop()?;
    Ok(())
}

/// Fails if a guardian who leaves is not left behind, or if a device that asks in Alice's name cannot be refused from the one that she has.
#[test]
fn guardians_who_leave_are_left_behind_and_false_devices_refused() -> anyhow::Result<()> {
    let circle = Circle::guarded()?;
    let fingerprint = || {
        let shown = circle.carol.home.json(&["user", "show", "alice"])?.remove(0);
        anyhow::Ok(shown["fingerprint"].clone())
    };
    let before = fingerprint()?;
    circle.agency.admin().run(&["user", "revoke", "bob"])?;
    circle.alice.sync()?;
    let after = standing(&circle.alice.home)?;
    assert_eq!(after["guardians"]["names"].as_array().map(Vec::len), Some(2), "{after:?}");
    assert_ne!(fingerprint()?, before, "a guardian who has left holds a share of these keys");

    let (thief, words) = circle.asks("thief")?;
    shows(&circle.alice.home.run(&["recovery", "refuse"])?, &["thief"])?;
    circle.dave.attempt(&["recovery", "approve", "alice", "--words", &words])?.ended_with(RECOVERY)?;
    thief.attempt(&["recovery", "finish"])?.ended_with(RECOVERY)?.says(&["refused"])?;

    // Without guardians there is no recovery, and an admin is told before anybody waits.
    circle.alice.home.run(&["recovery", "stop"])?;
    circle.agency.admin().attempt(&["user", "recover", "alice"])?.ended_with(RECOVERY)?.says(&["no guardians"])?;
    circle.alice.sync()?;
    circle.alice.has("before.txt", "before anybody came")?;
    let refused = circle.carol.home.attempt(&["user", "recover", "dave"])?;
    assert!(refused.code().is_some_and(|code| [REFUSED, RECOVERY].contains(&code)), "{refused:?}");
    circle.node.stop()?;
    Ok(())
}
