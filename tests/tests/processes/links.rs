//! Links: files for people without an account. What opens them never reaches a node, which gives nothing to anybody else.

use std::fs::{self, File};
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::Path;
use std::time::Duration;

use anyhow::Context as _;
use data_encoding::BASE64URL_NOPAD;
use vauban_client::shared_link::LinkAddress;
use vauban_protocol::page::link_page_digest;
use vauban_tests::agency::{Agency, utf8};
use vauban_tests::folder::{self, noise};
use vauban_tests::home::{COMMAND_LIMIT, Home};
use vauban_tests::http;
use vauban_tests::node::Node;
use vauban_tests::process::{Outcome, Running};
use vauban_tests::program::Program;
use vauban_tests::wait;

use super::slice::sync;

/// Ends of commands, as the client documents them.
const USAGE: i32 = 2;
const PASSPHRASE: i32 = 4;
const REFUSED: i32 = 5;
const POLICY: i32 = 7;
const LOCAL: i32 = 10;
const NOT_FOUND: i32 = 13;
/// Longest that an opening may take to be counted, or an end to be known.
const LIMIT: Duration = Duration::from_secs(60);
/// What guards a link of a test.
const PASSWORD: &str = "canari-mot-de-passe-7f3a";

/// Runs a command whose standard input begins with this line.
pub(crate) fn with_line(home: &Home, line: &str, arguments: &[&str]) -> anyhow::Result<Outcome> {
    let folder = tempfile::tempdir()?;
    start_with_line(home, line, arguments, folder.path())?.wait(COMMAND_LIMIT)
}

/// Starts it, with a folder for what goes in and comes out.
pub(crate) fn start_with_line(home: &Home, line: &str, arguments: &[&str], folder: &Path) -> anyhow::Result<Running> {
    let input = folder::write(folder, "input", format!("{line}\n").as_bytes())?;
    let (input, program) = (utf8(&input)?, utf8(&Program::Client.path()?)?);
    let script = ["-c", "input=$1; shift; exec \"$@\" <\"$input\"", "sh", &input, &program];
    let command = home.command_of(Path::new("/bin/sh"), &[&script, arguments].concat());
    Running::start(command, folder)
}

/// Makes a link; its address.
pub(crate) fn create(home: &Home, arguments: &[&str]) -> anyhow::Result<String> {
    let made = home.run(&[&["link", "create"], arguments].concat())?;
    Ok(made.stdout.trim().to_owned())
}

/// Somebody without an account.
fn stranger(agency: &Agency) -> anyhow::Result<Home> {
    Home::new(agency.folder(), "stranger")
}

fn get(home: &Home, url: &str, folder: &Path) -> anyhow::Result<Outcome> {
    home.attempt(&["link", "get", url, &utf8(folder)?])
}

/// Alice's laptop, with a folder in a space.
fn shared_folder() -> anyhow::Result<(Agency, Node, Home)> {
    let (agency, node) = Agency::found()?;
    let laptop = agency.enrol("alice")?;
    let here = agency.folder().join("here");
    folder::write(&here, "Budget/2026/prévisions.ods", &noise(1, 6_000_000))?;
    folder::write(&here, "Budget/2026/lisez-moi.txt", b"bonjour")?;
    folder::write(&here, "Budget/vide", b"")?;
    fs::create_dir_all(here.join("Budget/dossier vide"))?;
    folder::write(&here, "secret.txt", b"not shared")?;
    laptop.run(&["space", "create", "Projets"])?;
    sync(&laptop, &here)?;
    Ok((agency, node, laptop))
}

#[test]
fn a_folder_is_opened_without_an_account() -> anyhow::Result<()> {
    let (agency, node, laptop) = shared_folder()?;
    let (stranger, there) = (stranger(&agency)?, agency.folder().join("there"));
    let url = create(&laptop, &["Projets:Budget"])?;

    // A snapshot: what changes afterwards does not show.
    let here = agency.folder().join("here");
    folder::write(&here, "Budget/2026/lisez-moi.txt", b"changed")?;
    folder::write(&here, "Budget/later", b"later")?;
    sync(&laptop, &here)?;

    let received = get(&stranger, &url, &there)?.success()?;
    assert!(received.stdout.contains("3 file(s)"), "{received:?}");
    // Whoever would rather use a browser can compare: with what the link itself says, and with what its maker sees.
    let page = link_page_digest().to_hex();
    assert!(received.stderr.contains(&page), "{received:?}");
    assert!(laptop.run(&["link", "list", "Projets"])?.stdout.contains(&page), "a maker looks it up");
    assert_eq!(fs::read(there.join("Budget/2026/lisez-moi.txt"))?, b"bonjour");
    assert!(fs::read(there.join("Budget/2026/prévisions.ods"))? == noise(1, 6_000_000));
    assert_eq!(fs::read(there.join("Budget/vide"))?, b"");
    assert!(there.join("Budget/dossier vide").is_dir() && !there.join("Budget/later").exists());
    assert_eq!(fs::read_dir(&there)?.count(), 1, "nothing is left beside it");
    assert!(!stranger.folder().exists(), "no home is needed, and none is made");
    get(&stranger, &url, &there)?.ended_with(LOCAL)?.says(&["exists already"])?;

    let listed = || laptop.json(&["link", "list", "Projets"])?.into_iter().next().context("a link");
    wait::until("the opening is counted", LIMIT, || {
        Ok(listed()?.get("opened").is_some_and(|opened| opened.as_u64() == Some(2)).then_some(()))
    })?;
    let shown = listed()?;
    assert_eq!((&shown["path"], &shown["state"], &shown["by"]), (&"Budget".into(), &"open".into(), &"alice".into()));

    // One file, and the whole space.
    let (file, all) = (agency.folder().join("file"), agency.folder().join("all"));
    get(&stranger, &create(&laptop, &["Projets:Budget/2026/lisez-moi.txt"])?, &file)?.success()?;
    assert_eq!(fs::read(file.join("lisez-moi.txt"))?, b"changed");
    get(&stranger, &create(&laptop, &["Projets"])?, &all)?.success()?;
    folder::ensure_same(&here.join("Budget"), &all.join("Projets/Budget"))?;
    laptop.attempt(&["link", "create", "Projets:absent"])?.ended_with(NOT_FOUND)?;
    node.stop()?;
    Ok(())
}

