//! Secrets that people enter: asked for where nobody sees them, or read from standard input. As an argument they work, and are not needed.

use std::fs;

use anyhow::Context as _;
use vauban_client::shared_link::LinkAddress;
use vauban_tests::agency::{Agency, utf8};
use vauban_tests::folder;
use vauban_tests::home::{COMMAND_LIMIT, Home};
use vauban_tests::node::Node;
use vauban_tests::terminal::Terminal;

use super::links::{create, start_with_line, with_line};
use super::slice::sync;

/// Ends of commands, as the client documents them.
const USAGE: i32 = 2;
const PASSPHRASE: i32 = 4;
const INVITE: i32 = 9;
const NOT_FOUND: i32 = 13;
/// What guards a link of a test.
const PASSWORD: &str = "canari mot de passe 3e9d";

/// An agency whose alice shares a file.
fn with_file() -> anyhow::Result<(Agency, Node, Home)> {
    let (agency, node) = Agency::found()?;
    let laptop = agency.enrol("alice")?;
    let here = agency.folder().join("here");
    folder::write(&here, "note.txt", b"bonjour")?;
    laptop.run(&["space", "create", "Projets"])?;
    sync(&laptop, &here)?;
    Ok((agency, node, laptop))
}

/// Fails if a code, an address or a password is not asked for at a terminal, or stands on the screen; or if a slip of the finger makes a link whose
/// password nobody knows.
#[test]
fn secrets_are_asked_for_and_not_shown() -> anyhow::Result<()> {
    let (agency, node, laptop) = with_file()?;
    let arguments = ["link", "create", "Projets:note.txt", "--password"];
    let mut slip = Terminal::start(&laptop, &arguments)?;
    slip.answer("Choose the link's password:", PASSWORD)?;
    slip.answer("Once more:", "another")?;
    let slip = slip.wait(COMMAND_LIMIT)?.ended_with(PASSPHRASE)?;
    assert!(slip.stdout.contains("two passwords differ"), "{slip:?}");
    assert!(laptop.json(&["link", "list", "Projets"])?.is_empty());

    // A script's option at a terminal asks as well: nothing is typed in the clear.
    let mut url = String::new();
    for option in ["--password", "--password-stdin"] {
        let mut making = Terminal::start(&laptop, &["link", "create", "Projets:note.txt", option])?;
        making.answer("Choose the link's password:", PASSWORD)?;
        making.answer("Once more:", PASSWORD)?;
        let made = making.wait(COMMAND_LIMIT)?.success()?;
        assert!(!made.stdout.contains(PASSWORD), "{made:?}");
        let address = made.stdout.lines().find(|line| LinkAddress::parse(line).is_ok());
        url = address.with_context(|| made.stdout.clone())?.trim().to_owned();
    }

    let there = agency.folder().join("there");
    let stranger = Home::new(agency.folder(), "stranger")?;
    let mut getting = Terminal::start(&stranger, &["link", "get", &utf8(&there)?])?;
    getting.answer("The link's address:", &url)?;
    getting.answer("The link's password:", PASSWORD)?;
    let got = getting.wait(COMMAND_LIMIT)?.success()?;
    let fragment = url.split_once('#').context("a fragment")?.1;
    assert!(!got.stdout.contains(fragment) && !got.stdout.contains(PASSWORD), "{got:?}");
    assert_eq!(fs::read(there.join("note.txt"))?, b"bonjour");

    let mut ending = Terminal::start(&laptop, &["link", "revoke", "Projets"])?;
    ending.answer("The address,", &url)?;
    let ended = ending.wait(COMMAND_LIMIT)?.success()?;
    assert!(ended.stdout.contains("revoked") && !ended.stdout.contains(fragment), "{ended:?}");

    let (code, carol) = (agency.invite("carol", &[])?, Home::new(agency.folder(), "carol")?);
    let mut joining = Terminal::start(&carol, &["init", "--name", "laptop"])?;
    joining.answer("The invite's code:", &code)?;
    agency.admin().run(&["user", "accept", "--wait"])?;
    let joined = joining.wait(COMMAND_LIMIT)?.success()?;
    assert!(!joined.stdout.contains(&code), "{joined:?}");
    node.stop()?;
    Ok(())
}

/// Fails if a script cannot give a secret but as an argument, or waits for nobody.
#[test]
fn secrets_are_read_from_standard_input() -> anyhow::Result<()> {
    let (agency, node, laptop) = with_file()?;
    let create_guarded = ["link", "create", "Projets:note.txt", "--password-stdin"];
    let url = with_line(&laptop, PASSWORD, &create_guarded)?.success()?.stdout.trim().to_owned();
    with_line(&laptop, "", &create_guarded)?.ended_with(PASSPHRASE)?.says(&["password is empty"])?;
    let stranger = Home::new(agency.folder(), "stranger")?;
    let there = utf8(&agency.folder().join("there"))?;
    let both = format!("{url}\n{PASSWORD}");
    with_line(&stranger, &both, &["link", "get", "-", &there, "--password-stdin"])?.success()?;
    assert_eq!(fs::read(agency.folder().join("there/note.txt"))?, b"bonjour");

    let plain = create(&laptop, &["Projets:note.txt"])?;
    let again = utf8(&agency.folder().join("again"))?;
    with_line(&stranger, &plain, &["link", "get", "-", &again])?.success()?;
    with_line(&laptop, &plain, &["link", "revoke", "Projets", "-"])?.success()?;
    with_line(&laptop, "", &["link", "revoke", "Projets", "-"])?.ended_with(NOT_FOUND)?;
    let cut = with_line(&laptop, &plain[..plain.len() - 2], &["link", "revoke", "Projets", "-"])?;
    let fragment = plain.split_once('#').context("a fragment")?.1.to_ascii_lowercase();
    let cut = cut.ended_with(USAGE)?;
    assert!(!cut.stderr.to_ascii_lowercase().contains(&fragment[..24]), "what is said of an address has it: {cut:?}");

    let nobody = Home::new(agency.folder(), "nobody")?;
    for joining in [["init"].as_slice(), &["recovery", "begin"]] {
        nobody.attempt(joining)?.ended_with(USAGE)?.says(&["--invite -"])?;
        with_line(&nobody, "vauban1-nonsense", &[joining, &["--invite", "-"]].concat())?.ended_with(INVITE)?;
    }
    nobody.attempt(&["link", "get", &there])?.ended_with(USAGE)?.says(&["link get -"])?;
    nobody.attempt(&["link", "get", &url])?.ended_with(USAGE)?.says(&["folder"])?;
    laptop.attempt(&["link", "revoke", "Projets"])?.ended_with(USAGE)?.says(&["link list"])?;
    laptop.attempt(&["link", "create", "Projets:note.txt", "--password"])?.ended_with(PASSPHRASE)?;
    let code = agency.invite("dave", &[])?;
    let logs = tempfile::tempdir()?;
    let joining = start_with_line(&nobody, &code, &["init", "--name", "laptop", "--invite", "-"], logs.path())?;
    agency.admin().run(&["user", "accept", "--wait"])?;
    joining.wait(COMMAND_LIMIT)?.success()?;
    node.stop()?;
    Ok(())
}
