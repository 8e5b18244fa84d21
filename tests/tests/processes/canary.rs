//! Nothing that a person wrote, chose or named is on the node's disk, in what it says, or in its metrics (invariant 1).

use std::fs;

use vauban_tests::agency::Agency;
use vauban_tests::folder;
use vauban_tests::http;

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

#[test]
fn canary_string_absent_everywhere() -> anyhow::Result<()> {
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