#[test]
fn a_link_ends_and_is_guarded() -> anyhow::Result<()> {
    let (agency, node, laptop) = shared_folder()?;
    let (stranger, there) = (stranger(&agency)?, agency.folder().join("there"));
    let made = with_line(&laptop, PASSWORD, &["link", "create", "Projets:Budget", "--password-stdin"])?.success()?;
    let url = made.stdout.trim().to_owned();
    let arguments = ["link", "get", &url, &utf8(&there)?, "--password-stdin"];
    with_line(&stranger, "another", &arguments)?.ended_with(PASSPHRASE)?.says(&["password"])?;
    get(&stranger, &url, &there)?.ended_with(PASSPHRASE)?;
    with_line(&stranger, PASSWORD, &arguments)?.success()?;

    // An address that was cut short, of another organisation, or of a link that never was.
    let address = LinkAddress::parse(&url)?;
    get(&stranger, &url[..url.len() - 1], &there)?.ended_with(USAGE)?.says(&["#"])?;
    let other = LinkAddress { fingerprint: vauban_protocol::id::Fingerprint([7; 32]), ..address.clone() };
    let refused = get(&stranger, &other.to_url(None), &there)?;
    assert!(refused.code().is_some_and(|code| code == 8 || code == POLICY || code == PASSPHRASE), "{refused:?}");
    let plain = create(&laptop, &["Projets:secret.txt"])?;
    let known = LinkAddress::parse(&plain)?;
    let unknown = LinkAddress { link: vauban_protocol::id::LinkId([7; 16]), ..known.clone() };
    get(&stranger, &unknown.to_url(None), &there)?.ended_with(REFUSED)?.says(&["does not exist"])?;
    // The secret of one link opens no other.
    let crossed = LinkAddress { secret: address.secret, ..known };
    get(&stranger, &crossed.to_url(None), &there)?.ended_with(PASSPHRASE)?;

    // Somebody else may not end it, its maker may; it is told that it was.
    agency.enrol("bob")?.attempt(&["link", "revoke", "Projets", &plain])?.ended_with(NOT_FOUND)?;
    laptop.run(&["link", "revoke", "Projets", &plain])?;
    get(&stranger, &plain, &there)?.ended_with(REFUSED)?.says(&["revoked"])?;
    get(&stranger, &plain, &there.join("french"))?.ended_with(REFUSED)?;
    let french = stranger.attempt(&["--lang", "fr", "link", "get", &plain, &utf8(&there)?])?;
    french.ended_with(REFUSED)?.says(&["révoqué"])?;

    // Cluster time goes on as the node starts.
    let short = create(&laptop, &["Projets:secret.txt", "--expires", "1s"])?;
    let mut node = Some(node);
    wait::until("the link has expired", LIMIT, || {
        let home = node.take().context("the node")?.stop()?;
        node = Some(home.run()?);
        let outcome = get(&stranger, &short, &there)?;
        Ok((outcome.code() == Some(REFUSED)).then_some(outcome))
    })?
    .says(&["expired"])?;

    // A revoked device's links are over.
    let desktop = agency.add_device(&laptop, "desktop")?;
    let lost = create(&desktop, &["Projets:secret.txt"])?;
    get(&stranger, &lost, &agency.folder().join("before"))?.success()?;
    laptop.run(&["device", "revoke", "desktop"])?;
    get(&stranger, &lost, &there)?.ended_with(REFUSED)?.says(&["revoked"])?;
    node.context("the node")?.stop()?;
    Ok(())
}

