//! Nothing that a person wrote, chose or named is on a node's disk, in what it says, in its metrics, or on the wire (invariant 1).
//!
//! Two halves of the demo take what a machine may lack: listening to packets (root, with tcpdump or dumpcap), and the browser (Chromium with
//! chromedriver). Where the demo leaves one out the test says so; where it is demanded (`VAUBAN_DEMANDS=packets,browser`) it fails.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::Context;
use vauban_tests::agency::Agency;
use vauban_tests::demands::{Need, missing};
use vauban_tests::folder;
use vauban_tests::http;
use vauban_tests::process::Running;
use vauban_tests::program::Program;
use vauban_tests::wait;

use super::device::Device;
use super::slice::sync;

/// In a file's content.
const CONTENT: &str = "canary-content-5b1d9a40";
/// In a file's name.
const FILE: &str = "canary-file-77e01c2f";
/// In a folder's name.
const FOLDER: &str = "canary-folder-c09d33aa";
/// The space's name.
const SPACE: &str = "Projets";
/// A person's name.
const PERSON: &str = "canary-person-1f6b80d4";

/// These halves: what they take, what the demo says where it leaves one out, and what where it does not.
const HALVES: [(Need, &str, &str); 2] = [
    (Need::Packets, "Packets are not listened to", "Nothing in the packets, either"),
    (Need::Browser, "step is left out", "visitor$ chromium "),
];

/// Longest that the whole demo may take, on a machine that does other things beside it.
const DEMO_LIMIT: Duration = Duration::from_secs(900);

/// Fails if a node has, says or is sent anything of it: keys and names on one node; then the whole demo, with links, strangers' files, a
/// recovery, and packets.
#[test]
fn canary_string_absent_everywhere() -> anyhow::Result<()> {
    absent_on_one_node()?;
    absent_in_the_whole_demo()
}

fn absent_on_one_node() -> anyhow::Result<()> {
    let (agency, node) = Agency::found()?;
    let laptop = agency.enrol(PERSON)?;
    let here = agency.folder().join("here");
    let text = format!("{CONTENT}\n").repeat(100);
    folder::write(&here, &format!("{FOLDER}/{FILE}.txt"), text.as_bytes())?;
    folder::write(&here, "large.txt", text.repeat(1000).as_bytes())?;
    laptop.run(&["space", "create", SPACE])?;
    sync(&laptop, &here)?;
    laptop.run(&["cat", &format!("{SPACE}:{FOLDER}/{FILE}.txt")])?;

    let (_, metrics) = http::page(node.web(), "/metrics")?;
    let said = node.said()?;
    let data = node.stop()?.data().to_owned();
    let passphrase = fs::read_to_string(laptop.passphrase_file())?;
    for canary in [CONTENT, FILE, FOLDER, SPACE, PERSON, passphrase.trim()] {
        let found = folder::files_with(&data, canary.as_bytes())?;
        assert!(found.is_empty(), "{canary} stands in {found:?}");
        assert!(!metrics.contains(canary), "{canary} stands in the metrics");
        assert!(!said.contains(canary), "{canary} stands in what the node said");
    }
    let secrets = Device::open(&laptop)?.secrets();
    assert_eq!(secrets.len(), 4);
    for secret in secrets {
        assert!(secret.iter().any(|byte| *byte != 0), "a secret that is none");
        assert!(folder::files_with(&data, &secret)?.is_empty(), "a key is on the node");
    }

    // The search itself finds what is there to be found.
    assert_eq!(folder::files_with(&here, CONTENT.as_bytes())?.len(), 2);
    assert_eq!(folder::files_with(&here, FILE.as_bytes())?.len(), 1);
    assert!(metrics.contains("vauban_"), "the node has metrics");
    Ok(())
}

/// The demo puts a canary of its own into all that its people write, choose and name, and looks for it: its end is the judgement.
fn absent_in_the_whole_demo() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let files = folder.path().join("files");
    folder::write(&files, "large.bin", &folder::noise(11, 8_000_000))?;
    folder::write(&files, "2026/minutes.txt", b"What was said in this meeting stays in it.\n")?;
    let client = Program::Client.path()?;
    let target = client.ancestors().nth(2).context("the programs stand in no target directory")?;
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("the tests stand in no project")?;
    let mut demo = Command::new(root.join("deploy/demo.sh"));
    demo.env("CARGO_TARGET_DIR", target)
        .env("TMPDIR", folder.path())
        .env("DIR", &files)
        .env("CAPTURE", "1")
        .env("VAUBAN_LANG", "en")
        .env_remove("KEEP");
    let mut demo = Running::start(demo, folder.path())?;
    let ended = wait::until("the demo's end", DEMO_LIMIT, || Ok(demo.has_ended()?.then_some(())));
    // Asked to end, it ends what it has started, too.
    let outcome = if ended.is_ok() { demo.wait(DEMO_LIMIT)? } else { demo.terminate(Duration::from_secs(60))? };
    ended.with_context(|| outcome.stdout.clone())?;
    let outcome = outcome.success()?;
    let sentences = [
        "no name, no content",
        "names and lines searched",
        "Nor what opens the link",
        "of the space: CLOSED",
        "The nodes have stopped",
    ];
    for said in sentences {
        anyhow::ensure!(outcome.stdout.contains(said), "the demo does not say `{said}`:\n{}", outcome.stdout);
    }
    for (half, left_out, taken_in) in HALVES {
        // Neither is silent: one of the two sentences is there.
        if outcome.stdout.contains(taken_in) && !outcome.stdout.contains(left_out) {
            continue;
        }
        anyhow::ensure!(outcome.stdout.contains(left_out), "the demo does not tell of {half:?}:\n{}", outcome.stdout);
        missing(half, "left out by the demo, which says why")?;
    }
    Ok(())
}
