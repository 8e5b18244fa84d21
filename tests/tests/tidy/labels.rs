//! Labels stand in one file, once each (`formats#2`): a label written elsewhere could be doubled unseen.

use std::collections::BTreeSet;

use super::rust_text;
use super::tree;

/// The one file that may spell a label.
const HOME: &str = "node/protocol/src/label.rs";
/// What every label of suite 1 begins with.
const PREFIX: &str = "vauban/1";

#[test]
fn labels_stand_in_one_file() -> anyhow::Result<()> {
    let mut findings = Vec::new();
    for file in tree::files("rs")? {
        if file.path != HOME && !file.is_test() {
            findings.extend(strays(&file.path, &file.text));
        }
    }
    super::none("labels outside their file", &findings)
}

#[test]
fn a_stray_label_is_found() {
    let doctored = "// vauban/1 in a comment is fine\nlet context = b\"vauban/1 stray\";\n";
    assert_eq!(strays("x.rs", doctored).len(), 1);
}

#[test]
fn no_label_is_doubled() {
    assert_eq!(doubled(vauban_protocol::label::ALL), None);
    assert_eq!(doubled(&["a", "b", "a"]), Some("a"));
}

fn strays(path: &str, text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (index, line) in rust_text::production(text).iter().enumerate() {
        for literal in line.strings.iter().filter(|is| is.starts_with(PREFIX)) {
            found.push(format!("{path}:{}: \"{literal}\"", index + 1));
        }
    }
    found
}

fn doubled<'a>(labels: &[&'a str]) -> Option<&'a str> {
    let mut seen = BTreeSet::new();
    labels.iter().copied().find(|label| !seen.insert(*label))
}