/// Fails if names that a link's maker chose command the terminal of whoever lists or opens it, or pass for lines of the program's own.
#[test]
fn names_of_links_command_no_terminal() -> anyhow::Result<()> {
    let (agency, node) = Agency::found()?;
    let laptop = agency.enrol("alice")?;
    let (here, there) = (agency.folder().join("here"), agency.folder().join("there"));
    let hostile = "Budget\u{1b}[2K\r\n9 file(s), received and verified.\u{202e}";
    folder::write(&here, &format!("{hostile}/note.txt"), b"bonjour")?;
    laptop.run(&["space", "create", "Projets"])?;
    sync(&laptop, &here)?;
    let url = create(&laptop, &[&format!("Projets:{hostile}")])?;
    let (stranger, is_plain) =
        (stranger(&agency)?, |text: &str| text.chars().all(|c| c == '\n' || !(c.is_control() || c == '\u{202e}')));
    let received = get(&stranger, &url, &there)?.success()?;
    assert!(is_plain(&received.stdout) && received.stdout.lines().count() == 1, "{received:?}");
    assert_eq!(fs::read(there.join(hostile).join("note.txt"))?, b"bonjour");
    let refused = get(&stranger, &url, &there)?.ended_with(LOCAL)?;
    assert!(is_plain(&refused.stderr) && refused.stderr.lines().count() == 2, "{refused:?}");
    let listed = laptop.run(&["link", "list", "Projets"])?;
    assert!(is_plain(&listed.stdout) && !listed.stdout.contains("\n9 file(s)"), "{listed:?}");
    // A script gets the name itself, by escapes that say it.
    let json = laptop.run(&["--json", "link", "list", "Projets"])?;
    assert!(is_plain(&json.stdout), "{json:?}");
    assert_eq!(laptop.json(&["link", "list", "Projets"])?[0]["path"], hostile);
    node.stop()?;
    Ok(())
}

/// The node has served the link, so whatever it was given has gone through its memory: the access token's link is there, and nothing
/// that opens anything; nor is it on its disk, in its log or its metrics.
#[test]
fn link_secret_never_on_wire() -> anyhow::Result<()> {
    let (agency, node, laptop) = shared_folder()?;
    let stranger = stranger(&agency)?;
    let there = agency.folder().join("there");
    let made = with_line(&laptop, PASSWORD, &["link", "create", "Projets:Budget", "--password-stdin"])?.success()?;
    let url = made.stdout.trim().to_owned();
    with_line(&stranger, PASSWORD, &["link", "get", &url, &utf8(&there)?, "--password-stdin"])?.success()?;

    let address = LinkAddress::parse(&url)?;
    let keys = address.secret.keys(address.link, Some(PASSWORD));
    let secret = address.secret.secret().expose().to_vec();
    let fragment = url.split_once('#').context("a fragment")?.1;
    let forbidden = [
        ("the secret", secret.clone()),
        ("the secret in the address", BASE64URL_NOPAD.encode(&secret).into_bytes()),
        ("the fragment", fragment.get(..64).unwrap_or(fragment).as_bytes().to_vec()),
        ("the password", PASSWORD.as_bytes().to_vec()),
        ("a name", "lisez-moi".as_bytes().to_vec()),
    ];
    let memory = memory_of(node.id())?;
    let (_, metrics) = http::page(node.web(), "/metrics")?;
    let said = node.said()?;
    let data = node.stop()?.data().to_owned();
    for (what, bytes) in &forbidden {
        assert!(!contains(&memory, bytes), "{what} is in the node's memory");
        assert!(!contains(metrics.as_bytes(), bytes) && !contains(said.as_bytes(), bytes), "{what} was said");
        assert!(folder::files_with(&data, bytes)?.is_empty(), "{what} is on the node's disk");
    }
    // Nodes keep the hash of the token alone.
    assert!(folder::files_with(&data, keys.token())?.is_empty(), "the token is on the node's disk");

    // The search itself finds what is there to be found.
    assert!(contains(&memory, address.link.as_bytes()), "the node knows the link");
    assert!(!folder::files_with(&data, address.link.as_bytes())?.is_empty());
    assert!(!folder::files_with(&there, b"bonjour")?.is_empty());
    Ok(())
}

fn contains(bytes: &[u8], wanted: &[u8]) -> bool {
    bytes.windows(wanted.len()).any(|window| window == wanted)
}

/// All that a process of this test has written in its memory.
fn memory_of(process: u32) -> anyhow::Result<Vec<u8>> {
    let mut memory = File::open(format!("/proc/{process}/mem"))?;
    let mut all = Vec::new();
    for line in fs::read_to_string(format!("/proc/{process}/maps"))?.lines() {
        let mut words = line.split_whitespace();
        let (range, rights) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        if !rights.starts_with("rw") {
            continue;
        }
        let (start, end) = range.split_once('-').context("a range")?;
        let (start, end) = (u64::from_str_radix(start, 16)?, u64::from_str_radix(end, 16)?);
        let mut piece = vec![0; usize::try_from(end - start)?];
        memory.seek(SeekFrom::Start(start))?;
        // Some of the kernel's own cannot be read.
        if memory.read_exact(&mut piece).is_ok() {
            all.extend_from_slice(&piece);
        }
    }
    anyhow::ensure!(all.len() > 1 << 20, "a node has more memory than {} bytes", all.len());
    Ok(all)
}
